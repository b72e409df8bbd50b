"""What an experimenter asks for: which models play, on how many seats, as whom, and within which budget. Checked once,
whether it comes from the launch page, a REST call or a shell."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal, get_args

from .errors import SetupError
from .parameters import HOSTS, PARAMETERS, Parameters, number, parameters, stored

How = Literal["random", "balanced", "by hand"]
"""How seats are given to the rows of a mix: drawn with a seed; drawn so that each value of a field has the same mix; or
as they were picked."""
Then = Literal["pause", "stop"]
"""What bots do when a limit of the budget is reached."""

BUDGET = {
    "cost": (float, 1_000_000),
    "calls": (int, 100_000_000),
    "tokens": (int, 10**12),
    "bot_cost": (float, 1_000_000),
    "bot_calls": (int, 100_000_000),
    "bot_tokens": (int, 10**12),
}
"""The limits of a budget, each with its type and the most that it may be."""
MOST_ROWS = 50


@dataclass(frozen=True)
class Row:
    """One row of a mix: what its bots play with, from which set of personas, and how many of the seats are theirs: so
    many, a share of those that no row counts (in proportion to the other shares), or, with neither, a share of 1."""

    parameters: Parameters
    personas: str = ""
    seats: int | None = None
    share: float | None = None
    api_base: str | None = None
    """The address that the settings name for its model."""

    @property
    def model(self) -> str:
        return self.parameters.model

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    def settings(self) -> dict[str, Any]:
        """All that the model's replies depend on."""
        return {**asdict(self.parameters), HOSTS: list(self.parameters.hosts), "api_base": self.api_base}


@dataclass(frozen=True)
class Budget:
    """Limits in US dollars, calls and tokens, for the launch and for each of its bots. None: no limit."""

    cost: float | None = None
    calls: int | None = None
    tokens: int | None = None
    bot_cost: float | None = None
    bot_calls: int | None = None
    bot_tokens: int | None = None
    then: Then = "pause"

    def __bool__(self) -> bool:
        return any(getattr(self, name) is not None for name in BUDGET)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Plan:
    """One launch as it was asked for. `by_hand` has the row (from 0) of each picked seat, by the seat's number."""

    rows: tuple[Row, ...]
    how: How = "random"
    seed: int | None = None
    """Of the draw of rows and personas; None: one is drawn."""
    over: str = ""
    """The session-config or participant field whose values are to have the same mix, where it is balanced."""
    by_hand: Mapping[int, int] = field(default_factory=dict)
    prompts: str = ""
    """The project's set of prompts; empty for the default ones."""
    pretest: bool = False
    """Whether bots are asked what was unclear or wrong on each page."""
    budget: Budget = Budget()


def simple(asked: Parameters) -> Plan:
    """All seats for one model, without personas and limits."""
    return Plan((Row(asked),))


def plan(given: Mapping[str, Any]) -> Plan:
    """A plan from values of any type, as a form or JSON has them; those that are empty or None are not given.

    `rows` is a list of dicts (or its JSON): each has `model`, and any of the parameters, `personas`, `seats` and
    `share`; what a row does not say is as in `given` itself. Without `rows` there is one row of these. A budget's
    limits are `budget_cost`, `budget_calls`, `budget_tokens`, `budget_bot_cost` …, and `budget_then`; `how`,
    `mix_seed`, `over` and `by_hand` say how seats are given to rows.

    Raises SetupError, in words, if something is not valid.
    """
    given = {name: value for name, value in given.items() if value not in (None, "")}
    rows = _decoded("rows", given.pop("rows", None)) or [{}]
    by_hand = _decoded("by_hand", given.pop("by_hand", None)) or {}
    own = {name: given.pop(name) for name in list(given) if name in OF_PLANS}
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows) or len(rows) > MOST_ROWS:
        raise SetupError(f"rows must be a list of at most {MOST_ROWS} rows, each with a model.")
    if not isinstance(by_hand, dict):
        raise SetupError("by_hand must name the row of each seat, for example {“3”: 0}.")
    common_personas = given.pop("personas", "")
    made = tuple(_row({**given, "personas": common_personas, **row}) for row in rows)
    how = own.get("how", "by hand" if by_hand else "random")
    _one_of("how", how, get_args(How))
    if how == "balanced" and not own.get("over"):
        raise SetupError("Name the field over which the mix is to be balanced, for example treatment.")
    return Plan(
        made,
        how=how,
        seed=None if own.get("mix_seed") is None else number("mix_seed", own["mix_seed"], int, 0, 2**31 - 1),
        over=str(own.get("over", "")).strip(),
        by_hand=_picked(by_hand, len(made)),
        prompts=str(own.get("prompts", "")).strip(),
        pretest=str(own.get("pretest", "")).lower() in ("true", "on", "1"),
        budget=budget(own),
    )


def budget(given: Mapping[str, Any]) -> Budget:
    """A budget from `budget_cost` and the like. Raises SetupError if one is not valid."""
    limits = {
        name: number(f"budget_{name}", given[f"budget_{name}"], kind, 0, most)
        for name, (kind, most) in BUDGET.items()
        if given.get(f"budget_{name}") not in (None, "")
    }
    then = given.get("budget_then") or Budget.then
    _one_of("budget_then", then, get_args(Then))
    return Budget(**limits, then=then)


def stored_rows(text: str) -> list[Row]:
    """The rows of a launch, from the record."""
    return [Row(**{**row, "parameters": stored(row["parameters"])}) for row in json.loads(text)]


def stored_budget(text: str) -> Budget:
    """The budget of a launch, from the record."""
    return Budget(**json.loads(text))


OF_PLANS = ("how", "mix_seed", "over", "prompts", "pretest", "budget_then", *(f"budget_{name}" for name in BUDGET))
OF_ROWS = tuple(one.name for one in fields(Row) if one.name not in ("parameters", "api_base"))
KNOWN = ("model", *PARAMETERS, *OF_ROWS, *OF_PLANS, "rows", "by_hand")
"""All names that `plan` takes."""


def _row(given: Mapping[str, Any]) -> Row:
    given = dict(given)
    seats, share = given.pop("seats", None), given.pop("share", None)
    if seats not in (None, "") and share not in (None, ""):
        raise SetupError("A row of a mix has a number of seats or a share, not both.")
    return Row(
        personas=str(given.pop("personas", "") or "").strip(),
        seats=None if seats in (None, "") else number("seats", seats, int, 1, 100_000),
        share=None if share in (None, "") else number("share", share, float, 0, 1_000_000),
        parameters=parameters(given),
    )


def _picked(by_hand: Mapping[Any, Any], rows: int) -> dict[int, int]:
    try:
        found = {int(seat): int(row) for seat, row in by_hand.items()}
    except (TypeError, ValueError):
        raise SetupError("by_hand must name the row of each seat by numbers.") from None
    if any(not 0 <= row < rows for row in found.values()):
        raise SetupError("by_hand names a row that the mix does not have.")
    return found


def _decoded(name: str, value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        raise SetupError(f"{name} is no JSON.") from None


def _one_of(name: str, value: Any, known: Sequence[str]) -> None:
    if value not in known:
        raise SetupError(f"{name} must be {', '.join(known[:-1])} or {known[-1]}, not “{value}”.")
