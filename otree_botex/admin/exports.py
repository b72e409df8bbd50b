"""The three exports of oTree's Data page, and the downloads of a session's tab."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from otree.database import db
from otree.models import Session

from ..models import Bot, Launch, Player
from ..record import exports
from ..record.exports import for_spreadsheets
from . import launches
from .own import record


def bots(players: list[Player], session_id: int | None = None) -> Iterator[exports.Row]:
    """One row a bot: what it played with, what became of it, what it took."""
    return for_spreadsheets(exports.bots(record(), _chosen(players, session_id), launches.state))


def steps(players: list[Player], session_id: int | None = None) -> Iterator[exports.Row]:
    """One row a field that a bot was asked for, or a page without fields: the answer, its reason, what was refused."""
    return for_spreadsheets(exports.steps(record(), _chosen(players, session_id)))


def messages(players: list[Player], session_id: int | None = None) -> Iterator[exports.Row]:
    """One row a message of a bot's conversation with its model; `sent` names the messages that a reply answers."""
    return for_spreadsheets(exports.messages(record(), _chosen(players, session_id)))


def _chosen(players: list[Player], session_id: int | None) -> Iterator[tuple[Any, Any]]:
    """The bots of one session, or of the sessions that oTree exports. It names these only by their players, and
    sessions whose config does not list the app have none: when all players are given, all sessions are meant."""
    query = db.query(Launch, Bot).filter(Launch.session_id == Session.id, Bot.launch_id == Launch.id)
    if session_id is not None:
        query = query.filter(Session.id == session_id)
    elif len(players) < db.query(Player).count():
        query = query.filter(Session.id.in_({player.session_id for player in players}))
    yield from query.order_by(Bot.id)
