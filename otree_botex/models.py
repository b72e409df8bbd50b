"""The oTree app: the bot columns of each participant, and the record's tables (the name of this module is oTree's).

oTree imports this module once, before it collects its routes; that is when `admin.hook` attaches our pages to it.
All times are UTC, as seconds since 1970.
"""

from __future__ import annotations

from otree.api import BaseConstants, BaseGroup, BasePlayer, BaseSubsession
from otree.api import models as otree_models
from otree.database import AnyModel, MixinSessionFK
from sqlalchemy import Boolean, Column, Float, ForeignKey, Integer, String, Text

doc = "Lets large language models take part as participants."


class Constants(BaseConstants):
    name_in_url = "otree_botex"
    players_per_group = None
    num_rounds = 1


class Subsession(BaseSubsession):
    pass


class Group(BaseGroup):
    pass


class Player(BasePlayer):
    """Stands in the wide CSV of each session whose config lists the app."""

    is_bot = otree_models.BooleanField(initial=False)
    model = otree_models.StringField(initial="")
    persona = otree_models.LongStringField(initial="")
    cost = otree_models.FloatField(initial=0)


def _many_to_one(table: str) -> Column:
    return Column(Integer, ForeignKey(f"{table}.id", ondelete="CASCADE"), index=True, nullable=False)


class Launch(AnyModel, MixinSessionFK):
    """Bots that were started together: with which model, how, by whom, when."""

    code = Column(String(16), unique=True, index=True)
    model = Column(String(300))
    parameters_json = Column(Text)
    prompts_json = Column(Text)
    versions_json = Column(Text)
    started_by = Column(String(100))
    started_at = Column(Float)


class Bot(AnyModel, MixinSessionFK):
    """One seat of a launch, what became of it, and what it took."""

    launch_id = _many_to_one("otree_botex_launch")
    participant_id = _many_to_one("otree_participant")
    participant_code = Column(String(16), index=True)
    number = Column(Integer)
    persona = Column(Text, default="")
    seed = Column(Integer)
    state = Column(String(20), default="starting")
    error = Column(Text, default="")
    reason = Column(Text, default="")
    started_at = Column(Float)
    ended_at = Column(Float)
    heard_at = Column(Float)
    token_hash = Column(String(64))
    stop_wanted = Column(Boolean, default=False)
    acknowledged = Column(Integer, default=0)
    steps = Column(Integer, default=0)
    messages = Column(Integer, default=0)
    calls = Column(Integer, default=0)
    refusals = Column(Integer, default=0)
    input_tokens = Column(Integer, default=0)
    output_tokens = Column(Integer, default=0)
    cost = Column(Float, default=0.0)


class Step(AnyModel):
    """One page as a bot saw it, what it answered and why, what was refused, and how it was left."""

    bot_id = _many_to_one("otree_botex_bot")
    number = Column(Integer)
    seen_at = Column(Float)
    app = Column(String(200))
    page = Column(String(200))
    page_number = Column(Integer)
    round_number = Column(Integer)
    kind = Column(String(20))
    title = Column(Text)
    text = Column(Text)
    fields_json = Column(Text, default="[]")
    timeout = Column(Float)
    needs_script = Column(Text, default="")
    answers_json = Column(Text)
    entries_json = Column(Text)
    reason = Column(Text, default="")
    attempts = Column(Integer, default=0)
    refusals_json = Column(Text, default="[]")
    chat_json = Column(Text, default="[]")
    outcome = Column(String(20), default="")
    seconds = Column(Float)


class Message(AnyModel):
    """One message of a bot's conversation. A reply has what it took, and the numbers of the messages it answers."""

    bot_id = _many_to_one("otree_botex_bot")
    step = Column(Integer)
    number = Column(Integer)
    at = Column(Float)
    role = Column(String(20))
    content = Column(Text)
    sent_json = Column(Text)
    images_json = Column(Text)
    purpose = Column(String(20))
    model = Column(String(300))
    mode = Column(String(20))
    seed = Column(Integer)
    finish_reason = Column(String(40))
    request_id = Column(String(200))
    error = Column(Text)
    input_tokens = Column(Integer)
    output_tokens = Column(Integer)
    cached_tokens = Column(Integer)
    reasoning_tokens = Column(Integer)
    cost = Column(Float)
    seconds = Column(Float)


from .admin import exports, hook  # noqa: E402  (they use the tables above)

custom_export_bots = exports.bots
custom_export_steps = exports.steps
custom_export_messages = exports.messages
# oTree 5 knows one export per app, of this name. oTree 6 would list it as a fourth.
if not hook.OTREE_HAS_NAMED_EXPORTS:
    custom_export = exports.steps

hook.attach()
