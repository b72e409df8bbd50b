"""Bins for the histograms of the plots, and numbers as people read them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

MOST_BARS = 25
"""Whole numbers that are not further apart have one bar each."""
AIM = 12
"""How many bins there are at least, where numbers are gathered in bins."""


@dataclass(frozen=True)
class Bins:
    """Bins of equal width, side by side from `start` on."""

    start: float
    width: float
    labels: tuple[str, ...]

    def of(self, value: float) -> int:
        """The index of the bin of one of the numbers that the bins were made for."""
        return min(max(_steps(value, self.start, self.width), 0), len(self.labels) - 1)


def bins(values: Sequence[float]) -> Bins:
    """Bins for these numbers: one a number where they are whole and close together, else bins of a round width. A bin
    “0 to <5” has 0 and not 5."""
    if not values:
        return Bins(0, 1, ())
    low, high = min(values), max(values)
    is_whole = all(float(value).is_integer() for value in values)
    if low == high or (is_whole and high - low < MOST_BARS):
        return Bins(low, 1, tuple(plain(low + index) for index in range(int(high - low) + 1)))
    width = _round_width(high / AIM - low / AIM)
    start = math.floor(round(low / width, 9)) * width
    edges = [start + index * width for index in range(_steps(high, start, width) + 1)]
    if is_whole:
        labels = [f"{plain(edge)}–{plain(edge + width - 1)}" for edge in edges]
        # the end of a scale, like 100, is nothing like 100–109
        return Bins(start, width, (*labels[:-1], plain(high) if edges[-1] == high else labels[-1]))
    return Bins(start, width, tuple(f"{plain(edge)} to <{plain(edge + width)}" for edge in edges))


def plain(number: float) -> str:
    """A number without needless digits."""
    return f"{number:.12g}"


def rounded(number: float) -> float:
    """A number with two decimals, or, below 1, with three digits that matter; one that is whole then has none."""
    short = round(float(number), 2) if abs(number) >= 1 else float(f"{number:.3g}")
    return int(short) if short.is_integer() else short


def tenths(number: float) -> float:
    """A number with one digit behind the point, where there is one."""
    short = round(number, 1)
    return int(short) if short.is_integer() else short


def _steps(value: float, start: float, width: float) -> int:
    # rounded, for 0.3 / 0.1 is a little less than 3
    return math.floor(round(value / width - start / width, 9))


def _round_width(least: float) -> float:
    """The least of 1, 2 and 5 times a power of ten that is not below."""
    power = 10.0 ** math.floor(math.log10(max(least, 1e-300)))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= least)
