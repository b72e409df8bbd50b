"""The record in a SQLite file, for bots that a script or a shell started. Several of them may write to it at once."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Boolean, Column, Integer, String, Text, create_engine, event
from sqlalchemy.exc import DatabaseError, OperationalError
from sqlalchemy.orm import sessionmaker

from ..errors import Away, ServerError, SetupError
from ..parameters import REPLAY
from ..records import Memory, Recorded
from . import intake, memories, tokens
from .rows import models_of
from .tables import (
    BotColumns,
    EventColumns,
    LaunchColumns,
    MessageColumns,
    PictureColumns,
    Record,
    StepColumns,
    belongs_to,
)

try:
    from sqlalchemy.orm import declarative_base
except ImportError:  # SQLAlchemy 1.3, which oTree pins
    from sqlalchemy.ext.declarative import declarative_base

ENVIRONMENT = "BOTEX_DB"
FORMAT = 4
"""Of the tables; stands in the file as SQLite's user_version."""
BUSY_SECONDS = 60

Base: Any = declarative_base()


class Launch(LaunchColumns, Base):
    __tablename__ = "otree_botex_launch"
    id = Column(Integer, primary_key=True)


class Bot(BotColumns, Base):
    __tablename__ = "otree_botex_bot"
    id = Column(Integer, primary_key=True)
    launch_id = belongs_to("otree_botex_launch")


class Step(StepColumns, Base):
    __tablename__ = "otree_botex_step"
    id = Column(Integer, primary_key=True)
    bot_id = belongs_to("otree_botex_bot")


class Event(EventColumns, Base):
    __tablename__ = "otree_botex_event"
    id = Column(Integer, primary_key=True)
    bot_id = belongs_to("otree_botex_bot")


class Message(MessageColumns, Base):
    __tablename__ = "otree_botex_message"
    id = Column(Integer, primary_key=True)
    bot_id = belongs_to("otree_botex_bot")


class Picture(PictureColumns, Base):
    __tablename__ = "otree_botex_picture"
    id = Column(Integer, primary_key=True)
    launch_id = belongs_to("otree_botex_launch")


class Session(Base):
    """A session that a script made. (oTree's own database knows its sessions.)"""

    __tablename__ = "otree_botex_session"
    id = Column(Integer, primary_key=True)
    code = Column(String(100), unique=True)
    server = Column(Text)
    experiment_json = Column(Text, default="{}")


class Seat(Base):
    """A seat of such a session, and whether a person is to take it."""

    __tablename__ = "otree_botex_seat"
    id = Column(Integer, primary_key=True)
    session_code = Column(String(100), index=True)
    number = Column(Integer)
    participant_code = Column(String(16))
    url = Column(Text)
    is_human = Column(Boolean)


class Database:
    """A SQLite file with a record. It is made if it does not exist, unless it `must_exist`.

    `path` is by default the one that the environment names (BOTEX_DB). Raises SetupError if there is none, or if the
    file is something else.
    """

    def __init__(self, path: str | os.PathLike[str] | None = None, *, must_exist: bool = False) -> None:
        given = path or os.environ.get(ENVIRONMENT)
        if not given:
            raise SetupError(f"Name the file for the bots' record: botex_db=… (--db in a shell), or set {ENVIRONMENT}.")
        self.path = Path(given).expanduser().absolute()
        if must_exist and not self.path.is_file():
            raise SetupError(f"There is no record {self.path}.")
        if not self.path.parent.is_dir():
            raise SetupError(f"The folder of {self.path} does not exist.")
        self._engine = create_engine(f"sqlite:///{self.path}", connect_args={"timeout": BUSY_SECONDS})
        event.listen(self._engine, "connect", _no_begin)
        event.listen(self._engine, "begin", _begin)
        self._sessions = sessionmaker(bind=self._engine, expire_on_commit=False)
        try:
            self._prepare()
        except (DatabaseError, sqlite3.Error) as error:
            said = getattr(error, "orig", error)
            raise SetupError(f"{self.path} cannot be used for the bots' record: {said}.") from None

    @contextmanager
    def record(self) -> Iterator[Record]:
        """The record, for one transaction: what is changed is kept if nothing is raised, else nothing of it."""
        session = self._sessions()
        try:
            yield Record(session, Launch, Bot, Step, Event, Message, Picture)
            session.commit()
        finally:
            session.close()

    def _prepare(self) -> None:
        with self.record() as record:
            connection = record.db.connection().connection
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            is_empty = not connection.execute("SELECT 1 FROM sqlite_master").fetchone()
            if is_empty:
                Base.metadata.create_all(record.db.connection())
                connection.execute(f"PRAGMA user_version = {FORMAT}")
            elif version != FORMAT:
                raise SetupError(
                    f"{self.path} is not a record of this version of otree-botex. Name another file; a new one is made."
                )


class DatabaseCarrier:
    """Brings a launch's journal into a file of this machine. See `bots.carrier.Carrier`."""

    def __init__(self, database: Database, launch: str, token: str) -> None:
        self._database, self._launch, self._token = database, launch, token

    def deliver(self, bots: Sequence[int], records: Sequence[str]) -> Mapping[str, Any]:
        try:
            with self._database.record() as record:
                playing = self._playing(record)
                if not playing:
                    raise ServerError("These bots are played by another process now.")
                return intake.take(record, playing, bots, intake.parsed(records))
        except OperationalError as error:  # another process keeps it busy, or the disk is full
            raise Away(f"The record {self._database.path} cannot be written ({error.orig}).") from None

    def memories(self) -> dict[int, Memory]:
        with self._database.record() as record:
            return {bot.id: memories.memory(record, bot) for bot in self._playing(record)}

    def recorded(self) -> dict[int, list[Recorded]]:
        with self._database.record() as record:
            launch = record.db.query(Launch).filter_by(code=self._launch).one()
            code = models_of(launch).removeprefix(REPLAY)
            before = record.db.query(Launch).filter_by(code=code).first()
            if before is None:
                raise ServerError(f"There is no launch {code!r} in {self._database.path} that could be replayed.")
            return memories.recorded(record, before)

    def _playing(self, record: Record) -> list[Any]:
        launch = record.db.query(Launch).filter_by(code=self._launch).one()
        return tokens.played_with(record.bots_of(launch), self._token)


def _no_begin(connection: Any, _: Any) -> None:
    connection.isolation_level = None  # so that Python begins no transactions of its own (SQLAlchemy's manual)


def _begin(connection: Any) -> None:
    # the right to write is taken at once: two that had read would wait for each other in vain
    connection.connection.execute("BEGIN IMMEDIATE")
