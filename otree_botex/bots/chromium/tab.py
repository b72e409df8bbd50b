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
from ...records import STOPPED_HEADER
from .. import scene as scenes
from ..actions import Action
from ..patience import Stopped
from ..scene import Scene
from .ears import Ears
from .engine import Chromium
from .eyes import GONE, Eyes
from .hands import Impossible, do, put, why_not
from .settling import LOAD_SECONDS, MOVED, POLL_SECONDS, Settling

__all__ = ["Document", "Impossible", "Moved", "Tab", "View"]

Result = TypeVar("Result")

LOOK_SECONDS, WORK_SECONDS = 20.0, 90.0
"""A page that cannot be looked at, or used, within this time keeps its processor busy."""
ACT_MILLISECONDS = 3000


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
    bot is told to stop. With `images`, what is drawn on canvases is among the pictures of a scene. `bot` names the bot
    to the experiment's server.
    """

    def __init__(self, chromium: Chromium, stop: Event, images: bool = False, bot: str = "") -> None:
        self._chromium, self._stop, self._images, self._bot = chromium, stop, images, bot
        self._context: BrowserContext | None = None
        self._page: Page | None = None
        self._ears = Ears(chromium.guard)
        self._eyes: Eyes | None = None
        self._rest: Settling | None = None
        self._document_at_hand = (0, Document("", 0, {}, ""))
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

    @property
    def is_leaving(self) -> bool:
        """Whether the next document is on its way."""
        return self._ears.pending is not None

    @property
    def has_dialog(self) -> bool:
        """Whether a dialog is open: nothing else can be done until it is answered."""
        return self._ears.dialog is not None

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

    def sleep(self, seconds: float) -> None:
        """Lets time pass, whatever happens on the page."""
        if self._stop.wait(seconds):
            raise Stopped

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
        self._context = await self._chromium.context(self._bot)
        self._page = await self._context.new_page()
        self._page.set_default_timeout(ACT_MILLISECONDS)
        self._eyes = Eyes(self._page, self._chromium.guard.is_home, self._images)
        self._rest = Settling(self._page, self._ears)
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

    @property
    def _settling(self) -> Settling:
        assert self._rest is not None
        return self._rest

    async def _open(self, url: str) -> None:
        try:
            await self._here.goto(url, wait_until="commit", timeout=LOAD_SECONDS * 1000)
        except Error as error:
            if "interrupted by another navigation" not in str(error) and not self.away:
                raise
        await self._settling.arrive()

    async def _document(self) -> Document:
        response = self._ears.response
        loads, known = self._document_at_hand
        if response is None or loads == self.loads:
            return known
        loads, headers = self.loads, await response.all_headers()
        html = await self._settling.or_dialog(response.text(), LOAD_SECONDS)
        if html is None:  # a dialog stands in its way, or Chromium has let go of it
            again = await self._here.context.request.get(response.url, max_redirects=0)
            if not again.ok:
                raise Moved from None
            html = await again.text()
        # Chromium has the headers' names in small letters
        document = Document(urldefrag(response.url)[0], response.status, CaseInsensitiveDict(headers), html)
        if STOPPED_HEADER in document.headers:
            raise Stopped
        self._document_at_hand = loads, document
        return document

    # ---- watching

    async def _watch(self, seconds: float) -> bool:
        ears = self._ears
        ears.happened.clear()
        if ears.dialog is not None and self._last.scene.dialog is not None:  # nobody is going to answer it
            await self._answer(False)
        elif ears.dialog is not None:
            return True
        loads = self.loads
        if await self._settling.change(self._last.version, seconds):
            await self._settling.land(loads)
            return True
        return False

    # ---- acting

    async def _act(self, action: Action, scene: Scene) -> None:
        loads = self.loads
        self._ears.fetching.clear()
        if action.do == "answer":
            await self._answer(bool(action.value["accept"]), action.value.get("text"))
        else:
            self._no_dialog()
            await self._unless_dialog(do(self._here, action, scene, self._sight.element))
        await self._settling.land(loads)

    async def _unless_dialog(self, work: Coroutine[Any, Any, None]) -> None:
        """Does something that may open a dialog, which keeps it from coming to its end. So does a next page that is
        slow to come; it is done all the same."""
        pending = self._ears.pending
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
            if self._ears.pending in (None, pending):
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

    def _no_dialog(self) -> None:
        if self.has_dialog:
            raise Impossible("a dialog of the page has to be answered first")

    async def _fill(self, number: int, value: Any) -> None:
        self._no_dialog()
        await self._unless_dialog(put(await self._sight.element(number), value))

    async def _press(self, number: int) -> None:
        self._no_dialog()
        loads = self.loads
        self._ears.fetching.clear()
        await self._unless_dialog((await self._sight.element(number)).click())
        await self._settling.land(loads)
