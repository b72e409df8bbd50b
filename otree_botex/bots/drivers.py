"""Which of a launch's pages are played in a real browser, and why. Shared by all bots of a process: what one finds out
about a page, the others need not."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from threading import Event
from typing import TYPE_CHECKING

from ..chromium_path import chromium_version, needed_chromium, why_no_browser
from ..errors import SetupError
from ..records import Driver
from .page import Page

if TYPE_CHECKING:
    from .chromium.engine import Chromium
    from .chromium.tab import Tab

logger = logging.getLogger(__name__)


class Drivers:
    """Says for each page whether it needs a browser, and opens one.

    `server`, `hosts` and `most` are as for `chromium.engine.Chromium`.
    """

    def __init__(self, driver: Driver, server: str, hosts: Sequence[str] = (), most: int = 12) -> None:
        self._driver, self._server, self._hosts, self._most = driver, server, hosts, most
        self._known: dict[str, str] = {}
        self._cannot_look = False
        self._chromium: Chromium | None = None
        self._lock = threading.Lock()

    def why(self, page: Page) -> str | None:
        """Why a page is played in a browser; "" if it is not; None if its scripts have to be looked at first."""
        if self._driver == "http":
            return ""
        if page.needs_script:
            self.found(page, page.needs_script)
        elif self._driver == "browser":
            return "the launch plays all pages in one"
        known = self._known.get(page.place)
        if known is None and page.has_scripts and not self._can_look():
            return ""
        return known if known is not None or page.has_scripts else ""

    def found(self, page: Page, why: str) -> None:
        """What was found out about a page of this name: why it needs a browser, or "" if it does not."""
        with self._lock:
            self._known[page.place] = self._known.get(page.place) or why

    def cannot_look(self, why: str) -> None:
        """There is no browser to look with at what pages' scripts do. Pages that may do without it are played over
        HTTP, which is said once."""
        if not self._cannot_look:
            self._cannot_look = True
            logger.warning("What the pages' scripts do could not be looked at, so they are played over HTTP. %s", why)

    def refused(self, page: Page) -> bool:
        """Whether a page that oTree refused over HTTP needs a browser: its scripts may do what a form cannot."""
        if not page.lacks or self._driver == "http" or not self._can_look():
            return False
        self.found(page, page.lacks)
        return True

    def tab(self, stop: Event, images: bool = False, bot: str = "") -> Tab:
        """A page in the browser, to be closed again. Waits until one may be opened; `images` and `bot` as for `Tab`.

        Raises SetupError if there is no browser to be had, and Stopped.
        """
        missing = why_no_browser()
        if missing:
            raise SetupError(missing)
        from .chromium.engine import Chromium
        from .chromium.tab import Tab

        with self._lock:
            if self._chromium is None:
                self._chromium = Chromium(self._server, self._hosts, self._most)
        return Tab(self._chromium, stop, images, bot)

    def version(self) -> str:
        """That of the Chromium in which pages would be opened; empty if none would, or none can be."""
        if self._driver == "http" or why_no_browser():
            return ""
        try:
            return chromium_version(needed_chromium())
        except SetupError:
            return ""  # said when a page needs it

    def close(self) -> None:
        """Ends the browser, if one was opened."""
        if self._chromium is not None:
            self._chromium.close()

    def _can_look(self) -> bool:
        if missing := why_no_browser():
            self.cannot_look(missing)
        return not self._cannot_look
