"""What bots took in earlier launches of an experiment, from the record."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from otree.api import WaitPage
from otree.database import db
from otree.models import Participant, Session

from ..models import Bot, Launch, Message, Step
from ..parameters import REPLAY
from ..record.rows import rows_of
from ..records import MemoryMode
from . import experiment, handover, sequence
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
    classes = [page.page_class for page in sequence.pages(session).values()]
    seen = [page for page in classes if not issubclass(page, WaitPage)]
    return Pages(len(seen), sum(map(_asks, seen)))


def _took(launches: Sequence[Launch], same_code: bool) -> Earlier:
    """Replays count for nothing, nor do bots that had replies from the cache, whose server did not say what it took, or
    that went on from a later page, where somebody had been before them."""
    rows = {launch.id: rows_of(launch) for launch in launches}
    columns = (
        *(Bot.id, Bot.launch_id, Bot.row, Bot.calls, Bot.input_tokens, Bot.output_tokens, Bot.cost, Bot.unpriced),
        *(Bot.started_at, Participant.time_started_utc, Step.page_number.label("first_page")),
    )
    played = db.query(*columns).join(Participant, Participant.id == Bot.participant_id)
    finished = played.join(Step, Step.bot_id == Bot.id).filter(Step.number == 1, Bot.state == "finished")
    latest = finished.filter(Bot.launch_id.in_(rows)).order_by(Bot.id.desc()).limit(MOST_BOTS).all()
    asked_with = {bot.id: rows[bot.launch_id][bot.row or 0].parameters for bot in latest}
    from_cache = _from_cache([bot for bot, row in asked_with.items() if row.cache])
    bots, random = [], []
    for bot in latest:
        row = asked_with[bot.id]
        was_open = handover.began(bot) < bot.started_at
        if row.model.startswith(REPLAY) or bot.id in from_cache or (was_open and (bot.first_page or 0) > 1):
            continue
        if row.model != "random" and bot.calls and not bot.input_tokens + bot.output_tokens:
            continue
        calls, taken, given = (Span(one, one) for one in (bot.calls, bot.input_tokens, bot.output_tokens))
        cost = None if bot.unpriced else bot.cost or None
        bots.append(Took(row.model, calls, taken, given, cost, row.memory, row.images))
        if row.model == "random" and row.memory == "full":
            random.append(bot.id)
    return Earlier(bots, [one for bot in random[:MOST_READ] for one in _asked(bot) if one.calls.low], same_code)


def _from_cache(bots: Sequence[int]) -> set[int]:
    """Those of these bots that had some of their replies from the cache."""
    found = db.query(Message.bot_id).filter(Message.bot_id.in_(bots), Message.from_cache).distinct()
    return {bot for (bot,) in found}


def _asked(bot: int) -> list[Took]:
    """What a language model would have been sent where a random bot was asked, the first time on each page: with all
    that was said before, as this bot was, and with no more than the instructions and the page."""
    messages = db.query(Message.step, Message.number, Message.content, Message.sent_json, Message.schema_json)
    lengths: dict[int, int] = {}
    steps: dict[int, int] = {}
    full: dict[int, int] = {}
    alone: dict[int, int] = {}
    for step, number, content, sent, schema in messages.filter_by(bot_id=bot).order_by(Message.number):
        lengths[number], steps[number] = len(content or ""), step
        if sent is not None and step not in full:
            instructions, *others = json.loads(sent)
            least = len(schema or "") + lengths.get(instructions, 0)
            full[step] = least + sum(lengths.get(one, 0) for one in others)
            alone[step] = least + sum(lengths[one] for one in others if steps.get(one) == step)
    sent_with: dict[MemoryMode, dict[int, int]] = {"full": full, "summary": alone, "none": alone}
    return [by_asked(list(characters.values()), memory) for memory, characters in sent_with.items()]


def _asks(page: Any) -> bool:
    """Whether there may be something to decide on pages of a class."""
    return bool(page.form_fields or hasattr(page, "get_form_fields") or getattr(page, "live_method", None))


@lru_cache(maxsize=16)
def _code_now(apps: tuple[str, ...], _minute: int) -> str:
    """Reading all files of an experiment takes a while where there are films among them."""
    return experiment.code_hash(list(apps))
