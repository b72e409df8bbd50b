"""A database of an earlier version: it is kept, and gets the columns that have come since."""

from __future__ import annotations

import sqlite3
import subprocess
from contextlib import closing

import pytest

from ..servers import wait_until
from .postgres import postgres_programs, production

COLUMNS = {"otree_botex_bot": ("unpriced", "remark"), "otree_botex_player": ("cost",), "otree_botex_step": ("driver",)}


def finished(server, session):
    return lambda: {bot["state"] for bot in server.bots(session)} == {"finished"}


@pytest.mark.server
@pytest.mark.parametrize("otree", ["6", "5"])
def test_columns_that_are_new_are_added(start_server, otree):
    server = start_server(otree, production=True)
    session = server.session("survey", 1)
    server.launch(session)
    wait_until(finished(server, session), 60, "the bot has finished")
    server.end()
    with closing(sqlite3.connect(server.folder / "db.sqlite3")) as database:
        for table, columns in COLUMNS.items():
            for column in columns:
                database.execute(f"ALTER TABLE {table} DROP COLUMN {column}")
        database.commit()
    server.start()
    (bot,) = server.bots(session)
    assert (bot["unpriced"], bot["remark"]) == (0, "")
    again = server.session("survey", 1)
    server.launch(again)
    wait_until(finished(server, again), 60, "another bot has finished")
    (seat,) = server.by_participant(again).values()
    assert seat["otree_botex.1.player.cost"] == "0.0"


@pytest.mark.server
def test_also_with_postgresql(start_server, database):
    server = start_server(**production(database))
    server.session("survey", 1)
    server.end()
    change = "ALTER TABLE otree_botex_bot DROP COLUMN unpriced, DROP COLUMN remark"
    subprocess.run([postgres_programs() / "psql", database, "-c", change], check=True, capture_output=True)
    server.start()
    session = server.session("survey", 1)
    server.launch(session)
    wait_until(finished(server, session), 60, "the bot has finished")
    assert server.bots(session)[0]["unpriced"] == 0
