"""People and bots in one session: a person plays in a real browser, the other seats are played by bots."""

from __future__ import annotations

import json
import re

import pytest

from ..servers import edit, wait_until

pytestmark = [pytest.mark.server, pytest.mark.browser]


def test_public_goods(start_server, person):
    server = start_server()
    session = server.session("public_goods", 3)
    person.enter(server, session, 1)
    server.launch(session)
    person.meet("Instructions")
    person.go_on()
    person.page.get_by_label("How much do you contribute").fill("40")
    person.go_on()
    person.meet("Results")
    contributions = [float(row["public_goods.1.player.contribution"]) for row in server.wide(session)]
    assert contributions[0] == 40
    assert f"{sum(contributions):.0f} points" in person.page.get_by_role("row", name="All three").inner_text()
    person.end()
    _all_bots_finish(server, session, 2)


@pytest.mark.parametrize("otree", ["6", "5"])
def test_the_person_is_sender_and_the_bots_wait_on_a_page_with_content(start_server, person, otree):
    """Pairing by arrival puts the person with a bot; all pairs are waited for at the end."""
    server = start_server(otree)
    session = server.session("trust", 4)
    person.enter(server, session, 1)
    person.meet("You are being paired")
    server.launch(session)
    person.meet("You are the sender")
    wait_until(lambda: _waiting_at(server, session, "SendWaitPage"), 30, "the paired bot waits for the person")
    wait_until(lambda: _waiting_at(server, session, "ResultsWaitPage") == 2, 30, "the other pair has played")
    person.page.get_by_label("How much do you send").fill("7")
    person.go_on()
    person.meet("Results")
    assert "The sender sent 7 points" in person.page.inner_text("body")
    person.end()
    _all_bots_finish(server, session, 3)
    steps = server.export(session, "steps")
    told = [row for row in steps if "The sender sent you 7 points" in row["text"]]
    rows, pair = server.by_participant(session), "trust.1.group.id_in_subsession"
    first = next(iter(rows.values()))  # the person, whose partner is meant: the other sender may have sent 7, too
    partner = next(row for row in told if rows[row["participant"]][pair] == first[pair])
    seen = [row for row in steps if row["participant"] == partner["participant"]]
    assert [row["page"] for row in seen if "receivers gave back about a third" in row["text"]] == ["SendWaitPage"]


def test_the_person_is_receiver(start_server, person):
    server = start_server()
    session = server.session("trust", 2)
    person.enter(server, session, 2)
    person.meet("You are being paired")
    server.launch(session)
    person.meet("Your decision")
    received = re.search(r"You received (\d+) point", person.page.inner_text("body"))[1]
    person.page.get_by_label("How much do you give back").fill(received)
    person.go_on()
    person.meet("Results")
    assert f"the receiver gave back {received} point" in person.page.inner_text("body")
    person.end()
    _all_bots_finish(server, session, 1)


@pytest.mark.parametrize("otree", ["6", "5"])
def test_bargaining_in_a_chat(start_server, person, otree):
    """Each reads what the other writes, and the bot's record holds the talk as it was."""
    server = start_server(otree)
    session = server.session("bargaining", 2)
    person.enter(server, session, 1)
    server.launch(session, seed=4)
    person.meet("Instructions")
    person.go_on()
    person.meet("Talk, and name your price")
    chat = person.page.locator(".otree-chat")
    message = 'I pay 45, not "more" & not <less>. Großzügig? 好的 👍'
    chat.locator(".otree-chat__input").fill(message)
    chat.get_by_role("button", name="Send").click()
    chat.locator(".otree-chat__msg", has_text=message).filter(has_text="Buyer (Me)").wait_for()
    wait_until(lambda: _waiting_at(server, session, "ResultsWaitPage"), 90, "the bot has named its price")
    said = [line.inner_text() for line in chat.locator(".otree-chat__msg", has_text="Seller").all()]
    person.page.get_by_label("What is the highest price at which you buy?").fill("45")
    person.go_on()
    person.meet("Result")
    price = next(row["bargaining.1.player.price"] for row in server.wide(session)[1:])
    traded = "You traded at a price of" in person.page.inner_text("body")
    assert traded == (float(price) <= 45)
    person.end()
    _all_bots_finish(server, session, 1)
    record = json.loads(next(row["chat"] for row in server.export(session, "steps") if row["page"] == "Talk"))
    assert said and [f"Seller{line['text']}" for line in record if line["mine"]] == said
    assert [line["text"] for line in record if not line["mine"]] == [message]


def test_the_person_lets_the_time_run_out(start_server, person):
    server = start_server()
    session = server.session("bargaining", 2, talk_seconds=15)
    person.enter(server, session, 1)
    server.launch(session)
    person.meet("Instructions")
    person.go_on()
    person.meet("Talk, and name your price")
    person.page.get_by_label("What is the highest price at which you buy?").fill("50")
    person.meet("Result")  # by itself
    assert "You did not trade." in person.page.inner_text("body")
    person.end()
    _all_bots_finish(server, session, 1)
    assert [row["bargaining.1.player.is_late"] for row in server.wide(session)] == ["1", "0"]


