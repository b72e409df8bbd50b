"""Numbers, money and time in words."""

from __future__ import annotations

from otree_botex.words import cost_of, count, lasted, money, spent


def test_numbers():
    assert [count(number, "bot") for number in (0, 1, 2, 2000)] == ["0 bots", "1 bot", "2 bots", "2,000 bots"]
    assert [count(number, "bot was", "bots were") for number in (1, 2)] == ["1 bot was", "2 bots were"]


def test_money_has_two_digits_that_matter():
    assert [money(dollars) for dollars in (0, 4e-8, 0.00001234, 0.0063, 0.5, 0.999, 12.345)] == [
        *("$0", "under $0.000001", "$0.000012", "$0.0063", "$0.50", "$1.00", "$12.35"),
    ]


def test_what_has_no_price_is_not_free():
    assert [spent(0.5, 0), spent(0.5, 1)] == ["$0.50", "over $0.50"]
    assert [spent(cost, 1) for cost in (0, 4e-8)] == ["not known", "not known"]
    free, priced = {"cost": 0.0, "unpriced": 0}, {"cost": 0.25, "unpriced": 0}
    without = {"cost": 0.0, "unpriced": 2}
    assert [cost_of([]), cost_of([free]), cost_of([free, priced])] == ["", "", ", cost $0.25"]
    assert [cost_of([free, without]), cost_of([priced, without])] == [", cost not known", ", cost over $0.25"]


def test_times():
    assert [lasted(seconds) for seconds in (0, 4.24, 12.0, 60, 200, 3660)] == [
        *("0 s", "4.2 s", "12 s", "1 min", "3 min 20 s", "1 h 1 min"),
    ]
