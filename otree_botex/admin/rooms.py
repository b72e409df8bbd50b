"""What bots do in rooms by themselves: they take seats when a session begins there, fill those that are left, and stand
in for people who have become inactive. People come first: a seat that somebody has opened is taken only to stand in.

`tick` looks at all rooms, about once a second (see ticker.py). What it has to know from one time to the next is in the
database, so that it goes on after a restart of the server.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from typing import Any

from otree.database import db
from otree.models import Participant, Session
from otree.models_concrete import RoomToSession
from otree.room import ROOM_DICT
from sqlalchemy import func, or_

from ..errors import BotexError
from ..models import Bot, Launch, RoomPolicy
from ..policies import Policy, stored
from ..records import ENDED
from ..words import count, lasted
from . import launches, presence, seats, visitors
from .settings import bot_settings

logger = logging.getLogger("otree_botex")


def tick() -> bool:
    """Starts the bots that rooms want now. Whether there is a room to look at again."""
    in_use, standing_in = False, list[int]()
    for name, session in [(taken.room_name, taken.session) for taken in db.query(RoomToSession)]:
        try:
            policy = active(name) if name in ROOM_DICT else None
        except BotexError as error:
            logger.error("Room %s: bots do nothing. %s", name, error)
            continue
        if policy is not None:
            in_use = True
            if policy.stand_in_after is not None:
                standing_in.append(session.id)
            with seats.choosing:
                _try_to_look_after(name, policy, session)
    presence.watch(standing_in)
    visitors.standing_in = _standing_in()
    return in_use or bool(visitors.standing_in)


def policy_of(name: str) -> Policy | None:
    """What bots are to do in a room: what the admin has set, or else what settings.py says. Raises SetupError if that
    is not what it should be."""
    row = row_of(name)
    return stored(row.policy_json) if row.policy_json is not None else bot_settings().rooms.get(name)


def active(name: str) -> Policy | None:
    """The policy of a room if it is on and wants something of bots. Raises as `policy_of` does."""
    policy = policy_of(name)
    return policy if policy and policy.does_something and not row_of(name).is_off else None


def session_in(name: str) -> Session | None:
    """The session that takes place in a room."""
    found = db.query(RoomToSession).filter_by(room_name=name).first()
    return found.session if found else None


def row_of(name: str) -> RoomPolicy:
    """What we know of a room."""
    row = db.query(RoomPolicy).filter_by(room_name=name).first()
    if row is None:
        row = RoomPolicy(room_name=name, is_off=False, session_code="", has_seated=False, error="")
        db.add(row)
        db._db.flush()
    return row


def stop_bots(name: str, session: Session) -> None:
    """Stops the bots that a room's policy has started in a session."""
    by = db.query(Launch.id).filter_by(session_id=session.id, started_by=started_by(name))
    launches.stop(db.query(Bot).filter(Bot.launch_id.in_([launch_id for (launch_id,) in by])).all())


def started_by(name: str) -> str:
    """How launches say that a room has started them."""
    return f"room {name}"


def doing(name: str) -> list[str]:
    """What bots are doing in a room now, and what they will do next, in sentences."""
    row, policy, session = row_of(name), policy_of(name), session_in(name)
    if policy is None or not policy.does_something:
        return ["Bots do nothing in this room by themselves."]
    if row.is_off:
        return ["Off: bots start nothing in this room by themselves.", *_playing(name, session)]
    if session is None:
        return [_words(policy)]
    if row.error:
        return [f"Bots could not be started: {row.error}", "Change the policy, or switch it off and on, to try again."]
    now, since = time.time(), row.since if row.session_code == session.code else time.time()
    return [*_free(policy, session, now - since), *_idle(policy, session, now, since), *_playing(name, session)]


def described(name: str) -> dict[str, Any]:
    """What a room's panel shows."""
    try:
        policy, lines = policy_of(name), doing(name)
    except BotexError as error:
        return {"lines": [str(error)], "state": "error", "session": "", "plays": False}
    session, row = session_in(name), row_of(name)
    state = "none" if not (policy and policy.does_something) else "off" if row.is_off else "on"
    return {
        "lines": lines,
        "state": state,
        "session": session.code if session else "",
        "plays": bool(_playing(name, session)),
    }


def _try_to_look_after(name: str, policy: Policy, session: Session) -> None:
    """Whatever goes wrong in a room is told there, keeps no other room from its bots, and is not tried again."""
    now, row = time.time(), row_of(name)
    if row.session_code != session.code:
        row.session_code, row.since, row.has_seated, row.error = session.code, now, False, ""
        db.commit()
    if row.error:
        return
    try:
        _look_after(name, policy, session, now)
    except Exception as error:
        db.rollback()
        known, inside = isinstance(error, BotexError), f"An error inside otree-botex ({type(error).__name__}: {error})."
        why = str(error) if known else f"{inside} Please report it."
        row_of(name).error = why
        logger.error("Room %s: bots could not be started. %s", name, why, exc_info=not known)
    db.commit()


def _look_after(name: str, policy: Policy, session: Session, now: float) -> None:
    row = row_of(name)
    has_seated, row.has_seated = row.has_seated, True  # goes into the database with the bots themselves
    if policy.seats and not has_seated:
        _launch(name, session, seats.free(session)[-policy.seats :], policy)
    if policy.fill_after is not None and now - row.since >= policy.fill_after:
        _fill(name, session, policy)
    if policy.stand_in_after is not None:
        inactive = [seat for seat, _ in _people(session, now, row.since, policy.stand_in_after)]
        _launch(name, session, inactive, policy, stand_in=inactive)


