"""Charts of answers: how those of bots are distributed, alone or beside those of people."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from statistics import fmean, median, stdev
from typing import Any

from .bins import bins, rounded, tenths
from .charts import BOTS, PEOPLE, By, Chart, Row, Series, Who, group, grouped, natural, table

MEASURES = ("Percent", "Count")
MOST_ANSWERS = 25
"""So many answers that are not among a field's choices have a bar of their own."""


@dataclass(frozen=True)
class Field:
    """A field that pages ask for. `choices` has the values that may be chosen, with their labels, in order, as far as
    they are known. Where pages may or may not ask for it, `is_sure` is False, and only bots' answers tell."""

    app: str
    name: str
    label: str
    is_number: bool
    choices: tuple[tuple[Any, str], ...] = ()
    may_be_empty: bool = False
    is_sure: bool = True


@dataclass(frozen=True)
class Answer:
    """One answer to a field, by a bot or (`who` is None) by a person. The value None: it was left empty."""

    app: str
    field: str
    round_number: int
    value: Any
    who: Who | None


def distributions(fields: Iterable[Field], answers: Iterable[Answer], by: By) -> list[Chart]:
    """A chart for each field that bots were asked for: how their answers are distributed, in each group of bots."""
    return _charts(fields, [answer for answer in answers if answer.who], by, compare=False)


def comparison(fields: Iterable[Field], answers: Iterable[Answer], by: By) -> list[Chart]:
    """A chart for each field that bots or people were asked for: each group of bots beside the people. All rounds are
    taken together."""
    return _charts(fields, answers, "none" if by == "round" else by, compare=True)


def _charts(fields: Iterable[Field], answers: Iterable[Answer], by: By, compare: bool) -> list[Chart]:
    found = defaultdict(list)
    for answer in answers:
        found[answer.app, answer.field].append(answer)
    charts = []
    for one in fields:
        some = found.get((one.app, one.name), [])
        if any(one.is_sure or answer.who for answer in some):
            charts.append(_chart(one, some, by, compare))
    return charts


def _chart(field: Field, answers: list[Answer], by: By, compare: bool) -> Chart:
    groups = grouped((group(answer.who, answer.round_number, by), answer.value) for answer in answers if answer.who)
    if compare:
        groups = groups or [(BOTS, [])]
        groups.append((PEOPLE, [answer.value for answer in answers if answer.who is None]))
    empty = [values.count(None) for _, values in groups]
    groups = [(name, [value for value in values if value is not None]) for name, values in groups]
    labels, place = _places(field, [value for _, values in groups for value in values])
    series = [_shares(name, map(place, values), len(labels)) for name, values in groups]
    summary: list[Row] = [["Group", "Answers", "Left empty"]]
    summary += [[name, len(values), missing] for (name, values), missing in zip(groups, empty, strict=True)]
    if field.is_number:
        _add_means(summary, [values for _, values in groups])
    rows = table("Answer", labels, series)
    if compare:
        series[-1] = replace(series[-1], is_people=True)
        _add_differences_of_shares(rows, series)
        if field.is_number:
            _add_differences_of_means(summary, [values for _, values in groups])
    name, about = f"{field.app}.{field.name}", f"{field.app} / {field.name}"
    return Chart(name, field.label, about, "bars", "Answer", labels, series, rows, summary)


def _places(field: Field, values: Sequence[Any]) -> tuple[list[str], Callable[[Any], int]]:
    """The labels of a field's answers, and which of them a value belongs to."""
    if field.is_number and not field.choices:
        made = bins(values)
        return list(made.labels), made.of
    at = {value: index for index, (value, _) in enumerate(field.choices)}
    labels = [label for _, label in field.choices]
    others = Counter(value for value in values if value not in at)
    own = [value for value, _ in others.most_common(MOST_ANSWERS)]
    for value in sorted(own, key=lambda value: natural(str(value))):
        at[value] = len(labels)
        labels.append(str(value))
    if len(others) > len(own):
        labels.append(f"{len(others) - len(own)} other answers")
    return labels, lambda value: at.get(value, len(labels) - 1)


def _shares(name: str, places: Iterable[int], length: int) -> Series:
    counted = Counter(places)
    n = sum(counted.values())
    counts: list[float | None] = [counted[place] for place in range(length)]
    return Series(name, n, {"Percent": [_percent(counted[at], n) for at in range(length)], "Count": counts})


def _percent(count: int, n: int) -> float | None:
    return tenths(100 * count / n) if n else None


def _add_means(summary: list[Row], groups: Sequence[Sequence[float]]) -> None:
    summary[0] += ["Mean", "SD", "Median"]
    for row, values in zip(summary[1:], groups, strict=True):
        row.append(rounded(fmean(values)) if values else None)
        row.append(rounded(stdev(values)) if len(values) > 1 else None)
        row.append(rounded(median(values)) if values else None)


def _add_differences_of_means(summary: list[Row], groups: Sequence[Sequence[float]]) -> None:
    """Adds how far each group's mean is from people's; the last group is theirs."""
    *bots, people = groups
    summary[0].append(f"Mean − {PEOPLE}")
    for row, values in zip(summary[1:], bots, strict=False):
        row.append(rounded(fmean(values) - fmean(people)) if values and people else None)
    summary[-1].append(None)


def _add_differences_of_shares(rows: list[Row], series: Sequence[Series]) -> None:
    """Adds how far each group's shares are from people's, in percentage points; the last series is theirs."""
    *bots, people = series
    rows[0] += [f"{one.name} − {PEOPLE}: points" for one in bots]
    for at, row in enumerate(rows[1:]):
        counts = [one.values["Count"][at] or 0 for one in series]
        for count, one in zip(counts, bots, strict=False):
            row.append(tenths(100 * (count / one.n - counts[-1] / people.n)) if one.n and people.n else None)
