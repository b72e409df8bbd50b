"""`otree-botex check` and its button in the admin: random bots find out what bots can do in an experiment."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from html import unescape
from pathlib import Path

import pytest
import requests

from otree_botex.check_text import WIDTH
from otree_botex.chromium_path import find_chromium

from ..conftest import OTREE, copy_demo
from ..servers import wait_until

pytestmark = pytest.mark.server

LIMIT = 300

APP = """
from otree.api import *

class C(BaseConstants):
    NAME_IN_URL = __name__
    PLAYERS_PER_GROUP = 2
    NUM_ROUNDS = 1

class Subsession(BaseSubsession): pass
class Group(BaseGroup): pass
class Player(BasePlayer):
    age = models.IntegerField(min=0, max=99, label='Your age:')

class Before(Page):
    form_model = 'player'
    form_fields = ['age']

class Hidden(Page):
    @staticmethod
    def is_displayed(player):
        return False

class Bids(Page):
    @staticmethod
    def is_displayed(player):
        return player.id_in_group == 1
    BIDS

class Together(WaitPage): pass

class Results(Page):
    RESULTS

page_sequence = [Before, Hidden, Bids, Together, Results]
"""
LIVE = "live_method = staticmethod(lambda player, data: {0: data})"
FAILING = "vars_for_template = staticmethod(lambda player: dict(x=1 / 0))"
SLOW = "timeout_seconds = 600"
SEED = "import random\nrandom.randrange = lambda *_: 4"
"""At the end of the settings: bots get this seed. With another one they may try for minutes until a quiz is right."""


def add_app(folder, name, *, bids="pass", results="pass", button="{{ next_button }}"):
    """An app for two in a session config of its own, which does not list otree_botex."""
    app = folder / name
    app.mkdir()
    (app / "__init__.py").write_text(APP.replace("BIDS", bids).replace("RESULTS", results))
    for page in ("Before", "Hidden", "Bids", "Results"):
        shown = button if page == "Bids" else "{{ next_button }}"
        text = "{{ block content }}<p>Some text.</p>{{ formfields }}" + shown + "{{ endblock }}"
        (app / f"{page}.html").write_text("{{ block title }}" + page + "{{ endblock }}" + text)
    with (folder / "settings.py").open("a") as file:
        file.write(f"SESSION_CONFIGS.append(dict(name='{name}', app_sequence=['{name}'], num_demo_participants=2))\n")


@pytest.fixture
def project(tmp_path):
    return copy_demo(tmp_path / "project")


def command(otree, *arguments):
    python = OTREE[otree]
    if python is None:
        pytest.skip(f"OTREE{otree}_PYTHON is not set; run the tests with `make test`")
    return [python, "-m", "otree_botex", "check", *arguments]


def check(folder, *arguments, otree="6", **environment):
    done = subprocess.run(
        command(otree, *arguments),
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=LIMIT,
    )
    assert "Traceback" not in done.stderr
    return done


def processes_in(folder):
    """The command lines of all processes that work in a folder, by process id."""
    found = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if (entry / "cwd").readlink() == folder.resolve():
                found[int(entry.name)] = (entry / "cmdline").read_text().split("\0")
        except OSError:
            continue  # it has ended meanwhile, or is another user's
    return found


def wait_until_gone(folder):
    """Waits until no process works in a folder: what is ended takes its time on a busy machine."""
    wait_until(lambda: processes_in(folder) == {}, 20, "no process is left")


@pytest.mark.parametrize("otree", ["6", "5"])
def test_all_bots_finish(project, otree):
    database = project / "db.sqlite3"
    database.write_bytes(b"no database: who reads it fails")
    done = check(project, "guess_two_thirds", otree=otree)
    assert done.returncode == 0, done.stdout + done.stderr
    report = done.stdout
    assert "  1. guess_two_thirds / Introduction, round 1" in report
    assert "  2. guess_two_thirds / Guess, rounds 1-3" in report
    assert "Your guess (a whole number from 0 to 100) [whole number, 0 to 100]" in report
    assert "wait page, passed by 3 of 3 bots" in report
    assert "\n3 of 3 bots finished; no page needs a browser.\n" in report
    assert max(map(len, report.splitlines())) <= WIDTH
    assert database.read_bytes() == b"no database: who reads it fails"
    wait_until_gone(project)


def test_what_was_refused_is_counted_and_options_are_named(project):
    # one bot's first answers are all right in one run of 44, those of five are once in a hundred million
    done = check(project, "quiz", "--bots", "5", "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["finished"] == len(report["bots"]) == 5 and report["problems"] == []
    questions = next(page for page in report["pages"] if page["page"] == "Questions")
    assert questions["kind"] == "form" and questions["state"] == "passed"
    assert {"Player A", "Player B"} <= set(questions["questions"][0]["options"])
    refusals = [refusal for page in report["pages"] for refusal in page["refusals"]]
    assert refusals and all(refusal["by"] == "oTree" and refusal["times"] > 0 for refusal in refusals)
    assert not (project / "db.sqlite3").exists()


def test_more_bots_are_rounded_up_to_whole_groups(project):
    done = check(project, "ultimatum", "--bots", "3", "--json")
    assert done.returncode == 0, done.stderr
    assert len(json.loads(done.stdout)["bots"]) == 4


def test_bots_that_a_config_starts_by_itself_are_not_in_the_way(project):
    done = check(project, "public_goods_with_bots")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 of 3 bots finished" in done.stdout


@pytest.mark.slow
@pytest.mark.browser
def test_pages_that_live_by_their_scripts(project):
    pytest.importorskip("playwright", reason="Playwright is not installed")
    if find_chromium() is None:
        pytest.skip("Chromium is not installed (Debian: apt install chromium)")
    with (project / "settings.py").open("a") as file:
        file.write(f"LLM_BOTS = dict(models=['random'], python={sys.executable!r})\n{SEED}\n")
    done = check(project, "by_script", "--bots", "1", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads(done.stdout)
    pages = {page["page"]: page for page in report["pages"]}
    assert report["summary"].startswith("1 of 1 bots finished; 6 pages played in a browser")
    for name, field in (("Ranking", "ranking"), ("Slider", "saved"), ("Tiles", "gamble"), ("Check", "wrong_tries")):
        assert (
            field in pages[name]["set_by_scripts"] and pages[name]["in_browser"] and pages[name]["kind"] == "by script"
        )
        assert any(control["times"] for control in pages[name]["controls"]), name
    assert not any(page["untouched"] or page["needs_browser"] for page in report["pages"])
    assert pages["Typing"]["timer"] == 30 and pages["Late"]["set_by_scripts"] == []  # it has a field, only later
    late = {control["label"]: control["times"] for control in pages["Late"]["controls"]}
    assert set(late) == {"Spring", "Summer", "Autumn", "Winter"} and any(late.values())


@pytest.mark.slow
@pytest.mark.parametrize("otree", ["6", "5"])
def test_a_page_that_needs_a_browser(project, otree):
    add_app(project, "bidding", bids=LIVE)
    done = check(project, "bidding", "--driver", "http", otree=otree)
    assert done.returncode == 1
    report = " ".join(done.stdout.split())
    assert "bidding / Before form, passed by 2 of 2 bots Your age [whole number, 0 to 99]" in report
    assert "bidding / Hidden page, not shown to any bot (is_displayed)" in report
    assert "bidding / Bids read only, needs a browser, passed by 0 of 1 bots, not shown to 1" in report
    assert "needs a browser: its decisions are made over a live connection" in report
    assert "P1 on bidding / Bids: The page needs a browser: its decisions are made over a live connection" in report
    assert "These bots had to do without (driver “http”)." in report
    assert "P2 on bidding / Together: Stopped while waiting for others, most likely for those that failed." in report
    assert "bidding / Results page, not reached" in report and "1 page after that could not be checked." in report
    assert "0 of 2 bots finished; 1 page needs a browser." in report
    wait_until_gone(project)


def test_a_page_with_an_error(project):
    add_app(project, "faulty", results=FAILING)
    done = check(project, "faulty")
    assert done.returncode == 1
    report = " ".join(done.stdout.split())
    assert "faulty / Results page, failed, passed by 0 of 2 bots" in report
    assert "P1, P2 on faulty / Results:" in report and "error 500" in report
    log = project / ".otree_botex" / "logs" / "check.log"
    assert str(log.relative_to(project)) in done.stdout and "ZeroDivisionError" in log.read_text()


@pytest.mark.slow
def test_all_configs_in_short(project):
    add_app(project, "bidding", bids=LIVE)
    add_app(project, "unmade")
    with (project / "unmade" / "__init__.py").open("a") as file:
        file.write("\ndef creating_session(subsession):\n    raise ValueError('no such treatment')\n")
    with (project / "settings.py").open("a") as file:
        file.write("KEPT = ('dictator_de', 'bidding', 'unmade', 'ultimatum')\n")
        file.write("SESSION_CONFIGS = [config for config in SESSION_CONFIGS if config['name'] in KEPT]\n")
    done = check(project, "--json")
    assert done.returncode == 1
    said = done.stderr  # where standard output is for JSON alone
    assert "\ndictator_de: 1 of 1 bots finished; no page needs a browser.\n" in said
    assert "\nbidding: 0 of 2 bots finished; 1 page needs a browser.\n" in said
    assert "unmade: could not be checked." in said and "ValueError: no such treatment" in said
    assert "\nultimatum: 2 of 2 bots finished" in said
    results = json.loads(done.stdout)
    assert [result["config"] for result in results] == ["ultimatum", "dictator_de", "bidding", "unmade"]


def test_what_cannot_be_checked_is_explained(project, tmp_path):
    (tmp_path / "empty").mkdir()
    without = copy_demo(
        tmp_path / "without", "for config in SESSION_CONFIGS: config['app_sequence'].remove('otree_botex')"
    )
    broken = copy_demo(tmp_path / "broken", "1 / 0")
    for folder, arguments, said in [
        (project, ["nosuch"], "There is no session config “nosuch”. In settings.py there are: public_goods, "),
        (project, ["quiz", "--bots", "0"], "The number of bots must be from 1 to 1000"),
        (project, ["quiz", "--server", "http://127.0.0.1:9"], "Is it running?"),
        (tmp_path / "empty", ["quiz"], "it has no settings.py"),
        (without, ["quiz"], "put 'otree_botex' first in the app_sequence"),
        (broken, ["quiz"], "ZeroDivisionError"),
    ]:
        done = check_raw(folder, *arguments)
        assert done.returncode == 2 and said in done.stderr, (arguments, done.stderr)
        wait_until_gone(folder)


def check_raw(folder, *arguments):
    """What the server said may be part of the message, and with it a traceback's last line."""
    return subprocess.run(command("6", *arguments), cwd=folder, capture_output=True, text=True, timeout=LIMIT)


