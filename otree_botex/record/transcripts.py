"""What bots saw and did, step by step, read from the record in three queries however many bots there are; and the same
as plain values, a line a step, for the archive."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Any

from .exports import Chosen, Row, utc
from .tables import Record


@dataclass(frozen=True)
class Place:
    """A page in a round, the same for all bots of a session. `str` of it stands in addresses; see `place_of`."""

    app: str
    page: str
    round: int | None

    def __str__(self) -> str:
        return f"{self.app}.{self.page}.{self.round or ''}"


def place_of(text: str) -> Place | None:
    """The place that an address names as APP.PAGE.ROUND; None if it names none."""
    app, _, rest = text.partition(".")
    page, dot, number = rest.rpartition(".")
    return Place(app, page, int(number) if number.isdecimal() else None) if dot and page else None


@dataclass(frozen=True)
class Played:
    """A step with what belongs to it: its events in order, the numbers of its messages, and how many of these are
    calls of the model that failed."""

    step: Any
    events: list[Any] = field(default_factory=list)
    messages: list[int] = field(default_factory=list)
    failed_calls: int = 0


def played(record: Record, bots: Collection[int], place: Place | None = None) -> dict[int, list[Played]]:
    """The steps of these bots (by their ids) in order, all of them or those at one place."""
    query = record.db.query(record.Step).filter(record.Step.bot_id.in_(bots))
    if place is not None:
        query = query.filter_by(app=place.app, page=place.page, round_number=place.round)
    steps = query.order_by(record.Step.bot_id, record.Step.number).all()
    events: dict[tuple[int, int], list[Any]] = defaultdict(list)
    messages: dict[tuple[int, int], list[int]] = defaultdict(list)
    failed: dict[tuple[int, int], int] = defaultdict(int)
    for event in _within(record, record.Event, steps).order_by(record.Event.id):
        events[event.bot_id, event.step].append(event)
    table = record.Message
    of_steps = _within(record, table, steps).order_by(table.bot_id, table.number)
    for bot, step, number, error in of_steps.with_entities(table.bot_id, table.step, table.number, table.error):
        messages[bot, step].append(number)
        failed[bot, step] += error is not None
    found: dict[int, list[Played]] = {bot: [] for bot in bots}
    for step in steps:
        key = step.bot_id, step.number
        found[step.bot_id].append(Played(step, events[key], messages[key], failed[key]))
    return found


def _within(record: Record, table: Any, steps: Collection[Any]) -> Any:
    """Rows of a table that may belong to these steps: those of their bots, between the first and the last of them."""
    numbers = [step.number for step in steps] or [0]
    of_bots = record.db.query(table).filter(table.bot_id.in_({step.bot_id for step in steps}))
    return of_bots.filter(table.step >= min(numbers), table.step <= max(numbers))


def lines(steps: Collection[Played]) -> Iterator[dict[str, Any]]:
    """A bot's transcript for the archive, a dict a step. Its messages stand in messages.csv, under these numbers."""
    for one in steps:
        step = one.step
        yield {
            "step": step.number,
            "seen_utc": utc(step.seen_at),
            "app": step.app,
            "page": step.page,
            "round": step.round_number,
            "kind": step.kind,
            "title": step.title,
            "driver": step.driver,
            "timeout": step.timeout,
            "text": step.text,
            "fields": json.loads(step.fields_json),
            "answers": json.loads(step.answers_json) if step.answers_json else None,
            "reason": step.reason or "",
            "remark": step.remark or "",
            "attempts": step.attempts,
            "refusals": [_timed(refusal) for refusal in json.loads(step.refusals_json)],
            "chat": [_timed(line) for line in json.loads(step.chat_json or "[]")],
            "events": [
                {"at_utc": utc(event.at), "what": event.what, "data": json.loads(event.data_json)}
                for event in one.events
            ],
            "outcome": step.outcome or "",
            "untouched": bool(step.untouched),
            "seconds": step.seconds,
            "messages": one.messages,
        }


def _timed(what: dict[str, Any]) -> dict[str, Any]:
    return {"at_utc": utc(what["at"]), **{name: value for name, value in what.items() if name != "at"}}


def personas(chosen: Chosen) -> Iterator[Row]:
    """One row a bot: who it was to be, and its row of the launch's mix, from 1."""
    yield ["seat", "persona_name", "persona", "row"]
    for _, bot in chosen:
        yield [bot.number, bot.persona_name or "", bot.persona or "", (bot.row or 0) + 1]
