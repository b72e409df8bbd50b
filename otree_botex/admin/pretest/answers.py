"""What bots answered on one page: each field's answers in short, and what is odd about them."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from ...record.exports import asked
from ..page_report import label
from ..plots.bins import plain, rounded
from .words import MOST, listed, share, short, spread

ENOUGH = 3
"""Answers of so many bots that are all the same are worth a hint."""
FEW = 8
"""Up to so many different answers are counted one by one."""
SENT = ("submitted", "timed out")
"""Pages left like this have sent their answers."""
EMPTY: tuple[Any, ...] = (None, "", [])


@dataclass
class _Field:
    name: str
    asked: Mapping[str, Any]
    values: list[tuple[int, Any]] = field(default_factory=list)
    """By bot."""
    options: dict[str, None] = field(default_factory=dict)


def of_page(steps: Iterable[Any], quiz: Collection[str] = ()) -> list[dict[str, Any]]:
    """Each field that the page asked for, in short: how many `answers`, how many left it `empty`, `counts` of values
    if these are few, the `spread` of numbers, the median of the `lengths` of texts.

    `alike` is what all bots answered, if at least three did and all the same, unless it is in a `quiz`, where only one
    answer may be right; `unfilled` says that nobody answered, `unchosen` has the options that nobody chose.
    """
    fields: dict[str, _Field] = {}
    for step in steps:
        if step.outcome not in SENT or not step.answers_json:
            continue
        answers = json.loads(step.answers_json)
        for one in asked(step, answers):
            found = fields.setdefault(one["name"], _Field(one["name"], one))
            found.values.append((step.bot_id, answers.get(one["name"])))
            found.options |= dict.fromkeys(option for option in one.get("options", []) if option)
    return [_told(found, name in quiz) for name, found in fields.items()]


def _told(found: _Field, is_quiz: bool) -> dict[str, Any]:
    given = [(bot, value) for bot, value in found.values if value not in EMPTY]
    values = [value for _, value in given]
    counts = Counter(text for value in values for text in _texts(value))
    numbers = _numbers(values)
    unchosen = [option for option in found.options if given and not counts[option]]
    many = not found.options and (len(counts) > FEW or counts.total() == len(counts) > 1)
    shown = [*found.options, *(text for text in counts if text not in found.options)] if found.options else []
    if len(shown) > MOST:
        shown = [text for text, _ in counts.most_common(MOST)]
    shown = shown or (sorted(counts, key=float) if numbers else [text for text, _ in counts.most_common()])
    return {
        "field": found.name,
        "label": label(found.asked),
        "what": found.asked.get("what", ""),
        "answers": len(given),
        "empty": len(found.values) - len(given),
        "counts": []
        if many
        else [
            {"value": short(text), "times": counts[text], "share": share(counts[text], len(given))} for text in shown
        ],
        "spread": spread(numbers, rounded),
        "lengths": _lengths(values) if many and not numbers else None,
        "different": len(counts),
        "alike": "" if is_quiz else _alike(found, given),
        "unfilled": bool(found.values) and not given,
        "unchosen": unchosen,
        "unchosen_said": listed(unchosen),
    }


def _alike(found: _Field, given: Sequence[tuple[int, Any]]) -> str:
    """What all bots answered; empty if they did not, were too few, or had no choice."""
    one_way = len(found.options) == 1 or (found.asked.get("kind") == "tick" and found.asked.get("required"))
    texts = {json.dumps(value, ensure_ascii=False) for _, value in given}
    if one_way or len(texts) != 1 or len({bot for bot, _ in given}) < ENOUGH or len(given) < len(found.values):
        return ""
    return ", ".join(_texts(given[0][1]))


def _texts(value: Any) -> list[str]:
    """An answer as people read it; several if several things were chosen."""
    if isinstance(value, list):
        return [text for one in value for text in _texts(one)]
    if isinstance(value, bool):
        return ["ticked" if value else "not ticked"]
    if isinstance(value, float):
        return [plain(value)]
    return [value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)]


def _numbers(values: Sequence[Any]) -> list[float]:
    """The values as numbers, if all of them are."""
    if any(isinstance(value, bool) or not isinstance(value, str | int | float) for value in values):
        return []
    try:
        numbers = [float(value) for value in values]
    except ValueError:
        return []
    return numbers if all(map(math.isfinite, numbers)) else []


def _lengths(values: Sequence[Any]) -> int:
    """How long texts are, in characters: the median."""
    return int(median(len(" ".join(_texts(value))) for value in values))
