"""What a script reads from its record: bots, conversations, answers with their reasons, what happened in browsers; as
dicts or as CSV files."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ..record import exports
from ..record.exports import Row, as_dicts, write_csv
from ..record.prompts import prompts
from ..record.sqlite import Bot, Database, Launch
from ..record.tables import Record
from . import launches

Name = str | os.PathLike[str]
Rows = Callable[[Record, exports.Chosen], Iterator[Row]]


def read_participants_from_botex_db(
    session_id: str | None = None, botex_db: Name | None = None
) -> list[dict[str, Any]]:
    """The bots of a session, or of all: with what each played, what became of it and why, what it took.

    `botex_db` is by default the file that BOTEX_DB names. Raises SetupError if there is no such record.
    """
    return _read(exports.bots, session_id, botex_db)


def read_conversations_from_botex_db(
    session_id: str | None = None, botex_db: Name | None = None
) -> list[dict[str, Any]]:
    """All messages between bots and models, in order; of each reply what it answered (`sent`) and what it took.

    Arguments and errors are those of `read_participants_from_botex_db`.
    """
    return _read(exports.messages, session_id, botex_db)


def read_responses_from_botex_db(session_id: str | None = None, botex_db: Name | None = None) -> list[dict[str, Any]]:
    """All answers with their reasons, one dict a field, with the page as it was seen and what was refused there.

    Arguments and errors are those of `read_participants_from_botex_db`.
    """
    return _read(exports.steps, session_id, botex_db)


def read_events_from_botex_db(session_id: str | None = None, botex_db: Name | None = None) -> list[dict[str, Any]]:
    """All that happened on pages in a browser, in order: actions, form data, live messages (see docs/record.md).

    Arguments and errors are those of `read_participants_from_botex_db`.
    """
    return _read(exports.events, session_id, botex_db)


def read_manifest_from_botex_db(launch: str, botex_db: Name | None = None) -> dict[str, Any]:
    """All that shaped the answers of a launch, and what became of each seat (see docs/record.md).

    Raises SetupError if there is no such record or launch.
    """
    return launches.manifest(Database(botex_db, must_exist=True), launch)


def read_prompts_from_botex_db(launch: str, botex_db: Name | None = None) -> list[dict[str, Any]]:
    """Each prompt of a launch as its model was given it, rebuilt from the record to the letter (see record/prompts.py).

    Raises SetupError if there is no such record or launch.
    """
    with Database(botex_db, must_exist=True).record() as record:
        return list(prompts(record, launches.of_code(record, launch)))


def export_participant_data(csv_file: Name, botex_db: Name | None = None, session_id: str | None = None) -> None:
    """Writes what `read_participants_from_botex_db` returns as CSV. Raises OSError if the file cannot be written."""
    _export(exports.bots, csv_file, botex_db, session_id)


def export_conversation_data(csv_file: Name, botex_db: Name | None = None, session_id: str | None = None) -> None:
    """Writes what `read_conversations_from_botex_db` returns as CSV. Raises OSError if the file cannot be written."""
    _export(exports.messages, csv_file, botex_db, session_id)


def export_response_data(csv_file: Name, botex_db: Name | None = None, session_id: str | None = None) -> None:
    """Writes what `read_responses_from_botex_db` returns as CSV. Raises OSError if the file cannot be written."""
    _export(exports.steps, csv_file, botex_db, session_id)


def _read(rows: Rows, session_id: str | None, botex_db: Name | None) -> list[dict[str, Any]]:
    with Database(botex_db, must_exist=True).record() as record:
        return as_dicts(rows(record, _chosen(record, session_id)))


def _export(rows: Rows, csv_file: Name, botex_db: Name | None, session_id: str | None) -> None:
    with Database(botex_db, must_exist=True).record() as record:
        with Path(csv_file).open("w", encoding="utf-8", newline="") as file:
            write_csv(file, rows(record, _chosen(record, session_id)))


def _chosen(record: Record, session_id: str | None) -> list[tuple[Any, Any]]:
    query = record.db.query(Launch, Bot).filter(Bot.launch_id == Launch.id)
    if session_id is not None:
        query = query.filter(Launch.session_code == session_id)
    return list(query.order_by(Bot.id))
