"""What a bot and its model say to each other: every message on record, within the model's context. One per bot."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from string import Template
from threading import Event
from typing import Any

from tenacity import RetryCallState, stop_after_attempt, wait_random_exponential

from ..errors import ModelError, TimeUp, TransientModelError
from ..llm import LLM, Completion, Request, Schema, object_schema
from .journal import BotJournal
from .patience import try_again
from .pictures import Picture

PROMPTS = Path(__file__).parent / "prompts"
TRIES = 8
"""How often a model that is overloaded or out of reach is asked again, with growing pauses, before the bot fails."""
NOTES_LENGTH = 2000
NOTES_SCHEMA = object_schema(notes={"type": "string", "maxLength": NOTES_LENGTH})
REPLY_TOKENS = 600
"""Room kept for a reply when a conversation is fitted into a model's context."""
PICTURE_TOKENS = 1500
"""What a picture is reckoned to take; providers count in several ways, few take more."""
LEAST_PART_TOKENS = 200
"""A page is not given in smaller parts than this: with less room a model could not follow it."""


def prompt(name: str, **values: str) -> str:
    """The text of one of the prompt files, with the values it leaves open."""
    text = (PROMPTS / f"{name}.txt").read_text(encoding="utf-8").strip()
    return Template(text).substitute(values) if values else text


class Conversation:
    """The messages that the next reply will be an answer to.

    `seed` makes replies repeatable where the model honours one; `stop` ends waiting for a model that is out of reach.
    """

    def __init__(self, llm: LLM, journal: BotJournal, stop: Event, seed: int | None = None) -> None:
        self._llm, self._journal, self._stop, self._seed = llm, journal, stop, seed
        self._messages: list[dict[str, Any]] = []
        self._number = 0
        self._opened = 1  # the place of the message that shows the page at hand
        self.cost = 0.0
        """US dollars for all replies so far, as far as prices are known."""

    def restore(self, messages: Sequence[Mapping[str, Any]], number: int) -> None:
        """Goes on from what was said before; `number` is that of the last message on record."""
        self._messages, self._number = [{**message, "pictures": ()} for message in messages], number

    def show(self, page: str, pictures: Sequence[Picture] = ()) -> None:
        """Shows the model a page, with its pictures. All that is said from now on is about this page."""
        if not self._messages:
            self._add("system", prompt("system"))
        self._opened = len(self._messages)
        self._add("user", page, pictures)

    def say(self, content: str) -> None:
        """One more thing said to the model about the page that it was shown last."""
        self._add("user", content)

    def take_back(self) -> str:
        """Removes what was said since the last reply and returns it; on record it stays."""
        said: list[str] = []
        while self._messages and self._messages[-1]["role"] == "user":
            said.insert(0, self._messages.pop()["content"])
        return "\n\n---\n\n".join(said)

    def ask(
        self,
        schema: Schema,
        purpose: str,
        *,
        refused: Mapping[str, Sequence[Any]] | None = None,
        deadline: float | None = None,
        questions: Callable[[], str] = str,
    ) -> str:
        """The model's reply to all that was said, which becomes part of the conversation.

        `questions` says again what a page asks for, should the page be too long to be shown in one piece.
        Raises TimeUp after the `deadline` (of time.monotonic()), ModelError if the model cannot answer, and Stopped.
        """
        self._fit(questions, deadline)
        return self._complete(schema, purpose, refused or {}, deadline)

    def _add(self, role: str, content: str, pictures: Sequence[Picture] = (), **rest: Any) -> str:
        self._number += 1
        message: dict[str, Any] = {"number": self._number, "role": role, "content": content}
        if pictures:
            rest["images"] = [picture.about for picture in pictures]
        self._journal.write("message", **message, **rest)
        self._messages.append({**message, "pictures": tuple(pictures)})
        return content

    def _fit(self, questions: Callable[[], str], deadline: float | None) -> None:
        """Keeps the conversation within the model's context: what was before the page at hand gives way to notes on
        it, and a page that is still too long, with all that was said on it, is read in parts."""
        if self._room(*self._messages) >= 0:
            return
        system, older = self._messages[0], self._messages[1 : self._opened]
        page, *since = self._messages[self._opened :]
        notes = ""
        if older:
            self._messages = [system, *older]
            notes = self._take_notes(deadline)
        self._messages, self._opened = [system], 1
        if self._room(system, _message(_with_notes(notes, page["content"])), *since) >= 0:
            self._add("user", _with_notes(notes, page["content"]), page["pictures"])
            self._messages += since
        else:
            text = "\n\n---\n\n".join(message["content"] for message in (page, *since))
            self._show_in_parts(text, page["pictures"], notes, questions(), deadline)

    def _show_in_parts(
        self, text: str, pictures: Sequence[Picture], notes: str, questions: str, deadline: float | None
    ) -> None:
        """Shows a text that is too long for the context, with notes on each of its parts before the last."""
        (system,) = self._messages
        parts = self._parts(system, text, questions)
        for number, part in enumerate(parts, 1):
            shown = f"{prompt('part', number=str(number), of=str(len(parts)))}\n\n{part}"
            self._messages = [system]
            if number < len(parts):
                self._add("user", _with_notes(notes, shown))
                notes = self._take_notes(deadline)
            else:
                ending = f"\n\n{prompt('questions', questions=questions)}" if questions else ""
                self._add("user", _with_notes(notes, shown + ending), pictures)

    def _take_notes(self, deadline: float | None) -> str:
        self._add("user", prompt("notes"))
        reply = self._complete(NOTES_SCHEMA, "notes", {}, deadline)
        try:
            return str(json_object(reply)["notes"])
        except (KeyError, ValueError):
            raise ModelError("The model could not make notes of the pages so far when its context was full.") from None

    def _parts(self, system: dict[str, Any], text: str, questions: str) -> list[str]:
        """A page's text in parts that fit, broken at its lines where that is possible."""
        full_notes = _with_notes("x" * NOTES_LENGTH, prompt("part", number="10", of="10"))
        around = (_message(full_notes), _message(prompt("questions", questions=questions)), _message(prompt("notes")))
        room = self._room(system, *around)
        if room < LEAST_PART_TOKENS:
            needed = self._tokens(text) + self._tokens(questions) + self._tokens(system["content"]) + REPLY_TOKENS
            raise ModelError(
                f"This page needs about {needed} tokens, more than the {self._llm.context_tokens} that the model "
                "takes. Choose a model with a larger context."
            )
        parts = [""]
        for piece in _pieces(text, lambda piece: self._tokens(piece) <= room):
            if parts[-1] and self._tokens(parts[-1] + piece) > room:
                parts.append("")
            parts[-1] += piece
        return [part.strip("\n") for part in parts]

    def _room(self, *messages: Mapping[str, Any]) -> float:
        """How many tokens are left beside these messages and a reply."""
        if self._llm.context_tokens is None:
            return float("inf")
        taken = sum(self._tokens(message["content"]) for message in messages)
        taken += sum(PICTURE_TOKENS * len(_sent(message)) for message in messages)
        return self._llm.context_tokens - REPLY_TOKENS - taken

    def _tokens(self, text: str) -> int:
        return self._llm.count_tokens(text)

    def _complete(
        self, schema: Schema, purpose: str, refused: Mapping[str, Sequence[Any]], deadline: float | None
    ) -> str:
        sent = [_as_sent(message) for message in self._messages]
        numbers = [message["number"] for message in self._messages]
        seed = None if self._seed is None else (self._seed + self._number) % 2**31
        request = Request(sent, schema, seed, refused, deadline)
        return try_again(
            lambda: self._ask(request, numbers, purpose),
            after=TransientModelError,
            wait=lambda state: min(_pause(state), request.seconds_left()),
            limit=stop_after_attempt(TRIES),
            stop=self._stop,
        )

    def _ask(self, request: Request, numbers: list[int], purpose: str) -> str:
        if request.seconds_left() <= 0:
            raise TimeUp("The page's time was up before the model had answered.")
        began = time.monotonic()
        about: dict[str, Any] = {"sent": numbers, "purpose": purpose, "seed": request.seed}
        try:
            completion = self._llm.complete(request)
        except ModelError as error:
            self._number += 1
            seconds = round(time.monotonic() - began, 3)
            self._journal.write(
                "message", number=self._number, role="assistant", content="", error=str(error), seconds=seconds, **about
            )
            raise
        about["seconds"] = round(time.monotonic() - began, 3)
        self.cost += completion.cost or 0.0
        return self._add("assistant", completion.text, **about, **_took(completion))


