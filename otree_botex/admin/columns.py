"""The bot columns of a participant's data, in sessions whose config lists the app."""

from __future__ import annotations

from otree.database import db
from otree.models import Participant, Session
from sqlalchemy import func

from ..models import Bot, Player


def taken_by_bot(session: Session, seat: Participant, model: str, persona: str) -> None:
    """A bot takes this seat: says so in its data."""
    player = _player(session, seat.id)
    if player is not None:
        player.is_bot, player.model, player.persona = True, model, persona


def update_cost(session: Session, participant_ids: set[int]) -> None:
    """Writes what the bots on these seats have cost so far."""
    for participant_id in participant_ids:
        player = _player(session, participant_id)
        if player is not None:
            player.cost = db.query(func.sum(Bot.cost)).filter(Bot.participant_id == participant_id).scalar() or 0.0


def _player(session: Session, participant_id: int) -> Player | None:
    if "otree_botex" not in session.config["app_sequence"]:
        return None
    return db.query(Player).filter_by(participant_id=participant_id).first()
