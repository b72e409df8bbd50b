"""Bots spread over other processes or machines, by an executor. They report back to this one over HTTP."""

from __future__ import annotations

import json
import logging
import secrets
import signal
import threading
from collections.abc import Sequence
from concurrent.futures import FIRST_EXCEPTION, Executor, Future, wait
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from ..bots.carrier import Carrier, HttpCarrier
from ..bots.runner import Runner
from ..errors import Away, BotexError, ServerError
from ..records import JOURNAL_PATH, REPLAY_PATH, Launch

logger = logging.getLogger(__name__)

BEGIN_SECONDS = 60.0
GO_ON = "The same call with already_started=True goes on with them."


@dataclass(frozen=True)
class Shares:
    """An executor of the interface of concurrent.futures, into how many tasks the bots are split, and the name or
    address at which these reach this machine."""

    executor: Executor
    workers: int | None = None
    address: str = "127.0.0.1"


class Spread:
    """Plays a launch as `bots.runner.Runner` does, in shares."""

    def __init__(self, launch: Launch, carrier: Carrier, shares: Shares) -> None:
        self._launch, self._shares = launch, shares
        self._desk = _Desk(launch, carrier, shares.address)

    def play(self) -> bool:
        """Plays until all bots have ended. True if their record is complete.

        If a share breaks off, the others are stopped, and ServerError says why.
        """
        self._desk.open()
        try:
            executor, seats = self._shares.executor, self._launch.seats
            number = min(self._shares.workers or getattr(executor, "_max_workers", None) or 1, len(seats))
            parts = [replace(self._launch, server=self._desk.url, seats=seats[k::number]) for k in range(number)]
            futures = [executor.submit(play_share, part) for part in parts]
            self._watch(futures)
            return all(future.result() for future in futures)
        finally:
            self._desk.close()

    def _watch(self, futures: Sequence[Future[bool]]) -> None:
        """Returns when all shares have ended."""
        ended, _ = wait(futures, BEGIN_SECONDS, FIRST_EXCEPTION)
        if not ended and len(self._desk.heard) < len(futures):
            logger.warning(
                "Of %d shares %d have not begun. Can the executor run them all at the same time?",
                *(len(futures), len(futures) - len(self._desk.heard)),
            )
        ended, others = wait(futures, return_when=FIRST_EXCEPTION)
        error = next(filter(None, map(_what_ended, ended)), None)
        if error is not None:
            self.stop()  # for they may wait for the bots of this one, and would wait for ever
            wait(others)
            raise error

    def stop(self) -> None:
        """Ends the bots where they are: they are told with the next reply to their journals."""
        self._desk.is_stopping = True


def play_share(launch: Launch) -> bool:
    """Plays some of a launch's bots where this is called. True if their record is complete.

    Raises Away if the script cannot be reached from here.
    """
    carrier = HttpCarrier(launch)
    try:
        memories = carrier.memories()
    except ServerError:
        raise Away(f"The script cannot be reached at {launch.server}: pass the address= by which it can.") from None
    # an executor may begin a task once more, when the worker that had it is gone
    begun = any(memories[seat.bot].step for seat in launch.seats if seat.bot in memories)
    runner = Runner(replace(launch, goes_on=launch.goes_on or begun), carrier)
    if threading.current_thread() is not threading.main_thread():
        return runner.play()
    before = signal.signal(signal.SIGINT, lambda *_: runner.stop())  # Ctrl-C reaches a script's workers too
    try:
        return runner.play()
    finally:
        signal.signal(signal.SIGINT, before)


def _what_ended(share: Future[bool]) -> ServerError | None:
    """Why a share broke off; None if it did not."""
    if share.cancelled():
        return ServerError(f"A share of the bots was cancelled; the others were stopped. {GO_ON}")
    error = share.exception()
    if error is None or isinstance(error, ServerError):
        return error
    said = f"{type(error).__name__}: {error}"
    return ServerError(f"A worker ended before its bots ({said}); the others were stopped. {GO_ON}")


class _Desk:
    """Takes the journals of all shares over HTTP, as an oTree server with our app does (see `records`)."""

    def __init__(self, launch: Launch, carrier: Carrier, address: str) -> None:
        self._launch, self._carrier, self._address = launch, carrier, address
        self.is_stopping = False
        self.heard: set[tuple[int, ...]] = set()
        """The bots of each share that has reported."""
        self.url = ""

    def open(self) -> None:
        # others than this machine are let in only where the script says by which name they come
        here = self._address in ("127.0.0.1", "localhost")
        desk = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                desk.answer(self, b"")

            def do_POST(self) -> None:
                desk.answer(self, self.rfile.read(int(self.headers.get("Content-Length", 0))))

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer((self._address if here else "", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://{self._address}:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, name="desk", daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, handler: BaseHTTPRequestHandler, body: bytes) -> None:
        """Answers one request of a share."""
        status, data = 200, b""
        try:
            scheme, _, token = handler.headers.get("Authorization", "").partition(" ")
            if scheme != "Bearer" or not secrets.compare_digest(token.encode(), self._launch.token.encode()):
                raise ServerError("The token of this launch is missing or wrong.")
            data = json.dumps(self._reply(handler.path, body)).encode()
        except Away as error:
            status, data = 503, str(error).encode()
        except BotexError as error:
            status, data = 403, str(error).encode()
        except Exception as error:  # a share that sends nonsense must not end the others
            logger.exception("A journal could not be taken.")
            status, data = 500, type(error).__name__.encode()
        handler.send_response(status)
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        handler.wfile.write(data)

    def _reply(self, path: str, body: bytes) -> Any:
        if path == REPLAY_PATH.format(launch=self._launch.code):
            return {seat: [vars(one) for one in said] for seat, said in self._carrier.recorded().items()}
        if path != JOURNAL_PATH.format(launch=self._launch.code):
            raise ServerError(f"There is nothing at {path}.")
        if not body:
            return {bot: vars(memory) for bot, memory in self._carrier.memories().items()}
        journal = json.loads(body)
        self.heard.add(tuple(journal["bots"]))
        reply = dict(self._carrier.deliver(journal["bots"], [json.dumps(one) for one in journal["records"]]))
        return {**reply, "stop": journal["bots"] if self.is_stopping else reply["stop"]}
