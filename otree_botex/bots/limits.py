"""How much a bot may do on one page that lives by its scripts, and how much it has done."""

from __future__ import annotations

import time
from dataclasses import dataclass

from ..errors import LimitReached
from ..records import Launch
from .gate import Gate
from .journal import BotJournal


@dataclass(frozen=True)
class PageLimits:
    """How many calls to its model, actions and seconds a bot may take for one page."""

    calls: int = Launch.page_calls
    actions: int = Launch.page_actions
    seconds: float = Launch.page_seconds


class Spent:
    """What a bot has taken so far for the page that it is on. A limit that is reached goes on record. Of its seconds
    those count for which its `gate` was open."""

    def __init__(self, limits: PageLimits, journal: BotJournal, gate: Gate) -> None:
        self._limits, self._journal, self._gate = limits, journal, gate
        self._start, self._paused_before = time.monotonic(), gate.seconds
        self.calls = self.actions = 0

    @property
    def _began(self) -> float:
        """When it would have come to the page if it had never been paused since, by time.monotonic()."""
        return self._start + self._gate.seconds - self._paused_before

    @property
    def end(self) -> float:
        """When its seconds are over, by time.monotonic()."""
        return self._began + self._limits.seconds

    def may_ask(self) -> bool:
        """Whether the model may be asked once more, to do something."""
        return self._is_within("calls", self.calls, self._limits.calls) and self.may_act()

    def may_act(self) -> bool:
        """Whether one more action may be done."""
        seconds = time.monotonic() - self._began
        return self._is_within("actions", self.actions, self._limits.actions) and self._is_within(
            "seconds", seconds, self._limits.seconds
        )

    def too_much(self, place: str) -> LimitReached:
        """That the page at this place was not left within the limits."""
        seconds = time.monotonic() - self._began
        return LimitReached(
            f"{place} was not left within the limits of a page: {self.calls} calls, {self.actions} actions, "
            f"{seconds:.0f} seconds. Set page_calls, page_actions or page_seconds higher if it takes more."
        )

    def _is_within(self, which: str, now: float, limit: float) -> bool:
        if now >= limit:
            self._journal.write("event", what="limit", data={"which": which, "of": limit})
        return now < limit
