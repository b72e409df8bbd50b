"""What needs attention, the gravest first, and what the whole report says in a few sentences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ...records import ENDED
from ...words import count
from ..page_report import BY
from ..places import Seat, by_number, stranded
from .gathered import Gathered
from .words import joined, seats, short

LEVELS = ("danger", "warning", "hint")
"""What stops bots or spoils data; what people are likely to stumble over; what may be as it should be."""
HALF = 0.5
"""A field where at least this share of the bots gave a wrong answer at first is worth a look."""
OFTEN = 2
"""So many bots whose replies did not fit the form are worth a hint."""


def points(found: Gathered, pages: Sequence[dict[str, Any]], payoffs: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Each has a `level`, a `text`, and the number of the `page` that it is about, 0 if it is about none. Pages that
    nobody could finish come first, and of equals those that concern more bots."""
    every = [*_stranded(found), *_without_page(found, payoffs)]
    for page in pages:
        every += [(level, bots, text, page["number"]) for level, bots, text in _of_page(page)]
    every.sort(key=lambda one: (LEVELS.index(one[0]), -one[1]))
    nobody = [
        {"level": "danger", "text": f"Nobody could finish this page: {_why_stuck(page)}.", "page": page["number"]}
        for page in pages
        if page["stuck"]
    ]
    return nobody + [{"level": level, "text": text, "page": number} for level, _, text, number in every]


