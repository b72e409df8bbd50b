"""What a bot's model is shown: its memory of earlier pages, as much as its memory mode keeps and its context holds.

With `full` the conversation goes on from page to page, and gives way to notes only when the context is full. With
`summary` each page is shown with the notes that the bot made itself in its last decision; what came after these (pages
it only read, a page whose time was up, a talk that led to no decision) is shown with them. With `none` a page is shown
alone. What is said on one page (refusals, a talk) stays together in every mode.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from ..errors import ModelError
from ..llm import LLM, Completion, Schema, object_schema
from ..records import Memory, MemoryMode
from .exchange import Exchange, Said
from .gate import Gate
from .journal import BotJournal
from .pictures import Picture
from .replies import Unusable, json_object, read_notes
from .waiting import says_nothing
from .wording import Prompts

BETWEEN = "\n\n---\n\n"
"""What stands between pages that are shown together."""
NOTES_LENGTH = 2000
NOTES_SCHEMA = object_schema(notes={"type": "string", "maxLength": NOTES_LENGTH})
REPLY_TOKENS, KEPT_NOTES_TOKENS = 600, 400
"""Room kept for a reply when a conversation is fitted into a model's context, and for the notes that are part of it."""
LEAST_PART_TOKENS = 200
"""A page is not given in smaller parts than this: with less room a model could not follow it."""

Shown = tuple[str, tuple[Picture, ...]]
"""A text and its pictures."""


