"""Bots play the experiments whose pages live by their scripts: at random, by a plan, and with people."""

from __future__ import annotations

import re
import sys
from collections import Counter

import pytest

from ..benchmarks import stub
from ..servers import of_app
from .test_demo import IN_BROWSER

pytest.importorskip("playwright")

pytestmark = [pytest.mark.server, pytest.mark.browser]

BOTS = {"OTREE_BOTEX_PYTHON": sys.executable}
SHORT = {"auction_seconds": 90, "chat_seconds": 90}
VALUES = {"Family", "Friends", "Health", "Work"}


@pytest.mark.parametrize("otree", ["6", "5"])
def test_random_bots_decide_on_every_page(start_server, otree):
    """What oTree has stored in the end is what bots did in the browser and what scripts made of it."""
    server = start_server(otree, environment=BOTS)
    played = {}
    for experiment, seats in IN_BROWSER.items():
        session = server.session(experiment, seats, **SHORT)
        played[experiment] = session, server.launch(session, seed=4), seats
    for session, _, seats in played.values():
        server.finish(session, seats, seconds=600)
    for session, launch, _ in played.values():
        manifest = server.get(f"/api/llm_bots/launch/{launch}/manifest")
        assert [seat["untouched"] for seat in manifest["seats"]] == [0] * len(manifest["seats"])
        steps = server.export(session, "steps")
        assert {row["driver"] for row in steps if row["kind"] in ("wait", "end")} == {"http"}
        assert {row["untouched"] for row in steps} <= {"", "0", "False"}
        assert all(int(row["attempts"]) > 0 for row in steps if row["driver"] == "browser")
    assert server.tracebacks() == []

    session, launch, _ = played["by_script"]
    sent = _forms(server.events(session, launch))
    for participant, row in server.by_participant(session).items():
        own = of_app(row, "by_script")
        assert set(own["ranking"].split(",")) == VALUES and own["season"] in ("Spring", "Summer", "Autumn", "Winter")
        names = ("ranking", "saved", "gamble", "wrong_tries", "words_typed", "season")
        assert {name: own[name] for name in names} == sent[participant]

    session, launch, _ = played["auction"]
    named = _prices(server.events(session, launch))
    rows = [of_app(row, "auction") for row in server.wide(session)]
    prices = [int(row[name]) for row in rows for name in ("price_1", "price_2") if row[name]]
    assert named and set(prices) <= set(named) and len(prices) % 2 == 0
    if otree == "6":
        offers = [line.split(",") for line in server.custom_export("auction", session)]
        stored = Counter(int(offer[4]) for offer in offers if offer[1] == "offer")
        assert stored and not stored - Counter(named)  # the others were refused: nothing was left to trade
        assert sorted(2 * [int(offer[4]) for offer in offers if offer[1] == "trade"]) == sorted(prices)

    session, launch, _ = played["counter_offers"]
    said = [event["data"]["message"] for event in _of(server.events(session, launch), "live out")]
    amounts = [message["amount"] for message in said if message["type"] == "offer"]
    shares = [int(row["counter_offers.1.player.share"]) for row in server.wide(session)]
    assert amounts and sum(shares) in (0, 60, 70, 80, 90, 100)
    assert not sum(shares) or any(share in amounts for share in shares)

    session, launch, _ = played["live_chat"]
    texts, done = [], set()
    for event in _of(server.events(session, launch), "live out"):
        message = event["data"]["message"]
        if message["type"] == "done":
            done.add(event["seat"])
        elif message["type"] == "say" and message["text"].strip() and event["seat"] not in done:  # not taken any more
            texts.append(message["text"])
    assert texts or done
    if otree == "6":
        assert Counter(line.split(",")[3] for line in server.custom_export("live_chat", session)) == Counter(texts)


