"""Bots spread over other processes: by Dask, by a pool of processes; what is lost there, and what is kept."""

from __future__ import annotations

import json
import logging
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections import Counter
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import replace
from multiprocessing import get_context

import pytest
import requests

from otree_botex import (
    init_otree_session,
    read_conversations_from_botex_db,
    read_participants_from_botex_db,
    read_responses_from_botex_db,
    run_bots_on_session,
)
from otree_botex.errors import ServerError, SetupError
from otree_botex.records import JOURNAL_PATH
from otree_botex.scripts import spread

from ..servers import wait_until
from .plain import KEY, decided, surroundings

pytestmark = pytest.mark.server

MODEL = "openai/gpt-4.1-mini"


def finished(run) -> bool:
    errors = [bot["error"] for bot in run.bots() if bot["state"] != "finished"]
    assert not errors, errors
    return not run.is_running


@pytest.fixture
def pool():
    """Two processes that have imported nothing of this one."""
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as executor:
        yield executor


@pytest.fixture
def dask(caplog):
    """A Dask cluster of two local worker processes, each for one share."""
    distributed = pytest.importorskip("distributed", reason="Dask is not installed")
    caplog.set_level(logging.DEBUG)
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        with distributed.Client(cluster) as client:
            yield client


class Ours:
    """An executor of our own, whose tasks a test looks at and ends."""

    def __init__(self):
        self.tasks = []

    def submit(self, function, launch):
        self.tasks.append((function, launch, Future()))
        return self.tasks[-1][-1]


def test_a_pool_of_processes(server, database, pool):
    """As many shares as it has processes; all is as if one process had played."""
    made = init_otree_session("public_goods", 6)
    run = run_bots_on_session(made["session_id"], model="random", seed=1, executor=pool, wait=False)
    assert run.wait(120) and finished(run)
    assert sorted(runner["seats"] for runner in _runners(database)) == [[1, 3, 5], [2, 4, 6]]
    alone = run_bots_on_session(init_otree_session("public_goods", 6)["session_id"], model="random", seed=1)
    assert decided(read_responses_from_botex_db(run.session_id)) == decided(
        read_responses_from_botex_db(alone.session_id)
    )


def _runners(database):
    with sqlite3.connect(database) as record:
        return json.loads(record.execute("SELECT runners_json FROM otree_botex_launch").fetchone()[0])


@pytest.mark.slow
def test_dask(server, database, openai, dask, caplog, capfd, tmp_path):
    made = init_otree_session("public_goods", 6)
    executor = dask.get_executor()
    run = run_bots_on_session(
        made["session_id"], model=MODEL, api_key=f"{KEY}-2", executor=executor, workers=2, wait=False
    )
    assert run.wait(180) and finished(run)
    token = run._runner._launch.token
    workers = {info["pid"] for info in dask.run(lambda: {"pid": os.getpid()}).values()}
    assert len(_runners(database)) == len(workers) == 2 and os.getpid() not in workers
    assert openai.keys == [f"Bearer {KEY}-2"] * 6
    said = caplog.text + "".join(capfd.readouterr()) + str(dask.get_worker_logs()) + str(dask.get_scheduler_logs())
    assert token not in said and KEY not in said
    kept = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file() and path.name != "server.log")
    assert token.encode() not in kept and KEY.encode() not in kept


@pytest.mark.slow
def test_dask_begins_a_lost_share_anew_and_it_goes_on(server, database, openai, dask):
    """One of its workers is killed while its bots think."""
    made = init_otree_session("guess_two_thirds", 6)
    openai.gate.clear()
    run = run_bots_on_session(made["session_id"], model=MODEL, executor=dask.get_executor(), workers=2, wait=False)
    wait_until(lambda: len(openai.asked) == 6, 120, "all bots think")
    victim = next(iter(dask.run(os.getpid).values()))
    os.kill(victim, signal.SIGKILL)
    wait_until(lambda: len(openai.asked) == 9, 120, "the bots of the lost share think again")
    openai.gate.set()
    assert run.wait(180) and finished(run)
    everything_was_decided_once(server, made["session_id"])


