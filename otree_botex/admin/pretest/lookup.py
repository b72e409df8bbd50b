"""Looks up all that a pre-test report is made of: a handful of queries, however many bots and pages there are."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timezone

from otree import settings
from otree.database import db
from otree.models import Participant, Session
from sqlalchemy import func

from ... import __version__
from ...models import Bot, Launch, Message
from .. import launches, status
from ..places import Played
from ..played import played
from .gathered import Gathered, Took, Who
from .words import short


def gathered(session: Session, launch: Launch | None = None) -> Gathered:
    """What the bots of a session played: those of one launch, or without one the latest on each seat."""
    bots = launches.bots_of(launch) if launch else status.latest_bots(session.id)
    found = played(session, bots)
    of = db.query(Launch).filter(Launch.id.in_({bot.launch_id for bot in bots})).order_by(Launch.id).all()
    return Gathered(
        session=session.code,
        config=session.config["name"],
        name=session.config.get("display_name") or session.config["name"],
        made_at=datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        version=__version__,
        played=found,
        bots=_who(bots, found, of),
        took=_took(bots),
        launches=[launches.manifest(one) for one in of],
        chosen=launch.code if launch else "",
        payoff_unit="points" if settings.USE_POINTS else settings.REAL_WORLD_CURRENCY_CODE,
        currency=settings.REAL_WORLD_CURRENCY_CODE,
        fee=float(session.config.get("participation_fee") or 0),
    )


def _who(bots: Sequence[Bot], found: Played, of: Sequence[Launch]) -> dict[int, Who]:
    asked = {launch.id: bool(launch.is_pretest) for launch in of}
    taken = db.query(Participant).filter(Participant.id.in_([bot.participant_id for bot in bots]))
    participants = {participant.id: participant for participant in taken}
    return {
        bot.id: Who(
            bot=bot.id,
            seat=bot.number,
            participant=bot.participant_code,
            model=now["model"],
            launch=now["launch"],
            state=now["state"],
            persona=bot.persona_name or short(bot.persona or ""),
            treatment=bot.treatment or "",
            seed=bot.seed,
            was_asked=asked[bot.launch_id] and now["model"] != "random",
            seconds=now["seconds"],
            calls=bot.calls,
            tokens=bot.input_tokens + bot.output_tokens,
            cost=None if bot.unpriced else bot.cost,
            payoff=float(participants[bot.participant_id].payoff or 0),
            earned=float(participants[bot.participant_id].payoff_plus_participation_fee()),
        )
        for bot, now in zip(bots, found.now, strict=True)
    }


def _took(bots: Sequence[Bot]) -> dict[tuple[int, int], Took]:
    """What models took for each step, by bot and number."""
    tokens = func.coalesce(func.sum(Message.input_tokens), 0) + func.coalesce(func.sum(Message.output_tokens), 0)
    unpriced = func.count(Message.content) - func.count(Message.cost)
    rows = db.query(Message.bot_id, Message.step, func.count(), tokens, func.sum(Message.cost), unpriced)
    rows = rows.filter(Message.bot_id.in_([bot.id for bot in bots]), Message.role == "assistant")
    return {
        (bot, step): Took(calls, sum_of_tokens, None if without_price else cost or 0.0)
        for bot, step, calls, sum_of_tokens, cost, without_price in rows.group_by(Message.bot_id, Message.step)
    }
