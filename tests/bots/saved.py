"""The saved pages: NAME.html as a server sends it, NAME.txt what a person sees of it, NAME.json what is done on it.

The keys of NAME.json: `answers` by field key, `entries` what is sent for them and `action` where to, `labels` of the
fields; `press` what Chromium has to click (see test_chromium.py), `headers` the response's; `needs_script` why the
page cannot be played (`entries` is then missing).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from otree_botex.bots.page import Page, read_page

PAGES = Path(__file__).parent / "pages"
NAMES = sorted(path.stem for path in PAGES.glob("*.html"))
PLACE = "/p/abcdefgh/shop/Offer/7"


@dataclass(frozen=True)
class Saved:
    """One saved page."""

    name: str

    @cached_property
    def html(self) -> str:
        return (PAGES / f"{self.name}.html").read_text(encoding="utf-8")

    @cached_property
    def about(self) -> dict[str, Any]:
        return dict(json.loads((PAGES / f"{self.name}.json").read_text(encoding="utf-8")))

    @cached_property
    def text(self) -> str:
        return (PAGES / f"{self.name}.txt").read_text(encoding="utf-8").removesuffix("\n")

    @property
    def sends(self) -> bool:
        """Whether the page can be sent without running its scripts."""
        return "entries" in self.about

    def read(self, server: str = "http://host") -> Page:
        return read_page(self.html, server + PLACE, self.about.get("headers", {}))


SENDING = [name for name in NAMES if Saved(name).sends]
