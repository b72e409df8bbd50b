"""What bots could do on one page of a session, all of them together, the rounds folded together. Pure."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from ..records import ENDED
from . import in_browser
from .places import Place, Seat

BY = {"reply": "the check of the reply", "form": "the form", "server": "oTree"}
"""Who refuses what a bot answers, for people."""
DONE = ("submitted", "read", "waited", "timed out")
"""Pages left like this were passed by the bot itself."""


def page(place: Place, seats: Mapping[int, Seat], happened: in_browser.Happened) -> dict[str, Any]:
    """One page as plain values; `seats` has all bots of the report."""
    numbers = set(place.numbers.values())
    seen = {step.bot_id for step in place.steps}
    here = {bot for bot, seat in seats.items() if seat.at in numbers}
    beyond = {bot for bot, seat in seats.items() if seat.at > min(numbers)} - here
    # a page that sends participants to another site keeps them, by oTree's reckoning; the last to come need not wait
    ended = {bot for bot in here if seats[bot].state == "finished"}
    # of several rounds some may have been played, and a bot may have been stopped between two pages
    done = {step.bot_id for step in place.steps if step.outcome in DONE}
    passed = ended | done | (beyond if place.is_wait else seen - here)
    state = _state([seats[bot] for bot in here], bool(passed), bool(beyond))
    if place.needs_script:
        state = "needs a browser"
    elif state == "passed" and any(step.untouched for step in place.steps):
        state = "undecided"
    rounds = place.rounds({step.round_number or 1 for step in place.steps})
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


def label(asked: Mapping[str, Any]) -> str:
    """What a participant calls a field: its label, and where it has none its name."""
    return str(asked.get("label") or asked["name"]).rstrip(" :")


def _kind(place: Place, happened: in_browser.Happened) -> str:
    if place.is_wait:
        return "wait page"
    if not place.steps:
        return "page"
    if in_browser.is_acted_on(place.steps, happened):
        return "by script"
    return "form" if any(step.fields_json != "[]" for step in place.steps) else "read only"


def _state(here: list[Seat], is_passed: bool, is_behind: bool) -> str:
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
    for fields_json in dict.fromkeys(step.fields_json for step in steps):  # most bots see the same fields
        for asked in json.loads(fields_json):
            if "decides" in asked:  # a control of a page in a browser
                continue
            new = {
                "label": label(asked),
                "what": asked["what"],
                "options": [option for option in asked["options"] if option],
                "varies": False,
            }
            first = questions.setdefault(asked["name"], new)
            first["varies"] = first["varies"] or any(first[part] != new[part] for part in ("label", "what", "options"))
    return list(questions.values())


def _refusals(steps: list[Any], more: Iterable[tuple[str, str]]) -> list[dict[str, Any]]:
    """What was refused, by whom, and how often, with `more` of it; the most frequent first."""
    times = Counter(more)
    for step in steps:
        refused = json.loads(step.refusals_json)
        labels = {asked["name"]: label(asked) for asked in json.loads(step.fields_json)} if refused else {}
        for refusal in refused:
            for name, text in refusal["messages"].items():
                times[BY[refusal["by"]], f"“{labels.get(name, name)}”: {text}" if name else text] += 1
    return [{"by": by, "text": text, "times": number} for (by, text), number in times.most_common()]
