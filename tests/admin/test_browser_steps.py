"""Pages that bots played in a browser: their transcript, the launch's page, and the report of a check."""

from __future__ import annotations

import pytest

from ..record.journal import WHY, played
from .fed import feed

pytestmark = [pytest.mark.server, pytest.mark.browser]


@pytest.fixture
def page(chromium):
    page = chromium.new_page(viewport={"width": 1280, "height": 900})
    page.problems = []
    page.on("pageerror", lambda error: page.problems.append(str(error)))
    yield page
    page.close()
    assert page.problems == []


@pytest.mark.parametrize("otree", ["6", "5"])
def test_the_transcript_tells_what_happened(start_server, page, otree):
    server = start_server(otree)
    session = feed(server, "survey", {1: played()})
    (bot,) = server.bots(session)
    assert (bot["state"], bot["reason"]) == ("finished", "")
    page.goto(f"{server.url}/LLMBots/{session}/bot/{bot['bot']}")
    form, auction, ranking, _ = page.locator(".llm-bots-step").all()
    assert "in a browser" in auction.inner_text() and "in a browser" not in form.inner_text()

    told = [item.inner_text() for item in auction.locator(".llm-bots-event").all()]
    kinds = [item.get_attribute("data-kind") for item in auction.locator(".llm-bots-event").all()]
    assert kinds == [
        *("driver", "actions", "done", "traffic", "changed", "actions", "done", "dialog", "refused", "limit"),
        "traffic",
    ]
    assert told[0] == f"Opened in a browser: {WHY}"
    assert (
        told[1].split("\n")[0] == "Too dear."
        and "fill [3] Your bid: 50" in told[1]
        and told[1].endswith("click [4] Bid")
    )
    assert told[2] == "2 of 2 done." and told[3] == "1 live message sent, 300 live messages received"
    assert told[4].endswith("New: Price 299")
    assert "click [9]" in told[5] and told[6] == "1 of 2 done, then this happened: A dialog"
    assert "(confirm)" in told[7] and "Really?" in told[7] and "accepted" in told[7]
    assert "https://cdn.example.org/x.js" in told[8] and "2 calls of the model" in told[9]

    traffic = auction.locator("[data-kind=traffic]").first
    assert not traffic.get_by_text('{"price": 299, "by": "P2"}').is_visible()
    traffic.locator("summary").click()
    assert traffic.get_by_text('{"price": 299, "by": "P2"}').is_visible()
    assert 'sent {"bid": 50}' in traffic.inner_text()
    last = auction.inner_text().partition("What the page sent in the end")[2]
    assert "seconds_on_page" in last and "deals" in last and "Enough." not in auction.inner_text()

    assert "Left without touching any of its controls" in ranking.inner_text()
    assert page.get_by_text("Left without touching").count() == 1
