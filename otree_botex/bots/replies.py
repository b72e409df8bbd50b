"""What a bot's model is asked to reply with, and how its replies are read. Pure: values in, values out."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..llm import Completion, Schema, object_schema
from ..records import Cause
from .chat import Chat
from .form import REASON_LENGTH

MESSAGE_LENGTH = 500
"""The most characters that a bot is asked to write in one message of a chat."""
KEPT_NOTES_LENGTH = 1000
"""The most characters of the notes that a bot is asked to keep where it remembers nothing else."""
REMARK_LENGTH = 300
"""The most characters of what a bot is asked to remark on a page, in a pre-test."""
CUT_OFF = "The reply was cut off before its end. Be brief."


class Unusable(Exception):
    """A reply that is not what was asked for. `str(error)` says why, to the model; `cause` is a word for the record."""

    def __init__(self, message: str, cause: Cause = "refused") -> None:
        super().__init__(message)
        self.cause = cause


@dataclass(frozen=True)
class Answered:
    """A reply to a page's questions: the answers by field key, the reason, and notes and a remark, if it has any."""

    answers: Mapping[str, Any]
    reason: str = ""
    notes: str = ""
    remark: str = ""


@dataclass(frozen=True)
class Turn:
    """A bot's turn in the chats of a page: what it writes, by the chat's key, and whether it has finished talking."""

    say: Mapping[str, str] = field(default_factory=dict)
    done: bool = False


def with_notes(schema: Schema) -> dict[str, Any]:
    """The schema of a decision, with notes at its end."""
    return object_schema(**schema["properties"], notes={"type": "string", "maxLength": KEPT_NOTES_LENGTH})


def with_remark(schema: Schema) -> dict[str, Any]:
    """The schema of a decision, with a remark on the page, for the experimenter."""
    return object_schema(**schema["properties"], remark={"type": "string", "maxLength": REMARK_LENGTH})


def talk_schema(chats: Sequence[Chat]) -> dict[str, Any]:
    """The schema of a turn in these chats."""
    message = {"anyOf": [{"type": "string", "minLength": 1, "maxLength": MESSAGE_LENGTH}, {"type": "null"}]}
    say = object_schema(**{chat.key: message for chat in chats})
    return object_schema(reason={"type": "string", "maxLength": REASON_LENGTH}, say=say, done={"type": "boolean"})


def read_answers(completion: Completion) -> Answered:
    """Answers, reason and notes of a reply. Raises Unusable."""
    data = json_object(completion)
    answers = data.get("answers")
    if not isinstance(answers, dict):
        raise Unusable('The reply has no "answers".')
    return Answered(answers, read_reason(data), _text("notes", data), read_remark(data))


def read_reason(data: Mapping[str, Any]) -> str:
    """The reason that a reply gives; empty if it gives none."""
    reason = data.get("reason", "")
    return reason if isinstance(reason, str) else json.dumps(reason)


def read_remark(data: Mapping[str, Any]) -> str:
    """What a reply remarks on the page; empty if nothing."""
    return _text("remark", data)


def read_turn(completion: Completion, chats: Sequence[Chat]) -> Turn:
    """What a reply says in these chats. Raises Unusable."""
    data = json_object(completion)
    try:
        say = data["say"]
        written = {chat.key: say[chat.key].strip() for chat in chats if say.get(chat.key)}
        return Turn({key: text for key, text in written.items() if text}, bool(data["done"]))
    except (KeyError, TypeError, AttributeError):
        raise Unusable("The reply is not a turn of a chat.") from None


def read_notes(text: str) -> str:
    """The notes of a reply; empty if it has none."""
    try:
        return _text("notes", _json_object(text))
    except Unusable:
        return ""


def json_object(completion: Completion) -> dict[str, Any]:
    """The JSON object of a reply. Raises Unusable if there is none."""
    try:
        return _json_object(completion.text)
    except Unusable:
        if completion.finish_reason == "length":
            raise Unusable(CUT_OFF, "cut off") from None
        raise


def _json_object(reply: str) -> dict[str, Any]:
    """The JSON object of a text; some models wrap it in thoughts, prose or a code fence."""
    text = reply.rpartition("</think>")[2]
    text = re.sub(r"^.*?```(?:json)?\s*(\{.*\})\s*```.*$", r"\1", text, flags=re.DOTALL)
    start, end = text.find("{"), text.rfind("}") + 1
    if start < 0:
        raise Unusable("The reply is not JSON.") if text.strip() else Unusable("The reply is empty.", "empty")
    try:
        data = json.loads(text[start : end or None])
    except ValueError:
        raise Unusable("The reply is not valid JSON, or it was cut off.") from None
    if not isinstance(data, dict):
        raise Unusable("The reply is not a JSON object.")
    return data


def _text(name: str, data: Mapping[str, Any]) -> str:
    """A part of a reply that is a text; empty if it is none, or is not there."""
    text = data.get(name)
    return text.strip() if isinstance(text, str) else ""
