"""Ways to start bots, and which seats they take."""

from __future__ import annotations

import json
import os
import re
import subprocess

import pytest
import requests
import websocket

from otree_botex.parameters import PARAMETERS, parameters

from ..servers import wait_until

pytestmark = pytest.mark.server


@pytest.fixture
def server(start_server):
    return start_server()


def command_line(server, *arguments):
    command = [str(server.python), "-m", "otree_botex", *arguments]
    environment = {**os.environ, **server.environment}
    return subprocess.run(command, capture_output=True, text=True, cwd=server.folder, env=environment, timeout=120)


def test_a_session_config_starts_bots_by_itself(server):
    session = server.session("public_goods_with_bots", 3)
    assert [bot["state"] for bot in server.wait_for_end(session)] == ["finished"] * 3


def test_config_fields_can_be_changed_for_one_session(server):
    session = server.session("public_goods_with_bots", 6, llm_bots=2)
    bots = wait_until(lambda: server.bots(session), 10, "bots were started")
    assert [bot["seat"] for bot in bots] == [5, 6]
    other = server.session("public_goods_with_bots", 3, llm_bots_start=False)
    assert server.bots(other) == []


def test_a_session_made_in_a_room_has_its_bots(server):
    body = {"session_config_name": "public_goods_with_bots", "num_participants": 3, "room_name": "lab"}
    session = server.post("/api/sessions", **body)["code"]
    assert [bot["state"] for bot in server.wait_for_end(session)] == ["finished"] * 3


@pytest.mark.parametrize("otree", ["6", "5"])
def test_a_session_made_on_the_demo_page_or_in_the_admin_has_its_bots(start_server, otree):
    server = start_server(otree)
    forms = {
        "/create_demo_session": {"session_config": "public_goods_with_bots"},
        "/create_session": {
            "session_config": "public_goods_with_bots",
            "num_participants": "3",
            "public_goods_with_bots.llm_bots": "3",
            "public_goods_with_bots.llm_bots_model": "random",
            "public_goods_with_bots.llm_bots_start": "on",
        },
    }
    for path, form in forms.items():
        server.get("/demo")  # somebody has opened a page before, as one has to
        socket = websocket.create_connection(server.url.replace("http", "ws") + path)
        socket.send(json.dumps(form))
        url = None
        while url is None:
            answer = json.loads(socket.recv())
            assert not answer.get("error") and not answer.get("validation_errors"), answer
            url = answer.get("session_url")
        socket.close()
        bots = server.wait_for_end(url.rpartition("/")[2])
        assert [bot["state"] for bot in bots] == ["finished"] * 3, bots


def test_bots_that_cannot_start_say_so_on_the_tab(server):
    session = server.session("public_goods_with_bots", 3, llm_bots_model="openai/gpt-4.1-mini")
    bots = server.bots(session)
    assert {bot["state"] for bot in bots} == {"failed"} and "otree-botex setup" in bots[0]["error"]
    server.launch(session)  # nobody sat down: all seats are still free
    assert [bot["state"] for bot in server.wait_for_end(session)] == ["finished"] * 3


def test_bots_that_could_not_start_play_as_the_config_says_once_that_is_mended(start_server):
    """What is not there at first is looked for again; nothing of what the config asks for is lost meanwhile."""
    asked = {"llm_bots": 4, "llm_bots_personas": "people", "llm_bots_prompts": "own", "llm_bots_budget_cost": 2.5}
    server = start_server(settings=f"next(one for one in SESSION_CONFIGS if 'llm_bots_start' in one).update({asked!r})")
    session = server.session("public_goods_with_bots", 3)
    assert "Only 3 seats are free" in server.bots(session)[0]["error"]
    refused = server.post_form(f"/LLMBots/{session}", session, action="again").text
    assert "There is no set of personas “people”" in refused
    folder = server.folder / "_llm_bots"
    (folder / "personas" / "people.csv").write_text("name\nAnna\n", "utf-8")
    (folder / "prompts" / "own").mkdir(parents=True)
    (folder / "prompts" / "own" / "persona.txt").write_text("You are $persona.", "utf-8")
    server.post_form(f"/LLMBots/{session}", session, action="again")
    bots = server.wait_for_end(session)
    assert [(bot["state"], bot["persona"]) for bot in bots] == [("finished", "Anna")] * 3
    manifest = server.get(f"/api/llm_bots/launch/{bots[0]['launch']}/manifest")
    assert (manifest["budget"]["cost"], manifest["prompt_set"]) == (2.5, "own")
    assert manifest["prompts"]["persona"] == "You are $persona."
    assert manifest["assignment"]["seed"] is not None


def test_launch_from_a_shell(server):
    session = server.session("public_goods", 3)
    done = command_line(server, "launch", "--server", server.url, "--session", session, "--model", "random")
    assert done.returncode == 0, done.stderr
    assert "3 of 3 bots finished" in done.stdout and "12/12 pages" in done.stdout


