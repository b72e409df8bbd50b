"""Who plays where: gives the seats of a launch to the rows of its mix, and personas to the seats. Pure; with the same
seed it comes out the same."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from fractions import Fraction

from .errors import SetupError
from .plans import Plan, Row


def counted(rows: Sequence[Row]) -> int | None:
    """How many seats the rows take, if each says how many; else None: as many as there are."""
    numbers = [row.seats for row in rows]
    return None if None in numbers else sum(number or 0 for number in numbers)


def assigned(plan: Plan, seats: Sequence[int], values: Mapping[int, str], seed: int) -> dict[int, int]:
    """The row of each of these seats, by the seats' numbers. `values` has what a balanced mix is balanced over.

    Raises SetupError if the rows do not fit the seats.
    """
    if plan.how == "by hand":
        missing = [f"P{seat}" for seat in seats if seat not in plan.by_hand]
        if missing:
            raise SetupError(f"Say which row of the mix plays on {', '.join(missing)}.")
        return {seat: plan.by_hand[seat] for seat in seats}
    chance = random.Random(f"rows {seed}")
    deck = _deck(quotas(plan.rows, len(seats)), chance)
    order = list(seats)
    chance.shuffle(order)
    if plan.how == "balanced":
        order.sort(key=lambda seat: values.get(seat, ""))
    else:
        chance.shuffle(deck)
    return dict(sorted(zip(order, deck, strict=True)))


def quotas(rows: Sequence[Row], seats: int) -> list[int]:
    """How many of so many seats each row takes: those it counts, and its share of the others, by largest remainders.

    Raises SetupError if the rows take more seats than there are, or fewer.
    """
    left = seats - sum(row.seats or 0 for row in rows)
    shares = [Fraction(0) if row.seats is not None else Fraction(1 if row.share is None else row.share) for row in rows]
    if left < 0 or (left and not sum(shares)):
        raise SetupError(f"The rows of the mix take {seats - left} seats, but {seats} are to be played.")
    exact = [left * share / sum(shares) if sum(shares) else Fraction(0) for share in shares]
    found = [row.seats or int(part) for row, part in zip(rows, exact, strict=True)]
    by_rest = sorted(range(len(rows)), key=lambda row: int(exact[row]) - exact[row])
    for row in by_rest[: seats - sum(found)]:
        found[row] += 1
    return found


def drawn(personas: int, seats: Sequence[int], seed: int) -> dict[int, int]:
    """The persona of each of these seats, from 0: each is drawn once before any is drawn again."""
    chance, found, deck = random.Random(f"personas {seed}"), {}, list[int]()
    for seat in seats:
        if not deck:
            deck = list(range(personas))
            chance.shuffle(deck)
        found[seat] = deck.pop()
    return found


def _deck(numbers: Sequence[int], chance: random.Random) -> list[int]:
    """So many cards of each row, each row's evenly spread: any few on end are mixed as the whole is."""
    cards = []
    for row, number in enumerate(numbers):
        start = chance.random()
        cards += [((card + start) / number, row) for card in range(number)]
    return [row for _, row in sorted(cards)]
