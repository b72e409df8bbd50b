"""A bot's record as its transcript shows it: each page as it saw it, and beside it in the order in which it happened
what it answered and why, what was refused and by whom, what was said, what came of it.

Plain values: who puts them into a template escapes them.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from datetime import datetime, timezone
from itertools import groupby
from typing import Any

from ..record.exports import asked
from ..record.transcripts import Played
from ..words import count
from .happened import told
from .page_report import BY

NO_REPLY = "No reply is on record: none has come yet, or the bot's runner ended before one came."
MARKS = {
    "submitted": "✓",
    "read": "✓",
    "waited": "…",
    "timed out": "⏱",
    "left": "↷",
    "interrupted": "⚠",
    "end": "■",
    "": "•",
}
"""How a page was left, in one sign for the table of contents."""


def steps(played: Sequence[Played], failed: bool = False) -> list[dict[str, Any]]:
    """A bot's steps in order; `failed` if it has failed, which it did at the last of them."""
    last = played[-1].step.number if failed and played else None
    return [step(one, failed=one.step.number == last) for one in played]


def step(one: Played, failed: bool = False) -> dict[str, Any]:
    """One step; `failed` if its bot has failed there."""
    row = one.step
    refusals, outcome = json.loads(row.refusals_json), row.outcome or ""
    trouble = _trouble(one, len(refusals), failed)
    seconds = "" if row.seconds is None else f"{row.seconds:.1f} s"
    return {
        "number": row.number,
        "place": place(row),
        "group": f"{row.app}, round {row.round_number}" if row.round_number else row.app or "",
        "page": row.page,
        "kind": row.kind,
        "folded": row.kind == "wait" and not trouble,
        "text": row.text or "",
        "driver": row.driver,
        "why": row.needs_script if row.driver == "browser" else "",
        "untouched": row.untouched,
        "course": _course(one, refusals),
        "outcome": outcome,
        "mark": "✗" if failed or row.untouched else MARKS.get(outcome, "•"),
        "trouble": trouble,
        "refusals": len(refusals),
        "when": " · ".join(part for part in (clock(row.seen_at), seconds, outcome) if part),
        "messages": len(one.messages),
    }


def contents(steps: Collection[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same steps for a table of contents: those of one app and round together."""
    return [{"title": title, "steps": list(some)} for title, some in groupby(steps, lambda step: step["group"])]


def place(step: Any) -> str:
    """Where a step was, for people."""
    page = f"{step.app} / {step.page}" if step.app else step.page
    return f"{page}, round {step.round_number}" if step.round_number else page


def _trouble(one: Played, refusals: int, failed: bool) -> str:
    """What went wrong at a step, for those who look for it; empty if nothing did."""
    outcome = one.step.outcome or ""
    found = [
        "the bot failed here" if failed else "",
        "nothing was decided" if one.step.untouched else "",
        count(refusals, "refusal") if refusals else "",
        count(one.failed_calls, "failed call") if one.failed_calls else "",
        "a limit was reached" if any(event.what == "limit" for event in one.events) else "",
        outcome if outcome in ("timed out", "left", "interrupted") else "",
    ]
    return ", ".join(part for part in found if part)


def _course(one: Played, refusals: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """What happened on a page, each thing with its `kind`: those of `happened.told`, refused attempts ("attempt"),
    lines of its chats ("chat"), and in the end what the bot decided ("decision")."""
    row, events = one.step, told(one.events)
    labels = {field["name"]: field for field in json.loads(row.fields_json)}
    chat = [{**line, "kind": "chat", "time": clock(line["at"])} for line in json.loads(row.chat_json or "[]")]
    attempts = [_attempt(refusal, labels) for refusal in refusals]
    course = sorted([*events, *attempts, *chat], key=lambda item: item["at"])
    answers = json.loads(row.answers_json) if row.answers_json else {}
    decision = {
        "kind": "decision",
        # on a page that is acted on, each reason stands with its actions
        "reason": "" if any(event.what == "actions" for event in one.events) else row.reason or "",
        "answers": [_answer(field, answers.get(field["name"])) for field in asked(row, answers)] if answers else [],
        "remark": row.remark or "",
        "attempt": row.attempts if attempts else 0,
    }
    return [*course, decision] if decision["reason"] or decision["answers"] or decision["remark"] else course


def _attempt(refusal: dict[str, Any], labels: dict[str, dict[str, Any]]) -> dict[str, Any]:
    said = refusal["said"]
    named = said if isinstance(said, dict) else {}
    return {
        "kind": "attempt",
        "at": refusal["at"],
        "attempt": refusal["attempt"],
        "by": BY[refusal["by"]],
        "why": [f"{name_of(labels[at])} – {why}" if at in labels else why for at, why in refusal["messages"].items()],
        "answers": [_answer(labels.get(name, {"name": name}), value) for name, value in named.items()],
        "said": "" if named else text_of(said),
        "reason": refusal["reason"] or "",
    }


def message(message: Any) -> dict[str, Any]:
    """One message between a bot and its model."""
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


def _answer(field: dict[str, Any], value: Any) -> dict[str, str]:
    return {"key": field.get("key", ""), "label": name_of(field), "answer": text_of(value)}


def name_of(field: dict[str, Any]) -> str:
    """What a participant calls a field: its label, and where it has none its name."""
    return str(field.get("label") or field["name"])


def text_of(value: Any) -> str:
    """An answer for people."""
    if value in (None, ""):
        return "(left empty)"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def clock(seconds: float) -> str:
    """The time of day of a moment."""
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%H:%M:%S UTC")
