"""What decides: reads pages, asks the model, checks its replies, remembers. One per bot.

What the check of the reply, the form or oTree refuses goes back to the model in words, a bounded number of times.
Nothing is ever answered on its behalf.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from string import Template
from threading import Event
from typing import Any

from tenacity import RetryCallState, stop_after_attempt, wait_random_exponential

from ..errors import ModelError, PageError, TransientModelError
from ..llm import LLM, Completion, Request, Schema
from ..records import Memory
from .journal import BotJournal
from .page import Page
from .patience import try_again

PROMPTS = Path(__file__).parent / "prompts"
TRIES = 8
"""How often a model that is overloaded or out of reach is asked again, with growing pauses, before the bot fails."""
NOTES_LENGTH = 2000
NOTES_SCHEMA = {
    "type": "object",
    "properties": {"notes": {"type": "string", "maxLength": NOTES_LENGTH}},
    "required": ["notes"],
    "additionalProperties": False,
}
REPLY_TOKENS = 600
"""Room kept for a reply when a conversation is fitted into a model's context."""


def prompt(name: str) -> str:
    """The text of one of the prompt files."""
    return (PROMPTS / f"{name}.txt").read_text(encoding="utf-8").strip()


@dataclass(frozen=True)
class Decision:
    """What a bot decided on a page: its answers by field key, why, and what a browser would send for them."""

    answers: Mapping[str, Any] = field(default_factory=dict)
    reason: str = ""
    entries: tuple[tuple[str, str], ...] = ()


