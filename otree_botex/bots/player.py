"""The story of a bot: it opens its pages one after the other, decides, sends, waits, until the end."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from ..errors import BotexError, Crashed, PageError, SetupError, TimeUp
from ..records import Memory, Outcome
from .acting import Actor
from .browser import Browser
from .decision import TIMED_OUT, Decision
from .gate import Gate
from .journal import BotJournal
from .limits import PageLimits
from .mind import Mind
from .pace import PATIENCE_SECONDS, SHORT_PATIENCE_SECONDS, Pace, is_not_yet, pause
from .page import Page
from .patience import Stopped
from .pictures import Picture
from .scene import Scene
from .seen import as_recorded
from .talking import TalkLimits, talk_and_decide
from .window import Shown, Window

logger = logging.getLogger(__name__)

MARGIN_SECONDS = 1.0
"""A decision is on its way so long before a page's time is up."""
TOO_EARLY = 6
"""So often a decision that comes too early is sent again before the model is asked what it makes of it."""
CRASHES = 3
"""So often a bot goes on after the browser has crashed."""
MOMENT_SECONDS = 1.0
"""A page that was looked at for longer may have been left by other means, by the experimenter or by oTree's timer."""


@dataclass
class Player:
    """Plays one participant's part, over HTTP and, where a page needs it, in a browser's `window`. Before it does
    anything it passes its `gate`; `pace` holds it up as a person would be; `images` says whether it looks at pictures;
    `last_page` is the number of the experiment's last page, where it is known."""

    browser: Browser
    window: Window
    mind: Mind
    journal: BotJournal
    gate: Gate
    pace: Pace | None = None
    images: bool = False
    limits: TalkLimits = TalkLimits()
    page_limits: PageLimits = PageLimits()
    last_page: int | None = None
    crashes: int = 0

    def play(self, memory: Memory | None = None) -> bool:
        """Plays from where the participant is to the end, and writes down what happens. With a `memory` it goes on
        from what an earlier runner recorded.

        True if it got there. Every way in which it does not is recorded with its reason; nothing is raised.
        """
        try:
            self.gate.enter()
            page = self.browser.open()
            if memory is not None:
                self._go_on(page, memory)
            while not self._is_over(page):
                try:
                    if page.is_wait:
                        page = self._wait(page)
                    elif self.gate.enter():
                        page = self._come_back()
                    elif (why := self.window.drivers.why(page)) == "":
                        page = self._answer(page)
                    else:
                        page = self._show(page, why)
                except Crashed as error:
                    page = self._open_again(error)
            self._end(page)
            return True
        except Stopped as stopped:
            self.journal.state("stopped", str(stopped))
        except BotexError as error:
            self.journal.state("failed", str(error), error.cause)
        except Exception as error:
            logger.exception("A bot failed for a reason nobody thought of.")
            why = f"An error inside otree-botex ({type(error).__name__}: {error}). Please report it."
            self.journal.state("failed", why, "inside")
        finally:
            self.window.close()
        return False

    def _go_on(self, page: Page, memory: Memory) -> None:
        """Ends the step in which the earlier runner was interrupted: where the participant is now tells whether its
        page was left."""
        if memory.kind:
            is_behind = page.number != memory.page
            if memory.answers is None or not is_behind:
                outcome: Outcome = ("waited" if memory.kind == "wait" else "left") if is_behind else "interrupted"
            else:
                outcome = "submitted"
            self.journal.left(outcome)
            if outcome in ("waited", "left"):
                memory = replace(memory, unread="\n\n---\n\n".join(filter(None, [memory.unread, memory.text])))
        self.mind.restore(memory)

    def _wait(self, page: Page) -> Page:
        self.window.close()
        self.journal.state("waiting")
        self._record(page)
        here = page
        while _is_same(page, here):
            self.mind.read(page)
            page = self.browser.wait(page)
        self.journal.left("waited")
        return page

    def _show(self, page: Page, why: str | None) -> Page:
        """A page that is played in a browser, or, without a reason `why`, looked at there first."""
        self.journal.state("thinking")
        try:
            shown = self.window.show(page)
        except SetupError as error:
            if why is None:  # nothing speaks for it but that it has scripts
                self.window.drivers.cannot_look(str(error))
                return self._answer(page)
            self._record(page)
            raise SetupError(f"{page.place} cannot be played without running its scripts: {why}. {error}") from None
        if not _is_same(shown.sent, page):  # its time was up before it stood there, or somebody else moved on
            self._record(page, why or "")
            self.journal.left("left")
            return shown.sent
        if why is None:
            why = shown.difference(page)
            self.window.drivers.found(page, why)
        if not why:
            return self._answer(page)
        if shown.is_plain:
            return self._answer(shown.form, why)
        return self._act(shown, why)

    def _act(self, shown: Shown, why: str) -> Page:
        """A page that lives by its scripts."""
        page, scene = shown.sent, shown.scene
        self._record(page, why, scene)
        pictures = self._look(replace(page, images=scene.images))
        tab, limits, deadline = self.window.tab, self.page_limits, _deadline(page)
        of_bot = self.mind, self.journal, self.gate
        return Actor(tab, *of_bot, page, scene, limits, deadline, pictures, self.pace).play()

    def _answer(self, page: Page, why: str = "") -> Page:
        """One form page, until oTree accepts what is sent, its time is up, or the participant is elsewhere. It is sent
        over HTTP, or, if there is a reason `why`, in the browser, where it is shown."""
        if not why:
            self.window.close()
        self.journal.state("thinking")
        self._record(page, why)
        if page.needs_script:
            raise PageError(f"{page.place} cannot be played without running its scripts: {page.needs_script}.")
        if not page.form.fields and not page.chats:
            return self._read(page)
        here, began, held = page, time.monotonic(), 0.0
        outcome: Outcome
        before, pictures = Decision(), self._look(page)
        while _is_same(page, here):
            deadline = _deadline(page)
            try:
                decision, outcome = self._decide(page, deadline, pictures, talks=page is here), "submitted"
                if decision.entries == before.entries and before.entries:
                    held = pause(held, page.errors)  # it insists: what was refused may be accepted later
                    self.browser.sleep(_within(held, deadline))
                self._take_time(page, began, deadline)
                if self.gate.enter() and deadline is not None and time.monotonic() > deadline:
                    raise TimeUp("The page's time was up while the bot was paused.")
                if not page.form.buttons and deadline is not None:  # it is its timer that submits it
                    self._sit_out(deadline)
                    decision = replace(decision, entries=(*decision.entries, TIMED_OUT))
            except TimeUp:
                self._sit_out(deadline)
                decision, outcome = self.mind.run_out(page), "timed out"
                self.gate.enter()
            if time.monotonic() - began > MOMENT_SECONDS and not self.browser.is_on(page):
                return self._moved_on()
            before, page = decision, self._send(page, decision, deadline)
            began = time.monotonic()
            if _is_same(page, here) and self.window.is_needed(page):
                return self._start_over(page)
        untouched = outcome == "timed out" and bool(here.form.fields) and not before.answers
        self.journal.left(outcome, untouched)
        return page

    def _decide(self, page: Page, deadline: float | None, pictures: Sequence[Picture], talks: bool) -> Decision:
        """One decision, within the page's time; where there is a chat, after talking, which is done once a page."""
        until = None if deadline is None else deadline - MARGIN_SECONDS
        if page.chats and talks:
            of_bot = self.browser, self.mind, self.journal, self.gate
            return talk_and_decide(*of_bot, page, self.limits, until, pictures)
        return self.mind.decide(page, deadline=until, pictures=pictures)

    def _send(self, page: Page, decision: Decision, deadline: float | None) -> Page:
        """Sends a decision, and some times more if oTree says that it comes too early. Returns what comes then."""
        here, held = page, 0.0
        for _ in range(TOO_EARLY):
            page = self._submit(here, decision)
            if not (_is_same(page, here) and is_not_yet(page.errors)):
                break
            held = pause(held, page.errors)
            self.browser.sleep(_within(held, deadline))
            self.gate.enter()
            decision = self.mind.repeat(page, decision)
        return page

    def _submit(self, page: Page, decision: Decision) -> Page:
        """Sends a decision, and returns what comes then."""
        if not self.window.is_open:
            return self.browser.submit(page, decision.entries, decision.action)
        after = self.window.submit(page, decision)
        for what, data in self.window.noted():
            self.journal.write("event", what=what, data=data)
        return after

    def _open_again(self, error: Crashed) -> Page:
        """Where the participant is after the browser crashed. Raises the error if it has done so too often."""
        self.crashes += 1
        if self.crashes > CRASHES:
            raise error
        logger.warning("%s The bot goes on where its participant is.", error)
        return self._come_back()

    def _come_back(self) -> Page:
        """Where the participant is now. The page that it was on, if it still is, begins anew."""
        self.window.close()
        self.journal.interrupted()
        self.mind.look_again()
        return self.browser.open()

    def _read(self, page: Page) -> Page:
        """A page with nothing to decide. One without a button is left when its time is up, as a browser would leave it;
        one that does not let go on yet is tried again later."""
        began, deadline, pictures = time.monotonic(), _deadline(page), self._look(page)
        outcome: Outcome = "read"
        decision = Decision(entries=page.form.fixed)
        if not page.form.buttons and deadline is not None:
            self._sit_out(deadline)
            decision, outcome = Decision(entries=(*page.form.fixed, TIMED_OUT)), "timed out"
        self._take_time(page, began, deadline)
        if self.gate.enter():
            return self._come_back()
        here, held, attempt = page, 0.0, 0
        while _is_same(page := self._submit(here, decision), here):
            if self.window.is_needed(page):
                return self._start_over(page)
            attempt += 1
            self.journal.write("refusal", attempt=attempt, by="server", messages=dict(page.errors), said=None)
            fields = [name for name in page.errors if name]
            if fields:
                raise PageError(
                    f"{page.place} cannot be left: oTree asks for “{fields[0]}” ({page.errors[fields[0]]}), and there "
                    "is no such field on the page. Does a script of the page fill it in?"
                )
            if time.monotonic() - began > (PATIENCE_SECONDS if is_not_yet(page.errors) else SHORT_PATIENCE_SECONDS):
                raise PageError(f"{page.place} does not let go on: {_said(page.errors)}")
            held = pause(held, page.errors)
            self.browser.sleep(held)
            self.gate.enter()
        self.mind.read(here, pictures)
        self.journal.left(outcome)
        return page

    def _look(self, page: Page) -> Sequence[Picture]:
        return self.browser.pictures(page) if self.images else ()

    def _sit_out(self, deadline: float | None) -> None:
        """Stays until a page's time is up. In a browser the page itself knows when, with what stands in it then."""
        if deadline is not None and not self.window.is_open:
            self.browser.sleep(max(deadline - time.monotonic(), 0))

    def _start_over(self, page: Page) -> Page:
        """The page at hand was not taken as a form, and is played once more as one that lives by its scripts."""
        self.mind.start_over(page)
        self.journal.interrupted()
        return page

    def _take_time(self, page: Page, began: float, deadline: float | None) -> None:
        """At a person's pace, what is left of the time that a person would take for this page passes."""
        if self.pace is not None:
            left = self.pace.seconds(page.text, len(page.form.fields)) - (time.monotonic() - began)
            self.browser.sleep(_within(max(left, 0), deadline))

    def _moved_on(self) -> Page:
        self.mind.moved_on()
        self.journal.left("left")
        return self.browser.open()

    def _is_over(self, page: Page) -> bool:
        """Whether this is the end: behind the last page, on another site, or a last page on which one stays.

        Raises PageError where nothing leads on though there are more pages.
        """
        if not page.is_dead_end or page.is_end:
            return page.is_end
        if self.last_page in (None, page.number):
            return True
        self._record(replace(page, needs_script=""))
        raise PageError(
            f"{page.place} has no button and nothing else that leads on, and it is not the last page. "
            "Is {{ next_button }} missing in its template?"
        )

    def _end(self, page: Page) -> None:
        if not page.is_end:
            text = f"{page.text}\n\n[The experiment ends here: nothing leads on.]"
            page = replace(page, kind="end", text=text, needs_script="")
        self._record(page)
        self.journal.left("end")
        self.journal.state("finished")

    def _record(self, page: Page, why: str = "", scene: Scene | None = None) -> None:
        """Opens a step with a page as it was seen, over HTTP or, if there is a reason `why`, in a browser."""
        self.journal.page(**as_recorded(page, why, scene))


def _is_same(page: Page, here: Page) -> bool:
    return page.url == here.url and page.kind == here.kind


def _deadline(page: Page) -> float | None:
    """When a page's time is up, by time.monotonic(), if the page has just been loaded."""
    return None if page.timeout is None else time.monotonic() + page.timeout


def _within(seconds: float, deadline: float | None) -> float:
    """So many seconds, or fewer if a page's time is up before."""
    return seconds if deadline is None else max(min(seconds, deadline - MARGIN_SECONDS - time.monotonic()), 0)


def _said(errors: Mapping[str, str]) -> str:
    return "; ".join(errors.values()) or "it comes back without saying why."