@pytest.mark.slow
def test_a_share_that_fails_in_dask_shows_no_secret(server, database, dask, caplog, capfd):
    """Dask writes what it knows of a task into its logs when that fails."""
    made = init_otree_session("survey", 2)
    run = run_bots_on_session(
        made["session_id"],
        model="random",
        api_key=KEY,
        executor=dask.get_executor(),
        workers=2,
        address="localhost",
        wait=False,
    )
    run.wait(120)
    broken = replace(run._runner._launch, server="http://127.0.0.1:9")
    future = dask.submit(spread.play_share, broken)
    with pytest.raises(ServerError, match="The script cannot be reached at http://127.0.0.1:9: pass the address="):
        future.result()
    said = caplog.text + "".join(capfd.readouterr()) + str(dask.get_worker_logs()) + str(dask.get_scheduler_logs())
    assert "play_share" in said
    assert broken.token not in said and KEY not in said


def test_stop(server, database, pool):
    made = init_otree_session("public_goods", 6, is_human=[True] + [False] * 5)
    run = run_bots_on_session(made["session_id"], model="random", executor=pool, wait=False)
    ended = ("waiting", "finished")
    wait_until(lambda: all(bot["state"] in ended for bot in run.bots()), 60, "three have finished, two wait")
    run.stop()
    assert not run.wait(60)
    states = Counter(bot["state"] for bot in run.bots())
    assert states["stopped"] >= 2 and states["stopped"] + states["finished"] == 5
    last = run_bots_on_session("", made["human_urls"], model="random", wait=False)
    again = run_bots_on_session(made["session_id"], already_started=True, executor=pool, wait=False)
    assert last.wait(60) and again.wait(60) and finished(again)
    everything_was_decided_once(server, made["session_id"], but=made["human_urls"])


SCRIPT = """
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from otree_botex import run_bots_on_session

if __name__ == "__main__":
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as executor:
        run_bots_on_session(sys.argv[1], model="random", executor=executor, already_started="again" in sys.argv)
"""


def test_ctrl_c(server, database, tmp_path):
    """On a terminal it reaches the script and all its workers."""
    made = init_otree_session("public_goods", 3, nhumans=1)
    (tmp_path / "script.py").write_text(SCRIPT)
    command = [sys.executable, "script.py", made["session_id"]]
    options = {"cwd": tmp_path, "env": surroundings(), "stderr": subprocess.PIPE, "text": True}
    process = subprocess.Popen(command, start_new_session=True, **options)
    states = lambda: [bot["state"] for bot in read_participants_from_botex_db(made["session_id"])]  # noqa: E731
    wait_until(lambda: states() == ["waiting"] * 2, 60, "they wait for the person")
    os.killpg(process.pid, signal.SIGINT)
    _, error = process.communicate(timeout=30)
    assert "already_started=True goes on with them" in error and states() == ["stopped"] * 2, error
    last = run_bots_on_session("", made["human_urls"], model="random", wait=False)
    again = subprocess.run([*command, "again"], **options)
    assert again.returncode == 0 and last.wait(60), again.stderr
    assert states() == ["finished"] * 2


def test_a_worker_that_is_killed(server, database, openai):
    """A pool of processes is broken then. All bots go on in another one."""
    made = init_otree_session("guess_two_thirds", 6)
    openai.gate.clear()
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        run = run_bots_on_session(made["session_id"], model=MODEL, executor=pool, wait=False)
        wait_until(lambda: len(openai.asked) == 6, 120, "all bots think")
        os.kill(next(iter(pool._processes)), signal.SIGKILL)
        with pytest.raises(ServerError, match="A worker ended before its bots .*already_started=True goes on"):
            run.wait(60)
    openai.gate.set()
    again = run_bots_on_session(made["session_id"], already_started=True, wait=False)
    assert again.wait(120) and finished(again)
    everything_was_decided_once(server, made["session_id"])


def everything_was_decided_once(server, session, but=()):
    """What oTree has is what the record says was decided, of each field of each page once."""
    rows = [row for row in read_responses_from_botex_db(session) if row["field"] and row["outcome"] == "submitted"]
    places = Counter((row["participant"], row["page_number"], row["field"]) for row in rows)
    assert set(places.values()) == {1}
    data = server.by_participant(session)
    people = {url.rsplit("/", 1)[-1] for url in but}
    assert {row["participant"] for row in rows} == set(data) - people
    for row in rows:
        played = [value for name, value in data[row["participant"]].items() if name.endswith(f".player.{row['field']}")]
        assert float(row["answer"]) in [float(value) for value in played if value]
    numbers = Counter((row["bot"], row["number"]) for row in read_conversations_from_botex_db(session))
    assert set(numbers.values()) == {1}  # no message has the number of another


