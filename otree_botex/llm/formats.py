"""Texts that must have a certain form: as the `pattern` of a JSON Schema, as a grammar, and drawn at random.

What a form asks for in such a way (a date, an address …) and what models are held to is written down here once.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from random import Random
from typing import NamedTuple

_MONTH, _DAY, _TIME = "(0[1-9]|1[0-2])", "(0[1-9]|[12][0-9]|3[01])", "([01][0-9]|2[0-3]):[0-5][0-9]"
_YEAR = "(19|20)[0-9]{2}"
_FIRST_DAY, _DAYS = datetime(1950, 1, 1), 90 * 365


class Format(NamedTuple):
    """`pattern` is a regular expression made of characters, classes, groups, alternatives and counts only, which mean
    the same in Python, ECMAScript and GBNF; `sample` how an example is written, as for strftime."""

    pattern: str
    sample: str


FORMATS = {
    "date": Format(f"{_YEAR}-{_MONTH}-{_DAY}", "%Y-%m-%d"),
    "time": Format(_TIME, "%H:%M"),
    "month": Format(f"{_YEAR}-{_MONTH}", "%Y-%m"),
    "week": Format(f"{_YEAR}-W(0[1-9]|[1-4][0-9]|5[0-2])", "%G-W%V"),
    "datetime-local": Format(f"{_YEAR}-{_MONTH}-{_DAY}T{_TIME}", "%Y-%m-%dT%H:%M"),
    "color": Format("#[0-9a-f]{6}", "#%y%m%d"),
    "email": Format("[A-Za-z0-9._+-]{1,40}@[A-Za-z0-9-]{1,40}[.][A-Za-z]{2,20}", "p%y%m%d@example.com"),
    "url": Format("https?://[A-Za-z0-9.-]{1,60}(/[A-Za-z0-9._~/?=&%-]{0,100})?", "https://example.com/%y%m%d"),
}
_BY_SCHEMA = {f"^{made.pattern}$": made for made in FORMATS.values()}


def schema_of(name: str) -> dict[str, str]:
    """The JSON Schema of a text in this format."""
    return {"type": "string", "pattern": f"^{FORMATS[name].pattern}$"}


def gbnf_of(pattern: str) -> str:
    """The characters that a schema's pattern admits, as an expression in GBNF. Raises ValueError for a pattern that
    is not made here."""
    return re.sub(r"\[[^]]*\]|\{[^}]*\}|[()|?]|[^][{}()|?]+", _as_gbnf, _known(pattern).pattern)


def draw(pattern: str, rng: Random) -> str:
    """A random text that satisfies a schema's pattern. Raises ValueError for a pattern that is not made here."""
    moment = _FIRST_DAY + timedelta(days=rng.randrange(_DAYS), minutes=rng.randrange(24 * 60))
    return moment.strftime(_known(pattern).sample)


def _known(pattern: str) -> Format:
    if pattern not in _BY_SCHEMA:
        raise ValueError(f"No text can be made for the pattern {pattern!r}.")
    return _BY_SCHEMA[pattern]


def _as_gbnf(part: re.Match[str]) -> str:
    text = part[0]
    if text[0] in "[{":
        return text if text[0] == "{" else f" {text}"
    return f" {text} " if text in "()|" else text if text == "?" else f' "{text}"'