def test_a_running_server_can_be_used(start_server, tmp_path):
    server = start_server(environment={"OTREE_AUTH_LEVEL": "STUDY", "OTREE_REST_KEY": "battery staple"})
    refused = check(tmp_path, "quiz", "--server", server.url)
    assert refused.returncode == 2 and "OTREE_REST_KEY" in refused.stderr
    done = check(tmp_path, "quiz", "--server", server.url, OTREE_REST_KEY="battery staple")
    assert done.returncode == 0 and "1 of 1 bots finished" in done.stdout
    session = server.get("/api/sessions")[0]
    assert (session["config_name"], session["label"]) == ("quiz", "Check by otree-botex")
    assert server.get(f"/api/llm_bots/check/{session['code']}")["finished"] == 1
    assert server.http.get(f"{server.url}/api/llm_bots/check/nosuch", timeout=10).status_code == 404


@pytest.fixture
def busy(project):
    """A check whose bots read a page for ten minutes, in an output file of its own."""
    if not Path("/proc").exists():
        pytest.skip("processes are looked up in /proc")
    add_app(project, "slow", bids=SLOW, button="")
    with (project / "output").open("wb") as output:
        process = subprocess.Popen(
            command("6", "slow"), cwd=project, stdout=output, stderr=output, start_new_session=True
        )
    yield process
    for pid in processes_in(project):
        os.kill(pid, signal.SIGKILL)
    process.wait(10)


