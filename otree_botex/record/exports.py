"""The record as tables for people: bots, steps, events, messages. Each yields rows; the first is the header."""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timezone
from typing import Any, TextIO

from ..records import ENDED
from .rows import row_of
from .tables import Record

Row = list[Any]
Chosen = Iterable[tuple[Any, Any]]
"""Launches and bots that are exported."""
Now = Callable[[Any], tuple[str, str]]
"""A bot's state and error as of now; whoever watches its runner may know more than the record."""

FORMULAS = ("=", "+", "-", "@", "\t", "\r", "\n")
BOT_COLUMNS = (
    *("persona_name", "persona", "treatment", "seed", "steps", "calls", "refusals", "input_tokens", "output_tokens"),
    *("cost", "unpriced"),
)
STEP_COLUMNS = (
    *("app", "page", "round_number", "page_number", "kind", "title", "driver", "outcome", "untouched", "seconds"),
    *("attempts", "remark"),
)
MESSAGE_COLUMNS = (
    *("step", "number", "role", "content", "purpose", "model", "fingerprint", "mode", "seed", "finish_reason"),
    *("request_id", "error", "input_tokens", "output_tokens", "cached_tokens", "reasoning_tokens", "cost", "prices"),
    *("from_cache", "seconds"),
)


def as_recorded(bot: Any) -> tuple[str, str]:
    """A bot's state and error as they were recorded last."""
    return bot.state, bot.error or ""


def ended_at(bot: Any, state: str) -> float | None:
    """When a bot ended that is in this state now; None if it plays. If its process ended without a word, it is when it
    was heard of last."""
    end: float | None = bot.ended_at or (bot.heard_at if state in ENDED else None)
    return end


def bots(record: Record, chosen: Chosen, now: Now = as_recorded) -> Iterator[Row]:
    """One row a bot: what it played with, what became of it and why, how often its time was up or somebody else took it
    off a page, what it took."""
    yield ["session", "participant", "seat", "launch", "model", "parameters", "versions", "prompts_sha256"] + [
        *("started_by", "state", "cause", "error", "started_utc", "ended_utc"),
        *("pages_timed_out", "pages_left", *BOT_COLUMNS),
    ]
    for launch, bot in chosen:
        (state, error), row = now(bot), row_of(launch, bot)
        yield [launch.session_code, bot.participant_code, bot.number, launch.code, row.model] + [
            *(json.dumps(row.settings(), ensure_ascii=False), launch.versions_json, prompts_hash(launch)),
            launch.started_by,
            *(state, bot.cause or "", error, utc(bot.started_at), utc(ended_at(bot, state))),
            *(_times(record, bot, "timed out"), _times(record, bot, "left")),
            *_values(bot, BOT_COLUMNS),
        ]


def steps(record: Record, chosen: Chosen) -> Iterator[Row]:
    """One row a field that a bot was asked for, or a page without fields: the answer, its reason, what was refused."""
    yield ["session", "participant", "seat", "bot", "launch", "model", "step", "seen_utc", *STEP_COLUMNS] + [
        *("field", "label", "kind_of_field", "options", "answer", "reason", "refusals", "chat", "text"),
    ]
    for launch, bot in chosen:
        model = row_of(launch, bot).model
        for step in record.db.query(record.Step).filter_by(bot_id=bot.id).order_by(record.Step.number):
            start = [launch.session_code, bot.participant_code, bot.number, bot.id, launch.code, model]
            start += [step.number, utc(step.seen_at)]
            answers = json.loads(step.answers_json) if step.answers_json else {}
            for field in asked(step, answers) or [{}]:
                name = field.get("name", "")
                yield start + [
                    *_values(step, STEP_COLUMNS),
                    *(name, field.get("label", ""), field.get("kind", ""), " | ".join(field.get("options", []))),
                    *(_answer(answers.get(name)), step.reason, step.refusals_json, step.chat_json, step.text),
                ]


