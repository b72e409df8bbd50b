"""Bots that are paused do nothing more, and go on from where they were; also when their server is started again."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from ..servers import wait_until
from .doing import act, wait_for, wait_until_heard
from .test_interruptions import runner_of

pytestmark = pytest.mark.server


@pytest.fixture
def paused(start_server):
    """A session of three: the second is paused while it waits for the first, and then the others wait for it."""

    def start(otree="6"):
        server = start_server(otree)
        session = server.session("guess_two_thirds", 3)
        server.launch(session, bots=2)
        wait_for(server, session, "waiting", "waiting")
        act(server, session, "pause", 2)
        wait_until_heard(server, session)
        server.launch(session)
        # on the wait page it went on waiting, until the next page was there
        (_, second, _) = wait_for(server, session, "waiting", "paused", "waiting")
        assert second["error"] == "" and second["calls"] < 3
        return server, session, second

    return start


@pytest.mark.parametrize("otree", ["6", "5"])
def test_paused_and_gone_on(paused, otree):
    server, session, before = paused(otree)
    server.end()
    server.start()
    (_, second, _) = wait_for(server, session, "waiting", "paused", "waiting")
    assert second["calls"] == before["calls"]
    act(server, session, "go_on", 2)
    server.finish(session, 3)
    assert [bot["calls"] for bot in server.bots(session)] == [3, 3, 3]
    assert not server.tracebacks()


def test_stopped_while_paused_and_started_again(paused):
    server, session, _ = paused()
    act(server, session, "stop", 2)
    wait_for(server, session, "waiting", "stopped", "waiting")
    act(server, session, "again", 2)
    server.finish(session, 3)


def test_who_is_started_again_is_not_paused(paused):
    server, session, _ = paused()
    act(server, session, "pause")
    for _ in range(2):  # one for each launch
        runner = Path(f"/proc/{runner_of(server)}")
        os.kill(int(runner.name), signal.SIGKILL)
        wait_until(lambda gone=runner: not gone.exists(), 60, "it has ended")
    wait_for(server, session, "failed", "failed", "failed")
    act(server, session, "again")
    server.finish(session, 3)