def test_launch_from_a_shell_tells_what_is_wrong(server):
    session = server.session("public_goods", 3)
    common = ("launch", "--server", server.url, "--session")
    for arguments, said in [
        ((*common, "nosuch", "--model", "random"), "There is no session nosuch"),
        ((*common, session, "--model", "random", "--bots", "4"), "Only 3 seats are free"),
        ((*common, session, "--model", "openai/gpt-4.1-mini"), "otree-botex setup"),
        ((*common, session, "--model", "random", "--temperature", "9"), "temperature must be a number from 0 to 2"),
        ((*common, session, "--model", "random", "--hosts", "http://a.net"), "hosts must be names as cdn.example.org"),
        (("launch", "--server", "http://127.0.0.1:9", "--session", "x", "--model", "random"), "Is it running?"),
    ]:
        done = command_line(server, *arguments)
        assert done.returncode == 1 and said in done.stderr and "Traceback" not in done.stderr
    assert server.bots(session) == []


def test_how_pages_are_played_in_a_browser_is_said_on_the_launch_page_in_a_shell_and_over_rest(server):
    asked = {"driver": "http", "hosts": "a.net, b.net", "page_calls": 500, "page_actions": 9000, "page_seconds": 8}
    sessions = [server.session("dictator_de", 1) for _ in range(3)]
    server.post_form(f"/LLMBots/{sessions[0]}/add", sessions[0], model="random", which_seats="all", browsers=3, **asked)
    options = [text for name, value in asked.items() for text in (f"--{name.replace('_', '-')}", str(value))]
    common = ("launch", "--server", server.url, "--session", sessions[1], "--model", "random", "--browsers", "3")
    assert command_line(server, *common, *options).returncode == 0
    server.launch(sessions[2], **{**asked, "hosts": ["a.net", "b.net"], "browsers": 3})
    for session in sessions:
        (bot,) = server.wait_for_end(session)
        told = server.get(f"/api/llm_bots/launch/{bot['launch']}/manifest")["rows"][0]["parameters"]
        wanted = {**asked, "hosts": ["a.net", "b.net"], "browsers": 3}
        assert {name: told[name] for name in wanted} == wanted


def test_the_launch_page_offers_every_parameter_as_it_is_if_nothing_is_said(server):
    page = server.get(f"/LLMBots/{server.session('dictator_de', 1)}/add")
    usual = parameters({"model": "m"})
    for name in PARAMETERS:
        (tag,) = re.findall(rf'<(?:input|select)[^>]* name="{name}"[^>]*>', page)
        value = getattr(usual, name)
        if tag.startswith("<select"):
            first = page.partition(tag)[2].partition('<option value="')[2].partition('"')[0]
            assert first == value, name
        else:
            assert (re.search(r'value="(\d+)"', tag) or [None, ""])[1] == (str(value) if value else ""), name


def test_a_failed_bot_makes_the_command_fail(start_server):
    server = start_server()
    page = server.folder / "dictator_de" / "Entscheidung.html"
    page.write_text(
        page.read_text().replace("{{ block content }}", "{{ block content }}<input type=hidden name=order>")
    )
    session = server.session("dictator_de", 1)
    done = command_line(server, "launch", "--server", server.url, "--session", session, "--model", "random")
    assert done.returncode == 1
    assert "dictator_de/Entscheidung" in done.stdout.replace("spende/", "dictator_de/") and "script" in done.stdout


def test_people_come_first(server):
    """Seats that somebody opened are left alone, unless picked; bots take the last ones; no seat gets two bots."""
    session = server.session("public_goods", 6)
    codes = _participants(server, session)
    requests.get(f"{server.url}/InitializeParticipant/{codes[5]}", timeout=10)
    server.launch(session, bots=2)
    assert [bot["seat"] for bot in server.bots(session)] == [4, 5]
    server.launch(session)
    assert [bot["seat"] for bot in server.bots(session)] == [1, 2, 3, 4, 5]
    refused = server.http.post(f"{server.url}/api/llm_bots/launch", json={"session_code": session})
    assert refused.status_code == 400 and "No seat is free" in refused.text


def test_a_taken_seat_is_given_to_nobody_else(server):
    """From the click on, before the bot has opened a page: a person with the session-wide link gets another seat."""
    session = server.session("public_goods", 3)
    codes = _participants(server, session)
    server.launch(session, bots=2)
    link = server.get(f"/api/sessions/{session}")["session_wide_url"]
    arrived = requests.get(link, timeout=10).url
    assert codes[0] in arrived
    assert "full" in requests.get(link, timeout=10).text.lower()


@pytest.mark.parametrize(
    "mistake, said",
    [
        ("model=['random']", "unknown key: model"),
        ("models='openai/gpt-4.1'", "models in LLM_BOTS of settings.py must be a list"),
        ("models=None", "models in LLM_BOTS of settings.py must be a list"),
    ],
)
def test_settings_with_a_mistake_are_explained(start_server, mistake, said):
    server = start_server(settings=f"LLM_BOTS = dict({mistake})")
    session = server.session("public_goods", 3)
    answer = server.http.post(f"{server.url}/api/llm_bots/launch", json={"session_code": session})
    assert answer.status_code == 400 and said in answer.text
    page = f"{server.url}/LLMBots/{session}/add"
    wait_until(lambda: said in server.http.get(page, timeout=60).text, 60, "told")
    assert server.tracebacks() == []


def _participants(server, session):
    rows = server.get(f"/api/sessions/{session}")["participants"]
    return [row["code"] for row in sorted(rows, key=lambda row: row["id_in_session"])]
