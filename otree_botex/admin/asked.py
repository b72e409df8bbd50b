"""What the launch page's form asks for: a plan and its seats; and what was entered, to be shown again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from otree.models import Participant, Session

from ..assignment import counted
from ..errors import SetupError
from ..parameters import PARAMETERS
from ..plans import KNOWN, Plan, plan
from . import seats

SEATS = ("which_seats", "number")
FIELDS = (*KNOWN, "other_model", *SEATS)
"""All that the form sends, but the seats that are ticked."""
MODEL_OF_ROW = ("model", "other_model", "personas")
"""What stands in the form for its only row where no script writes `rows`."""


def entered(data: Any) -> dict[str, str]:
    """What the form was sent with; nothing if it was not yet. A box that is not ticked is empty."""
    return {name: str(data.get(name) or "") for name in FIELDS} if data else {}


def plan_of(form: Mapping[str, str]) -> Plan:
    """The plan. Raises SetupError, in words, if something is not valid."""
    given: dict[str, Any] = {name: form.get(name) for name in KNOWN}
    if given["rows"]:
        given |= {"model": None, "personas": None}
    else:
        given["model"] = form.get("other_model") or given["model"]
    if given["how"] != "balanced":
        given["over"] = None
    if given["how"] != "by hand":
        given["by_hand"] = None
    return plan(given)


def seats_of(session: Session, form: Mapping[str, str], codes: list[str], asked: Plan) -> list[Participant]:
    """The seats: those that are picked, so many, or all free ones, unless each row of the mix says how many it takes.

    Raises SetupError, in words, if there are no such seats.
    """
    which = form.get("which_seats")
    if which == "picked":
        return seats.picked(session, codes)
    if which == "number":
        number = form.get("number") or ""
        if not number.isdecimal():
            raise SetupError("Say how many seats the bots should take.")
        return seats.some(session, int(number))
    return seats.some(session, counted(asked.rows))


def rows_shown(form: Mapping[str, str]) -> list[dict[str, Any]]:
    """The rows of the mix as they were entered, for the page's script; one empty row if none were."""
    try:
        rows = json.loads(form.get("rows") or "[]")
    except ValueError:
        rows = []
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        rows = []
    if not rows:
        model = form.get("other_model") or form.get("model")
        rows = [{"model": model, "personas": form.get("personas")}]
    known = ("model", "personas", "seats", "share", *PARAMETERS)
    return [{name: row[name] for name in known if row.get(name) not in (None, "")} for row in rows]
