"""What a launch will take: reckoned from what is known, and shown on the launch page."""

from __future__ import annotations

import json
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest

from otree_botex.admin import expectation as e
from otree_botex.environment import probe
from otree_botex.parameters import Parameters

from ..servers import wait_until

WAIT_SECONDS = 120


def took(model, calls, tokens, cost=None, **how):
    return e.Took(model, e.Span(calls, calls), e.Span(tokens, tokens), e.Span(10, 10), cost, **how)


def expected(model, seats, memory, *others, images=False):
    return e.expected(Parameters(model, memory=memory, images=images), seats, *others)


def test_bots_of_the_model_itself_count_first():
    earlier = e.Earlier([took("a", 3, 100, 0.5), took("a", 5, 200, 0.25), took("b", 90, 9000, 7.0)])
    found = expected("a", 4, "full", earlier, e.Pages(2, 1), e.Price(1, 1), False)
    assert (found.calls, found.tokens, found.cost) == (e.Span(12, 20), e.Span(440, 840), e.Span(1.0, 2.0))
    assert "2 bots of this model" in found.source and "the code as it is now" in found.source


def test_then_bots_of_other_models_at_this_ones_price():
    earlier = e.Earlier([took("b", 3, 100, 0.5), took("random", 50, 0)], (), False)
    found = expected("a", 2, "full", earlier, e.Pages(2, 1), e.Price(0.01, 0.1), False)
    assert found.calls == e.Span(6, 6)
    assert found.cost == e.Span(pytest.approx(2 * (1 + 1)), pytest.approx(2 * (1 + 1)))
    assert "1 bot of other models" in found.source and "other code than it has now" in found.source
    assert expected("a", 2, "full", earlier, e.Pages(2, 1), None, False).cost is None
    free = expected("a", 2, "full", earlier, e.Pages(2, 1), None, True)
    assert free.is_free and free.cost == e.NOTHING


def test_then_the_pages_that_random_bots_were_asked_about():
    asked = [e.by_asked([4000, 8000], "full"), e.by_asked([4000, 4000], "none")]
    earlier = e.Earlier([took("random", 400, 0)], asked)
    found = expected("a", 1, "full", earlier, e.Pages(9, 9), None, False)
    assert found.calls == e.Span(2, 4) and found.tokens.low == 3000 + 80
    assert "1 bot with random answers" in found.source
    assert expected("a", 1, "none", earlier, e.Pages(9, 9), None, False).tokens.low == 2000 + 80
    assert "number of pages alone" in expected("a", 1, "summary", earlier, e.Pages(9, 9), None, False).source
    own = expected("random", 3, "full", earlier, e.Pages(9, 9), None, True)
    assert (own.calls, own.tokens, own.cost) == (e.Span(1200, 1200), e.NOTHING, e.NOTHING)


def test_else_the_number_of_pages_which_is_rough():
    found = expected("a", 1, "full", e.Earlier(), e.Pages(6, 4), None, False)
    assert found.calls == e.Span(4, 10) and 0 < found.tokens.low < found.tokens.high
    assert "roughly" in found.source and "Check this experiment" in found.source
    forgetful = expected("a", 1, "none", e.Earlier(), e.Pages(6, 4), None, False)
    assert forgetful.tokens.high < found.tokens.high


def test_bots_with_another_memory_or_pictures_are_no_measure():
    """Without memory a model reads each page once; with all of it, each page again with every later one."""
    pilot = [took("a", 40, 40_000, 0.1, memory="none"), took("b", 40, 600_000, 2.0)]
    found = expected("a", 1, "full", e.Earlier(pilot), e.Pages(40, 40), e.Price(0.00001, 0), False)
    assert found.tokens == e.Span(600_010, 600_010) and found.cost == e.Span(pytest.approx(6), pytest.approx(6))
    assert "1 bot of other models" in found.source
    assert "Not counted: 1 bot with another setting of memory or pictures." in found.source
    again = expected("a", 1, "none", e.Earlier(pilot), e.Pages(40, 40), None, False)
    assert again.cost == e.Span(0.1, 0.1) and "Not counted" not in again.source
    seeing = expected("a", 1, "full", e.Earlier(pilot), e.Pages(40, 40), None, False, images=True)
    assert seeing.tokens.high > 600_010 and "very roughly" in seeing.source
    assert "Not counted: 2 bots" in seeing.source and "Pictures come on top." in seeing.source


def test_only_what_is_free_is_said_to_be():
    """A row without seats costs nothing, and a mix of paid and free models is not free."""
    paid = expected("a", 0, "full", e.Earlier([took("a", 3, 100, 0.5)]), e.Pages(2, 1), None, False)
    free = expected("random", 3, "full", e.Earlier(), e.Pages(2, 1), None, True)
    assert (e.said_cost(paid.cost), paid.is_free) == ("$0", False)
    assert (e.total([free, free]).is_free, e.total([free, paid]).is_free) == (True, False)


