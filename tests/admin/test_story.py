"""The whole story of a pre-test, as an experimenter clicks through it: a mix with personas and a budget is launched,
watched, paused, let go on; a person leaves and a bot takes over; then it is read, and taken along."""

from __future__ import annotations

import json
import re
import sys
import threading
from zipfile import ZipFile

import pytest

from .. import study
from ..benchmarks import stub
from ..servers import wait_until
from .doing import wait_until_heard

pytestmark = [pytest.mark.server, pytest.mark.browser, pytest.mark.slow]


@pytest.fixture
def gate():
    """While it is closed the scripted model keeps its replies to itself."""
    return threading.Event()


@pytest.fixture
def server(start_server, gate):
    def think(messages, schema):
        assert gate.wait(300)
        reply = study.think(messages, schema)
        if "remark" in reply and "common pot" in messages[-1]["content"]:
            reply["remark"] = study.REMARKS[0]  # left to chance, it may be that no bot remarks anything
        return reply

    with stub.running(think) as model:
        keys = {"OPENAI_API_KEY": "none", "OTREE_BOTEX_PYTHON": sys.executable}
        yield start_server(settings=study.settings(model.api_base), environment=keys)


def bots_are(server, session, *states):
    return {bot["state"] for bot in server.bots(session)} <= set(states)


def test_the_story_of_a_pretest(server, gate, page, person):
    session = server.session(study.CONFIG, 6)
    person.enter(server, session, 1)
    person.meet("Rules of the game")  # and leaves

    page.goto(f"{server.url}/LLMBots/{session}")
    page.get_by_role("link", name="Add LLM bots").click()
    launch(page)
    page.wait_for_url(f"**/LLMBots/{session}")
    watch(server, gate, session, page)
    take_over(server, session, page)
    server.finish(session, 6, seconds=300)
    read(server, session, page)
    take_along(server, session, page)
    assert server.tracebacks() == []


def launch(page):
    """A mix of two rows, with personas and a budget, as a pre-test; what will happen is told before."""
    first = page.locator("[data-row]").first
    first.get_by_label("Model", exact=True).select_option(study.MODEL)
    first.get_by_label("Personas").select_option("townspeople")
    page.get_by_role("button", name="Add another model or setting").click()
    page.locator("[data-row]").nth(1).get_by_label("Model", exact=True).select_option("random")
    page.get_by_label("Ask bots what was unclear or wrong on each page").check()
    page.get_by_text("Budget", exact=True).click()
    page.get_by_label(re.compile("for each bot: calls", re.IGNORECASE)).fill("100")
    page.get_by_text("More", exact=True).click()
    page.get_by_label("Replies per page").fill("30")
    outlook = page.locator("#outlook-rows tbody")
    outlook.get_by_role("cell", name=study.MODEL).wait_for()
    page.get_by_text("Who sits where", exact=True).last.click()
    assert "P6" in page.locator("#outlook-seating").inner_text()
    page.get_by_role("button", name="Start bots").click()


def watch(server, gate, session, page):
    """The bots pause together, and go on."""
    table = page.locator(".llm-bots-now tbody")
    wait_until(lambda: table.locator("tr").count() == 5, 60, "five bots are shown")
    wait_until(lambda: all(bot["calls"] for bot in server.bots(session)), 120, "each bot has asked its model")
    page.get_by_role("button", name=re.compile("^Pause all")).click()
    wait_until(lambda: any(bot["pause_wanted"] for bot in server.bots(session)), 60, "they are told to")
    wait_until_heard(server, session)
    gate.set()
    wait_until(lambda: bots_are(server, session, "paused", "waiting", "finished"), 120, "the bots pause")
    assert any(bot["state"] == "paused" for bot in server.bots(session))
    page.get_by_role("button", name=re.compile("^Let .*go on$")).click()
    wait_until(lambda: not any(bot["state"] == "paused" for bot in server.bots(session)), 60, "they go on")


def take_over(server, session, page):
    """The seat of the person who left goes to a bot."""
    page.get_by_role("link", name="Seats").click()
    page.on("dialog", lambda dialog: dialog.accept())
    seat = page.locator("#llm-bots-seats tbody tr").first
    seat.get_by_text("person", exact=True).wait_for()
    seat.get_by_role("button", name="Give to a bot").click()
    page.get_by_text("A bot has taken the seat P1").wait_for()


def read(server, session, page):
    """A transcript, the answers of all, the plots, and the report."""
    page.get_by_role("link", name="Bots", exact=True).click()
    scripted = next(bot for bot in server.bots(session) if bot["model"] == study.MODEL)
    page.get_by_role("link", name=f"P{scripted['seat']}", exact=True).click()
    page.get_by_text("Have you understood the rules?").first.wait_for()
    page.wait_for_load_state("load")
    assert scripted["persona"] in page.locator("body").inner_text()
    assert any(reason in page.locator("body").inner_text() for reason in study.REASONS)
    page.get_by_role("link", name="Answers").click()
    page.get_by_text("One page, all answers").wait_for()
    page.get_by_role("link", name="Plots").click()
    page.get_by_text("Answers of bots").first.wait_for()
    page.get_by_role("link", name="Pre-test report").click()
    page.get_by_text("Needs attention").wait_for()
    page.wait_for_load_state("load")
    assert any(remark in page.locator("body").inner_text() for remark in study.REMARKS)


def take_along(server, session, page):
    """The archive of the launch has all of it."""
    launched = next(bot for bot in server.bots(session) if bot["model"] == study.MODEL)
    page.goto(f"{server.url}/LLMBots/{session}/launch/{launched['launch']}")
    with page.expect_download() as download:
        page.get_by_role("link", name="the whole record (zip)").click()
    with ZipFile(download.value.path()) as archive:
        files = {name.partition("/")[2]: archive.read(name) for name in archive.namelist()}
    told = json.loads(files["manifest.json"])
    assert [row["model"]["asked"] for row in told["rows"]] == [study.MODEL, "random"]
    assert told["budget"]["bot_calls"] == 100 and told["pretest"]
    seats = {seat["seat"] for seat in told["seats"]}
    assert {f"transcripts/P{seat}.jsonl" for seat in seats} < set(files) and seats == {2, 3, 4, 5, 6}
    assert {"bots.csv", "steps.csv", "messages.csv", "sent.jsonl", "personas.csv", "pretest.html"} < set(files)
    assert "Needs attention" in files["pretest.html"].decode()
    personas = set(told["personas"].values())
    assert len(personas) == len(told["rows"][0]["seats"]) and all(text.startswith("You are ") for text in personas)
