"""One bot's page in Chromium: opened, looked at, acted on, watched."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, replace
from threading import Event
from typing import Any, TypeVar
from urllib.parse import urldefrag

from playwright.async_api import BrowserContext, Error, Page
from requests.structures import CaseInsensitiveDict

from ...errors import Crashed
from .. import scene as scenes
from ..actions import Action
from ..scene import Scene
from .ears import Ears
from .engine import Chromium
from .eyes import GONE, Eyes
from .hands import Impossible, do, put, why_not

__all__ = ["Document", "Impossible", "Moved", "Tab", "View"]

Result = TypeVar("Result")

LOAD_SECONDS = 30.0
"""A page whose parts have not come by then is played with what is there."""
QUIET_SECONDS, SETTLE_SECONDS = 0.15, 3.0
"""A page has settled when nothing has changed for so long, and at the latest after so long."""
NETWORK_SECONDS = 3.0
"""So long at most a page may go on fetching its content before it is looked at."""
LOOK_SECONDS, WORK_SECONDS = 20.0, 90.0
"""A page that cannot be looked at, or used, within this time keeps its processor busy."""
ACT_MILLISECONDS = 3000
POLL_SECONDS = 0.03
CHANGED = "([version, wait]) => __botex.changed(version, wait)"
MOVED = ("Execution context was destroyed", "Frame was detached", "because of a navigation", "is navigating")


class Moved(Exception):
    """The page went away while it was worked on: another one comes."""


@dataclass(frozen=True)
class Document:
    """The main document as the server sent it."""

    url: str
    status: int
    headers: Mapping[str, str]
    html: str


@dataclass(frozen=True)
class View:
    """The page as it stands: what can be seen and done (`scene`), and its HTML with the state of its controls."""

    scene: Scene
    html: str = ""
    version: int = 0
    chat: frozenset[int] = frozenset()
    """The numbers of those controls that belong to oTree's own chat."""


