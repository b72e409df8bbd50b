"""What the record gives back to bots: where each was and what it remembers, and what was said in another launch."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from ..errors import SetupError
from ..parameters import Parameters
from ..records import Memory, Recorded
from .rows import rows_of
from .tables import Record

AS_RECORDED = (
    *("seed", "attempts", "images", "chat_messages", "chat_cost", "memory"),
    *("driver", "hosts", "page_calls", "page_actions", "page_seconds"),
)
DECIDING = ("decision", "act")
"""What models are asked for to decide on a page; all else serves that."""
UNANSWERED = ("read", "waited", "timed out", "left")
"""Pages left so are shown to the model with the next that it decides on."""


def memory(record: Record, bot: Any) -> Memory:
    """Where a bot was, and what it remembers: the conversation of its last decision, and the pages it read since."""
    found, last = Memory(step=bot.steps, message=bot.messages), _last_decision(record, bot)
    if last is not None:
        numbers = [*json.loads(last.sent_json), last.number]
        table = record.Message
        sent = record.db.query(table.number, table.role, table.content)
        by_number = {one.number: one for one in sent.filter(table.bot_id == bot.id, table.number.in_(numbers))}
        found.memory = [
            {"number": number, "role": by_number[number].role, "content": by_number[number].content}
            for number in numbers
        ]
    since = last.step if last is not None else 0
    steps = _steps(record, bot, since)
    if steps and not steps[-1].outcome:
        at = steps[-1]
        found.page, found.kind, found.text, found.reason = at.page_number, at.kind, at.text, at.reason or ""
        found.answers = None if at.answers_json is None else json.loads(at.answers_json)
        found.entries = json.loads(at.entries_json or "[]")
    found.unread = "\n\n---\n\n".join(step.text for step in steps if step.number > since and step.outcome in UNANSWERED)
    return found


def _last_decision(record: Record, bot: Any) -> Any:
    """The last reply in which a decision was made that is on record; None if there is none."""
    table, step = record.Message, record.Step
    decided = record.db.query(step.number).filter(step.bot_id == bot.id, step.answers_json.isnot(None))
    replies = record.db.query(table.step, table.number, table.sent_json).filter(
        *(table.bot_id == bot.id, table.role == "assistant", table.error.is_(None), table.content.isnot(None)),
        *(table.purpose.in_(DECIDING), table.step.in_(decided)),
    )
    return replies.order_by(table.number.desc()).first()


def _steps(record: Record, bot: Any, first: int) -> list[Any]:
    """What memories need of a bot's steps, from this one on."""
    names = ("number", "page_number", "kind", "text", "reason", "answers_json", "entries_json", "outcome")
    steps = record.db.query(*(getattr(record.Step, name) for name in names))
    return list(steps.filter(record.Step.bot_id == bot.id, record.Step.number >= first).order_by(record.Step.number))


def as_replayed(record: Record, asked: Parameters) -> Parameters:
    """Parameters for a replay: what shaped the conversations is as it was in the launch that is played again.

    Raises SetupError if the record has no such launch.
    """
    launch = record.db.query(record.Launch).filter_by(code=asked.replayed).first()
    if launch is None:
        raise SetupError(f"There is no launch {asked.replayed!r} in this record that could be replayed.")
    rows = rows_of(launch)
    if len(rows) > 1:
        raise SetupError(f"Launch {asked.replayed} was a mix of models. What can be replayed has one row.")
    before = rows[0].parameters
    return replace(asked, **{name: getattr(before, name) for name in AS_RECORDED})


def recorded(record: Record, launch: Any) -> dict[int, list[Recorded]]:
    """All that a launch's models were asked and replied, in order, by seat: for a replay.

    What failed and was asked again is left out; a page whose time was up before any reply came is there without one.
    """
    return {bot.number: _of_bot(record, bot) for bot in record.bots_of(launch)}


def _of_bot(record: Record, bot: Any) -> list[Recorded]:
    steps = {step.number: step for step in record.db.query(record.Step).filter_by(bot_id=bot.id)}
    replies = [
        Recorded(reply.step, steps[reply.step].text, reply.purpose, reply.content) for reply in _replies(record, bot)
    ]
    answered = {reply.step for reply in replies if reply.purpose in DECIDING}
    missed = [
        Recorded(step.number, step.text, "decision", None)
        for step in steps.values()
        if step.outcome == "timed out" and step.number not in answered and json.loads(step.fields_json)
    ]
    return sorted([*replies, *missed], key=lambda one: one.step)


def _replies(record: Record, bot: Any) -> list[Any]:
    """A bot's replies that came, in order."""
    table = record.Message
    found = record.db.query(table).filter_by(bot_id=bot.id, role="assistant", error=None)
    return list(found.filter(table.content.isnot(None)).order_by(table.number))
