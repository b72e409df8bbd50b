"""What bots are doing now, as plain values for the tab, the REST API and the command line.

The tab asks once a second while people and bots play, and oTree answers one request at a time. So this takes one query
for the bots with their participants and one for their launches, columns instead of objects, and reads a launch's JSON
once. With 200 bots that takes a few milliseconds.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from otree.database import db
from otree.models import Participant

from ..models import Bot, Launch
from ..plans import Budget
from ..record.rows import budget_of, rows_of
from ..records import ENDED
from . import launches, seats

# whom a participant waits for, in the words of oTree's own monitor: a JSON list of "P1" and the like, or in oTree 5
# these with commas between them
_WAITS_FOR = getattr(Participant, "_monitor_note_json", None) or Participant._monitor_note
_BOT = tuple(
    getattr(Bot, name)
    for name in (
        *("id", "launch_id", "number", "row", "persona_name", "treatment", "participant_id", "participant_code"),
        *("state", "error", "cause", "reason", "remark", "stop_wanted", "pause_wanted"),
        *("started_at", "ended_at", "heard_at"),
        *("steps", "calls", "refusals", "input_tokens", "output_tokens", "cost", "unpriced"),
    )
)
_PARTICIPANT = (
    Participant.label.label("label"),
    Participant._current_app_name.label("app"),
    Participant._current_page_name.label("page"),
    Participant._round_number.label("round"),
    Participant._index_in_pages.label("at_page"),
    Participant._max_page_index.label("pages"),
    Participant._last_page_timestamp.label("since"),
    Participant._last_request_timestamp.label("asked_at"),
    Participant.is_on_wait_page.label("waits"),
    _WAITS_FOR.label("waits_for"),
)


@dataclass(frozen=True)
class _Launch:
    """What is needed of a launch; `models` has that of each row of its mix."""

    code: str
    models: list[str]
    budget: Budget


def of_bots(bots: Sequence[Bot]) -> list[dict[str, Any]]:
    """One dict a bot, with where its participant is by oTree's own reckoning."""
    rows = {row.id: row for row in _rows(Bot.id.in_([bot.id for bot in bots]))}
    return _described([rows[bot.id] for bot in bots], _launches(Launch.id.in_({bot.launch_id for bot in bots})))


def of_session(session_id: int) -> dict[str, Any]:
    """What the bots of a session are doing, by seat ("bots"; of several that played one seat, the last), and what its
    launches have spent ("launches")."""
    rows, found = _rows(Bot.session_id == session_id), _launches(Launch.session_id == session_id)
    latest = sorted({row.participant_id: row for row in rows}.values(), key=lambda row: row.number)
    return {"bots": _described(latest, found), "launches": _spent(rows, found)}


def now(bot: Any) -> str:
    """What a bot is doing, or was asked to do and has not done yet, as the tab says it."""
    state, error = launches.state(bot)
    if state in ENDED:
        return state
    if bot.stop_wanted:
        return "stopping"
    if state == "paused":
        return "over budget" if error else state
    return "pausing" if bot.pause_wanted else state


def latest_bots(session_id: int) -> list[Bot]:
    """The bots of a session, by seat; of several that played one seat, the last."""
    latest = {bot.participant_id: bot for bot in db.query(Bot).filter_by(session_id=session_id).order_by(Bot.id)}
    return sorted(latest.values(), key=lambda bot: bot.number)


def _rows(which: Any) -> list[Any]:
    """Bots as rows of columns, in the order in which they were launched."""
    joined = db.query(*_BOT, *_PARTICIPANT).join(Participant, Participant.id == Bot.participant_id)
    return list(joined.filter(which).order_by(Bot.id))


def _launches(which: Any) -> dict[int, _Launch]:
    columns = (Launch.id, Launch.code, Launch.rows_json, Launch.budget_json)
    return {
        row.id: _Launch(row.code, [one.model for one in rows_of(row)], budget_of(row))
        for row in db.query(*columns).filter(which).order_by(Launch.id)
    }


def _described(rows: Sequence[Any], found: dict[int, _Launch]) -> list[dict[str, Any]]:
    at = time.time()
    return [
        {
            **_status(row, at),
            "launch": launch.code,
            "model": launch.models[row.row or 0],
            "row": (row.row or 0) + 1 if len(launch.models) > 1 else None,
        }
        for row in rows
        for launch in [found[row.launch_id]]
    ]


def _spent(rows: Sequence[Any], found: dict[int, _Launch]) -> list[dict[str, Any]]:
    """What each launch has spent, by all of its bots, and its limits."""
    spent = {number: {"cost": 0.0, "calls": 0, "tokens": 0, "unpriced": 0} for number in found}
    for row in rows:
        of_launch = spent[row.launch_id]
        of_launch["cost"] += row.cost
        of_launch["unpriced"] += row.unpriced
        of_launch["calls"] += row.calls
        of_launch["tokens"] += row.input_tokens + row.output_tokens
    return [
        {
            "launch": launch.code,
            "models": ", ".join(dict.fromkeys(launch.models)),
            "budget": launch.budget.as_json(),
            "spent": spent[number],
        }
        for number, launch in found.items()
    ]


def _status(row: Any, at: float) -> dict[str, Any]:
    state, error = launches.state(row)
    is_over = state in ENDED
    end = (row.ended_at if row.state in ENDED else row.heard_at) if is_over else at
    seconds = (end or at) - row.started_at
    pages = row.pages or 0
    return {
        "bot": row.id,
        "seat": row.number,
        "label": row.label or "",
        "has_person": seats.has_person(row.asked_at, row),
        "participant": row.participant_code,
        "persona": row.persona_name or "",
        "treatment": row.treatment or "",
        "state": state,
        "error": error,
        "cause": row.cause or "",
        "stopping": bool(row.stop_wanted and not is_over),
        "pause_wanted": bool(row.pause_wanted and not is_over),
        "heard_at": row.heard_at,
        "app": row.app or "",
        "page": row.page or "",
        "round": row.round,
        "done": min(max(row.at_page - (0 if state == "finished" else 1), 0), pages),
        "pages": pages,
        "waits_for": (row.waits_for or "").strip("[]").replace('"', "") if row.waits and not is_over else "",
        "calls": row.calls,
        "refusals": row.refusals,
        "tokens": row.input_tokens + row.output_tokens,
        "cost": row.cost,
        "unpriced": row.unpriced,
        "seconds": round(seconds, 1),
        "seconds_per_page": round(seconds / row.steps, 1) if row.steps else None,
        "seconds_here": None if is_over or not row.since else max(round(at - row.since), 0),
        "reason": row.reason or "",
        "remark": row.remark or "",
    }
