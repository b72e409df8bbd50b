"""Takes the journal's records into the tables, each once. What they hold is described in `journal`."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import func

from ..records import ENDED
from .rows import budget_of
from .tables import Record

Locate = Callable[[Mapping[str, Any]], tuple[str, str, int | None]]
"""App, page and round of a record of kind "page"."""

MESSAGE_COLUMNS = (
    *("step", "number", "at", "role", "content", "sent_json", "schema_json", "images_json", "purpose", "model"),
    *("fingerprint", "mode", "seed", "finish_reason", "request_id", "error", "input_tokens", "output_tokens"),
    *("cached_tokens", "reasoning_tokens", "cost", "prices", "from_cache", "seconds"),
)
SPENT = ("cost", "calls", "unpriced", "input_tokens", "output_tokens")
OF_STEPS = ("controls", "decision", "refusal", "chat", "left")


def by_address(record: Mapping[str, Any]) -> tuple[str, str, int | None]:
    """What a page's address tells: the name of its app and its own, but not the round."""
    return record["app"], record["name"], None


def take(
    record: Record,
    playing: Sequence[Any],
    bot_ids: Collection[int],
    records: Sequence[Mapping[str, Any]],
    locate: Locate = by_address,
) -> dict[str, Any]:
    """Takes a batch of records of the bots that a runner is `playing`, and returns the reply to it: what is
    acknowledged, who is to pause, what may be spent, and who is to stop, which are also the bots that it reports of
    but that another runner plays by now.

    Raises KeyError, TypeError, ValueError or AttributeError if these are no records; the caller rolls back then.
    """
    bots = {bot.id: bot for bot in playing}
    now = time.time()
    for bot in bots.values():
        bot.heard_at = now
    batch = _Batch(record, locate)
    batch.load(records)
    for entry in records:
        if entry["bot"] in bots and entry["seq"] > bots[entry["bot"]].acknowledged:
            batch.take(bots[entry["bot"]], entry)
            bots[entry["bot"]].acknowledged = entry["seq"]
    batch.finish()
    return {
        "acknowledged": {str(bot.id): bot.acknowledged for bot in bots.values()},
        "pause": [bot.id for bot in bots.values() if bot.pause_wanted],
        "budget": _budget(record, playing),
        "stop": [id for id in bot_ids if id not in bots or (bots[id].stop_wanted and bots[id].state not in ENDED)],
    }


def _budget(record: Record, playing: Sequence[Any]) -> dict[str, Any] | None:
    """The limits of a launch, and what it has spent, as `records` describes it."""
    budget = budget_of(record.db.query(record.Launch).filter_by(id=playing[0].launch_id).one())
    if not budget:
        return None
    record.db.flush()
    table = record.Bot
    columns = [getattr(table, name) for name in SPENT]
    spent = record.db.query(*map(func.sum, columns)).filter(table.launch_id == playing[0].launch_id).one()
    bots = {str(bot.id): _spent(*(getattr(bot, name) for name in SPENT)) for bot in playing}
    return {"limits": budget.as_json(), "spent": _spent(*spent), "bots": bots}


def _spent(cost: float, calls: int, unpriced: int, input_tokens: int, output_tokens: int) -> dict[str, Any]:
    return {"cost": cost, "calls": calls, "unpriced": unpriced, "tokens": input_tokens + output_tokens}


def parsed(records: Sequence[str]) -> list[dict[str, Any]]:
    """Records from their JSON."""
    return [json.loads(text) for text in records]


