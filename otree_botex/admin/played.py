"""What bots of a session played, looked up in a handful of queries, however many bots and pages there are."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from otree.api import WaitPage
from otree.database import db
from otree.lookup import get_page_lookup
from otree.models import Participant, Session
from sqlalchemy import func

from ..models import Bot, Event, Step
from . import in_browser, status
from .places import Place, Played, Seat, by_number

SHOWN = (
    *("bot_id", "number", "page_number", "round_number", "kind", "fields_json", "timeout", "needs_script", "driver"),
    *("answers_json", "remark", "attempts", "refusals_json", "outcome", "seconds", "untouched"),
)
"""What reports need of a step; its text is not among it."""


def played(session: Session, bots: Sequence[Bot]) -> Played:
    """What these bots played."""
    now = status.of_bots(list(bots))
    places = _places(session)
    pages = by_number(places)
    for step in _steps(bots):
        if step.page_number in pages and step.kind != "end":
            pages[step.page_number].steps.append(step)
    return Played(_seats(bots, now), places, _ends(bots), _events(bots), now)


def _seats(bots: Sequence[Bot], now: Sequence[dict[str, Any]]) -> dict[int, Seat]:
    taken = [bot.participant_id for bot in bots]
    at = dict(db.query(Participant.id, Participant._index_in_pages).filter(Participant.id.in_(taken)))
    last = dict(
        db.query(Bot.participant_id, func.max(Bot.id))
        .filter(Bot.participant_id.in_(taken))
        .group_by(Bot.participant_id)
    )
    # where somebody else went on with the seat, the bot was no further than the last page that it saw
    left = [bot.id for bot in bots if last[bot.participant_id] != bot.id]
    seen = dict(db.query(Step.bot_id, func.max(Step.page_number)).filter(Step.bot_id.in_(left)).group_by(Step.bot_id))
    return {
        bot.id: Seat(
            bot.number,
            bot.participant_code,
            one["state"],
            one["error"],
            bot.cause,
            (seen.get(bot.id) or 0) if bot.id in left else at[bot.participant_id],
        )
        for bot, one in zip(bots, now, strict=True)
    }


def _places(session: Session) -> list[Place]:
    """All pages of the session's page sequence; a page that stands twice in an app's sequence is two."""
    places: dict[tuple[str, int], Place] = {}
    seen: Counter[tuple[str, int]] = Counter()
    last = db.query(Participant._max_page_index).filter_by(session_id=session.id).first()
    for number in range(1, (last[0] if last else 0) + 1):
        page = get_page_lookup(session.code, number)
        position = seen[page.app_name, page.round_number]
        seen[page.app_name, page.round_number] += 1
        new = Place(page.app_name, page.page_class.__name__, issubclass(page.page_class, WaitPage))
        places.setdefault((page.app_name, position), new).numbers[page.round_number] = number
    return list(places.values())


def _steps(bots: Sequence[Bot]) -> Iterable[Any]:
    columns = [getattr(Step, name) for name in SHOWN]
    return db.query(*columns).filter(Step.bot_id.in_([bot.id for bot in bots])).order_by(Step.bot_id, Step.number)


def _ends(bots: Sequence[Bot]) -> Counter[str]:
    rows = db.query(Step.text).filter(Step.bot_id.in_([bot.id for bot in bots]), Step.kind == "end")
    return Counter(text for (text,) in rows.order_by(Step.bot_id, Step.number))


def _events(bots: Sequence[Bot]) -> in_browser.Happened:
    """What happened on pages in a browser, as far as a report tells it."""
    found: dict[tuple[int, int], list[tuple[str, Any]]] = defaultdict(list)
    rows = db.query(Event.bot_id, Event.step, Event.what, Event.data_json)
    rows = rows.filter(Event.bot_id.in_([bot.id for bot in bots]), Event.what.in_(in_browser.READ))
    for bot, step, what, data in rows.order_by(Event.id):
        found[bot, step].append((what, json.loads(data)))
    return found
