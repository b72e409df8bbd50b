"""Charts of what bots did with their time and their models: pages left, and tokens and cost of each page."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any

from .bins import plain, rounded
from .charts import By, Chart, Row, Series, Who, group, grouped, table

MEASURES = ("Mean per bot", "Total")
MOST_MOMENTS = 60
SECONDS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21600, 86400)
"""How far apart the moments may be at which pages are counted."""


@dataclass(frozen=True)
class Left:
    """A page that a bot left, so many seconds after its launch."""

    who: Who
    round_number: int | None
    seconds: float


@dataclass(frozen=True)
class Spent:
    """What a page took of a bot's model; `page_number` is its place in the session's sequence."""

    who: Who
    round_number: int | None
    page: str
    page_number: int
    input_tokens: int
    output_tokens: int
    cost: float


def progress(left: Sequence[Left], bots: Iterable[Who], by: By) -> list[Chart]:
    """How many pages bots had left at each moment since their launch; no chart if none was left."""
    if not left:
        return []
    span = max(one.seconds for one in left)
    step = next((seconds for seconds in SECONDS if span / seconds <= MOST_MOMENTS), SECONDS[-1])
    moments = [step * index for index in range(ceil(span / step) + 1)]
    unit, name = (1, "Seconds") if span < 600 else (60, "Minutes")
    series = []
    for group_name, n, some in _groups(left, bots, by):
        ends = sorted(one.seconds for one in some)
        series.append(_series(group_name, n, [bisect_right(ends, moment) for moment in moments]))
    labels, x = [plain(moment / unit) for moment in moments], f"{name} since the launch"
    return [Chart("progress", "Pages left over time", "", "lines", x, labels, series, table(x, labels, series))]


def spending(spent: Sequence[Spent], bots: Iterable[Who], by: By) -> list[Chart]:
    """What each page took: input tokens, output tokens and cost, pages in the order of the session's sequence; no chart
    if no model was asked."""
    if not spent:
        return []
    first: dict[str, int] = {}
    for one in spent:
        first[one.page] = min(one.page_number, first.get(one.page, one.page_number))
    pages, groups = sorted(first, key=lambda page: first[page]), _groups(spent, bots, by)
    return [
        _by_page("input_tokens", "Input tokens by page", lambda one: one.input_tokens, pages, groups),
        _by_page("output_tokens", "Output tokens by page", lambda one: one.output_tokens, pages, groups),
        _by_page("cost", "Cost by page, in US dollars", lambda one: one.cost, pages, groups),
    ]


_Groups = list[tuple[str, int, list[Any]]]


def _by_page(name: str, title: str, amount: Callable[[Spent], float], pages: list[str], groups: _Groups) -> Chart:
    series, sums = [], []
    for group_name, n, some in groups:
        totals = dict.fromkeys(pages, 0.0)
        for one in some:
            totals[one.page] += amount(one)
        series.append(_series(group_name, n, list(totals.values())))
        sums.append(_series(group_name, n, [sum(totals.values())]))
    rows: list[Row] = [*table("Page", pages, series), *table("", ["All pages"], sums)[1:]]
    return Chart(name, title, "", "bars", "Page", pages, series, rows)


def _series(name: str, n: int, totals: Sequence[float]) -> Series:
    means: list[float | None] = [rounded(total / n) for total in totals]
    return Series(name, n, {"Mean per bot": means, "Total": [rounded(total) for total in totals]})


def _groups(rows: Sequence[Any], bots: Iterable[Who], by: By) -> _Groups:
    """What bots did, by group, each with how many bots it has; of a round, those that were in it."""
    members = defaultdict(set)
    for row in rows:
        members[group(row.who, row.round_number, by)].add(row.who.bot)
    for who in bots if by != "round" else ():
        members[group(who, None, by)].add(who.bot)
    found = grouped((group(row.who, row.round_number, by), row) for row in rows)
    return [(name, len(members[name]), some) for name, some in found]
