"""Who may open which of our addresses: all of them, under each OTREE_AUTH_LEVEL, and none by accident."""

from __future__ import annotations

import re
import subprocess

import pytest
import requests

from otree_botex import records

pytestmark = pytest.mark.server

PASSWORD, KEY = "correct horse", "battery staple"
ROUTES = {
    "/otree_botex/ping": "anybody",
    "/otree_botex/journal/{launch}": "token",
    "/otree_botex/journal/{launch}/replay": "token",
    "/api/llm_bots/launch": "key",
    "/api/llm_bots/launch/{launch}": "key",
    "/api/llm_bots/launch/{launch}/manifest": "key",
    "/api/llm_bots/check": "key",
    "/api/llm_bots/check/{session}": "key",
    "/LLMBots/{code}": "admin",
    "/LLMBots/{code}/status": "admin",
    "/LLMBots/{code}/add": "admin",
    "/LLMBots/{code}/expect": "admin",
    "/LLMBots/{code}/preview": "admin",
    "/LLMBots/{code}/check": "admin",
    "/LLMBots/{code}/bot/{bot}": "admin",
    "/LLMBots/{code}/bot/{bot}/messages/{step}": "admin",
    "/LLMBots/{code}/compare": "admin",
    "/LLMBots/{code}/answers": "admin",
    "/LLMBots/{code}/answers.csv": "admin",
    "/LLMBots/{code}/launch/{launch}": "admin",
    "/LLMBots/{code}/launch/{launch}/{file}": "admin",
    "/LLMBots/{code}/export/{table}": "admin",
    "/LLMBots/{code}/plots": "admin",
    "/LLMBots/{code}/plots/{name}.csv": "admin",
    "/LLMBots/{code}/report": "admin",
    "/LLMBots/{code}/report/{file}": "admin",
    "/LLMBotsOverview": "admin",
    "/LLMBotsOverview/status": "admin",
    "/LLMBotsPersonas": "admin",
    "/LLMBotsPersonas/{set}": "admin",
    "/LLMBotsPersonas/{set}/preview": "admin",
    "/LLMBotsPersonas/{set}/file/{kind}": "admin",
    "/LLMBotsPrompts": "admin",
    "/LLMBotsPrompts/{set}": "admin",
    "/LLMBotsSettings": "admin",
    "/LLMBots/{code}/seats": "admin",
    "/LLMBots/{code}/seat": "admin",
    "/LLMBotsRoom/{room}": "admin",
    "/LLMBotsRoom/{room}/now": "admin",
    "/otree_botex/rooms/tick": "token",
}
"""All our routes, and who may open them: anybody; who has a launch's token; who has oTree's REST key; or the admin. The
last two are asked for by oTree where OTREE_AUTH_LEVEL is set."""


def routes_of(server):
    """The paths of all routes that we add to this server's."""
    code = (
        "from otree.main import setup; setup()\n"
        "from otree_botex.admin.routes import routes\n"
        "print('\\n'.join(route.path for route in routes))"
    )
    environment = {**server.environment, "OTREE_IN_MEMORY": "1"}
    command = [str(server.python), "-c", code]
    listed = subprocess.run(command, cwd=server.folder, env=environment, capture_output=True, text=True, check=True)
    return [line for line in listed.stdout.splitlines() if line.startswith("/")]


def login(server):
    """A browser in which somebody has logged in as the admin."""
    browser = requests.Session()
    page = browser.get(f"{server.url}/login", timeout=30)
    token = page.text.split('name="csrftoken" value="')[1].split('"')[0] if "csrftoken" in page.text else ""
    data = {"username": "admin", "password": PASSWORD, "csrftoken": token}
    browser.post(f"{server.url}/login", data=data, timeout=30)
    return browser


def visitors(server, session):
    """Nobody in particular, a participant of the session, the admin, and who has the REST key."""
    participant, key = requests.Session(), requests.Session()
    key.headers["otree-rest-key"] = KEY
    code = server.get(f"/api/sessions/{session}")["participants"][0]["code"]
    assert participant.get(f"{server.url}/InitializeParticipant/{code}", timeout=30).ok
    return {"nobody": requests.Session(), "participant": participant, "admin": login(server), "key": key}


def is_refused(answer):
    return answer.status_code in (401, 403) or (
        answer.status_code == 302 and answer.headers["location"].endswith("/login")
    )


def may_open(who, visitor, level):
    if who == "token":
        return False
    return who == "anybody" or level is None or who == visitor


def test_every_route_has_an_entry_here(start_server):
    server = start_server()
    assert sorted(routes_of(server)) == sorted(ROUTES)


@pytest.mark.parametrize("otree, level", [("6", None), ("6", "DEMO"), ("6", "STUDY"), ("5", "STUDY")])
def test_each_route_opens_for_those_who_may_open_it(start_server, otree, level):
    environment = {"OTREE_ADMIN_PASSWORD": PASSWORD, "OTREE_REST_KEY": KEY}
    server = start_server(otree, environment={**environment, **({"OTREE_AUTH_LEVEL": level} if level else {})})
    session = server.session("dictator_de", 3)
    launch = server.launch(session, bots=1)
    known = visitors(server, session)
    (bot,) = known["admin"].get(f"{server.url}/LLMBots/{session}/status", timeout=30).json()["bots"]
    values = {"code": session, "session": session, "launch": launch, "bot": bot["bot"], "file": "manifest.json"}
    values |= {"table": "bots", "room": "lab"}
    for route, who in ROUTES.items():
        path = re.sub(r"\{(\w+)\}", lambda name: str(values.get(name[1], "nosuch")), route)
        for visitor, browser in known.items():
            answer = browser.get(server.url + path, timeout=60, allow_redirects=False)
            said = f"GET {route} by {visitor} under {level}: {answer.status_code} {answer.text[:300]}"
            assert answer.status_code < 500, said
            if answer.status_code != 405:
                assert is_refused(answer) != may_open(who, visitor, level), said
            if who == "admin" or not may_open(who, visitor, level):
                sent = {"data": {"action": "stop"}} if who == "admin" else {"json": {}}
                answer = browser.post(server.url + path, **sent, timeout=60, allow_redirects=False)
                said = f"POST {route} by {visitor}: {answer.status_code} {answer.text[:300]}"
                assert is_refused(answer) or answer.status_code == 405, said
    assert server.tracebacks() == []


def test_a_token_opens_only_its_own_launch(start_server):
    server = start_server(environment={"OTREE_REST_KEY": KEY})
    session = server.session("dictator_de", 1)
    url = server.url + records.JOURNAL_PATH.format(launch=server.launch(session))
    for headers in ({}, {"Authorization": "Bearer "}, {"Authorization": "Bearer guess"}, {"otree-rest-key": KEY}):
        answer = requests.post(url, json={"bots": [1], "records": []}, headers=headers, timeout=30)
        assert answer.status_code == 403 and requests.get(url, headers=headers, timeout=30).status_code == 403