def test_a_model_trades_at_the_prices_that_it_names(start_server):
    """A seller asks 57, which the buyer accepts, and then 63, which the buyer meets with a bid."""
    with stub.running(_trade) as model:
        settings = f"LLM_BOTS = dict(models=[dict(model='openai/trader', api_base='{model.api_base}')])"
        server = start_server(environment=BOTS, settings=settings)
        session = server.session("auction", 2, auction_seconds=120)
        launch = server.launch(session, "openai/trader")
        server.finish(session, 2, seconds=180)
    for row in server.wide(session):
        assert (row["auction.1.player.price_1"], row["auction.1.player.price_2"]) == ("57", "63")
    events = server.events(session, launch)
    buyer, seller = ([event for event in events if event["seat"] == seat] for seat in (1, 2))
    said = [[event["data"]["message"] for event in _of(some, "live out")] for some in (buyer, seller)]
    assert [message.get("price") for message in said[1] if message["type"] == "offer"] == [57, 63]
    assert [message["type"] for message in said[0] if message["type"] != "look"] == ["accept", "offer"]
    heard = [event["data"]["message"]["live_method_payload"] for event in _of(buyer, "live in")]
    assert heard[-1]["trades"] == [{"price": 57, "mine": True}, {"price": 63, "mine": True}] and heard[-1]["closed"]
    plans = [event["data"] for event in _of(seller, "actions")]
    asked = [plan for plan in plans if plan["actions"][0]["do"] == "fill"]
    assert [plan["actions"][0]["value"] for plan in asked] == [57, 63]
    assert asked[0]["reason"] == "57 is a good price." and asked[0]["actions"][1]["do"] == "click"
    done = [event["data"] for event in _of(seller, "done")]
    assert done[plans.index(asked[0])] == {"done": 2, "of": 2, "surprise": "", "failed": ""}
    told = [event["data"]["text"] for event in _of(buyer, "changed")]
    assert any('button "Buy at 57"' in text for text in told)
    assert any("New: No. 1 at 57 (you bought)" in text for text in told)


def test_people_and_bots_trade_in_one_auction(start_server, person):
    """A person who asks little, of buyers that draw their prices from 1 to 100, sells both units to bots."""
    server = start_server(environment=BOTS)
    session = server.session("auction", 4, auction_seconds=75)
    person.enter(server, session, 2)
    person.go_on()
    launch = server.launch(session)
    person.meet("The market is open")
    person.go_live()
    for sold in (1, 2):
        person.page.get_by_label("at which price").fill("2")
        person.page.locator("#offer").click()
        person.page.locator("#trades td", has_text="you sold").nth(sold - 1).wait_for(timeout=60_000)
    person.meet("Results")
    seen = person.page.get_by_role("table").first.inner_text()
    person.end()
    server.finish(session, 3)
    rows = [of_app(row, "auction") for row in server.wide(session)]
    prices = [int(rows[1][name]) for name in ("price_1", "price_2")]
    assert [int(price) for price in re.findall(r"^[12]\s+\d+\s+(\d+)\s", seen, re.MULTILINE)] == prices
    bought = [int(row[name]) for row in (rows[0], rows[2]) for name in ("price_1", "price_2") if row[name]]
    assert not Counter(prices) - Counter(bought)
    lives = _of(server.events(session, launch), "live in")
    assert any(len(event["data"]["message"]["live_method_payload"].get("trades", ())) >= 2 for event in lives)


def _trade(messages, _):
    """What a trader does who goes by a plan and by what the page shows: sellers want 57 and then 63, buyers pay it."""
    texts = [message["content"] for message in messages]
    page, news = next(text for text in texts[::-1] if "number field" in text), texts[-1]
    wait = {"reason": "I wait for the others.", "actions": [{"do": "wait", "seconds": 60}]}
    found = [
        re.search(rf"\[(\d+)\] {what}", page)
        for what in ("number field", 'button "(?:Bid|Ask)"', 'button "(?:Buy|Sell) ')
    ]
    if not all(found):  # the page has not heard yet what it begins with
        return wait
    field, offer, accept = (int(one[1]) for one in found)

    def name(price):
        actions = [{"do": "fill", "control": field, "value": price}, {"do": "click", "control": offer}]
        return {"reason": f"{price} is a good price.", "actions": actions}

    told = "\n".join(texts)

    def has_named(price):  # it said so, or is reminded of it where the page is shown anew
        return f"{price} is a good price." in told or f"write {price} into" in told

    if "You are a **seller**" in told:
        if not has_named(57):
            return name(57)
        if not has_named(63) and "No. 1 at 57 (you sold)" in told:
            return name(63)
    elif 'button "Buy at 57"' in news and not ("57 will do." in told or "button “Buy at 57”" in told):
        return {"reason": "57 will do.", "actions": [{"do": "click", "control": accept}]}
    elif 'button "Buy at 63"' in news and not has_named(63):
        return name(63)
    return wait


def _of(events, what):
    return [event for event in events if event["what"] == what]


def _forms(events):
    """By participant, all that the pages' forms sent."""
    sent = {}
    for event in _of(events, "form"):
        sent.setdefault(event["participant"], {}).update(event["data"]["entries"])
    return sent


def _prices(events):
    """The valid prices that bots named."""
    said = [event["data"]["message"] for event in _of(events, "live out")]
    return [message["price"] for message in said if message["type"] == "offer" and 1 <= message["price"] <= 100]