def _fill(name: str, session: Session, policy: Policy) -> None:
    """Bots take the seats that nobody has opened. Where a room knows who may come, each has somebody's label, and is
    that person's should it come after all."""
    free, room = seats.free(session), ROOM_DICT[name]
    labels = list(room.get_participant_labels()) if free and room.has_participant_labels else []
    come = {seat.label for seat in seats.of_session(session)} if labels else set()
    missing = dict(zip(free, [label for label in labels if label not in come], strict=False))
    _launch(name, session, free, policy, stand_in=list(missing))
    for seat, label in missing.items():
        seat.set_label(label)


def _launch(
    name: str, session: Session, taken: Sequence[Participant], policy: Policy, stand_in: Sequence[Participant] = ()
) -> None:
    """Puts bots on these seats, on some of them only as long as their person does not come."""
    if taken:
        launches.launch(session, taken, policy.plan(), started_by(name), stand_in)


def _people(session: Session, now: float, since: float, least: float) -> list[tuple[Participant, float]]:
    """The people who are to do something and have not for at least so many seconds, and for how many. Who waits for
    others is none of them, nor is the seat of a bot that has failed, which the experimenter has to look at, nor one
    where nobody has been since its bot was stopped: the experimenter, or a budget, has stopped it."""
    on_their_way = db.query(Participant).filter(
        *(Participant.session_id == session.id, Participant.visited.is_(True)),
        Participant._index_in_pages <= Participant._max_page_index,
        or_(
            func.coalesce(Participant._last_request_timestamp, 0) <= now - least,
            Participant.code.in_(presence.idle_since(now - least)),
        ),
    )
    quiet = on_their_way.order_by(Participant.id_in_session).all()
    of_seats = db.query(Bot).filter(Bot.participant_id.in_([seat.id for seat in quiet])).order_by(Bot.id)
    bots = {bot.participant_id: bot for bot in of_seats} if quiet else {}
    found = []
    for seat in quiet:
        bot = bots.get(seat.id)
        is_theirs = bot is None or (bot.state == "stopped" and presence.last_here(seat) > (bot.ended_at or 0))
        idle = now - (presence.active(seat) or since)
        if is_theirs and not _waits(seat) and idle >= least:
            found.append((seat, idle))
    return found


def _waits(seat: Participant) -> bool:
    """Whether a participant waits for others. Once waiting is over, oTree counts the time anew."""
    is_over = (seat._last_page_timestamp or 0) > (seat._last_request_timestamp or 0)
    return bool(seat.is_on_wait_page) and not is_over


def _standing_in() -> dict[str, int]:
    playing = db.query(Bot.participant_code, Bot.id).filter(
        Bot.stands_in.is_(True), Bot.stop_wanted.is_(False), Bot.state.notin_(ENDED)
    )
    return {code: bot for code, bot in playing}


def _words(policy: Policy) -> str:
    """What a policy wants, in a sentence."""
    models = ", ".join(dict.fromkeys(row.model for row in policy.plan().rows))
    wants: list[str] = []
    if policy.seats:
        wants.append(f"take {count(policy.seats, 'seat')}")
    if policy.fill_after is not None:
        wants.append(f"fill the seats that nobody has opened after {lasted(policy.fill_after)}")
    if policy.stand_in_after is not None:
        wants.append(f"stand in for people who are inactive for {lasted(policy.stand_in_after)}")
    return f"When a session begins in this room, bots ({models}) {'; '.join(wants)}."


def _free(policy: Policy, session: Session, passed: float) -> list[str]:
    everybody = db.query(Participant.id).filter_by(session_id=session.id)
    free, total = len(seats.free(session)), everybody.count()
    if not free:
        over = not everybody.filter(Participant._index_in_pages <= Participant._max_page_index).count()
        return ["All participants are at the end." if over else "No seat is free."]
    said = f"{free} of {total} seats {'is' if free == 1 else 'are'} free"
    if policy.fill_after is None:
        return [f"{said}."]
    left = max(policy.fill_after - passed, 0)
    return [f"{said}; bots fill {'it' if free == 1 else 'them'} in {lasted(round(left))}."]


def _idle(policy: Policy, session: Session, now: float, since: float) -> list[str]:
    after = policy.stand_in_after
    if after is None:
        return []
    return [
        f"P{seat.id_in_session} has been inactive for {lasted(round(idle))}; a bot stands in at {lasted(after)}."
        for seat, idle in _people(session, now, since, least=min(after / 2, 30))
    ]


def _playing(name: str, session: Session | None) -> list[str]:
    if session is None:
        return []
    bots = db.query(Bot).join(Launch, Launch.id == Bot.launch_id)
    of_room = bots.filter(Launch.session_id == session.id, Launch.started_by == started_by(name)).order_by(Bot.number)
    playing = [bot for bot in of_room if bot.state not in ENDED and not bot.stop_wanted]
    instead = [f"P{bot.number}" for bot in playing if bot.stands_in]
    others = len(playing) - len(instead)
    said = [f"A bot stands in for {', '.join(instead)}."] if len(instead) == 1 else []
    said += [f"Bots stand in for {', '.join(instead)}."] if len(instead) > 1 else []
    return said + ([f"Bots of this room play on {count(others, 'seat')}."] if others else [])
