"""A bot's record as its transcript shows it: each page as it saw it, what it answered and why, what was refused.

Plain values: who puts them into a template escapes them.
"""

from __future__ import annotations

import json
from collections import defaultdict
from datetime import datetime, timezone
from typing import Any

from otree.database import db

from ..models import Bot, Event, Message, Step
from ..record.exports import asked
from .happened import told

NO_REPLY = "No reply is on record: none has come yet, or the bot's runner ended before one came."
BY = {"reply": "the check of the reply", "form": "the form", "server": "oTree"}


def steps(bot: Bot) -> list[dict[str, Any]]:
    """The bot's steps in order."""
    messages = defaultdict(list)
    for message in db.query(Message).filter_by(bot_id=bot.id).order_by(Message.number):
        messages[message.step].append(_message(message))
    events = defaultdict(list)
    for event in db.query(Event).filter_by(bot_id=bot.id).order_by(Event.id):
        events[event.step].append(event)
    rows = db.query(Step).filter_by(bot_id=bot.id).order_by(Step.number)
    return [_step(step, messages[step.number], events[step.number]) for step in rows]


def _step(step: Step, messages: list[dict[str, Any]], events: list[Event]) -> dict[str, Any]:
    answers = json.loads(step.answers_json) if step.answers_json else {}
    fields = json.loads(step.fields_json)
    labels = {field["name"]: field for field in fields}
    return {
        "number": step.number,
        "time": _clock(step.seen_at),
        "place": place(step),
        "kind": step.kind,
        "text": step.text,
        "driver": step.driver,
        "why": step.needs_script if step.driver == "browser" else "",
        "untouched": step.untouched,
        "happened": told(events),
        "answers": [_answer(field, answers) for field in asked(step, answers)] if answers else [],
        # on a page that is acted on, each reason stands with its actions
        "reason": "" if any(event.what == "actions" for event in events) else step.reason or "",
        "refusals": [_refusal(refusal, labels) for refusal in json.loads(step.refusals_json)],
        "chat": [_line(line) for line in json.loads(step.chat_json or "[]")],
        "outcome": step.outcome or "",
        "seconds": "" if step.seconds is None else f"{step.seconds:.1f} s",
        "messages": messages,
    }


def place(step: Step) -> str:
    """Where a step was, for people."""
    page = f"{step.app} / {step.page}" if step.app else step.page
    return f"{page}, round {step.round_number}" if step.round_number else page


def _answer(field: dict[str, Any], answers: dict[str, Any]) -> dict[str, str]:
    said = _said(answers.get(field["name"]))
    return {"key": field.get("key", ""), "label": _name(field), "answer": said}


def _line(line: dict[str, Any]) -> dict[str, str]:
    return {"time": _clock(line["at"]), "who": line["who"], "text": line["text"], "chat": line["chat"]}


def _refusal(refusal: dict[str, Any], labels: dict[str, dict[str, Any]]) -> dict[str, Any]:
    reasons = [
        f"{_name(labels[name])}: {text}" if name in labels else text for name, text in refusal["messages"].items()
    ]
    said = refusal["said"]
    if isinstance(said, dict):
        named = {_name(labels[name]) if name in labels else name: value for name, value in said.items()}
        said = ", ".join(f"{name}: {_said(value)}" for name, value in named.items())
    return {
        "by": BY[refusal["by"]],
        "reasons": reasons,
        "said": _said(said),
        "reason": refusal["reason"] or "",
    }


def _message(message: Message) -> dict[str, Any]:
    took = []
    if message.role == "assistant":
        took = [
            message.model or "",
            f"{message.seconds:.1f} s" if message.seconds is not None else "",
            f"{message.input_tokens} + {message.output_tokens} tokens" if message.input_tokens is not None else "",
            f"answers messages {', '.join(map(str, json.loads(message.sent_json)))}" if message.sent_json else "",
        ]
    return {
        "number": message.number,
        "role": message.role,
        "content": message.content or "",
        "error": message.error or (NO_REPLY if message.content is None else ""),
        "took": " · ".join(part for part in took if part),
    }


def _name(field: dict[str, Any]) -> str:
    """What a participant calls a field: its label, and where it has none its name."""
    return field.get("label") or field["name"]


def _said(value: Any) -> str:
    if value in (None, ""):
        return "(left empty)"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _clock(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%H:%M:%S UTC")
