"""What the bots of a session are doing now, as plain values for the tab, the REST API and the command line."""

from __future__ import annotations

import time
from typing import Any

from otree.database import db
from otree.models import Participant

from ..models import Bot, Launch
from ..record.rows import rows_of
from ..records import ENDED
from . import launches


def of_bots(bots: list[Bot]) -> list[dict[str, Any]]:
    """One dict a bot, with where its participant is by oTree's own reckoning."""
    participants = {
        participant.id: participant
        for participant in db.query(Participant).filter(Participant.id.in_([bot.participant_id for bot in bots]))
    }
    found = db.query(Launch).filter(Launch.id.in_({bot.launch_id for bot in bots}))
    of = {launch.id: (launch.code, rows_of(launch)) for launch in found}
    return [
        _status(bot, participants[bot.participant_id]) | {"launch": code, "model": rows[bot.row or 0].model}
        for bot in bots
        for code, rows in [of[bot.launch_id]]
    ]


def of_session(session_id: int) -> list[dict[str, Any]]:
    """What the bots of a session are doing, by seat."""
    return of_bots(latest_bots(session_id))


def latest_bots(session_id: int) -> list[Bot]:
    """The bots of a session, by seat; of several that played one seat, the last."""
    latest = {bot.participant_id: bot for bot in db.query(Bot).filter_by(session_id=session_id).order_by(Bot.id)}
    return sorted(latest.values(), key=lambda bot: bot.number)


def _status(bot: Bot, participant: Participant) -> dict[str, Any]:
    state, error = launches.state(bot)
    ended = bot.ended_at if bot.state in ENDED else (bot.heard_at if state == "failed" else time.time())
    pages = participant._max_page_index or 0
    return {
        "bot": bot.id,
        "seat": bot.number,
        "label": participant.label or "",
        "participant": bot.participant_code,
        "state": state,
        "error": error,
        "stopping": bool(bot.stop_wanted and state not in ENDED),
        "app": participant._current_app_name or "",
        "page": participant._current_page_name or "",
        "round": participant._round_number,
        "done": min(max(participant._index_in_pages - (0 if state == "finished" else 1), 0), pages),
        "pages": pages,
        "calls": bot.calls,
        "refusals": bot.refusals,
        "tokens": bot.input_tokens + bot.output_tokens,
        "cost": bot.cost,
        "seconds": round((ended or time.time()) - bot.started_at, 1),
        "reason": bot.reason or "",
    }
