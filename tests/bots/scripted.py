"""Models and journals that stay here, and pages to decide on: what a mind or a conversation is tested with."""

from __future__ import annotations

import json
from collections import deque
from decimal import Decimal
from threading import Event

from otree_botex.bots.form import Field, Form
from otree_botex.bots.gate import Gate
from otree_botex.bots.mind import Mind
from otree_botex.bots.page import Page
from otree_botex.llm import Completion, Request, Usage


class ScriptedLLM:
    """A model whose replies and errors are enqueued, as objects, as text or in full; keeps what it was asked."""

    def __init__(self, *replies, context_tokens=None):
        self.replies = deque(replies)
        self.requests: list[Request] = []
        self.context_tokens = context_tokens

    def complete(self, request):
        self.requests.append(request)
        reply = self.replies.popleft()
        if isinstance(reply, Exception):
            raise reply
        if isinstance(reply, Completion):
            return reply
        return Completion(reply if isinstance(reply, str) else json.dumps(reply), "scripted", Usage(10, 5))

    def count_tokens(self, text):
        return len(text.split())


class NoteTaker(ScriptedLLM):
    """A model that always answers 5, and takes numbered notes when it is asked for them."""

    def complete(self, request):
        self.replies.append(
            answer(5) if "answers" in request.schema["properties"] else {"notes": f"Notes {len(self.requests)}."}
        )
        return super().complete(request)


class Journal:
    """Keeps the records of one bot, as BotJournal would send them, and when it was waited for that they are safe."""

    def __init__(self):
        self.records = []
        self.step = 1
        self.current, self.silence = "starting", 0.0

    def write(self, kind, **data):
        self.records.append((kind, data))
        return len(self.records)

    def picture(self, sha256, url):
        self.records.append(("picture", {"sha256": sha256, "url": url}))

    def state(self, state, error="", cause=""):
        self.current = state
        self.write("state", state=state, error=error, cause=cause)

    def settle(self):
        self.records.append(("settled", {}))

    def of(self, kind):
        return [data for name, data in self.records if name == kind]

    def kinds(self):
        return [kind for kind, _ in self.records]

    def calls(self):
        """Each request with what came of it."""
        replies = {reply["number"]: reply for reply in self.of("reply")}
        return [{**request, **replies.get(request["number"], {})} for request in self.of("request")]


def page(number=1, text="How much? [q1]", errors=None, maximum=100):
    form = Form(fields=(Field("q1", "amount", "integer", minimum=Decimal(0), maximum=Decimal(maximum)),))
    return Page(
        f"http://host/p/x/app/P/{number}", "form", "app", "P", number, text=text, form=form, errors=errors or {}
    )


def answer(value, reason="Because."):
    return {"reason": reason, "answers": {"q1": value}}


def mind(llm, **options):
    journal = Journal()
    return Mind(llm, journal, Gate(journal, Event()), **options), journal


def contents(request):
    return [message["content"] for message in request.messages]
