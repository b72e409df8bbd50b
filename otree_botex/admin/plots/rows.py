"""What the plots of a session are made of, as plain rows, each kind in a few queries however many bots there are."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from otree.common import get_models_module
from otree.database import db
from otree.models import Participant, Session
from sqlalchemy import func

from ...models import Bot, Launch, Message, Step
from ...record.rows import rows_of
from ...records import ENDED
from .answers import Answer, Field
from .charts import Who
from .fields import OF_GROUP, Asked, as_number, model_of
from .spent import Left, Spent
from .times import completed

BY_BOT = ("submitted", "read", "timed out")
"""The outcomes of a page that a bot left itself; what stands in its fields is the bot's answer."""


@dataclass
class _Seat:
    """A participant: how far it is, the pages that it left, each with whether its time was up, whether it ever had a
    bot, whether one is playing now, which pages bots saw, which of these are not known to be a person's, and the
    answers that bots gave."""

    index: int
    completed: Mapping[int, bool]
    had_bot: bool = False
    is_played: bool = False
    seen: set[int] = field(default_factory=set)
    of_bots: set[int] = field(default_factory=set)
    given: dict[tuple[str, str, int], Who] = field(default_factory=dict)

    def person_answered(self, page_number: int) -> bool:
        """Whether it was a person who answered a page that is behind. Where bots played, these are the pages that no
        bot left and that were sent before their time was up. Other seats are people's if anything was ever sent."""
        if page_number not in self.completed or self.index <= page_number:
            return False
        if not self.had_bot:
            return not all(self.completed.values())
        if self.completed[page_number] or page_number in self.of_bots:
            return False
        # what a bot has just left may not be on record yet
        return not self.is_played or page_number <= max(self.seen, default=0)


def bots(session: Session) -> dict[int, Who]:
    """All bots of a session, by their numbers in the record."""
    mixes = {launch.id: rows_of(launch) for launch in db.query(Launch).filter_by(session_id=session.id)}
    columns = (Bot.id, Bot.launch_id, Bot.row, Bot.persona_name, Bot.treatment)
    return {
        bot: Who(bot, mixes[launch][row or 0].model, persona or "", treatment or "")
        for bot, launch, row, persona, treatment in db.query(*columns).filter_by(session_id=session.id)
    }


def answers(session: Session, asked: Asked) -> Iterator[Answer]:
    """All that bots and people answered in a session, whoever of them had the seat at that time."""
    seats = _seats(session, asked)
    for app in asked.apps():
        for fields in asked.of_app(app):
            for members, round_number, values in _stored(session, app, fields):
                some = [seats[member] for member in members]
                for one, value in zip(fields, values, strict=True):
                    key = (app, one.name, round_number)
                    who = next((seat.given[key] for seat in some if key in seat.given), None)
                    if value is not None and one.is_number:
                        value = as_number(value)
                    # a person whose required field is empty was not asked for it
                    is_told = value not in (None, "") or one.may_be_empty
                    if who or (is_told and any(seat.person_answered(at) for seat in some for at in asked.numbers[key])):
                        yield Answer(*key, None if value == "" else value, who)


def left(session: Session) -> list[Left]:
    """The pages that the bots of a session have left."""
    known = bots(session)
    starts = dict(db.query(Launch.id, Launch.started_at).filter_by(session_id=session.id))
    columns = (Bot.id, Bot.launch_id, Step.round_number, Step.seen_at, Step.seconds)
    found = db.query(*columns).filter(Bot.session_id == session.id, Step.bot_id == Bot.id)
    found = found.filter(Step.seconds.isnot(None), Step.kind != "end", Step.outcome != "interrupted")
    return [
        Left(known[bot], round_number, max(seen_at + seconds - starts[launch], 0))
        for bot, launch, round_number, seen_at, seconds in found
    ]