def _is_under_way(folder):
    return "1 waiting" in (folder / "output").read_text()


def test_ctrl_c_reports_and_leaves_no_process(project, busy):
    wait_until(lambda: _is_under_way(project), LIMIT, "the bots play")
    running = processes_in(project)
    assert any("otree_botex.private_server" in line for line in running.values())
    assert any("runner" in line for line in running.values())
    busy.send_signal(signal.SIGINT)
    assert busy.wait(60) == 130
    said = " ".join((project / "output").read_text().split())
    assert "Stopping the bots" in said and "0 of 2 bots finished" in said and "Traceback" not in said
    wait_until_gone(project)


def test_a_killed_check_leaves_no_process(project, busy):
    wait_until(lambda: _is_under_way(project), LIMIT, "the bots play")
    busy.kill()
    wait_until(lambda: set(processes_in(project)) <= {busy.pid}, 20, "all processes have ended")


def test_the_servers_key_stands_nowhere(project, busy):
    wait_until(lambda: _is_under_way(project), LIMIT, "the bots play")
    running = processes_in(project)
    server = next(pid for pid, line in running.items() if "otree_botex.private_server" in line)
    environment = dict(
        line.split("=", 1) for line in Path(f"/proc/{server}/environ").read_text().split("\0") if "=" in line
    )
    key, address = environment["OTREE_REST_KEY"], f"http://127.0.0.1:{running[server][-2]}"
    assert len(key) >= 32 and not any(key in argument for line in running.values() for argument in line)
    for path in project.rglob("*"):
        assert not path.is_file() or key.encode() not in path.read_bytes(), path
    # and who does not have it, gets nowhere
    assert requests.get(f"{address}/api/sessions", timeout=10).status_code == 403
    assert requests.get(f"{address}/LLMBots/x", timeout=10, allow_redirects=False).status_code in (302, 404)


