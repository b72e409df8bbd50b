"""When a page in Chromium has come to rest, so that it can be looked at, and when something on it has changed."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from playwright.async_api import Error, Page

from .ears import Ears
from .eyes import GONE

Result = TypeVar("Result")

LOAD_SECONDS = 30.0
"""A page whose parts have not come by then is played with what is there."""
QUIET_SECONDS, SETTLE_SECONDS = 0.15, 3.0
"""A page has settled when nothing has changed for so long, and at the latest after so long."""
NETWORK_SECONDS = 3.0
"""So long at most a page may go on fetching what its scripts want before it is looked at."""
LIVE_SECONDS = 1.0
"""So long at most a page's live connection is waited for that may bring what the page begins with."""
POLL_SECONDS = 0.03
VERSION = "() => __botex.version"
CHANGED = "([version, wait]) => __botex.changed(version, wait)"
MOVED = (
    *("Execution context was destroyed", "Frame was detached", "because of a navigation", "is navigating"),
    "There is no document here yet",
)
"""What Playwright, and page.js, say of a page that goes away while something is done on it."""


class Settling:
    """Waits for one page. A dialog ends all waiting, since the page stands still until it is answered."""

    def __init__(self, page: Page, ears: Ears) -> None:
        self._page, self._ears = page, ears

    async def arrive(self) -> None:
        """Until the page has loaded, fetched and been sent what it begins with, and settled."""
        await self.or_dialog(self._page.wait_for_load_state("load", timeout=LOAD_SECONDS * 1000), LOAD_SECONDS)
        await self.or_dialog(self._page.wait_for_load_state("networkidle"), NETWORK_SECONDS)
        await self.or_dialog(self._heard(), LIVE_SECONDS)
        await self.or_dialog(self._quiet(), SETTLE_SECONDS)

    async def land(self, loads: int) -> None:
        """Until the page has settled after the document of the number `loads` was there, or the next one has, if one
        has come or is on its way."""
        await self.or_dialog(self._quiet(), SETTLE_SECONDS)
        if self._ears.fetching:
            await self.or_dialog(self._fetched(), NETWORK_SECONDS)
        if self._ears.pending is not None:
            await self.or_dialog(self._landed(), LOAD_SECONDS)
        if self._ears.loads != loads:
            await self.arrive()

    async def change(self, version: int, seconds: float) -> bool:
        """Waits until the page is another than it was in this version, for so many seconds at most. True if it is."""
        happened = self._ears.happened
        changed = asyncio.ensure_future(self._page.evaluate(CHANGED, [version, seconds * 1000]))
        tasks: list[asyncio.Future[Any]] = [changed, asyncio.ensure_future(happened.wait())]
        try:
            await asyncio.wait(tasks, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            result: Any = (await asyncio.gather(*tasks, return_exceptions=True))[0]
        if isinstance(result, Error):
            if not any(word in str(result) for word in MOVED):
                raise result
            return True
        return happened.is_set() or result is True

    async def or_dialog(self, work: Coroutine[Any, Any, Result], seconds: float) -> Result | None:
        """What comes of some work; None if it takes longer than `seconds`, cannot be done, or a dialog opens."""
        task = asyncio.ensure_future(work)
        end = asyncio.get_running_loop().time() + seconds
        while not task.done() and self._ears.dialog is None and asyncio.get_running_loop().time() < end:
            await asyncio.wait([task], timeout=POLL_SECONDS)
        if not task.done():
            task.cancel()
        result = (await asyncio.gather(task, return_exceptions=True))[0]
        if isinstance(result, Error) and any(word in str(result) for word in GONE):
            raise result
        return None if isinstance(result, BaseException) else result

    async def _quiet(self) -> None:
        version = await self._page.evaluate(VERSION)
        while await self._page.evaluate(CHANGED, [version, QUIET_SECONDS * 1000]):
            version = await self._page.evaluate(VERSION)

    async def _fetched(self) -> None:
        while self._ears.fetching:
            await asyncio.sleep(POLL_SECONDS)
        await self._quiet()

    async def _heard(self) -> None:
        while self._ears.unheard:
            await asyncio.sleep(POLL_SECONDS)

    async def _landed(self) -> None:
        while self._ears.pending is not None:
            self._ears.happened.clear()
            await self._ears.happened.wait()
