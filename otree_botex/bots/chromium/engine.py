"""One Chromium for all bots of a process, driven from one thread; a context of its own for each bot.

Playwright's objects belong to the event loop that made them, and each instance of its synchronous kind starts a driver
process. So one asynchronous instance runs in a thread of its own, and the bots' threads hand their work to it.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import logging
import re
import threading
import time
from collections.abc import Coroutine, Sequence
from pathlib import Path
from threading import Event
from typing import Any, TypeVar

from playwright.async_api import Browser, BrowserContext, Error, Playwright, async_playwright

from ...chromium_path import needed_chromium
from ...errors import PageError, SetupError
from ...records import BOT_COOKIE
from ..patience import Stopped
from .guard import Guard

logger = logging.getLogger(__name__)

Result = TypeVar("Result")

SECONDS = 60.0
"""No piece of work in the browser takes longer: a page that lets nobody else do anything is given up then."""
POLL_SECONDS = 0.5
END_SECONDS = 15.0
SAID = re.compile(r"\[err\] (.*)")
TELLING = re.compile(r"error|fatal|cannot|failed|not supported", re.IGNORECASE)
CONTEXT: dict[str, Any] = {
    "accept_downloads": False,
    "service_workers": "block",
    "viewport": {"width": 1280, "height": 900},
}
INIT = (Path(__file__).parent / "init.js").read_text(encoding="utf-8")
# Less memory, and nothing that a study's machine should be bothered with: no updates, no reports, no GPU, no processes
# that stand by for the next site or for what opens below the address bar.
ARGUMENTS = (
    *("--disable-gpu", "--disable-extensions", "--disable-component-update", "--disable-background-networking"),
    *("--disable-breakpad", "--disable-sync", "--no-first-run", "--mute-audio", "--disable-dev-shm-usage"),
    *("--renderer-process-limit=64", "--js-flags=--max-old-space-size=256", "--no-proxy-server"),
    "--disable-features=SpareRendererForSitePerProcess,WebUIOmniboxPopup,WebUIOmniboxAimPopup",
)


class Chromium:
    """The browser of this process: started when it is first needed, and again after a crash.

    `server` is the experiment's address, `hosts` are those of other sites that its pages may load from; at most `most`
    bots have a page open at a time, the others wait their turn.
    """

    def __init__(self, server: str, hosts: Sequence[str] = (), most: int = 12) -> None:
        self.guard = Guard(server, hosts)
        self._server = server
        self._places = threading.Semaphore(most)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._lock = threading.Lock()
        self._starting: asyncio.Lock | None = None
        self._playwright: Playwright | None = None
        self._browser: Browser | None = None
        self._thread: threading.Thread | None = None

    def take_place(self, stop: Event) -> None:
        """Returns when this bot may have a page open. Raises Stopped."""
        while not self._places.acquire(timeout=POLL_SECONDS):
            if stop.is_set():
                raise Stopped

    def give_place(self) -> None:
        """Lets another bot have a page open."""
        self._places.release()

    def run(self, work: Coroutine[Any, Any, Result], stop: Event, seconds: float = SECONDS) -> Result:
        """What a piece of work in the browser's thread returns or raises.

        Raises PageError if it took too long, and Stopped: nothing is begun for a bot that was told to stop.
        """
        if stop.is_set():
            work.close()
            raise Stopped
        future = asyncio.run_coroutine_threadsafe(work, self._running_loop())
        end = time.monotonic() + seconds
        while not concurrent.futures.wait([future], timeout=POLL_SECONDS).done:
            if stop.is_set():
                future.cancel()
                raise Stopped
            if time.monotonic() > end:
                future.cancel()
                raise PageError(f"The page keeps the browser busy: it could not be used for {seconds:.0f} seconds.")
        return future.result()

    async def context(self, bot: str = "") -> BrowserContext:
        """A new context, with nothing in it but what names the `bot` to the experiment's server.

        Raises SetupError if there is no browser to be had.
        """
        assert self._starting is not None
        async with self._starting:
            browser = self._browser or await self._launch()
            try:
                context = await browser.new_context(**CONTEXT)
            except Error as error:
                logger.warning("Chromium has crashed and is started again (%s).", _why(error))
                context = await (await self._launch()).new_context(**CONTEXT)
        if bot:
            await context.add_cookies([{"name": BOT_COOKIE, "value": bot, "url": self._server, "httpOnly": True}])
        await context.add_init_script(INIT)
        await self.guard.watch(context)
        return context

    async def _launch(self) -> Browser:
        await self._end()
        path = needed_chromium()
        self._playwright = await async_playwright().start()
        chromium = self._playwright.chromium
        options: dict[str, Any] = {"executable_path": path, "args": [*ARGUMENTS, self.guard.argument], "headless": True}
        try:
            self._browser = await chromium.launch(chromium_sandbox=True, **options)
            return self._browser
        except Error as error:
            logger.info("Chromium does not start in its sandbox here: %s", _why(error))
        try:
            self._browser = await chromium.launch(chromium_sandbox=False, **options)
        except Error as error:
            raise SetupError(f"Chromium ({path}) cannot be started: {_why(error)}") from None
        logger.warning("Chromium runs without its sandbox: this system or user (root?) does not allow one.")
        return self._browser

    def close(self) -> None:
        """Ends the browser, if it was started."""
        with self._lock:
            loop, thread, self._loop = self._loop, self._thread, None
        if loop is None or thread is None:
            return
        try:
            asyncio.run_coroutine_threadsafe(self._end(), loop).result(timeout=END_SECONDS)
        except Exception as error:  # it ends with this process anyway
            logger.info("Chromium did not end by itself (%s).", type(error).__name__)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(END_SECONDS)
        if not thread.is_alive():
            loop.close()

    async def _end(self) -> None:
        """Ends the browser and its driver, of which either may have ended already."""
        browser, playwright = self._browser, self._playwright
        self._browser = self._playwright = None
        if browser is not None:
            await _at_best(browser.close())
        if playwright is not None:
            await _at_best(playwright.stop())

    def _running_loop(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._starting = asyncio.Lock()
                self._thread = threading.Thread(target=self._loop.run_forever, name="chromium", daemon=True)
                self._thread.start()
            return self._loop


async def _at_best(end: Coroutine[Any, Any, None]) -> None:
    """Ends something that may have ended already, or does not answer any more."""
    try:
        await asyncio.wait_for(end, END_SECONDS / 3)
    except Exception as error:
        logger.info("Chromium's driver: %s", _why(error))


def _why(error: Exception) -> str:
    """What the browser said on its way out, in a line; or what Playwright says."""
    said = [match[1] for match in SAID.finditer(str(error))]
    telling = [line for line in said if TELLING.search(line)] or said or str(error).splitlines()
    return telling[0].strip() if telling else type(error).__name__
