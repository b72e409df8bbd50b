"""What bots do in a room by themselves: how many seats they take, when they fill those that are left, and when they
stand in for people who have become inactive. Checked once, whether it comes from settings.py or from the admin."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .errors import SetupError
from .parameters import PARAMETERS, number
from .plans import BUDGET, Plan, plan

MOST_SEATS = 100_000
MOST_SECONDS = 1_000_000
NUMBERS = {"seats": MOST_SEATS, "fill_after": MOST_SECONDS, "stand_in_after": MOST_SECONDS}
OF_PLAN = ("model", *PARAMETERS, "personas", "prompts", *(f"budget_{name}" for name in BUDGET), "budget_then")
KNOWN = (*NUMBERS, *OF_PLAN)
"""All names that a policy takes."""


@dataclass(frozen=True)
class Policy:
    """What bots do in a room. None: they do not.

    `seats` is how many they take as soon as a session is there, `fill_after` after how many seconds they take those
    that nobody has opened, `stand_in_after` after how many seconds of inactivity they stand in for a person. `given`
    is what else was said: which model, as whom, within which budget.
    """

    seats: int | None = None
    fill_after: int | None = None
    stand_in_after: int | None = None
    given: Mapping[str, Any] = field(default_factory=dict)

    @property
    def does_something(self) -> bool:
        return any(getattr(self, name) is not None for name in NUMBERS)

    def plan(self) -> Plan:
        """How the bots play that this policy starts."""
        return plan({"model": "random", **self.given})

    def as_json(self) -> str:
        numbers = {name: getattr(self, name) for name in NUMBERS}
        return json.dumps({**{name: value for name, value in numbers.items() if value is not None}, **self.given})


def policy(given: Mapping[str, Any]) -> Policy:
    """A policy from values of any type, as settings.py, a form or JSON have them; those that are empty or None are not
    given. Raises SetupError, in words, if something is not valid."""
    given = {name: value for name, value in given.items() if value not in (None, "")}
    unknown = sorted(str(name) for name in set(given) - set(KNOWN))
    if unknown:
        raise SetupError(f"{', '.join(unknown)}: a room's policy has no such key. It takes {', '.join(KNOWN)}.")
    numbers = {name: number(name, given.pop(name), int, 0, most) for name, most in NUMBERS.items() if name in given}
    if numbers.get("stand_in_after") == 0:
        raise SetupError("stand_in_after must be at least 1 second: nobody can be active all the time.")
    found = Policy(**numbers, given=given)
    found.plan()
    return found


def stored(text: str) -> Policy:
    """A policy from the database."""
    return policy(json.loads(text))
