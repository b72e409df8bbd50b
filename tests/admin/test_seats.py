"""People and bots on the same seat, one after the other: taken over, taken back, and what the data say of it."""

from __future__ import annotations

import json

import pytest
import requests

from otree_botex.records import BOT_COOKIE, STOPPED_HEADER

from ..servers import of_app, wait_until

pytestmark = [pytest.mark.server, pytest.mark.browser]


def seat_of(server, session, number):
    """What the page of the seats knows of one of them."""
    return next(seat for seat in server.get(f"/LLMBots/{session}/seat")["seats"] if seat["seat"] == number)


def change(server, session, number, action, **more):
    """Gives a seat to a bot, or takes it back. Returns the server's answer."""
    token = server.csrf_token(f"/LLMBots/{session}/seats")
    data = {"csrftoken": token, "action": action, "seat": seat_of(server, session, number)["code"], **more}
    headers = {"Accept": "application/json"}
    return server.http.post(f"{server.url}/LLMBots/{session}/seat", data=data, headers=headers, timeout=60)


def row(page, number):
    return page.locator("#llm-bots-seats tbody tr").nth(number - 1)


@pytest.mark.parametrize("otree", ["6", "5"])
def test_a_bot_goes_on_where_a_person_left(start_server, page, person, otree):
    server = start_server(otree)
    session = server.session("public_goods", 3)
    person.enter(server, session, 1)
    person.meet("Instructions")
    person.go_on()
    person.meet("Your contribution")
    server.launch(session, bots=1)  # on P3
    page.goto(f"{server.url}/LLMBots/{session}/seats")
    row(page, 1).get_by_text("person", exact=True).wait_for()
    row(page, 2).get_by_text("nobody yet").wait_for()
    row(page, 3).get_by_text("waiting for others").wait_for(timeout=60_000)
    assert "Contribute" in row(page, 1).inner_text()
    asked = []
    page.on("dialog", lambda dialog: (asked.append(dialog.message), dialog.accept()))
    row(page, 1).get_by_role("button", name="Give to a bot").click()
    page.get_by_text("A bot has taken the seat P1").wait_for()
    assert "P1 is a person's seat" in asked[0]
    row(page, 2).get_by_role("button", name="Give to a bot").click()
    assert len(asked) == 1, "nobody sits on P2"
    server.finish(session, 3)
    row(page, 1).get_by_text("at the end").wait_for()
    pages = [step["page"] for step in server.export(session, "steps") if step["seat"] == "1"]
    assert pages[0] == "Contribute" and "Introduction" not in pages, "it begins where the person was"
    assert all(of_app(one, "otree_botex")["is_bot"] == "1" for one in server.wide(session))


@pytest.mark.parametrize("otree", ["6", "5"])
def test_a_person_goes_on_where_a_bot_was(start_server, page, person, otree):
    server = start_server(otree)
    session = server.session("public_goods", 3)
    server.launch(session, bots=1)
    page.goto(f"{server.url}/LLMBots/{session}/seats")
    row(page, 3).get_by_text("waiting for others").wait_for(timeout=60_000)
    row(page, 3).get_by_role("button", name="Take back from the bot").click()
    page.get_by_text("P3 is free, and waits at ResultsWaitPage. The bot had answered all pages before it.").wait_for()
    link = row(page, 3).get_by_role("link", name="Open its link").get_attribute("href")
    person.page.goto(link)
    person.page.wait_for_url("**/ResultsWaitPage/**")
    server.launch(session)  # on the two others
    person.meet("Results")
    person.end()
    wait_until(lambda: seat_of(server, session, 3)["at_end"], 60, "the person is at the end")
    assert seat_of(server, session, 3)["who"] == "person"
    states = sorted(bot["state"] for bot in server.wait_for_end(session))
    assert states == ["finished", "finished", "stopped"]
    assert of_app(server.wide(session)[2], "otree_botex")["is_bot"] == "1", "the bot had answered pages"
    steps = [step for step in server.export(session, "steps") if step["seat"] == "3"]
    assert [step["page"] for step in steps] == ["Introduction", "Contribute", "ResultsWaitPage"]
    assert server.tracebacks() == []


@pytest.mark.parametrize("otree", ["6", "5"])
def test_from_the_monitor(start_server, page, person, otree):
    server = start_server(otree)
    session = server.session("guess_two_thirds", 3)
    person.enter(server, session, 1)
    person.meet("Instructions")
    page.goto(f"{server.url}/SessionMonitor/{session}")
    page.on("dialog", lambda dialog: dialog.accept())
    control = page.locator("#monitor-table tbody tr").first.locator(".llm-bots-cell")
    control.get_by_text("person").wait_for()
    assert not server.get(f"/LLMBots/{session}/seat")["models_ready"], "nobody wants to know the models yet"
    control.get_by_text("person").click()
    wait_until(lambda: server.get(f"/LLMBots/{session}/seat")["models_ready"], 60, "the models are found")
    control.get_by_role("button", name="Give to a bot").click()
    page.get_by_text("A bot has taken the seat P1").wait_for()
    control.get_by_text("bot: waiting for others").click()
    control.get_by_role("button", name="Take back").click()
    page.get_by_text("P1 is free").wait_for()
    control.get_by_text("free for a person").wait_for()
    person.page.goto(control.get_by_role("link", name="Open its link").get_attribute("href"))
    person.page.wait_for_url("**/p/**")
    wait_until(lambda: person.page.reload() and seat_of(server, session, 1)["who"] == "person", 60, "a person is there")
    control.get_by_text("person", exact=True).wait_for()
    assert page.locator("#monitor-table thead th.llm-bots-cell").count() == 1


