"""The tab “LLM bots” in a real browser: adding bots, watching them live, reading a transcript."""

from __future__ import annotations

import pytest

pytestmark = [pytest.mark.server, pytest.mark.browser]


def test_click_through(start_server, page):
    server = start_server()
    session = server.session("guess_two_thirds", 3)
    page.goto(f"{server.url}/SessionStartLinks/{session}")
    page.get_by_role("link", name="🤖 LLM bots").click()
    page.get_by_text("No bots take part in this session yet.").wait_for()
    page.get_by_role("link", name="Add LLM bots").click()
    page.get_by_label("This many free seats").check()
    page.get_by_label("Number of seats").fill("2")
    page.get_by_text("More", exact=True).click()
    page.get_by_label("Seed", exact=True).fill("7")
    page.get_by_role("button", name="Start bots").click()

    rows = page.locator(".llm-bots-table tbody tr")
    rows.nth(1).wait_for()
    assert rows.count() == 2
    page.get_by_text("2 waiting for others").wait_for()  # without reloading
    assert "guess_two_thirds" in rows.nth(0).inner_text() and "round 1" in rows.nth(0).inner_text()

    rows.nth(0).get_by_role("button", name="Stop").click()
    page.get_by_text("1 stopped").wait_for()
    rows.nth(0).get_by_role("button", name="Start again").click()
    page.get_by_text("2 waiting for others").wait_for()

    page.get_by_role("link", name="Add LLM bots").click()
    page.get_by_label("P1").check()
    page.get_by_role("button", name="Start bots").click()
    page.get_by_text("3 finished").wait_for()
    assert page.locator(".progress-bar.bg-success").count() == 3

    page.get_by_role("link", name="P2", exact=True).click()
    # the heading above it has the code of the session, which may have the same letters in it
    page.get_by_role("heading", name="P2", level=3).wait_for()
    page.wait_for_load_state("load")
    sections = page.locator(".llm-bots-step")
    texts = sections.all_inner_texts()
    assert "guess_two_thirds / Introduction, round 1" in texts[0] and "guess_two_thirds / Results, round 3" in texts[-2]
    assert "end\n" in texts[-1] and "No more pages left" in texts[-1]
    guess = next(text for text in texts if "[q1: whole number, 0 to 100]" in text)
    assert "Drawn at random." in guess
    raw = sections.filter(has_text="[q1").first
    raw.get_by_text("Raw messages").click()
    raw.locator("pre").nth(1).wait_for()


def test_the_tab_stands_on_every_page_of_a_session(start_server, page):
    server = start_server("5")
    session = server.session("dictator_de", 1)
    for name in ("SessionStartLinks", "SessionMonitor", "SessionData", "SessionPayments", "SessionDescription"):
        page.goto(f"{server.url}/{name}/{session}")
        assert page.get_by_role("link", name="🤖 LLM bots").get_attribute("href") == f"/LLMBots/{session}"
    server.launch(session)
    page.goto(f"{server.url}/LLMBots/{session}")
    page.get_by_text("1 finished").wait_for()


def test_a_small_screen_has_room_for_what_matters(start_server, page):
    server = start_server()
    session = server.session("dictator_de", 1)
    launch = server.launch(session)
    server.finish(session, 1)
    page.set_viewport_size({"width": 800, "height": 600})
    page.goto(f"{server.url}/LLMBots/{session}")
    page.get_by_role("cell", name="finished").wait_for()
    assert not page.get_by_role("columnheader", name="Calls").is_visible()
    page.goto(f"{server.url}/LLMBots/{session}/launch/{launch}")
    page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")
    assert all(value.is_visible() for value in page.locator(".llm-bots-table td").all())
    assert page.evaluate("document.documentElement.scrollWidth") <= 800


def test_otrees_monitor_shows_bots_as_it_shows_people(start_server, page):
    server = start_server()
    session = server.session("public_goods", 3)
    page.goto(f"{server.url}/SessionMonitor/{session}")
    server.launch(session, bots=2)
    page.locator("#monitor-table tbody tr").nth(1).wait_for()
    page.get_by_text("ResultsWaitPage").first.wait_for()
