"""The very first thing that a bot's model would be asked: a bot plays up to there, with a model that only listens."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Mapping, Sequence
from typing import Any, TextIO

from ..errors import ModelError
from ..llm import LLM, Completion, Request
from ..records import Launch, Memory, Recorded
from .runner import Runner

MOST_SECONDS = 60.0
WAITING_SECONDS = 5.0
"""So long a wait page may take before it is taken to wait for others."""

STEP_SECONDS = 0.25


class Listener(LLM):
    """A model that takes the first request it gets and never replies."""

    context_tokens = None

    def __init__(self) -> None:
        self.request: Request | None = None

    def complete(self, request: Request) -> Completion:
        self.request = self.request or request
        raise ModelError("This model only listens.")

    def count_tokens(self, text: str) -> int:
        return 0

    def about(self) -> dict[str, Any]:
        return {}


class Nowhere:
    """Keeps no record, but knows the page and the state that a bot came to last."""

    def __init__(self) -> None:
        self.place = self.state = self.error = ""
        self.waits = False

    def deliver(self, bots: Sequence[int], records: Sequence[str]) -> Mapping[str, Any]:
        for record in map(json.loads, records):
            if record["kind"] == "page":
                self.place = record["title"] or record["name"]
            elif record["kind"] == "state":
                self.state, self.error = record["state"], record["error"]
                self.waits = self.state == "waiting"
        return {"acknowledged": {}, "stop": [], "pause": [], "budget": None}

    def memories(self) -> dict[int, Memory]:
        return {}

    def recorded(self) -> dict[int, list[Recorded]]:
        return {}


def main(source: TextIO = sys.stdin) -> int:
    """Reads a launch with one seat from `source` and prints what its model would be sent first, as JSON: `messages` and
    `schema` and the `place`; or an `error`, why it would be asked nothing. Returns 0."""
    print(json.dumps(first(Launch.from_json(source.read())), ensure_ascii=False), flush=True)
    return 0


def first(launch: Launch) -> dict[str, Any]:
    """What `main` prints, within MOST_SECONDS. A bot that waits is left to wait: the process ends with this."""
    listener, nowhere, ended = Listener(), Nowhere(), threading.Event()

    def play() -> None:
        try:
            Runner(launch, nowhere, listener).play()
        finally:
            ended.set()

    threading.Thread(target=play, daemon=True).start()
    passed = waited = 0.0
    while not ended.wait(STEP_SECONDS) and passed < MOST_SECONDS and waited < WAITING_SECONDS:
        passed += STEP_SECONDS
        waited = waited + STEP_SECONDS if nowhere.waits else 0.0
    if listener.request is not None:
        messages = [{"role": one["role"], "content": one["content"]} for one in listener.request.messages]
        pictures = sum(len(one.get("images", ())) for one in listener.request.messages)
        return {"messages": messages, "schema": listener.request.schema, "place": nowhere.place, "pictures": pictures}
    return {"error": _why(nowhere, waited >= WAITING_SECONDS)}


def _why(nowhere: Nowhere, is_waiting: bool) -> str:
    page = f" “{nowhere.place}”" if nowhere.place else ""
    if is_waiting:
        return f"The bot waits for others on the page{page} before its model is asked anything."
    if nowhere.state == "finished":
        return "The bot comes to the end without a question to its model: there is nothing to decide."
    if nowhere.state == "failed":
        return f"The bot cannot get to its first question: {nowhere.error}"
    return f"After {MOST_SECONDS:.0f} seconds the bot was still on the page{page}, and its model was not asked yet."
