"""Bots whose process is killed with -9 at every point of their work: they go on, and nothing is lost or done twice.

A session is killed once at each of eight points, in an order and after a number of passes that are drawn by a seed.
"""

from __future__ import annotations

import json
import random
import signal

import pytest

from otree_botex import init_otree_session

from ..admin.test_interruptions import act
from ..servers import wait_until
from . import checks
from .conftest import FULL

pytestmark = [pytest.mark.server, pytest.mark.slow]

BOTS = 10
POINTS = [f"{when} {what}" for what in ("fetch", "call", "record", "POST") for when in ("before", "after")]
SEEDS = range(25 if FULL else 1)
LAST_PASS = 10
"""Eight times as many still leave pages to play; a bot begins with two fetches."""


def deaths(seed):
    """Where and when the session's processes are to die, one after the other."""
    rng = random.Random(seed)
    for point in rng.sample(POINTS, len(POINTS)):
        yield {"point": point, "nth": rng.randint(1, LAST_PASS * (3 if "fetch" in point else 1))}


def check(server, session, record, faults):
    steps, messages = record
    actions = checks.done(faults)
    assert sorted(action["at"] for action in actions if action["what"] == "died") == sorted(POINTS)
    checks.everything_was_played_once(server, session, steps, BOTS)
    checks.no_form_was_sent_after_it_was_accepted(actions)
    calls = [action for action in actions if action["what"] == "call"]
    checks.every_call_is_on_record(messages, calls, unsent=BOTS * len(POINTS))


@pytest.mark.parametrize("seed", SEEDS)
def test_a_script_that_is_killed(server, script, faults, tmp_path, seed):
    made = init_otree_session("ten_pages", BOTS, botex_db=tmp_path / "botex.sqlite3", otree_server_url=server.url)
    session = made["session_id"]
    playing = {"session_id": session, "model": "random"}
    for death in deaths(seed):
        (faults / "point.json").write_text(json.dumps(death))
        process = script(**playing)
        _, said = process.communicate(timeout=120)
        assert process.returncode == -signal.SIGKILL, f"not killed {death}: {said}"
        playing["already_started"] = True
    (faults / "point.json").unlink()
    process = script(**playing)
    _, said = process.communicate(timeout=120)
    assert process.returncode == 0, said
    check(server, session, checks.script_record(tmp_path / "botex.sqlite3", session), faults)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_runner_that_is_killed(server, faults, seed):
    session = server.session("ten_pages", BOTS)
    for number, death in enumerate(deaths(seed + 1000)):
        (faults / "point.json").write_text(json.dumps(death))
        if number == 0:
            server.launch(session)
        else:
            act(server, session, "again")
        wait_until(
            lambda deaths=number + 1: sum(one["what"] == "died" for one in checks.done(faults)) == deaths,
            120,
            f"the runner dies {death}",
        )
        wait_until(
            lambda: {bot["state"] for bot in server.bots(session)} <= {"failed", "finished"}, 10, "the loss is seen"
        )
    (faults / "point.json").unlink()
    act(server, session, "again")
    server.finish(session, BOTS)
    check(server, session, checks.server_record(server, session), faults)