def button(server, session):
    """Presses “Check this experiment” on a session's tab, as its form would be sent."""
    assert f'action="/LLMBots/{session}/check"' in server.get(f"/LLMBots/{session}")
    return server.post_form(f"/LLMBots/{session}/check", session)


@pytest.mark.parametrize("otree", ["6", "5"])
def test_the_button_checks_in_a_session_of_its_own(start_server, otree):
    server = start_server(otree)
    session = server.session("ultimatum", 4, pie=37)
    answer = button(server, session)
    checked = answer.url.split("/")[-2]
    assert answer.ok and answer.url.endswith(f"/LLMBots/{checked}/check") and checked != session
    assert server.bots(session) == []
    assert [bot["state"] for bot in server.wait_for_end(checked)] == ["finished"] * 2
    report = server.get(f"/LLMBots/{checked}/check")
    assert "2 of 2 bots finished; no page needs a browser." in report and "data-ended" in report
    assert "37" in report  # the pie as it was changed for the session, in the bounds of an offer
    assert server.post(f"/api/get_session/{checked}")["config"]["pie"] == 37
    assert requests.post(f"{server.url}/LLMBots/{session}/check", timeout=10).status_code == 403  # no CSRF token


def test_a_session_whose_experiment_cannot_be_made_again(start_server):
    server = start_server()
    session = server.session("dictator_de", 1)
    server.end()
    with (server.folder / "dictator_de" / "__init__.py").open("a") as file:
        file.write("\ndef creating_session(subsession):\n    raise ValueError('<b>no such treatment</b>')\n")
    server.start()
    page = button(server, session).text
    assert "No session of “dictator_de” can be made: ValueError: &lt;b&gt;no such treatment" in page
    assert len(server.get("/api/sessions")) == 1


def test_labels_and_errors_of_pages_stay_text(start_server):
    server = start_server()
    hostile = "<script>alert(1)</script>"
    server.end()
    code = server.folder / "dictator_de" / "__init__.py"
    source = code.read_text()
    label = source.split("label=")[1][1:].split("'")[0]
    code.write_text(source.replace(label, hostile.replace("<", "&lt;")))
    server.start()
    session = server.play("dictator_de", 1)
    page = server.get(f"/LLMBots/{session}/check")
    assert hostile not in page and hostile in unescape(page)


@pytest.mark.browser
def test_the_report_in_a_browser(start_server, chromium):
    server = start_server()
    session = server.session("guess_two_thirds", 3)
    page = chromium.new_page(viewport={"width": 1280, "height": 1000})
    page.set_default_timeout(90_000)
    problems = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.goto(f"{server.url}/LLMBots/{session}")
    page.get_by_role("button", name="Check this experiment").click()
    page.get_by_role("heading", name="What bots could do in “guess_two_thirds”").wait_for()
    address = page.url
    page.get_by_text("3 of 3 bots finished; no page needs a browser.").wait_for()  # without reloading
    assert page.url == address and session not in address
    row = page.get_by_role("row", name="guess_two_thirds / Guess, rounds 1-3")
    assert "passed" in row.inner_text() and "whole number, 0 to 100" in row.inner_text()
    page.close()
    assert problems == []
