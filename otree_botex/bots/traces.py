"""What happens on a page in a browser beside what its bot does there: it goes on record at once, and what a person
would notice of it is kept to be told to the bot."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING
from urllib.parse import urlparse

from .control import Control
from .journal import BotJournal
from .page import Page
from .scene import Scene
from .seen import controls_as_recorded

if TYPE_CHECKING:
    from .chromium.tab import Tab

MOST_CONTROLS = 300
"""When so many controls of a page are on record, no more are: those of offers, say, that come and go."""
MISSED = ("window", "download", "file", "data")
"""What a person would miss if the browser refuses it, as against a script or a picture from another site."""


class Traces:
    """Those of one page, which the tab shows as this scene.

    `said` is what was noticed since it was last emptied; `posted` are the entries of the form that the page sent last,
    if it `was_sent` and did not come back.
    """

    def __init__(self, tab: Tab, journal: BotJournal, page: Page, scene: Scene) -> None:
        self._tab, self._journal, self._page = tab, journal, page
        self._known = {control.number for control in scene.controls}
        self._could_touch = self._has_touched = False
        self.said: list[str] = []
        self.posted: list[list[str]] = []
        self.was_sent = False

    @property
    def is_untouched(self) -> bool:
        """Whether there was something to decide with, and the bot has touched nothing of it."""
        return self._could_touch and not self._has_touched

    def touch(self, controls: Iterable[Control], decides: bool = False) -> None:
        """The bot has used these controls, or `decides` by something else, a key for example."""
        self._has_touched |= decides or any(control.decides for control in controls)

    def note(self, scene: Scene, by: str = "page") -> None:
        """Writes down what the page's scripts sent and wanted meanwhile, and whether that was `by` the bot's doing or
        by the page itself: so it can be told which trials of a task went by without an answer."""
        for what, data in self._tab.noted():
            if what == "form":
                data["asked"] = sorted({control.sent_as for control in scene.controls if control.sent_as})
            if what in ("form", "live out"):
                data = {**data, "by": by}
            self._journal.write("event", what=what, data=data)
            if what == "form" and urlparse(data["url"]).path == urlparse(self._page.url).path:
                self.posted, self.was_sent = data["entries"], True
            elif what == "window":
                self.said.append(f"A window opened and was closed again. In it stood:\n\n{data['text']}")
            elif what == "refused" and data["what"] in MISSED:
                self.said.append(f"The page wanted to open {data['url']}, which is not possible here.")

    def notice(self, scene: Scene) -> None:
        """Takes note of the controls that there are now, and writes down those that the page did not have before."""
        self._could_touch |= any(control.decides for control in scene.controls)
        new = [control for control in scene.controls if control.number not in self._known]
        if new and len(self._known) < MOST_CONTROLS:
            self._known |= {control.number for control in new}
            self._journal.write("controls", fields=controls_as_recorded(new))

    def came_back(self, errors: Mapping[str, str], attempt: int) -> None:
        """oTree has refused what the page sent."""
        self._journal.write("refusal", attempt=attempt, by="server", messages=dict(errors), said=None)
        self.posted, self.was_sent = [], False
        told = "\n".join(f"- {text}" for text in errors.values())
        self.said.append(f"The page was sent and came back:\n{told}")
