"""The record in oTree's own database."""

from __future__ import annotations

from typing import Any

from otree.database import db

from ..models import Bot, Event, Launch, Message, Picture, Step
from ..record.tables import Record


def record(session: Any = None) -> Record:
    """The record, to be reached by the database session of the request at hand, or by another one."""
    return Record(session or db._db, Launch, Bot, Step, Event, Message, Picture)
