"""The process in which bots play: one thread each, one model for all, one journal."""

from __future__ import annotations

import logging
import signal
import sys
import threading
from dataclasses import dataclass, field
from typing import TextIO

from ..errors import BotexError, ServerError
from ..llm import LLM, ModelOptions, load
from ..records import START_PATH, Launch, Memory, Seat
from .browser import Browser
from .journal import BotJournal, Journal
from .mind import Mind
from .pace import Pace
from .player import Player
from .talking import TalkLimits

logger = logging.getLogger(__name__)

STACK_BYTES = 512 * 1024
HURRIED_SECONDS = 10.0


@dataclass
class _Bot:
    seat: Seat
    journal: BotJournal
    stop: threading.Event = field(default_factory=threading.Event)
    finished: bool = False


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
    try:
        return run(launch)
    except ServerError as error:
        logger.error("%s", error)
        return 2


def run(launch: Launch) -> int:
    """Plays all bots of a launch and delivers their record. Raises ServerError if the server does not take it."""
    threading.stack_size(STACK_BYTES)
    bots: dict[int, _Bot] = {}
    journal = Journal(launch, on_stop=lambda bot: bots[bot].stop.set() if bot in bots else None)
    journal.open()
    memories = journal.memories() if launch.goes_on else {}
    for seat in launch.seats:
        memory = memories.get(seat.bot, Memory())
        bots[seat.bot] = _Bot(seat, BotJournal(journal, seat.bot, memory.step))
    _stop_on_signals(bots, journal)
    try:
        llm = load(launch.model, _options(launch))
    except BotexError as error:
        for bot in bots.values():
            bot.journal.state("failed", str(error))
    else:
        logger.info("%d bots play with %s", len(bots), launch.model)
        _play_all(launch, llm, bots, memories)
    delivered = journal.close()
    finished = sum(bot.finished for bot in bots.values())
    logger.info("%d of %d bots finished", finished, len(bots))
    if not delivered:
        return 3
    return 0 if finished == len(bots) else 1


def _play_all(launch: Launch, llm: LLM, bots: dict[int, _Bot], memories: dict[int, Memory]) -> None:
    threads = [
        threading.Thread(target=_play, args=(launch, llm, bot, memories.get(bot.seat.bot)), name=f"P{bot.seat.number}")
        for bot in bots.values()
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _play(launch: Launch, llm: LLM, bot: _Bot, memory: Memory | None) -> None:
    browser = Browser(launch.server.rstrip("/") + START_PATH.format(participant=bot.seat.participant), bot.stop)
    mind = Mind(llm, bot.journal, bot.stop, seed=bot.seat.seed, attempts=launch.attempts)
    if memory:
        mind.restore(memory)
    pace = Pace(bot.seat.seed) if launch.human_pace else None
    limits = TalkLimits(launch.chat_messages, launch.chat_cost)
    bot.finished = Player(browser, mind, bot.journal, pace, launch.images, limits).play()
    browser.close()


def _options(launch: Launch) -> ModelOptions:
    names = ("temperature", "max_tokens", "api_base", "images")
    return ModelOptions(**{name: getattr(launch, name) for name in names})


def _stop_on_signals(bots: dict[int, _Bot], journal: Journal) -> None:
    """Ctrl-C and a polite kill end the bots where they are; their record is still delivered, if the server is there."""

    def stop(*_: object) -> None:
        journal.patience = HURRIED_SECONDS
        for bot in bots.values():
            bot.stop.set()

    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, stop)
        signal.signal(signal.SIGINT, stop)
