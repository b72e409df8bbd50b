"""People play the experiments whose pages live by their scripts, on both versions of oTree."""

from __future__ import annotations

import pytest

from ..servers import of_app, wait_until

pytestmark = [pytest.mark.server, pytest.mark.browser]

both_versions = pytest.mark.parametrize("otree", ["6", "5"])


@both_versions
def test_questions_that_scripts_answer(start_server, person, otree):
    """What a script writes into a hidden field is saved, and a page is not left without it."""
    server = start_server(otree)
    session = server.session("by_script", 1)
    person.enter(server, session, 1)
    page = person.page
    refused = page.locator(".form-control-errors")
    coming = []
    page.route("**/season.json", lambda route: coming.append(route))

    _leave_in_vain(person)
    for card in ("Work", "Health", "Friends"):
        page.locator(f"#card-{card}").drag_to(page.locator("#order"))
    _leave_in_vain(person)  # one card is missing, and all of them are back
    for card in ("Work", "Health", "Friends"):
        page.locator(f"#card-{card}").drag_to(page.locator("#order"))
    page.locator("#card-Family").drag_to(page.locator("#order #card-Health"))
    assert page.locator("#order > *").all_inner_texts() == ["Work", "Family", "Health", "Friends"]
    person.go_on()

    person.meet("Saving")
    _leave_in_vain(person)
    page.get_by_role("slider").fill("70")
    page.get_by_text("Your answer: 70 euros").wait_for()
    person.go_on()

    person.meet("Choose a gamble")
    _leave_in_vain(person)
    page.get_by_text("Gamble 1").click()
    page.get_by_text("Gamble 3").click()
    page.get_by_text("Your choice: Gamble 3").wait_for()
    person.go_on()

    person.meet("Have you understood?")
    check, onward = page.get_by_role("button", name="Check my answers"), page.get_by_role("button", name="Next")
    check.click()
    page.get_by_text("Please answer both questions.").wait_for()
    page.get_by_label("10 coins").check()
    page.get_by_label("Player B", exact=True).check()
    check.click()
    page.get_by_text("Not all of it is right.").wait_for()
    assert not onward.is_visible()
    page.get_by_label("15 coins").check()
    assert not page.get_by_label("10 coins").is_checked()
    check.click()
    person.go_on()

    person.meet("Type these words")
    page.get_by_role("button", name="Done").click()
    refused.wait_for()
    page.get_by_label("Type the words here").press_sequentially("river Lamp wrong seven")
    page.get_by_text("Right words: 3").wait_for()
    page.get_by_role("button", name="Done").click()

    person.meet("One last question")
    assert not onward.is_visible()  # its question is still on its way
    wait_until(lambda: page.title() and coming, 30, "it is asked for")
    coming[0].continue_()
    page.get_by_label("Winter").check()
    person.go_on()
    person.meet("Your answers")
    assert "Work,Family,Health,Friends" in page.inner_text("table")
    person.end()
    row = server.wide(session)[0]
    names = ("ranking", "saved", "gamble", "wrong_tries", "words_typed", "season")
    saved = [row[f"by_script.1.player.{name}"] for name in names]
    assert saved == ["Work,Family,Health,Friends", "70", "3", "1", "3", "Winter"]
    assert float(row["by_script.1.player.payoff"]) in (20, 44)


@both_versions
def test_a_counter_offer_is_accepted(start_server, new_person, otree):
    server = start_server(otree)
    session, (first, second) = _all_enter(server, new_person, "counter_offers", 2)
    second.page.get_by_text("Please wait for the other player.").wait_for()
    _offer(first, 101)
    first.page.get_by_text("Please offer a whole number from 0 to 100.").wait_for()
    _offer(first, 30)
    second.page.get_by_text("The other player offered you 30 of 100, to keep 70.").wait_for()
    assert not second.page.get_by_role("button", name="Reject").is_visible()
    _offer(second, 40)
    first.page.get_by_role("button", name="Accept").click()
    second.page.get_by_text("It is settled: you get 50 coins.").wait_for()
    for someone in (first, second):
        someone.meet("Results")  # by itself
        someone.end()
    rows = server.wide(session)
    assert [row["counter_offers.1.player.share"] for row in rows] == ["40", "50"]
    assert [float(row["counter_offers.1.player.payoff"]) for row in rows] == [40, 50]


def test_all_offers_are_rejected(start_server, new_person):
    server = start_server()
    session, (first, second) = _all_enter(server, new_person, "counter_offers", 2)
    for someone in (first, second, first, second, first):
        _offer(someone, 60)
    second.page.get_by_role("button", name="Reject").click()
    for someone in (first, second):
        someone.meet("Results")
        assert "All 5 offers were rejected" in someone.page.inner_text("body")
    answers = [line.split(",")[-1] for line in server.custom_export("counter_offers", session)]
    assert answers == ["rejected"] * 5


