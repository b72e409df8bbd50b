"""Values for oTree's templates, which escape nothing: what was written elsewhere must not become HTML."""

from __future__ import annotations

from html import escape
from typing import Any


def escaped(values: dict[str, Any]) -> dict[str, Any]:
    """The same values with all their texts as HTML, those inside dicts and lists too."""
    return {name: _escaped(value) for name, value in values.items()}


def _escaped(value: Any) -> Any:
    if isinstance(value, dict):
        return escaped(value)
    if isinstance(value, list):
        return [_escaped(item) for item in value]
    return escape(value) if isinstance(value, str) else value
