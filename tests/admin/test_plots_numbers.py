"""The numbers of the plots, from plain rows: bins, shares, differences, progress, what pages took."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import pytest

from otree_botex.admin.plots.answers import Answer, Field, comparison, distributions
from otree_botex.admin.plots.bins import bins, rounded, tenths
from otree_botex.admin.plots.charts import Who, natural, stacked, summaries
from otree_botex.admin.plots.spent import Left, Spent, progress, spending

VENDOR = Path(__file__).parents[2] / "otree_botex/static/otree_botex/vendor"
A, B, C = Who(1, "small", "Ann", "high"), Who(2, "small", "", "low"), Who(3, "large", "Bo", "low")
GUESS = Field("game", "guess", "Your guess", is_number=True)
COLOUR = Field("game", "colour", "Colour", is_number=False, choices=(("r", "Red"), ("g", "Green")))
LIKERT = Field("game", "agree", "I agree", is_number=True, choices=((1, "No"), (2, "Perhaps"), (3, "Yes")))


def given(field, *pairs, round_number=1):
    return [Answer(field.app, field.name, round_number, value, who) for value, who in pairs]


def counts(values):
    made = bins(values)
    found = dict.fromkeys(made.labels, 0)
    for value in values:
        found[made.labels[made.of(value)]] += 1
    return found


def test_whole_numbers_that_are_close_have_a_bar_each():
    assert counts([3, 5, 3]) == {"3": 2, "4": 0, "5": 1}
    assert counts([-1, 1]) == {"-1": 1, "0": 0, "1": 1}
    assert len(bins([0, 24]).labels) == 25 and len(bins([0, 25]).labels) < 25
    assert counts([7]) == {"7": 1}
    assert bins([]).labels == ()


def test_whole_numbers_that_are_far_apart_are_gathered():
    found = counts([0, 9, 10, 19, 55, 100])
    assert found["0–9"] == 2 and found["10–19"] == 2 and found["50–59"] == 1 and found["100"] == 1
    assert list(found)[-2:] == ["90–99", "100"] and sum(found.values()) == 6
    assert list(counts([12, 97]))[:2] == ["10–19", "20–29"] and list(counts([12, 97]))[-1] == "90–99"


def test_other_numbers_are_gathered_in_bins_without_gaps():
    found = counts([0.1, 0.2, 0.3, 1.2])
    assert found["0.1 to <0.2"] == 1 and found["0.2 to <0.3"] == 1 and found["0.3 to <0.4"] == 1
    assert counts([1.5]) == {"1.5": 1}


@pytest.mark.parametrize(
    "values",
    [[-1e99, 1e99], [0, 5e-324], [1e16, 1e16 + 2], [1e20, 1e20 + 16384], [0.1 + 0.2, 0.3], [-0.0, 0.0], [1, 1e9 + 0.5]],
)
def test_no_number_is_lost(values):
    assert sum(counts(values).values()) == len(values)
    assert len(bins(values).labels) <= 26


def test_numbers_are_told_with_what_matters():
    assert [rounded(x) for x in (43.407407, 4, 0.353553, 0.0000123456, -1.999, 123456.789, 1e20)] == [
        *(43.41, 4, 0.354, 1.23e-05, -2, 123456.79, 1e20)
    ]
    assert [tenths(x) for x in (33.333, 50.0, -0.01)] == [33.3, 50, 0]
    assert sorted(["Round 10", "Round 2", "Round 1"], key=natural) == ["Round 1", "Round 2", "Round 10"]


def test_answers_are_shares_of_their_group():
    answers = given(GUESS, (3, A), (5, A), (3, B), (4, C), (9, None))
    (chart,) = distributions([GUESS, COLOUR], answers, "model")
    assert chart.labels == ["3", "4", "5"]  # what people answered does not matter here
    assert [(one.name, one.n) for one in chart.series] == [("large", 1), ("small", 3)]
    assert chart.series[1].values == {"Percent": [66.7, 0, 33.3], "Count": [2, 0, 1]}
    assert chart.table == [
        ["Answer", "large: percent", "large: count", "small: percent", "small: count"],
        ["3", 0, 0, 66.7, 2],
        ["4", 100, 1, 0, 0],
        ["5", 0, 0, 33.3, 1],
    ]
    assert chart.summary == [
        ["Group", "Answers", "Left empty", "Mean", "SD", "Median"],
        ["large", 1, 0, 4, None, 4],
        ["small", 3, 0, 3.67, 1.15, 3],
    ]


@pytest.mark.parametrize(
    "by, names",
    [
        ("none", ["Bots"]),
        ("model", ["large", "small"]),
        ("persona", ["Ann", "Bo", "No persona"]),
        ("treatment", ["high", "low"]),
        ("round", ["Round 1", "Round 2"]),
    ],
)
def test_groups(by, names):
    answers = given(GUESS, (3, A), (5, B)) + given(GUESS, (4, C), round_number=2)
    (chart,) = distributions([GUESS], answers, by)
    assert [one.name for one in chart.series] == names
    assert sum(one.n for one in chart.series) == 3


def test_choices_stand_in_their_order_and_what_is_none_of_them_behind():
    answers = given(COLOUR, ("g", A), ("g", B), ("blue", C), (None, C))
    (chart,) = distributions([COLOUR], answers, "none")
    assert chart.labels == ["Red", "Green", "blue"]
    assert chart.series[0].values["Count"] == [0, 2, 1] and chart.series[0].n == 3
    assert chart.summary == [["Group", "Answers", "Left empty"], ["Bots", 3, 1]]
    many = given(COLOUR, *((f"colour {number}", A) for number in range(30)), ("colour 7", B))
    (chart,) = distributions([COLOUR], many, "none")
    assert chart.labels[-1] == "5 other answers" and len(chart.labels) == 2 + 25 + 1
    assert chart.series[0].values["Count"][-1] == 5 and sum(chart.series[0].values["Count"]) == 31
    assert chart.series[0].values["Count"][chart.labels.index("colour 7")] == 2


def test_bots_and_people_and_how_far_apart_they_are():
    answers = given(LIKERT, (1, A), (3, B), (3, C), (2, None), (3, None), (None, None))
    (chart,) = comparison([LIKERT], answers, "model")
    assert [(one.name, one.n, one.is_people) for one in chart.series] == [
        ("large", 1, False),
        ("small", 2, False),
        ("People", 2, True),
    ]
    assert chart.table[0][-2:] == ["large − People: points", "small − People: points"]
    assert [row[-2:] for row in chart.table[1:]] == [[0, 50], [-50, -50], [50, 0]]
    assert chart.summary == [
        ["Group", "Answers", "Left empty", "Mean", "SD", "Median", "Mean − People"],
        ["large", 1, 0, 3, None, 3, 0.5],
        ["small", 2, 0, 2, 1.41, 2, -0.5],
        ["People", 2, 1, 2.5, 0.707, 2.5, None],
    ]


def test_a_comparison_takes_rounds_together_and_does_without_people():
    answers = given(GUESS, (3, A)) + given(GUESS, (4, A), round_number=2)
    (chart,) = comparison([GUESS], answers, "round")
    assert [(one.name, one.n) for one in chart.series] == [("Bots", 2), ("People", 0)]
    assert [row[3:] for row in chart.table[1:]] == [[None, 0, None]] * 2
    assert chart.summary[1][-1] is None
    (chart,) = comparison([GUESS], given(GUESS, (3, None)), "model")
    assert [(one.name, one.n) for one in chart.series] == [("Bots", 0), ("People", 1)]


def test_where_pages_choose_their_fields_only_bots_tell_what_was_asked():
    perhaps = Field("game", "guess", "Your guess", is_number=True, is_sure=False)
    assert comparison([perhaps], given(perhaps, (3, None)), "none") == []
    (chart,) = comparison([perhaps], given(perhaps, (3, None), (4, A)), "none")
    assert [one.n for one in chart.series] == [1, 1]


def test_a_model_may_be_called_people():
    (chart,) = comparison([GUESS], given(GUESS, (3, Who(1, "People")), (4, None)), "model")
    assert [(one.name, one.is_people) for one in chart.series] == [("People", False), ("People", True)]
    assert [one.values["Count"] for one in chart.series] == [[1, 0], [0, 1]]


def test_only_the_largest_groups_are_drawn_and_people_always():
    crowd = [Who(number, persona=f"Persona {number}") for number in range(20)]
    answers = given(GUESS, *((1, who) for who in crowd), (2, crowd[13]), (5, None))
    (chart,) = comparison([GUESS], answers, "persona")
    drawn = chart.as_json()["drawn"]
    assert len(chart.series) == 21 and len(drawn) == 8
    assert {13, 20} <= set(drawn) and drawn == sorted(drawn)


def test_progress_counts_pages_over_time():
    left = [Left(A, 1, 0.5), Left(A, 1, 61), Left(B, 2, 90), Left(C, 1, 120)]
    (chart,) = progress(left, [A, B, C], "model")
    assert chart.labels[:3] == ["0", "2", "4"] and chart.labels[-1] == "120"
    assert chart.x == "Seconds since the launch"
    large, small = chart.series
    assert (large.n, small.n) == (1, 2)
    at = {int(label): index for index, label in enumerate(chart.labels)}
    assert [small.values["Total"][at[moment]] for moment in (0, 2, 60, 62, 90, 120)] == [0, 1, 1, 2, 3, 3]
    assert small.values["Mean per bot"][-1] == 1.5
    assert large.values["Total"][-2:] == [0, 1]
    assert chart.table[-1] == ["120", 1, 1, 1.5, 3]
    (chart,) = progress(left, [A, B, C], "round")
    assert [(one.name, one.n, one.values["Total"][-1]) for one in chart.series] == [
        ("Round 1", 2, 3),
        ("Round 2", 1, 1),
    ]
    (chart,) = progress([Left(A, 1, 3600)], [A], "none")
    assert chart.x == "Minutes since the launch" and chart.labels[-1] == "60"
    assert progress([], [A], "none") == []


def test_a_whole_day_has_no_more_points_than_a_minute():
    for seconds in (0, 0.01, 59, 61, 86400, 10**7):
        (chart,) = progress([Left(A, 1, seconds)], [A], "none")
        assert 1 <= len(chart.labels) <= 130
        assert chart.series[0].values["Total"][-1] == 1


def test_what_pages_took_in_their_order():
    spent = [
        Spent(A, 1, "game / Guess", 5, 100, 10, 0.01),
        Spent(A, 2, "game / Guess", 8, 200, 20, 0.02),
        Spent(B, 1, "game / Read", 2, 50, 5, 0.0),
    ]
    sent, got, cost = spending(spent, [A, B, C], "none")
    assert sent.labels == ["game / Read", "game / Guess"]
    assert sent.table == [
        ["Page", "Bots: mean per bot", "Bots: total"],
        ["game / Read", 16.67, 50],
        ["game / Guess", 100, 300],
        ["All pages", 116.67, 350],
    ]
    assert [row[2] for row in got.table[1:]] == [5, 30, 35]
    assert [row[2] for row in cost.table[1:]] == [0, 0.03, 0.03]
    sent, _, _ = spending(spent, [A, B, C], "model")
    assert [(one.name, one.n, one.values["Total"]) for one in sent.series] == [("small", 2, [50, 300])]
    assert spending([], [A], "none") == []


def test_several_charts_below_each_other():
    charts = distributions([GUESS, COLOUR], given(GUESS, (3, A)) + given(COLOUR, ("g", A)), "none")
    assert list(stacked(charts, ("Percent", "Count"))) == [
        ["plot", "title", "group", "n", "label", "Percent", "Count"],
        ["game.guess", "Your guess", "Bots", 1, "3", 100, 1],
        ["game.colour", "Colour", "Bots", 1, "Red", 0, 0],
        ["game.colour", "Colour", "Bots", 1, "Green", 100, 1],
    ]
    assert list(summaries(charts)) == [
        ["plot", "title", "Group", "Answers", "Left empty", "Mean", "SD", "Median"],
        ["game.guess", "Your guess", "Bots", 1, 0, 3, None, 3],
        ["game.colour", "Colour", "Bots", 1, 0, None, None, None],
    ]
    assert json.dumps([chart.as_json() for chart in charts], allow_nan=False)


def test_the_library_is_the_one_that_its_readme_names():
    (row,) = re.findall(r"^\| Chart\.js.*$", (VENDOR / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    _, version, path, _, licence, sha256 = (cell.strip() for cell in row.strip("|").split("|"))
    script = (VENDOR / path).read_bytes()
    assert hashlib.sha256(script).hexdigest() == sha256
    assert f"Chart.js v{version}".encode() in script[:100] and version in path
    assert "Permission is hereby granted" in (VENDOR / re.search(r"see (\S+)", licence)[1]).read_text(encoding="utf-8")
    assert sorted(one.name for one in VENDOR.iterdir()) == ["README.md", path.split("/")[0]]
