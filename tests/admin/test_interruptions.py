"""Nothing is lost when a runner is killed, the server restarts, or bots are stopped; and bots go on from there."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest
import requests

from ..servers import wait_until
from .test_seats import change

pytestmark = pytest.mark.server


def runner_of(server):
    """The process id of the runner that this server started last."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                command = (entry / "cmdline").read_bytes().split(b"\0")
                folder = os.readlink(entry / "cwd")
            except OSError:
                continue
            if b"runner" in command and folder == str(server.folder):
                found.append(int(entry.name))
    return max(found)


def act(server, session, action, *bots):
    """Presses a button of the tab, for these bots or for all."""
    server.post_form(f"/LLMBots/{session}", session, action=action, bot=bots)


def two_waiting_bots(start_server, experiment):
    """A session of three in which two bots wait for the third seat."""
    server = start_server()
    session = server.session(experiment, 3)
    server.launch(session, bots=2)
    wait_until(lambda: all(bot["state"] == "waiting" for bot in server.bots(session)), 30, "both bots wait")
    return server, session


def steps(server, session):
    return server.export(session, "steps")


def answers_are_the_data(server, session, field, column):
    """Each answer on record is the one in oTree's data, and each was given once."""
    rows = [row for row in steps(server, session) if row["field"] == field and row["outcome"] == "submitted"]
    said = {(row["participant"], row["round_number"]): row["answer"] for row in rows}
    assert len(said) == len(rows)
    data = server.by_participant(session)
    for (participant, round_number), answer in said.items():
        assert data[participant][column.format(round_number)] == answer
    return said


def test_killing_the_runner_loses_nothing_and_the_bots_go_on(start_server):
    server = start_server()
    session = server.session("guess_two_thirds", 6)
    # five bots: the last group cannot go on without its third player, so the runner is surely alive when it is killed
    server.launch(session, bots=5)
    wait_until(lambda: sum(bot["state"] == "waiting" for bot in server.bots(session)) >= 2, 30, "bots wait")
    before = {(row["participant"], row["step"]): row["text"] for row in steps(server, session)}
    os.kill(runner_of(server), signal.SIGKILL)
    bots = wait_until(
        lambda: [bot for bot in server.bots(session) if bot["state"] == "failed"], 10, "the tab tells of the loss"
    )
    assert len(bots) >= 2 and "Start again" in bots[0]["error"]
    after = {(row["participant"], row["step"]): row["text"] for row in steps(server, session)}
    assert before.items() <= after.items()

    server.launch(session)
    act(server, session, "again")
    assert [bot["state"] for bot in server.wait_for_end(session)] == ["finished"] * 6
    said = answers_are_the_data(server, session, "guess", "guess_two_thirds.{}.player.guess")
    assert len(said) == 18


def test_the_seat_of_a_bot_whose_runner_was_killed_can_be_given_to_another(start_server):
    """Also after all were told to stop: what became of the bot is not forgotten."""
    server, session = two_waiting_bots(start_server, "public_goods")
    os.kill(runner_of(server), signal.SIGKILL)
    lost = wait_until(
        lambda: [bot for bot in server.bots(session) if bot["state"] == "failed"], 10, "the tab tells of the loss"
    )
    token = server.csrf_token("/LLMBotsOverview")
    assert server.http.post(f"{server.url}/LLMBotsOverview", data={"csrftoken": token, "action": "stop"}).ok
    bots = server.bots(session)
    assert [(bot["state"], bot["error"]) for bot in bots] == [("failed", lost[0]["error"])] * 2
    assert change(server, session, 3, "give", model="random").ok
    assert "already playing on P3" in change(server, session, 3, "give", model="random").json()["error"]
    act(server, session, "again", bots[0]["bot"])
    server.launch(session)
    assert [bot["state"] for bot in server.wait_for_end(session)] == ["finished"] * 3


def test_a_restarted_bot_remembers(start_server):
    """What it was shown before is part of what it is shown after."""
    server, session = two_waiting_bots(start_server, "guess_two_thirds")
    os.kill(runner_of(server), signal.SIGKILL)
    wait_until(lambda: all(bot["state"] == "failed" for bot in server.bots(session)), 10, "the loss is seen")
    act(server, session, "again")
    server.launch(session)
    server.wait_for_end(session)
    messages = server.export(session, "messages")
    bot = next(row["bot"] for row in messages if row["participant"] == server.bots(session)[1]["participant"])
    own = [row for row in messages if row["bot"] == bot]
    assert [row["role"] for row in own].count("system") == 1
    replies = [row for row in own if row["role"] == "assistant"]
    assert set(json.loads(replies[0]["sent"])) < set(json.loads(replies[1]["sent"]))
    assert len({row["number"] for row in own}) == len(own)


