"""Numbers and names as the report writes them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from statistics import median
from typing import Any

MOST = 12
"""So many seats or options are named one by one."""
LONG = 160


def seats(numbers: Iterable[int]) -> str:
    """ "P1, P2", and of many only the first."""
    return listed([f"P{seat}" for seat in sorted(set(numbers))])


def listed(texts: Sequence[str]) -> str:
    """ "a, b", and of many only the first."""
    more = len(texts) - MOST
    return ", ".join(map(short, texts[:MOST])) + (f" and {more} more" if more > 0 else "")


def joined(parts: Sequence[str]) -> str:
    """ "a, b and c"."""
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)


def whole(parts: Iterable[float | None]) -> float | None:
    """Their sum; None if one of them is not known."""
    known = list(parts)
    return None if None in known else sum(filter(None, known))


def plain(number: float) -> int | float:
    """An amount of money or of seconds, with at most two decimals, and without those that say nothing."""
    short = round(number, 2)
    return int(short) if short == int(short) else short


def short(text: str) -> str:
    """A text, or where it is long its beginning."""
    return text if len(text) <= LONG else f"{text[:LONG].rstrip()} …"


def spread(numbers: Sequence[float], told: Callable[[float], float] = plain) -> dict[str, Any] | None:
    """The smallest, the median and the largest of some numbers, as they are `told`; None if there are none."""
    if not numbers:
        return None
    return {"min": told(min(numbers)), "median": told(median(numbers)), "max": told(max(numbers))}


def share(part: float, whole: float) -> int:
    """A share in per cent; one that is not nothing is at least 1."""
    return max(round(100 * part / whole), 1) if part and whole else 0
