"""One bot's page in Chromium: opened, looked at, acted on, watched. What its scripts send and want is noted."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urldefrag

from playwright.async_api import (
    BrowserContext,
    Dialog,
    Download,
    ElementHandle,
    Error,
    Frame,
    Page,
    Request,
    Response,
    WebSocket,
)

from ...errors import Crashed
from .. import scene as scenes
from ..actions import Action
from ..scene import Scene
from .engine import Chromium

Result = TypeVar("Result")

LOAD_SECONDS = 30.0
"""A page whose parts have not come by then is played with what is there."""
QUIET_SECONDS, SETTLE_SECONDS = 0.15, 3.0
"""A page has settled when nothing has changed for so long, and at the latest after so long."""
NETWORK_SECONDS = 3.0
"""So long at most a page may go on fetching its content before it is looked at."""
LOOK_SECONDS = 20.0
"""A page that cannot be looked at within this time is eating up its processor."""
ACT_MILLISECONDS = 3000
TYPED_LENGTH = 500
"""Longer texts are pasted, shorter ones typed key by key, since scripts may count keys."""
MOST_STEPS = 500
"""A slider that a script drew is moved by so many steps at most."""
MESSAGE_LENGTH = 100_000
PAGE = (Path(__file__).parent / "page.js").read_text(encoding="utf-8")
FRAME_SIZE = 10_000
"""Where the numbers of a frame's controls begin, times the frame's place."""
PLACE_OF_FRAME = """() => {
    try { return [...parent.document.querySelectorAll('iframe')].indexOf(frameElement); } catch (error) { return -1; }
}"""
GONE = ("crashed", "has been closed", "Target closed", "Connection closed")
MOVED = ("Execution context was destroyed", "Frame was detached", "because of a navigation", "navigating")


class Moved(Exception):
    """The page went away while it was worked on: another one comes."""


class Impossible(Exception):
    """An action that cannot be done. `str(error)` says why, to the model."""


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
    bot is told to stop.
    """

    def __init__(self, chromium: Chromium, stop: Event) -> None:
        self._chromium, self._stop = chromium, stop
        self._context: BrowserContext | None = None
        self._page: Page | None = None
        self._response: Response | None = None
        self._dialog: Dialog | None = None
        self._happened: asyncio.Event | None = None
        self._crashed = False
        self._notes: list[tuple[str, dict[str, Any]]] = []
        self._last = View(Scene(""))
        self._frames: list[Frame] = []
        self._pending: Request | None = None
        self.loads = 0
        """How many documents the tab has shown so far."""
        self.away = ""
        """The address on another site to which the page wanted to lead; empty if it did not."""
        chromium.take_place(stop)
        try:
            self._run(self._begin())
        except BaseException:
            chromium.give_place()
            raise

    # ---- what the bot's thread calls

    def open(self, url: str) -> Document:
        """Loads an address, until its page has settled. The document in the tab then may be another one's."""
        return self._run(self._open(url))

    def document(self) -> Document:
        """The document that the tab shows now, as it came."""
        return self._run(self._document())

    def look(self) -> View:
        """The page as it stands now. Raises Moved if it is just going away."""
        return self._run(self._look(), LOOK_SECONDS)

    def act(self, action: Action, scene: Scene) -> None:
        """Does one thing on the page, and lets it settle. Raises Impossible, and Moved if it leaves the page."""
        self._run(self._act(action, scene))

    def fill(self, number: int, value: Any) -> None:
        """Puts a value into a form's control: a text, a state (True, False), or the values of a select (a list)."""
        self._run(self._fill(number, value))

    def press(self, number: int) -> None:
        """Presses a button of a form and waits for the page to come."""
        self._run(self._press(number))

    def watch(self, seconds: float) -> bool:
        """Waits until anything changes, for so many seconds at most. True if something did."""
        return self._run(self._watch(seconds), seconds + LOOK_SECONDS)

    def at(self) -> str:
        """The address of the page that the tab shows, without what follows a #."""
        assert self._page is not None
        return urldefrag(self._page.url)[0]

    def noted(self) -> list[tuple[str, dict[str, Any]]]:
        """What the page's scripts sent, received or wanted since this was asked last: kinds and contents of events."""
        taken, self._notes = self._notes, []
        return taken

    def close(self) -> None:
        """Closes the page and lets another bot have its place."""
        try:
            if self._context is not None:
                self._chromium.run(self._end(), Event(), 10.0)
        except Exception:  # what is left goes with the browser
            pass
        finally:
            self._context = None
            self._chromium.give_place()

    # ---- the rest runs in the browser's thread

    def _run(self, work: Coroutine[Any, Any, Result], seconds: float = 90.0) -> Result:
        if self._crashed:
            work.close()
            raise Crashed("The browser's page has crashed.")
        try:
            return self._chromium.run(work, self._stop, seconds)
        except Error as error:
            text = str(error)
            if self._crashed or any(word in text for word in GONE):
                raise Crashed("The browser or its page has crashed.") from None
            if any(word in text for word in MOVED):
                raise Moved from None
            raise Crashed(f"The browser cannot go on with this page: {text.splitlines()[0]}") from None

    async def _begin(self) -> None:
        self._context = await self._chromium.context(self._on_refused)
        self._happened = asyncio.Event()
        self._page = page = await self._context.new_page()
        page.set_default_timeout(ACT_MILLISECONDS)
        page.on("dialog", self._on_dialog)
        page.on("response", self._on_response)
        page.on("request", self._on_request)
        page.on("requestfailed", self._on_failed)
        page.on("websocket", self._on_websocket)
        page.on("crash", lambda _: self._on_crash())
        page.on("close", lambda _: self._on_crash())
        page.on("download", self._on_download)
        self._context.on("page", self._on_window)

    async def _end(self) -> None:
        assert self._context is not None and self._page is not None
        self._chromium.forget(self._context)
        page, self._page = self._page, None
        await page.close()
        await self._context.close()

    async def _open(self, url: str) -> Document:
        page = self._here
        self._dialog = None
        try:
            await page.goto(url, wait_until="commit", timeout=LOAD_SECONDS * 1000)
        except Error as error:
            if "interrupted by another navigation" not in str(error):
                raise
        await self._arrive()
        return await self._document()

    async def _document(self) -> Document:
        response = self._response
        if response is None:
            return Document(self._here.url, 0, {}, "")
        html = await response.text()
        return Document(urldefrag(response.url)[0], response.status, await response.all_headers(), html)

    async def _arrive(self) -> None:
        """Until the page has loaded, fetched what it begins with, and settled; or a dialog stands in its way."""
        await self._or_dialog(self._here.wait_for_load_state("load", timeout=LOAD_SECONDS * 1000), LOAD_SECONDS)
        await self._or_dialog(self._here.wait_for_load_state("networkidle"), NETWORK_SECONDS)
        await self._settle()

    async def _or_dialog(self, work: Coroutine[Any, Any, Any], seconds: float) -> None:
        """Waits for something to be done, but no longer than `seconds`, and not while a dialog is open."""
        task = asyncio.ensure_future(work)
        end = asyncio.get_running_loop().time() + seconds
        while not task.done() and self._dialog is None and asyncio.get_running_loop().time() < end:
            await asyncio.wait([task], timeout=0.05)
        if not task.done():
            task.cancel()
        result: Any = (await asyncio.gather(task, return_exceptions=True))[0]
        if isinstance(result, Error) and any(word in str(result) for word in GONE):
            raise result

    async def _settle(self) -> None:
        async def quiet() -> None:
            version = await self._here.evaluate("() => __botex.version")
            while await self._here.evaluate(
                "([version, wait]) => __botex.changed(version, wait)", [version, QUIET_SECONDS * 1000]
            ):
                version = await self._here.evaluate("() => __botex.version")

        await self._or_dialog(quiet(), SETTLE_SECONDS)

    async def _look(self) -> View:
        if self._dialog is not None:
            kind: Any = self._dialog.type
            dialog = scenes.Dialog(kind, self._dialog.message, self._dialog.default_value)
            last = self._last.scene
            return View(Scene(last.text, (), last.title, dialog=dialog), self._last.html, -1)
        self._frames = []
        html, controls, got = await self._serialised(self._here.main_frame)
        scene = scenes.read_scene(html, controls, title=got["title"], keys=got["keys"])
        chat = frozenset(control["n"] for control in controls if control["chat"])
        self._last = View(scene, html, got["version"], chat)
        return self._last

    async def _serialised(self, frame: Frame) -> tuple[str, list[dict[str, Any]], dict[str, Any]]:
        """A frame as it stands, with those of the same site in it: its HTML, its controls, and what else page.js says
        of it. Of frames of other sites nothing is read."""
        base = FRAME_SIZE * len(self._frames)
        self._frames.append(frame)
        inner: dict[int, str] = {}
        controls: list[dict[str, Any]] = []
        for child in frame.child_frames:
            try:
                place = await child.evaluate(PLACE_OF_FRAME)
                if place >= 0:
                    inner[place], its, _ = await self._serialised(child)
                    controls += its
            except Error as error:
                if any(word in str(error) for word in GONE):
                    raise
        htmls = [inner.get(place, "") for place in range(max(inner, default=-1) + 1)]
        got = await frame.evaluate(PAGE, [base, htmls])
        return got["html"], [*got["controls"], *controls], got

    async def _watch(self, seconds: float) -> bool:
        assert self._happened is not None
        self._happened.clear()
        if self._dialog is not None:
            return True
        changed = "([version, wait]) => __botex.changed(version, wait)"
        work: Coroutine[Any, Any, Any] = self._here.evaluate(changed, [self._last.version, seconds * 1000])
        tasks = [asyncio.ensure_future(work), asyncio.ensure_future(self._happened.wait())]
        try:
            done, _ = await asyncio.wait(tasks, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            results = await asyncio.gather(*tasks, return_exceptions=True)
        if isinstance(results[0], Error) and not any(word in str(results[0]) for word in MOVED):
            raise results[0]
        happened = bool(done) and results[0] is not False
        if happened:
            await self._land()
        return happened

    async def _act(self, action: Action, scene: Scene) -> None:
        if self._dialog is not None and action.do != "answer":
            raise Impossible("a dialog of the page has to be answered first")
        moved = asyncio.ensure_future(self._do(action, scene))
        try:
            while not moved.done() and self._dialog is None:  # a dialog keeps what opened it from coming to its end
                await asyncio.wait([moved], timeout=0.02)
            if moved.done():
                moved.result()
        except Error as error:
            if any(word in str(error) for word in (*GONE, *MOVED)):
                raise
            raise Impossible(_why(error)) from None
        finally:
            if not moved.done():
                moved.add_done_callback(lambda task: task.cancelled() or task.exception())
        await self._land()

    async def _land(self) -> None:
        """Until the page has settled, or the next one has, if one is on its way."""
        before = self.loads
        await self._settle()
        if self._pending is not None:
            await self._or_dialog(self._landed(), LOAD_SECONDS)
        if self.loads != before:
            await self._arrive()

    async def _landed(self) -> None:
        assert self._happened is not None
        while self._pending is not None:
            self._happened.clear()
            await self._happened.wait()

    async def _do(self, action: Action, scene: Scene) -> None:
        if action.do == "answer":
            await self._answer(action)
        elif action.do == "press":
            await self._here.keyboard.press(str(action.value))
        elif action.do == "submit":
            assert scene.submit is not None
            await (await self._element(scene.submit.number)).click()
        else:
            assert action.control is not None
            element = await self._element(action.control)
            if action.do == "drag":
                assert action.to is not None
                await self._drag(element, await self._element(action.to))
            elif action.do == "click":
                await element.click()
            elif action.do == "choose":
                await element.select_option(index=_indexes(action, scene))
            elif action.do == "set":
                await self._set(element, action.value)
            elif action.do == "fill":
                await self._type(element, str(action.value))

    async def _answer(self, action: Action) -> None:
        dialog, self._dialog = self._dialog, None
        if dialog is None:
            raise Impossible("there is no dialog any more")
        accept, text = bool(action.value["accept"]), action.value.get("text")
        said = {"kind": dialog.type, "message": dialog.message, "answer": {"accept": accept, "text": text}}
        self._notes.append(("dialog", said))
        if accept:
            await dialog.accept(text if dialog.type == "prompt" and text is not None else None)
        else:
            await dialog.dismiss()

    async def _type(self, element: ElementHandle, text: str) -> None:
        kind = await element.evaluate("element => element.localName === 'input' ? element.type : element.localName")
        typed = kind in ("text", "search", "email", "url", "tel", "password", "textarea", "number")
        if not typed or len(text) > TYPED_LENGTH or "\n" in text:
            await element.fill(text)
            return
        await element.fill("")
        await element.type(text)
        await element.dispatch_event("change")

    async def _set(self, element: ElementHandle, value: Any) -> None:
        if await element.evaluate("element => element.localName === 'input'"):
            await element.fill(str(value))
            return
        # a slider that a script drew is moved by its keys
        await element.focus()
        now = float(await element.get_attribute("aria-valuenow") or 0)
        for _ in range(MOST_STEPS):
            if abs(now - float(value)) < 1e-9:
                return
            await self._here.keyboard.press("ArrowRight" if now < float(value) else "ArrowLeft")
            then = float(await element.get_attribute("aria-valuenow") or 0)
            if then == now or (then - float(value)) * (now - float(value)) < 0:
                break
            now = then
        raise Impossible(f"it cannot be moved to {value}; it stands at {now:g}")

    async def _drag(self, element: ElementHandle, to: ElementHandle) -> None:
        await element.scroll_into_view_if_needed()
        start, end = await element.bounding_box(), await to.bounding_box()
        if start is None or end is None:
            raise Impossible("it is not to be seen any more")
        mouse = self._here.mouse
        await mouse.move(start["x"] + start["width"] / 2, start["y"] + start["height"] / 2)
        await mouse.down()
        # beyond the middle of what it is dragged to, in the direction it comes from: lists take it in behind or before
        beyond = 0.25 if end["y"] > start["y"] else -0.25
        x, y = end["x"] + end["width"] / 2, end["y"] + end["height"] * (0.5 + beyond)
        await mouse.move(x, y, steps=5)
        await mouse.move(x, y)
        await mouse.up()

    async def _fill(self, number: int, value: Any) -> None:
        element = await self._element(number)
        try:
            if isinstance(value, list):
                await element.select_option(value=value)
            elif isinstance(value, bool):
                await element.set_checked(value)
            else:
                await element.fill(value)
        except Error as error:
            raise Impossible(_why(error)) from None

    async def _press(self, number: int) -> None:
        await (await self._element(number)).click()
        await self._land()

    async def _element(self, number: int) -> ElementHandle:
        frame = self._frames[number // FRAME_SIZE]
        handle = await frame.evaluate_handle("number => __botex.elements.get(number)?.at", number)
        element = handle.as_element()
        if element is None or not await element.evaluate("element => element.isConnected"):
            raise Impossible("it is not on the page any more")
        return element

    @property
    def _here(self) -> Page:
        assert self._page is not None
        return self._page

    # ---- what happens by itself

    def _on_dialog(self, dialog: Dialog) -> None:
        if dialog.type == "beforeunload":  # the bot has decided to go
            asyncio.ensure_future(dialog.accept())
            return
        self._dialog = dialog
        self._wake()

    def _on_response(self, response: Response) -> None:
        if self._is_main(response.request) and not 300 <= response.status < 400:
            self._response, self._pending = response, None
            self.loads += 1
            self._wake()

    def _is_main(self, request: Request) -> bool:
        """Whether a request is for the page itself."""
        try:
            return request.is_navigation_request() and request.frame.parent_frame is None
        except Error:  # its frame is gone
            return False

    def _on_failed(self, request: Request) -> None:
        if self._is_main(request) and not self._chromium.allows(request.url):
            self.away = request.url
            self._wake()
        if request is self._pending:
            self._pending = None
            self._wake()

    def _on_request(self, request: Request) -> None:
        if self._is_main(request):
            self._pending = request
            self._wake()
        if request.method == "POST":
            kind = request.headers.get("content-type", "")
            body = request.post_data or ""
            if "urlencoded" in kind:
                pairs = [list(pair) for pair in parse_qsl(body, keep_blank_values=True)]
                self._notes.append(("form", {"url": request.url, "entries": pairs}))
            else:
                self._notes.append(("form", {"url": request.url, "entries": [], "body": body[:MESSAGE_LENGTH]}))

    def _on_websocket(self, socket: WebSocket) -> None:
        if "/live" not in socket.url:
            return
        socket.on("framesent", lambda data: self._notes.append(("live out", {"message": _message(data)})))
        socket.on("framereceived", lambda data: self._notes.append(("live in", {"message": _message(data)})))

    def _on_refused(self, what: str, url: str) -> None:
        self._notes.append(("refused", {"what": what, "url": url}))

    def _on_download(self, download: Download) -> None:
        self._notes.append(("refused", {"what": "download", "url": download.url}))

    def _on_window(self, page: Page) -> None:
        if page is not self._page and self._page is not None:
            asyncio.ensure_future(self._read_window(page))

    async def _read_window(self, page: Page) -> None:
        """A window that the page opens is read, if it is of this site, and closed."""
        try:
            await page.wait_for_load_state("load", timeout=ACT_MILLISECONDS)
            text = await page.inner_text("body") if self._chromium.allows(page.url) else ""
        except Error:
            text = ""
        what = ("window", {"url": page.url, "text": text}) if text else ("refused", {"what": "window", "url": page.url})
        self._notes.append(what)
        await page.close()

    def _on_crash(self) -> None:
        if self._page is not None:
            self._crashed = True
            self._wake()

    def _wake(self) -> None:
        if self._happened is not None:
            self._happened.set()


def _indexes(action: Action, scene: Scene) -> list[int]:
    """The places of what is to be chosen in a list."""
    control = scene.find(action.control or 0)
    assert control is not None
    labels = action.value if isinstance(action.value, list) else [action.value]
    return [control.indexes[control.options.index(label)] for label in labels]


def _message(data: str | bytes) -> Any:
    """A websocket's message as it is recorded."""
    if isinstance(data, bytes):
        return {"base64": base64.b64encode(data[:MESSAGE_LENGTH]).decode()}
    try:
        return json.loads(data) if len(data) <= MESSAGE_LENGTH else data[:MESSAGE_LENGTH] + " …"
    except ValueError:
        return data


def _why(error: Error) -> str:
    """Why an action could not be done, for the model."""
    text = str(error)
    if "intercepts pointer events" in text:
        return "something else on the page covers it"
    if "not visible" in text or "outside of the viewport" in text:
        return "it is not to be seen now"
    if "not enabled" in text:
        return "it is disabled"
    if "not stable" in text:
        return "it does not stand still"
    if "Timeout" in text:
        return "it could not be used within three seconds"
    return text.splitlines()[0].removeprefix("Error: ")