def test_a_room_with_labels(start_server, person):
    server = start_server()
    session = server.session("public_goods", 3, room="class")
    person.page.goto(f"{server.url}/room/class")
    person.page.get_by_label("Participant label:").fill("Emmy")
    person.page.get_by_role("button", name="Start").click()
    person.meet("Instructions")
    server.launch(session)
    person.go_on()
    person.page.get_by_label("How much do you contribute").fill("0")
    person.go_on()
    person.meet("Results")
    person.end()
    _all_bots_finish(server, session, 2)
    assert "Emmy" in [participant["label"] for participant in server.get(f"/api/sessions/{session}")["participants"]]


def test_time_limits_and_a_page_that_cannot_be_passed_yet(start_server, person):
    server = start_server()
    edit(server, "memory/__init__.py", "PAUSE_SECONDS = 3", "PAUSE_SECONDS = 12")
    edit(server, "memory/__init__.py", "WORDS_SECONDS = 4", "WORDS_SECONDS = 10")
    session = server.session("memory", 2)
    server.launch(session, bots=1)
    person.enter(server, session, 1)
    person.meet("Please memorise these words")
    assert person.page.get_by_role("button", name="Next").count() == 0
    person.meet("A short pause")  # by itself
    person.go_on()
    person.page.get_by_text("You cannot pass this page yet").wait_for()

    def passed():
        person.go_on()
        return "/Recall/" in person.page.url

    wait_until(passed, 60, "the pause is over")
    person.page.get_by_label("garden").check()
    person.page.get_by_label("Which word came third?").fill("Spoon")
    person.go_on()
    person.meet("Result")
    assert "You earned 20 points" in person.page.inner_text("body")
    person.end()
    _all_bots_finish(server, session, 1)
    assert [row["memory.1.player.is_late"] for row in server.wide(session)] == ["0", "0"]


def test_the_end_is_a_redirect(start_server, person):
    """Both are sent to the panel's site by a redirect: the person's browser goes there, the bot does not."""
    server = start_server()
    session = server.session("attitudes", 2)
    person.enter(server, session, 1)
    server.launch(session)
    page = person.page
    opinions = {"worried": "Agree", "effort": "Strongly agree", "others": "Disagree", "flights": "Agree"}
    for name, label in opinions.items():
        column = page.get_by_role("columnheader").all_inner_texts().index(label)
        page.locator(f"input[name={name}]").nth(column).check()
    person.go_on()
    for label in ("Cheaper train tickets", "New forests", "Research on batteries"):
        page.get_by_label(label).check()
    page.get_by_label("What should a tonne").fill("150")
    person.go_on()
    page.get_by_text("Please choose at most 2 measures: you chose 3.").wait_for()
    page.get_by_text("Your answer: 150 euros").wait_for()
    page.get_by_label("New forests").uncheck()
    person.go_on()
    page.get_by_label("How did you travel").select_option("By coach")
    page.get_by_label("On which day").fill("2024-02-29")
    page.get_by_label("At what time").fill("06:45")
    person.go_on()
    person.meet("Thank you")
    person.go_on()
    page.wait_for_url("https://app.prolific.com/submissions/complete?cc=DEMO1234")
    _all_bots_finish(server, session, 1)
    answers = {
        **{"worried": "4", "effort": "5", "others": "2", "flights": "4", "trains": "1", "solar": "0", "forests": "0"},
        **{"research": "1", "tax": "150", "vehicle": "Coach", "day": "2024-02-29", "hour": "06:45"},
    }
    row = server.wide(session)[0]
    assert {name: row[f"attitudes.1.player.{name}"] for name in answers} == answers


def test_the_end_is_a_link(start_server, person):
    """A price list, with a way back to the instructions, and a last page with a link to the panel's site."""
    server = start_server()
    session = server.session("price_list", 2)
    person.enter(server, session, 1)
    server.launch(session)
    page = person.page
    person.meet("Ten choices")
    page.get_by_role("button", name="How am I paid?").click()
    page.get_by_text("treat each choice as if it were the only one").wait_for()
    person.go_on()
    person.meet("Which lottery do you choose")
    page.get_by_role("button", name="Back").click()
    person.meet("Ten choices")
    person.go_on()
    person.meet("Which lottery do you choose")
    for row in range(1, 11):
        page.locator(f"input[name=choice_{row}][value={'A' if row < 5 else 'B'}]").check()
    person.go_on()
    person.meet("Result")
    person.go_on()
    person.meet("Thank you")
    person.go_on()
    page.get_by_role("link", name="Complete the study on Prolific").click()
    page.wait_for_url("https://app.prolific.com/submissions/complete?cc=DEMO1234")
    _all_bots_finish(server, session, 1)
    row = server.wide(session)[0]
    assert "".join(row[f"price_list.1.player.choice_{number}"] for number in range(1, 11)) == "AAAABBBBBB"


def _waiting_at(server, session, page):
    return sum(bot["state"] == "waiting" and bot["page"] == page for bot in server.bots(session))


def _all_bots_finish(server, session, number):
    bots = server.wait_for_end(session, first_failure=True)
    assert [bot["state"] for bot in bots] == ["finished"] * number, [bot["error"] for bot in bots]
