"""What a project's settings.py says about bots: `LLM_BOTS = dict(models=[…], python=…, rooms=…)`.

A model is a name, or `dict(model="openai/…", api_base="http://…")` where it has an address of its own. Addresses come
from here only: whoever can name one is sent the provider's key.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from otree import settings as otree_settings

from ..errors import SetupError
from ..policies import Policy, policy

KNOWN = {"models", "python", "rooms"}


@dataclass(frozen=True)
class BotSettings:
    """`models` by name, with the address each is reached at (None: its provider's own); what bots do in `rooms`."""

    models: dict[str, str | None]
    python: str | None = None
    rooms: Mapping[str, Policy] = field(default_factory=dict)


def bot_settings() -> BotSettings:
    """Raises SetupError if LLM_BOTS is not what it should be."""
    raw: Any = getattr(otree_settings, "LLM_BOTS", {})
    if not isinstance(raw, dict):
        raise SetupError("LLM_BOTS in settings.py must be a dict, for example LLM_BOTS = dict(models=['random']).")
    unknown = set(raw) - KNOWN
    if unknown:
        raise SetupError(
            f"LLM_BOTS in settings.py has an unknown key: {', '.join(sorted(map(str, unknown)))}. "
            f"It takes {', '.join(sorted(KNOWN))}."
        )
    return BotSettings(_models(raw.get("models", [])), raw.get("python"), _rooms(raw.get("rooms", {})))


def _models(entries: Any) -> dict[str, str | None]:
    if not isinstance(entries, (list, tuple)):
        raise SetupError("models in LLM_BOTS of settings.py must be a list, for example models=['random'].")
    return dict(map(_model, entries))


def _model(entry: Any) -> tuple[str, str | None]:
    if isinstance(entry, str):
        return entry, None
    if isinstance(entry, dict) and isinstance(entry.get("model"), str) and set(entry) <= {"model", "api_base"}:
        return entry["model"], entry.get("api_base")
    # what stands there may hold a key, so it is not repeated
    has = f"a dict with {', '.join(map(str, entry))}" if isinstance(entry, dict) else f"a {type(entry).__name__}"
    raise SetupError(
        f"In LLM_BOTS of settings.py, one of the models is {has}. "
        "Write its name, or dict(model='openai/…', api_base='http://…')."
    )


def _rooms(entries: Any) -> dict[str, Policy]:
    known = [str(room.get("name")) for room in getattr(otree_settings, "ROOMS", [])]
    if not isinstance(entries, dict):
        raise SetupError("rooms in LLM_BOTS of settings.py must be a dict, for example rooms=dict(lab=dict(seats=2)).")
    found = {}
    for name, entry in entries.items():
        if name not in known:
            rooms = f"it names {', '.join(known)}" if known else "it names none"
            raise SetupError(
                f"LLM_BOTS in settings.py has a policy for a room “{name}” that ROOMS does not name: {rooms}."
            )
        if not isinstance(entry, dict):
            raise SetupError(f"In LLM_BOTS of settings.py, the policy of the room “{name}” must be a dict.")
        try:
            found[name] = policy(entry)
        except SetupError as error:
            raise SetupError(f"In LLM_BOTS of settings.py, room “{name}”: {error}") from None
    return found
