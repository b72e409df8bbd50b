"""One page of the pre-test report: how it was left, what it took, what was answered, refused, remarked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from ... import check_text
from ...records import ENDED
from .. import in_browser, page_report
from ..places import Place
from . import answers, refusals, remarks
from .gathered import Gathered, Took, Who
from .remarks import Remark
from .words import plain, share, spread, whole

HOW = {
    "submitted": ("submitted", "good"),
    "read": ("read", "good"),
    "waited": ("waited", "good"),
    "end": ("at the end", "good"),
    "timed out": ("timed out", "bad"),
    "left": ("moved on by somebody else", "bad"),
    "interrupted": ("interrupted", "bad"),
    "": ("not left", "open"),
}
"""How pages are left, for people, and whether that is as it should be."""
MOST_WORDINGS = 5
"""So many wordings of one remark are shown."""


def page(number: int, place: Place, found: Gathered) -> dict[str, Any]:
    """The page as plain values: what the report of a check has of it, and more. `number` is its place in the report."""
    known = page_report.page(place, found.played.seats, found.played.happened)
    took = [found.took.get((step.bot_id, step.number), Took()) for step in place.steps]
    times = [step.seconds for step in place.steps if step.seconds is not None and step.outcome != "interrupted"]
    refused = [
        (step.bot_id, text) for step in place.steps for _, text in in_browser.refusals([step], found.played.happened)
    ]
    quiz = refusals.quiz(place.steps)
    return {
        **known,
        "number": number,
        "decided": list(check_text.decided(known)),
        "stuck": _is_stuck(known, place, found),
        "visits": len(place.steps),
        "left": _left(place),
        "timed_out": len({step.bot_id for step in place.steps if step.outcome == "timed out"}),
        "moved_on": len({step.bot_id for step in place.steps if step.outcome == "left"}),
        "seconds": _seconds(times),
        "calls": sum(one.calls for one in took),
        "calls_mean": plain(sum(one.calls for one in took) / len(took)) if took else 0,
        "tokens": sum(one.tokens for one in took),
        "cost": whole(one.cost for one in took),
        "fields": answers.of_page(place.steps, {one["field"] for one in quiz}),
        "refused": refusals.by_field(place.steps, refused),
        "quiz": quiz,
        **_remarks(place, found.bots),
    }


def _is_stuck(known: Mapping[str, Any], place: Place, found: Gathered) -> bool:
    """Whether bots came to a page, none got past it, and none is left that might; that they were stopped there says
    nothing of the page."""
    seats, numbers = found.played.seats.values(), place.numbers.values()
    coming = any(seat.state not in ENDED and seat.at <= max(numbers) for seat in seats)
    is_tried = any(seat.state != "stopped" for seat in seats if seat.at in numbers)
    return bool(known["reached"] and not known["passed"] and not coming and is_tried)


def _seconds(times: Sequence[float]) -> dict[str, Any] | None:
    found = spread(times)
    return {name: plain(round(seconds, 1)) for name, seconds in found.items()} if found else None


def _left(place: Place) -> list[dict[str, Any]]:
    """How often the page was left in which way, with the share of all visits for a bar."""
    times = Counter(step.outcome or "" for step in place.steps)
    whole = times.total()
    order = [*HOW, *times]
    known = {how: HOW.get(how, (how, "open")) for how in sorted(times, key=order.index)}
    return [
        {"how": words, "tone": tone, "times": times[how], "share": share(times[how], whole)}
        for how, (words, tone) in known.items()
    ]


def _remarks(place: Place, bots: Mapping[int, Who]) -> dict[str, Any]:
    """What was remarked: `remarks`, near-equal ones together; `remarked` bots said something, `nothing` of those that
    were asked said that there was nothing."""
    made = [
        Remark(step.bot_id, step.number, step.round_number, line)
        for step in place.steps
        for line in (step.remark or "").splitlines()  # each reply to the page may have had one
        if not remarks.says_nothing(line)
    ]
    answered = {step.bot_id for step in place.steps if step.outcome in answers.SENT and bots[step.bot_id].was_asked}
    remarked = {remark.bot for remark in made}
    return {
        "remarks": [_group(group, bots, len(place.numbers) > 1) for group in remarks.groups(made)],
        "remarked": len(remarked),
        "nothing": len(answered - remarked),
    }


def _group(group: list[Remark], bots: Mapping[int, Who], several_rounds: bool) -> dict[str, Any]:
    worded = remarks.wordings(group)
    return {
        "bots": len({remark.bot for remark in group}),
        "every": [{"text": remark.text, **_said_by(remark, bots[remark.bot], several_rounds)} for remark in group],
        "wordings": [
            {"text": text, "by": [_said_by(remark, bots[remark.bot], several_rounds) for remark in same]}
            for text, same in worded[:MOST_WORDINGS]
        ],
        "more": len(worded) - MOST_WORDINGS if len(worded) > MOST_WORDINGS else 0,
    }


def _said_by(remark: Remark, who: Who, several_rounds: bool) -> dict[str, Any]:
    return {
        "seat": who.seat,
        "bot": remark.bot,
        "step": remark.step,
        "round": remark.round_number,
        "several_rounds": several_rounds,
        "model": who.model,
        "persona": who.persona,
    }
