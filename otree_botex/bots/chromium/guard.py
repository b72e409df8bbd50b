"""What a page may load: the experiment's own site, and hosts that the launch names. All else is refused and noted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import urlparse

from playwright.async_api import BrowserContext, Error, Request, Route

KEPT_BYTES = 2_000_000
"""Larger static files are not kept for the next bot."""
OF_TRANSFER = ("content-encoding", "content-length", "transfer-encoding", "connection")
"""Headers that speak of how a body came, not of what it is."""


@dataclass(frozen=True)
class _Kept:
    status: int
    headers: dict[str, str]
    body: bytes


class Guard:
    """Watches over the requests of all contexts of a browser."""

    def __init__(self, server: str, hosts: Sequence[str] = ()) -> None:
        self._server = urlparse(server).netloc
        self._hosts = {host.lower() for host in hosts}
        self._kept: dict[str, _Kept] = {}
        self._listeners: dict[BrowserContext, Callable[[str, str], None]] = {}

    @property
    def argument(self) -> str:
        """What keeps Chromium itself from finding other hosts, whatever asks for them (websockets, prefetching …)."""
        names = {(urlparse(f"//{self._server}").hostname or ""), *self._hosts}
        excluded = ", ".join(f"EXCLUDE {name}" for name in sorted(names))
        return f"--host-resolver-rules=MAP * ~NOTFOUND, {excluded}"

    def allows(self, url: str) -> bool:
        """Whether a page may load this address."""
        address = urlparse(url)
        if address.scheme in ("data", "blob", "about"):
            return True
        at = address.netloc.lower()
        return at == self._server or (address.hostname or "") in self._hosts or at in self._hosts

    def forget(self, context: BrowserContext) -> None:
        """This context is about to be closed."""
        self._listeners.pop(context, None)

    async def watch(self, context: BrowserContext, refused: Callable[[str, str], None]) -> None:
        """Lets a context load only what it may. `refused` is called with what else was wanted and its address."""
        self._listeners[context] = refused

        async def handle(route: Route, request: Request) -> None:
            try:
                await self._handle(context, route, request)
            except Error:
                pass  # the page is gone meanwhile

        await context.route("**/*", handle)

    async def _handle(self, context: BrowserContext, route: Route, request: Request) -> None:
        url = request.url
        if not self.allows(url):
            if context in self._listeners:
                self._listeners[context](request.resource_type, url)
            await route.abort("blockedbyclient")
        elif request.method == "GET" and request.resource_type in ("stylesheet", "script", "font", "image"):
            await self._static(route, url)
        else:
            await route.continue_()

    async def _static(self, route: Route, url: str) -> None:
        """One bot fetches it from the server, for all others: requests that are watched bypass Chromium's own cache."""
        kept = self._kept.get(url)
        if kept is None:
            response = await route.fetch(max_redirects=0)
            body = await response.body()
            headers = {name: value for name, value in response.headers.items() if name.lower() not in OF_TRANSFER}
            kept = _Kept(response.status, headers, body)
            lasting = urlparse(url).path.startswith("/static/") or urlparse(url).netloc != self._server
            if response.ok and lasting and len(body) <= KEPT_BYTES:
                self._kept[url] = kept
        await route.fulfill(status=kept.status, headers=kept.headers, body=kept.body)
