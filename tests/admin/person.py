"""A person who plays in a real browser."""

from __future__ import annotations

import re


class Person:
    """A participant in Chromium. `problems` are what broke on the way: scripts that failed, pages that were errors."""

    def __init__(self, page):
        self.page = page
        page.set_default_timeout(90_000)  # bots may have to come first, each with a start of its own
        self.problems = []
        # other sites are not really visited
        page.route(re.compile("^https:"), lambda route: route.fulfill(body="Thank you", content_type="text/html"))
        page.on("pageerror", lambda error: self.problems.append(str(error)))
        page.on("response", self._check)

    def _check(self, response):
        if response.status >= 400 and not response.url.endswith("/favicon.ico"):
            self.problems.append(f"{response.status} {response.url}")

    def enter(self, server, session, seat):
        """Opens the start link of a seat (1, 2 …). The bots take the other ones."""
        self.page.goto(server.links(session)[seat - 1])

    def meet(self, title):
        """Waits until the page with this title is there, however it comes, with the scripts that its buttons call.
        Wait pages go on by themselves."""
        self.page.locator("#_otree-title", has_text=title).wait_for()
        self.page.wait_for_load_state("load")

    def go_live(self):
        """Waits until a live page's scripts are there. A wait page may reload once more while the next page is loading
        already: what its scripts are cut off from then is no fault."""
        self.page.wait_for_function("document.readyState === 'complete' && typeof liveSend === 'function'")
        self.problems = [problem for problem in self.problems if problem != "liveSend is not defined"]

    def go_on(self):
        self.page.get_by_role("button", name="Next").click()

    def end(self):
        """Leaves the last page."""
        self.go_on()
        self.page.wait_for_url("**/OutOfRangeNotification/**")