def spent(session: Session) -> list[Spent]:
    """What the pages of a session took of the bots' models: a row a bot and page."""
    known = bots(session)
    where = (Bot.id, Step.round_number, Step.app, Step.page, Step.page_number)
    sums = (func.sum(Message.input_tokens), func.sum(Message.output_tokens), func.sum(Message.cost))
    found = db.query(*where, *sums).filter(Bot.session_id == session.id, Step.bot_id == Bot.id)
    found = found.filter(Message.bot_id == Bot.id, Message.step == Step.number, Message.role == "assistant")
    return [
        Spent(known[bot], round_number, f"{app} / {page}" if app else page, number or 0, sent or 0, got or 0, cost or 0)
        for bot, round_number, app, page, number, sent, got, cost in found.group_by(*where)
    ]


def sessions_alike(session: Session) -> list[dict[str, Any]]:
    """This session, and the others of the same config in which people played, with how many; the latest first."""
    with_bots = db.query(Bot.participant_id)
    people = db.query(Participant.session_id, func.count()).filter(
        Participant.visited.is_(True), Participant._is_bot.isnot(True), Participant.id.notin_(with_bots)
    )
    counts = dict(people.group_by(Participant.session_id))
    found = db.query(Session.id, Session.code, Session.label, Session.config).order_by(Session.id.desc())
    alike = [
        {"code": code, "label": label or "", "people": counts.get(number, 0), "is_this": number == session.id}
        for number, code, label, config in found
        if number == session.id or (number in counts and config.get("name") == session.config["name"])
    ]
    return sorted(alike, key=lambda one: not one["is_this"])


def _seats(session: Session, asked: Asked) -> dict[int, _Seat]:
    """The seats of a session, with what bots did there."""
    times = completed(session)
    columns = (Participant.id, Participant.id_in_session, Participant._index_in_pages, Participant._is_bot)
    seats = {
        participant: _Seat(index, {} if is_otrees_bot else times[number])
        for participant, number, index, is_otrees_bot in db.query(*columns).filter_by(session_id=session.id)
    }
    playing = {}
    for bot, participant, state in db.query(Bot.id, Bot.participant_id, Bot.state).filter_by(session_id=session.id):
        playing[bot] = state not in ENDED
        seats[participant].had_bot = True
        seats[participant].is_played |= playing[bot]
    known = bots(session)
    steps = (Bot.participant_id, Bot.id, Step.app, Step.page, Step.page_number, Step.round_number, Step.outcome)
    found = db.query(*steps, Step.untouched, Step.answers_json).filter(
        Bot.session_id == session.id, Step.bot_id == Bot.id
    )
    found = found.filter(Step.kind != "end").order_by(Step.id)
    for participant, bot, app, page, number, round_number, outcome, untouched, given in found:
        seat, fields = seats[participant], asked.pages.get((app, page))
        if number is None:
            continue
        seat.seen.add(number)
        if outcome in BY_BOT or (not outcome and playing[bot]):
            seat.of_bots.add(number)
        if outcome in BY_BOT and fields and not untouched:
            # what oTree put into a field because time was up is nobody's answer
            is_whole = fields.is_sure and outcome != "timed out"
            sent = {} if is_whole else json.loads(given or "{}")
            for name in fields.names:
                if is_whole or name.removeprefix(OF_GROUP) in sent:
                    seat.given[app, name, round_number or 1] = known[bot]
    return seats


def _stored(session: Session, app: str, fields: list[Field]) -> Iterator[tuple[list[int], int, list[Any]]]:
    """What stands in these fields, which are of one table: the participants whose row it is, the round, the values."""
    player, (model, _) = get_models_module(app).Player, model_of(app, fields[0].name)
    row_of = player.id if model is player else player.group_id
    members = defaultdict(list)
    for row, participant in db.query(row_of, player.participant_id).filter_by(session_id=session.id):
        members[row].append(participant)
    columns = [getattr(model, model_of(app, one.name)[1]) for one in fields]
    stored = db.query(model.id, model.round_number, *columns).filter_by(session_id=session.id)
    for row, round_number, *values in stored.order_by(model.id):
        yield members[row], round_number, values
