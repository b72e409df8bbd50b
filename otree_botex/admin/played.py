"""What bots of a session played, looked up in a handful of queries, however many bots and pages there are."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from otree.api import WaitPage
from otree.database import db
from otree.models import Participant, Session
from sqlalchemy import func

from ..models import Bot, Event, Step
from . import in_browser, sequence, status
from .places import Place, Played, Seat, by_number

SHOWN = (
    *("bot_id", "number", "app", "page", "page_number", "round_number", "kind", "fields_json", "timeout"),
    *("needs_script", "driver", "answers_json", "remark", "attempts", "refusals_json", "outcome", "seconds"),
    "untouched",
)
"""What reports need of a step; its text is not among it."""


def played(session: Session, bots: Sequence[Bot]) -> Played:
    """What these bots played."""
    now = status.of_bots(list(bots))
    steps = [step for step in _steps(bots) if step.kind != "end" and step.page_number is not None]
    places = _places(session, steps)
    last, end = _sort_in(steps, places), max(by_number(places), default=0) + 1
    return Played(_seats(bots, now, last, end), places, _ends(bots), _events(bots), now)


def _places(session: Session, steps: Sequence[Any]) -> list[Place]:
    """All pages of the session's page sequence; a page that stands twice in an app's sequence is two. Pages that bots
    saw and that the sequence does not have any more are among them, where they were."""
    places: dict[tuple[str, int | str], Place] = {}
    seen: Counter[tuple[str, int]] = Counter()
    gone = {_key(step): step for step in steps}
    for number, page in sequence.pages(session).items():
        position = seen[page.app_name, page.round_number]
        seen[page.app_name, page.round_number] += 1
        new = Place(page.app_name, page.page_class.__name__, issubclass(page.page_class, WaitPage))
        places.setdefault((page.app_name, position), new).numbers[page.round_number] = number
        gone.pop((page.app_name, page.page_class.__name__, page.round_number), None)
    for order, step in enumerate(sorted(gone.values(), key=lambda step: step.page_number), start=1):
        new = Place(step.app, step.page, step.kind == "wait")
        before = step.page_number - 1 + order / (len(gone) + 1)  # its number may be another page's now
        places.setdefault((step.app, step.page), new).numbers[step.round_number or 1] = before
    return sorted(places.values(), key=lambda place: min(place.numbers.values()))


def _sort_in(steps: Sequence[Any], places: Sequence[Place]) -> dict[int, tuple[float, Any]]:
    """Puts steps to the pages that they saw, wherever these stand now. Returns each bot's last step, and its page's
    number."""
    alike: dict[tuple[str, str, int], list[tuple[float, Place]]] = defaultdict(list)
    for place in places:
        for round_number, number in place.numbers.items():
            alike[place.app, place.page, round_number].append((number, place))
    last = {}
    for step in steps:
        number, place = min(alike[_key(step)], key=lambda one: abs(one[0] - step.page_number))
        place.steps.append(step)
        last[step.bot_id] = number, step
    return last


def _key(step: Any) -> tuple[str, str, int]:
    return step.app, step.page, step.round_number or 1


def _seats(
    bots: Sequence[Bot], now: Sequence[dict[str, Any]], last: Mapping[int, tuple[float, Any]], end: float
) -> dict[int, Seat]:
    """The bots' seats; `last` has their last steps, and `end` is the number behind all pages."""
    taken = [bot.participant_id for bot in bots]
    columns = (Participant.id, Participant._index_in_pages, Participant._max_page_index)
    at = {
        participant: index if index <= most else end
        for participant, index, most in db.query(*columns).filter(Participant.id.in_(taken))
    }
    latest = dict(
        db.query(Bot.participant_id, func.max(Bot.id))
        .filter(Bot.participant_id.in_(taken))
        .group_by(Bot.participant_id)
    )
    return {
        bot.id: Seat(
            bot.number,
            bot.participant_code,
            one["state"],
            one["error"],
            bot.cause,
            _at(bot, one["state"], last.get(bot.id), at[bot.participant_id], latest[bot.participant_id] != bot.id),
        )
        for bot, one in zip(bots, now, strict=True)
    }


def _at(bot: Bot, state: str, last: tuple[float, Any] | None, index: float, is_taken: bool) -> float:
    """Where a bot is, or got to. Its seat may have gone on without it: another bot took it, or a person, or somebody
    moved it on. One that met an error of oTree's behind its last page is where its participant is."""
    if last is None:
        return 0 if is_taken else index
    has_met_error = state == "failed" and bot.cause == "page" and _was_left(last[1])
    is_itself = not is_taken and (has_met_error or state not in ("failed", "stopped"))
    return index if is_itself else last[0]


def _was_left(step: Any) -> bool:
    """Whether a bot has done all that a page wanted of it, even if what came then was an error."""
    if step.outcome not in (None, "interrupted"):
        return True
    is_to_read = step.fields_json == "[]" and step.refusals_json == "[]" and not step.needs_script
    return step.answers_json is not None or is_to_read


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
