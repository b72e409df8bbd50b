"""Limits of a launch on a real server: kept, told, raised, and not given a second time."""

from __future__ import annotations

import os
import signal
import sys

import pytest

from ..scripts import plain
from ..servers import wait_until
from .doing import act, set_budget
from .test_interruptions import runner_of

pytestmark = pytest.mark.server


def calls(bots):
    return sum(bot["calls"] for bot in bots)


def requests(server, session):
    """How often the model was asked, by the record's messages."""
    return sum(row["role"] == "assistant" for row in server.export(session, "messages"))


def used_up(server, session, number):
    """The bots of a session when its model was asked so often, and each is paused or waits for one that is."""

    def found():
        bots = server.bots(session)
        states = {bot["state"] for bot in bots}
        return bots if states <= {"paused", "waiting"} and "paused" in states and calls(bots) == number else []

    return wait_until(found, 120, f"{number} calls are used up\n{server.runner_logs()[-2000:]}")


@pytest.mark.parametrize("otree", ["6", "5"])
def test_a_limit_of_calls_holds_and_is_raised(start_server, otree):
    server = start_server(otree)
    session = server.session("guess_two_thirds", 6)
    launch = server.launch(session, budget_calls=4)
    bots = used_up(server, session, 4)
    assert requests(server, session) == 4
    assert {bot["error"] for bot in bots if bot["state"] == "paused"} == {
        "The launch’s budget of 4 calls is used up: 4 calls so far. Raise it on the tab “LLM bots” and the bots go on."
    }
    server.end()
    server.start()
    used_up(server, session, 4)
    set_budget(server, session, launch, calls=8)
    used_up(server, session, 8)
    set_budget(server, session, launch)
    server.finish(session, 6)
    bots = server.bots(session)
    assert calls(bots) == requests(server, session) == 18
    assert {bot["error"] for bot in bots} == {""}


def test_bots_that_stop_at_a_limit_say_so_and_have_no_second_budget(start_server):
    """Started again they have what is left, which is nothing."""
    server = start_server()
    session = server.session("guess_two_thirds", 3)
    launch = server.launch(session, budget_bot_calls=2, budget_then="stop")
    said = "This bot’s budget of 2 calls is used up: 2 calls so far. "
    said += "Raise it on the tab “LLM bots” and start the bot again."
    for _ in range(2):
        bots = server.wait_for_end(session)
        assert [(bot["state"], bot["error"], bot["calls"]) for bot in bots] == [("stopped", said, 2)] * 3
        act(server, session, "again")
    server.wait_for_end(session)
    assert {row["error"] for row in server.export(session, "bots")} == {said}
    seats = server.get(f"/api/llm_bots/launch/{launch}/manifest")["seats"]
    assert {seat["error"] for seat in seats} == {said} and {seat["fate"] for seat in seats} == {"stopped"}
    set_budget(server, session, launch, bot_calls=3, then="stop")
    act(server, session, "again")
    server.finish(session, 3)
    assert [bot["calls"] for bot in server.bots(session)] == [3, 3, 3]


def test_a_process_that_is_killed_takes_nothing_of_the_budget_with_it(start_server):
    server = start_server()
    session = server.session("guess_two_thirds", 3)
    launch = server.launch(session, budget_calls=4)
    used_up(server, session, 4)
    os.kill(runner_of(server), signal.SIGKILL)
    wait_until(lambda: all(bot["state"] == "failed" for bot in server.bots(session)), 60, "the loss is seen")
    act(server, session, "again")
    used_up(server, session, 4)
    assert requests(server, session) == 4
    set_budget(server, session, launch, calls=9)
    server.finish(session, 3)


def test_a_limit_of_costs_and_of_tokens(start_server):
    """What a reply costs is known when it is there; until then a call on its way counts as much as others did."""
    pytest.importorskip("litellm", reason="litellm is not installed")
    with plain.provider() as model:
        server = start_server(environment={"OTREE_BOTEX_PYTHON": sys.executable, **model.environment})
        session = server.session("guess_two_thirds", 3)
        launch = server.launch(session, "openai/gpt-4.1-mini", budget_cost=1.0)
        server.finish(session, 3)
        one = max(bot["cost"] for bot in server.bots(session)) / 3
        assert one > 0

        session = server.session("guess_two_thirds", 6)
        launch = server.launch(session, "openai/gpt-4.1-mini", budget_cost=f"{4 * one:.8f}")
        wait_until(lambda: "paused" in [bot["state"] for bot in server.bots(session)], 90, "a bot is paused")
        bots = server.bots(session)
        assert 0 < sum(bot["cost"] for bot in bots) <= 5 * one
        told = next(bot["error"] for bot in bots if bot["state"] == "paused")
        assert f"budget of ${4 * one:.6f} is used up: $0.000" in told
        set_budget(server, session, launch, tokens=100)
        told = wait_until(
            lambda: [bot["error"] for bot in server.bots(session) if "100 tokens" in bot["error"]], 60, "it is told"
        )
        assert "tokens so far. Raise it" in told[0]
        set_budget(server, session, launch)
        server.finish(session, 6)


def test_rows_of_a_mix_learn_of_each_other(start_server):
    """Each is a process of its own; they may be a little over a limit, but not go on beyond it."""
    server = start_server()
    session = server.session("guess_two_thirds", 6)
    launch = server.launch(session, rows=[{"model": "random"}, {"model": "random"}], budget_calls=7)

    def stands():  # who sits with whom is drawn: one group may be at the end, and of the other only one bot be paused
        states = {bot["state"] for bot in server.bots(session)}
        return "paused" in states and states <= {"paused", "waiting", "finished"}

    wait_until(stands, 120, "nobody goes on")
    assert 7 <= calls(server.bots(session)) <= 2 * 7
    set_budget(server, session, launch)
    server.finish(session, 6)
