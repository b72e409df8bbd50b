"""Bots in this process: one thread each, one model for all, one journal."""

from __future__ import annotations

import logging
import platform
import signal
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, TextIO

from .. import __version__
from ..errors import BotexError, ServerError
from ..llm import LLM, ModelOptions, load
from ..records import START_PATH, Launch, Memory, Seat
from .browser import Browser
from .budget import Purse
from .carrier import Carrier, HttpCarrier
from .drivers import Drivers
from .gate import Gate
from .journal import BotJournal, Journal
from .limits import PageLimits
from .mind import Mind
from .pace import Pace
from .player import Player
from .talking import TalkLimits
from .window import Window
from .wording import Prompts

logger = logging.getLogger(__name__)

STACK_BYTES = 512 * 1024
LIBRARIES = ("litellm", "llama-cpp-python", "requests", "beautifulsoup4", "lxml", "playwright")
"""Whose versions may make a difference to what a model is shown and how it answers."""


def main(source: TextIO = sys.stdin) -> int:
    """Reads a launch from `source` and plays it. Returns 0 if every bot finished, 1 if one did not, 2 if the launch
    could not be read or the server does not take it, 3 if part of the record could not be delivered."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("urllib3").setLevel(logging.ERROR)
    try:
        launch = Launch.from_json(source.read())
    except (ValueError, TypeError, KeyError) as error:
        logger.error("This is not the description of a launch (%s). A runner is started by the oTree server.", error)
        return 2
    runner = Runner(launch, HttpCarrier(launch))
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: runner.stop())
    try:
        delivered = runner.play()
    except ServerError as error:
        logger.error("%s", error)
        return 2
    if not delivered:
        return 3
    return 0 if runner.finished == len(launch.seats) else 1


@dataclass
class _Bot:
    seat: Seat
    journal: BotJournal
    gate: Gate
    finished: bool = False

    @property
    def stop(self) -> threading.Event:
        """Ends whatever the bot is doing."""
        return self.gate.stop


class Runner:
    """Plays all bots of a launch that are given to this process; `carrier` brings their record to where it is kept. A
    model that is given plays in the place of the launch's."""

    def __init__(self, launch: Launch, carrier: Carrier, llm: LLM | None = None) -> None:
        self._launch, self._carrier, self._llm = launch, carrier, llm
        server = launch.seats[0].url or launch.server
        self._drivers = Drivers(launch.driver, server, launch.hosts, launch.browsers)
        self._prompts, self._purse = Prompts(launch.prompts), Purse(launch.max_tokens or 0)
        self._journal = Journal(launch, carrier, on_stop=self._stop_bot, on_reply=self._heed)
        self._bots = {seat.bot: self._bot(seat) for seat in launch.seats}

    @property
    def finished(self) -> int:
        """How many bots got to the end."""
        return sum(bot.finished for bot in self._bots.values())

    def play(self) -> bool:
        """Plays until all bots have ended. True if their record is complete where it is kept.

        Raises ServerError if no record of this launch is taken.
        """
        self._journal.open()
        carrier, patiently = self._carrier, self._journal.patiently
        memories = patiently(carrier.memories) if self._launch.goes_on else {}
        try:
            llm = self._llm or load(self._launch.model, _options(self._launch), lambda: patiently(carrier.recorded))
        except BotexError as error:
            for bot in self._bots.values():
                bot.journal.state("failed", str(error), error.cause)
        else:
            logger.info("%d bots play with %s", len(self._bots), self._launch.model)
            self._introduce(llm)
            self._play_all(llm, memories)
            self._drivers.close()
            llm.close()
        delivered = self._journal.close()
        logger.info("%d of %d bots finished", self.finished, len(self._bots))
        return delivered

    def stop(self) -> None:
        """Ends the bots where they are. Their record is still delivered, if that does not take long."""
        self._journal.hurry()
        for bot in self._bots.values():
            bot.stop.set()

    def _bot(self, seat: Seat) -> _Bot:
        journal = BotJournal(self._journal, seat.bot)
        return _Bot(seat, journal, Gate(journal, threading.Event(), seat.bot, self._purse))

    def _heed(self, reply: Mapping[str, Any]) -> None:
        """Does what the reply to a batch of records asks for, but for stopping."""
        for number, bot in self._bots.items():
            bot.gate.is_shut = number in reply["pause"]
        self._purse.heed(reply)

    def _stop_bot(self, bot: int) -> None:
        if bot in self._bots:
            self._bots[bot].stop.set()

    def _introduce(self, llm: LLM) -> None:
        """Writes down what shapes the answers and only this process knows."""
        libraries = {name: version for name in LIBRARIES if (version := _version(name))}
        chromium = {"chromium": version} if (version := self._drivers.version()) else {}
        self._journal.record(
            self._launch.seats[0].bot,
            "runner",
            seats=[seat.number for seat in self._launch.seats],
            about=llm.about(),
            versions={"otree_botex": __version__, "python": platform.python_version(), **libraries, **chromium},
            prompts=self._prompts.texts,
        )

    def _play_all(self, llm: LLM, memories: dict[int, Memory]) -> None:
        before = threading.stack_size(STACK_BYTES)
        threads = []
        for bot in self._bots.values():
            target = (llm, bot, memories.get(bot.seat.bot))
            threads.append(threading.Thread(target=self._play, args=target, name=f"P{bot.seat.number}", daemon=True))
            threads[-1].start()
        threading.stack_size(before)
        for thread in threads:
            thread.join()

    def _play(self, llm: LLM, bot: _Bot, memory: Memory | None) -> None:
        launch, seat = self._launch, bot.seat
        if memory:
            bot.journal.step = memory.step
        start = seat.url or launch.server.rstrip("/") + START_PATH.format(participant=seat.participant)
        browser = Browser(start, bot.stop, launch.name_of(seat))
        mind = Mind(
            llm,
            bot.journal,
            bot.gate,
            seed=seat.seed,
            attempts=launch.attempts,
            memory=launch.memory,
            seat=seat.number,
            persona=seat.persona,
            pretest=launch.pretest,
            prompts=self._prompts,
        )
        pace = Pace(seat.seed) if launch.human_pace else None
        limits = TalkLimits(launch.chat_messages, launch.chat_cost)
        page_limits = PageLimits(launch.page_calls, launch.page_actions, launch.page_seconds)
        window = Window(self._drivers, bot.stop, launch.images, launch.name_of(seat))
        of_bot = browser, window, mind, bot.journal, bot.gate
        player = Player(*of_bot, pace, launch.images, limits, page_limits, launch.last_page)
        bot.finished = player.play(memory)
        browser.close()


def _options(launch: Launch) -> ModelOptions:
    names = ("temperature", "max_tokens", "api_base", "images", "local", "api_key", "goes_on")
    options = {name: getattr(launch, name) for name in names}
    seeded = any(seat.seed is not None for seat in launch.seats)
    return ModelOptions(**options, seeded=seeded, cache=Path(launch.cache) if launch.cache else None)


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