def asked(step: Any, answers: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The fields that a step has answers for, or might have had. Where a page in a browser has controls instead, it is
    what the page sent in the end; several controls may stand for one of these."""
    fields = json.loads(step.fields_json)
    if step.driver != "browser" or not all("decides" in field for field in fields):
        return list(fields)
    labels: dict[str, set[str]] = {}
    for field in fields:
        labels.setdefault(field["name"], set()).add(field["label"])
    alone = {field["name"]: field for field in fields if len(labels[field["name"]]) == 1}
    return [alone.get(name, {"name": name}) for name in answers]


def events(record: Record, chosen: Chosen) -> Iterator[Row]:
    """One row for each thing that happened on a page in a browser, in order; for `data` see `journal.What`."""
    yield ["session", "participant", "seat", "bot", "launch", "step", "at_utc", "what", "data"]
    for launch, bot in chosen:
        start = [launch.session_code, bot.participant_code, bot.number, bot.id, launch.code]
        for event in record.db.query(record.Event).filter_by(bot_id=bot.id).order_by(record.Event.id):
            yield [*start, event.step, utc(event.at), event.what, json.loads(event.data_json)]


def messages(record: Record, chosen: Chosen) -> Iterator[Row]:
    """One row a message of a bot's conversation with its model; `sent` names the messages that a reply answers, and
    `schema` is the JSON Schema that it was asked to follow."""
    yield ["session", "participant", "seat", "bot", "launch", "at_utc", "sent", "schema", "images", *MESSAGE_COLUMNS]
    for launch, bot in chosen:
        for message in record.db.query(record.Message).filter_by(bot_id=bot.id).order_by(record.Message.number):
            start = [launch.session_code, bot.participant_code, bot.number, bot.id, launch.code, utc(message.at)]
            start += [message.sent_json or "", message.schema_json or "", message.images_json or ""]
            yield start + _values(message, MESSAGE_COLUMNS)


def for_spreadsheets(rows: Iterable[Row]) -> Iterator[Row]:
    """The same rows, where each text that a spreadsheet would take for a formula has an apostrophe before it (OWASP,
    "CSV Injection")."""
    for row in rows:
        yield [f"'{cell}" if isinstance(cell, str) and cell[:1] in FORMULAS else cell for cell in row]


def as_dicts(rows: Iterable[Row]) -> list[dict[str, Any]]:
    """The same rows as dicts."""
    header, *rest = rows
    return [dict(zip(header, row, strict=True)) for row in rest]


def write_csv(file: TextIO, rows: Iterable[Row]) -> None:
    """The same rows as CSV for people and spreadsheets, with the mark by which these know UTF-8."""
    file.write("\ufeff")
    csv.writer(file).writerows(for_spreadsheets(rows))


def prompts_hash(launch: Any) -> str:
    """The SHA-256 of the prompt files that a launch was played with; empty if it never began."""
    runners = json.loads(launch.runners_json or "[]")
    return sha256_of(runners[-1]["prompts"]) if runners else ""


def sha256_of(prompts: Mapping[str, str]) -> str:
    """The SHA-256 of prompts, by their names, all together."""
    return hashlib.sha256(json.dumps(prompts, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def utc(seconds: float | None) -> str:
    """A time as ISO 8601; empty if there is none."""
    return datetime.fromtimestamp(seconds, timezone.utc).isoformat(timespec="milliseconds") if seconds else ""


def _times(record: Record, bot: Any, outcome: str) -> int:
    """How many of its pages a bot left in this way."""
    return int(record.db.query(record.Step).filter_by(bot_id=bot.id, outcome=outcome).count())


def _values(row: Any, names: tuple[str, ...]) -> Row:
    return [getattr(row, name) for name in names]


def _answer(value: Any) -> Any:
    return value if value is None or isinstance(value, str | int | float) else json.dumps(value, ensure_ascii=False)
