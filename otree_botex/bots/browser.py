"""A participant's browser without scripts: GET, POST, and the websocket of a wait page. One per bot.

Opening a page at its own address and sending an accepted form twice change nothing in oTree (the page's number is
part of the address), so whatever breaks on the way is simply tried again.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Sequence
from threading import Event
from urllib.parse import urljoin, urlparse

import requests
import websocket
from bs4 import BeautifulSoup
from tenacity import stop_after_delay, wait_random_exponential

from ..errors import PageError
from ..records import BOT_COOKIE, START_PATH, STOPPED_HEADER
from .chat import Talk
from .form import urlencoded
from .page import PAGE_PATH, ROOM_PATH, Page, read_page
from .patience import Stopped, try_again
from .pictures import Picture, fetch

logger = logging.getLogger(__name__)

PATIENCE_SECONDS = 600.0
"""How long a server may be away (it restarts, it is overloaded) before the bot gives up."""
SERVER_ERRORS = 3
"""How often a page may answer with an error of its own before the bot gives up: such errors rarely go away."""
REQUEST_TIMEOUT = 120.0
RELOAD_SECONDS = (20.0, 60.0)
"""A wait page is loaded again after so long even if its websocket says nothing, as browsers do with some of them."""
REDIRECTS = 20
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
SESSION_PATH = "/join/"
START = START_PATH.partition("{")[0]
LABEL = "Add ?participant_label=… to its address (and the hash of that label if the room uses secure URLs)."


class _Unreachable(PageError):
    """The server cannot be reached now."""


class Browser:
    """Opens a participant's pages on one server. `stop` ends whatever it is doing, with Stopped.

    `start` is the address where the participant begins: its own start link, a room's, or a session-wide link. `bot`
    names the bot to the server, which may end it with Stopped, too.
    """

    def __init__(self, start: str, stop: Event, bot: str = "") -> None:
        address = urlparse(start)
        self._server = f"{address.scheme}://{address.netloc}"
        self._start = start
        self._stop = stop
        self._session = requests.Session()
        self._session.trust_env = False  # the server is near; no proxy of the machine's stands between
        self._session.headers["User-Agent"] = "otree-botex"
        if bot:
            self._session.cookies.set(BOT_COOKIE, bot)
        self.requests = 0
        """How many HTTP requests were made so far."""

    def open(self) -> Page:
        """The page where the participant is now."""
        return self._load("GET", self._start)

    def submit(self, page: Page, entries: Sequence[tuple[str, str]], action: str = "") -> Page:
        """Sends the page's form (to `action`, if its button says so) and returns the page that comes then: the next
        one, or the same with its errors."""
        if page.is_welcome:
            return self._enter(page)
        address = action or page.form.action or page.url
        if urlparse(address).netloc != urlparse(self._server).netloc:
            return left_for(address)
        return self._load("POST", address, urlencoded(entries))

    def is_on(self, page: Page) -> bool:
        """Whether the participant is still on this page, by the server. The page itself is not loaded for it."""
        if page.is_welcome:
            return True
        response = self._fetch("GET", self._start, None)
        return urlparse(response.headers.get("Location", page.url)).path == urlparse(page.url).path

    def pictures(self, page: Page) -> list[Picture]:
        """The pictures of a page, in the order of its text."""
        return fetch([image.src for image in page.images], self._server, self._picture)

    def _picture(self, address: str) -> tuple[str, bytes]:
        response = self._fetch("GET", address, None)
        return response.headers.get("Content-Type", "").partition(";")[0].strip().lower(), response.content

    def talk(self, page: Page) -> Talk:
        """The page's chats, to be opened."""
        return Talk(page.chats, self._server, self._stop)

    def wait(self, page: Page) -> Page:
        """Stays on a wait page until its websocket says that waiting is over, and returns the page that comes then."""
        patience = random.uniform(*RELOAD_SECONDS)
        if page.socket:
            self._listen(urljoin(self._server.replace("http", "ws", 1), page.socket), patience)
        else:
            self.sleep(patience / 4)
        return self._load("GET", page.url)

    def sleep(self, seconds: float) -> None:
        """Lets time pass. Raises Stopped if the bot is told to stop meanwhile."""
        if self._stop.wait(seconds):
            raise Stopped

    def close(self) -> None:
        self._session.close()

    def _listen(self, address: str, patience: float) -> None:
        try:
            socket = websocket.create_connection(
                address, timeout=REQUEST_TIMEOUT, enable_multithread=False, http_no_proxy=["*"]
            )
        except (OSError, websocket.WebSocketException) as error:
            logger.info("A wait page's websocket could not be opened (%s).", error)
            self.sleep(min(patience, 5.0))
            return
        try:
            socket.settimeout(1.0)
            while patience > 0:
                if self._stop.is_set():
                    raise Stopped
                try:
                    socket.recv()
                    return
                except websocket.WebSocketTimeoutException:
                    patience -= 1.0
        except (OSError, websocket.WebSocketException) as error:
            logger.info("A wait page's websocket broke (%s).", error)
            self.sleep(1.0)
        finally:
            socket.close()

    def _enter(self, page: Page) -> Page:
        """Goes on from a room's welcome page, as its script does. Raises PageError if the room lets nobody in so."""
        after = self._load("GET", page.form.action)
        if after.is_welcome:  # oTree 5 asks for a label here
            raise PageError(
                f"{urlparse(page.url).path} asks for a participant label that is in the room's list. {LABEL}"
            )
        return after

    def _load(self, method: str, url: str, data: str | None = None) -> Page:
        """Follows redirects as long as they stay on the server; one that leaves it is the end."""
        for _ in range(REDIRECTS):
            response = self._fetch(method, url, data)
            if not response.is_redirect:
                response.encoding = "utf-8"
                return self._arrive(read_page(response.text, url, response.headers))
            url = urljoin(url, response.headers["Location"])
            method, data = "GET", None
            if urlparse(url).netloc != urlparse(self._server).netloc:
                return left_for(url)
        raise PageError(f"{urlparse(url).path} redirects in a circle.")

    def _arrive(self, page: Page) -> Page:
        """Once a room or a session-wide link has led to a participant, that participant's own link is the start: the
        others might lead to somebody else the next time."""
        where = PAGE_PATH.match(urlparse(page.url).path)
        if where and START not in self._start:
            self._start = self._server + START_PATH.format(participant=where["participant"])
        return page

    def _fetch(self, method: str, url: str, data: str | None) -> requests.Response:
        for _ in range(SERVER_ERRORS):
            response = self._reach(method, url, data)
            if response.status_code < 500:
                break
            self.sleep(random.uniform(0.5, 2.0))
        if response.status_code >= 400:
            raise PageError(_complaint(response))
        return response

    def _reach(self, method: str, url: str, data: str | None) -> requests.Response:
        """One answer of the server, however long it takes to come up again."""
        return try_again(
            lambda: self._request(method, url, data),
            after=_Unreachable,
            wait=wait_random_exponential(multiplier=0.5, max=15),
            limit=stop_after_delay(PATIENCE_SECONDS),
            stop=self._stop,
        )

    def _request(self, method: str, url: str, data: str | None) -> requests.Response:
        self.requests += 1
        try:
            response = self._session.request(
                method,
                url,
                data=data,
                headers=FORM if data is not None else None,
                timeout=REQUEST_TIMEOUT,
                allow_redirects=False,
            )
        except requests.RequestException as error:
            raise _Unreachable(f"The server does not answer at {self._server} ({type(error).__name__}).") from None
        if _breaks_off(response):
            raise _Unreachable(f"A reply of the server at {self._server} was cut off.")
        if STOPPED_HEADER in response.headers:
            raise Stopped
        if response.status_code in (502, 503, 504):
            raise _Unreachable(f"The server at {self._server} is not ready ({response.status_code}).")
        return response