def test_a_share_that_breaks_off_ends_the_others(server, database):
    """They would wait for ever for its bots."""
    made = init_otree_session("public_goods", 3)
    ours = Ours()
    run = run_bots_on_session(made["session_id"], model="random", executor=ours, workers=2, wait=False)
    wait_until(lambda: len(ours.tasks) == 2, 10, "both shares are there")
    (play, first, done), (_, _, broken) = ours.tasks
    assert first.token not in repr(first)
    thread = threading.Thread(target=lambda: done.set_result(play(first)))
    thread.start()
    wait_until(lambda: [bot["state"] for bot in run.bots()].count("waiting") == 2, 60, "two wait for the third")
    broken.set_exception(MemoryError("too much"))
    with pytest.raises(ServerError, match=r"A worker ended before its bots \(MemoryError: too much\)"):
        run.wait(60)
    thread.join(10)
    assert Counter(bot["state"] for bot in run.bots()) == {"stopped": 2, "starting": 1}


def test_shares_that_cannot_begin_are_noticed(server, database, monkeypatch, caplog):
    monkeypatch.setattr(spread, "BEGIN_SECONDS", 8.0)
    made = init_otree_session("public_goods", 3)
    with ThreadPoolExecutor(1) as executor:
        run = run_bots_on_session(made["session_id"], model="random", executor=executor, workers=3, wait=False)
        wait_until(lambda: "Of 3 shares 2 have not begun." in caplog.text, 60, "it is noticed")
        run.stop()
        assert not run.wait(30)


def test_fewer_bots_than_workers(server, database):
    made = init_otree_session("survey", 2)
    with ThreadPoolExecutor(8) as executor:
        run = run_bots_on_session(made["session_id"], model="random", executor=executor, wait=False)
        assert run.wait(60) and len(_runners(database)) == 2


def test_what_is_missing_on_the_workers_is_said(server, database, pool):
    pytest.importorskip("litellm", reason="litellm is not installed")
    made = init_otree_session("public_goods", 3)
    with pytest.raises(SetupError, match="needs OPENAI_API_KEY"):
        run_bots_on_session(made["session_id"], model=MODEL, executor=pool)


def test_a_replay_over_processes(server, database, openai, pool):
    """Each share is told what was said in the launch that is replayed."""
    first = run_bots_on_session(init_otree_session("public_goods", 6)["session_id"], model=MODEL)
    made = init_otree_session("public_goods", 6)
    run = run_bots_on_session(made["session_id"], model=f"replay:{first.launch}", executor=pool, wait=False)
    assert run.wait(120) and finished(run) and len(openai.asked) == 6
    assert decided(read_responses_from_botex_db(run.session_id)) == decided(
        read_responses_from_botex_db(first.session_id)
    )


def test_who_may_report(server, database):
    """Only those with the launch's token, of this launch, and only on this machine unless the script says otherwise."""
    made = init_otree_session("public_goods", 3)
    ours = Ours()
    run = run_bots_on_session(made["session_id"], model="random", executor=ours, workers=1, wait=False)
    wait_until(lambda: ours.tasks, 10, "the share is there")
    _, launch, future = ours.tasks[0]
    journal = launch.server + JOURNAL_PATH.format(launch=launch.code)
    assert launch.server.startswith("http://127.0.0.1:")
    right = {"Authorization": f"Bearer {launch.token}"}
    for headers, address, status in (
        ({}, journal, 403),
        ({"Authorization": "Bearer wrong"}, journal, 403),
        ({"Authorization": f"Basic {launch.token}"}, journal, 403),
        ({"Authorization": "Bearer wröng".encode()}, journal, 403),
        (right, launch.server + JOURNAL_PATH.format(launch="other"), 403),
        (right, launch.server + "/", 403),
        (right, journal, 200),
    ):
        assert requests.get(address, headers=headers, timeout=10).status_code == status
    for body in (b"nonsense", b"[]", b'{"bots": [1], "records": [{}]}'):
        assert requests.post(journal, body, headers=right, timeout=10).status_code == 500
    assert requests.post(journal, b'{"bots": [1, 99], "records": []}', headers=right, timeout=10).json()["stop"] == [99]
    future.set_result(True)
    assert not run.wait(10)
