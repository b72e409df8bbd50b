"""A bot's way into a real browser: shows pages there, tells plain forms from others, fills these in and sends them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from threading import Event
from typing import TYPE_CHECKING, Any

from ..errors import PageError
from ..passing import lasting
from .answers import Refusal
from .browser import REQUEST_TIMEOUT, left_for
from .decision import TIMED_OUT, Decision
from .drivers import Drivers
from .field import Field
from .page import Page, read_page
from .scene import Control, Scene

if TYPE_CHECKING:
    from .chromium.tab import Tab, View

OVERTIME_SECONDS = 15.0
"""A page is sent within so long after its button was pressed, or, by its own script, after its time was up."""
MOVING_SECONDS = 30.0
"""So long the next page may be on its way while this one cannot be looked at any more."""


@dataclass(frozen=True)
class Shown:
    """A page in the browser: as the server sent it, the form that it is now, and the scene with all that it has."""

    sent: Page
    form: Page
    scene: Scene
    extras: tuple[Control, ...]
    """Controls that are no part of the form: only scripts know what they do."""
    is_stuck: bool = False
    """Whether the form was filled in and not sent: a script of the page kept it, or something stood in the way."""

    @property
    def is_plain(self) -> bool:
        """Whether all that can be decided here is in the form."""
        return not (self.form.needs_script or self.extras or self.scene.dialog or self.is_stuck)

    def difference(self, page: Page) -> str:
        """Why this page needs a browser, as against what HTTP brought; empty if it does not."""
        if self.form.needs_script:
            return self.form.needs_script
        if self.scene.dialog:
            return "a script of the page opens a dialog"
        if self.extras:
            named = ", ".join(control.text for control in self.extras[:3])
            return f"only scripts of the page know what can be done with {named}"
        if lasting(page.text) != lasting(self.form.text):
            return "scripts of the page change what is to be seen"
        return ""


class Window:
    """One bot's window. `stop` ends whatever it is doing, with Stopped; `images`, `bot` as for `chromium.tab.Tab`."""

    def __init__(self, drivers: Drivers, stop: Event, images: bool = False, bot: str = "") -> None:
        self.drivers, self._stop, self._images, self._bot = drivers, stop, images, bot
        self._tab: Tab | None = None
        self._shown: Shown | None = None
        self._loads = 0  # which of the tab's documents is shown
        self._stuck = 0  # which of them could not be sent as a form
        self._until = 0.0  # when its time is up, by time.monotonic()

    def show(self, page: Page) -> Shown:
        """Opens a page, or takes it as it stands if the browser has come to it by itself.

        Raises SetupError if there is no browser to be had, PageError if the page cannot be shown, and Stopped.
        """
        tab = self._tab = self._tab or self.drivers.tab(self._stop, self._images, self._bot)
        if tab.at != page.url:
            tab.open(page.url)
        return self._show()

    @property
    def shown(self) -> Shown:
        """The page in the browser, as it was last looked at. Only while one is shown."""
        assert self._shown is not None
        return self._shown

    @property
    def tab(self) -> Tab:
        """The page in the browser. Only while one is shown."""
        assert self._tab is not None
        return self._tab

    def submit(self, page: Page, decision: Decision) -> Page:
        """Fills in the form of a plain page, sends it as a person does, and returns the page that comes then. If the
        decision is that of a page whose time is up, it is sent by the page itself.

        A page that could not be sent comes back with the reason among its errors, and is plain no more.
        """
        from .chromium.tab import Impossible, Moved

        tab, sends_itself, why = self.tab, TIMED_OUT in decision.entries, ""
        try:
            if tab.loads == self._loads:
                self._fill(page, decision)
                if not sends_itself:
                    tab.press(self._button(page, decision))
        except Moved:
            pass
        except (Refusal, Impossible) as error:
            why = str(error)
        if not why:
            self._wait_until_sent(sends_itself)
        if tab.away:
            return left_for(tab.away)
        if tab.loads == self._loads:
            why = why or ("a dialog opened" if tab.has_dialog else "its button does not send it")
            if sends_itself:
                raise PageError(f"{page.place} was not sent when its time was up: {why}.")
            self._stuck = self._loads
            return replace(page, errors={"": f"The page was filled in, but could not be sent: {why}."})
        shown = self._show()
        return shown.form if shown.sent.url == page.url else shown.sent

    def _wait_until_sent(self, by_itself: bool) -> None:
        """Until another document is there, or a dialog stands in the way, which a page that is sent `by_itself` has
        clicked away."""
        tab, now = self.tab, time.monotonic()
        end = max(now, self._until if by_itself else now) + OVERTIME_SECONDS
        while tab.loads == self._loads and not tab.away:
            if time.monotonic() > (end + REQUEST_TIMEOUT if tab.is_leaving else end):
                return
            if tab.has_dialog:
                if not by_itself:
                    return
                tab.look()
            tab.watch(1.0)

    @property
    def is_open(self) -> bool:
        """Whether the bot's page stands in it."""
        return self._tab is not None

    def is_needed(self, page: Page) -> bool:
        """Whether a page that was not taken as a form is to be played once more, as one that lives by its scripts: one
        that oTree refused over HTTP, or one that could not be sent in the browser."""
        return self._stuck == self._loads if self.is_open else self.drivers.refused(page)

    def noted(self) -> list[tuple[str, dict[str, Any]]]:
        """What the page's scripts sent, received or wanted since this was asked last."""
        return self._tab.noted() if self._tab is not None else []

    def close(self) -> None:
        """Closes the window, if it is open. The next page opens it again."""
        tab, self._tab, self._stuck = self._tab, None, 0
        if tab is not None:
            tab.close()

    def _show(self) -> Shown:
        """The page as it stands. One that its scripts leave while it is looked at is followed."""
        from .chromium.tab import Moved

        end = time.monotonic() + MOVING_SECONDS
        while True:
            try:
                return self._seen()
            except Moved:
                if time.monotonic() > end:
                    raise PageError(f"{self.tab.at} keeps going away while it is looked at.") from None
                self.tab.watch(1.0)

    def _seen(self) -> Shown:
        tab = self.tab
        if tab.away:
            page = left_for(tab.away)
            return Shown(page, page, Scene(page.text), ())
        self._loads, document = tab.loads, tab.document()
        if document.status >= 400:
            raise PageError(f"{document.url} answers with the error {document.status}.")
        sent = read_page(document.html, document.url, document.headers)
        self._until = time.monotonic() + (sent.timeout or 0.0)
        self._shown = Shown(sent, sent, Scene(sent.text), ())
        if sent.kind == "form":
            view = tab.look()
            form = read_page(view.html, document.url, document.headers, rendered=True)
            self._shown = Shown(sent, form, view.scene, tuple(_extras(form, view)), self._stuck == self._loads)
        return self._shown

    def _fill(self, page: Page, decision: Decision) -> None:
        owner = self._chosen(page, decision).owner if page.form.buttons else 0
        for field in page.form.fields:
            if field.kind != "button" and field.key in decision.answers and field.owner == owner:
                for number, value in _values(field, decision.answers[field.key], self.shown):
                    self.tab.fill(number, value)

    def _chosen(self, page: Page, decision: Decision) -> Any:
        choice = next((field for field in page.form.fields if field.kind == "button"), None)
        if choice is None or choice.key not in decision.answers:
            return page.form.buttons[0]
        return choice.option(decision.answers[choice.key])

    def _button(self, page: Page, decision: Decision) -> int:
        button = self._chosen(page, decision)
        if button.place not in page.numbers:
            raise Refusal(f"its button “{button.label}” cannot be found in the browser")
        return page.numbers[button.place]


def _values(field: Field, answer: Any, shown: Shown) -> Iterator[tuple[int, Any]]:
    """What is put into which of a field's controls for an answer."""
    entries, numbers = field.entries(answer), shown.form.numbers
    if field.kind not in ("choice", "choices", "tick"):
        yield numbers[field.place], entries[0].value
        return
    control = shown.scene.find(numbers[field.place])
    if control is not None and control.kind == "select":
        yield control.number, [entry.value for entry in entries]
        return
    chosen = {entry.place for entry in entries}
    for option in field.options:
        if field.kind != "choice" or option.place in chosen:
            yield numbers[option.place], option.place in chosen


def _extras(form: Page, view: View) -> Iterator[Control]:
    """The controls with which something can be decided that are none of the form's."""
    fields = form.form.fields
    places = {field.place for field in fields} | {option.place for field in fields for option in field.options}
    places |= {button.place for button in form.form.buttons}
    known = {form.numbers[place] for place in places if place in form.numbers} | view.chat
    for control in view.scene.controls:
        if control.number not in known and control.decides:
            yield control