class _Batch:
    """One batch on its way into the tables. Steps that it touches are loaded once, messages and events go in
    together."""

    def __init__(self, record: Record, locate: Locate) -> None:
        self.record, self.db, self.locate = record, record.db, locate
        self.steps: dict[tuple[int, int], Any] = {}
        self.messages: dict[tuple[int, int], dict[str, Any]] = {}
        self.events: list[dict[str, Any]] = []

    def load(self, records: Sequence[Mapping[str, Any]]) -> None:
        """Loads the steps that earlier batches opened and this one goes on with, in one query."""
        begun = {(entry["bot"], entry["step"]) for entry in records if entry["kind"] == "page"}
        named = {(entry["bot"], entry["step"]) for entry in records if entry["kind"] in OF_STEPS} - begun
        if named:
            bots, numbers = zip(*named, strict=True)
            table = self.record.Step
            found = self.db.query(table).filter(table.bot_id.in_(set(bots)), table.number.in_(set(numbers)))
            self.steps = {(step.bot_id, step.number): step for step in found}

    def take(self, bot: Any, entry: Mapping[str, Any]) -> None:
        getattr(self, "_" + entry["kind"])(bot, entry)

    def finish(self) -> None:
        if self.messages:
            rows = [{name: row.get(name) for name in ("bot_id", *MESSAGE_COLUMNS)} for row in self.messages.values()]
            self.db.bulk_insert_mappings(self.record.Message, rows)
        self.db.bulk_insert_mappings(self.record.Event, self.events)

    def _runner(self, bot: Any, entry: Mapping[str, Any]) -> None:
        launch = self.db.query(self.record.Launch).filter_by(id=bot.launch_id).one()
        runner = {name: entry[name] for name in ("at", "seats", "about", "versions", "prompts")}
        launch.runners_json = json.dumps([*json.loads(launch.runners_json), runner], ensure_ascii=False)

    def _picture(self, bot: Any, entry: Mapping[str, Any]) -> None:
        table = self.record.Picture
        if self.db.query(table.id).filter_by(launch_id=bot.launch_id, sha256=entry["sha256"]).first() is None:
            self.db.add(table(launch_id=bot.launch_id, sha256=entry["sha256"], url=entry["url"]))

    def _page(self, bot: Any, entry: Mapping[str, Any]) -> None:
        app, page, round_number = self.locate(entry)
        step = self.record.Step(
            bot_id=bot.id,
            number=entry["step"],
            seen_at=entry["at"],
            url=entry["url"],
            app=app,
            page=page,
            page_number=entry["number"],
            round_number=round_number,
            kind=entry["page_kind"],
            title=entry["title"],
            text=entry["text"],
            fields_json=json.dumps(entry["fields"], ensure_ascii=False),
            timeout=entry["timeout"],
            needs_script=entry["needs_script"],
            driver=entry.get("driver", "http"),
            refusals_json="[]",
            chat_json="[]",
            attempts=0,
        )
        self.db.add(step)
        if not bot.participant_code:  # it began with a link that does not tell, a room's for example
            bot.participant_code = _participant(entry["url"])
        self.steps[bot.id, step.number] = step
        bot.steps = step.number

    def _controls(self, bot: Any, entry: Mapping[str, Any]) -> None:
        step = self._step(bot, entry)
        step.fields_json = json.dumps([*json.loads(step.fields_json), *entry["fields"]], ensure_ascii=False)

    def _event(self, bot: Any, entry: Mapping[str, Any]) -> None:
        data = entry["data"]
        row = {"bot_id": bot.id, "step": entry["step"], "at": entry["at"], "what": entry["what"]}
        self.events.append({**row, "data_json": json.dumps(data, ensure_ascii=False)})
        if entry["what"] == "actions":
            bot.reason = data["reason"]

    def _message(self, bot: Any, entry: Mapping[str, Any]) -> None:
        images = json.dumps(entry["images"], ensure_ascii=False) if entry.get("images") else None
        self._new_message(bot, entry, role=entry["role"], content=entry["content"], images_json=images)

    def _request(self, bot: Any, entry: Mapping[str, Any]) -> None:
        asked = {name: entry[name] for name in ("purpose", "seed")}
        schema = json.dumps(entry["schema"], ensure_ascii=False)
        self._new_message(
            bot, entry, role="assistant", sent_json=json.dumps(entry["sent"]), schema_json=schema, **asked
        )
        bot.calls += 1

    def _reply(self, bot: Any, entry: Mapping[str, Any]) -> None:
        took = {name: entry[name] for name in MESSAGE_COLUMNS if name in entry and name != "at"}
        row = self.messages.get((bot.id, entry["number"]))
        if row is not None:
            row.update(took)
        else:
            table = self.record.Message
            self.db.query(table).filter_by(bot_id=bot.id, number=entry["number"]).update(took)
        bot.input_tokens += entry.get("input_tokens") or 0
        bot.output_tokens += entry.get("output_tokens") or 0
        bot.cost += entry.get("cost") or 0.0
        bot.unpriced += entry.get("content") is not None and entry.get("cost") is None

    def _new_message(self, bot: Any, entry: Mapping[str, Any], **values: Any) -> None:
        start = {"bot_id": bot.id, "step": entry["step"], "number": entry["number"], "at": entry["at"]}
        self.messages[bot.id, entry["number"]] = {**start, **values}
        bot.messages = entry["number"]

    def _decision(self, bot: Any, entry: Mapping[str, Any]) -> None:
        step = self._step(bot, entry)
        step.answers_json = json.dumps(entry["answers"], ensure_ascii=False)
        step.entries_json = json.dumps(entry["entries"], ensure_ascii=False)
        step.reason, step.attempts = entry["reason"], entry["attempt"]
        step.remark = entry.get("remark", "")
        bot.reason, bot.remark = entry["reason"], step.remark or bot.remark

    def _refusal(self, bot: Any, entry: Mapping[str, Any]) -> None:
        step = self._step(bot, entry)
        refusal = {name: entry[name] for name in ("at", "attempt", "by", "messages", "said")}
        refusal["reason"] = step.reason if entry["by"] == "server" else ""
        step.refusals_json = json.dumps([*json.loads(step.refusals_json), refusal], ensure_ascii=False)
        step.attempts = entry["attempt"]
        bot.refusals += 1
        if entry["by"] == "server":
            step.answers_json = step.entries_json = None
            step.reason = ""

    def _chat(self, bot: Any, entry: Mapping[str, Any]) -> None:
        step = self._step(bot, entry)
        line = {name: entry[name] for name in ("at", "chat", "who", "text", "mine")}
        step.chat_json = json.dumps([*json.loads(step.chat_json or "[]"), line], ensure_ascii=False)

    def _left(self, bot: Any, entry: Mapping[str, Any]) -> None:
        step = self._step(bot, entry)
        step.outcome, step.seconds = entry["outcome"], entry["seconds"]
        step.untouched = entry.get("untouched", False)

    def _state(self, bot: Any, entry: Mapping[str, Any]) -> None:
        bot.state, bot.error, bot.cause = entry["state"], entry["error"], entry["cause"]
        if entry["state"] in ENDED:
            bot.ended_at = bot.ended_at or entry["at"]  # its seat may have been taken from it before

    def _step(self, bot: Any, entry: Mapping[str, Any]) -> Any:
        key = bot.id, entry["step"]
        if key not in self.steps:
            self.steps[key] = self.db.query(self.record.Step).filter_by(bot_id=bot.id, number=entry["step"]).one()
        return self.steps[key]


def _participant(url: str) -> str:
    """The participant's code in the address of one of its pages; empty if there is none."""
    found = re.search(r"/p/(\w+)/", url)
    return found[1] if found else ""
