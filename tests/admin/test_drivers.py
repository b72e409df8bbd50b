"""The same bots over HTTP and in a browser, and which pages are played in one."""

from __future__ import annotations

import json
import sqlite3

import pytest

from otree_botex import init_otree_session, run_bots_on_session
from otree_botex.bots.drivers import Drivers

from ..servers import edit
from .test_demo import EXPERIMENTS

pytest.importorskip("playwright")

pytestmark = [pytest.mark.server, pytest.mark.browser]

NO_CHANCE = "import random\nrandom.randint = lambda low, high: low"
"""At the end of the settings: what experiments draw is no difference between two sessions."""
SEATS = {"public_goods": 3, "guess_two_thirds": 3, "ultimatum": 2, "trust": 2, "bargaining": 2}
"""All others are played by one."""
DIFFERENCES = {
    "wait pages": "who comes last to one is not made to wait, and who that is depends on how long the others take",
    "Words": "the page is left after four seconds, which a browser that is just being started may take to show it",
}

OWN_SCRIPT = "<script>document.title = 'Ready';</script>"
"""It changes nothing that matters."""
SCRIPT_AT_SENDING = """
<script>
    const form = document.getElementById('form');
    form.addEventListener('formdata', (event) => event.formData.set('weekend', 'I slept.'));
</script>
"""
"""What it sends is to be seen nowhere before."""
LIVE = {"OTREE_PRODUCTION": "1"}


@pytest.mark.slow
@pytest.mark.parametrize("configs", [(config,) for config in EXPERIMENTS if config != "all_individual"], ids=str)
def test_plain_pages_are_the_same_over_http_and_in_a_browser(start_server, tmp_path, configs):
    """What a model is shown and asked, what it answers, and what is posted for it, on every page of a form."""
    server = start_server(settings=NO_CHANCE)
    for config in configs:
        runs = [_start(server, tmp_path, config, seed=5, driver=driver) for driver in ("http", "browser")]
        over_http, in_browser = (_steps(run) for run in runs)
        assert over_http.keys() == in_browser.keys(), config
        for key, step in over_http.items():
            same = in_browser[key]
            for name in ("title", "text", "fields_json", "answers_json", "entries_json", "outcome"):
                assert same[name] == step[name], (config, key, name)
            assert same["driver"] == ("http" if step["kind"] == "end" else "browser") and step["driver"] == "http"
            if step["entries_json"]:
                assert same["sent"][-1] == json.loads(step["entries_json"]), (config, key)


@pytest.mark.parametrize(("otree", "environment"), [("6", {}), ("6", LIVE), ("5", {}), ("5", LIVE)])
def test_no_browser_is_opened_for_plain_pages(start_server, tmp_path, monkeypatch, otree, environment):
    """What oTree itself puts into its pages are no scripts of an experiment."""
    server = start_server(otree, environment=environment)
    opened = []
    monkeypatch.setattr(Drivers, "tab", lambda *_: opened.append(1))
    for run in [
        _start(server, tmp_path, config) for config in EXPERIMENTS if config not in ("memory", "all_individual")
    ]:
        steps = _steps(run)
        assert {step["driver"] for step in steps.values()} == {"http"} and len(steps) > 2
    assert not opened


def test_a_harmless_script_is_looked_at_once_a_launch(start_server, tmp_path, monkeypatch):
    server = start_server()
    edit(server, "guess_two_thirds/Guess.html", "{{ next_button }}", "{{ next_button }}" + OWN_SCRIPT)
    opened, tab = [], Drivers.tab
    monkeypatch.setattr(Drivers, "tab", lambda *args: opened.append(1) or tab(*args))
    steps = _steps(_start(server, tmp_path, "guess_two_thirds"))
    assert {step["driver"] for step in steps.values()} == {"http"}
    assert sum("Guess" in key for key in steps) == 9
    assert 1 <= len(opened) <= 3  # the three of them may come to it at the same time


@pytest.mark.parametrize(
    ("otree", "environment", "why"),
    [
        ("6", {}, "oTree asks for “weekend”, and there is no such field on the page"),
        ("5", LIVE, "oTree refuses it without saying why, and it has scripts of its own"),
    ],
)
def test_a_page_refused_for_what_it_does_not_show_is_played_in_a_browser(
    start_server, tmp_path, otree, environment, why
):
    server = start_server(otree, environment=environment)
    edit(server, "survey/Opinions.html", "{{ formfield 'weekend' }}", SCRIPT_AT_SENDING)
    run = _start(server, tmp_path, "survey")
    steps = [step for step in _all_steps(run) if step["page"] == "Opinions"]
    assert [(step["driver"], step["outcome"]) for step in steps] == [("http", "interrupted"), ("browser", "submitted")]
    assert steps[1]["needs_script"] == why
    assert json.loads(steps[0]["refusals_json"])[0]["by"] == "server" and steps[1]["refusals_json"] in (None, "[]")
    assert ["weekend", "I slept."] in steps[1]["sent"][-1]
    (row,) = server.wide(run.session_id)
    assert row["survey.1.player.weekend"] == "I slept."


def test_a_page_refused_for_what_it_does_not_show_fails_over_http(start_server, tmp_path):
    server = start_server()
    edit(server, "survey/Opinions.html", "{{ formfield 'weekend' }}", SCRIPT_AT_SENDING)
    run = _start(server, tmp_path, "survey", driver="http", attempts=2)
    run.wait(60)
    (bot,) = run.bots()
    assert bot["state"] == "failed" and "by oTree" in bot["error"]


def _start(server, folder, config, **options):
    """Random bots on all seats of a new session, in this process."""
    database = str(folder / f"{config}-{options.get('driver', 'auto')}.sqlite3")
    session = init_otree_session(config, SEATS.get(config, 1), otree_server_url=server.url, botex_db=database)
    options = {"model": "random", "chat_messages": 1, "wait": False, **options}
    return run_bots_on_session(session["session_id"], botex_db=database, **options)


def _steps(run):
    """What all bots of a run, which must finish, saw and did, by seat and page. Wait pages are left out."""
    steps = [step for step in _all_steps(run) if step["kind"] != "wait" and step["page"] not in DIFFERENCES]
    assert [bot["error"] for bot in run.bots()] == [""] * len(run.bots())
    return {f"{step['seat']} {step['page']} {step['page_number']}": step for step in steps}


def _all_steps(run):
    """All steps in their order, each with its bot's seat and with what the browser sent on it."""
    assert run.wait(240)
    with sqlite3.connect(run.database.path) as database:
        database.row_factory = sqlite3.Row
        bots = {row["id"]: row["number"] for row in database.execute("SELECT * FROM otree_botex_bot")}
        sent = {}
        for row in database.execute("SELECT * FROM otree_botex_event WHERE what = 'form' ORDER BY id"):
            sent.setdefault((row["bot_id"], row["step"]), []).append(json.loads(row["data_json"])["entries"])
        steps = database.execute("SELECT * FROM otree_botex_step ORDER BY bot_id, number").fetchall()
    return [
        {**step, "seat": bots[step["bot_id"]], "sent": sent.get((step["bot_id"], step["number"]), [])}
        for step in map(dict, steps)
    ]
