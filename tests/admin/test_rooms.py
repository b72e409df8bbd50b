"""What bots do in rooms by themselves, and that people come first there."""

from __future__ import annotations

import re
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from ..hostile import HOSTILE, harmless
from ..servers import wait_until
from .doing import act as on_tab
from .test_seats import seat_of

pytestmark = [pytest.mark.server, pytest.mark.browser]

BROWSER = {"User-Agent": "Mozilla/5.0"}
"""A browser that does not tell which requests a person caused, as on http in a laboratory's network."""
BY_HAND = {**BROWSER, "Sec-Fetch-Mode": "navigate", "Sec-Fetch-User": "?1"}
BY_SCRIPT = {**BROWSER, "Sec-Fetch-Mode": "navigate"}
SAFARI = {
    "User-Agent": "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/17.4 Safari/605.1.15",
    "Sec-Fetch-Mode": "navigate",
}
"""It tells how a request was made, but not that a person caused it."""


def act(server, action, room="lab", **policy):
    """Does something on the page of a room. Returns what the page says then."""
    data = {"csrftoken": server.csrf_token(f"/LLMBotsRoom/{room}"), "action": action, **policy}
    headers = {"Accept": "application/json"}
    return server.http.post(f"{server.url}/LLMBotsRoom/{room}", data=data, headers=headers, timeout=60).json()


def save(server, room="lab", **policy):
    said = act(server, "save", room, model="random", **policy)
    assert "error" not in said, said
    return said


def now(server, room="lab"):
    return server.get(f"/LLMBotsRoom/{room}/now")


def whose(server, session):
    """Who has each seat, in order."""
    return [seat["who"] for seat in server.get(f"/LLMBots/{session}/seat")["seats"]]


def wait_for(server, session, expected):
    wait_until(lambda: whose(server, session) == expected, 90, f"{expected}\n{server.log()[-2000:]}")


def _left(server, session, page):
    return [step for step in server.export(session, "steps") if step["page"] == page and step["outcome"]]


def stands_in(server, session, number):
    return seat_of(server, session, number)["stands_in"]


@pytest.mark.parametrize("otree, production", [("6", False), ("5", False), ("6", True)])
def test_bots_take_seats_and_fill_what_is_left(start_server, person, otree, production):
    settings = "LLM_BOTS['rooms'] = dict(lab=dict(model='random', seats=1))"
    server = start_server(otree, settings=settings, production=production)
    assert "bots (random) take 1 seat" in now(server)["lines"][0]
    session = server.session("public_goods", 3, room="lab")
    wait_for(server, session, ["nobody", "nobody", "bot"])
    person.page.goto(f"{server.url}/room/lab?welcome_page_ok=1")
    person.meet("Instructions")
    assert "1 of 3 seats is free." in now(server)["lines"]
    save(server, seats=1, fill_after=0)
    wait_for(server, session, ["person", "bot", "bot"])
    person.go_on()
    person.page.get_by_label("How much do you contribute").fill("40")
    person.go_on()
    person.meet("Results")
    person.end()
    server.finish(session, 2)
    assert whose(server, session) == ["person", "bot", "bot"], "no bot stands in where it was not asked to"
    assert server.tracebacks() == []


def test_a_session_whose_config_starts_bots_too_has_one_bot_on_each_seat(start_server):
    """oTree 6 makes the session beside its other work, and the room is looked at meanwhile."""
    server = start_server(settings="LLM_BOTS['rooms'] = dict(lab=dict(model='random', seats=3))")
    of_config = {"llm_bots": "3", "llm_bots_model": "random", "llm_bots_start": "on"}
    with ThreadPoolExecutor(1) as pool:
        made = pool.submit(server.session_by_hand, "public_goods_with_bots", 6, room="lab", **of_config)
        while not made.done():
            now(server)
    session = made.result()
    assert now(server)["session"] == session
    wait_for(server, session, ["bot"] * 6)
    server.finish(session, 6)
    assert sorted(row["seat"] for row in server.export(session, "bots")) == list("123456")


