"""What the bots of a session could do, page by page in the order of its page sequence, the rounds folded together.

The same report stands in the admin, in the REST API and in `otree-botex check`.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Any

from otree.api import WaitPage
from otree.database import db
from otree.lookup import get_page_lookup
from otree.models import Participant, Session

from ..models import Bot, Step
from ..records import ENDED
from . import in_browser, status
from .transcript import BY

SHOWN = (
    *("bot_id", "number", "page_number", "kind", "text", "fields_json", "refusals_json", "timeout", "needs_script"),
    *("driver", "untouched"),
)


@dataclass
class _Seat:
    """A bot, and the number of the page where its participant is; after the end, one more than there are pages."""

    seat: int
    participant: str
    state: str
    error: str
    cause: str
    at: int


@dataclass
class _Place:
    """One page of an app's page sequence: its number in the session's sequence by round, and who saw it there."""

    app: str
    page: str
    is_wait: bool
    numbers: dict[int, int] = field(default_factory=dict)
    steps: list[Any] = field(default_factory=list)

    @property
    def needs_script(self) -> str:
        """Why bots that had no browser could not play it; empty if none was stopped by that."""
        return next((step.needs_script for step in self.steps if step.needs_script and step.driver == "http"), "")

    def rounds(self, numbers: Collection[int]) -> list[int]:
        """The rounds in which the page has one of these numbers."""
        return [round_number for round_number, number in self.numbers.items() if number in numbers]

    def title(self, rounds: list[int]) -> str:
        name = f"{self.app} / {self.page}"
        return name if len(self.numbers) == 1 else f"{name}, {_rounds(rounds or list(self.numbers))}"


def of_session(session: Session) -> dict[str, Any]:
    """The report as plain values, ready for JSON: `config`, `session`, `bots`, `finished` (how many), `ended` (whether
    all have), `pages`, `ends` (what bots found behind the last one), `problems` (sentences: who, where, why, what to
    do) and a `summary`, one line."""
    bots = status.latest_bots(session.id)
    seats = _seats(bots)
    places = _places(session)
    by_number = {number: place for place in places for number in place.numbers.values()}
    ends: Counter[str] = Counter()
    for step in _steps(bots):
        if step.kind == "end":
            ends[step.text] += 1
        elif step.page_number in by_number:
            by_number[step.page_number].steps.append(step)
    happened = in_browser.events(bots)
    pages = [_page(place, seats, happened) for place in places]
    finished = sum(seat.state == "finished" for seat in seats.values())
    return {
        "config": session.config["name"],
        "session": session.code,
        "bots": [
            {"seat": seat.seat, "state": seat.state, "error": seat.error, "page": _where(seat, by_number)}
            for seat in seats.values()
        ],
        "finished": finished,
        "ended": all(seat.state in ENDED for seat in seats.values()),
        "pages": pages,
        "ends": [{"text": text, "times": times} for text, times in ends.most_common()],
        "problems": _problems(list(seats.values()), by_number, pages),
        "summary": _summary(finished, list(seats.values()), pages),
    }


def _seats(bots: list[Bot]) -> dict[int, _Seat]:
    at = dict(
        db.query(Participant.id, Participant._index_in_pages).filter(
            Participant.id.in_([bot.participant_id for bot in bots])
        )
    )
    shown = status.of_bots(bots)
    return {
        bot.id: _Seat(bot.number, bot.participant_code, now["state"], now["error"], bot.cause, at[bot.participant_id])
        for bot, now in zip(bots, shown, strict=True)
    }


def _places(session: Session) -> list[_Place]:
    """All pages of the session's page sequence; a page that stands twice in an app's sequence is two."""
    places: dict[tuple[str, int], _Place] = {}
    seen: Counter[tuple[str, int]] = Counter()
    last = db.query(Participant._max_page_index).filter_by(session_id=session.id).first()
    for number in range(1, (last[0] if last else 0) + 1):
        page = get_page_lookup(session.code, number)
        position = seen[page.app_name, page.round_number]
        seen[page.app_name, page.round_number] += 1
        new = _Place(page.app_name, page.page_class.__name__, issubclass(page.page_class, WaitPage))
        places.setdefault((page.app_name, position), new).numbers[page.round_number] = number
    return list(places.values())


def _steps(bots: list[Bot]) -> Iterable[Any]:
    columns = [getattr(Step, name) for name in SHOWN]
    return db.query(*columns).filter(Step.bot_id.in_([bot.id for bot in bots])).order_by(Step.bot_id, Step.number)


def _page(place: _Place, seats: dict[int, _Seat], happened: in_browser.Happened) -> dict[str, Any]:
    numbers = set(place.numbers.values())
    seen = {step.bot_id for step in place.steps}
    here = {bot for bot, seat in seats.items() if seat.at in numbers}
    beyond = {bot for bot, seat in seats.items() if seat.at > min(numbers)} - here
    # a page that sends participants to another site keeps them, by oTree's reckoning; the last to come need not wait
    ended = {bot for bot in here if seats[bot].state == "finished"}
    passed = ended | (beyond if place.is_wait else seen - here)
    state = _state([seats[bot] for bot in here], bool(passed), bool(beyond))
    if place.needs_script:
        state = "needs a browser"
    elif state == "passed" and any(step.untouched for step in place.steps):
        state = "undecided"
    rounds = place.rounds({step.page_number for step in place.steps})
    timers = [step.timeout for step in place.steps if step.timeout is not None]
    return {
        "app": place.app,
        "page": place.page,
        "title": place.title(rounds),
        "rounds": rounds,
        "kind": _kind(place, happened),
        "state": state,
        "passed": len(passed),
        "reached": len(passed | here | seen),
        "skipped": 0 if place.is_wait else len(beyond - seen),
        "waited": len(seen) if place.is_wait else 0,
        "questions": _questions(place.steps),
        "refusals": _refusals(place.steps, in_browser.refusals(place.steps, happened)),
        "timer": round(max(timers)) if timers else None,
        "needs_browser": place.needs_script,
        **in_browser.of_page(place.steps, happened, {bot: seat.seat for bot, seat in seats.items()}),
    }


def _kind(place: _Place, happened: in_browser.Happened) -> str:
    if place.is_wait:
        return "wait page"
    if not place.steps:
        return "page"
    if in_browser.is_acted_on(place.steps, happened):
        return "by script"
    return "form" if any(step.fields_json != "[]" for step in place.steps) else "read only"


def _state(here: list[_Seat], is_passed: bool, is_behind: bool) -> str:
    """What became of the bots on a page, the worst first."""
    for state in ("failed", "stopped"):
        if any(seat.state == state for seat in here):
            return state
    if any(seat.at and seat.state not in ENDED for seat in here):
        return "playing"
    if is_passed:
        return "passed"
    return "not shown" if is_behind else "not reached"


def _questions(steps: list[Any]) -> list[dict[str, Any]]:
    """What the page asks for, each question once; `varies` if it was not the same for all bots and rounds."""
    questions: dict[str, dict[str, Any]] = {}
    for step in steps:
        for asked in json.loads(step.fields_json):
            if "decides" in asked:  # a control of a page in a browser
                continue
            new = {
                "label": _label(asked),
                "what": asked["what"],
                "options": [option for option in asked["options"] if option],
                "varies": False,
            }
            first = questions.setdefault(asked["name"], new)
            first["varies"] = first["varies"] or any(first[part] != new[part] for part in ("label", "what", "options"))
    return list(questions.values())


def _label(asked: dict[str, Any]) -> str:
    return str(asked["label"] or asked["name"]).rstrip(" :")


def _refusals(steps: list[Any], more: Iterable[tuple[str, str]]) -> list[dict[str, Any]]:
    """What was refused, by whom, and how often, with `more` of it; the most frequent first."""
    times = Counter(more)
    for step in steps:
        labels = {asked["name"]: _label(asked) for asked in json.loads(step.fields_json)}
        for refusal in json.loads(step.refusals_json):
            for name, text in refusal["messages"].items():
                times[BY[refusal["by"]], f"“{labels.get(name, name)}”: {text}" if name else text] += 1
    return [{"by": by, "text": text, "times": number} for (by, text), number in times.most_common()]


def _problems(seats: list[_Seat], by_number: dict[int, _Place], pages: list[dict[str, Any]]) -> list[str]:
    """Who did not get to the end, where, and why; bots that fared alike are named together."""
    has_failed = any(seat.state == "failed" for seat in seats)
    alike: dict[tuple[int, str], list[_Seat]] = defaultdict(list)
    for seat in seats:
        if seat.state in ("failed", "stopped") or (has_failed and seat.state == "waiting"):
            alike[seat.at, seat.error.replace(seat.participant, "…")].append(seat)
    problems = []
    for (at, _), together in alike.items():
        names = ", ".join(f"P{seat.seat}" for seat in together)
        why = _why(together[0], by_number.get(at), has_failed)
        problems.append(f"{names} on {_where(together[0], by_number)}: {why}")
    for page in (page for page in pages if page["untouched"]):
        names = ", ".join(f"P{one['seat']}" for one in page["untouched"])
        problems.append(
            f"{names} left {page['title']} without touching any of its controls: nothing was decided there."
        )
    missed = sum(page["state"] == "not reached" for page in pages)
    if problems and missed:
        problems.append(f"{_pages(missed)} after that could not be checked.")
    return problems


def _why(seat: _Seat, place: _Place | None, has_failed: bool) -> str:
    """Why a bot did not get further, and what to do about it."""
    cause = ", most likely for those that failed" if has_failed else ""
    if seat.state == "waiting":
        return f"Waits for others{cause}. It can be stopped on the tab “LLM bots”."
    if seat.state == "stopped":
        return f"Stopped while waiting for others{cause}." if place and place.is_wait else "Stopped before the end."
    script = place.needs_script if place else ""
    if script and seat.cause != "setup":  # which would say what to install
        return f"The page needs a browser: {script}. These bots had to do without (driver “http”)."
    return seat.error


def _where(seat: _Seat, by_number: dict[int, _Place]) -> str:
    place = by_number.get(seat.at)
    if place is None:
        return "the end" if seat.at > max(by_number, default=0) else "the start"
    return place.title(place.rounds([seat.at]))


def _summary(finished: int, seats: list[_Seat], pages: list[dict[str, Any]]) -> str:
    playing = sum(seat.state not in ENDED for seat in seats)
    missing, played = (sum(bool(page[name]) for page in pages) for name in ("needs_browser", "in_browser"))
    undecided = sum(bool(page["untouched"]) for page in pages)
    told = [f"{_pages(played)} played in a browser"] if played else []
    told += [f"{undecided} of them left without a decision"] if undecided else []
    if missing:
        told.append(f"{_pages(missing)} need{'s' if missing == 1 else ''} a browser")
    elif not played:
        unseen = any(page["state"] == "not reached" for page in pages)
        told.append("no page that was reached needs a browser" if unseen else "no page needs a browser")
    still = f", {playing} still playing" if playing else ""
    return f"{finished} of {len(seats)} bots finished{still}; {', '.join(told)}."


def _pages(number: int) -> str:
    return f"{number} page{'' if number == 1 else 's'}"


def _rounds(rounds: list[int]) -> str:
    """ "round 2", "rounds 1-3", "rounds 1, 3"."""
    if len(rounds) == 1:
        return f"round {rounds[0]}"
    whole = rounds == list(range(rounds[0], rounds[-1] + 1))
    return "rounds " + (f"{rounds[0]}-{rounds[-1]}" if whole else ", ".join(map(str, rounds)))
