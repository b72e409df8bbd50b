"""The rows of a launch's mix, and which one a bot belongs to."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from ..plans import Budget, Row, stored_budget, stored_rows


def rows_of(launch: Any) -> list[Row]:
    """The rows of a launch's mix."""
    return stored_rows(launch.rows_json)


def row_of(launch: Any, bot: Any) -> Row:
    """What a bot plays with."""
    return rows_of(launch)[bot.row or 0]


def models_of(launch: Any) -> str:
    """The models of a launch, each once, as they were asked for."""
    return ", ".join(dict.fromkeys(row.model for row in rows_of(launch)))


def budget_of(launch: Any) -> Budget:
    """The limits of a launch."""
    return stored_budget(launch.budget_json or "{}")


def as_stored(rows: Sequence[Row]) -> str:
    """Rows for a launch's `rows_json`."""
    return json.dumps([row.as_json() for row in rows], ensure_ascii=False)
