"""A site on loopback, and one Chromium in which bots open its pages."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from threading import Event
from typing import Any

import pytest

from .loopback import Site, serving


@pytest.fixture(scope="module")
def home() -> Iterator[Site]:
    with serving() as site:
        yield site


@pytest.fixture(scope="module")
def engine(home: Site) -> Iterator[Any]:
    """A Chromium of bots, as a runner has it."""
    from otree_botex.chromium_path import why_no_browser

    if why_no_browser():
        pytest.skip(why_no_browser())
    from otree_botex.bots.chromium.engine import Chromium

    chromium = Chromium(home.url)
    yield chromium
    chromium.close()


@pytest.fixture
def visit(home: Site, engine: Any) -> Iterator[Callable[..., Any]]:
    """Opens a page with this HTML, or that which the site has at this path, in a tab of its own."""
    from otree_botex.bots.chromium.tab import Tab

    tabs: list[Tab] = []

    def visit(html: str = "", path: str = "/page", **options: Any) -> Tab:
        if html:
            home.pages[path] = f"<!DOCTYPE html><title>A page</title><body>{html}"
        home.asked.clear()
        tab = Tab(engine, Event(), **options)
        tabs.append(tab)
        tab.open(home.url + path)
        return tab

    yield visit
    for tab in tabs:
        tab.close()
