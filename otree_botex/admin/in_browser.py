"""What bots did on a page that they played in a browser, all of them together, for the report of a check.

Reaching the next page is not enough there: what counts is whether a decision was made.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .happened import LIMITS

READ = ("actions", "done", "form", "live out", "refused", "limit")
"""What a report tells of what happened."""
OF_OTREE = ("timeout_happened", "csrftoken")
"""What oTree itself has in its forms."""

Happened = Mapping[tuple[int, int], Sequence[tuple[str, Any]]]
"""What happened in each step, by bot and number: what it was, and its data."""


def of_page(steps: Iterable[Any], happened: Happened, seats: Mapping[int, int]) -> dict[str, Any]:
    """What bots did on one page, from their steps on it; `seats` has each bot's number of its seat.

    `in_browser` says why they played it in a browser, and is empty if none did; `untouched` names those who left it
    without touching any of its controls.
    """
    steps = [step for step in steps if step.driver == "browser"]
    of = [(step, happened.get((step.bot_id, step.number), ())) for step in steps]
    flat = [one for _, some in of for one in some]
    set_by_scripts, left_empty = _by_scripts(of)
    sent = Counter(data.get("by") == "page" for what, data in flat if what == "live out")
    limits = Counter(one for _, some in of for one in {(d["which"], d["of"]) for what, d in some if what == "limit"})
    return {
        "in_browser": next((step.needs_script for step in steps if step.needs_script), ""),
        "controls": _controls(of),
        "set_by_scripts": set_by_scripts,
        "left_empty": left_empty,
        "live_sent": sent.total(),
        "live_sent_by_page": sent[True],
        "limits": [{"limit": f"{most} {LIMITS[which]}", "times": times} for (which, most), times in limits.items()],
        "untouched": [
            {"seat": seats[step.bot_id], "bot": step.bot_id, "step": step.number} for step in steps if step.untouched
        ],
    }


def is_acted_on(steps: Iterable[Any], happened: Happened) -> bool:
    """Whether bots took actions on a page, or could have, rather than fill in its form."""
    return any(
        '"decides"' in step.fields_json
        or any(what == "actions" for what, _ in happened.get((step.bot_id, step.number), ()))
        for step in steps
    )


def refusals(steps: Iterable[Any], happened: Happened) -> Iterable[tuple[str, str]]:
    """What the browser refused to a page: by whom, and what."""
    for step in steps:
        for what, data in happened.get((step.bot_id, step.number), ()):
            if what == "refused":
                yield "the browser", f"{data['what']} {data['url']}"


def _controls(of: Sequence[tuple[Any, Sequence[tuple[str, Any]]]]) -> list[dict[str, Any]]:
    """What decisions could be made with, each control once, and how many times bots used it."""
    times: dict[tuple[str, str], int] = {}
    for step, some in of:
        used = _used(some)
        for control in json.loads(step.fields_json):
            if control.get("decides"):
                name = control["label"], control["kind"]
                times[name] = times.get(name, 0) + used[control["key"]]
    return [{"label": label, "kind": kind, "times": number} for (label, kind), number in times.items()]


def _used(some: Sequence[tuple[str, Any]]) -> Counter[str]:
    """How many times controls were used, by their keys: in actions that were done."""
    used: Counter[str] = Counter()
    wanted: list[Mapping[str, Any]] = []
    for what, data in some:
        if what == "actions":
            wanted = data["actions"]
        elif what == "done":
            used.update(
                f"[{one[at]}]" for one in wanted[: data["done"]] for at in ("control", "from", "to") if at in one
            )
    return used


def _by_scripts(of: Sequence[tuple[Any, Sequence[tuple[str, Any]]]]) -> tuple[list[str], list[str]]:
    """The names under which pages posted what they had not asked for: those that had a value, those that never had."""
    values: dict[str, bool] = {}
    for step, some in of:
        fields = [field["name"] for field in json.loads(step.fields_json)]
        for data in (data for what, data in some if what == "form"):
            asked = {*fields, *data.get("asked", ()), *OF_OTREE}
            for name, value in (entry for entry in data["entries"] if entry[0] not in asked):
                values[name] = values.get(name, False) or value != ""
    return [name for name in values if values[name]], [name for name in values if not values[name]]
