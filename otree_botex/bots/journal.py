"""What happened, on its way to the server: numbered per bot, kept on disk until acknowledged, sent in batches.

One journal serves a whole runner. The reply to each batch carries the server's commands back.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TextIO

import requests

from ..errors import ServerError
from ..records import ENDED, JOURNAL_PATH, Launch, Memory, State

logger = logging.getLogger(__name__)

EVERY_SECONDS = 1.0
HEARTBEAT_SECONDS = 2.0
LONGEST_PAUSE = 15.0
BATCH_RECORDS = 500
BATCH_CHARACTERS = 2_000_000
PATIENCE_SECONDS = 600.0


class Journal:
    """The journal of a launch's bots.

    `on_stop` is called with the number of each bot that the server wants stopped. Raises ServerError from `open` if
    the server refuses this launch.
    """

    def __init__(self, launch: Launch, on_stop: Callable[[int], None]) -> None:
        self._url = launch.server + JOURNAL_PATH.format(launch=launch.code)
        self._bots = [seat.bot for seat in launch.seats]
        self._on_stop = on_stop
        self._session = requests.Session()
        self._session.trust_env = False  # as in browser.py
        self._session.headers["Authorization"] = f"Bearer {launch.token}"
        self._lock = threading.Lock()
        self._waiting: deque[str] = deque()
        self._sequence = dict.fromkeys(self._bots, 0)
        self._paths = {bot: Path(launch.folder) / f"{launch.code}-{bot}.jsonl" for bot in self._bots if launch.folder}
        self._files: dict[int, TextIO] = {}
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._send_for_ever, name="journal", daemon=True)
        self._last_sent = 0.0
        self.patience = PATIENCE_SECONDS
        """How long to wait in the end for a server that is away. What it has not taken then stays on disk."""
        self.refused = ""
        """Why the server takes no more of this launch; empty while it does."""

    def open(self) -> None:
        """Delivers what an earlier runner of this launch left behind, then begins to send."""
        acknowledged = self._post([])
        for bot in self._bots:
            taken = self._sequence[bot] = acknowledged.get(bot, 0)
            for record in _read(self._paths.get(bot)):
                if record["seq"] > taken:
                    self._waiting.append(json.dumps(record, ensure_ascii=False))
                    self._sequence[bot] = record["seq"]
        while self._waiting:
            self._send_batch()
        for bot, path in self._paths.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            self._files[bot] = path.open("w", encoding="utf-8")
        self._thread.start()

    def memories(self) -> dict[int, Memory]:
        """Where the bots were, and what they remember. Raises ServerError."""
        try:
            response = self._session.get(self._url, timeout=60)
            response.raise_for_status()
        except requests.RequestException as error:
            raise ServerError(f"The bots' memory could not be read back from the server: {error}") from None
        return {int(bot): Memory(**memory) for bot, memory in response.json().items()}

    def record(self, bot: int, kind: str, **data: Any) -> None:
        """Writes one record down. It is on disk when this returns, and with the server a second later."""
        with self._lock:
            self._sequence[bot] += 1
            record = {"bot": bot, "seq": self._sequence[bot], "at": time.time(), "kind": kind, **data}
            line = json.dumps(record, ensure_ascii=False)
            if bot in self._files:
                self._files[bot].write(line + "\n")
                self._files[bot].flush()
            self._waiting.append(line)

    def close(self) -> bool:
        """Sends what is left, as far as patience goes. True if the server has everything."""
        self._closing.set()
        self._thread.join()
        for file in self._files.values():
            file.close()
        if self._waiting:
            kept = next(iter(self._paths.values())).parent if self._paths else "no file"
            logger.error("The server did not take the last %d records; they are kept in %s", len(self._waiting), kept)
            return False
        for path in self._paths.values():
            path.unlink(missing_ok=True)
        return True

    def _send_for_ever(self) -> None:
        pause, last_taken = EVERY_SECONDS, time.monotonic()
        while not self.refused:
            closing = self._closing.wait(pause)
            if closing and (not self._waiting or time.monotonic() - last_taken > self.patience):
                return
            if not self._waiting and time.monotonic() - self._last_sent < HEARTBEAT_SECONDS:
                continue
            try:
                self._send_batch()
                pause, last_taken = EVERY_SECONDS, time.monotonic()
            except (requests.RequestException, ValueError) as error:
                logger.warning("The server does not take the journal (%s); trying again.", type(error).__name__)
                pause = min(pause * 2, LONGEST_PAUSE)
                if closing:
                    time.sleep(pause)
            except ServerError as error:
                self.refused = str(error)
                logger.error("%s", error)
                for bot in self._bots:
                    self._on_stop(bot)

    def _send_batch(self) -> None:
        with self._lock:
            batch: list[str] = []
            size = 0
            for line in self._waiting:
                if batch and (len(batch) >= BATCH_RECORDS or size + len(line) > BATCH_CHARACTERS):
                    break
                batch.append(line)
                size += len(line)
        self._post(batch)
        with self._lock:
            for _ in batch:
                self._waiting.popleft()

    def _post(self, lines: list[str]) -> dict[int, int]:
        body = f'{{"bots": {json.dumps(self._bots)}, "records": [{", ".join(lines)}]}}'
        headers = {"Content-Type": "application/json"}
        response = self._session.post(self._url, data=body.encode(), headers=headers, timeout=60)
        self._last_sent = time.monotonic()
        if response.status_code in (401, 403, 404, 410):
            raise ServerError(f"The server takes no journal of this launch: {response.text.strip()[:200]}")
        response.raise_for_status()
        reply = response.json()
        for bot in reply["stop"]:
            self._on_stop(bot)
        return {int(bot): number for bot, number in reply["acknowledged"].items()}


class BotJournal:
    """The journal as one bot writes it: knows the bot, its current step, and when the step began."""

    def __init__(self, journal: Journal, bot: int, step: int = 0) -> None:
        self._journal, self._bot, self.step = journal, bot, step
        self._began = 0.0
        self._state: State | None = None

    def page(self, **data: Any) -> None:
        """Opens the next step: a page is seen."""
        self.step += 1
        self._began = time.monotonic()
        self._journal.record(self._bot, "page", step=self.step, **data)

    def left(self, outcome: str) -> None:
        """The page of this step is behind the bot."""
        seconds = round(time.monotonic() - self._began, 3)
        self._journal.record(self._bot, "left", step=self.step, outcome=outcome, seconds=seconds)

    def write(self, kind: str, **data: Any) -> None:
        """A message, a decision or a refusal of this step."""
        self._journal.record(self._bot, kind, step=self.step, **data)

    def state(self, state: State, error: str = "") -> None:
        """What the bot is doing now, if it is not what it was doing."""
        if state != self._state or state in ENDED:
            self._state = state
            self._journal.record(self._bot, "state", state=state, error=error)


def _read(path: Path | None) -> Iterable[dict[str, Any]]:
    """The records of a journal file. A last line that was cut off in writing was never acted upon, and is left out."""
    if path is None or not path.exists():
        return
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            yield json.loads(line)
        except ValueError:
            return
