"""What was refused on one page, field by field, and how many tries bots needed until oTree took their answers."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from ..page_report import BY, label
from .words import share, short

WHOLE = "The page as a whole"
BROWSER = "the browser"
THROUGH = ("submitted", "timed out", "read")
"""Pages left like this were let go by oTree in the end."""
MANY = 6
"""So many tries and more are counted together."""


def by_field(steps: Iterable[Any], more: Iterable[tuple[int, str]] = ()) -> list[dict[str, Any]]:
    """Refusals by field and by whom, with the messages as bots were shown them; the most frequent first.

    `more` is what the browser refused, and to the page of which bot.
    """
    times: dict[tuple[str, str, str], Counter[str]] = defaultdict(Counter)
    bots: dict[tuple[str, str, str], set[int]] = defaultdict(set)
    for step in steps:
        labels = _labels(step.fields_json)
        for refusal in json.loads(step.refusals_json):
            for name, text in refusal["messages"].items():
                key = name, labels.get(name, name) or WHOLE, BY.get(refusal["by"], refusal["by"])
                times[key][text] += 1
                bots[key].add(step.bot_id)
    for bot, text in more:
        key = "", WHOLE, BROWSER
        times[key][text] += 1
        bots[key].add(bot)
    found = [
        {
            "field": name,
            "label": said,
            "by": by,
            "times": messages.total(),
            "bots": len(bots[name, said, by]),
            "messages": _counted(messages),
        }
        for (name, said, by), messages in times.items()
    ]
    return sorted(found, key=lambda one: (one["by"] != BY["server"], -one["times"]))


def quiz(steps: Sequence[Any]) -> list[dict[str, Any]]:
    """The fields where oTree refused answers: which wrong ones and how often, and how many bots needed how many
    `tries`, in the round in which they needed most; `never` counts bots whose answer was not taken at all. `messages`
    are those that the bots were shown."""
    messages: dict[str, Counter[str]] = defaultdict(Counter)
    wrong: dict[str, Counter[str]] = defaultdict(Counter)
    refused: dict[tuple[str, int], Counter[int]] = defaultdict(Counter)
    labels: dict[str, str] = {"": WHOLE}
    for step in steps:
        own = _labels(step.fields_json)
        labels |= own
        for refusal in json.loads(step.refusals_json):
            if refusal["by"] == "server":
                for name, text in refusal["messages"].items():
                    messages[name][text] += 1
                    if said := _said(name, refusal["said"], own):
                        wrong[name][said] += 1
                    refused[name, step.bot_id][step.page_number] += 1
    return [
        {
            "field": name,
            "label": labels.get(name, name),
            "times": messages[name].total(),
            "messages": _counted(messages[name]),
            "wrong": _counted(wrong[name]),
            **_tries(name, refused, steps),
        }
        for name in messages
    ]


def _tries(name: str, refused: Mapping[tuple[str, int], Counter[int]], steps: Sequence[Any]) -> dict[str, Any]:
    """How many bots needed how many tries for a field. Where a bot had to begin anew with a page, its tries before
    that count, too."""
    tries: dict[int, int] = {}
    done = {step.bot_id for step in steps if step.outcome in THROUGH}
    for step in steps:
        if step.outcome in THROUGH and _has_field(step, name):
            needed = refused.get((name, step.bot_id), Counter())[step.page_number] + 1
            tries[step.bot_id] = max(needed, tries.get(step.bot_id, 1))
    never = {bot for of, bot in refused if of == name} - done
    bots = len(tries) + len(never)
    times = Counter(min(needed, MANY) for needed in tries.values())
    return {
        "bots": bots,
        "at_once": times[1],
        "never": len(never),
        "tries": [
            {"tries": f"{needed} or more" if needed == MANY else str(needed), "bots": times[needed]}
            for needed in sorted(times)
        ],
    }


def _has_field(step: Any, name: str) -> bool:
    """Whether a step had a field; what a page in a browser sends has other names than its controls."""
    return not name or name in _labels(step.fields_json) or name in json.loads(step.answers_json or "{}")


def _counted(texts: Counter[str]) -> list[dict[str, Any]]:
    """Each text and how many times it came, the most frequent first, with a share of the most frequent for a bar."""
    most = max(texts.values(), default=0)
    return [{"text": text, "times": times, "share": share(times, most)} for text, times in texts.most_common()]


def _said(name: str, said: Any, labels: Mapping[str, str]) -> str:
    """The answer that was refused: that of the field, or where the form was refused as a whole, all of them. Empty if
    none is on record, as on a page in a browser."""
    if not isinstance(said, Mapping):
        return "" if said is None else _text(said)
    if name in said:
        return _text(said[name])
    return short(", ".join(f"{labels.get(one, one)}: {_text(value)}" for one, value in said.items()))


def _text(value: Any) -> str:
    if value in (None, ""):
        return "(left empty)"
    return short(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


@lru_cache(maxsize=1000)
def _labels(fields_json: str) -> dict[str, str]:
    """Fields' labels by their names; most bots see the same fields."""
    return {one["name"]: label(one) for one in json.loads(fields_json)}
