"""What the bots of a session could do, page by page in the order of its page sequence, the rounds folded together.

The same report stands in the admin, in the REST API and in `otree-botex check`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from otree.models import Session

from ..records import ENDED
from ..words import count
from . import page_report, status
from .places import Place, Seat, by_number, named, stranded, where
from .played import played


def of_session(session: Session) -> dict[str, Any]:
    """The report as plain values, ready for JSON: `config`, `session`, `bots`, `finished` (how many), `ended` (whether
    all have), `pages`, `ends` (what bots found behind the last one), `problems` (sentences: who, where, why, what to
    do) and a `summary`, one line."""
    found = played(session, status.latest_bots(session.id))
    seats, places = list(found.seats.values()), by_number(found.places)
    pages = [page_report.page(place, found.seats, found.happened) for place in found.places]
    finished = sum(seat.state == "finished" for seat in seats)
    return {
        "config": session.config["name"],
        "session": session.code,
        "bots": [
            {"seat": seat.seat, "state": seat.state, "error": seat.error, "page": where(seat, places)} for seat in seats
        ],
        "finished": finished,
        "ended": all(seat.state in ENDED for seat in seats),
        "pages": pages,
        "ends": [{"text": text, "times": times} for text, times in found.ends.most_common()],
        "problems": _problems(seats, places, pages),
        "summary": _summary(finished, seats, pages),
    }


def _problems(seats: Sequence[Seat], places: Mapping[float, Place], pages: list[dict[str, Any]]) -> list[str]:
    """Who did not get to the end, where, and why; bots that fared alike are named together."""
    problems = [
        f"{named(together)} on {where(together[0], places)}: {why}" for together, why in stranded(seats, places)
    ]
    for page in (page for page in pages if page["untouched"]):
        names = ", ".join(f"P{one['seat']}" for one in page["untouched"])
        problems.append(
            f"{names} left {page['title']} without touching any of its controls: nothing was decided there."
        )
    missed = sum(page["state"] == "not reached" for page in pages)
    if problems and missed:
        problems.append(f"{count(missed, 'page')} after that could not be checked.")
    return problems


def _summary(finished: int, seats: Sequence[Seat], pages: list[dict[str, Any]]) -> str:
    playing = sum(seat.state not in ENDED for seat in seats)
    missing, played = (sum(bool(page[name]) for page in pages) for name in ("needs_browser", "in_browser"))
    undecided = sum(bool(page["untouched"]) for page in pages)
    told = [f"{count(played, 'page')} played in a browser"] if played else []
    told += [f"{undecided} of them left without a decision"] if undecided else []
    if missing:
        told.append(f"{count(missing, 'page')} need{'s' if missing == 1 else ''} a browser")
    elif not played:
        unseen = any(page["state"] == "not reached" for page in pages)
        told.append("no page that was reached needs a browser" if unseen else "no page needs a browser")
    still = f", {playing} still playing" if playing else ""
    return f"{finished} of {len(seats)} bots finished{still}; {', '.join(told)}."
