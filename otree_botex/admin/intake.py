"""Takes the journal's records into oTree's database, each once. What they hold is described in `records`."""

from __future__ import annotations

import json
import logging
import time
from typing import Any

from otree.database import db
from otree.lookup import get_page_lookup
from otree.models import Participant, Session

from ..models import Bot, Message, Step
from ..records import ENDED, Memory
from . import columns

logger = logging.getLogger("otree_botex")

UNANSWERED = ("read", "waited", "timed out", "left")
"""Pages left so are shown to the model with the next that it decides on."""
MESSAGE_COLUMNS = {column.name for column in Message.__table__.columns} - {
    "id",
    "bot_id",
    "sent_json",
    "images_json",
    "at",
}


def take(playing: list[Bot], bot_ids: list[int], records: list[dict[str, Any]]) -> dict[str, Any]:
    """Takes a batch of records of the bots that a runner is playing, and returns the reply to it: what is acknowledged,
    and who is to stop, which are also the bots that it reports of but that another runner plays by now."""
    bots = {bot.id: bot for bot in playing}
    now = time.time()
    for bot in bots.values():
        bot.heard_at = now
    batch = _Batch(playing[0].session)
    batch.load(records)
    for record in records:
        if record["bot"] in bots and record["seq"] > bots[record["bot"]].acknowledged:
            batch.take(bots[record["bot"]], record)
            bots[record["bot"]].acknowledged = record["seq"]
    batch.finish()
    return {
        "acknowledged": {str(bot.id): bot.acknowledged for bot in bots.values()},
        "stop": [id for id in bot_ids if id not in bots or (bots[id].stop_wanted and bots[id].state not in ENDED)],
    }


class _Batch:
    """One batch on its way into the database. Steps that it touches are loaded once, messages go in together."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.steps: dict[tuple[int, int], Step] = {}
        self.messages: list[dict[str, Any]] = []
        self.costs: set[int] = set()

    def load(self, records: list[dict[str, Any]]) -> None:
        """Loads the steps that earlier batches opened and this one goes on with, in one query."""
        begun = {(record["bot"], record["step"]) for record in records if record["kind"] == "page"}
        named = {(r["bot"], r["step"]) for r in records if r["kind"] in ("decision", "refusal", "chat", "left")} - begun
        if named:
            bots, numbers = zip(*named, strict=True)
            found = db.query(Step).filter(Step.bot_id.in_(set(bots)), Step.number.in_(set(numbers)))
            self.steps = {(step.bot_id, step.number): step for step in found}

    def take(self, bot: Bot, record: dict[str, Any]) -> None:
        getattr(self, "_" + record["kind"])(bot, record)

    def finish(self) -> None:
        if self.messages:
            db._db.bulk_insert_mappings(Message, self.messages)
        if self.costs:
            columns.update_cost(self.session, self.costs)

    def _page(self, bot: Bot, record: dict[str, Any]) -> None:
        app, page, round_number = self._where(record)
        step = Step(
            bot_id=bot.id,
            number=record["step"],
            seen_at=record["at"],
            app=app,
            page=page,
            page_number=record["number"],
            round_number=round_number,
            kind=record["page_kind"],
            title=record["title"],
            text=record["text"],
            fields_json=json.dumps(record["fields"], ensure_ascii=False),
            timeout=record["timeout"],
            needs_script=record["needs_script"],
            refusals_json="[]",
            chat_json="[]",
            attempts=0,
        )
        db.add(step)
        self.steps[bot.id, step.number] = step
        bot.steps = step.number

    def _where(self, record: dict[str, Any]) -> tuple[str, str, int | None]:
        """App, page and round by the page's number; the address names the app by its name_in_url."""
        try:
            lookup = get_page_lookup(self.session.code, record["number"])
            return lookup.app_name, lookup.page_class.__name__, lookup.round_number
        except Exception:  # a page that is not in the sequence; the record is worth more than its round
            return record["app"], record["name"], None

    def _message(self, bot: Bot, record: dict[str, Any]) -> None:
        values = {name: record.get(name) for name in MESSAGE_COLUMNS}
        lists = {f"{name}_json": json.dumps(record[name]) if record.get(name) else None for name in ("sent", "images")}
        self.messages.append({**values, **lists, "bot_id": bot.id, "at": record["at"]})
        bot.messages = record["number"]
        if record["role"] == "assistant":
            bot.calls += 1
            bot.input_tokens += record.get("input_tokens") or 0
            bot.output_tokens += record.get("output_tokens") or 0
            if record.get("cost"):
                bot.cost += record["cost"]
                self.costs.add(bot.participant_id)

    def _decision(self, bot: Bot, record: dict[str, Any]) -> None:
        step = self._step(bot, record)
        step.answers_json = json.dumps(record["answers"], ensure_ascii=False)
        step.entries_json = json.dumps(record["entries"], ensure_ascii=False)
        step.reason, step.attempts = record["reason"], record["attempt"]
        bot.reason = record["reason"]

    def _refusal(self, bot: Bot, record: dict[str, Any]) -> None:
        step = self._step(bot, record)
        refusal = {name: record[name] for name in ("attempt", "by", "messages", "said")}
        refusal["reason"] = step.reason if record["by"] == "server" else ""
        step.refusals_json = json.dumps([*json.loads(step.refusals_json), refusal], ensure_ascii=False)
        step.attempts = record["attempt"]
        bot.refusals += 1
        if record["by"] == "server":
            step.answers_json = step.entries_json = None
            step.reason = ""

    def _chat(self, bot: Bot, record: dict[str, Any]) -> None:
        step = self._step(bot, record)
        line = {name: record[name] for name in ("at", "chat", "who", "text", "mine")}
        step.chat_json = json.dumps([*json.loads(step.chat_json or "[]"), line], ensure_ascii=False)

    def _left(self, bot: Bot, record: dict[str, Any]) -> None:
        step = self._step(bot, record)
        step.outcome, step.seconds = record["outcome"], record["seconds"]

    def _state(self, bot: Bot, record: dict[str, Any]) -> None:
        bot.state, bot.error = record["state"], record["error"]
        if record["state"] in ENDED:
            bot.ended_at = record["at"]

    def _step(self, bot: Bot, record: dict[str, Any]) -> Step:
        key = bot.id, record["step"]
        if key not in self.steps:
            self.steps[key] = db.query(Step).filter_by(bot_id=bot.id, number=record["step"]).one()
        return self.steps[key]


