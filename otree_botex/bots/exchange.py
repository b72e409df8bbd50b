"""What passes between a bot and its model: every message on record, each question before it is asked. One per bot."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from zlib import crc32

from tenacity import RetryCallState, stop_after_attempt, stop_after_delay, stop_all, wait_random_exponential

from ..errors import ModelError, TimeUp, TransientModelError
from ..llm import LLM, Completion, Request, Schema
from .budget import Amount
from .gate import Gate
from .journal import BotJournal
from .patience import try_again
from .pictures import Picture

PICTURE_TOKENS = 1500
"""What a picture is reckoned to take; providers count in several ways, few take more."""
TRIES, PATIENCE_SECONDS = 8, 180.0
"""How often, and how long, a model that is overloaded or out of reach is asked again at least before the bot fails."""


@dataclass(frozen=True)
class Said:
    """One message. `again` is what of it is worth saying a second time, later, should it go without a reply."""

    number: int
    role: str
    content: str
    pictures: tuple[Picture, ...] = ()
    again: str = ""

    def as_sent(self) -> dict[str, Any]:
        """The message as a model is given it."""
        images = [picture.url for picture in self.sent_pictures]
        return {"role": self.role, "content": self.content, **({"images": images} if images else {})}

    @property
    def sent_pictures(self) -> list[Picture]:
        """Those of its pictures that could be had."""
        return [picture for picture in self.pictures if not picture.why_not]


class Exchange:
    """Numbers the messages and asks the model.

    `seed` makes replies repeatable where the model honours one; `seat` says for whom it is asked. Each question passes
    the bot's `gate`.
    """

    def __init__(self, llm: LLM, journal: BotJournal, gate: Gate, seed: int | None, seat: int) -> None:
        self._llm, self._journal, self._gate, self._seed, self._seat = llm, journal, gate, seed, seat
        self._place = self._asked = 0
        self.number = 0
        """That of the last message, replies that never came included."""
        self.cost = 0.0
        """US dollars for all replies so far, as far as prices are known."""

    def turn_to(self, place: int) -> None:
        """What is asked from now on is about the page of this number."""
        self._place, self._asked = place, 0

    def say(self, role: str, content: str, pictures: Sequence[Picture] = (), again: str = "") -> Said:
        """A message that is no reply, on record."""
        self.number += 1
        for picture in pictures:
            if not picture.why_not:
                self._journal.picture(picture.about["sha256"], picture.url)
        images = {"images": [picture.about for picture in pictures]} if pictures else {}
        self._journal.write("message", number=self.number, role=role, content=content, **images)
        return Said(self.number, role, content, tuple(pictures), again or content)

    def ask(
        self,
        messages: Sequence[Said],
        schema: Schema,
        purpose: str,
        refused: Mapping[str, Sequence[Any]],
        deadline: float | None,
    ) -> tuple[Said, Completion]:
        """The model's reply to these messages, and what it took.

        Raises TimeUp after the `deadline` (of time.monotonic()), ModelError if the model cannot answer, and what
        `Gate.asking` raises.
        """
        sent = [message.as_sent() for message in messages]
        request = Request(sent, schema, self._next_seed(), refused, deadline, self._seat, purpose)
        numbers = [message.number for message in messages]
        return try_again(
            lambda: self._ask(request, numbers, purpose, lambda: sum(map(self.tokens, messages))),
            after=TransientModelError,
            wait=lambda state: min(_pause(state), request.seconds_left()),
            limit=stop_all(stop_after_attempt(TRIES), stop_after_delay(PATIENCE_SECONDS)),
            stop=self._gate.stop,
        )

    def tokens(self, message: Said) -> int:
        """What a message is reckoned to take of a model's context."""
        return self._llm.count_tokens(message.content) + PICTURE_TOKENS * len(message.sent_pictures)

    def _ask(
        self, request: Request, numbers: list[int], purpose: str, tokens: Callable[[], int]
    ) -> tuple[Said, Completion]:
        with self._gate.asking(tokens, request.deadline) as spend:
            if request.seconds_left() <= 0:
                raise TimeUp("The page's time was up before the model had answered.")
            self.number += 1
            about: dict[str, Any] = {"purpose": purpose, "sent": numbers, "schema": request.schema}
            spend(self._journal.write("request", number=self.number, **about, seed=request.seed), Amount(calls=1))
            self._journal.settle()
            began = time.monotonic()
            try:
                completion = self._llm.complete(request)
            except ModelError as error:
                self._reply(began, error=str(error))
                raise
            tokens_taken = completion.usage.input + completion.usage.output
            took = Amount(completion.cost or 0.0, 0, tokens_taken, unpriced=completion.cost is None)
            spend(self._reply(began, content=completion.text, **_took(completion)), took)
        self.cost += took.cost
        return Said(self.number, "assistant", completion.text), completion

    def _reply(self, began: float, **what: Any) -> int:
        return self._journal.write("reply", number=self.number, **what, seconds=round(time.monotonic() - began, 3))

    def _next_seed(self) -> int | None:
        """Another for each question, and in each run the same ones: they depend on the page and on how many questions
        it took, but not on how often a model had to be asked, or a runner started."""
        self._asked += 1
        return None if self._seed is None else crc32(f"{self._seed} {self._place} {self._asked}".encode()) % 2**31


def _pause(state: RetryCallState) -> float:
    """As long as the provider asks for, else twice as long each time; never less than that if it asks too often."""
    error = state.outcome.exception() if state.outcome else None
    asked = error.retry_after if isinstance(error, TransientModelError) else None
    own = wait_random_exponential(multiplier=1, max=60)(state)
    if asked is None:
        return own
    return asked if state.attempt_number < TRIES else max(asked, own)


def _took(completion: Completion) -> dict[str, Any]:
    usage = completion.usage
    return {
        "model": completion.model,
        "fingerprint": completion.fingerprint,
        "mode": completion.mode,
        "finish_reason": completion.finish_reason,
        "request_id": completion.request_id,
        "input_tokens": usage.input,
        "output_tokens": usage.output,
        "cached_tokens": usage.cached,
        "reasoning_tokens": usage.reasoning,
        "cost": completion.cost,
        "prices": completion.prices,
        "from_cache": completion.from_cache,
    }
