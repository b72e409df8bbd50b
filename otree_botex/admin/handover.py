"""Gives a seat to a bot, whoever had it, and takes it back."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timezone
from typing import Any

from otree.database import db
from otree.models import Participant, Session

from ..errors import SetupError
from ..models import Bot, Launch
from ..plans import Plan
from ..record.rows import budget_of, row_of, rows_of
from ..records import ENDED
from . import columns, launches, seats, status


def give(session: Session, seat: Participant, plan: Plan, started_by: str) -> Launch:
    """Puts a bot on a seat. It goes on from where the participant is, and knows nothing of what was before.

    Raises SetupError if there is nothing left to play, a bot plays there, or the plan cannot be carried out.
    """
    if is_at_end(seat):
        raise SetupError(f"P{seat.id_in_session} is at the end already: there is nothing left to play.")
    return launches.launch(session, seats.picked(session, [seat.code]), plan, started_by)


def as_launched(session: Session, asked: Plan) -> Plan:
    """A plan for one seat as its model was launched last in this session: with the same parameters, personas, prompts
    and limits. What was asked for if it was not."""
    for record in db.query(Launch).filter_by(session_id=session.id).order_by(Launch.id.desc()):
        for row in rows_of(record):
            if row.model == asked.rows[0].model:
                return Plan(
                    (replace(row, seats=None, share=None),),
                    prompts=record.prompts,
                    pretest=bool(record.is_pretest),
                    budget=budget_of(record),
                )
    return asked


def take_back(seat: Participant) -> str:
    """Takes a seat from its bot at once: nothing more that the bot sends is let in. Returns what became of the page
    where the participant is. Raises SetupError if no bot plays there."""
    bots = [bot for bot in db.query(Bot).filter_by(participant_id=seat.id) if bot.state not in ENDED]
    if not bots:
        raise SetupError(f"No bot plays on P{seat.id_in_session}.")
    release(seat, bots, time.time())
    return _where(seat)


def release(seat: Participant, bots: Sequence[Bot], ended_at: float) -> None:
    """Lets these bots of a seat do no more there, from now on. What is opened there after `ended_at` is a person's."""
    launches.stop(bots)
    for bot in bots:
        bot.ended_at = ended_at
    columns.settle(seat)


def is_at_end(seat: Participant) -> bool:
    """Whether a participant has left its last page."""
    return bool(seat.visited and seat._index_in_pages > (seat._max_page_index or 0))


def of_session(session: Session) -> list[dict[str, Any]]:
    """Who has each seat of a session, where it is, and since when, in seconds since 1970."""
    bots = {bot.participant_id: bot for bot in status.latest_bots(session.id)}
    launched = {launch.id: launch for launch in db.query(Launch).filter_by(session_id=session.id)}
    return [
        _seat(seat, bot, launched.get(bot.launch_id) if bot else None)
        for seat in seats.of_session(session)
        for bot in [bots.get(seat.id)]
    ]


def last_active(seat: Participant) -> float:
    """When a participant last opened or sent a page; 0 if it never did."""
    return float(max(seat._last_request_timestamp or 0, seat._last_page_timestamp or 0))


def began(seat: Any) -> float:
    """When a participant began, or 0 if it has not; oTree has it as a text, in UTC."""
    text = seat.time_started_utc
    return datetime.fromisoformat(text).replace(tzinfo=timezone.utc).timestamp() if text else 0.0


def _seat(seat: Participant, bot: Bot | None, launch: Launch | None) -> dict[str, Any]:
    state = status.now(bot) if bot else ""
    plays = bool(bot and state not in ENDED)
    active = last_active(seat)
    ended = (bot.ended_at or (active if plays else bot.heard_at or active)) if bot else 0.0
    if bot and not seats.has_person(seat._last_request_timestamp, bot):
        who = "free" if bot.stop_wanted or state == "stopped" else "bot"
    else:
        who = "person" if seat.visited else "nobody"
    return {
        "code": seat.code,
        "seat": seat.id_in_session,
        "label": seat.label or "",
        "who": who,
        "bot": bot.id if bot else None,
        "launch": launch.code if launch else "",
        "model": row_of(launch, bot).model if launch else "",
        "state": state,
        "stands_in": bool(bot and plays and bot.stands_in),
        "plays": plays,
        "since": max(began(seat), ended) if seat.visited else None,
        "active": active if seat.visited else None,
        "app": seat._current_app_name or "",
        "page": seat._current_page_name or "",
        "round": seat._round_number,
        "waits": bool(seat.is_on_wait_page),
        "at_end": is_at_end(seat),
        "done": min(max(seat._index_in_pages - 1, 0), seat._max_page_index or 0),
        "pages": seat._max_page_index or 0,
        "now": time.time(),
    }


def _where(seat: Participant) -> str:
    name = f"P{seat.id_in_session}"
    if is_at_end(seat):
        return f"{name} is at the end: the bot had answered the last page, and nobody has anything left to do there."
    page = seat._current_page_name
    if not page:
        return f"{name} is free. The bot had not opened a page; whoever opens the link begins at the first one."
    if seat.is_on_wait_page:
        return f"{name} is free, and waits at {page}. The bot had answered all pages before it."
    return (
        f"{name} is free, at {page}. The bot had not answered this page, and what it may be about to answer there is "
        "not let in; all pages before it are answered. Whoever opens the link goes on there."
    )
