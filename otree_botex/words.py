"""Numbers, money and time in words, the same on a page, in a report and in a terminal."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

LEAST = 1e-6
"""An amount of US dollars below this is not told in digits."""


def count(number: float, thing: str, several: str = "") -> str:
    """ "1 bot", "2,000 bots"."""
    return f"{number:,} {thing if number == 1 else several or thing + 's'}"


def money(dollars: float) -> str:
    """An amount of US dollars; below 1 with two digits that matter. `live.js` writes amounts in the same way."""
    if not dollars:
        return "$0"
    if dollars < LEAST:
        return f"under ${LEAST:.6f}"
    return f"${dollars:.{2 if dollars >= 1 else min(1 - math.floor(math.log10(dollars)), 6)}f}"


def spent(dollars: float, unpriced: int) -> str:
    """What bots cost; of the `unpriced` replies, whose price nobody knows, the dollars are missing."""
    if unpriced:
        return f"over {money(dollars)}" if dollars >= LEAST else "not known"
    return money(dollars)


def cost_of(bots: Sequence[Mapping[str, Any]]) -> str:
    """What bots have cost, to be added to a line about them; empty if it is nothing."""
    cost, unpriced = (sum(bot[name] for bot in bots) for name in ("cost", "unpriced"))
    return f", cost {spent(cost, unpriced)}" if cost or unpriced else ""


def lasted(seconds: float) -> str:
    """A time as people say it: "4.2 s", "3 min 20 s"."""
    if seconds < 60:
        return f"{round(seconds, 1):g} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s" if rest else f"{minutes} min"
