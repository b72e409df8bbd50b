"""Gives a database that was made by an earlier version of otree-botex the columns that have come since. oTree itself
adds tables to a database when it starts, and no columns."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any

from sqlalchemy import Column, Table, inspect, text
from sqlalchemy.exc import SQLAlchemyError

logger = logging.getLogger("otree_botex")


def add_columns(connection: Any, tables: Iterable[Table]) -> None:
    """Adds the columns that a database's tables lack, with their defaults in all rows. Where that is refused, the log
    says what to do."""
    for table in tables:
        missing = _missing(connection, table)
        for column in missing:
            try:
                _add(connection, table, column)
            except SQLAlchemyError as error:
                if column not in _missing(connection, table):
                    continue  # another of oTree's processes has added it meanwhile
                logger.error(
                    "The database lacks the column %s of %s, and it could not be added (%s). Export your data and run "
                    "`otree resetdb`.",
                    *(column.name, table.name, error),
                )


def _missing(connection: Any, table: Table) -> list[Column[Any]]:
    known = {column["name"] for column in inspect(connection).get_columns(table.name)}
    return [column for column in table.columns if column.name not in known]


def _add(connection: Any, table: Table, column: Column[Any]) -> None:
    preparer = connection.dialect.identifier_preparer
    name, kind = preparer.quote(column.name), column.type.compile(connection.dialect)
    connection.execute(text(f"ALTER TABLE {preparer.format_table(table)} ADD COLUMN {name} {kind}"))
    if column.default is not None and column.default.is_scalar:
        connection.execute(table.update().values({column.name: column.default.arg}))
    logger.info("The database's table %s has the column %s now.", table.name, column.name)
