"""What an experimenter asks for: checked, and given to seats."""

from __future__ import annotations

import json

import pytest

from otree_botex.assignment import assigned, counted, drawn, quotas
from otree_botex.errors import SetupError
from otree_botex.plans import Budget, plan, stored_budget, stored_rows


def rows(*given):
    return plan({"rows": list(given)}).rows


def test_without_rows_there_is_one():
    found = plan({"model": "random", "seed": "3", "personas": "students", "budget_cost": "1,5", "pretest": "on"})
    assert [(row.model, row.parameters.seed, row.personas) for row in found.rows] == [("random", 3, "students")]
    assert (found.budget, found.pretest) == (Budget(cost=1.5), True)
    assert not plan({"model": "random"}).budget and plan({"model": "m", "budget_bot_calls": 0}).budget


def test_a_row_says_only_what_is_its_own():
    found = plan({"temperature": "0.5", "rows": '[{"model": "a", "seats": 2}, {"model": "b", "temperature": 1}]'})
    assert [(row.model, row.parameters.temperature, row.seats) for row in found.rows] == [
        ("a", 0.5, 2),
        ("b", 1.0, None),
    ]
    assert stored_rows(json.dumps([row.as_json() for row in found.rows])) == list(found.rows)
    assert stored_budget(json.dumps(found.budget.as_json())) == found.budget


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"rows": [{"model": "a", "seats": 0}]}, "seats must be a number from 1"),
        ({"rows": [{"model": "a", "seats": 1, "share": 1}]}, "not both"),
        ({"rows": [{}]}, "Choose a model"),
        ({"rows": "[{"}, "rows is no JSON"),
        ({"model": "a", "how": "by luck"}, "how must be random, balanced or by hand"),
        ({"model": "a", "how": "balanced"}, "Name the field"),
        ({"model": "a", "by_hand": {"1": 1}}, "a row that the mix does not have"),
        ({"model": "a", "budget_then": "explode"}, "budget_then must be pause or stop"),
        ({"model": "a", "budget_calls": "many"}, "budget_calls must be a number"),
        ({"model": "a", "nosuch": 1}, "Unknown parameter: nosuch"),
    ],
)
def test_what_is_not_valid_is_said(given, said):
    with pytest.raises(SetupError, match=said):
        plan(given)


def test_quotas_by_number_and_by_share():
    assert quotas(rows({"model": "a"}), 5) == [5]
    assert quotas(rows({"model": "a", "share": 2}, {"model": "b", "share": 1}), 7) == [5, 2]
    assert quotas(rows({"model": "a", "seats": 3}, {"model": "b"}, {"model": "c"}), 8) == [3, 3, 2]
    assert counted(rows({"model": "a", "seats": 3}, {"model": "b", "seats": 1})) == 4
    assert counted(rows({"model": "a", "seats": 3}, {"model": "b"})) is None
    for taken in (3, 5):
        with pytest.raises(SetupError, match="take 4 seats"):
            quotas(rows({"model": "a", "seats": 4}), taken)


def test_the_same_seed_gives_the_same_seats():
    mix = plan({"rows": [{"model": "a"}, {"model": "b"}]})
    first, again, other = (assigned(mix, range(1, 41), {}, seed) for seed in (1, 1, 2))
    assert first == again != other and sorted(first) == list(range(1, 41))
    assert [list(first.values()).count(row) for row in (0, 1)] == [20, 20]


def test_each_treatment_has_the_same_mix():
    mix = plan(
        {"rows": [{"model": "a", "seats": 10}, {"model": "b", "seats": 20}], "how": "balanced", "over": "treatment"}
    )
    values = {seat: "high" if seat % 3 == 0 else "low" for seat in range(1, 31)}
    for seed in range(20):
        found = assigned(mix, range(1, 31), values, seed)
        assert list(found.values()).count(0) == 10
        high = [row for seat, row in found.items() if values[seat] == "high"]
        assert high.count(0) in (3, 4)


def test_seats_by_hand():
    mix = plan({"rows": [{"model": "a"}, {"model": "b"}], "by_hand": {"2": 1, "3": 0}})
    assert assigned(mix, [2, 3], {}, 0) == {2: 1, 3: 0}
    with pytest.raises(SetupError, match="P1"):
        assigned(mix, [1, 2], {}, 0)


def test_each_persona_is_drawn_before_any_is_drawn_again():
    found = drawn(3, range(1, 8), 5)
    assert found == drawn(3, range(1, 8), 5) != drawn(3, range(1, 8), 6)
    of = list(found.values())
    assert sorted(of[:3]) == sorted(of[3:6]) == [0, 1, 2]
