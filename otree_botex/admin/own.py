"""The record in oTree's own database."""

from __future__ import annotations

from otree.database import db

from ..models import Bot, Event, Launch, Message, Picture, Step
from ..record.tables import Record


def record() -> Record:
    """The record, to be reached by the database session of the request at hand."""
    return Record(db._db, Launch, Bot, Step, Event, Message, Picture)
