"""What a form sends: entries, the options that stand for them, and the buttons that send it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


class Entry(NamedTuple):
    """One name and value that a form sends. `place` is where its control stands in the document, `owner` its form."""

    place: int
    name: str
    value: str
    owner: int = 0


@dataclass(frozen=True)
class Option:
    """One thing that can be chosen: the label a participant reads, and what the browser sends for it."""

    label: str
    value: str
    place: int = 0
    chosen: bool = False
    """Whether it is chosen when the page opens."""
    needed: bool = False
    """Whether the form is not sent without it."""


@dataclass(frozen=True)
class Button(Option):
    """One way to send a form: what is sent under its name (or by the script it runs), where the form goes if not to
    its own address, and whether the browser checks the answers before."""

    entries: tuple[Entry, ...] = ()
    action: str = ""
    checks: bool = True
    owner: int = 0