def memory(bot: Bot) -> Memory:
    """Where a bot was, and what it remembers: the conversation of its last decision, and the pages it read since."""
    steps = list(db.query(Step).filter_by(bot_id=bot.id).order_by(Step.number))
    found = Memory(step=bot.steps, message=bot.messages)
    decided = {step.number for step in steps if step.answers_json is not None}
    replies = (
        db.query(Message)
        .filter_by(bot_id=bot.id, role="assistant", purpose="decision", error=None)
        .order_by(Message.number.desc())
    )
    last = next((reply for reply in replies if reply.step in decided), None)
    if last is not None:
        numbers = [*json.loads(last.sent_json), last.number]
        messages = db.query(Message).filter(Message.bot_id == bot.id, Message.number.in_(numbers))
        by_number = {message.number: message for message in messages}
        found.memory = [
            {"number": number, "role": by_number[number].role, "content": by_number[number].content}
            for number in numbers
        ]
    if steps and not steps[-1].outcome:
        _close(bot, steps[-1], found)
    since = last.step if last is not None else 0
    unread = [step.text for step in steps if step.number > since and step.outcome in UNANSWERED]
    found.unread = "\n\n---\n\n".join(unread)
    return found


def _close(bot: Bot, step: Step, found: Memory) -> None:
    """Ends the step in which a runner was interrupted. Where the participant is now tells whether its page was left."""
    is_behind = db.query(Participant).filter_by(id=bot.participant_id).one()._index_in_pages > step.page_number
    if step.answers_json is None:
        step.outcome = ("waited" if step.kind == "wait" else "left") if is_behind else "interrupted"
    elif is_behind:
        step.outcome = "submitted"
    else:
        step.outcome = "interrupted"
        found.page = step.page_number
        found.entries = json.loads(step.entries_json)
        found.answers = json.loads(step.answers_json)
        found.reason = step.reason
