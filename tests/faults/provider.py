"""A provider behind OpenAI's protocol that fails in every way there is, as often as a test wants."""

from __future__ import annotations

import json
import random
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from otree_botex.llm import Request
from otree_botex.llm.random import RandomAnswers

HANG_SECONDS = 60.0
"""A request that is not answered stays open so long."""
ERRORS = {
    400: ("invalid_request_error", "This account has no such thing."),
    401: ("invalid_request_error", "Incorrect API key provided."),
    429: ("rate_limit_exceeded", "Rate limit reached for requests."),
    500: ("server_error", "The server had an error."),
    503: ("server_error", "The engine is overloaded."),
}


class Provider(ThreadingHTTPServer):
    """What comes of a request is drawn with the `shares` of "429", "500", "503", "hang", "empty" and "cut off"; the
    rest is answered. A question is known by its seed: asked again in another run, it meets the same fate.

    `asked` counts the requests by seed, `fates` what came of them; `early` lists those that came before they were to.
    """

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, shares: Mapping[str, float]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.shares, self.lock, self.over = shares, threading.Lock(), threading.Event()
        self.api_base = f"http://127.0.0.1:{self.server_port}/v1"
        self.asked: Counter[int] = Counter()
        self.fates: Counter[str] = Counter()
        self.early: list[float] = []
        self.not_before: dict[int, float] = defaultdict(float)

    def draw(self, seed: int) -> tuple[str, random.Random]:
        """What comes of this request, and more chance."""
        with self.lock:
            self.asked[seed] += 1
            if (seconds := self.not_before[seed] - time.time()) > 0:
                self.early.append(seconds)
            rng = random.Random(f"{seed} {self.asked[seed]}")
            fates, shares = [*self.shares, "answer"], [*self.shares.values()]
            (fate,) = rng.choices(fates, [*shares, 1 - sum(shares)])
            self.fates[fate] += 1
            return fate, rng


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Provider

    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        fate, rng = self.server.draw(request["seed"])
        if fate == "hang":
            self.server.over.wait(HANG_SECONDS)
            self.close_connection = True
        elif fate.isdigit():
            kind, message = ERRORS[int(fate)]
            after = self._come_later(request["seed"], rng) if fate == "429" else {}
            self._send(int(fate), {"error": {"message": message, "type": kind, "param": None, "code": kind}}, after)
        else:
            self._answer(request, fate)

    def _come_later(self, seed: int, rng: random.Random) -> dict[str, str]:
        """How a provider says when to come again: in seconds, in thousandths beside them, or as a date."""
        way, now = rng.randrange(3), time.time()
        self.server.not_before[seed] = [now + 1, now + 1.5, float(int(now + 2))][way]
        date = formatdate(now + 2, usegmt=True)
        return [{"Retry-After": "1"}, {"Retry-After": "2", "Retry-After-Ms": "1500"}, {"Retry-After": date}][way]

    def _answer(self, request: dict[str, Any], fate: str) -> None:
        schema = request["response_format"]["json_schema"]["schema"]
        text = RandomAnswers().complete(Request([], schema, request["seed"])).text
        text = {"empty": "", "cut off": text[: len(text) // 2]}.get(fate, text)
        finish = "length" if fate == "cut off" else "stop"
        choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": finish}
        usage = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
        reply = {"id": "fake", "object": "chat.completion", "created": 0, "model": "fake", "choices": [choice]}
        self._send(200, {**reply, "usage": usage}, {})

    def _send(self, status: int, what: dict[str, Any], headers: Mapping[str, str]) -> None:
        body = json.dumps(what).encode()
        self.send_response(status)
        for name, value in {**headers, "Content-Type": "application/json", "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Says nothing."""


@contextmanager
def failing(**shares: float) -> Iterator[Provider]:
    """A provider that fails so often, until the block ends."""
    with Provider({name.lstrip("_").replace("_", " "): share for name, share in shares.items()}) as provider:
        threading.Thread(target=provider.serve_forever, name="provider", daemon=True).start()
        yield provider
        provider.over.set()
        provider.shutdown()
