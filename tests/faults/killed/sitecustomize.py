"""Makes a process that plays bots kill itself at a point of its work, and write down what it did until then.

Python imports this by itself where the folder is on PYTHONPATH. In the folder that FAULTS names, `point.json` says when
to die ({"point": "before call", "nth": 7}; without the file nothing dies), `done.jsonl` lists what was done, in order:
calls to the model, forms sent, replies to forms, the death.
"""

import hashlib
import json
import os
import signal
import sys
import threading
from pathlib import Path
from urllib.parse import urlparse

FOLDER = Path(os.environ.get("FAULTS", ""))


class Fate:
    """Counts how often each point is passed, and ends the process when its time has come."""

    def __init__(self) -> None:
        self.lock, self.passed = threading.Lock(), 0
        point = FOLDER / "point.json"
        self.until = json.loads(point.read_text()) if point.exists() else {"point": "", "nth": 0}
        self.file = os.open(FOLDER / "done.jsonl", os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def passes(self, point: str) -> None:
        if point != self.until["point"]:
            return
        with self.lock:
            self.passed += 1
            if self.passed == self.until["nth"]:
                self.write(what="died", at=point)
                os.kill(os.getpid(), signal.SIGKILL)
                threading.Event().wait()  # the signal may take a moment

    def write(self, **what: object) -> None:
        os.write(self.file, (json.dumps(what) + "\n").encode())


def prepare() -> None:
    import requests

    from otree_botex.bots.journal import Journal
    from otree_botex.llm.random import RandomAnswers

    fate, here = Fate(), threading.local()
    send, complete, record, settle = requests.Session.request, RandomAnswers.complete, Journal.record, Journal.settle

    def request(self, method, url, **options):
        path = urlparse(url).path
        if not path.startswith(("/p/", "/InitializeParticipant/")):
            return send(self, method, url, **options)
        name = "POST" if method == "POST" else "fetch"
        fate.passes(f"before {name}")
        if method == "POST":
            fate.write(what="sent", path=path)
        response = send(self, method, url, **options)
        if method == "POST":
            fate.write(what="answered", path=path, accepted=response.is_redirect)
        fate.passes(f"after {name}")
        return response

    def ask(self, request):
        fate.passes("before call")
        texts = json.dumps([message["content"] for message in request.messages])
        fate.write(what="call", seat=request.seat, texts=hashlib.sha256(texts.encode()).hexdigest())
        object.__setattr__(request, "seed", None)  # another answer each time, so that a wrong one is noticed
        completion = complete(self, request)
        fate.passes("after call")
        return completion

    def write(self, bot, kind, **data):
        here.decides = kind == "decision"
        if here.decides:
            fate.passes("before record")
        return record(self, bot, kind, **data)

    def settled(self):
        settle(self)
        if getattr(here, "decides", False):
            here.decides = False
            fate.passes("after record")

    requests.Session.request, RandomAnswers.complete = request, ask
    Journal.record, Journal.settle = write, settled


if FOLDER.name and {"runner", "play"} & set(sys.orig_argv):
    prepare()
