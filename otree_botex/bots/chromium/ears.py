"""What happens to a page in Chromium by itself: documents that come, dialogs, what its scripts send and want."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import Any
from urllib.parse import parse_qsl, urlparse

from playwright.async_api import ConsoleMessage, Dialog, Download, Error, Frame, Page, Request, Response, WebSocket

from .guard import Guard, is_main

MESSAGE_LENGTH = 100_000
"""A longer message of a page's scripts is on record with its beginning."""
WINDOW_MILLISECONDS = 5000
BLANK = "about:blank"
"""Of a window in which its opener writes by itself."""
LIVE_PATHS = ("/live", "/trial")
"""Of oTree's websockets, those over which decisions are made."""
SAID = {
    "Not allowed to load local resource: ": "file",
    "Not allowed to navigate top frame to data URL: ": "data",
    "Service Worker registration blocked by Playwright": "service worker",
    "Not allowed by otree-botex: ": "",
}
"""How the browser, and init.js, say on the console what they refuse. An address or a name follows."""


class Ears:
    """Listens to one page, of whose addresses the `guard` knows what they are."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        self._page: Page | None = None
        self._coming: Response | None = None
        self._notes: list[tuple[str, dict[str, Any]]] = []
        self.response: Response | None = None
        """That which brought the document at hand."""
        self.pending: Request | None = None
        """That for the next one, while it is on its way."""
        self.fetching: set[Request] = set()
        """What scripts have asked the server for and not yet got."""
        self.unheard: set[WebSocket] = set()
        """Live connections of the document at hand that have brought nothing yet."""
        self.loads = 0
        """How many documents there were so far."""
        self.away = ""
        """The address on another site to which the page wanted to lead; empty if it did not."""
        self.dialog: Dialog | None = None
        """The dialog that is open."""
        self.crashed = False
        self.happened = asyncio.Event()
        """Set when a document or a dialog comes, and when the page is gone."""

    def listen(self, page: Page) -> None:
        """Begins to listen."""
        self._page = page
        page.on("dialog", self._on_dialog)
        page.on("request", self._on_request)
        page.on("response", self._on_response)
        page.on("framenavigated", self._on_document)
        page.on("requestfinished", lambda request: self.fetching.discard(request))
        page.on("websocket", self._on_websocket)
        page.on("download", self._on_download)
        page.on("crash", lambda _: self._on_crash())
        page.on("close", lambda _: self._on_crash())
        page.context.on("requestfailed", self._on_failed)
        page.context.on("console", self._on_console)
        page.context.on("page", self._on_window)

    def stop(self) -> None:
        """What happens from now on is of no interest."""
        self._page = None

    def taken(self) -> list[tuple[str, dict[str, Any]]]:
        """What was noted since this was asked last: kinds and contents of events (see journal.EventRecord)."""
        taken, self._notes = self._notes, []
        return taken

    def note(self, event: str, /, **data: Any) -> None:
        self._notes.append((event, data))

    def _on_dialog(self, dialog: Dialog) -> None:
        if dialog.type == "beforeunload":  # the bot has decided to go
            asyncio.ensure_future(dialog.accept())
            return
        self.dialog = dialog
        self.happened.set()

    def _on_request(self, request: Request) -> None:
        if is_main(request):
            self.pending = request
            self.happened.set()
        elif request.resource_type in ("fetch", "xhr"):
            self.fetching.add(request)
        if request.method != "POST":
            return
        body = request.post_data or ""
        if "urlencoded" in request.headers.get("content-type", ""):
            self.note("form", url=request.url, entries=[list(pair) for pair in parse_qsl(body, keep_blank_values=True)])
        else:
            self.note("form", url=request.url, entries=[], body=body[:MESSAGE_LENGTH])

    def _on_response(self, response: Response) -> None:
        if is_main(response.request) and not 300 <= response.status < 400:
            self._coming = response

    def _on_document(self, frame: Frame) -> None:
        """A document has taken the place of the one before, or the page has only changed its address."""
        if frame.parent_frame is None and self._coming is not None:
            if not self._guard.is_home(self._coming.url):
                self.away = self._coming.url
            self.response, self._coming, self.pending = self._coming, None, None
            self.unheard.clear()
            self.loads += 1
            self.happened.set()

    def _on_failed(self, request: Request) -> None:
        """Something could not be loaded, or is no document: a file to be kept, or nothing at all."""
        self.fetching.discard(request)
        if is_main(request) and request.frame.page is self._page:
            if not self._guard.is_home(request.url):
                self.away = request.url
            if request is self.pending:
                self.pending = self._coming = None
            self.happened.set()
        elif not self._guard.allows(request.url):
            self._refused(_kind(request), request.url)

    def _on_console(self, message: ConsoleMessage) -> None:
        for said, what in SAID.items():
            if message.text.startswith(said):
                named = message.text.removeprefix(said).strip()
                self._refused(what or named, named if what else message.page.url if message.page else "")

    def _on_websocket(self, socket: WebSocket) -> None:
        if not self._guard.allows(socket.url):
            self._refused("websocket", socket.url)
        elif urlparse(socket.url).path.startswith(LIVE_PATHS):
            self.unheard.add(socket)
            socket.on("framesent", lambda data: self.note("live out", message=_message(data)))
            socket.on("framereceived", lambda data: self._on_live(socket, data))
            socket.on("close", lambda _: self.unheard.discard(socket))

    def _on_live(self, socket: WebSocket, data: str | bytes) -> None:
        self.unheard.discard(socket)
        self.note("live in", message=_message(data))

    def _on_download(self, download: Download) -> None:
        self._refused("download", download.url)

    def _refused(self, what: str, url: str) -> None:
        """What the page wanted and is not given."""
        self.note("refused", what=what, url=url)

    def _on_window(self, page: Page) -> None:
        if self._page is not None and page is not self._page:
            asyncio.ensure_future(self._read_window(page))

    async def _read_window(self, page: Page) -> None:
        """A window that the page opens is read, if it is of this site, and closed."""
        try:
            await page.wait_for_load_state("load", timeout=WINDOW_MILLISECONDS)
            if self._guard.is_home(page.url) or page.url == BLANK:
                text = await page.inner_text("body", timeout=WINDOW_MILLISECONDS)
                self.note("window", url=page.url, text=text)
        except Error:
            pass  # it was closed meanwhile, or does not come
        self.happened.set()
        await page.close()

    def _on_crash(self) -> None:
        if self._page is not None:
            self.crashed = True
            self.happened.set()


def _kind(request: Request) -> str:
    """What a request is for, in a word."""
    if not request.is_navigation_request():
        return request.resource_type
    try:
        return "frame" if request.frame.parent_frame else "window"
    except Error:  # a window that has just been opened
        return "window"


def _message(data: str | bytes) -> Any:
    """A websocket's message as it is recorded."""
    if isinstance(data, bytes):
        return {"base64": base64.b64encode(data[:MESSAGE_LENGTH]).decode()}
    if len(data) > MESSAGE_LENGTH:
        return f"{data[:MESSAGE_LENGTH]} … ({len(data)} characters)"
    try:
        return json.loads(data)
    except ValueError:
        return data
