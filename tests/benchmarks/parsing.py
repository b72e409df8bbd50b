"""How fast pages are read: page.py and form.py on the saved pages, beside the parser alone."""

from __future__ import annotations

import time
from collections.abc import Callable

from otree_botex.bots.html.markup import parse
from otree_botex.bots.page import DEBUG_INFO

from ..bots.saved import NAMES, Saved
from .tables import show

SECONDS = 2.0


def pages_a_second(read: Callable[[Saved], object], pages: list[Saved]) -> float:
    """How many of these pages, read over and over, are read in a second."""
    for page in pages:
        read(page)
    count, began = 0, time.process_time()
    while (took := time.process_time() - began) < SECONDS:
        for page in pages:
            read(page)
        count += len(pages)
    return count / took


def play(saved: Saved) -> None:
    """What a bot does with a page, without the model: reads it, makes the schema, fills in the form."""
    page = saved.read()
    page.form.schema()
    page.form.fill(saved.about["answers"])


def parse_only(saved: Saved) -> None:
    """The parser's part of it."""
    parse(DEBUG_INFO.split(saved.html, maxsplit=1)[0])


def show_parsing() -> None:
    """Prints the table."""
    saved = [Saved(name) for name in NAMES]
    plain = [page for page in saved if page.name.startswith("otree")]
    rows = []
    for what, pages in (("all saved pages", saved), ("those that oTree itself made", plain)):
        size = sum(len(page.html.encode()) for page in pages) / len(pages) / 1000
        speeds = [pages_a_second(read, pages) for read in (play, parse_only)]
        rows.append([what, str(len(pages)), f"{size:.1f}", *(f"{speed:.0f}" for speed in speeds)])
    show(
        "Reading pages: pages a second of CPU time, one core",
        ["", "pages", "kB each", "read, schema, filled in", "parsed only"],
        rows,
        "oTree itself gives at most some 40 pages a second.",
    )


if __name__ == "__main__":
    show_parsing()
