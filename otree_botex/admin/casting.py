"""Who plays where: the row of the mix and the persona of each seat that bots take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from otree.models import Participant

from .. import project_files
from ..assignment import assigned, drawn
from ..plans import Plan
from ..project_files import Persona
from . import experiment


def filled(taken: Sequence[Participant], plan: Plan) -> Plan:
    """A plan whose seats are picked by hand, with a row for each of them: a drawn one where none was picked yet."""
    rows = tuple(replace(row, seats=None, share=None) for row in plan.rows)
    numbers = [seat.id_in_session for seat in taken]
    drawn = assigned(replace(plan, rows=rows, how="random"), numbers, {}, plan.seed or 0)
    return replace(plan, by_hand={**drawn, **plan.by_hand})


def cast(taken: Sequence[Participant], plan: Plan) -> tuple[dict[int, int], dict[int, Persona]]:
    """The row of each seat, and the persona of those that have one, by the seats' numbers.

    Raises SetupError if the plan does not fit the seats, or if there is no such set of personas.
    """
    numbers, seed = [seat.id_in_session for seat in taken], plan.seed or 0
    values = {seat.id_in_session: experiment.value(seat, plan.over) for seat in taken} if plan.over else {}
    rows = assigned(plan, numbers, values, seed)
    personas: dict[int, Persona] = {}
    for name in dict.fromkeys(row.personas for row in plan.rows if row.personas):
        known = project_files.personas(Path.cwd(), name)
        of_set = [seat for seat in numbers if plan.rows[rows[seat]].personas == name]
        personas |= {seat: known[one] for seat, one in drawn(len(known), of_set, seed).items()}
    return rows, personas
