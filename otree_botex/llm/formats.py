"""Texts that must have a certain form: as the `pattern` of a JSON Schema, as a grammar, and drawn at random.

What a form asks for in such a way (a date, an address …) and what models are held to is written down here once.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from random import Random
from typing import NamedTuple

_MONTH, _DAY, _TIME = "(0[1-9]|1[0-2])", "(0[1-9]|[12][0-9]|3[01])", "([01][0-9]|2[0-3]):[0-5][0-9]"
_ANY_YEAR, _FIRST, _LAST = "(19|20)[0-9]{2}", 1950, 2039
MOST_YEARS = 150
"""Years are bounded in a pattern where they are no more than this."""
# Characters, classes, groups, alternatives and counts mean the same in Python, ECMAScript and GBNF.
_PART = re.compile(r"\[[^]]*\]|\{[\d,]+\}|[()|?]|[^][{}()|?*+.^$\\]+")


class Format(NamedTuple):
    """`pattern` is what a text looks like, after its year if it begins with one; `sample` how one is written, as for
    strftime."""

    pattern: str
    sample: str


FORMATS = {
    "date": Format(f"-{_MONTH}-{_DAY}", "-%m-%d"),
    "month": Format(f"-{_MONTH}", "-%m"),
    "week": Format("-W(0[1-9]|[1-4][0-9]|5[0-2])", "-W%V"),
    "datetime-local": Format(f"-{_MONTH}-{_DAY}T{_TIME}", "-%m-%dT%H:%M"),
    "time": Format(_TIME, "%H:%M"),
    "color": Format("#[0-9a-f]{6}", "#%y%m%d"),
    "email": Format("[A-Za-z0-9._+-]{1,40}@[A-Za-z0-9-]{1,40}[.][A-Za-z]{2,20}", "p%y%m%d@example.com"),
    "url": Format("http(s)?://[A-Za-z0-9.-]{1,60}(/[A-Za-z0-9._~/?=&%-]{0,100})?", "https://example.com/%y%m%d"),
}
_DATED = ("date", "month", "week", "datetime-local")


def schema_of(name: str, first_year: int | None = None, last_year: int | None = None) -> dict[str, str]:
    """The JSON Schema of a text in this format. It admits some texts that are no dates, as 2026-02-31."""
    years = ""
    if name in _DATED:
        low, high = first_year or _FIRST, last_year or max(_LAST, first_year or 0)
        bounded = (first_year or last_year) and 0 <= high - low < MOST_YEARS
        years = f"({'|'.join(f'{year:04d}' for year in range(low, high + 1))})" if bounded else _ANY_YEAR
    return {"type": "string", "pattern": f"^{years}{FORMATS[name].pattern}$"}


def gbnf_of(pattern: str) -> str:
    """The characters that a schema's pattern admits, as an expression in GBNF. Raises ValueError for a pattern that
    is not made here."""
    parts = _PART.findall(pattern[1:-1])
    if f"^{''.join(parts)}$" != pattern:
        raise ValueError(f"No grammar can be made for the pattern {pattern!r}.")
    return "".join(part if part[0] in "[{?" else f" {part} " if part in "()|" else f' "{part}" ' for part in parts)


def draw(pattern: str, rng: Random) -> str:
    """A random text that satisfies a schema's pattern. Raises ValueError for a pattern that is not made here."""
    for made in FORMATS.values():
        years = pattern[1:-1].removesuffix(made.pattern)
        if pattern == f"^{years}{made.pattern}$" and re.fullmatch(r"|\(19\|20\)\[0-9\]\{2\}|\([\d|]+\)", years):
            known = [int(year) for year in re.findall(r"\d{4}", years)] or range(_FIRST, _LAST + 1)
            moment = datetime(2001, 1, 1) + timedelta(minutes=rng.randrange(364 * 24 * 60))
            year = f"{rng.choice(known):04d}" if years else ""
            return year + moment.strftime(made.sample)
    raise ValueError(f"No text can be drawn for the pattern {pattern!r}.")
