"""Pages that bots played in a browser: their transcript, the launch's page, and the report of a check."""

from __future__ import annotations

import pytest

from otree_botex.check_text import in_full

from ..record.journal import WHY, played
from .fed import feed

pytestmark = [pytest.mark.server, pytest.mark.browser]


@pytest.mark.parametrize("otree", ["6", "5"])
def test_the_transcript_tells_what_happened(start_server, page, otree):
    server = start_server(otree)
    session = feed(server, "survey", {1: played()})
    (bot,) = server.bots(session)
    assert (bot["state"], bot["reason"]) == ("finished", "")
    page.goto(f"{server.url}/LLMBots/{session}/bot/{bot['bot']}")
    form, auction, ranking, _ = page.locator(".llm-bots-step").all()
    assert "in a browser" in auction.inner_text() and "in a browser" not in form.inner_text()

    assert f"Played in a browser: {WHY}" in auction.inner_text() and "Played in" not in form.inner_text()
    items = auction.locator(".llm-bots-event").all()
    told = [(item.get_attribute("data-kind"), item.inner_text()) for item in items]
    assert told == [
        ("actions", "Too dear.\nfill [3]\nclick [4]"),
        ("done", "2 of 2 done."),
        ("traffic", "1 live message sent, 300 live messages received"),
        ("changed", "What happened since, as the model was told:\nNew: Price 299"),
        ("traffic", "1 live message sent"),
        ("actions", "Sell now.\nclick [9]\nclick [5]"),
        ("done", "1 of 2 done, then something else happened.\nA dialog"),
        ("dialog", "A dialog (confirm):\nReally?\n→ accepted"),
        ("refused", "Refused to the page, another site: https://cdn.example.org/x.js"),
        ("limit", "A limit of the launch was reached: 2 calls of the model."),
        ("traffic", "1 form sent"),
    ]

    traffic = auction.locator("[data-kind=traffic]").first
    assert not traffic.get_by_text('{"price": 299, "by": "P2"}').is_visible()
    traffic.locator("summary").click()
    assert traffic.get_by_text('{"price": 299, "by": "P2"}').is_visible()
    assert 'sent {"bid": 50}' in traffic.inner_text()
    last = auction.inner_text().partition("What the page sent in the end")[2]
    assert "seconds_on_page" in last and "deals" in last and "Enough." not in auction.inner_text()

    assert "Left without touching any of its controls" in ranking.inner_text()
    assert page.get_by_text("Left without touching").count() == 1


def test_what_was_left_untouched_is_marked_on_the_launchs_page(start_server, page):
    server = start_server()
    session = feed(server, "survey", {1: played(), 2: [one for one in played() if one.get("step") != 3]})
    first, second = server.bots(session)
    page.goto(f"{server.url}/LLMBots/{session}/launch/{first['launch']}")
    assert "left without touching any of their controls (1):" in page.inner_text(".llm-bots-launch")
    page.get_by_role("link", name="P1, survey / Drinks, round 1").click()
    assert page.url.endswith(f"/bot/{first['bot']}#step-3")
    seats = server.get(f"/api/llm_bots/launch/{first['launch']}/manifest")["seats"]
    assert [(seat["in_browser"], seat["untouched"]) for seat in seats] == [(2, 1), (1, 0)]


def test_the_report_says_whether_decisions_were_made(start_server, page):
    server = start_server()
    session = feed(server, "survey", {1: played(), 2: played()})
    report = server.get(f"/api/llm_bots/check/{session}")
    before, auction, ranking = report["pages"]
    assert (before["in_browser"], before["controls"], before["untouched"]) == ("", [], [])
    assert auction["in_browser"] == WHY and auction["needs_browser"] == "" and auction["state"] == "passed"
    assert [(one["label"], one["times"]) for one in auction["controls"]] == [("Your bid", 2), ("Bid", 2), ("Sell", 0)]
    assert auction["set_by_scripts"] == ["seconds_on_page", "deals"] and auction["live_sent"] == 4
    assert auction["limits"] == [{"limit": "2 calls of the model", "times": 2}] and auction["questions"] == []
    refused = {"by": "the browser", "text": "another site https://cdn.example.org/x.js", "times": 2}
    assert auction["refusals"] == [refused]
    assert ranking["left_empty"] == ["order"] and ranking["set_by_scripts"] == []
    bots = server.bots(session)
    assert ranking["untouched"] == [{"seat": bot["seat"], "bot": bot["bot"], "step": 3} for bot in bots]
    assert report["problems"] == [
        "P1, P2 left survey / Drinks without touching any of its controls: nothing was decided there."
    ]
    assert [page["state"] for page in report["pages"]] == ["passed", "passed", "undecided"]
    assert [page["kind"] for page in report["pages"]] == ["form", "by script", "by script"]
    told = "2 of 2 bots finished; 2 pages played in a browser, 1 of them left without a decision."
    assert report["summary"] == told

    text = "\n".join(in_full(report))
    for line in (
        *(f"played in a browser: {WHY}", "controls used: “Your bid”, “Bid”", "never touched by any bot: “Sell”"),
        *(
            "set by scripts: seconds_on_page, deals",
            "live messages sent: 4, 2 of them by the page itself",
            "never touched by any bot: “Apple”, “Pear”",
        ),
        *("refused by the browser 2 times: another site https://cdn.example.org/x.js", "sent, but always empty: order"),
        *("limit of 2 calls of the model reached 2 times", "left by P1, P2 without touching any of its controls"),
    ):
        assert f"       {line}\n" in text, line

    page.goto(f"{server.url}/LLMBots/{session}/check")
    row = page.get_by_role("row", name="survey / Opinions")
    assert f"Played in a browser: {WHY}" in row.inner_text() and "Never touched by any bot: “Sell”" in row.inner_text()
    assert page.locator(".alert-danger").inner_text() == report["summary"]
    page.get_by_role("row", name="survey / Drinks").get_by_role("link", name="P2").click()
    assert page.url.endswith(f"/bot/{bots[1]['bot']}#step-3")
