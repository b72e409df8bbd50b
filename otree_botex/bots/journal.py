"""What happened, on its way to the record: numbered per bot, sent in batches, sure before it is acted upon.

One journal serves all bots of a process. The reply to each batch carries commands back.
"""

from __future__ import annotations

import hashlib
import json
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TextIO, TypeVar

from tenacity import stop_after_delay, wait_exponential

from ..errors import Away, ServerError
from ..records import ENDED, Cause, Launch, Outcome, State
from .carrier import Carrier
from .patience import Stopped, try_again

logger = logging.getLogger(__name__)

EVERY_SECONDS = 1.0
HEARTBEAT_SECONDS = 2.0
LONGEST_PAUSE = 15.0
BATCH_RECORDS = 500
BATCH_CHARACTERS = 2_000_000
PATIENCE_SECONDS = 600.0
HURRIED_SECONDS = 10.0

Result = TypeVar("Result")


class Journal:
    """The journal of the bots that this process plays.

    With a folder, each record is on disk when it is written, until it is acknowledged. Without one, `settle` waits for
    the acknowledgement. `on_stop` is called with the number of each bot that is to stop, `on_reply` with each reply to
    a batch. Raises ServerError from `open` if no record of this launch is taken.
    """

    def __init__(
        self,
        launch: Launch,
        carrier: Carrier,
        on_stop: Callable[[int], None],
        on_reply: Callable[[Mapping[str, Any]], None],
    ) -> None:
        self._carrier = carrier
        self._bots = [seat.bot for seat in launch.seats]
        self._on_stop, self._on_reply = on_stop, on_reply
        self._lock = threading.Lock()
        self._news = threading.Condition(self._lock)
        self._waiting: deque[str] = deque()
        self._sequence = dict.fromkeys(self._bots, 0)
        # a runner whose bots were started again may still be there: each runner has files of its own
        mark = hashlib.sha256(launch.token.encode()).hexdigest()[:8]
        self._names = {bot: f"{launch.code}-{bot}-" for bot in self._bots}
        self._paths = {
            bot: Path(launch.folder) / f"{name}{mark}.jsonl" for bot, name in self._names.items() if launch.folder
        }
        self._files: dict[int, TextIO] = {}
        self._pictures: set[str] = set()
        self._written = self._taken = 0
        self._wanted = threading.Event()
        self._closing, self._hurried = False, threading.Event()
        self._thread = threading.Thread(target=self._send_for_ever, name="journal", daemon=True)
        self._last_sent = 0.0
        self.refused = ""
        """Why no more of this launch is taken; empty while it is."""

    def open(self) -> None:
        """Delivers what earlier runners of this launch left behind, then begins to send."""
        acknowledged = self.patiently(lambda: self._deliver([]))
        left_behind = [(bot, path) for bot in self._paths for path in self._left_behind(bot)]
        self._sequence.update(acknowledged)
        for bot, path in left_behind:
            for record in _read(path):
                if record["seq"] > self._sequence[bot]:
                    self._waiting.append(json.dumps(record, ensure_ascii=False))
                    self._sequence[bot] = record["seq"]
        while self._waiting:
            self.patiently(self._send_batch)
        self._taken = 0
        for _, path in left_behind:
            path.unlink(missing_ok=True)
        for bot, path in self._paths.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            self._files[bot] = path.open("w", encoding="utf-8")
        self._thread.start()

    def patiently(self, call: Callable[[], Result]) -> Result:
        """What a call to where the record is kept returns. While that is away, as a server is that begins anew, it is
        called again. Raises Away if that takes too long, or there is hurry; and what the call raises."""
        if self._hurried.is_set():
            return call()
        try:
            return try_again(
                call,
                after=Away,
                wait=wait_exponential(multiplier=0.5, max=LONGEST_PAUSE),
                limit=stop_after_delay(PATIENCE_SECONDS),
                stop=self._hurried,
            )
        except Stopped:
            raise Away("The bots were stopped before their server had answered.") from None

    def _left_behind(self, bot: int) -> list[Path]:
        return sorted(self._paths[bot].parent.glob(f"{self._names[bot]}*.jsonl"))

    def record(self, bot: int, kind: str, **data: Any) -> int:
        """Writes one record down, and returns its number. See `settle`."""
        with self._lock:
            self._sequence[bot] += 1
            record = {"bot": bot, "seq": self._sequence[bot], "at": time.time(), "kind": kind, **data}
            line = json.dumps(_storable(record), ensure_ascii=False)
            if bot in self._files:
                self._files[bot].write(line + "\n")
                self._files[bot].flush()
            self._waiting.append(line)
            self._written += 1
            return self._sequence[bot]

    def picture(self, bot: int, sha256: str, url: str) -> None:
        """Writes a picture down, unless that was done before."""
        with self._lock:
            is_new = sha256 not in self._pictures
            self._pictures.add(sha256)
        if is_new:
            self.record(bot, "picture", sha256=sha256, url=url)

    def settle(self) -> None:
        """Returns when what was recorded so far cannot be lost any more, so that it may be acted upon.

        Raises Stopped if that is not to be waited for.
        """
        if self._paths:
            return
        with self._lock:
            until = self._written
            self._wanted.set()
            while self._taken < until:
                if self.refused or self._hurried.is_set():
                    raise Stopped
                self._news.wait()

    @property
    def silence(self) -> float:
        """For how many seconds nothing was heard of where the record is kept."""
        return time.monotonic() - self._last_sent

    def hurry(self) -> None:
        """From now on nobody waits long for a record that is away. What it has not taken by the end stays on disk."""
        with self._lock:
            self._hurried.set()
            self._news.notify_all()

    def close(self) -> bool:
        """Sends what is left, as far as patience goes. True if the record has everything."""
        self._closing = True
        self._wanted.set()
        self._thread.join()
        for file in self._files.values():
            file.close()
        if self._waiting:
            kept = f"kept in {next(iter(self._paths.values())).parent}" if self._paths else "lost"
            logger.error("The last %d records could not be delivered; they are %s.", len(self._waiting), kept)
            return False
        for path in self._paths.values():
            path.unlink(missing_ok=True)
        return True

    def _send_for_ever(self) -> None:
        pause, last_taken = EVERY_SECONDS, time.monotonic()
        while not self.refused:
            self._wanted.wait(pause)
            self._wanted.clear()
            closing, patience = self._closing, HURRIED_SECONDS if self._hurried.is_set() else PATIENCE_SECONDS
            if closing and (not self._waiting or time.monotonic() - last_taken > patience):
                return
            if not self._waiting and time.monotonic() - self._last_sent < HEARTBEAT_SECONDS:
                continue
            try:
                self._send_batch()
                pause, last_taken = EVERY_SECONDS, time.monotonic()
                if closing:
                    self._wanted.set()
            except Away as error:
                logger.warning("%s Trying again.", error)
                pause = min(pause * 2, LONGEST_PAUSE)
                self._wanted.clear()
                time.sleep(min(pause, 1.0))
            except ServerError as error:
                self._refuse(str(error))

    def _refuse(self, why: str) -> None:
        with self._lock:
            self.refused = why
            self._news.notify_all()
        logger.error("%s", why)
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
        self._deliver(batch)
        with self._lock:
            for _ in batch:
                self._waiting.popleft()
            self._taken += len(batch)
            self._news.notify_all()

    def _deliver(self, lines: list[str]) -> dict[int, int]:
        reply = self._carrier.deliver(self._bots, lines)
        self._last_sent = time.monotonic()
        for bot in reply["stop"]:
            self._on_stop(bot)
        self._on_reply(reply)
        return {int(bot): number for bot, number in reply["acknowledged"].items()}


