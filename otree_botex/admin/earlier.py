"""What bots took in earlier launches of an experiment, from the record."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from otree.api import WaitPage
from otree.database import db
from otree.lookup import get_page_lookup
from otree.models import Participant, Session

from ..models import Bot, Launch, Message
from ..record.rows import rows_of
from . import experiment
from .expectation import Earlier, Pages, Span, Took, by_asked

MOST_LAUNCHES, MOST_BOTS = 50, 500
"""The latest of them are looked at."""
MOST_READ = 10
"""So many random bots' messages are read."""
REMEMBERED_SECONDS = 60


def of(session: Session) -> Earlier:
    """What bots took that finished the experiment of a session before: with its code as it is, or, if none has, with
    any."""
    name = session.config["name"]
    likely = db.query(Launch).filter(Launch.experiment_json.contains(json.dumps(name, ensure_ascii=False)))
    launches, same = [], []
    code = _code_now(tuple(session.config["app_sequence"]), int(time.time() / REMEMBERED_SECONDS))
    for launch in likely.order_by(Launch.id.desc()).limit(MOST_LAUNCHES):
        played = json.loads(launch.experiment_json)
        if played.get("config", {}).get("name") == name:
            launches.append(launch)
            if played.get("code_sha256") == code:
                same.append(launch)
    found = _took(same, True)
    return found if found.bots else _took(launches, False)


def pages(session: Session) -> Pages:
    """How many pages a session has for each participant."""
    seat = db.query(Participant).filter_by(session_id=session.id).first()
    number = (seat._max_page_index or 0) if seat else 0
    classes = [get_page_lookup(session.code, index).page_class for index in range(1, number + 1)]
    seen = [page for page in classes if not issubclass(page, WaitPage)]
    return Pages(len(seen), sum(map(_asks, seen)))


def _took(launches: Sequence[Launch], same_code: bool) -> Earlier:
    rows = {launch.id: rows_of(launch) for launch in launches}
    columns = (Bot.id, Bot.launch_id, Bot.row, Bot.calls, Bot.input_tokens, Bot.output_tokens, Bot.cost)
    finished = db.query(*columns).filter(Bot.launch_id.in_(rows), Bot.state == "finished").order_by(Bot.id.desc())
    bots, random = [], []
    for bot, launch, row, calls, taken, given, cost in finished.limit(MOST_BOTS):
        model = rows[launch][row or 0].model
        bots.append(Took(model, Span(calls, calls), Span(taken, taken), Span(given, given), cost or None))
        if model == "random":
            random.append(bot)
    if len(random) < len(bots):  # what language models took says more
        return Earlier(bots, (), same_code)
    asked = [_asked(bot) for bot in random[:MOST_READ]]
    return Earlier(bots, [one for one in asked if one.calls.low], same_code)


def _asked(bot: int) -> Took:
    """What a language model would have been sent where a random bot was asked, the first time on each page."""
    messages = db.query(Message.step, Message.number, Message.content, Message.sent_json, Message.schema_json)
    lengths: dict[int, int] = {}
    first: dict[int, int] = {}
    for step, number, content, sent, schema in messages.filter_by(bot_id=bot).order_by(Message.number):
        lengths[number] = len(content or "")
        if sent is not None and step not in first:
            first[step] = sum(lengths.get(one, 0) for one in json.loads(sent)) + len(schema or "")
    return by_asked(list(first.values()))


def _asks(page: Any) -> bool:
    """Whether there may be something to decide on pages of a class."""
    return bool(page.form_fields or hasattr(page, "get_form_fields") or getattr(page, "live_method", None))


@lru_cache(maxsize=16)
def _code_now(apps: tuple[str, ...], _minute: int) -> str:
    """Reading all files of an experiment takes a while where there are films among them."""
    return experiment.code_hash(list(apps))
