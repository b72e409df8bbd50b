"""Bots name themselves to the experiment's server, which may turn them away."""

from __future__ import annotations

from threading import Event

import pytest

from otree_botex.bots.browser import Browser
from otree_botex.bots.patience import Stopped
from otree_botex.records import BOT_COOKIE, STOPPED_HEADER

PAGE = """<!DOCTYPE html><title>One</title><form><p id=said></p>
<script>said.textContent = 'Cookies: ' + document.cookie;</script></form>"""


def turned_away(visit):
    visit.answer("This bot was told to stop.", status=409, **{STOPPED_HEADER: "1"})


def telling(said):
    def answer(visit):
        said.append(visit.headers.get("Cookie"))
        visit.answer(PAGE)

    return answer


def test_over_http(home):
    said = []
    home.pages["/p/abc/app/One/1"] = telling(said)
    Browser(f"{home.url}/p/abc/app/One/1", Event(), "launch-7").open()
    assert said == [f"{BOT_COOKIE}=launch-7"]
    home.pages["/p/abc/app/One/1"] = turned_away
    with pytest.raises(Stopped):
        Browser(f"{home.url}/p/abc/app/One/1", Event(), "launch-7").open()


@pytest.mark.browser
def test_in_a_browser(home, visit):
    said = []
    home.pages["/p/abc/app/One/1"] = telling(said)
    tab = visit(path="/p/abc/app/One/1", bot="launch-7")
    assert said == [f"{BOT_COOKIE}=launch-7"]
    assert "Cookies:" in tab.look().scene.text and "launch-7" not in tab.look().html, "no script of a page can read it"
    home.pages["/p/abc/app/One/1"] = turned_away
    with pytest.raises(Stopped):
        visit(path="/p/abc/app/One/1", bot="launch-7").document()
