"""On an open server no model that costs money starts without a limit, in whatever way it is started."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from .test_launching import command_line
from .test_seats import change

pytestmark = pytest.mark.server

PAID = "openai/gpt-4.1-mini"
REFUSED = "set a limit for cost, calls or tokens"
SECRETS = {"OTREE_ADMIN_PASSWORD": "correct horse", "OTREE_REST_KEY": "battery staple"}


def refused(server, session, **given):
    answer = server.http.post(
        f"{server.url}/api/llm_bots/launch", json={"session_code": session, "model": PAID, **given}, timeout=60
    )
    assert answer.status_code == 400
    return REFUSED in answer.text


@pytest.fixture
def open_server(start_server):
    def start(otree="6", **options):
        return start_server(otree, host="0.0.0.0", **options)

    return start


@pytest.mark.parametrize("otree", ["6", "5"])
def test_an_open_server_asks_for_a_limit(open_server, otree):
    server = open_server(otree)
    session = server.session("dictator_de", 1)
    assert refused(server, session)
    assert refused(server, session, rows=[{"model": "random"}, {"model": PAID}])
    for limit in ("cost", "calls", "tokens", "bot_cost", "bot_calls", "bot_tokens"):
        # what is refused then is that the bots' environment is missing, which comes after
        assert not refused(server, session, **{f"budget_{limit}": 5})
    assert server.bots(session) == []
    server.launch(session)
    assert [bot["state"] for bot in server.wait_for_end(session)] == ["finished"]


def test_every_way_to_start_bots_is_watched(open_server):
    server = open_server()
    session = server.session("dictator_de", 1)
    form = {"model": "", "other_model": PAID, "which_seats": "all"}
    page = server.post_form(f"/LLMBots/{session}/add", session, **form).text
    assert REFUSED in page and PAID in page
    common = ("launch", "--server", server.url, "--session", session, "--model", PAID)
    assert REFUSED in command_line(server, *common).stderr
    assert REFUSED not in command_line(server, *common, "--budget-cost", "1").stderr
    given = change(server, session, 1, "give", model=PAID).json()
    assert REFUSED in given["error"] and "which_seats=picked" in given["add"]
    by_config = server.session("public_goods_with_bots", 3, llm_bots_model=PAID)
    assert [REFUSED in bot["error"] for bot in server.bots(by_config)] == [True] * 3


def test_starting_again_is_watched(open_server):
    """Bots that were started behind a password, on a server that is open now."""
    server = open_server()
    session = server.session("dictator_de", 1)
    server.launch(session)
    server.wait_for_end(session)
    server.end()
    with closing(sqlite3.connect(server.folder / "db.sqlite3")) as database:
        database.execute(
            "update otree_botex_launch set rows_json = replace(rows_json, '\"random\"', ?)", (f'"{PAID}"',)
        )
        database.execute("update otree_botex_bot set state = 'stopped'")
        database.commit()
    server.start()
    page = server.post_form(f"/LLMBots/{session}", session, action="again").text
    assert REFUSED in page
    assert [bot["state"] for bot in server.bots(session)] == ["stopped"]


def test_a_server_with_a_password_or_for_this_machine_alone_asks_for_none(open_server, start_server):
    for server in (open_server(environment={"OTREE_AUTH_LEVEL": "STUDY", **SECRETS}), start_server()):
        assert not refused(server, server.session("dictator_de", 1))


def test_a_server_whose_demo_sessions_are_open_to_all_asks_for_a_limit(open_server):
    server = open_server(environment={"OTREE_AUTH_LEVEL": "DEMO", **SECRETS})
    assert refused(server, server.session("dictator_de", 1))


def test_the_production_server_listens_to_all_unless_told_otherwise(start_server):
    server = start_server(production=True, host="")
    assert refused(server, server.session("dictator_de", 1))
