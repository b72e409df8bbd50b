"""Bots side by side: a page that was the same for all stands there once, and what was not is marked."""

from __future__ import annotations

import re

import pytest

from .fed import feed
from .story import contributes

pytestmark = [pytest.mark.server, pytest.mark.browser]


@pytest.mark.parametrize("otree", ["6", "5"])
def test_bots_stand_side_by_side(start_server, page, otree):
    server = start_server(otree)
    seats = {1: contributes(50, "Are points paid out?", refusals=[150]), 2: contributes(0), 3: []}
    session = feed(server, "public_goods", seats, about={2: {"persona_name": "miser", "label": "Bob"}})
    bots = {bot["seat"]: bot["bot"] for bot in server.bots(session)}
    page.goto(f"{server.url}/LLMBots/{session}/bot/{bots[1]}")
    page.get_by_text("Side by side with other bots").click()
    page.get_by_label("P2 Bob").check()
    page.get_by_role("button", name="Show side by side").click()

    columns = page.locator(".llm-bots-column")
    columns.nth(1).wait_for()
    assert columns.count() == 2 and page.locator(".llm-bots-same").inner_text().count("Instructions") == 1
    page.locator("a[rel=next]").click()
    page.get_by_text("Your contribution").wait_for()
    page.wait_for_load_state("load")
    first, second = columns.all_inner_texts()
    assert "I try 150." in first and "Refused by oTree" in first and "Are points paid out?" in first
    assert "Bob" in second and "miser" in second and "Giving 0 is a compromise" in second
    assert page.locator(".llm-bots-text").count() == 1  # the same for both

    page.get_by_label("Page", exact=True).select_option(label="public_goods / Results, round 1")
    page.get_by_role("button", name="Show", exact=True).click()
    page.locator(".llm-bots-column .llm-bots-text").nth(1).wait_for()
    page.wait_for_load_state("load")
    assert page.locator(".llm-bots-same").count() == 0
    differing = [column.locator(".differs").all_inner_texts() for column in columns.all()]
    assert [[row.split() for row in rows] for rows in differing] == [
        [["You", "contributed", "50", "points"], ["You", "earned", "139", "points"]],
        [["You", "contributed", "0", "points"], ["You", "earned", "189", "points"]],
    ]
    page.get_by_text("Bots (2 of 3)").click()
    page.get_by_label(re.compile(r"^\s*P3\b")).check()
    page.get_by_role("button", name="Show", exact=True).click()
    columns.nth(2).get_by_text("Has not seen this page.").wait_for()
    columns.nth(0).get_by_role("link", name="P1").click()
    page.wait_for_url(f"**/bot/{bots[1]}#step-4")
    assert server.tracebacks() == []


def test_more_bots_than_fit_are_scrolled_to_and_strange_addresses_do_no_harm(start_server, page):
    server = start_server()
    session = feed(server, "public_goods", {seat: contributes(seat) for seat in range(1, 7)})
    bots = [str(bot["bot"]) for bot in server.bots(session)]
    page.set_viewport_size({"width": 800, "height": 700})
    page.goto(f"{server.url}/LLMBots/{session}/compare?bots={','.join(bots)}&page=public_goods.Results.1")
    assert page.locator(".llm-bots-column").count() == 6
    wide = page.locator(".llm-bots-side-by-side").evaluate("one => one.scrollWidth > one.clientWidth")
    assert wide and page.evaluate("document.documentElement.scrollWidth") <= 800
    for query, columns in (("", 4), ("?bots=x,,9999", 0), ("?page=no.such.1", 4), (f"?bots={bots[5]}&page=%00", 1)):
        page.goto(f"{server.url}/LLMBots/{session}/compare{query}")
        assert page.locator(".llm-bots-column").count() == columns, query
    assert server.tracebacks() == []