def _breaks_off(response: requests.Response) -> bool:
    """Whether a reply was cut off in its head, which would pass for an empty one, or one that leads to half an address:
    it ends without having said how long its body is. (One cut off in its body is noticed by urllib3.)"""
    says = response.headers.get("Content-Length", "").isdigit()
    says = says or response.headers.get("Transfer-Encoding", "").lower().endswith("chunked")
    may_end_with_connection = response.raw.version < 11 or response.headers.get("Connection", "").lower() == "close"
    return not (says or may_end_with_connection)


def left_for(address: str) -> Page:
    """The end, where the participant is sent to another site. Bots do not go there."""
    return Page(address, "end", name="end", text=f"[The experiment ends here and leads to {address}]")


def _complaint(response: requests.Response) -> str:
    path = urlparse(response.url).path
    if path.startswith((ROOM_PATH, SESSION_PATH)) and response.status_code == 404:
        words = BeautifulSoup(response.text, "lxml").get_text(" ", strip=True)[:300]
        return f"{path} does not let a bot in: {words}{' ' + LABEL if 'label' in words else ''}"
    if response.status_code == 404:
        return f"{path} does not exist on this server. Was the session deleted, or the database reset?"
    return (
        f"{path} answers with the error {response.status_code}. This is an error in the experiment or the server: "
        "open the page in a browser, or look into the server's log."
    )