def json_object(reply: str) -> dict[str, Any]:
    """The JSON object of a reply, which some models wrap in thoughts, prose or a code fence.

    Raises ValueError, in words for the model, if there is none.
    """
    text = reply.rpartition("</think>")[2]
    text = re.sub(r"^.*?```(?:json)?\s*(\{.*\})\s*```.*$", r"\1", text, flags=re.DOTALL)
    start, end = text.find("{"), text.rfind("}") + 1
    if start < 0:
        raise ValueError("The reply is not JSON." if reply.strip() else "The reply is empty.")
    try:
        data = json.loads(text[start : end or None])
    except ValueError:
        raise ValueError("The reply is not valid JSON, or it was cut off.") from None
    if not isinstance(data, dict):
        raise ValueError("The reply is not a JSON object.")
    return data


def _as_sent(message: Mapping[str, Any]) -> dict[str, Any]:
    images = [picture.url for picture in _sent(message)]
    return {"role": message["role"], "content": message["content"], **({"images": images} if images else {})}


def _sent(message: Mapping[str, Any]) -> list[Picture]:
    return [picture for picture in message.get("pictures", ()) if not picture.why_not]


def _message(content: str) -> dict[str, str]:
    return {"role": "user", "content": content}


def _with_notes(notes: str, text: str) -> str:
    return f"{prompt('remember', notes=notes)}\n\n---\n\n{text}" if notes else text


def _pieces(text: str, fits: Callable[[str], bool]) -> Iterator[str]:
    """A text cut where it is natural (lines, then sentences, then words), and only as far as needed for each to fit."""
    if fits(text):
        yield text
        return
    for pattern in (r"(?<=\n)", r"(?<=[.!?] )|(?<=[。！？])", r"(?<= )"):
        pieces = [piece for piece in re.split(pattern, text) if piece]
        if len(pieces) > 1:
            break
    else:
        pieces = [text[: len(text) // 2], text[len(text) // 2 :]]
    for piece in pieces:
        yield from _pieces(piece, fits)


def _pause(state: RetryCallState) -> float:
    """As long as the provider asks for, else twice as long each time."""
    error = state.outcome.exception() if state.outcome else None
    asked = error.retry_after if isinstance(error, TransientModelError) else None
    return asked if asked is not None else wait_random_exponential(multiplier=1, max=60)(state)


def _took(completion: Completion) -> dict[str, Any]:
    usage = completion.usage
    return {
        "model": completion.model,
        "mode": completion.mode,
        "finish_reason": completion.finish_reason,
        "request_id": completion.request_id,
        "input_tokens": usage.input,
        "output_tokens": usage.output,
        "cached_tokens": usage.cached,
        "reasoning_tokens": usage.reasoning,
        "cost": completion.cost,
    }
