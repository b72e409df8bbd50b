"""The page of settings and health in a real browser: what can be used, what runs, and no secret anywhere."""

from __future__ import annotations

import os
import re
import signal

import pytest

from ..hostile import HOSTILE, harmless
from ..servers import wait_until

pytestmark = pytest.mark.server

PATIENCE = 60_000
SECRET = "sk-this-key-must-not-be-found-anywhere-4711"
PAGE = "/LLMBotsSettings"


def looked(server):
    """The page when all has been looked for."""
    return wait_until(lambda: (text := server.get(PAGE)) and "Looked at" in text and text, 120, "all was looked for")


def runner_of(page, session):
    """The number of the process that plays a session's bots."""
    row = page.get_by_role("row", name=session)
    row.wait_for()
    return int(row.get_by_role("cell").nth(4).inner_text())


@pytest.mark.browser
@pytest.mark.parametrize("otree", ["6", "5"])
def test_click_through(start_server, page, otree):
    page.set_default_timeout(PATIENCE)
    server = start_server(otree, environment={"OTREE_BOTEX_CHROMIUM": "/no/chromium"})
    page.goto(server.url + PAGE)
    page.get_by_text("No bots are playing.").wait_for()
    page.get_by_text("Bots can be launched.").wait_for()  # without reloading
    findings = page.locator(".llm-bots-findings li")
    told = findings.all_inner_texts()
    assert any(re.search(rf"oTree {otree}\.", text) for text in told)
    assert any("smollm2: Run `otree-botex setup --local` in the project folder." in text for text in told)
    assert any(f"It listens on {server.url}" in text for text in told)
    assert any("18 of 18 session configs" in text for text in told)

    session = server.session("guess_two_thirds", 3)
    launch = server.launch(session, bots=2)
    page.get_by_role("link", name=launch).wait_for()
    os.kill(runner_of(page, session), 0)
    page.get_by_text("All that are looked for").click()
    server.launch(session, bots=1)
    page.get_by_text("No bots are playing.").wait_for()
    assert page.get_by_text("ANTHROPIC_API_KEY").is_visible()  # what was unfolded is not folded again
    before = page.get_by_text("Looked at").inner_text()
    page.get_by_role("button", name="Look again").click()
    page.get_by_text("Looked at").wait_for()
    assert page.get_by_text("Looked at").inner_text() != before
    page.set_viewport_size({"width": 800, "height": 600})
    harmless(page)


def test_no_secret_is_shown(start_server):
    address = f"https://me:{SECRET}@models.example.org:8080/{SECRET}/v1?key={SECRET}"
    settings = f"LLM_BOTS = dict(models=[dict(model='openai/mine', api_base={address!r}), 'anthropic/other'])"
    environment = {"OPENAI_API_KEY": SECRET, "OTREE_ADMIN_PASSWORD": SECRET, "OTREE_REST_KEY": SECRET}
    server = start_server(settings=settings, environment=environment)
    text = looked(server)
    assert "<code>OPENAI_API_KEY</code>" in text and "models.example.org" in text and "anthropic/other" in text
    assert SECRET not in text and "<code>ANTHROPIC_API_KEY</code>" not in text


def test_what_is_wrong_with_the_settings_is_told_without_what_stands_there(start_server):
    entry = {"model": "openai/mine", "api_key": SECRET}
    server = start_server(settings=f"LLM_BOTS = dict(models=[{entry!r}])")
    text = looked(server)
    assert "one of the models is a dict with model, api_key" in text
    assert "No bots can be launched before what is marked with ✗ is mended." in text
    session = server.session("dictator_de", 1)
    for path in (PAGE, f"/LLMBots/{session}", f"/LLMBots/{session}/status"):
        assert SECRET not in str(server.get(path))


@pytest.mark.browser
def test_a_runner_of_an_earlier_server_and_one_that_is_gone(start_server, page):
    page.set_default_timeout(PATIENCE)
    server = start_server()
    page.goto(server.url + PAGE)
    session = server.session("guess_two_thirds", 3)
    server.launch(session, bots=2)
    wait_until(lambda: any(bot["state"] == "waiting" for bot in server.bots(session)), 60, "a bot waits")
    runner = runner_of(page, session)
    server.end()
    server.start()
    page.get_by_text("before this server was started").wait_for()
    assert page.get_by_role("row", name=session).get_by_role("cell").nth(3).inner_text() == "2"
    os.kill(runner, signal.SIGKILL)
    page.get_by_text("No bots are playing.").wait_for()
    page.get_by_text("2 journals were left by runners that are gone").wait_for()


def test_the_journal_of_a_bot_that_has_finished_is_its_runners_as_long_as_that_plays(start_server):
    server = start_server()
    session = server.session("dictator_de", 2)
    server.launch(session, budget_calls=1)
    expected = ["finished", "paused"]
    wait_until(lambda: sorted(bot["state"] for bot in server.bots(session)) == expected, 60, "one of them has finished")
    assert "left by runners that are gone" not in server.get(PAGE)


@pytest.mark.browser
def test_hostile_texts_stay_texts(start_server, page):
    page.set_default_timeout(PATIENCE)
    models = [text for text in HOSTILE.values() if "\0" not in text]
    settings = f"LLM_BOTS = dict(models={models!r}, python={HOSTILE['image']!r})"
    server = start_server(settings=settings)
    looked(server)
    page.set_viewport_size({"width": 800, "height": 600})
    page.goto(server.url + PAGE)
    page.get_by_text("Looked at").wait_for()
    harmless(page)
