"""What a pre-test report is made of, as plain values; `lookup` takes them from the database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..places import Played


@dataclass(frozen=True)
class Who:
    """A bot, who it was, and what became of it."""

    bot: int
    seat: int
    participant: str
    model: str
    launch: str
    state: str
    persona: str = ""
    treatment: str = ""
    seed: int | None = None
    was_asked: bool = False
    """Whether it was asked what is unclear or wrong: its launch was a pre-test, and it reads what it answers."""
    seconds: float = 0.0
    calls: int = 0
    tokens: int = 0
    cost: float | None = 0.0
    """US dollars; None where the price of a reply is not known."""
    payoff: float = 0.0
    earned: float = 0.0
    """Its payoff in real currency, with the participation fee."""


@dataclass(frozen=True)
class Took:
    """What a bot's model took on one page."""

    calls: int = 0
    tokens: int = 0
    cost: float | None = 0.0
    """US dollars; None where the price of a reply is not known."""


@dataclass(frozen=True)
class Gathered:
    """All of it. `launches` has the manifest of each launch; `chosen` is the code of the one that was asked for,
    empty for the latest bot on each seat."""

    session: str
    config: str
    name: str
    made_at: str
    version: str
    played: Played
    bots: Mapping[int, Who] = field(default_factory=dict)
    took: Mapping[tuple[int, int], Took] = field(default_factory=dict)
    launches: list[dict[str, Any]] = field(default_factory=list)
    chosen: str = ""
    payoff_unit: str = "points"
    currency: str = ""
    fee: float = 0.0
