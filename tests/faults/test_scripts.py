"""Scripts that write to one record at once, and scripts that are stopped with Ctrl-C."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing

import pytest

from otree_botex import init_otree_session, read_participants_from_botex_db

from ..servers import wait_until
from . import checks
from .provider import failing

pytestmark = [pytest.mark.server, pytest.mark.slow]

SCRIPTS, BOTS_EACH = 4, 5


def test_several_scripts_write_to_one_record(server, script, faults, tmp_path):
    """It does not exist when they all begin."""
    session = server.session("ten_pages", SCRIPTS * BOTS_EACH, rounds=3)
    links = server.links(session)
    processes = [
        script(links=links[start::SCRIPTS], session_id=session, model="random", memory="none")
        for start in range(SCRIPTS)
    ]
    for process in processes:
        _, said = process.communicate(timeout=120)
        assert process.returncode == 0, said
    steps, messages = checks.script_record(tmp_path / "botex.sqlite3", session)
    checks.everything_was_played_once(server, session, steps, SCRIPTS * BOTS_EACH, 3)
    assert sum(row["role"] == "assistant" for row in messages) == sum(
        one["what"] == "call" for one in checks.done(faults)
    )


@pytest.fixture
def waiting(server, tmp_path):
    """A session of three in which two seats are for bots, who will wait for the third."""
    record = tmp_path / "botex.sqlite3"
    made = init_otree_session("ten_pages", 3, nhumans=1, botex_db=record, otree_server_url=server.url)
    return made["session_id"], made["human_urls"][0], record


def states(session, record):
    return [bot["state"] for bot in read_participants_from_botex_db(session, record)] if record.exists() else []


def end_with_ctrl_c(process, seconds):
    """What a script says when it is stopped, which takes it no longer than this."""
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert time.monotonic() - began < seconds, said
    return said


def test_ctrl_c_ends_a_script_that_can_be_gone_on_with(server, script, waiting):
    session, persons_link, record = waiting
    process = script(session_id=session, model="random")
    wait_until(lambda: states(session, record) == ["waiting"] * 2, 30, "both bots wait")
    said = end_with_ctrl_c(process, 20)
    assert process.returncode == -signal.SIGINT  # as every Python script that Ctrl-C ends
    assert "already_started=True" in said and said.count("Stopp") == 2, said
    it_goes_on(server, script, waiting)


def test_ctrl_c_ends_a_command_that_can_be_gone_on_with(server, script, waiting):
    session, _, record = waiting
    command = ["-m", "otree_botex", "run", session, "--model", "random", "--db", str(record)]
    process = subprocess.Popen([sys.executable, *command], stderr=subprocess.PIPE, text=True)
    wait_until(lambda: states(session, record) == ["waiting"] * 2, 30, "both bots wait")
    said = end_with_ctrl_c(process, 20)
    assert process.returncode == 130
    assert "--again" in said and "Traceback" not in said
    it_goes_on(server, script, waiting)


def it_goes_on(server, script, waiting):
    """The record is whole, and says that the bots were stopped; when they are started again, they finish."""
    session, persons_link, record = waiting
    with closing(sqlite3.connect(record)) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert states(session, record) == ["stopped"] * 2
    processes = [
        script(session_id=session, already_started=True),
        script(session_id=session, links=[persons_link], model="random", botex_db=f"{record}.other"),
    ]
    for process in processes:
        _, said = process.communicate(timeout=60)
        assert process.returncode == 0, said
    steps = checks.script_record(record, session)[0] + checks.script_record(f"{record}.other", session)[0]
    checks.everything_was_played_once(server, session, steps, 3)


def test_ctrl_c_does_not_wait_for_a_model_that_is_silent(script, waiting):
    session, _, record = waiting
    with failing(hang=1.0) as provider:
        process = script(session_id=session, model="openai/fake", seed=1, api_key="none", api_base=provider.api_base)
        wait_until(lambda: provider.asked.total() == 2, 60, "both bots ask")
        said = end_with_ctrl_c(process, 45)  # by then it has not answered yet
    assert process.returncode == -signal.SIGINT
    assert said.count("already_started=True") == 1, said
    _, messages = checks.script_record(record, session)
    assert sum(row["role"] == "assistant" for row in messages) == 2