class Conversation:
    """The messages that the next reply will be an answer to. One per bot.

    They begin with the `system` message. `seed` makes replies repeatable where the model honours one; each question
    passes the bot's `gate`.
    """

    def __init__(
        self,
        llm: LLM,
        journal: BotJournal,
        gate: Gate,
        seed: int | None,
        *,
        memory: MemoryMode,
        seat: int,
        prompts: Prompts,
        system: str,
    ) -> None:
        self._llm, self._mode, self._prompts, self._system = llm, memory, prompts, system
        self._exchange = Exchange(llm, journal, gate, seed, seat)
        self._messages: list[Said] = []
        self._opened = 1  # the place of the message that shows the page at hand
        self._noted = 1  # with `summary`: what stands from here on is not in the notes yet
        self._unread: list[Shown] = []
        self._notes = ""

    @property
    def cost(self) -> float:
        """US dollars for all replies so far, as far as prices are known."""
        return self._exchange.cost

    def restore(self, memory: Memory) -> None:
        """Goes on from what an earlier runner recorded."""
        self._exchange.number = memory.message
        self._exchange.turn_to(memory.page)
        self._messages = [Said(message["number"], message["role"], message["content"]) for message in memory.memory]
        self._unread = [(text, ()) for text in memory.unread.split(BETWEEN) if not says_nothing(text)]
        self._noted = len(self._messages)
        notes = (
            read_notes(said.content) if said.role == "assistant" else self._notes_of(said.content)
            for said in self._messages[::-1]
        )
        self._notes = next(filter(None, notes), "")

    def read(self, text: str, pictures: Sequence[Picture] = ()) -> None:
        """A text that is shown with the next page."""
        self._unread.append((text, tuple(pictures)))

    def show(self, number: int, text: str, pictures: Sequence[Picture] = ()) -> None:
        """Shows the page of this number, with its pictures. All that is said from now on is about this page."""
        self._exchange.turn_to(number)
        if self._mode == "summary":
            self.take_back()
        if self._mode != "full":
            self._messages, self._noted = self._messages[:1], 1
        if not self._messages:
            self._messages.append(self._exchange.say("system", self._system))
        shown = [*(self._unread if self._mode != "none" else ()), (text, tuple(pictures))]
        self._opened, self._unread = len(self._messages), []
        page, every = BETWEEN.join(text for text, _ in shown), [picture for _, some in shown for picture in some]
        content = self._with_notes(self._notes, page) if self._mode == "summary" else page
        self._messages.append(self._exchange.say("user", content, every, again=page))

    def show_anew(self, text: str, pictures: Sequence[Picture] = ()) -> None:
        """Shows the page at hand as it stands now, in place of all that was said on it so far."""
        content = self._with_notes(self._notes, text) if self._mode == "summary" else text
        self._messages = self._messages[: self._opened]
        self._messages.append(self._exchange.say("user", content, pictures, again=text))

    def say(self, content: str, again: str = "") -> None:
        """One more thing said to the model about the page that it was shown last; `again` is the part of it that is
        worth saying a second time (see `take_back`), if not all is."""
        self._messages.append(self._exchange.say("user", content, again=again))

    def take_back(self) -> None:
        """What was said since the last reply is to be shown with the next page; on record it stays. With `summary` that
        is what was said, by both, since the notes were made."""
        if self._mode == "summary":
            start = self._noted
        else:
            replies = [place for place, said in enumerate(self._messages, 1) if said.role == "assistant"]
            start = max([1, *replies])
        taken, self._messages = self._messages[start:], self._messages[:start]
        self._unread[:0] = [
            (said.again if said.role == "user" else self._prompts("replied", reply=said.content), said.pictures)
            for said in taken
        ]

    def ask(
        self,
        schema: Schema,
        purpose: str,
        *,
        refused: Mapping[str, Sequence[Any]] | None = None,
        deadline: float | None = None,
        questions: Callable[[], str] = str,
    ) -> Completion:
        """The model's reply to all that was said, which becomes part of the conversation.

        `questions` says again what a page asks for, should the page be too long to be shown in one piece.
        Raises TimeUp after the `deadline` (of time.monotonic()), ModelError if the model cannot answer, and Stopped.
        """
        self._fit(questions, deadline)
        return self._ask(schema, purpose, refused or {}, deadline)

    def keep_notes(self, notes: str) -> None:
        """With `summary`: the notes of the last reply, which stand for all that was said so far. If it has none, those
        before are kept."""
        self._notes = notes.replace(BETWEEN, "\n\n") or self._notes
        self._noted = len(self._messages)

    def _ask(
        self, schema: Schema, purpose: str, refused: Mapping[str, Sequence[Any]], deadline: float | None
    ) -> Completion:
        said, completion = self._exchange.ask(self._messages, schema, purpose, refused, deadline)
        self._messages.append(said)
        return completion

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
        self._messages, self._opened, self._noted = [system], 1, 1
        if self._room(system, _message(self._with_notes(notes, page.content)), *since) >= 0:
            content = self._with_notes(notes, page.content)
            self._messages += [self._exchange.say("user", content, page.pictures), *since]
        else:
            text = BETWEEN.join(message.content for message in (page, *since))
            self._show_in_parts(text, page.pictures, notes, questions(), deadline)

    def _show_in_parts(
        self, text: str, pictures: Sequence[Picture], notes: str, questions: str, deadline: float | None
    ) -> None:
        """Shows a text that is too long for the context, with notes on each of its parts before the last."""
        (system,) = self._messages
        parts = self._parts(system, text, questions)
        for number, part in enumerate(parts, 1):
            shown = f"{self._prompts('part', number=str(number), of=str(len(parts)))}\n\n{part}"
            self._messages = [system]
            if number < len(parts):
                self._messages.append(self._exchange.say("user", self._with_notes(notes, shown)))
                notes = self._notes = self._take_notes(deadline)
            else:
                ending = f"\n\n{self._prompts('questions', questions=questions)}" if questions else ""
                again = shown if self._mode == "summary" else ""
                self._messages.append(
                    self._exchange.say("user", self._with_notes(notes, shown + ending), pictures, again=again)
                )

    def _take_notes(self, deadline: float | None) -> str:
        self.say(self._prompts("notes"))
        completion = self._ask(NOTES_SCHEMA, "notes", {}, deadline)
        try:
            return str(json_object(completion)["notes"])
        except (KeyError, Unusable):
            raise ModelError("The model could not make notes of the pages so far when its context was full.") from None

    def _parts(self, system: Said, text: str, questions: str) -> list[str]:
        """A page's text in parts that fit, broken at its lines where that is possible."""
        full_notes = self._with_notes("x" * NOTES_LENGTH, self._prompts("part", number="10", of="10"))
        around = full_notes, self._prompts("questions", questions=questions), self._prompts("notes")
        room = self._room(system, *map(_message, around))
        if room < LEAST_PART_TOKENS:
            needed = self._tokens(text) + self._tokens(questions) + self._tokens(system.content) + self._reply_tokens
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

    def _room(self, *messages: Said) -> float:
        """How many tokens are left beside these messages and a reply."""
        if self._llm.context_tokens is None:
            return float("inf")
        return self._llm.context_tokens - self._reply_tokens - sum(map(self._exchange.tokens, messages))

    @property
    def _reply_tokens(self) -> int:
        return REPLY_TOKENS + (KEPT_NOTES_TOKENS if self._mode == "summary" else 0)

    def _tokens(self, text: str) -> int:
        return self._llm.count_tokens(text)

    def _with_notes(self, notes: str, text: str) -> str:
        return f"{self._prompts('remember', notes=notes)}{BETWEEN}{text}" if notes else text

    def _notes_of(self, shown: str) -> str:
        """The notes that a page was shown with; empty if there were none."""
        before, _, after = self._prompts("remember", notes=BETWEEN).partition(BETWEEN)
        head = shown.partition(BETWEEN)[0]
        if not (head.startswith(before) and head.endswith(after)):
            return ""
        return head[len(before) : len(head) - len(after)].strip()


def _message(content: str) -> Said:
    return Said(0, "user", content)


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
