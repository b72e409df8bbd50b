"""The oTree app: the bot columns of each participant, and the record's tables (the name of this module is oTree's).

oTree imports this module once, before it collects its routes; that is when `admin.hook` attaches our pages to it.
The record's tables are described in record/tables.py; here they join oTree's own.
"""

from __future__ import annotations

from otree.api import BaseConstants, BaseGroup, BasePlayer, BaseSubsession
from otree.api import models as otree_models
from otree.database import AnyModel, MixinSessionFK
from sqlalchemy import Boolean, Column, Float, String, Text

from .record.tables import (
    BotColumns,
    EventColumns,
    LaunchColumns,
    MessageColumns,
    PictureColumns,
    StepColumns,
    belongs_to,
)

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


class Launch(LaunchColumns, AnyModel, MixinSessionFK):
    pass


class Bot(BotColumns, AnyModel, MixinSessionFK):
    launch_id = belongs_to("otree_botex_launch")
    participant_id = belongs_to("otree_participant")


class Step(StepColumns, AnyModel):
    bot_id = belongs_to("otree_botex_bot")


class Event(EventColumns, AnyModel):
    bot_id = belongs_to("otree_botex_bot")


class Message(MessageColumns, AnyModel):
    bot_id = belongs_to("otree_botex_bot")


class Picture(PictureColumns, AnyModel):
    launch_id = belongs_to("otree_botex_launch")


class RoomPolicy(AnyModel):
    """What the admin has set for a room, and how far bots are with the session that is there.

    `policy_json` goes before what settings.py says of the room; null: nothing was set. `since` is when the session was
    first seen in the room, `has_seated` whether bots have taken the seats that are theirs from the start. Bots that
    could not be started left an `error`; nothing is tried again until something is set anew.
    """

    room_name = Column(String(255), unique=True)
    policy_json = Column(Text)
    is_off = Column(Boolean, default=False)
    session_code = Column(String(16), default="")
    since = Column(Float)
    has_seated = Column(Boolean, default=False)
    error = Column(Text, default="")


from .admin import exports, hook  # noqa: E402  (they use the tables above)

custom_export_bots = exports.bots
custom_export_steps = exports.steps
custom_export_messages = exports.messages
# oTree 5 knows one export per app, of this name. oTree 6 would list it as a fourth.
if not hook.IS_OTREE_6:
    custom_export = exports.steps

hook.attach()