@both_versions
def test_trades_are_at_the_standing_prices(start_server, new_person, otree):
    server = start_server(otree)
    session, traders = _all_enter(server, new_person, "auction", 4, auction_seconds=300)
    first_buyer, first_seller, second_buyer, second_seller = traders
    _name_price(first_buyer, 30)
    _name_price(second_buyer, 35)
    first_seller.page.get_by_role("button", name="Sell at 35").wait_for()
    _name_price(first_seller, 60)
    _name_price(second_seller, 55)
    first_buyer.page.get_by_role("button", name="Buy at 55").click()
    second_seller.page.get_by_text("No. 1 at 55 (you sold)").wait_for()
    bids = second_buyer.page.locator("#bids")
    wait_until(lambda: bids.inner_text() == "35 (yours)", 30, "the other's bid has gone with the trade")
    _name_price(second_seller, 0)
    second_seller.page.get_by_text("Please name a whole number from 1 to 100.").wait_for()
    _name_price(second_seller, 20)
    second_seller.page.get_by_text("You have traded all your units.").wait_for()
    _name_price(first_buyer, 70)
    first_buyer.page.get_by_text("No. 3 at 60 (you bought)").wait_for()
    _name_price(first_seller, 40)
    second_buyer.page.get_by_role("button", name="Buy at 40").click()
    for trader in traders:  # before the time is over, since nothing is left to sell
        trader.meet("Results")
        assert "in the order of the trades: 55, 35, 60, 40." in trader.page.inner_text("body")
        trader.end()
    rows = [of_app(row, "auction") for row in server.wide(session)]
    prices = [(row["price_1"], row["price_2"]) for row in rows]
    assert prices == [("55", "60"), ("60", "40"), ("35", "40"), ("55", "35")]
    for row in rows:
        gain = sum(int(row[f"worth_{unit}"]) - int(row[f"price_{unit}"]) for unit in (1, 2))
        assert int(row["profit"]) == (gain if row["is_buyer"] == "1" else -gain) == float(row["payoff"])


def test_the_market_closes_when_the_time_is_over(start_server, new_person):
    server = start_server()
    session, (buyer, seller) = _all_enter(server, new_person, "auction", 2, auction_seconds=25)
    _name_price(seller, 80)
    buyer.page.get_by_role("button", name="Buy at 80").wait_for()
    for trader in (buyer, seller):
        trader.meet("Results")
        assert "You have not traded." in trader.page.inner_text("body")
    (offer,) = server.custom_export("auction", session)
    assert ",offer,," in offer and ",80," in offer and offer.endswith(",standing")


@both_versions
def test_a_talk_on_a_live_page(start_server, new_person, otree):
    server = start_server(otree)
    session, people = _all_enter(server, new_person, "live_chat", 3, chat_seconds=300)
    said = 'Water, not "more" & not <b>less</b>. Großzügig? 好的 👍'
    box, one, *others = people[0].page.get_by_label("Your message"), *people
    box.fill(said)
    one.page.get_by_role("button", name="Send").click()
    for other in others:
        other.page.get_by_text(f"Participant 1: {said}").wait_for()
    others[0].page.get_by_label("Your message").fill("Yes.")
    others[0].page.get_by_label("Your message").press("Enter")
    one.page.get_by_text("Participant 2: Yes.").wait_for()
    for someone in people:
        assert not someone.page.get_by_role("button", name="Next").is_visible()
        someone.page.get_by_role("button", name="I am done").click()
    for someone in people:
        someone.go_on()
        someone.meet("After the talk")
        someone.page.get_by_label("Clean water").check()
        someone.end()
    assert [row["live_chat.1.player.agreed"] for row in server.wide(session)] == ["Clean water"] * 3


def _all_enter(server, new_person, experiment, number, **config_fields):
    """A session with people on all seats, who have read the instructions."""
    session = server.session(experiment, number, **config_fields)
    people = [new_person() for _ in range(number)]
    for seat, someone in enumerate(people, 1):
        someone.enter(server, session, seat)
        someone.go_on()
    for someone in people:
        someone.go_live()
    return session, people


def _leave_in_vain(person):
    with person.page.expect_navigation():
        person.go_on()
    person.page.locator(".otree-form-errors").wait_for()


def _offer(person, amount):
    person.page.get_by_label("How much").fill(str(amount))
    person.page.get_by_role("button", name="offer").click()


def _name_price(trader, price):
    trader.page.get_by_label("at which price").fill(str(price))
    trader.page.locator("#offer").click()
