"""Bots that a script starts: on one participant's link, or on all seats of a session that are for bots."""

from __future__ import annotations

import atexit
import os
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from typing import Any

from ..bots.runner import Runner
from ..errors import ServerError, SetupError
from ..parameters import parameters
from ..record.sqlite import Database, DatabaseCarrier
from ..records import Launch
from . import launches
from .progress import Progress
from .spread import Shares, Spread

STOP_SECONDS = 15.0
"""How long Ctrl-C waits for bots to stop; a reply that a model is still writing then is not waited for."""
GO_ON = "The same call with already_started=True goes on with them; in a shell, the same command with --again."


class Run:
    """Bots that play in this process, or spread over others by an executor.

    `launch` is the code under which the record has them, `session_id` that of their session.
    """

    def __init__(self, database: Database, launch: str, session_id: str, runner: Runner | Spread) -> None:
        self.database, self.launch, self.session_id = database, launch, session_id
        self._runner = runner
        self._error: Exception | None = None
        self._delivered = False
        self._ended = threading.Event()  # as Python 3.11 takes a thread for ended whose join Ctrl-C interrupted
        threading.Thread(target=self._play, name=f"launch {launch}", daemon=True).start()
        atexit.register(self._end_with_script)

    def __repr__(self) -> str:
        return f"<Run {self.launch}: {self.summary()}>"

    @property
    def is_running(self) -> bool:
        """Whether some of the bots are still playing."""
        return not self._ended.is_set()

    def wait(self, timeout: float | None = None) -> bool:
        """Waits until all bots have ended, showing progress if this is a terminal. True if they all finished; why
        others failed is said on standard error.

        Ctrl-C stops the bots and raises KeyboardInterrupt. Raises SetupError if no bot could play, since something
        that the model needs is missing; ServerError if their record could not be kept; and TimeoutError after
        `timeout` seconds, which leaves them playing.
        """
        end = None if timeout is None else time.monotonic() + timeout
        progress = Progress(sys.stderr)
        try:
            while self.is_running:
                self._ended.wait(0.5 if end is None else max(min(0.5, end - time.monotonic()), 0))
                progress.show(self.summary)
                if end is not None and time.monotonic() >= end and self.is_running:
                    raise TimeoutError(f"The bots of launch {self.launch} are still playing.")
        except KeyboardInterrupt:
            progress.say(f"Stopping the bots of launch {self.launch} …")
            self.stop()
            self._ended.wait(STOP_SECONDS)
            atexit.unregister(self._end_with_script)
            progress.say(f"Stopped. {GO_ON}")
            raise
        finally:
            progress.end()
        atexit.unregister(self._end_with_script)
        if self._error is not None:
            raise self._error
        if not self._delivered:
            raise ServerError(f"Part of the record could not be written to {self.database.path}.")
        unfinished = [bot for bot in self.bots() if bot["state"] != "finished"]
        if unfinished and all(bot["cause"] == "setup" for bot in unfinished):
            raise SetupError(unfinished[0]["error"])
        for line in launches.failures(self.database, self.launch):
            progress.say(line)
        return not unfinished

    def stop(self) -> None:
        """Ends the bots where they are, and returns at once; `wait` tells when they have ended."""
        self._runner.stop()

    def bots(self) -> list[dict[str, Any]]:
        """What each bot is doing or did: `seat`, `participant`, `state`, `error` and more, as in the record."""
        return launches.bots(self.database, self.launch)

    def summary(self) -> str:
        """How the bots get on, in a line."""
        return launches.summary(self.database, self.launch)

    def manifest(self) -> dict[str, Any]:
        """All that shaped the bots' answers, and what became of them (see docs/record.md)."""
        return launches.manifest(self.database, self.launch)

    def _play(self) -> None:
        try:
            self._delivered = self._runner.play()
        except Exception as error:
            self._error = error
        finally:
            self._ended.set()

    def _end_with_script(self) -> None:
        """Python takes away what models need to run when a script ends, so its bots cannot play on."""
        if self.is_running:
            print(
                f"The script ends before its bots, which are stopped (launch {self.launch}). {GO_ON}", file=sys.stderr
            )
            self.stop()
            self._ended.wait(STOP_SECONDS)