@pytest.mark.parametrize("otree", ["6", "5"])
def test_a_bot_stands_in_until_the_person_is_back(start_server, person, page, otree):
    server = start_server(otree)
    session = server.session("public_goods", 3, room="lab")
    person.page.goto(f"{server.url}/room/lab?welcome_page_ok=1")
    person.meet("Instructions")
    person.go_on()
    person.meet("Your contribution")
    page.goto(f"{server.url}/room_with_session/lab")
    page.get_by_role("link", name="Set what bots do here").click()
    page.get_by_label("Stand in after").fill("3")
    page.get_by_role("button", name="Save, and switch on").click()
    page.get_by_text("A bot stands in for P1.").wait_for(timeout=90_000)
    wait_until(lambda: seat_of(server, session, 1)["page"] == "ResultsWaitPage", 60, "the bot has contributed")
    assert whose(server, session)[1:] == ["nobody", "nobody"], "nobody has opened these"
    person.page.reload()
    person.page.wait_for_url("**/ResultsWaitPage/**")
    assert whose(server, session)[0] == "person"
    (bot,) = server.wait_for_end(session)
    assert bot["state"] == "stopped"
    save(server, fill_after=0, stand_in_after=10)  # who waits for others is not inactive
    person.meet("Results")
    person.end()
    assert [bot["state"] for bot in server.wait_for_end(session)] == ["stopped", "finished", "finished"]


def test_a_tab_that_was_left_open_brings_nobody_back(start_server):
    """Neither does its timer, nor what a browser opens after it, nor a wait page that loads itself again; and it keeps
    no bot from standing in."""
    server = start_server()
    session = server.session("public_goods", 3, room="lab")
    link = server.links(session)[0]
    tab = requests.get(link, headers=BROWSER, timeout=30).url
    save(server, stand_in_after=3)

    def has_stood_in():
        requests.get(tab, headers=BY_SCRIPT, timeout=30)
        return seat_of(server, session, 1)["page"] == "ResultsWaitPage"

    wait_until(has_stood_in, 90, "a bot has stood in")
    assert stands_in(server, session, 1)
    for method, headers, data in (
        ("POST", BROWSER, {"timeout_happened": "1"}),
        ("GET", BROWSER, None),
        ("POST", SAFARI, {"timeout_happened": "1"}),
        ("GET", SAFARI, None),
        ("GET", BY_SCRIPT, None),
        ("POST", BY_SCRIPT, {"timeout_happened": "1"}),
        ("POST", {"User-Agent": "Python-urllib/3.11"}, {"timeout_happened": "True"}),
    ):
        requests.request(method, tab, headers=headers, data=data, timeout=30)
        assert stands_in(server, session, 1), (method, headers, data)
    save(server, stand_in_after=1000)
    assert requests.post(tab, headers=BROWSER, data={}, timeout=30).ok
    assert whose(server, session)[0] == "person"


def test_who_does_not_come_when_waiting_is_over_is_inactive(start_server):
    server = start_server()
    session = server.session("public_goods", 3, room="lab")
    save(server, stand_in_after=2)
    page = requests.get(server.links(session)[0], headers=BY_HAND, timeout=30).url
    for data in ({}, {"contribution": "40"}):
        page = requests.post(page, data=data, headers=BY_HAND, timeout=30).url
    assert "ResultsWaitPage" in page
    server.launch(session, human_pace=True)  # they take some seconds, in which the person waits
    wait_until(lambda: stands_in(server, session, 1) or seat_of(server, session, 1)["at_end"], 180, "a bot stands in")
    (bot,) = (bot for bot in server.bots(session) if bot["seat"] == 1)
    steps = [step["page"] for step in server.export(session, "steps") if step["seat"] == "1"]
    assert bot and not {"Introduction", "Contribute"} & set(steps), "it has not stood in while the person waited"


def test_a_stand_in_with_a_browser_of_its_own_is_no_person(start_server):
    server = start_server(environment={"OTREE_BOTEX_PYTHON": sys.executable})
    session = server.session("public_goods", 3, room="lab")
    requests.get(server.links(session)[0], headers=BY_HAND, timeout=30)
    save(server, stand_in_after=1, driver="browser")
    wait_until(lambda: seat_of(server, session, 1)["page"] == "ResultsWaitPage", 120, "a bot has stood in")
    assert stands_in(server, session, 1)
    steps = wait_until(lambda: _left(server, session, "Contribute"), 60, "its page is on record")
    assert [step["driver"] for step in steps] == ["browser"]
    save(server, stand_in_after=1000)
    requests.get(server.links(session)[0], headers=BY_HAND, timeout=30)
    assert [bot["state"] for bot in server.wait_for_end(session)] == ["stopped"]


