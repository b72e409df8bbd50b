"""Bots whose records a test writes, as a runner would send them, instead of letting them play."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Any

import requests

from otree_botex import records

from ..record.journal import numbered
from ..servers import Server

TOKEN = "known to this test"


def feed(
    server: Server,
    config: str,
    seats: Mapping[int, Iterable[Mapping[str, Any]]],
    also: Iterable[str] = (),
    about: Mapping[int, Mapping[str, str]] = {},
    **parameters: Any,
) -> str:
    """Makes a session with a bot on each of its seats, takes these records (by seat) for all they did, and returns the
    session's code. By oTree's reckoning they are at the end; what SQL statements in `also` say is changed, too. `about`
    says who they are to be, by seat: columns of the bots' table, and the participant's "label"."""
    session = server.session(config, len(seats))
    launch = server.launch(session, **parameters)
    bots = {bot["seat"]: bot["bot"] for bot in server.bots(session)}
    with rewriting(server) as database:
        for table in ("step", "message", "event"):
            database.execute(f"delete from otree_botex_{table}")
        clean = "steps = 0, messages = 0, calls = 0, refusals = 0, acknowledged = 0, state = 'thinking'"
        clean += ", error = '', remark = ''"
        database.execute(
            f"update otree_botex_bot set token_hash = ?, {clean}", (hashlib.sha256(TOKEN.encode()).hexdigest(),)
        )
        for seat, columns in about.items():
            for column, value in columns.items():
                table, number = ("participant", "id_in_session") if column == "label" else ("botex_bot", "number")
                database.execute(f"update otree_{table} set {column} = ? where {number} = ?", (value, seat))
        database.execute("update otree_participant set _index_in_pages = _max_page_index + 1")
        for statement in also:
            database.execute(statement)
    for seat, written in seats.items():
        send(server, launch, bots[seat], written)
    return session


@contextmanager
def rewriting(server: Server) -> Iterator[sqlite3.Connection]:
    """The database of a server, which is stopped meanwhile: for what no bot would write."""
    server.end()
    with closing(sqlite3.connect(server.folder / "db.sqlite3")) as database:
        yield database
        database.commit()
    server.start()


def send(server: Server, launch: str, bot: int, written: Iterable[Mapping[str, Any]]) -> None:
    """Sends a bot's records to the journal."""
    answer = requests.post(
        server.url + records.JOURNAL_PATH.format(launch=launch),
        json={"bots": [bot], "records": list(numbered(bot, written))},
        headers={"Authorization": f"Bearer {TOKEN}"},
        timeout=30,
    )
    assert answer.ok, answer.text
