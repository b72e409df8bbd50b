"""The bot columns of a participant's data, in sessions whose config lists the app."""

from __future__ import annotations

from otree.database import db
from otree.models import Participant, Session
from sqlalchemy import func

from ..models import Bot, Launch, Player, Step
from ..record.rows import row_of
from ..records import ENDED

ANSWERED = ("submitted", "read", "timed out")
"""How bots leave pages that they have answered, or left unanswered until their time was up."""


def taken_by_bot(session: Session, seat: Participant, model: str, persona: str) -> None:
    """A bot takes this seat: says so in its data."""
    player = _player(session, seat.id)
    if player is not None:
        models = player.model.split(", ") if player.is_bot and player.model else []
        player.model = ", ".join(dict.fromkeys([*models, model]))
        player.is_bot, player.persona = True, persona


def settle(seat: Participant) -> None:
    """Says in a seat's data which bots have answered pages there or play on; none have if they were stopped before."""
    player = _player(seat.session, seat.id)
    if player is None:
        return
    bots = db.query(Bot).filter_by(participant_id=seat.id).order_by(Bot.id).all()
    answered = db.query(Step.bot_id).filter(Step.bot_id.in_([bot.id for bot in bots]), Step.outcome.in_(ANSWERED))
    had = {bot_id for (bot_id,) in answered.distinct()}
    played = [bot for bot in bots if bot.id in had or (bot.state not in ENDED and not bot.stop_wanted)]
    models = [row_of(db.query(Launch).filter_by(id=bot.launch_id).one(), bot).model for bot in played]
    player.is_bot, player.model = bool(played), ", ".join(dict.fromkeys(models))
    player.persona = played[-1].persona if played else ""


def update_cost(session: Session, participant_ids: set[int]) -> None:
    """Writes what the bots on these seats have cost so far; None if that is not known of all their replies."""
    for participant_id in participant_ids:
        player = _player(session, participant_id)
        if player is not None:
            sums = db.query(func.sum(Bot.cost), func.sum(Bot.unpriced)).filter(Bot.participant_id == participant_id)
            cost, unpriced = sums.one()
            player.cost = None if unpriced else cost or 0.0


def _player(session: Session, participant_id: int) -> Player | None:
    if "otree_botex" not in session.config["app_sequence"]:
        return None
    return db.query(Player).filter_by(participant_id=participant_id).first()
