"""What stands before the items of a list, as browsers write it.

HTML standard, 4.4.5 "The ol element" and 4.4.8 "The li element": the ordinal values of items.
"""

from __future__ import annotations

from bs4 import Tag

NUMERALS = {"a": "abcdefghijklmnopqrstuvwxyz", "A": "ABCDEFGHIJKLMNOPQRSTUVWXYZ"}
ROMAN = ((10, "x"), (9, "ix"), (5, "v"), (4, "iv"), (1, "i"))


def bullet(item: Tag) -> str:
    """The mark or number of a list item, with a space after it."""
    parent = item.parent
    if parent is None or parent.name != "ol":
        return "- "
    items = parent.find_all("li", recursive=False)
    step = -1 if parent.has_attr("reversed") else 1
    number = _whole(parent.get("start"), len(items) if step < 0 else 1) - step
    for other in items:
        number = _whole(other.get("value"), number + step)
        if other is item:
            break
    return f"{_numeral(number, str(parent.get('type') or '1'))}. "


def _whole(value: object, default: int) -> int:
    text = str(value or "")
    return int(text) if text.lstrip("-").isdigit() else default


def _numeral(number: int, kind: str) -> str:
    if kind in NUMERALS and 0 < number <= 26:
        return NUMERALS[kind][number - 1]
    if kind in ("i", "I") and 0 < number < 40:
        text = ""
        for worth, letter in ROMAN:
            text, number = text + letter * (number // worth), number % worth
        return text.upper() if kind == "I" else text
    return str(number)