class BotJournal:
    """The journal as one bot writes it: knows the bot, its current step, and when the step began."""

    def __init__(self, journal: Journal, bot: int, step: int = 0) -> None:
        self._journal, self._bot, self.step = journal, bot, step
        self._began = 0.0
        self.current: State = "starting"
        """What the bot is doing now."""
        self._error = ""
        self._is_on_page = False

    def page(self, **data: Any) -> None:
        """Opens the next step: a page is seen."""
        self.step += 1
        self._began, self._is_on_page = time.monotonic(), True
        self._journal.record(self._bot, "page", step=self.step, **data)

    def left(self, outcome: Outcome, untouched: bool = False) -> None:
        """The page of this step is behind the bot. How long it was there is not known after an interruption.
        `untouched` says that it had controls to decide with, and that none of them was touched."""
        seconds = round(time.monotonic() - self._began, 3) if self._began else None
        self._is_on_page = False
        about: dict[str, Any] = {"outcome": outcome, "seconds": seconds, "untouched": untouched}
        self._journal.record(self._bot, "left", step=self.step, **about)

    def interrupted(self) -> None:
        """The bot has to begin anew with the page that it is on, if it is on one."""
        if self._is_on_page:
            self.left("interrupted")

    def write(self, kind: str, **data: Any) -> int:
        """A message, a decision or a refusal of this step. Returns the number of the record."""
        return self._journal.record(self._bot, kind, step=self.step, **data)

    def picture(self, sha256: str, url: str) -> None:
        """A picture that is about to be shown to the model."""
        self._journal.picture(self._bot, sha256, url)

    def settle(self) -> None:
        """Returns when what was written so far cannot be lost any more, so that the bot may act upon it.

        Raises Stopped if that is not to be waited for.
        """
        self._journal.settle()

    @property
    def silence(self) -> float:
        """For how many seconds nothing was heard of where the record is kept."""
        return self._journal.silence

    def state(self, state: State, error: str = "", cause: Cause = "") -> None:
        """What the bot is doing now, and why, if it is not what it was doing."""
        if (state, error) != (self.current, self._error) or state in ENDED:
            self.current, self._error = state, error
            self._journal.record(self._bot, "state", state=state, error=error, cause=cause)


def _storable(value: Any) -> Any:
    """The same value without what no database takes and a model may write all the same: halves of surrogate pairs, and
    the character zero. A replacement character stands for each."""
    if isinstance(value, str):
        return value.replace("\0", "\ufffd").encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, dict):
        return {_storable(name): _storable(item) for name, item in value.items()}
    return [_storable(item) for item in value] if isinstance(value, list | tuple) else value


def _read(path: Path) -> Iterable[dict[str, Any]]:
    """The records of a journal file. A last line that was cut off in writing was never acted upon, and is left out."""
    for line in path.read_bytes().split(b"\n"):  # as text there would be more line breaks, and half a letter at its end
        try:
            yield json.loads(line)
        except ValueError:
            return
