"""The tables of the record, as columns for whichever SQLAlchemy base a database's tables are declared with.

All times are UTC, as seconds since 1970. Columns whose name ends in _json hold JSON.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Boolean, Column, Float, ForeignKey, Integer, String, Text


def belongs_to(table: str) -> Column:
    """A column for the id of a row of another table, with which this one is deleted."""
    return Column(Integer, ForeignKey(f"{table}.id", ondelete="CASCADE"), index=True, nullable=False)


class LaunchColumns:
    """Bots that were started together: with which models, how, by whom, when.

    `rows_json` is the mix of models, as `plans.Row` describes its rows, and `assignment_json` says how seats were
    given to them; `prompts` names the project's set of prompts, `budget_json` is a `plans.Budget`. `experiment_json` is
    what they play (see manifest.py), `runners_json` lists the processes that played them, as `journal.RunnerRecord`
    describes them.
    """

    code = Column(String(16), unique=True, index=True)
    session_code = Column(String(100), index=True)
    server = Column(Text, default="")
    rows_json = Column(Text, default="[]")
    assignment_json = Column(Text, default="{}")
    prompts = Column(String(100), default="")
    is_pretest = Column(Boolean, default=False)
    budget_json = Column(Text, default="{}")
    experiment_json = Column(Text, default="{}")
    versions_json = Column(Text, default="{}")
    runners_json = Column(Text, default="[]")
    started_by = Column(String(100))
    started_at = Column(Float)


class BotColumns:
    """One seat of a launch, what became of it, and what it took. `row` is that of its launch's mix, from 0;
    `with_person` says that a person played there, too, before or after, and `stands_in` that the seat is that of one
    who may come back to it. `reason` is that of its last decision, `remark` the last that it made; `unpriced` counts
    the replies whose price is not known, which `cost` is without."""

    participant_code = Column(String(16), index=True)
    number = Column(Integer)
    url = Column(Text, default="")
    row = Column(Integer, default=0)
    persona = Column(Text, default="")
    persona_name = Column(String(200), default="")
    treatment = Column(String(200), default="")
    seed = Column(Integer)
    with_person = Column(Boolean, default=False)
    stands_in = Column(Boolean, default=False)
    state = Column(String(20), default="starting")
    error = Column(Text, default="")
    cause = Column(String(20), default="")
    reason = Column(Text, default="")
    remark = Column(Text, default="")
    started_at = Column(Float)
    ended_at = Column(Float)
    heard_at = Column(Float)
    token_hash = Column(String(64))
    stop_wanted = Column(Boolean, default=False)
    pause_wanted = Column(Boolean, default=False)
    acknowledged = Column(Integer, default=0)
    steps = Column(Integer, default=0)
    messages = Column(Integer, default=0)
    calls = Column(Integer, default=0)
    refusals = Column(Integer, default=0)
    input_tokens = Column(Integer, default=0)
    output_tokens = Column(Integer, default=0)
    cost = Column(Float, default=0.0)
    unpriced = Column(Integer, default=0)


class StepColumns:
    """One page as a bot saw it, what it answered and why, what was refused, and how it was left. `remark` is what it
    found unclear or wrong there, if it was asked."""

    number = Column(Integer)
    seen_at = Column(Float)
    url = Column(Text, default="")
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
    driver = Column(String(10), default="http")
    answers_json = Column(Text)
    entries_json = Column(Text)
    reason = Column(Text, default="")
    remark = Column(Text, default="")
    attempts = Column(Integer, default=0)
    refusals_json = Column(Text, default="[]")
    chat_json = Column(Text, default="[]")
    outcome = Column(String(20), default="")
    seconds = Column(Float)
    untouched = Column(Boolean, default=False)


class EventColumns:
    """One thing that happened on a page in a browser, in the order of the rows: see `journal.EventRecord`."""

    step = Column(Integer)
    at = Column(Float)
    what = Column(String(20))
    data_json = Column(Text)


class MessageColumns:
    """One message of a bot's conversation. A reply has what was asked for, of which messages (`sent_json` has their
    numbers), and what it took; without content and error, the runner ended before a reply came."""

    step = Column(Integer)
    number = Column(Integer)
    at = Column(Float)
    role = Column(String(20))
    content = Column(Text)
    sent_json = Column(Text)
    schema_json = Column(Text)
    images_json = Column(Text)
    purpose = Column(String(20))
    model = Column(String(300))
    fingerprint = Column(String(200))
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
    prices = Column(String(100))
    from_cache = Column(Boolean)
    seconds = Column(Float)


class PictureColumns:
    """A picture that models of a launch were shown, once however often it was, as a data: URL."""

    sha256 = Column(String(64), index=True)
    url = Column(Text)


@dataclass(frozen=True)
class Record:
    """A record in some database: the SQLAlchemy session to reach it by, and its tables."""

    db: Any
    Launch: Any
    Bot: Any
    Step: Any
    Event: Any
    Message: Any
    Picture: Any

    def bots_of(self, launch: Any) -> list[Any]:
        """The bots of a launch, by seat."""
        return list(self.db.query(self.Bot).filter_by(launch_id=launch.id).order_by(self.Bot.number))