def summary(found: Gathered, pages: Sequence[dict[str, Any]], needs: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """The report in one `headline` and two or three sentences, and how grave it is: its `level`."""
    bots = list(found.bots.values())
    finished = sum(who.state == "finished" for who in bots)
    playing = sum(who.state not in ENDED for who in bots)
    serious = [one for one in needs if one["level"] != "hint"]
    stuck = [page["title"] for page in pages if page["stuck"]]
    if stuck:
        level, headline = "danger", f"Nobody could finish {joined(stuck)}."
    elif playing:
        level, headline = "open", f"{count(playing, 'bot')} still playing: this is how far they have come."
    elif finished < len(bots):
        level, headline = "danger", f"{len(bots) - finished} of {count(len(bots), 'bot')} did not get to the end."
    elif any(one["level"] == "danger" for one in needs):
        level, headline = "danger", "All bots got to the end, but not as they should."
    elif serious:
        level, headline = "warning", f"It works, with {count(len(serious), 'thing')} to look at."
    else:
        level, headline = "good", "It works, and nothing stands out."
    return {"level": level, "headline": headline, "text": " ".join(_sentences(found, pages, finished))}


def _sentences(found: Gathered, pages: Sequence[dict[str, Any]], finished: int) -> Iterator[str]:
    reached = [page for page in pages if page["reached"]]
    gone = "All" if finished == len(found.bots) > 1 else f"{finished} of"
    seen = "all pages" if len(reached) == len(pages) else f"{len(reached)} of {count(len(pages), 'page')}"
    yield f"{gone} {count(len(found.bots), 'bot')} played to the end, {seen} were seen."
    wrong = max(pages, key=lambda page: max((one["times"] for one in page["quiz"]), default=0), default=None)
    if wrong and wrong["quiz"]:
        some = sum(bool(page["quiz"]) for page in pages)
        worst = max(wrong["quiz"], key=lambda one: int(one["times"]))
        missed = worst["bots"] - worst["at_once"]
        of = f"{missed} of {count(worst['bots'], 'bot')} did not get through at once"
        on = f"{count(some, 'page')}, most often on " if some > 1 else ""
        yield f"oTree refused answers on {on}{wrong['title']}, where {of}."
    said = [page for page in pages if page["remarked"]]
    if said:
        most = max(said, key=lambda page: int(page["remarked"]))
        on = f"{count(len(said), 'page')}, most of them on " if len(said) > 1 else ""
        yield f"{'Bots' if most['remarked'] > 1 else 'A bot'} found something unclear or wrong on {on}{most['title']}."
    elif any(page["nothing"] for page in pages):
        yield "No bot found anything unclear or wrong."


def _why_stuck(page: Mapping[str, Any]) -> str:
    if page["needs_browser"]:
        return f"{count(page['reached'], 'bot')} came to it, and it needs a browser"
    return f"{count(page['reached'], 'bot')} came to it, and none got past it"


def _stranded(found: Gathered) -> Iterator[tuple[str, int, str, int]]:
    every, places = list(found.played.seats.values()), by_number(found.played.places)
    numbers = {id(place): number for number, place in enumerate(found.played.places, start=1)}
    for together, why in stranded(every, places):
        place = places.get(together[0].at)
        number = numbers[id(place)] if place else 0
        yield "danger", len(together), f"{_fared(together)}: {short(why)}", number


def _fared(together: Sequence[Seat]) -> str:
    words = {"failed": "failed", "stopped": "stopped", "waiting": "got no further"}
    return f"{seats(seat.seat for seat in together)} {words[together[0].state]}"


def _without_page(found: Gathered, payoffs: Mapping[str, Any]) -> Iterator[tuple[str, int, str, int]]:
    zero = payoffs["zero"]
    if zero and len(zero) == payoffs["bots"]:
        yield "hint", len(zero), "Every payoff is 0. If bots are to earn something, the experiment does not set it.", 0
    elif zero:
        yield "hint", len(zero), f"{seats(zero)} got a payoff of 0.", 0


def _of_page(page: Mapping[str, Any]) -> Iterator[tuple[str, int, str]]:
    if page["untouched"]:
        gone = {one["seat"] for one in page["untouched"]}
        text = f"{seats(gone)} left it without touching any of its controls: nothing was decided there."
        yield "danger", len(gone), text
    for one in page["limits"]:
        yield "danger", one["times"], f"A limit of the launch, {one['limit']}, was reached {_times(one['times'])}."
    if page["timed_out"]:
        timer = f" (timer: {page['timer']} s)" if page["timer"] else ""
        level = "warning" if page["fields"] or page["controls"] else "hint"  # it may be there to be read for so long
        yield level, page["timed_out"], f"The time was up for {count(page['timed_out'], 'bot')}{timer}."
    if page["moved_on"]:
        yield "warning", page["moved_on"], f"Somebody else moved {count(page['moved_on'], 'bot')} on."
    yield from _of_fields(page)
    if page["remarked"]:
        first = page["remarks"][0]["wordings"][0]["text"]
        text = f"{count(page['remarked'], 'bot')} found something unclear or wrong: “{short(first)}”"
        yield "warning", page["remarked"], text


def _of_fields(page: Mapping[str, Any]) -> Iterator[tuple[str, int, str]]:
    for one in page["quiz"]:
        missed = one["bots"] - one["at_once"]
        grave = missed >= HALF * one["bots"]
        what = f"to “{short(one['label'])}”" if one["field"] else "as a whole"
        text = _ended(f"oTree refused the first answer of {missed} of {count(one['bots'], 'bot')} {what}")
        yield "warning" if grave else "hint", missed, text
    for one in page["refused"]:
        if one["by"] in (BY["form"], BY["reply"]) and one["bots"] >= OFTEN:
            text = (
                f"Replies of {count(one['bots'], 'bot')} did not fit “{short(one['label'])}”, {_times(one['times'])}."
            )
            yield "hint", one["bots"], text
    for one in page["fields"]:
        if one["unfilled"]:
            yield "warning", one["empty"], _ended(f"Nobody filled “{short(one['label'])}”")
        elif one["alike"]:
            text = f"All {one['answers']} answers to “{short(one['label'])}” were alike: {short(one['alike'])}"
            yield "hint", one["answers"], f"{_ended(text)} A ceiling, a default, or a dominant choice?"


def _ended(text: str) -> str:
    """A sentence with its full stop, unless what it quotes in the end has one."""
    return text if text.rstrip("”").endswith((".", "?", "!")) else f"{text}."


def _times(number: int) -> str:
    return "once" if number == 1 else f"{number} times"
