"""What will happen if a plan is launched: who sits where, what it will take, and what speaks against it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from otree.models import Participant, Session

from ..errors import BotexError
from ..paid import is_paid
from ..plans import Budget, Plan, Row
from . import casting, choices, earlier, expectation, experiment, guard, launches, prices
from .expectation import Expected

MOST_SHOWN = 500
"""So many seats are listed."""


def outlook(session: Session, taken: Sequence[Participant], plan: Plan) -> dict[str, Any]:
    """As plain values for the page. Raises SetupError if the plan cannot be carried out."""
    plan = launches.completed(plan)
    rows, personas = casting.cast(taken, plan)
    before, pages = earlier.of(session), earlier.pages(session)
    paid = [row.model for row in plan.rows if is_paid(row.model, row.api_base)]
    pending = prices.look_for(paid)
    found = []
    for number, row in enumerate(plan.rows):
        seats, is_free = list(rows.values()).count(number), row.model not in paid
        price = prices.price(row.model)
        found.append((row, seats, expectation.expected(row.parameters, seats, before, pages, price, is_free)))
    whole = expectation.total([one for _, seats, one in found if seats])
    return {
        "rows": [_said(one) | {"model": row.model, "personas": row.personas, "seats": n} for row, n, one in found],
        "total": _said(whole) | {"seats": len(taken)},
        "source": whole.source,
        "pending": pending,
        "warnings": [
            *_warnings(plan, taken, whole, pending),
            *_of_budget(plan.budget, whole, [(row.model, seats, one) for row, seats, one in found if seats]),
            *_of_personas(plan, rows, personas),
        ],
        "seating": [
            {
                "seat": seat.id_in_session,
                "label": seat.label or "",
                "row": rows[seat.id_in_session],
                "persona": personas[seat.id_in_session].name if seat.id_in_session in personas else "",
                "value": experiment.value(seat, plan.over) if plan.over else experiment.treatment(seat),
            }
            for seat in taken[:MOST_SHOWN]
        ],
        "more_seats": max(len(taken) - MOST_SHOWN, 0),
    }


def _said(one: Expected) -> dict[str, str]:
    cost = "free" if one.is_free else expectation.said_cost(one.cost)
    return {"calls": expectation.said(one.calls), "tokens": expectation.said(one.tokens), "cost": cost}


def _warnings(plan: Plan, taken: Sequence[Participant], whole: Expected, pending: bool) -> list[str]:
    found = _of_models(plan.rows)
    try:
        guard.check(plan.rows, plan.budget)
    except BotexError as error:
        found.append(str(error))
    opened = [f"P{seat.id_in_session}" for seat in taken if seat.visited]
    if opened:
        found.append(f"Somebody has opened {', '.join(opened)} before: a bot goes on from where that participant is.")
    if plan.how == "balanced" and not any(experiment.value(seat, plan.over) for seat in taken):
        found.append(f"No seat has a value of “{plan.over}” yet, so there is nothing to balance over: all are alike.")
    if whole.cost is None and not pending:
        found.append(_of_no_price(plan.budget))
    return found


def _of_models(rows: Sequence[Row]) -> list[str]:
    known = {choice.name: choice for choice in choices.model_choices()[0]}
    unusable = [known[row.model] for row in rows if row.model in known and not known[row.model].usable]
    return list(dict.fromkeys(f"{choice.name} cannot be used here yet: {choice.reason}" for choice in unusable))


def _of_no_price(budget: Budget) -> str:
    said = "The cost is not known, for want of a price."
    if budget.cost is None and budget.bot_cost is None:
        return f"{said} Limits of calls or tokens work all the same."
    then = "stop" if budget.then == "stop" else "pause"
    return (
        f"{said} So a limit in US dollars cannot be kept, and bots {then} after the first reply: limit calls or tokens."
    )


def _of_budget(budget: Budget, whole: Expected, rows: Sequence[tuple[str, int, Expected]]) -> list[str]:
    """That a limit of the launch, or of each bot of one of its rows, may be reached, or surely will be. Each row has
    its model and its number of seats."""
    found, then = [], "stop" if budget.then == "stop" else "pause"
    limited = [("", "", 1, whole)]
    for model, seats, expected in rows:
        limited.append(("bot_", f" for each bot of {model}" if len(rows) > 1 else " for each bot", seats, expected))
    for name in ("cost", "calls", "tokens"):
        for whose, each, times, expected in limited:
            limit, span = getattr(budget, whose + name), getattr(expected, name)
            if limit is None or span is None or span.high <= limit * times:
                continue
            how = "will" if span.low > limit * times else "may"
            amount = f"US${limit:g}" if name == "cost" else f"{limit:,} {name}"
            found.append(f"The limit of {amount}{each} {how} be reached; bots {then} then.")
    return list(dict.fromkeys(found))


def _of_personas(plan: Plan, rows: dict[int, int], personas: dict[int, Any]) -> list[str]:
    """That personas are drawn more than once, where there are fewer than seats."""
    found = []
    for name in dict.fromkeys(row.personas for row in plan.rows if row.personas):
        drawn = [personas[seat].name for seat, row in rows.items() if plan.rows[row].personas == name]
        number = len(set(drawn))
        if number < len(drawn):
            found.append(f"“{name}” has {number} personas for {len(drawn)} seats: some are drawn more than once.")
    return found


def as_script(value: Any) -> str:
    """A value as JSON that may stand inside a <script>, whatever texts are in it."""
    return json.dumps(value, ensure_ascii=False).replace("<", "\\u003c").replace("\u2028", " ").replace("\u2029", " ")
