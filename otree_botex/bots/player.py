"""The story of a bot: it opens its pages one after the other, decides, sends, waits, until the end."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from ..errors import BotexError, PageError, TimeUp
from ..records import Memory
from .browser import Browser
from .journal import BotJournal
from .mind import TIMED_OUT, Decision, Mind
from .pace import PATIENCE_SECONDS, SHORT_PATIENCE_SECONDS, Pace, is_not_yet, pause
from .page import Page
from .patience import Stopped
from .pictures import Picture
from .talking import TalkLimits, talk_and_decide

logger = logging.getLogger(__name__)

MARGIN_SECONDS = 1.0
"""A decision is on its way so long before a page's time is up."""
TOO_EARLY = 6
"""So often a decision that comes too early is sent again before the model is asked what it makes of it."""
MOMENT_SECONDS = 1.0
"""A page that was looked at for longer may have been left by other means, by the experimenter or by oTree's timer."""


@dataclass
class Player:
    """Plays one participant's part. `pace` holds it up as a person would be; `images` says whether it looks at
    pictures."""

    browser: Browser
    mind: Mind
    journal: BotJournal
    pace: Pace | None = None
    images: bool = False
    limits: TalkLimits = TalkLimits()

    def play(self, memory: Memory | None = None) -> bool:
        """Plays from where the participant is to the end, and writes down what happens. With a `memory` it goes on
        from what an earlier runner recorded.

        True if it got there. Every way in which it does not is recorded with its reason; nothing is raised.
        """
        try:
            page = self.browser.open()
            if memory is not None:
                self._go_on(page, memory)
            while not page.is_end:
                if page.is_wait:
                    page = self._wait(page)
                else:
                    page = self._answer(page)
            self._end(page)
            return True
        except Stopped:
            self.journal.state("stopped")
        except BotexError as error:
            self.journal.state("failed", str(error), error.cause)
        except Exception as error:
            logger.exception("A bot failed for a reason nobody thought of.")
            why = f"An error inside otree-botex ({type(error).__name__}: {error}). Please report it."
            self.journal.state("failed", why, "inside")
        return False

    def _go_on(self, page: Page, memory: Memory) -> None:
        """Ends the step in which the earlier runner was interrupted: where the participant is now tells whether its
        page was left."""
        if memory.kind:
            is_behind = page.number != memory.page
            if memory.answers is None or not is_behind:
                outcome = ("waited" if memory.kind == "wait" else "left") if is_behind else "interrupted"
            else:
                outcome = "submitted"
            self.journal.left(outcome)
            if outcome in ("waited", "left"):
                memory = replace(memory, unread="\n\n---\n\n".join(filter(None, [memory.unread, memory.text])))
        self.mind.restore(memory)

    def _wait(self, page: Page) -> Page:
        self.journal.state("waiting")
        self._record(page)
        here = page
        while _is_same(page, here):
            self.mind.read(page)
            page = self.browser.wait(page)
        self.journal.left("waited")
        return page

    def _answer(self, page: Page) -> Page:
        """One form page, until oTree accepts what is sent, its time is up, or the participant is elsewhere."""
        self.journal.state("thinking")
        self._record(page)
        if page.needs_script:
            raise PageError(f"{page.place} cannot be played without running its scripts: {page.needs_script}.")
        if not page.form.fields and not page.chats:
            return self._read(page)
        here, began, held = page, time.monotonic(), 0.0
        before, pictures = Decision(), self._look(page)
        while _is_same(page, here):
            deadline = _deadline(page)
            try:
                decision, outcome = self._decide(page, deadline, pictures, talks=page is here), "submitted"
                if decision.entries == before.entries and before.entries:
                    held = pause(held, page.errors)  # it insists: what was refused may be accepted later
                    self.browser.sleep(_within(held, deadline))
                self._take_time(page, began, deadline)
                if not page.form.buttons and deadline is not None:  # it is its timer that submits it
                    self._sit_out(deadline)
                    decision = replace(decision, entries=(*decision.entries, TIMED_OUT))
            except TimeUp:
                self._sit_out(deadline)
                decision, outcome = self.mind.run_out(page), "timed out"
            if time.monotonic() - began > MOMENT_SECONDS and not self.browser.is_on(page):
                return self._moved_on()
            before, page = decision, self._send(page, decision, deadline)
            began = time.monotonic()
        self.journal.left(outcome)
        return page

    def _decide(self, page: Page, deadline: float | None, pictures: Sequence[Picture], talks: bool) -> Decision:
        """One decision, within the page's time; where there is a chat, after talking, which is done once a page."""
        until = None if deadline is None else deadline - MARGIN_SECONDS
        if page.chats and talks:
            return talk_and_decide(self.browser, self.mind, self.journal, page, self.limits, until, pictures)
        return self.mind.decide(page, deadline=until, pictures=pictures)

    def _send(self, page: Page, decision: Decision, deadline: float | None) -> Page:
        """Sends a decision, and some times more if oTree says that it comes too early. Returns what comes then."""
        here, held = page, 0.0
        for _ in range(TOO_EARLY):
            page = self.browser.submit(here, decision.entries, decision.action)
            if not (_is_same(page, here) and is_not_yet(page.errors)):
                break
            held = pause(held, page.errors)
            self.browser.sleep(_within(held, deadline))
            decision = self.mind.repeat(page, decision)
        return page

    def _read(self, page: Page) -> Page:
        """A page with nothing to decide. One without a button is left when its time is up, as a browser would leave it;
        one that does not let go on yet is tried again later."""
        began, deadline = time.monotonic(), _deadline(page)
        self.mind.read(page, self._look(page))
        decision, outcome = Decision(entries=page.form.fixed), "read"
        if not page.form.buttons and deadline is not None:
            self._sit_out(deadline)
            decision, outcome = Decision(entries=(*page.form.fixed, TIMED_OUT)), "timed out"
        self._take_time(page, began, deadline)
        here, held, attempt = page, 0.0, 0
        while _is_same(page := self.browser.submit(here, decision.entries, decision.action), here):
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
        self.journal.left(outcome)
        return page

    def _look(self, page: Page) -> Sequence[Picture]:
        return self.browser.pictures(page) if self.images else ()

    def _sit_out(self, deadline: float | None) -> None:
        """Stays until a page's time is up."""
        if deadline is not None:
            self.browser.sleep(max(deadline - time.monotonic(), 0))

    def _take_time(self, page: Page, began: float, deadline: float | None) -> None:
        """At a person's pace, what is left of the time that a person would take for this page passes."""
        if self.pace is not None:
            left = self.pace.seconds(page.text, len(page.form.fields)) - (time.monotonic() - began)
            self.browser.sleep(_within(max(left, 0), deadline))

    def _moved_on(self) -> Page:
        self.mind.moved_on()
        self.journal.left("left")
        return self.browser.open()

    def _end(self, page: Page) -> None:
        self._record(page)
        self.journal.left("end")
        self.journal.state("finished")

    def _record(self, page: Page) -> None:
        names = page.form.names()
        fields = [
            {
                "key": field.key,
                "name": names[field.key],
                "kind": field.kind,
                "label": field.label,
                "required": field.required,
                "options": [option.label for option in field.options],
                "what": field.describe(),
            }
            for field in page.form.fields
        ]
        self.journal.page(
            url=page.url,
            app=page.app,
            name=page.name,
            number=page.number,
            page_kind=page.kind,
            title=page.title,
            text=page.text,
            fields=fields,
            timeout=page.timeout,
            needs_script=page.needs_script,
        )


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