def test_the_whole_has_a_cost_if_each_row_has():
    known = e.Expected(e.Span(1, 2), e.Span(10, 20), e.Span(0.5, 1), "A.")
    unknown = e.Expected(e.Span(3, 4), e.Span(30, 40), None, "B.")
    assert e.total([known, known]).cost == e.Span(1.0, 2) and e.total([known, known]).source == "A."
    whole = e.total([known, unknown])
    assert (whole.calls, whole.cost, whole.source) == (e.Span(4, 6), None, "A. B.")


def test_numbers_are_said_as_far_as_their_figures_mean_something():
    assert [e.said(e.Span(*both)) for both in ((3, 3), (12.4, 999), (1234, 98765))] == ["3", "12–999", "1,230–98,800"]
    assert [e.said(e.Span(one, one)) for one in (9_994, 9_995, 99_960, 999_999)] == [
        "9,990",
        "10,000",
        "100,000",
        "1,000,000",
    ]
    costs = [(0.00001, 0.25), (1.5, 1.5), (0.5, 12)]
    assert [e.said_cost(e.Span(*both)) for both in costs] == ["$0.000010–$0.25", "$1.50", "$0.50–$12.00"]
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
    assert any("Limits of calls or tokens work all the same" in warning for warning in found["warnings"])


@pytest.mark.server
def test_a_price_is_found_when_litellm_is_there(start_server):
    """The launch page was open before the bots' environment was made."""
    pytest.importorskip("litellm")
    server = start_server()
    session = server.session("dictator_de", 1)

    def cost():
        found = outlook(server, session, model="openai/gpt-4.1-mini")
        return not found["pending"] and found["total"]["cost"]

    assert wait_until(cost, WAIT_SECONDS, "litellm is not there") == "not known"
    python = server.folder / ".otree_botex/venv/bin/python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    token = {"csrftoken": server.csrf_token("/LLMBotsSettings")}
    server.http.post(f"{server.url}/LLMBotsSettings", data=token).raise_for_status()
    assert wait_until(cost, WAIT_SECONDS, "litellm was asked").startswith("$0.0")


@pytest.mark.server
def test_a_limit_for_each_bot_is_compared_with_each_row(start_server):
    """What bots of one row do not take is not left for those of another one."""
    server = start_server()
    session = server.session("dictator_de", 10)
    rows = json.dumps([{"model": "nosuch/model", "seats": 1}, {"model": "random"}])
    warnings = outlook(server, session, rows=rows, budget_bot_tokens=300, budget_tokens=100_000)["warnings"]
    assert [one for one in warnings if "limit of" in one] == [
        "The limit of 300 tokens for each bot of nosuch/model will be reached; bots pause then."
    ]
    warnings = outlook(server, session, model="nosuch/model", budget_bot_tokens=300)["warnings"]
    assert "The limit of 300 tokens for each bot will be reached; bots pause then." in warnings


@pytest.mark.server
def test_only_bots_that_asked_a_model_on_all_pages_count(start_server):
    """Not a replay, nor bots whose server told no tokens, that had a reply from the cache, or that took a seat over."""
    server = start_server()
    session = server.session("dictator_de", 1)
    server.play("dictator_de", 5)
    server.end()
    with closing(sqlite3.connect(server.folder / "db.sqlite3")) as database:
        ((stored,),) = database.execute("select rows_json from otree_botex_launch")
        (row,) = json.loads(stored)
        models = ({"model": "nosuch/model"}, {"model": "replay:x"}, {"model": "nosuch/model", "cache": True})
        rows = [{**row, "parameters": {**row["parameters"], **one}} for one in models]
        database.execute("update otree_botex_launch set rows_json = ?", [json.dumps(rows)])
        database.execute("update otree_botex_bot set calls = 2, input_tokens = 1000, output_tokens = 20")
        database.execute("update otree_botex_bot set cost = 0.5, unpriced = 1")
        database.execute("update otree_botex_bot set row = 1 where number = 2")
        database.execute("update otree_botex_bot set input_tokens = 0, output_tokens = 0 where number = 3")
        database.execute("update otree_botex_bot set row = 2 where number = 4")
        database.execute(
            "update otree_botex_message set from_cache = 1 where role = 'assistant' and bot_id in "
            "(select id from otree_botex_bot where number = 4)"
        )
        database.execute("update otree_botex_bot set started_at = started_at + 1000 where number in (1, 5)")
        database.execute(
            "update otree_botex_step set page_number = 2 where number = 1 and bot_id in "
            "(select id from otree_botex_bot where number = 5)"
        )
        database.commit()
    server.start()
    found = outlook(server, session, model="nosuch/model")
    assert "from 1 bot of this model" in found["source"] and found["total"]["tokens"] == "1,020"
    assert found["total"]["cost"] == "not known"  # some of its replies had no known price
