"""What bots do in rooms, checked where it is said."""

from __future__ import annotations

import pytest

from otree_botex.errors import SetupError
from otree_botex.policies import policy, stored


def test_a_policy_says_what_is_wanted():
    found = policy({"model": "random", "seats": "2", "fill_after": 60, "stand_in_after": "", "budget_calls": 5})
    assert (found.seats, found.fill_after, found.stand_in_after) == (2, 60, None)
    assert found.does_something and found.plan().budget.calls == 5
    assert stored(found.as_json()) == found
    assert not policy({"model": "random"}).does_something


@pytest.mark.parametrize(
    "given, said",
    [
        ({"seat": 2}, "seat: a room's policy has no such key. It takes seats, fill_after, stand_in_after, model"),
        ({"seats": "two"}, "seats must be a number"),
        ({"fill_after": -1}, "fill_after must be a number"),
        ({"stand_in_after": 0}, "at least 1 second"),
        ({"temperature": "hot"}, "temperature"),
        ({"budget_cost": -1}, "budget_cost"),
        ({"rows": []}, "no such key"),
    ],
)
def test_what_is_not_valid_is_told(given, said):
    with pytest.raises(SetupError, match=said):
        policy(given)
