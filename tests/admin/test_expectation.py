"""What a launch will take: reckoned from what is known, and shown on the launch page."""

from __future__ import annotations

import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest

from otree_botex.admin import expectation as e
from otree_botex.environment import probe

from ..servers import wait_until

WAIT_SECONDS = 120


def took(model, calls, tokens, cost=None):
    return e.Took(model, e.Span(calls, calls), e.Span(tokens, tokens), e.Span(10, 10), cost)


def test_bots_of_the_model_itself_count_first():
    earlier = e.Earlier([took("a", 3, 100, 0.5), took("a", 5, 200, 0.25), took("b", 90, 9000, 7.0)])
    found = e.expected("a", 4, "full", earlier, e.Pages(2, 1), e.Price(1, 1), False)
    assert (found.calls, found.tokens, found.cost) == (e.Span(12, 20), e.Span(440, 840), e.Span(1.0, 2.0))
    assert "2 bots of this model" in found.source and "the code as it is now" in found.source


def test_then_bots_of_other_models_at_this_ones_price():
    earlier = e.Earlier([took("b", 3, 100, 0.5), took("random", 50, 0)], (), False)
    found = e.expected("a", 2, "full", earlier, e.Pages(2, 1), e.Price(0.01, 0.1), False)
    assert found.calls == e.Span(6, 6)
    assert found.cost == e.Span(pytest.approx(2 * (1 + 1)), pytest.approx(2 * (1 + 1)))
    assert "1 bot of other models" in found.source and "other code than it has now" in found.source
    assert e.expected("a", 2, "full", earlier, e.Pages(2, 1), None, False).cost is None
    assert e.said_cost(e.expected("a", 2, "full", earlier, e.Pages(2, 1), None, True).cost) == "free"


def test_then_the_pages_that_random_bots_were_asked_about():
    earlier = e.Earlier([took("random", 400, 0)], [e.by_asked([4000, 8000])])
    found = e.expected("a", 1, "full", earlier, e.Pages(9, 9), None, False)
    assert found.calls == e.Span(2, 4) and found.tokens.low == 3000 + 80
    assert "random answers" in found.source
    own = e.expected("random", 3, "full", earlier, e.Pages(9, 9), None, True)
    assert (own.calls, own.tokens, own.cost) == (e.Span(1200, 1200), e.NOTHING, e.NOTHING)


def test_else_the_number_of_pages_which_is_rough():
    found = e.expected("a", 1, "full", e.Earlier(), e.Pages(6, 4), None, False)
    assert found.calls == e.Span(4, 10) and 0 < found.tokens.low < found.tokens.high
    assert "roughly" in found.source and "Check this experiment" in found.source
    forgetful = e.expected("a", 1, "none", e.Earlier(), e.Pages(6, 4), None, False)
    assert forgetful.tokens.high < found.tokens.high


def test_the_whole_has_a_cost_if_each_row_has():
    known = e.Expected(e.Span(1, 2), e.Span(10, 20), e.Span(0.5, 1), "A.")
    unknown = e.Expected(e.Span(3, 4), e.Span(30, 40), None, "B.")
    assert e.total([known, known]).cost == e.Span(1.0, 2) and e.total([known, known]).source == "A."
    whole = e.total([known, unknown])
    assert (whole.calls, whole.cost, whole.source) == (e.Span(4, 6), None, "A. B.")


def test_numbers_are_said_as_far_as_their_figures_mean_something():
    assert [e.said(e.Span(*both)) for both in ((3, 3), (12.4, 999), (1234, 98765))] == ["3", "12–999", "1,230–98,800"]
    costs = [(0.00001, 0.25), (1.5, 1.5), (0.5, 12)]
    assert [e.said_cost(e.Span(*both)) for both in costs] == ["$0.0001–0.2500", "$1.50", "$0.5000–12.00"]
    assert e.said_cost(None) == "not known"


def test_prices_are_litellms():
    pytest.importorskip("litellm")
    found = probe(Path(sys.executable), ["openai/gpt-4.1-mini", "nosuch/model"])
    assert set(found.prices) == {"openai/gpt-4.1-mini"} and not found.errors
    into, out = found.prices["openai/gpt-4.1-mini"]
    assert 0 < into < out < 0.001
    assert probe(Path(sys.executable)).prices == {}


def outlook(server, session, **form):
    return server.post_form(f"/LLMBots/{session}/expect", session, **{"which_seats": "all", **form}).json()


@pytest.mark.server
@pytest.mark.parametrize("otree", ["6", "5"])
def test_the_page_learns_from_earlier_launches(start_server, otree):
    """First by the number of pages, then by what random bots met, then by what a model took, and with which code."""
    python = sys.executable if pytest.importorskip("litellm") else ""
    server = start_server(otree, environment={"OTREE_BOTEX_PYTHON": python})
    session = server.session("public_goods", 3)
    rough = outlook(server, session, model="openai/gpt-4.1-mini")
    assert "very roughly" in rough["source"] and rough["total"]["seats"] == 3
    server.play("public_goods", 3)
    asked = outlook(server, session, model="openai/gpt-4.1-mini")
    assert "the pages that 3 bots with random answers" in asked["source"]
    priced = wait_until(
        lambda: (found := outlook(server, session, model="openai/gpt-4.1-mini")) and not found["pending"] and found,
        WAIT_SECONDS,
        "prices were found",
    )
    assert priced["total"]["cost"].startswith("$0.00") and priced["total"]["calls"] == "3–6"
    random = outlook(server, session, model="random")
    assert (random["total"]["cost"], random["total"]["tokens"]) == ("free", "0")
    server.end()
    with closing(sqlite3.connect(server.folder / "db.sqlite3")) as database:
        database.execute(
            "update otree_botex_launch set rows_json = replace(rows_json, '\"random\"', '\"nosuch/model\"')"
        )
        database.execute(
            "update otree_botex_bot set calls = number, input_tokens = 1000, output_tokens = 20, cost = 0.5"
        )
        database.commit()
    server.start()
    own = outlook(server, session, model="nosuch/model", which_seats="number", number=2)
    assert own["total"] == {"seats": 2, "calls": "2–6", "tokens": "2,040", "cost": "$1.00"}
    assert "3 bots of this model" in own["source"] and "the code as it is now" in own["source"]
    template = server.folder / "public_goods" / "Contribute.html"
    template = template if template.exists() else next((server.folder / "public_goods").glob("*.html"))
    template.write_text(template.read_text("utf-8") + "<!-- changed -->", "utf-8")
    server.end()
    server.start()
    assert "other code than it has now" in outlook(server, session, model="nosuch/model")["source"]


@pytest.mark.server
def test_without_a_price_the_cost_is_said_not_to_be_known(start_server):
    server = start_server()
    session = server.session("dictator_de", 1)
    found = wait_until(
        lambda: (found := outlook(server, session, model="nosuch/model")) and not found["pending"] and found,
        WAIT_SECONDS,
        "it is known that there is no price",
    )
    assert found["total"]["cost"] == "not known"
    assert any("Limits in calls or tokens work all the same" in warning for warning in found["warnings"])
