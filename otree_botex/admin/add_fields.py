"""The parameters of a launch as the launch page shows them: each with its label, and what it is if nothing is said."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..parameters import CHOICES, HOSTS, NUMBERS, SWITCHES, Parameters

SECTIONS: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "Replies": {
        "temperature": ("Temperature", ""),
        "seed": ("Seed", "Makes replies repeatable where the model honours it."),
        "max_tokens": ("Tokens per reply", ""),
        "attempts": ("Replies per page", "A bot fails on a page when so many were refused."),
        "memory": ("Memory of earlier pages", "Results differ by it. Notes take fewer tokens in long experiments."),
        "human_pace": ("At a person's pace", "Bots take the time that people need to read and to think."),
        "images": ("Show pictures to the model", "For models that take images. They cost more."),
        "cache": ("Give equal requests equal replies", "What was asked before, to the letter, is not asked again."),
    },
    "Chats": {
        "chat_messages": ("Chat messages per page", "What a bot may write at most, where a page has a chat."),
        "chat_cost": ("Chat cost per page, US$", ""),
    },
    "Pages that live by their scripts": {
        "driver": ("Browser", "Chromium, on the machine where the bots play."),
        "hosts": ("Other hosts that pages may load from", "Names such as cdn.jsdelivr.net, with commas between them."),
        "page_calls": ("Calls per page", ""),
        "page_actions": ("Actions per page", ""),
        "page_seconds": ("Seconds per page", ""),
        "browsers": ("Pages open at a time", ""),
    },
}
"""The sections of “More”, and each parameter's label and what else there is to say of it."""
WORDS = {
    "memory": {
        "full": "the whole conversation",
        "summary": "notes that the bot keeps",
        "none": "none: each page alone",
    },
    "driver": {"auto": "for pages that need one", "http": "never", "browser": "for every page"},
}
EMPTY = {
    "temperature": "the model's own",
    "seed": "none",
    "max_tokens": "the model's own",
    "chat_cost": "no limit",
    HOSTS: "none",
}
"""What stands in a field that is empty, in grey."""
USUAL = {name: getattr(Parameters, name) for name in (*NUMBERS, *SWITCHES, *CHOICES)} | {HOSTS: ""}


def sections(entered: Mapping[str, Any]) -> list[dict[str, Any]]:
    """All parameters by section, as a template shows them, with what was entered or else the usual."""
    return [
        {"title": title, "fields": [_field(name, label, hint, entered) for name, (label, hint) in fields.items()]}
        for title, fields in SECTIONS.items()
    ]


def differs(entered: Mapping[str, Any]) -> bool:
    """Whether something was entered that is not the usual."""
    return any(str(value or "") != str(USUAL[name] or "") for name, value in entered.items() if name in USUAL)


def _field(name: str, label: str, hint: str, entered: Mapping[str, Any]) -> dict[str, Any]:
    value = entered.get(name, "" if USUAL[name] is None else USUAL[name])
    field = {"name": name, "label": label, "hint": hint, "empty": EMPTY.get(name, "")}
    if name in NUMBERS:
        kind, least, most = NUMBERS[name]
        return field | {"kind": "number", "value": value, "min": least, "max": most, "step": _step(kind)}
    if name in SWITCHES:
        return field | {"kind": "switch", "on": bool(value)}
    if name in CHOICES:
        words = [{"value": one, "label": WORDS[name][one], "chosen": one == value} for one in CHOICES[name]]
        return field | {"kind": "choice", "choices": words}
    return field | {"kind": "text", "value": value}


def _step(kind: type) -> str:
    return "any" if kind is float else "1"
