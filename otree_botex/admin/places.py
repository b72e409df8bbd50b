"""Where bots were and how far they got: their seats, and the pages of a session's page sequence. Plain values."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .in_browser import Happened


@dataclass
class Seat:
    """A bot, and the number of the page where its participant is, or where the bot ended; after the end, one that no
    page has."""

    seat: int
    participant: str
    state: str
    error: str
    cause: str
    at: float


@dataclass
class Place:
    """One page of an app's page sequence: its number in the session's sequence by round, and who saw it there. One
    that the sequence does not have any more stands between two others."""

    app: str
    page: str
    is_wait: bool
    numbers: dict[int, float] = field(default_factory=dict)
    steps: list[Any] = field(default_factory=list)

    @property
    def needs_script(self) -> str:
        """Why bots that had no browser could not play it; empty if none was stopped by that."""
        return next((step.needs_script for step in self.steps if step.needs_script and step.driver == "http"), "")

    def rounds(self, some: Collection[int]) -> list[int]:
        """Some of its rounds, in order."""
        return [number for number in self.numbers if number in some]

    def title(self, rounds: list[int]) -> str:
        name = f"{self.app} / {self.page}"
        return name if len(self.numbers) == 1 else f"{name}, {_rounds(rounds or list(self.numbers))}"


@dataclass
class Played:
    """The bots' seats by bot, the pages with the bots' steps, how often which text stood behind the last page, and what
    happened on pages in a browser. `now` is what the tab tells of the bots."""

    seats: dict[int, Seat]
    places: list[Place]
    ends: Counter[str]
    happened: Happened
    now: list[dict[str, Any]]


def by_number(places: Sequence[Place]) -> dict[float, Place]:
    """The pages by their numbers in the session's page sequence."""
    return {number: place for place in places for number in place.numbers.values()}


def stranded(seats: Sequence[Seat], pages: Mapping[float, Place]) -> Iterator[tuple[list[Seat], str]]:
    """Who did not get to the end, and why; those that fared alike on the same page together."""
    has_failed = any(seat.state == "failed" for seat in seats)
    alike: dict[tuple[float, str], list[Seat]] = defaultdict(list)
    for seat in seats:
        if seat.state in ("failed", "stopped") or (has_failed and seat.state == "waiting"):
            alike[seat.at, seat.error.replace(seat.participant, "…")].append(seat)
    for (at, _), together in alike.items():
        yield together, _why(together[0], pages.get(at), has_failed)


def where(seat: Seat, pages: Mapping[float, Place]) -> str:
    """Where a bot is, for people."""
    place = pages.get(seat.at)
    if place is None:
        return "the end" if seat.at > max(pages, default=0) else "the start"
    return place.title([number for number, at in place.numbers.items() if at == seat.at])


def named(seats: Sequence[Seat]) -> str:
    """ "P1, P2"."""
    return ", ".join(f"P{seat.seat}" for seat in seats)


def _why(seat: Seat, place: Place | None, has_failed: bool) -> str:
    """Why a bot did not get further, and what to do about it."""
    cause = ", most likely for those that failed" if has_failed else ""
    if seat.state == "waiting":
        return f"Waits for others{cause}. It can be stopped on the tab “LLM bots”."
    if seat.state == "stopped":
        return f"Stopped while waiting for others{cause}." if place and place.is_wait else "Stopped before the end."
    script = place.needs_script if place else ""
    if script and seat.cause != "setup":  # which would say what to install
        return f"The page needs a browser: {script}. These bots had to do without (driver “http”)."
    return seat.error


def _rounds(rounds: list[int]) -> str:
    """ "round 2", "rounds 1-3", "rounds 1, 3"."""
    if len(rounds) == 1:
        return f"round {rounds[0]}"
    whole = rounds == list(range(rounds[0], rounds[-1] + 1))
    return "rounds " + (f"{rounds[0]}-{rounds[-1]}" if whole else ", ".join(map(str, rounds)))