@pytest.mark.parametrize("method, headers", [("get", BY_HAND), ("post", BY_HAND), ("post", SAFARI)])
def test_what_a_person_does_by_hand_brings_it_back(start_server, method, headers):
    server = start_server()
    session = server.session("public_goods", 3, room="lab")
    tab = requests.get(server.links(session)[0], headers=BY_HAND, timeout=30).url
    save(server, stand_in_after=1)
    wait_until(lambda: stands_in(server, session, 1), 90, "a bot stands in")
    save(server, stand_in_after=1000)
    requests.request(method, tab, headers=headers, timeout=30)
    assert whose(server, session)[0] == "person"


def test_a_bot_that_was_stopped_is_followed_by_none_until_its_person_has_been_there(start_server):
    server = start_server()
    session = server.session("public_goods", 3, room="lab")
    links = server.links(session)
    requests.get(links[0], headers=BY_HAND, timeout=30)
    save(server, stand_in_after=2)
    wait_until(lambda: stands_in(server, session, 1), 90, "a bot stands in")
    on_tab(server, session, "stop", 1)
    wait_until(lambda: server.bots(session)[0]["state"] == "stopped", 60, "it has stopped")
    requests.get(links[1], headers=BY_HAND, timeout=30)
    wait_until(lambda: stands_in(server, session, 2), 90, "one stands in for somebody who was active later")
    assert not stands_in(server, session, 1)
    requests.get(links[0], headers=BY_HAND, timeout=30)
    wait_until(lambda: stands_in(server, session, 1), 90, "the person came, and went again")


@pytest.mark.parametrize("otree", ["6", "5"])
def test_off(start_server, page, otree):
    server = start_server(otree)
    session = server.session("public_goods", 3, room="lab")
    save(server, seats=1)
    wait_for(server, session, ["nobody", "nobody", "bot"])
    page.goto(f"{server.url}/room_with_session/lab")
    page.get_by_role("button", name="Off; its bots play on").click()
    page.get_by_text("Off: bots start nothing in this room").wait_for()
    page.get_by_text("Bots of this room play on 1 seat.").wait_for()
    page.get_by_role("button", name="On again").click()
    page.get_by_text("2 of 3 seats are free.").wait_for()
    page.get_by_role("button", name="Off, and stop its bots").click()
    wait_until(lambda: server.bots(session)[0]["state"] == "stopped", 60, "its bot has stopped")
    page.get_by_text("play on 1 seat").wait_for(state="detached")
    assert whose(server, session) == ["nobody", "nobody", "free"]


def test_a_label_that_has_not_come_is_played_until_it_comes(start_server, person):
    server = start_server()
    labels = (server.folder / "_rooms" / "class.txt").read_text().split()
    session = server.session("public_goods", 3, room="class")
    person.page.goto(f"{server.url}/room/class?welcome_page_ok=1&participant_label={labels[1]}")
    person.meet("Instructions")
    save(server, "class", fill_after=0)
    wait_for(server, session, ["person", "bot", "bot"])
    seats = server.get(f"/LLMBots/{session}/seat")["seats"]
    assert [seat["label"] for seat in seats] == [labels[1], labels[0], labels[2]]
    assert now(server, "class")["lines"][-1] == "Bots stand in for P2, P3."
    wait_until(lambda: seat_of(server, session, 2)["page"] == "ResultsWaitPage", 60, "a bot has played for the label")
    address = f"{server.url}/room/class?welcome_page_ok=1&participant_label={labels[0]}"
    late = requests.get(address, headers=BY_HAND, timeout=30)
    assert seats[1]["code"] in late.url, "it has the seat with its label"
    assert whose(server, session) == ["person", "person", "bot"]


def test_nobody_finds_a_bot_on_a_seat_that_was_just_opened(start_server):
    """People come in while bots fill the seats: each seat is somebody's, and nobody's twice."""
    server = start_server()
    session = server.session("lottery", 12, room="lab")

    def enter(_):
        answer = requests.get(f"{server.url}/room/lab?welcome_page_ok=1", headers=BY_HAND, timeout=60)
        return answer.url.split("/p/")[1].split("/")[0] if "/p/" in answer.url else None

    with ThreadPoolExecutor(9) as pool:
        people = [pool.submit(enter, one) for one in range(4)]
        filled = pool.submit(save, server, fill_after=0)
        people += [pool.submit(enter, one) for one in range(4, 8)]
        filled.result()
    codes = [code for person in people if (code := person.result())]
    assert len(set(codes)) == len(codes) >= 4
    wait_until(lambda: "nobody" not in whose(server, session), 90, "all seats are taken")
    bots = {bot["participant"] for bot in server.bots(session)}
    assert not bots & set(codes) and len(bots) + len(codes) == 12


