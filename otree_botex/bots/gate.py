"""What a bot passes before it does anything: it is shut while the bot is paused, by the experimenter or for its budget.
One per bot."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from threading import Event

from ..errors import ServerError, TimeUp
from .budget import Amount, Hindrance, Purse
from .journal import PATIENCE_SECONDS, BotJournal
from .patience import Stopped

LOOK_SECONDS = 0.25
"""How long it takes a paused bot to notice that it may go on, or is to stop."""

Spend = Callable[[int, Amount], None]
"""Notes what a bot has spent, by its record of this number."""


class Gate:
    """`is_shut` is set while the experimenter wants the bot to pause; `stop` ends all waiting, with Stopped.

    A paused bot whose server has been away for too long gives up, with ServerError.
    """

    def __init__(self, journal: BotJournal, stop: Event, bot: int = 0, purse: Purse | None = None) -> None:
        self.stop = stop
        self.is_shut = False
        self.seconds = 0.0
        """How long the bot has been paused so far."""
        self._journal, self._bot, self._purse = journal, bot, purse or Purse()

    def enter(self) -> bool:
        """Returns when the bot is not to pause any more. True if it had to. Raises Stopped."""
        return self._wait(self._shut)

    @contextmanager
    def asking(self, tokens: Callable[[], int], deadline: float | None) -> Iterator[Spend]:
        """For one question to the model, whose messages have so many tokens: it begins when the bot may ask. What it
        is given says what was spent, and by which of the bot's records.

        Raises TimeUp at the `deadline` (of time.monotonic()) if all that is left is put aside for others until then.
        """
        needed = tokens() if self._purse.counts_tokens else 0

        def hindrance() -> Hindrance | None:
            found = self._shut() or self._purse.put_aside(self._bot, needed)
            if found and found.passes and deadline is not None and time.monotonic() > deadline:
                raise TimeUp("The page's time was up before its model could be asked.")
            return found

        self._wait(hindrance)
        try:
            yield partial(self._purse.spend, self._bot)
        finally:
            self._purse.give_back(self._bot)

    def _shut(self) -> Hindrance | None:
        return Hindrance() if self.is_shut else None

    def _wait(self, hindrance: Callable[[], Hindrance | None]) -> bool:
        """Until nothing is in the way. True if the bot was paused for it."""
        if self.stop.is_set():
            raise Stopped
        before, paused_at = self._journal.current, None
        while (found := hindrance()) is not None:
            if found.ends:
                raise Stopped(found.why)
            if not found.passes:
                paused_at = paused_at or time.monotonic()
                self._journal.state("paused", found.why)
            if self.stop.wait(LOOK_SECONDS):
                raise Stopped
            if self._journal.silence > PATIENCE_SECONDS:
                raise ServerError("The server was away for too long while the bot was paused. Start it again.")
        if paused_at is None:
            return False
        self.seconds += time.monotonic() - paused_at
        self._journal.state(before)
        return True
