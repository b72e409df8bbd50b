"""Takes the journal into oTree's database, and keeps the bot columns of the participants in step with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from otree.database import db
from otree.lookup import get_page_lookup
from otree.models import Participant

from ..models import Bot
from ..record import intake
from ..records import ENDED
from . import columns, experiment
from .own import record


def take(playing: list[Bot], bot_ids: list[int], records: list[dict[str, Any]]) -> dict[str, Any]:
    """Takes a batch of records of the bots that a runner is playing, and returns the reply to it.

    Raises as record/intake.py's does.
    """
    session = playing[0].session
    before = {bot.id: bot.cost for bot in playing}
    going = {bot.id for bot in playing if bot.state not in ENDED}
    stopping = [bot for bot in playing if bot.stop_wanted and bot.state not in ENDED]

    def locate(entry: Mapping[str, Any]) -> tuple[str, str, int | None]:
        """App, page and round by the page's number; the address names the app by its name_in_url."""
        try:
            lookup = get_page_lookup(session.code, entry["number"])
            return lookup.app_name, lookup.page_class.__name__, lookup.round_number
        except Exception:  # a page that is not in the sequence; the record is worth more than its round
            return intake.by_address(entry)

    reply = intake.take(record(), playing, bot_ids, records, locate)
    for bot in stopping:
        columns.settle(db.query(Participant).filter_by(id=bot.participant_id).one())
    left = {entry["bot"] for entry in records if entry["kind"] == "left"}
    _see_treatments(
        [bot for bot in playing if (bot.id in left and not bot.treatment) or (bot.id in going and bot.state in ENDED)]
    )
    columns.update_cost(session, {bot.participant_id for bot in playing if bot.cost != before[bot.id]})
    return reply


def _see_treatments(bots: Sequence[Bot]) -> None:
    """Many experiments settle treatments only while they are played: takes over those that are known by now."""
    if not bots:
        return
    bot_of = {bot.participant_id: bot for bot in bots}
    for seat in db.query(Participant).filter(Participant.id.in_(list(bot_of))):
        bot_of[seat.id].treatment = experiment.treatment(seat) or bot_of[seat.id].treatment