def test_it_goes_on_after_a_restart(start_server):
    server = start_server()
    session = server.session("public_goods", 3, room="lab")
    save(server, fill_after=3_550, stand_in_after=2)

    def left():
        line = now(server)["lines"][0]
        said = re.fullmatch(r"3 of 3 seats are free; bots fill them in (\d+) min(?: (\d+) s)?\.", line)
        return 60 * int(said[1]) + int(said[2] or 0)

    wait_until(lambda: left() <= 3_540, 60, "it counts")
    server.end()
    server.start()
    assert left() <= 3_540, "it does not begin anew"
    assert requests.get(server.links(session)[1], headers=BY_HAND, timeout=30).ok
    wait_until(lambda: stands_in(server, session, 2), 90, "a bot stands in")
    server.end()
    server.start()
    wait_until(lambda: stands_in(server, session, 2), 60, "it still does")
    save(server, fill_after=100_000)
    wait_until(lambda: "A bot stands in for P2." in now(server)["lines"], 60, "it still does")
    requests.get(server.links(session)[1], headers=BY_HAND, timeout=30)
    wait_until(lambda: whose(server, session)[1] == "person", 60, "the person is back")


def test_what_cannot_be_done_is_told_and_not_tried_for_ever(start_server, page):
    server = start_server()
    session = server.session("public_goods", 3, room="lab")
    logs = server.folder / ".otree_botex" / "logs"
    logs.parent.mkdir(exist_ok=True)
    logs.touch()  # a file stands where a folder should be
    save(server, seats=1)
    failed = wait_until(lambda: [bot for bot in server.bots(session) if bot["state"] == "failed"], 60, "it has failed")
    assert "The bots cannot be started with" in failed[0]["error"] and "File exists" in failed[0]["error"]
    logs.unlink()
    assert act(server, "save", model="openai/gpt-4.1-mini", seats=1, fill_after=0)["state"] == "on"
    page.goto(f"{server.url}/room_with_session/lab")
    page.get_by_text("Bots could not be started: openai/gpt-4.1-mini needs").wait_for(timeout=60_000)
    assert whose(server, session) == ["nobody", "nobody", "bot"]
    assert "number" in act(server, "save", seats="many")["error"]
    assert "Reload" in act(server, "dance")["error"]
    save(server, fill_after=0)
    wait_for(server, session, ["bot"] * 3)


@pytest.mark.parametrize(
    "rooms, said",
    [
        ("dict(lba=dict(seats=1))", "a room “lba” that ROOMS does not name: it names lab, class, class_secure"),
        ("dict(lab=dict(seat=1))", "room “lab”: seat: a room's policy has no such key"),
        ("dict(lab=dict(fill_after='soon'))", "fill_after must be a number"),
        ("dict(lab=2)", "the policy of the room “lab” must be a dict"),
        ("None", "rooms in LLM_BOTS of settings.py must be a dict"),
        ("['lab']", "rooms in LLM_BOTS of settings.py must be a dict"),
    ],
)
def test_typos_in_settings_are_told(start_server, rooms, said):
    server = start_server(settings=f"LLM_BOTS['rooms'] = {rooms}")
    shown = now(server)
    assert shown["state"] == "error" and said in shown["lines"][0]
    assert server.http.get(f"{server.url}/LLMBotsRoom/lab", timeout=30).ok


def test_what_the_admin_sets_goes_before_settings(start_server, page):
    server = start_server(settings="LLM_BOTS['rooms'] = dict(lab=dict(seats=2, temperature=0.5))")
    save(server, seats=1)
    assert "take 1 seat." in now(server)["lines"][0]
    page.goto(f"{server.url}/LLMBotsRoom/lab")
    assert page.get_by_label("Seats taken from the start").input_value() == "1"
    page.get_by_role("button", name="Back to settings.py").click()
    page.get_by_text("bots (random) take 2 seats.").wait_for()


def test_hostile_names_of_models_are_text(start_server, page):
    server = start_server()
    server.session("dictator_de", 1, room="lab")
    model = "".join(HOSTILE[name] for name in ("image", "end_of_script", "double_quoted_attribute"))
    assert "error" not in act(server, "save", model=model, fill_after=0)
    for path in ("room_with_session", "LLMBotsRoom"):
        page.goto(f"{server.url}/{path}/lab")
        page.locator(".llm-bots-doing").get_by_text("could not be started: <img").wait_for(timeout=60_000)
        harmless(page)