class Tab:
    """One bot's context in the browser, with one page. Its methods are called from the bot's thread.

    All raise Crashed if the browser or the page crashed, PageError if the page does not answer, and Stopped when the
    bot is told to stop. With `images`, what is drawn on canvases is among the pictures of a scene.
    """

    def __init__(self, chromium: Chromium, stop: Event, images: bool = False) -> None:
        self._chromium, self._stop, self._images = chromium, stop, images
        self._context: BrowserContext | None = None
        self._page: Page | None = None
        self._ears = Ears(chromium.guard)
        self._eyes: Eyes | None = None
        self._last = View(Scene(""))
        chromium.take_place(stop)
        try:
            self._run(self._begin())
        except BaseException:
            self.close()
            raise

    # ---- what the bot's thread calls

    @property
    def at(self) -> str:
        """The address of the page that the tab shows, without what follows a #."""
        return urldefrag(self._here.url)[0]

    @property
    def loads(self) -> int:
        """How many documents the tab has shown so far."""
        return self._ears.loads

    @property
    def away(self) -> str:
        """The address on another site to which the page wanted to lead; empty if it did not."""
        return self._ears.away

    def open(self, url: str) -> None:
        """Loads an address, until its page has settled. The tab may then show another one."""
        self._run(self._open(url))

    def document(self) -> Document:
        """The document that the tab shows now, as it came."""
        return self._run(self._document())

    def look(self) -> View:
        """The page as it stands now. Raises Moved if it is just going away."""
        dialog, last = self._ears.dialog, self._last
        if dialog is not None:  # the page stands still, and cannot be asked anything
            kind: Any = dialog.type
            shown = scenes.Dialog(kind, dialog.message, dialog.default_value)
            self._last = replace(last, scene=Scene(last.scene.text, (), last.scene.title, dialog=shown))
            return self._last
        got = self._run(self._sight.look(), LOOK_SECONDS)
        scene = scenes.read_scene(got["html"], got["controls"], title=got["title"], keys=got["keys"])
        chat = frozenset(control["n"] for control in got["controls"] if control["chat"])
        self._last = View(scene, got["html"], got["version"], chat)
        return self._last

    def act(self, action: Action, scene: Scene) -> None:
        """Does one thing on the page, and lets it settle. Raises Impossible, and Moved if it leaves the page."""
        self._run(self._act(action, scene))

    def fill(self, number: int, value: Any) -> None:
        """Puts a value into a form's control: a text, a state (True, False), or the values of a list's options.

        Raises Impossible.
        """
        self._run(self._fill(number, value))

    def press(self, number: int) -> None:
        """Presses a button of a form and waits for the page to come. Raises Impossible."""
        self._run(self._press(number))

    def watch(self, seconds: float) -> bool:
        """Waits until anything changes, for so many seconds at most. True if something did."""
        return self._run(self._watch(seconds), seconds + WORK_SECONDS)

    def noted(self) -> list[tuple[str, dict[str, Any]]]:
        """What the page's scripts sent, received or wanted since this was asked last: kinds and contents of events."""
        return self._ears.taken()

    def close(self) -> None:
        """Closes the page and lets another bot have its place."""
        try:
            if self._context is not None:
                self._chromium.run(self._end(self._context), Event(), 10.0)
        except Exception:  # what is left goes with the browser
            pass
        finally:
            self._context = None
            self._chromium.give_place()

    # ---- the rest runs in the browser's thread

    def _run(self, work: Coroutine[Any, Any, Result], seconds: float = WORK_SECONDS) -> Result:
        if self._ears.crashed:
            work.close()
            raise Crashed("The page has crashed in the browser.")
        try:
            return self._chromium.run(work, self._stop, seconds)
        except Error as error:
            text = str(error)
            if self._ears.crashed or any(word in text for word in GONE):
                raise Crashed("The browser or the page in it has crashed.") from None
            if any(word in text for word in MOVED):
                raise Moved from None
            raise Crashed(f"The browser cannot go on with this page: {text.splitlines()[0]}") from None

    async def _begin(self) -> None:
        self._context = await self._chromium.context()
        self._page = await self._context.new_page()
        self._page.set_default_timeout(ACT_MILLISECONDS)
        self._eyes = Eyes(self._page, self._chromium.guard.is_home, self._images)
        self._ears.listen(self._page)

    async def _end(self, context: BrowserContext) -> None:
        self._ears.stop()
        await self._here.close()
        await context.close()

    @property
    def _here(self) -> Page:
        assert self._page is not None
        return self._page

    @property
    def _sight(self) -> Eyes:
        assert self._eyes is not None
        return self._eyes

    async def _open(self, url: str) -> None:
        try:
            await self._here.goto(url, wait_until="commit", timeout=LOAD_SECONDS * 1000)
        except Error as error:
            if "interrupted by another navigation" not in str(error) and not self.away:
                raise
        await self._arrive()

    async def _document(self) -> Document:
        response = self._ears.response
        if response is None:
            return Document(self._here.url, 0, {}, "")
        headers = CaseInsensitiveDict(await response.all_headers())  # Chromium has their names in small letters
        try:
            html = await response.text()
        except Error:  # Chromium has let go of it
            again = await self._here.context.request.get(response.url, max_redirects=0)
            if not again.ok:
                raise Moved from None
            html = await again.text()
        return Document(urldefrag(response.url)[0], response.status, headers, html)

    # ---- letting it settle

    async def _arrive(self) -> None:
        """Until the page has loaded, fetched what it begins with, and settled; or a dialog stands in its way."""
        await self._or_dialog(self._here.wait_for_load_state("load", timeout=LOAD_SECONDS * 1000), LOAD_SECONDS)
        await self._or_dialog(self._here.wait_for_load_state("networkidle"), NETWORK_SECONDS)
        await self._or_dialog(self._quiet(), SETTLE_SECONDS)

    async def _land(self) -> None:
        """Until the page has settled, or the next one has, if one is on its way."""
        before = self.loads
        await self._or_dialog(self._quiet(), SETTLE_SECONDS)
        if self._ears.fetching:
            await self._or_dialog(self._fetched(), NETWORK_SECONDS)
        if self._ears.pending is not None:
            await self._or_dialog(self._landed(), LOAD_SECONDS)
        if self.loads != before:
            await self._arrive()

    async def _quiet(self) -> None:
        version = await self._here.evaluate("() => __botex.version")
        while await self._here.evaluate(CHANGED, [version, QUIET_SECONDS * 1000]):
            version = await self._here.evaluate("() => __botex.version")

    async def _fetched(self) -> None:
        while self._ears.fetching:
            await asyncio.sleep(POLL_SECONDS)
        await self._quiet()

    async def _landed(self) -> None:
        while self._ears.pending is not None:
            self._ears.happened.clear()
            await self._ears.happened.wait()

    async def _or_dialog(self, work: Coroutine[Any, Any, Any], seconds: float) -> None:
        """Waits for something to be done, but no longer than `seconds`, and not while a dialog is open."""
        task = asyncio.ensure_future(work)
        end = asyncio.get_running_loop().time() + seconds
        while not task.done() and self._ears.dialog is None and asyncio.get_running_loop().time() < end:
            await asyncio.wait([task], timeout=POLL_SECONDS)
        if not task.done():
            task.cancel()
        result: Any = (await asyncio.gather(task, return_exceptions=True))[0]
        if isinstance(result, Error) and any(word in str(result) for word in GONE):
            raise result

    # ---- watching

    async def _watch(self, seconds: float) -> bool:
        ears = self._ears
        ears.happened.clear()
        if ears.dialog is not None and self._last.scene.dialog is not None:  # nobody is going to answer it
            await self._answer(False)
        elif ears.dialog is not None:
            return True
        work: Coroutine[Any, Any, Any] = self._here.evaluate(CHANGED, [self._last.version, seconds * 1000])
        tasks = [asyncio.ensure_future(work), asyncio.ensure_future(ears.happened.wait())]
        try:
            await asyncio.wait(tasks, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            happened = ears.happened.is_set() or (tasks[0].done() and tasks[0].exception() is None)
            happened = happened and (ears.happened.is_set() or bool(tasks[0].result()))
        finally:
            for task in tasks:
                task.cancel()
            results = await asyncio.gather(*tasks, return_exceptions=True)
        if isinstance(results[0], Error) and not any(word in str(results[0]) for word in MOVED):
            raise results[0]
        if happened or isinstance(results[0], Error):
            await self._land()
            return True
        return False

    # ---- acting

    async def _act(self, action: Action, scene: Scene) -> None:
        self._ears.fetching.clear()
        if action.do == "answer":
            await self._answer(bool(action.value["accept"]), action.value.get("text"))
        elif self._ears.dialog is not None:
            raise Impossible("a dialog of the page has to be answered first")
        else:
            await self._unless_dialog(do(self._here, action, scene, self._sight.element))
        await self._land()

    async def _unless_dialog(self, work: Coroutine[Any, Any, None]) -> None:
        """Does something that may open a dialog, which keeps it from coming to its end."""
        task = asyncio.ensure_future(work)
        while not task.done() and self._ears.dialog is None:
            await asyncio.wait([task], timeout=POLL_SECONDS)
        if not task.done():
            task.add_done_callback(lambda done: done.cancelled() or done.exception())
            return
        try:
            task.result()
        except Error as error:
            if any(word in str(error) for word in (*GONE, *MOVED)):
                raise
            raise Impossible(why_not(error)) from None

    async def _answer(self, accept: bool, text: str | None = None) -> None:
        dialog, self._ears.dialog = self._ears.dialog, None
        if dialog is None:
            raise Impossible("there is no dialog any more")
        self._ears.note("dialog", kind=dialog.type, message=dialog.message, answer={"accept": accept, "text": text})
        if accept and dialog.type == "prompt":
            await dialog.accept(dialog.default_value if text is None else text)
        elif accept:
            await dialog.accept()
        else:
            await dialog.dismiss()

    async def _fill(self, number: int, value: Any) -> None:
        await self._unless_dialog(put(await self._sight.element(number), value))

    async def _press(self, number: int) -> None:
        self._ears.fetching.clear()
        await self._unless_dialog((await self._sight.element(number)).click())
        await self._land()
