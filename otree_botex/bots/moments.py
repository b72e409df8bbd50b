"""Dates, times, colours and addresses as HTML's input types write them, and their numbers, on which bounds and steps
are defined.

HTML standard, 4.10.5.1 "States of the type attribute": each type of control has an "algorithm to convert a string to
a number", a "step scale factor" and a "default step base"; here a number already counts in the type's own unit.
"""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta

HOW = {
    "date": "date, written YYYY-MM-DD",
    "time": "time, written HH:MM",
    "month": "month, written YYYY-MM",
    "week": "week, written YYYY-Www",
    "datetime-local": "date and time, written YYYY-MM-DDTHH:MM",
    "color": "colour, written #rrggbb",
    "email": "email address",
    "url": "web address",
}
"""How a participant is told to write a value of each format."""

TIMED = ("date", "time", "month", "week", "datetime-local")
DEFAULT_STEP = {"date": 1, "month": 1, "week": 1, "time": 60, "datetime-local": 60}
_WRITTEN = {
    "color": re.compile(r"#[0-9a-fA-F]{6}"),
    # "valid email address" and, for a web address, at least what "absolute URL" begins with
    "email": re.compile(
        r"[a-zA-Z0-9.!#$%&'*+/=?^_`{|}~-]+@[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?"
        r"(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?)*"
    ),
    "url": re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*:\S+"),
}
_EPOCH = datetime(1970, 1, 1)
_MONDAY = date(1969, 12, 29)


def well_formed(kind: str, text: str) -> bool:
    """Whether a text is a value of this format, as browsers take it."""
    if kind in TIMED:
        return to_number(kind, text) is not None
    return _WRITTEN[kind].fullmatch(text) is not None


def to_number(kind: str, text: str) -> int | None:
    """The number of days (date), weeks, months or seconds that a value stands for; None if it is not well-formed."""
    try:
        if kind == "date":
            return (datetime.strptime(text, "%Y-%m-%d") - _EPOCH).days
        if kind == "month":
            month = datetime.strptime(text, "%Y-%m")
            return (month.year - 1970) * 12 + month.month - 1
        if kind == "week":
            year, week = re.fullmatch(r"(\d{4})-W(\d\d)", text, re.ASCII).groups()  # type: ignore[union-attr]
            return (date.fromisocalendar(int(year), int(week), 1) - _MONDAY).days // 7
        form = "%H:%M" if kind == "time" else "%Y-%m-%dT%H:%M"
        text = text.replace(" ", "T")
        moment = datetime.strptime(text, form + (":%S" if text.count(":") == 2 else ""))
    except (AttributeError, ValueError):
        return None
    return int((moment - (datetime(1900, 1, 1) if kind == "time" else _EPOCH)).total_seconds())


def to_text(kind: str, number: int) -> str:
    """The value that stands for a number, as a browser sends it."""
    if kind == "date":
        return (_EPOCH + timedelta(days=number)).strftime("%Y-%m-%d")
    if kind == "month":
        return f"{1970 + number // 12:04d}-{number % 12 + 1:02d}"
    if kind == "week":
        year, week, _ = (_MONDAY + timedelta(weeks=number)).isocalendar()
        return f"{year:04d}-W{week:02d}"
    moment = _EPOCH + timedelta(seconds=number)
    seconds = ":%S" if number % 60 else ""
    return moment.strftime(("%H:%M" if kind == "time" else "%Y-%m-%dT%H:%M") + seconds)
