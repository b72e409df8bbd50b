"""The manifest of a launch: everything that shaped its bots' answers, and what became of each seat, as plain JSON.

Nothing in it is stored twice: it is made from the launch, from what its runners said of themselves, and from counts.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import func

from ..plans import Row
from ..records import ENDED
from .exports import Now, as_recorded, ended_at, prompts_hash, utc
from .rows import budget_of, rows_of
from .tables import Record

FORMAT = 2
FEW = 12
"""Up to so many personas are told apart where seats are counted; more are counted by their sets."""
FATES = (
    *("finished", "refused", "empty", "cut off", "limit", "model", "page", "server", "setup", "inside", "gone"),
    *("stopped", "playing"),
)
"""What may become of a seat: finished; failed, by its cause (see `records.Cause`; "gone" if the bot's process ended
without a word); stopped; or still playing."""

EXPERIMENT: dict[str, Any] = {
    "config": {},
    "config_sha256": "",
    "apps": [],
    "code_sha256": None,
    "participants": None,
    "otree": None,
}
"""What is said of an experiment about which nothing is known."""


def manifest(record: Record, launch: Any, *, humans: int = 0, now: Now = as_recorded) -> dict[str, Any]:
    """The manifest of a launch, in whose session so many `humans` play beside the bots."""
    bots, rows = record.bots_of(launch), rows_of(launch)
    runners = json.loads(launch.runners_json or "[]")
    seats = _seats(record, rows, bots, now)
    ended = [ended_at(bot, now(bot)[0]) for bot in bots]
    return {
        "format": FORMAT,
        "launch": launch.code,
        "session": launch.session_code,
        "started_by": launch.started_by,
        "started_utc": utc(launch.started_at),
        "ended_utc": utc(max(filter(None, ended))) if ended and all(ended) else None,
        "server": launch.server or "",
        "experiment": {**EXPERIMENT, **json.loads(launch.experiment_json or "{}"), "humans": humans},
        "pretest": bool(launch.is_pretest),
        "budget": budget_of(launch).as_json(),
        "assignment": json.loads(launch.assignment_json or "{}"),
        "rows": [
            _row(record, number, row, [bot for bot in bots if (bot.row or 0) == number - 1], runners)
            for number, row in enumerate(rows, 1)
        ],
        "prompt_set": launch.prompts or "",
        "prompts": runners[-1]["prompts"] if runners else {},
        "prompts_sha256": prompts_hash(launch),
        "personas": {f"P{bot.number}": bot.persona for bot in bots if bot.persona},
        "versions": {
            "server": json.loads(launch.versions_json or "{}"),
            "runners": _distinct(runner["versions"] for runner in runners),
        },
        "seats": seats,
        "attrition": attrition(seats),
        "totals": _totals(record, bots),
    }


def by_row(manifest: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A manifest for each row of its mix: what is said of the row stands beside what is said of the whole launch, and
    `seats`, `personas` and `totals` are the row's own."""
    views = []
    for row in manifest["rows"]:
        seats = [seat for seat in manifest["seats"] if seat["seat"] in row["seats"]]
        names = {f"P{number}" for number in row["seats"]}
        personas = {name: text for name, text in manifest["personas"].items() if name in names}
        views.append({**manifest, **row, "seats": seats, "personas": personas})
    return views


def _row(
    record: Record, number: int, row: Row, bots: Sequence[Any], runners: Sequence[dict[str, Any]]
) -> dict[str, Any]:
    """What is said of a row of the mix: its model, how it was asked, and what it took."""
    numbers = [bot.number for bot in bots]
    about: dict[str, Any] = next((one["about"] for one in reversed(runners) if set(one["seats"]) & set(numbers)), {})
    return {
        "row": number,
        "seats": numbers,
        "persona_set": row.personas,
        "model": {
            "asked": row.model,
            "answered": _answered(record, bots),
            "provider": about.get("provider", ""),
            "host": about.get("host", ""),
            "own_address": row.api_base is not None,
            "file": about.get("file"),
            "deterministic": about.get("deterministic", "not known: no bot has begun to play"),
            "context_tokens": about.get("context_tokens"),
        },
        "parameters": {name: value for name, value in row.settings().items() if name not in ("model", "api_base")},
        "sent": about.get("sent", {}),
        "dropped": about.get("dropped", {}),
        "modes": _counted(record, bots, record.Message.mode),
        "prices": list(_counted(record, bots, record.Message.prices)),
        "totals": _totals(record, bots),
    }


