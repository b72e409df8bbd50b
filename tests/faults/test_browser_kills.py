"""Bots in a browser whose process is killed with -9 while they act: they go on where their participants are."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
from collections import defaultdict
from contextlib import closing

import pytest

from otree_botex import init_otree_session, read_events_from_botex_db
from otree_botex.chromium_path import find_chromium

from ..servers import wait_until
from .conftest import FULL

pytestmark = [
    pytest.mark.server,
    pytest.mark.slow,
    pytest.mark.browser,
    pytest.mark.skipif(find_chromium() is None, reason="there is no Chromium"),
]

BOTS = 2
PAGES = {"Ranking": "ranking", "Slider": "saved", "Tiles": "gamble", "Check": "wrong_tries", "Typing": "words_typed",
         "Late": "season"}  # fmt: skip
KILLS = 12 if FULL else 2


def test_a_script_with_a_browser_that_is_killed(server, script, tmp_path):
    database = tmp_path / "botex.sqlite3"
    made = init_otree_session("by_script", BOTS, botex_db=database, otree_server_url=server.url)
    session = made["session_id"]
    playing = {"session_id": session, "model": "random", "seed": 5}
    for kill in range(1, KILLS + 1):
        process = script(**playing)
        wanted = acted(database) + 1 + kill % 3
        wait_until(lambda wanted=wanted: acted(database) >= wanted, 120, f"{wanted} lists of actions are on record")
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        playing["already_started"] = True
    process = script(**playing)
    _, said = process.communicate(timeout=900)
    assert process.returncode == 0, said
    steps = submitted(database)
    for row in server.wide(session):
        for page, field in PAGES.items():
            (answers,) = steps[row["participant.code"], page]  # once, however often the process died on it
            if answers is not None:  # else the process was killed before it had noted that the page was gone
                assert json.loads(answers)[field] == row[f"by_script.1.player.{field}"]
    events = read_events_from_botex_db(session, database)
    assert {"actions", "done", "form"} <= {event["what"] for event in events}


def submitted(database) -> dict[tuple[str, str], list[str | None]]:
    """The answers of all steps that were not begun anew, by participant and page."""
    query = """
        SELECT bot.participant_code, step.page, step.answers_json
        FROM otree_botex_step AS step JOIN otree_botex_bot AS bot ON bot.id = step.bot_id
        WHERE step.kind = 'form' AND step.outcome != 'interrupted'
    """
    found = defaultdict(list)
    with closing(sqlite3.connect(database, timeout=30)) as db:
        for participant, page, answers in db.execute(query):
            found[participant, page].append(answers)
    return found


def acted(database) -> int:
    """How many lists of actions are on record."""
    with closing(sqlite3.connect(database, timeout=30)) as db:
        return db.execute("SELECT count(*) FROM otree_botex_event WHERE what = 'actions'").fetchone()[0]
