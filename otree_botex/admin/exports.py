"""The three exports of oTree's Data page, and the downloads of a session's tab."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from otree.database import db
from otree.models import Session

from ..models import Bot, Launch, Player
from ..record import exports
from ..record.exports import for_spreadsheets
from . import launches
from .own import record

_session: ContextVar[str | None] = ContextVar("_session", default=None)


@contextmanager
def of_session(code: str | None) -> Iterator[None]:
    """What is exported within this is of one session, or without a code of all. oTree names sessions to an export only
    by their players in the app, and those whose config does not list it have none."""
    before = _session.set(code)
    try:
        yield
    finally:
        _session.reset(before)


def bots(players: list[Player]) -> Iterator[exports.Row]:
    """One row a bot: what it played with, what became of it, what it took."""
    return for_spreadsheets(exports.bots(record(), _chosen(), launches.state))


def steps(players: list[Player]) -> Iterator[exports.Row]:
    """One row a field that a bot was asked for, or a page without fields: the answer, its reason, what was refused."""
    return for_spreadsheets(exports.steps(record(), _chosen()))


def messages(players: list[Player]) -> Iterator[exports.Row]:
    """One row a message of a bot's conversation with its model; `sent` names the messages that a reply answers."""
    return for_spreadsheets(exports.messages(record(), _chosen()))


def _chosen() -> Iterator[tuple[Any, Any]]:
    """The bots that are exported, with their launches."""
    query = db.query(Launch, Bot).filter(Launch.session_id == Session.id, Bot.launch_id == Launch.id)
    if code := _session.get():
        query = query.filter(Session.code == code)
    yield from query.order_by(Bot.id)
