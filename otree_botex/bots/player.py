"""The story of a bot: it opens its pages one after the other, decides, sends, waits, until the end."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence

from ..errors import BotexError, PageError
from .browser import Browser
from .journal import BotJournal
from .mind import Mind
from .page import Page
from .patience import Stopped

logger = logging.getLogger(__name__)

TIMED_OUT = ("timeout_happened", "1")


def play(browser: Browser, mind: Mind, journal: BotJournal) -> bool:
    """Plays a participant's part from where it is to the end, and writes down what happens.

    True if it got there. Every way in which it does not is recorded with its reason; nothing is raised.
    """
    try:
        page = browser.open()
        while not page.is_end:
            if page.is_wait:
                page = _wait(browser, journal, page)
            else:
                page = _answer(browser, mind, journal, page)
        journal.state("finished")
        return True
    except Stopped:
        journal.state("stopped")
    except BotexError as error:
        journal.state("failed", str(error))
    except Exception as error:
        logger.exception("A bot failed for a reason nobody thought of.")
        journal.state("failed", f"An error inside otree-botex ({type(error).__name__}: {error}). Please report it.")
    return False


def _wait(browser: Browser, journal: BotJournal, page: Page) -> Page:
    journal.state("waiting")
    _record_page(journal, page)
    here = page
    while page.is_wait and page.url == here.url:
        page = browser.wait(page)
    journal.left("waited")
    return page


def _answer(browser: Browser, mind: Mind, journal: BotJournal, page: Page) -> Page:
    """One form page, until oTree accepts what is sent or the participant is elsewhere."""
    journal.state("thinking")
    _record_page(journal, page)
    if page.needs_script:
        raise PageError(f"{page.place} cannot be played without running its scripts: {page.needs_script}.")
    if not page.form.fields:
        return _read(browser, mind, journal, page)
    here, seen_at = page, time.monotonic()
    while page.url == here.url and not page.is_wait:
        decision = mind.decide(page)
        if here.timeout is not None and time.monotonic() - seen_at > here.timeout:
            # oTree may have moved the participant on meanwhile; what is sent then is lost without a word
            now = browser.open()
            if now.url != here.url:
                journal.left("left")
                return now
        page = browser.submit(page, decision.entries)
    journal.left("submitted")
    return page


def _read(browser: Browser, mind: Mind, journal: BotJournal, page: Page) -> Page:
    """A page with nothing to decide. One without a button is left when its time is up, as a browser would leave it."""
    mind.read(page)
    entries: Sequence[tuple[str, str]] = page.form.fixed
    outcome = "read"
    if not page.form.buttons and page.timeout is not None:
        browser.sleep(page.timeout)
        entries, outcome = (*entries, TIMED_OUT), "timed out"
    after = browser.submit(page, entries)
    if after.url == page.url and after.errors:
        raise PageError(f"{page.place} does not let go on: {'; '.join(after.errors.values())}")
    journal.left(outcome)
    return after


def _record_page(journal: BotJournal, page: Page) -> None:
    fields = [
        {
            "key": field.key,
            "name": field.name,
            "kind": field.kind,
            "label": field.label,
            "required": field.required,
            "options": [option.label for option in field.options],
            "what": field.describe(),
        }
        for field in page.form.fields
    ]
    journal.page(
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