def attrition(seats: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """How many seats met which fate, by model, persona and treatment. All of them are counted."""
    groups: dict[tuple[str, str, str], Counter[str]] = {}
    persona = "persona" if len({seat["persona"] for seat in seats}) <= FEW else "persona_set"
    for seat in seats:
        key = seat["model"], seat[persona], seat["treatment"]
        fate = seat["cause"] if seat["fate"] == "failed" else seat["fate"]
        groups.setdefault(key, Counter())[fate] += 1
    return [
        {
            **dict(zip(("model", "persona", "treatment"), key, strict=True)),
            "seats": fates.total(),
            "fates": {fate: fates[fate] for fate in FATES if fates[fate]},
        }
        for key, fates in groups.items()
    ]


def _seats(record: Record, rows: Sequence[Row], bots: Sequence[Any], now: Now) -> list[dict[str, Any]]:
    outcomes = _by_bot(record, bots, record.Step, record.Step.outcome)
    drivers = _by_bot(record, bots, record.Step, record.Step.driver)
    untouched = _by_bot(record, bots, record.Step, record.Step.untouched)
    cached = _by_bot(record, bots, record.Message, record.Message.from_cache)
    return [
        {
            "seat": bot.number,
            "participant": bot.participant_code,
            "row": (bot.row or 0) + 1,
            "model": rows[bot.row or 0].model,
            "persona": bot.persona_name or "",
            "persona_set": rows[bot.row or 0].personas,
            "treatment": bot.treatment or "",
            "seed": bot.seed,
            **_fate(bot, now),
            "pages": bot.steps,
            "timed_out": outcomes[bot.id]["timed out"],
            "left": outcomes[bot.id]["left"],
            "in_browser": drivers[bot.id]["browser"],
            "untouched": untouched[bot.id][True],
            "refusals": bot.refusals,
            "calls": bot.calls,
            "from_cache": cached[bot.id][True],
            "input_tokens": bot.input_tokens,
            "output_tokens": bot.output_tokens,
            "cost": bot.cost,
            "unpriced": bot.unpriced,
        }
        for bot in bots
    ]


def _fate(bot: Any, now: Now) -> dict[str, str]:
    state, error = now(bot)
    if state not in ENDED:
        return {"fate": "playing", "cause": "", "error": ""}
    cause = (bot.cause or "inside") if bot.state in ENDED else "gone"
    return {"fate": state, "cause": cause if state == "failed" else "", "error": error}


def _by_bot(record: Record, bots: Sequence[Any], table: Any, column: Any) -> dict[int, Counter[Any]]:
    """How often each value of a column stands in each bot's rows."""
    counts: dict[int, Counter[Any]] = {bot.id: Counter() for bot in bots}
    rows = record.db.query(table.bot_id, column, func.count()).filter(table.bot_id.in_(list(counts)))
    for bot_id, value, number in rows.group_by(table.bot_id, column):
        counts[bot_id][value] += number
    return counts


def _replies(record: Record, bots: Sequence[Any], *columns: Any) -> Any:
    """A query over what the bots' models replied."""
    table = record.Message
    found = record.db.query(*columns).filter(table.bot_id.in_([bot.id for bot in bots]), table.role == "assistant")
    return found.filter(table.error.is_(None), table.content.isnot(None))


def _counted(record: Record, bots: Sequence[Any], column: Any) -> dict[str, int]:
    return {value: number for value, number in _replies(record, bots, column, func.count()).group_by(column) if value}


def _answered(record: Record, bots: Sequence[Any]) -> list[dict[str, Any]]:
    names = record.Message.model, record.Message.fingerprint
    found = _replies(record, bots, *names, func.count()).group_by(*names)
    return [{"model": model, "fingerprint": mark or "", "calls": calls} for model, mark, calls in found]


def _totals(record: Record, bots: Sequence[Any]) -> dict[str, Any]:
    table, ids = record.Message, [bot.id for bot in bots]
    sums = [func.sum(getattr(table, name)) for name in ("cached_tokens", "reasoning_tokens")]
    cached, reasoning = _replies(record, bots, *sums).one()
    failed = record.db.query(func.count()).filter(table.bot_id.in_(ids), table.error.isnot(None)).scalar()
    priced = _replies(record, bots, func.count()).filter(table.cost.isnot(None)).scalar()
    hits = _replies(record, bots, func.count()).filter(table.from_cache.is_(True)).scalar()
    return {
        "calls": sum(bot.calls for bot in bots),
        "errors": failed,
        "refusals": sum(bot.refusals for bot in bots),
        "from_cache": hits,
        "input_tokens": sum(bot.input_tokens for bot in bots),
        "cached_tokens": cached or 0,
        "output_tokens": sum(bot.output_tokens for bot in bots),
        "reasoning_tokens": reasoning or 0,
        "cost": sum(bot.cost for bot in bots) if priced else None,
        "unpriced": sum(bot.unpriced for bot in bots),
    }


def _distinct(dicts: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for one in dicts:
        if one not in found:
            found.append(one)
    return found
