"""When the people of a room were last active, where bots stand in for them.

oTree notes each request for a participant's page, but a tab that was left open makes requests, too: page after page is
sent by its timer, and oTree's own second process does the same. So what people did by hand is noted here, and how long
each has waited for others since.

It is kept in memory, and for participants who are `watched` alone. After a restart of the server, and when a room's
policy begins to want it, the last request that oTree knows of counts, whoever made it.
"""

from __future__ import annotations

import time
from collections.abc import Collection
from dataclasses import dataclass

from otree.database import db
from otree.models import Participant


@dataclass
class _Person:
    by_hand: float
    """When it last did something."""
    waited: float = 0.0
    """So many seconds since then it had nothing to do but to wait."""


@dataclass(frozen=True)
class Before:
    """How oTree knew a participant before a request: whether it waited, and since when there was no request."""

    waits: bool
    since: float


watched: frozenset[str] = frozenset()
"""The codes of the participants whose requests are to be judged."""
_people: dict[str, _Person] = {}


def watch(sessions: Collection[int]) -> None:
    """From now on the participants of these sessions are watched, and no others."""
    global watched
    codes = db.query(Participant.code).filter(Participant.session_id.in_(sessions)) if sessions else ()
    watched = frozenset(code for (code,) in codes)
    for code in _people.keys() - watched:
        del _people[code]


def before(code: str) -> Before:
    """How oTree knows a participant now, whose page is asked for."""
    asked = db.query(Participant.is_on_wait_page, Participant._last_request_timestamp).filter_by(code=code).first()
    waits, since = asked or (False, None)
    return Before(bool(waits), since or time.time())


def note(code: str, was: Before, by_hand: bool) -> None:
    """A participant's page was asked for, by a person or by a tab of its own accord."""
    if code not in watched:
        return
    now = time.time()
    if by_hand:
        _people[code] = _Person(now)
        return
    person = _people.setdefault(code, _Person(was.since))
    if was.waits:
        person.waited += now - was.since


def last_here(seat: Participant) -> float:
    """When a person, as far as that is known, last opened or sent a page; 0 if nobody ever did."""
    person = _people.get(seat.code)
    return person.by_hand if person else float(seat._last_request_timestamp or 0)


def active(seat: Participant) -> float:
    """Since when a participant, who does not wait now, has done nothing though it could have; 0 if it never came."""
    asked, left = float(seat._last_request_timestamp or 0), float(seat._last_page_timestamp or 0)
    person = _people.get(seat.code)
    if person is None:
        return max(asked, left)
    # who has not come since waiting was over has waited until then, which oTree notes as the end of a page
    return person.by_hand + person.waited + (max(left - asked, 0) if seat.is_on_wait_page else 0)


def idle_since(moment: float) -> list[str]:
    """The participants of whom a person has done nothing since then, whatever their tabs did."""
    return [code for code, person in _people.items() if person.by_hand + person.waited <= moment]
