"""The three exports of the Data page: bots, steps, messages. Each yields rows, the first is the header."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timezone
from typing import Any

from otree.database import db
from otree.models import Session

from ..models import Bot, Launch, Message, Player, Step
from . import launches

Row = list[Any]

BOT_COLUMNS = ("persona", "seed", "steps", "calls", "refusals", "input_tokens", "output_tokens", "cost")
STEP_COLUMNS = ("app", "page", "round_number", "page_number", "kind", "title", "outcome", "seconds", "attempts")
MESSAGE_COLUMNS = (
    *("step", "number", "role", "content", "purpose", "model", "mode", "seed", "finish_reason", "request_id", "error"),
    *("input_tokens", "output_tokens", "cached_tokens", "reasoning_tokens", "cost", "seconds"),
)


def bots(players: list[Player], session_id: int | None = None) -> Iterator[Row]:
    """One row a bot: what it played with, what became of it, what it took."""
    yield ["session", "participant", "seat", "launch", "model", "parameters", "versions", "prompts_sha256"] + [
        *("started_by", "state", "error", "started_utc", "ended_utc"),
        *BOT_COLUMNS,
    ]
    for session, launch, bot in _bots(players, session_id):
        state, error = launches.state(bot)
        prompts = json.loads(launch.prompts_json)["sha256"]
        yield [session.code, bot.participant_code, bot.number, launch.code, launch.model, launch.parameters_json] + [
            *(launch.versions_json, prompts, launch.started_by, state, error, _utc(bot.started_at), _utc(bot.ended_at)),
            *_values(bot, BOT_COLUMNS),
        ]


def steps(players: list[Player], session_id: int | None = None) -> Iterator[Row]:
    """One row a field that a bot was asked for, or a page without fields: the answer, its reason, what was refused."""
    yield ["session", "participant", "seat", "bot", "model", "step", "seen_utc", *STEP_COLUMNS] + [
        *("field", "label", "kind_of_field", "options", "answer", "reason", "refusals", "chat", "text"),
    ]
    for session, launch, bot in _bots(players, session_id):
        for step in db.query(Step).filter_by(bot_id=bot.id).order_by(Step.number):
            start = [session.code, bot.participant_code, bot.number, bot.id, launch.model, step.number]
            start.append(_utc(step.seen_at))
            answers = json.loads(step.answers_json) if step.answers_json else {}
            for field in json.loads(step.fields_json) or [{}]:
                name = field.get("name", "")
                yield start + [
                    *_values(step, STEP_COLUMNS),
                    *(name, field.get("label", ""), field.get("kind", ""), " | ".join(field.get("options", []))),
                    *(_answer(answers.get(name)), step.reason, step.refusals_json, step.chat_json, step.text),
                ]


def messages(players: list[Player], session_id: int | None = None) -> Iterator[Row]:
    """One row a message of a bot's conversation with its model; `sent` names the messages that a reply answers."""
    yield ["session", "participant", "seat", "bot", "at_utc", "sent", "images", *MESSAGE_COLUMNS]
    for session, _, bot in _bots(players, session_id):
        for message in db.query(Message).filter_by(bot_id=bot.id).order_by(Message.number):
            start = [session.code, bot.participant_code, bot.number, bot.id, _utc(message.at)]
            start += [message.sent_json or "", message.images_json or ""]
            yield start + _values(message, MESSAGE_COLUMNS)


def _bots(players: list[Player], session_id: int | None) -> Iterator[tuple[Session, Launch, Bot]]:
    """The bots of one session, or of the sessions that oTree exports. It names these only by their players, and
    sessions whose config does not list the app have none: when all players are given, all sessions are meant."""
    query = db.query(Session, Launch, Bot).filter(Launch.session_id == Session.id, Bot.launch_id == Launch.id)
    if session_id is not None:
        query = query.filter(Session.id == session_id)
    elif len(players) < db.query(Player).count():
        query = query.filter(Session.id.in_({player.session_id for player in players}))
    yield from query.order_by(Bot.id)


def _values(row: Any, names: tuple[str, ...]) -> Row:
    return ["" if getattr(row, name) is None else _harmless(getattr(row, name)) for name in names]


def _answer(value: Any) -> Any:
    if value is None:
        return ""
    return _harmless(value) if isinstance(value, str | int | float) else json.dumps(value, ensure_ascii=False)


def _harmless(value: Any) -> Any:
    """A text that a spreadsheet would take for a formula gets an apostrophe before it (OWASP, "CSV Injection")."""
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t") else value


def _utc(seconds: float | None) -> str:
    return datetime.fromtimestamp(seconds, timezone.utc).isoformat(timespec="milliseconds") if seconds else ""
