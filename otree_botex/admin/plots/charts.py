"""What is drawn, as plain values: charts, their tables, and the groups that bots are put into.

A chart has its labels, its series, and in each series two measures of the same thing (a share and a count, or a mean
per bot and a total). Its table has the same numbers for people; its `summary` says what they come to. Pure, as all that
makes charts: no oTree, no database.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

By = Literal["none", "model", "persona", "treatment", "round"]
Row = list[Any]

MOST_DRAWN = 8
"""So many groups can be told apart by colour; the others stand in the tables only."""
BOTS, PEOPLE = "Bots", "People"


@dataclass(frozen=True)
class Who:
    """The bot that did something."""

    bot: int
    model: str = ""
    persona: str = ""
    treatment: str = ""


@dataclass(frozen=True)
class Series:
    """One group's values, by measure; `n` is how many answers, or bots, they are of."""

    name: str
    n: int
    values: dict[str, list[float | None]]
    is_people: bool = False


@dataclass(frozen=True)
class Chart:
    """One chart. `about` says in which app and field, or is empty; a table's first row is its header."""

    name: str
    title: str
    about: str
    kind: Literal["bars", "lines"]
    x: str
    labels: list[str]
    series: list[Series]
    table: list[Row]
    summary: list[Row] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """The same as plain values, with the indexes of the series to be drawn: people's, and the largest ones."""
        order = sorted(range(len(self.series)), key=lambda at: (not self.series[at].is_people, -self.series[at].n))
        return {**asdict(self), "drawn": sorted(order[:MOST_DRAWN])}


def group(who: Who, round_number: int | None, by: By) -> str:
    """The name of the group of what a bot did in a round."""
    if by == "none":
        return BOTS
    if by == "round":
        return f"Round {round_number}" if round_number else "No round"
    return getattr(who, by) or f"No {by}"


def grouped(pairs: Iterable[tuple[str, Any]]) -> list[tuple[str, list[Any]]]:
    """Values by the name of their group, “Round 2” before “Round 10”."""
    groups = defaultdict(list)
    for name, value in pairs:
        groups[name].append(value)
    return [(name, groups[name]) for name in sorted(groups, key=natural)]


def natural(text: str) -> list[tuple[int, str]]:
    """Orders texts as people do: by the numbers in them."""
    parts = re.split(r"(\d{1,15})", text)
    return [(int(part), "") if at % 2 else (0, part) for at, part in enumerate(parts)]


def table(x: str, labels: Sequence[str], series: Sequence[Series]) -> list[Row]:
    """All values of some series, a row a label."""
    header = [f"{one.name}: {measure.lower()}" for one in series for measure in one.values]
    columns = [values for one in series for values in one.values.values()]
    return [[x, *header], *([label, *(column[at] for column in columns)] for at, label in enumerate(labels))]


def stacked(charts: Iterable[Chart], measures: Sequence[str]) -> Iterator[Row]:
    """The values of several charts below each other, one a row."""
    yield ["plot", "title", "group", "n", "label", *measures]
    for chart in charts:
        for one in chart.series:
            for at, label in enumerate(chart.labels):
                yield [chart.name, chart.title, one.name, one.n, label, *(one.values[name][at] for name in measures)]


def summaries(charts: Sequence[Chart]) -> Iterator[Row]:
    """The summaries of several charts below each other; a cell is empty where a chart has no such column."""
    columns = list(dict.fromkeys(name for chart in charts for name in chart.summary[0]))
    yield ["plot", "title", *columns]
    for chart in charts:
        header, *rows = chart.summary
        for row in rows:
            values = dict(zip(header, row, strict=True))
            yield [chart.name, chart.title, *(values.get(name) for name in columns)]
