"""What a model answers, taken at its word: as the text that would stand in the control, or a refusal that says why not.

Nothing is guessed. What a person might have meant in two ways is given back to be said again.
"""

from __future__ import annotations

import re
import unicodedata
from decimal import Decimal
from typing import Any

PLAIN = re.compile(r"[+-]?\d+(?:[.,]\d+)?", re.ASCII)
GROUPED = re.compile(r"[+-]?\d{1,3}(?:(?P<group>[.,' ’])\d{3})(?:(?P=group)\d{3})*(?P<decimals>[.,]\d+)?", re.ASCII)
MINUS_SIGNS = str.maketrans({"−": "-", "–": "-", "\u00a0": " ", "\u202f": " ", "\u2009": " "})


class Refusal(Exception):
    """An answer that the form does not take. `str(refusal)` says why, to the model."""


def plain(value: Any) -> str:
    """An answer as text: numbers as they are written, nothing else changed."""
    if isinstance(value, float):
        return format(Decimal(repr(value)), "f")
    return value if isinstance(value, str) else str(value)


def number(answer: Any, unit: str, kind: str) -> Decimal:
    """The number that was answered.

    A text may carry the `unit` that stands beside the field or a currency symbol, and separators of thousands where
    it is clear that they are. Raises Refusal where it is no number, or where a separator may be of thousands or of
    decimals: oTree takes "1,000" for 1. `kind` is what is asked for, in words.
    """
    said = plain(answer).strip()
    if isinstance(answer, bool) or not isinstance(answer, int | float | str):
        raise Refusal(f"{said!r} is not {kind}")
    text = _bare(said.translate(MINUS_SIGNS), unit)
    grouped = GROUPED.fullmatch(text)
    if grouped and isinstance(answer, str) and not text.lstrip("+-").startswith("0"):
        separator = grouped["group"]
        if separator in ".," and text.count(separator) == 1 and not grouped["decimals"]:
            raise Refusal(
                f"{said!r} may mean {text.replace(separator, '')} or {text.replace(separator, '.')}: "
                "write the number without separators of thousands"
            )
        if grouped["decimals"] and grouped["decimals"][0] == separator:
            raise Refusal(f"{said!r} is not {kind}")
        whole = text.removesuffix(grouped["decimals"] or "")
        text = whole.replace(separator, "") + (grouped["decimals"] or "")
    elif not PLAIN.fullmatch(text):
        raise Refusal(f"{said!r} is not {kind}")
    return Decimal(text.replace(",", "."))


def _bare(text: str, unit: str) -> str:
    """A number without the currency symbol or unit before or after it."""
    if unit and text.casefold().endswith(unit.casefold()):
        text = text[: -len(unit)]
    elif unit and text.casefold().startswith(unit.casefold()):
        text = text[len(unit) :]
    is_symbol = [unicodedata.category(character) == "Sc" for character in text]
    start = 1 if is_symbol[:1] == [True] else 0
    end = len(text) - 1 if is_symbol[start:][-1:] == [True] else len(text)
    return text[start:end].strip()


def written(value: Decimal) -> str:
    """A number as it is typed: no exponent, no zeros at its end."""
    return str(int(value)) if value == int(value) else format(value.normalize(), "f")


def length(text: str) -> int:
    """How long a text is to a browser, which counts UTF-16 code units."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def matches(pattern: str, text: str) -> bool:
    """Whether a text has the form that a control's `pattern` asks for. A pattern that cannot be read here is left to
    the server: ECMAScript knows some things that Python does not."""
    try:
        return re.fullmatch(pattern, text, re.ASCII) is not None
    except re.error:
        return True