def test_restarting_the_server_loses_nothing(start_server):
    server = start_server()
    session = server.session("guess_two_thirds", 6)
    server.launch(session, bots=5)
    wait_until(lambda: any(bot["state"] == "waiting" for bot in server.bots(session)), 30, "bots wait")
    server.end()
    server.start()
    assert {bot["state"] for bot in server.bots(session)} <= {"waiting", "thinking", "starting", "finished"}
    server.launch(session)
    assert [bot["state"] for bot in server.wait_for_end(session)] == ["finished"] * 6
    assert len(answers_are_the_data(server, session, "guess", "guess_two_thirds.{}.player.guess")) == 18


def test_stopping_and_starting_again(start_server):
    server, session = two_waiting_bots(start_server, "public_goods")
    one, other = server.bots(session)
    act(server, session, "stop", one["bot"])
    wait_until(lambda: server.bots(session)[0]["state"] == "stopped", 15, "one bot has stopped")
    assert server.bots(session)[1]["state"] == "waiting"
    act(server, session, "again", one["bot"])  # while the other's runner goes on
    server.launch(session)
    assert [bot["state"] for bot in server.wait_for_end(session)] == ["finished"] * 3


def test_no_bot_is_started_again_beside_a_person(start_server):
    server, session = two_waiting_bots(start_server, "public_goods")
    assert change(server, session, 3, "take").ok
    act(server, session, "stop")
    server.wait_for_end(session)
    for link in server.links(session)[1:]:
        assert requests.get(link, timeout=10).ok  # as oTree does when it advances participants
    assert [bot["has_person"] for bot in server.bots(session)] == [False, False]
    assert requests.get(link, headers={"User-Agent": "Mozilla/5.0"}, timeout=10).ok
    assert [bot["has_person"] for bot in server.bots(session)] == [False, True]
    act(server, session, "again")
    assert [bot["state"] == "stopped" for bot in server.bots(session)] == [False, True]
    refused = server.post_form(f"/LLMBots/{session}", session, action="again", bot=[server.bots(session)[1]["bot"]])
    assert "A person plays on P3 by now" in refused.text


def test_a_stopped_bots_seat_can_be_taken_by_a_person(start_server):
    server, session = two_waiting_bots(start_server, "public_goods")
    act(server, session, "stop")
    bots = server.wait_for_end(session)
    page = requests.get(f"{server.url}/InitializeParticipant/{bots[0]['participant']}", timeout=10)
    assert page.ok and "oTree-Wait-Page" in page.headers


def test_a_polite_kill_delivers_the_record(start_server):
    server, session = two_waiting_bots(start_server, "public_goods")
    os.kill(runner_of(server), signal.SIGTERM)
    bots = server.wait_for_end(session, 30)
    assert {bot["state"] for bot in bots} == {"stopped"}
    journal = server.folder / ".otree_botex" / "journal"
    wait_until(lambda: not list(journal.glob("*.jsonl")), 10, "what was delivered is deleted")


def test_a_page_that_breaks_fails_its_bot_alone(start_server):
    server = start_server()
    results = server.folder / "survey" / "__init__.py"
    results.write_text(
        results.read_text() + "\n\ndef _fail(player):\n    return 1 / (player.id_in_subsession - 1)\n"
        "\n\nOpinions.is_displayed = staticmethod(lambda player: _fail(player) or True)\n"
    )
    server.end()
    server.start()
    session = server.session("survey", 3)
    server.launch(session)
    bots = server.wait_for_end(session)
    assert [bot["state"] for bot in bots] == ["failed", "finished", "finished"]
    assert "500" in bots[0]["error"] and "Traceback" not in bots[0]["error"]


def test_a_runner_started_by_hand_says_what_it_is(start_server):
    server = start_server()
    command = [str(server.python), "-m", "otree_botex", "runner"]
    done = subprocess.run(command, input="hello", capture_output=True, text=True, timeout=60, cwd=server.folder)
    assert done.returncode == 2 and "A runner is started by the oTree server" in done.stderr