def test_nothing_of_a_bot_is_let_in_once_its_seat_is_taken_back(start_server, person):
    """The person has the seat at once, also while the bot is still thinking; and what a seat's data say is true."""
    server = start_server()
    session = server.session("public_goods", 3)
    launch = server.launch(session, bots=1, human_pace=True)  # it will think about its first page for a while
    wait_until(lambda: seat_of(server, session, 3)["page"] == "Introduction", 60, "the bot reads the first page")
    bot = server.bots(session)[0]["bot"]
    reply = change(server, session, 3, "take").json()
    assert "P3 is free, at Introduction. The bot had not answered this page" in reply["said"]
    assert seat_of(server, session, 3)["who"] == "free"
    headers = {"Cookie": f"{BOT_COOKIE}={launch}-{bot}"}
    answer = requests.get(server.links(session)[2], headers=headers, timeout=30, allow_redirects=False)
    assert answer.status_code == 409 and STOPPED_HEADER in answer.headers
    person.enter(server, session, 3)
    person.meet("Instructions")
    person.go_on()
    person.meet("Your contribution")
    (ended,) = server.wait_for_end(session)
    assert ended["state"] == "stopped" and ended["error"] == ""
    data = of_app(server.wide(session)[2], "otree_botex")
    assert (data["is_bot"], data["model"]) == ("0", ""), "a person has played all of it"
    assert change(server, session, 3, "take").json()["error"] == "No bot plays on P3."
    assert change(server, session, 3, "give", model="random").ok
    wait_until(lambda: seat_of(server, session, 3)["page"] == "ResultsWaitPage", 60, "a bot has contributed")
    data = of_app(server.wide(session)[2], "otree_botex")
    assert (data["is_bot"], data["model"]) == ("1", "random")


def test_people_are_counted_where_bots_play_before_them_or_after(start_server):
    server, browser = start_server(), {"User-Agent": "Mozilla/5.0"}
    session = server.session("dictator_de", 3)
    links = server.links(session)
    requests.get(links[0], headers=browser, timeout=30)
    launch = server.launch(session, human_pace=True)  # on P2 and P3, which they have not left yet
    assert change(server, session, 1, "give", model="random").ok
    wait_until(lambda: all(seat_of(server, session, n)["page"] for n in (2, 3)), 60, "they have begun")
    for number in (2, 3):
        change(server, session, number, "take")
    requests.post(requests.get(links[1], timeout=30).url, headers=browser, timeout=30)
    requests.post(requests.get(links[2], timeout=30).url, headers={"User-Agent": "Python-urllib/3.11"}, timeout=30)
    told = server.get(f"/api/llm_bots/launch/{launch}/manifest")
    assert told["experiment"]["humans"] == 2, "on P1 and P2; what was sent for P3 is oTree's own, when time is up"


def test_a_bot_that_is_given_a_seat_plays_as_its_model_was_launched(start_server):
    server = start_server()
    session = server.session("public_goods", 3)
    asked = {"rows": [{"model": "random", "seats": 1, "memory": "none"}], "budget_calls": 90, "pretest": True}
    launch = server.launch(session, **asked)
    assert change(server, session, 1, "give", model="random").ok
    assert change(server, session, 2, "give", model="random", memory="summary").ok
    found = {}
    for seat, code in enumerate([seat_of(server, session, 1)["launch"], seat_of(server, session, 2)["launch"], launch]):
        manifest = server.get(f"/api/llm_bots/launch/{code}/manifest")
        memory = manifest["rows"][0]["parameters"]["memory"]
        found[seat + 1] = memory, manifest["budget"]["calls"], manifest["pretest"]
    assert found == {1: ("none", 90, True), 2: ("summary", None, False), 3: ("none", 90, True)}
    server.finish(session, 3)


def test_a_limit_that_is_missing_can_be_set_elsewhere(start_server, page):
    """The way there leads to the launch page, with the seat and the model as they were chosen."""
    server = start_server()
    session = server.session("public_goods", 3)
    code = seat_of(server, session, 2)["code"]
    add = f"/LLMBots/{session}/add?which_seats=picked&seat={code}&model=openai%2Fx"
    page.goto(f"{server.url}/LLMBots/{session}/seats")
    page.route("**/seat", lambda route: route.fulfill(status=400, json={"error": "It costs money.", "add": add}))
    row(page, 2).get_by_role("button", name="Give to a bot").click()
    page.get_by_text("It costs money.").wait_for()
    page.get_by_role("link", name="Add a bot with a limit").click()
    page.get_by_label("P2").wait_for()
    assert page.get_by_label("These seats").is_checked() and page.get_by_label("P2").is_checked()
    assert not page.get_by_label("P1").is_checked()
    assert page.get_by_label("Name of another model").input_value() == "openai/x"


def test_mistakes_are_told(start_server):
    server = start_server()
    session = server.session("dictator_de", 1)
    assert change(server, session, 1, "give").json()["error"].startswith("Choose a model")
    assert "Reload" in change(server, session, 1, "dance").json()["error"]
    assert "otree-botex setup" in change(server, session, 1, "give", model="openai/gpt-4.1-mini").json()["error"]
    assert change(server, session, 1, "give", model="random").ok
    server.finish(session, 1)
    assert "at the end already" in change(server, session, 1, "give", model="random").json()["error"]
    page = server.http.get(f"{server.url}/LLMBots/{session}/seat", timeout=60)
    assert json.loads(page.text)["models"] == ["random"]
