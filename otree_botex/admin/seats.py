"""Which seats of a session bots may take. People come first: a seat that somebody opened is taken only if it is
picked by hand, and no seat has two bots at once."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import Any

from otree.database import db
from otree.models import Participant, Session

from ..errors import SetupError
from ..models import Bot
from ..records import ENDED
from . import runners

choosing = threading.RLock()
"""Held from choosing seats until their bots are on record: oTree 6 makes sessions, whose bots may start at once, in
threads of their own, while a room's bots look for free seats."""
people_seen: dict[str, float] = {}
"""When a browser that is no bot's asked for a page of each participant last, since this server process began."""
LATE_SECONDS = 5.0
"""What is asked for so soon after a runner's last word may still have been its bot's."""


def of_session(session: Session) -> list[Participant]:
    """All participants of a session, in order."""
    return list(db.query(Participant).filter_by(session_id=session.id).order_by(Participant.id_in_session))


def with_bots(session: Session) -> set[int]:
    """The ids of the participants whose seat a bot is playing or about to play. One whose runner is gone is not."""
    columns = (Bot.id, Bot.participant_id, Bot.heard_at)
    bots = db.query(*columns).filter(Bot.session_id == session.id, Bot.state.notin_(ENDED))
    return {bot.participant_id for bot in bots if runners.is_running(bot)}


def free(session: Session) -> list[Participant]:
    """The seats that nobody has opened and no bot has taken."""
    unopened = db.query(Participant).filter_by(session_id=session.id, visited=False)
    found, taken = unopened.order_by(Participant.id_in_session).all(), with_bots(session)
    return [seat for seat in found if seat.id not in taken]


def of_people(session_id: int) -> set[int]:
    """The ids of the participants whose seat a person has, or had before a bot or after it."""
    opened = {id for (id,) in db.query(Participant.id).filter_by(session_id=session_id, visited=True)}
    bots = db.query(Bot.participant_id, Bot.with_person).filter_by(session_id=session_id).all()
    return opened - {id for id, _ in bots} | {id for id, with_person in bots if with_person}


def has_person(asked_at: float | None, bot: Any) -> bool:
    """Whether a person has come to the seat of this bot since it ended.

    If that was before this server process began, there is only what oTree knows: when a page was `asked_at` last, which
    may have been oTree itself, where time was up or participants were advanced.
    """
    if not bot.ended_at and runners.is_running(bot):
        return False
    ended = bot.ended_at or (bot.heard_at or 0) + LATE_SECONDS
    came = people_seen.get(bot.participant_code, 0) if ended > runners.began else asked_at or 0
    return came > ended


def some(session: Session, number: int | None) -> list[Participant]:
    """So many free seats, or all of them. The last ones are taken, since people are given the first ones.

    Raises SetupError if there are not so many.
    """
    seats = free(session)
    if number is None:
        number = len(seats)
    if not seats or number < 1:
        raise SetupError("No seat is free in this session." if not seats else "Choose at least one seat.")
    if number > len(seats):
        raise SetupError(f"Only {len(seats)} seats are free in this session, not {number}.")
    return seats[-number:]


def picked(session: Session, codes: Iterable[str]) -> list[Participant]:
    """Seats picked by their participants' codes. Raises SetupError if one is unknown or has a bot."""
    wanted = set(codes)
    seats = [seat for seat in of_session(session) if seat.code in wanted]
    if len(seats) != len(wanted) or not seats:
        raise SetupError("Pick at least one seat." if not wanted else "A picked seat is not in this session.")
    refuse_busy(session, seats)
    return seats


def refuse_busy(session: Session, seats: Iterable[Participant]) -> None:
    """Raises SetupError if a bot is playing on one of these seats."""
    taken = with_bots(session)
    busy = [f"P{seat.id_in_session}" for seat in seats if seat.id in taken]
    if busy:
        raise SetupError(f"A bot is already playing on {', '.join(busy)}.")