def run_single_bot(
    url: str,
    session_id: str = "",
    botex_db: str | os.PathLike[str] | None = None,
    model: str = "",
    openai_api_key: str | None = None,
    api_key: str | None = None,
    api_base: str | None = None,
    local_model_cfg: Mapping[str, Any] | None = None,
    already_started: bool = False,
    wait: bool = True,
    **more: Any,
) -> Run:
    """Plays one participant: `url` is a start link, a room's address or a session-wide link, of any oTree server.

    `botex_db` is the SQLite file of the record (by default the one that BOTEX_DB names), made if need be. `model` is
    `random`, `smollm2`, `llama.cpp:/path.gguf`, `local` (with `local_model_cfg`), `replay:LAUNCH`, or any name litellm
    knows. `session_id` is what the record calls the session. `already_started` goes on with the bot that began on this
    link and did not finish. Further arguments are the parameters of a launch: temperature, max_tokens, seed, attempts,
    memory, human_pace, images, cache, chat_messages, chat_cost; and for pages in a browser driver, hosts, page_calls,
    page_actions, page_seconds, browsers.

    Returns a Run; with `wait`, when the bot has ended. Raises SetupError for arguments that are not valid, and what
    `Run.wait` raises.
    """
    given = {"model": model, **more}
    database = Database(botex_db, must_exist=already_started)
    access = launches.Access(openai_api_key or api_key, api_base, local_model_cfg)
    if already_started:
        launch = launches.again(database, session_id, given, access, url)
    else:
        seats = launches.numbered(database, session_id, [url])
        launch = launches.new(database, session_id, seats, parameters(given), access)
    return _run(database, launch, session_id, wait, None)


def run_bots_on_session(
    session_id: str,
    bot_urls: Sequence[str] | None = None,
    botex_db: str | os.PathLike[str] | None = None,
    model: str = "",
    openai_api_key: str | None = None,
    api_key: str | None = None,
    api_base: str | None = None,
    local_model_cfg: Mapping[str, Any] | None = None,
    already_started: bool = False,
    wait: bool = True,
    executor: Executor | None = None,
    workers: int | None = None,
    address: str = "127.0.0.1",
    **more: Any,
) -> Run:
    """Starts all bots of a session in one go: on its seats for bots that `init_otree_session` wrote into the record, or
    on `bot_urls`.

    `already_started` goes on with those that began and did not finish; their parameters are those they began with.
    With an `executor` (concurrent.futures') the bots play in `workers` shares of about the same size, each a task of
    its own that must be able to run at the same time as the others; these reach this process at `address`. The other
    arguments and the result are those of `run_single_bot`.
    """
    given = {"model": model, **more}
    database = Database(botex_db, must_exist=already_started or bot_urls is None)
    access = launches.Access(openai_api_key or api_key, api_base, local_model_cfg)
    if already_started:
        launch = launches.again(database, session_id, given, access)
    else:
        asked = parameters(given)
        if bot_urls is None:
            seats = launches.seats_for_bots(database, session_id)
        else:
            seats = launches.numbered(database, session_id, bot_urls)
        launch = launches.new(database, session_id, seats, asked, access)
    return _run(database, launch, session_id, wait, Shares(executor, workers, address) if executor else None)


def _run(database: Database, launch: Launch, session_id: str, wait: bool, shares: Shares | None) -> Run:
    carrier = DatabaseCarrier(database, launch.code, launch.token)
    run = Run(database, launch.code, session_id, Spread(launch, carrier, shares) if shares else Runner(launch, carrier))
    if wait:
        run.wait()
    return run
