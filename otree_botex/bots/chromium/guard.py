"""What pages may load: the experiment's own site, and hosts that the launch names. All else is refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlparse

from playwright.async_api import BrowserContext, Error, Request, Route

KEPT_BYTES = 2_000_000
"""Larger static files are not kept for the next bot."""
OF_TRANSFER = ("content-encoding", "content-length", "transfer-encoding", "connection")
"""Headers that speak of how a body came, not of what it is."""
PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}


@dataclass(frozen=True)
class _Kept:
    status: int
    headers: dict[str, str]
    body: bytes


class Guard:
    """Watches over the requests of all contexts of a browser.

    It does so twice. The browser resolves no other addresses than those allowed (`argument`), whatever asks for them:
    a websocket, a worker, a redirect. What can be known before is not even tried (`watch`).
    """

    def __init__(self, server: str, hosts: Sequence[str] = ()) -> None:
        self._server = _place(server)
        self._hosts = {host.lower() for host in hosts}
        self._kept: dict[str, _Kept] = {}

    @property
    def argument(self) -> str:
        """What keeps Chromium itself from finding other hosts, and other ports of the server's own."""
        names = sorted(host for host in self._hosts if not urlparse(f"//{host}").port)
        places = [self._server, *sorted(self._hosts.difference(names))]
        rules = [*(f"MAP {place} {place}" for place in places), "MAP * ~NOTFOUND"]
        return f"--host-resolver-rules={', '.join([*rules, *(f'EXCLUDE {name}' for name in names)])}"

    def is_home(self, url: str) -> bool:
        """Whether this is an address of the experiment's own site."""
        return _place(url) == self._server

    def allows(self, url: str) -> bool:
        """Whether a page may load this address."""
        address = urlparse(url)
        if address.scheme in ("data", "blob", "about"):
            return True
        return self.is_home(url) or bool(self._hosts & {(address.hostname or ""), _place(url)})

    async def watch(self, context: BrowserContext) -> None:
        """Lets a context load only what it may, and the page in it lead only to pages of the experiment's site."""

        async def handle(route: Route, request: Request) -> None:
            try:
                await self._handle(route, request)
            except Error:  # the page is gone meanwhile, or the file cannot be had
                await _given_up(route)

        await context.route("**/*", handle)

    async def _handle(self, route: Route, request: Request) -> None:
        url = request.url
        if not self.allows(url) or (is_main(request) and not self.is_home(url)):
            await route.abort("blockedbyclient")
        elif request.method == "GET" and self._lasts(url, request.resource_type):
            await self._static(route, url)
        else:
            await route.continue_()

    def _lasts(self, url: str, kind: str) -> bool:
        """Whether it is a file that is the same for all bots."""
        if kind not in ("stylesheet", "script", "font", "image") or not url.startswith("http"):
            return False
        return urlparse(url).path.startswith("/static/") or not self.is_home(url)

    async def _static(self, route: Route, url: str) -> None:
        """One bot fetches it from the server, for all others: requests that are watched bypass Chromium's own cache."""
        kept = self._kept.get(url)
        if kept is None:
            response = await route.fetch(max_redirects=0)
            body = await response.body()
            headers = {name: value for name, value in response.headers.items() if name.lower() not in OF_TRANSFER}
            kept = _Kept(response.status, headers, body)
            if response.ok and len(body) <= KEPT_BYTES:
                self._kept[url] = kept
        await route.fulfill(status=kept.status, headers=kept.headers, body=kept.body)


def is_main(request: Request) -> bool:
    """Whether a request is for a page itself, not for something in it."""
    try:
        return request.is_navigation_request() and request.frame.parent_frame is None
    except Error:  # its frame is gone, or is not there yet
        return False


def _place(url: str) -> str:
    """The host and port of an address, as a browser's network knows them."""
    address = urlparse(url)
    host = f"[{address.hostname}]" if ":" in (address.hostname or "") else address.hostname
    return f"{host}:{address.port or PORTS.get(address.scheme, 0)}"


async def _given_up(route: Route) -> None:
    try:
        await route.abort()
    except Error:
        pass
