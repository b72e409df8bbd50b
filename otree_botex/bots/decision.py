"""What a bot decided on a page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

TIMED_OUT = ("timeout_happened", "1")
"""What oTree's own script adds to the form that it sends when a page's time is up."""


@dataclass(frozen=True)
class Decision:
    """A bot's answers by field key, why, and what a browser would send for them and where (`action` is empty for the
    form's own address)."""

    answers: Mapping[str, Any] = field(default_factory=dict)
    reason: str = ""
    entries: tuple[tuple[str, str], ...] = ()
    action: str = ""