class Mind:
    """Decides for one bot.

    `seed` makes a model's replies repeatable where it honours one; `attempts` is how many replies to one page may be
    refused; `stop` ends waiting for a model that is out of reach.
    """

    def __init__(self, llm: LLM, journal: BotJournal, stop: Event, *, seed: int | None = None, attempts: int = 5):
        self._llm, self._journal, self._stop = llm, journal, stop
        self._seed, self._attempts = seed, attempts
        self._messages: list[dict[str, Any]] = []
        self._number = 0
        self._unread: list[str] = []
        self._page: Page | None = None
        self._attempt = 0
        self._last = Decision()
        self._refused: dict[str, list[Any]] = {}
        self._demanded: set[str] = set()
        self._memory = Memory()

    def restore(self, memory: Memory) -> None:
        """Goes on from what an earlier runner recorded."""
        self._messages = [dict(message) for message in memory.memory]
        self._number = memory.message
        self._unread = [memory.unread] if memory.unread else []
        self._memory = memory

    def read(self, page: Page) -> None:
        """Takes note of a page on which there is nothing to decide: it is shown to the model with the next one."""
        self._unread.append(page.text)

    def decide(self, page: Page) -> Decision:
        """One decision that the form takes. Called again with the same page, it is told what oTree refused of the last.

        Raises PageError when too many replies were refused, ModelError when the model cannot answer.
        """
        if self._memory.page == page.number and not page.errors and self._asks_the_same(page):
            return self._take_up(page)
        if self._page is None or page.number != self._page.number:
            self._see(page)
        else:
            errors = _by_key(page, page.errors)
            # forms do not always say in their HTML what may not be left empty; oTree does when it was
            self._demanded |= {key for key in errors if key in self._last.answers and self._last.answers[key] is None}
            self._refuse("server", errors, self._last.answers)
        self._page, form = page, page.form.requiring(self._demanded)
        while True:
            self._attempt += 1
            reply = self._reply(form.schema())
            try:
                reason, answers = _parse(reply)
            except ValueError as error:
                self._refuse("reply", {"": str(error)}, reply)
                continue
            filled = form.fill(answers)
            if filled.refused:
                self._refuse("form", filled.refused, answers)
                continue
            self._last = Decision(answers, reason, tuple(filled.entries))
            self._write_decision(page, self._last)
            return self._last

    def _asks_the_same(self, page: Page) -> bool:
        """Whether the recorded answers are to the questions of this page, which may have changed when loaded again."""
        return self._memory.page > 0 and set(self._memory.answers) == {field.name for field in page.form.fields}

    def _take_up(self, page: Page) -> Decision:
        """The decision that was made here before the runner was interrupted, perhaps without being sent."""
        memory, self._memory = self._memory, Memory()
        keys = {field.name: field.key for field in page.form.fields}
        answers = {keys.get(name, name): answer for name, answer in memory.answers.items()}
        entries = tuple((name, value) for name, value in memory.entries)
        self._page, self._attempt, self._last = page, 1, Decision(answers, memory.reason, entries)
        self._write_decision(page, self._last)
        return self._last

    def _write_decision(self, page: Page, decision: Decision) -> None:
        answers = {page.form.field(key).name: answer for key, answer in decision.answers.items()}
        entries = [list(entry) for entry in decision.entries]
        self._journal.write("decision", attempt=self._attempt, answers=answers, reason=decision.reason, entries=entries)

    def _see(self, page: Page) -> None:
        self._attempt, self._refused, self._demanded = 0, {}, set()
        if not self._messages:
            self._say("system", prompt("system"))
        self._say("user", "\n\n---\n\n".join([*self._unread, page.text]))
        self._unread = []

    def _refuse(self, by: str, messages: Mapping[str, str], said: Any) -> None:
        """Records a refusal and tells the model. Raises PageError when it was one too many."""
        names = {field.key: field.name for field in self._page.form.fields} if self._page else {}
        by_name = {names.get(key, key): text for key, text in messages.items()}
        on_record = {names.get(key, key): value for key, value in said.items()} if isinstance(said, Mapping) else said
        self._journal.write("refusal", attempt=self._attempt, by=by, messages=by_name, said=on_record)
        lines = [f"- {key}: {text}" if key else f"- {text}" for key, text in messages.items()]
        if self._attempt >= self._attempts:
            whom = {"reply": "no reply had the form that is asked for", "form": "the form", "server": "oTree"}[by]
            raise PageError(
                f"{self._attempt} replies to this page were refused. The last one"
                + (f", {whom}: " if by == "reply" else f" by {whom}: ")
                + "; ".join(line[2:] for line in lines)
            )
        if isinstance(said, Mapping):
            for key in messages or said:
                for refused in [key] if key in said else list(said):
                    self._refused.setdefault(refused, []).append(said[refused])
        self._say("user", Template(prompt("refused")).substitute(errors="\n".join(lines)))

    def _say(self, role: str, content: str, **rest: Any) -> dict[str, Any]:
        self._number += 1
        message = {"number": self._number, "role": role, "content": content}
        self._messages.append(message)
        self._journal.write("message", **message, **rest)
        return message

    def _reply(self, schema: Schema) -> str:
        """The model's reply to the conversation so far, which becomes part of it. Raises Stopped, as a browser does."""
        self._fit()
        return self._complete(self._messages, schema, "decision")

    def _fit(self) -> None:
        """Keeps the conversation within the model's context: its older part gives way to notes on it."""
        if self._fits(self._messages):
            return
        system, *older, page = self._messages
        if older:
            self._messages = [system, *older]
            self._say("user", prompt("notes"))
            notes = _parse_notes(self._complete(self._messages, NOTES_SCHEMA, "notes"))
            text = Template(prompt("remember")).substitute(notes=notes)
            self._messages = [system]
            self._say("user", f"{text}\n\n---\n\n{page['content']}")
        if not self._fits(self._messages):
            needed = sum(self._llm.count_tokens(message["content"]) for message in self._messages) + REPLY_TOKENS
            raise ModelError(
                f"This page needs about {needed} tokens, more than the {self._llm.context_tokens} that the model "
                "takes. Choose a model with a larger context."
            )

    def _fits(self, messages: list[dict[str, Any]]) -> bool:
        limit = self._llm.context_tokens
        if limit is None:
            return True
        return sum(self._llm.count_tokens(message["content"]) for message in messages) + REPLY_TOKENS <= limit

    def _complete(self, messages: list[dict[str, Any]], schema: Schema, purpose: str) -> str:
        sent = [{"role": message["role"], "content": message["content"]} for message in messages]
        numbers = [message["number"] for message in messages]
        seed = None if self._seed is None else (self._seed + self._number) % 2**31
        request = Request(sent, schema, seed, self._refused)
        return try_again(
            lambda: self._ask(request, numbers, purpose),
            after=TransientModelError,
            wait=_pause,
            limit=stop_after_attempt(TRIES),
            stop=self._stop,
        )

    def _ask(self, request: Request, numbers: list[int], purpose: str) -> str:
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
        return str(self._say("assistant", completion.text, **about, **_took(completion))["content"])


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


def _parse(reply: str) -> tuple[str, dict[str, Any]]:
    """Reason and answers of a reply. Raises ValueError, in words for the model, if it is not what was asked for."""
    data = _json_object(reply)
    answers = data.get("answers")
    if not isinstance(answers, dict):
        raise ValueError('The reply has no "answers".')
    reason = data.get("reason", "")
    return (reason if isinstance(reason, str) else json.dumps(reason)), answers


def _parse_notes(reply: str) -> str:
    try:
        return str(_json_object(reply)["notes"])
    except (KeyError, ValueError):
        raise ModelError("The model could not make notes of the pages so far when its context was full.") from None


def _json_object(reply: str) -> dict[str, Any]:
    """The JSON object of a reply, which some models wrap in thoughts, prose or a code fence."""
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


def _by_key(page: Page, errors: Mapping[str, str]) -> dict[str, str]:
    """What oTree refused, by field key; a page that comes back without saying why is refused as a whole."""
    keys = {field.name: field.key for field in page.form.fields}
    return {keys.get(name, name): text for name, text in errors.items()} or {"": "the page came back unchanged"}
