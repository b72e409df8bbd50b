"""What happens to a page in Chromium by itself: documents that come, dialogs, what its scripts send and want."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl

from playwright.async_api import Dialog, Download, Error, Frame, Page, Request, Response, WebSocket

MESSAGE_LENGTH = 100_000
"""A longer message of a page's scripts is on record with its beginning."""
WINDOW_MILLISECONDS = 5000
LIVE_PATH = "/live"


class Ears:
    """Listens to one page. `allows` says whether an address may be loaded."""

    def __init__(self, allows: Callable[[str], bool]) -> None:
        self._allows = allows
        self._page: Page | None = None
        self._coming: Response | None = None
        self._notes: list[tuple[str, dict[str, Any]]] = []
        self.response: Response | None = None
        """That which brought the document at hand."""
        self.pending: Request | None = None
        """That for the next one, while it is on its way."""
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
        page.on("requestfailed", self._on_failed)
        page.on("websocket", self._on_websocket)
        page.on("download", self._on_download)
        page.on("crash", lambda _: self._on_crash())
        page.on("close", lambda _: self._on_crash())
        page.context.on("page", self._on_window)

    def stop(self) -> None:
        """What happens from now on is of no interest."""
        self._page = None

    def taken(self) -> list[tuple[str, dict[str, Any]]]:
        """What was noted since this was asked last: kinds and contents of events (see records.EventRecord)."""
        taken, self._notes = self._notes, []
        return taken

    def note(self, event: str, /, **data: Any) -> None:
        self._notes.append((event, data))

    def refused(self, what: str, url: str) -> None:
        """Notes what the page wanted and is not given."""
        self.note("refused", what=what, url=url)

    def _on_dialog(self, dialog: Dialog) -> None:
        if dialog.type == "beforeunload":  # the bot has decided to go
            asyncio.ensure_future(dialog.accept())
            return
        self.dialog = dialog
        self.happened.set()

    def _is_main(self, request: Request) -> bool:
        """Whether a request is for the page itself."""
        try:
            return request.is_navigation_request() and request.frame.parent_frame is None
        except Error:  # its frame is gone
            return False

    def _on_request(self, request: Request) -> None:
        if self._is_main(request):
            self.pending = request
            self.happened.set()
        if request.method != "POST":
            return
        body = request.post_data or ""
        if "urlencoded" in request.headers.get("content-type", ""):
            self.note("form", url=request.url, entries=[list(pair) for pair in parse_qsl(body, keep_blank_values=True)])
        else:
            self.note("form", url=request.url, entries=[], body=body[:MESSAGE_LENGTH])

    def _on_response(self, response: Response) -> None:
        if self._is_main(response.request) and not 300 <= response.status < 400:
            self._coming = response

    def _on_document(self, frame: Frame) -> None:
        """A document has taken the place of the one before, or the page has only changed its address."""
        if frame.parent_frame is None and self._coming is not None:
            self.response, self._coming, self.pending = self._coming, None, None
            self.loads += 1
            self.happened.set()

    def _on_failed(self, request: Request) -> None:
        if self._is_main(request) and not self._allows(request.url):
            self.away = request.url
        if request is self.pending:
            self.pending = None
        self.happened.set()

    def _on_websocket(self, socket: WebSocket) -> None:
        if LIVE_PATH in socket.url:
            socket.on("framesent", lambda data: self.note("live out", message=_message(data)))
            socket.on("framereceived", lambda data: self.note("live in", message=_message(data)))

    def _on_download(self, download: Download) -> None:
        self.refused("download", download.url)

    def _on_window(self, page: Page) -> None:
        if self._page is not None and page is not self._page:
            asyncio.ensure_future(self._read_window(page))

    async def _read_window(self, page: Page) -> None:
        """A window that the page opens is read, if it is of this site, and closed."""
        try:
            await page.wait_for_load_state("load", timeout=WINDOW_MILLISECONDS)
            text = await page.inner_text("body") if self._allows(page.url) else ""
        except Error:
            text = ""
        if text:
            self.note("window", url=page.url, text=text)
        else:
            self.refused("window", page.url)
        self.happened.set()
        await page.close()

    def _on_crash(self) -> None:
        if self._page is not None:
            self.crashed = True
            self.happened.set()


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
