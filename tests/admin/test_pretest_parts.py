"""The pure parts of the pre-test report: remarks, answers, refusals, times and what needs attention."""

from __future__ import annotations

import json
from collections import Counter
from time import perf_counter
from types import SimpleNamespace

import pytest

from otree_botex.admin.places import Place, Played, Seat
from otree_botex.admin.pretest import answers, refusals, remarks, tables, words
from otree_botex.admin.pretest.data import report
from otree_botex.admin.pretest.gathered import Gathered, Took, Who
from otree_botex.admin.pretest.remarks import Remark
from otree_botex.admin.pretest.told import told

from .pretested import AMOUNT, DECIDER, READY, WHY


def step(bot=1, fields=(), answered=None, number=1, page=1, **more):
    """One page as the record has it."""
    return SimpleNamespace(
        **{
            **{
                "bot_id": bot,
                "number": number,
                "page_number": page,
                "round_number": 1,
                "kind": "form",
                "timeout": None,
            },
            **{"fields_json": json.dumps(list(fields)), "needs_script": "", "driver": "http", "remark": ""},
            **{"answers_json": None if answered is None else json.dumps(answered), "refusals_json": "[]"},
            **{"outcome": "submitted", "seconds": 4.0, "untouched": False, "attempts": 1, **more},
        }
    )


def refused(*of):
    return json.dumps([{"by": by, "messages": messages, "said": said} for by, messages, said in of])


def alike(*texts):
    """Texts as they are grouped, each as often as it came."""
    made = [Remark(bot, 1, 1, text) for bot, text in enumerate(texts)]
    return [[one.text for one in group] for group in remarks.groups(made)]


def test_remarks_that_say_nearly_the_same_are_together():
    first, second = "What is a coin worth?", "what is a coin worth"
    assert alike(first, "Too long.", second, "What is one coin worth?") == [
        [first, second, "What is one coin worth?"],
        ["Too long."],
    ]
    (group,) = remarks.groups([Remark(1, 1, 1, first), Remark(2, 1, 1, second), Remark(3, 1, 1, second)])
    assert [(text, len(same)) for text, same in remarks.wordings(group)] == [(second, 2), (first, 1)]


@pytest.mark.parametrize(
    "one, other",
    [
        ("The rules of the game are clear to me", "The rules of the game are not clear to me"),
        ("The timer of 30 seconds is too short", "The timer of 90 seconds is too short"),
        ("I can say what that is for", "I can't say what that is for"),
        ("Die Regeln sind mir ganz klar", "Die Regeln sind mir ganz unklar"),
        ("The timer of this page is too long", "The timer of this page is too short"),
    ],
)
def test_remarks_that_say_the_opposite_are_not(one, other):
    assert len(alike(one, other)) == 2


def test_remarks_of_some_bots_more_stand_before_many_of_one():
    made = [Remark(1, number, 1, "Too long.") for number in range(5)] + [Remark(bot, 9, 1, "Why?") for bot in (2, 3)]
    assert [group[0].text for group in remarks.groups(made)] == ["Why?", "Too long."]


def test_nothing_to_say_is_no_remark():
    assert all(map(remarks.says_nothing, ("", "None.", "N/A", " nothing ", "Nothing was unclear.", "Alles klar!")))
    assert not any(map(remarks.says_nothing, ("Nothing was clear.", "No timer is shown.", "?!x", "1")))


def test_choices_are_counted_in_their_order_with_those_that_nobody_chose():
    steps = [step(bot, [DECIDER], {"decider": value}) for bot, value in enumerate(3 * ["Player B"] + ["Player A"])]
    (field,) = answers.of_page(steps)
    assert [(one["value"], one["times"], one["share"]) for one in field["counts"]] == [
        ("Player A", 1, 25),
        ("Player B", 3, 75),
        ("Nobody", 0, 0),
    ]
    assert field["unchosen"] == ["Nobody"] and field["alike"] == "" and field["answers"] == 4


def test_numbers_have_a_range_and_texts_a_length():
    numbers = [step(bot, [AMOUNT, WHY], {"amount": bot, "why": "x" * bot}) for bot in range(1, 11)]
    amount, why = answers.of_page(numbers)
    assert amount["spread"] == {"min": 1, "median": 5.5, "max": 10} and amount["counts"] == []
    assert why["lengths"] == 5 and why["different"] == 10 and why["spread"] is None
    few, _ = answers.of_page([step(bot, [AMOUNT, WHY], {"amount": bot % 2, "why": None}) for bot in range(4)])
    assert [(one["value"], one["times"]) for one in few["counts"]] == [("0", 2), ("1", 2)]
    text, *_ = answers.of_page([step(bot, [WHY], {"why": value}) for bot, value in enumerate(("nan", "inf", "1e999"))])
    assert text["spread"] is None and text["different"] == 3


def test_small_numbers_stay_what_they_are():
    given = [0.001, 0.004, 0.125, 0.12]
    (field,) = answers.of_page([step(bot, [AMOUNT], {"amount": value}) for bot, value in enumerate(given + given)])
    assert [(one["value"], one["times"]) for one in field["counts"]] == [
        *(("0.001", 2), ("0.004", 2), ("0.12", 2), ("0.125", 2)),
    ]
    assert field["spread"] == {"min": 0.001, "median": 0.062, "max": 0.125} and field["different"] == 4


def test_what_all_answered_alike_is_a_hint_from_three_bots_on():
    def found(bots, field=AMOUNT, value=5, **more):
        return answers.of_page([step(bot, [{**field, **more}], {field["name"]: value}) for bot in bots])[0]["alike"]

    assert found((1, 2, 3)) == "5" and found((1, 2)) == "" and found((1, 1, 1)) == ""
    assert found((1, 2, 3), DECIDER, "Nobody") == "Nobody"
    assert found((1, 2, 3), DECIDER, "Nobody", options=["Nobody"]) == ""  # there was no choice
    assert found((1, 2, 3), READY, True, kind="tick", options=[]) == ""  # it had to be ticked
    assert found((1, 2, 3), READY, True, kind="tick", options=[], required=False) == "ticked"
    one_more = [step(bot, [WHY], {"why": "" if bot == 4 else "x"}) for bot in range(1, 5)]
    assert answers.of_page(one_more)[0]["alike"] == ""


def test_only_what_was_sent_counts_and_a_field_that_nobody_filled_is_named():
    steps = [
        step(1, [WHY], {"why": None}),
        step(2, [WHY], {"why": ""}, outcome="timed out"),
        step(3, [WHY], {"why": "never sent"}, outcome="left"),
        step(4, [WHY], None),
    ]
    (field,) = answers.of_page(steps)
    assert field["unfilled"] and field["empty"] == 2 and field["answers"] == 0


def test_several_choices_and_long_texts():
    several = {**DECIDER, "kind": "choices"}
    steps = [step(bot, [several], {"decider": ["Player A", "Nobody"]}) for bot in (1, 2)]
    (field,) = answers.of_page(steps)
    assert [(one["value"], one["times"]) for one in field["counts"]] == [
        ("Player A", 2),
        ("Player B", 0),
        ("Nobody", 2),
    ]
    (long,) = answers.of_page([step(bot, [WHY], {"why": "W" * 3000}) for bot in (1, 2)])
    assert len(long["counts"][0]["value"]) < 200


def test_many_options_are_told_in_short():
    many = {**DECIDER, "options": [f"Country {number}" for number in range(200)]}
    (field,) = answers.of_page([step(bot, [many], {"decider": f"Country {bot % 3}"}) for bot in range(9)])
    assert [one["value"] for one in field["counts"]] == ["Country 0", "Country 1", "Country 2"]
    assert len(field["unchosen"]) == 197 and field["unchosen_said"].endswith("and 185 more")


def test_quiz_errors_with_wrong_answers_and_tries():
    no, server = {"decider": "No."}, "server"
    steps = [
        step(1, [DECIDER, AMOUNT], {"decider": "Player B", "amount": 1}),
        step(2, [DECIDER, AMOUNT], {"decider": "Player B", "amount": 1}, refusals_json=refused(
            (server, no, {"decider": "Nobody", "amount": 2}), (server, no, {"decider": "Player A", "amount": 2}))),
        step(3, [DECIDER, AMOUNT], {"decider": "Player B", "amount": 1}, refusals_json=refused(
            ("form", no, {"decider": "x"}), (server, no, {"decider": "Nobody", "amount": 2}))),
        step(4, [DECIDER, AMOUNT], None, outcome="", refusals_json=refused((server, no, {"decider": None}))),
    ]  # fmt: skip
    (quiz,) = refusals.quiz(steps)
    assert (quiz["label"], quiz["bots"], quiz["at_once"], quiz["never"]) == ("Who decides?", 4, 1, 1)
    assert quiz["tries"] == [{"tries": str(tries), "bots": 1} for tries in (1, 2, 3)]
    assert [(one["text"], one["times"]) for one in quiz["wrong"]] == [
        ("Nobody", 2),
        ("Player A", 1),
        ("(left empty)", 1),
    ]
    assert quiz["messages"] == [{"text": "No.", "times": 4, "share": 100}]
    by_oTree, by_form = refusals.by_field(steps)
    assert (by_oTree["by"], by_oTree["times"], by_oTree["bots"]) == ("oTree", 4, 3)
    assert (by_form["by"], by_form["times"], by_form["bots"]) == ("the form", 1, 1)


def test_tries_before_a_page_was_begun_anew_count():
    wrong = refused(*5 * [("server", {"decider": "No."}, {"decider": "Nobody"})])
    steps = []
    for bot in (1, 2, 3):
        steps.append(step(bot, [DECIDER], outcome="interrupted", refusals_json=wrong))
        steps.append(step(bot, [DECIDER], {"decider": "Player B"}, number=2))
        steps.append(step(bot, [DECIDER], {"decider": "Player B"}, number=3, page=2))  # another round
    (quiz,) = refusals.quiz(steps)
    assert (quiz["bots"], quiz["at_once"], quiz["never"]) == (3, 0, 0)
    assert quiz["tries"] == [{"tries": "6 or more", "bots": 3}]


def test_a_form_that_is_refused_as_a_whole_and_rounds():
    whole = ("server", {"": "They must sum to 2."}, {"amount": 5, "why": None})
    steps = [
        step(1, [AMOUNT], {"amount": 1}),
        step(1, [AMOUNT], {"amount": 1}, number=2, page=2, refusals_json=refused(*[whole] * 9)),
        step(2, [AMOUNT], {"amount": 1}),
    ]
    (quiz,) = refusals.quiz(steps)
    assert quiz["label"] == refusals.WHOLE and quiz["wrong"][0]["text"] == "Coins: 5, why: (left empty)"
    # a bot counts once, with the round in which it needed most
    assert quiz["tries"] == [{"tries": "1", "bots": 1}, {"tries": "6 or more", "bots": 1}]


def test_tries_on_pages_without_fields_and_in_a_browser():
    """A page that is only read may be sent too early; what is sent in a browser has other names than its controls."""
    early = ("server", {"": "Please take your time."}, {})
    (quiz,) = refusals.quiz([step(1, outcome="read", refusals_json=refused(early)), step(2, outcome="read")])
    assert (quiz["bots"], quiz["at_once"], quiz["never"], quiz["times"], quiz["wrong"]) == (2, 1, 0, 1, [])
    sent = [step(bot, [{**DECIDER, "name": "", "decides": True}], {"ranking": "a"}, driver="browser") for bot in (1, 2)]
    sent[0].refusals_json = refused(("server", {"ranking": "This field is required."}, None))
    (quiz,) = refusals.quiz(sent)
    assert (quiz["label"], quiz["bots"], quiz["at_once"], quiz["wrong"]) == ("ranking", 2, 1, [])


def gathered(steps, states=("finished",), at=9, places=None, **more):
    """What is looked up, of one page `app / Page` for which the steps are, and a second one that nobody saw."""
    seats = {bot: Seat(bot, f"code{bot}", state, "It broke." if state == "failed" else "", "", at) for bot, state in
             enumerate(states, start=1)}  # fmt: skip
    places = places or [Place("app", "Page", False, {1: 1}, list(steps)), Place("app", "Next", False, {1: 2})]
    bots = {
        bot: Who(bot, bot, f"code{bot}", "m", "l", seat.state, was_asked=True, seconds=60.0 * bot, payoff=1.0)
        for bot, seat in seats.items()
    }
    return Gathered(
        **{
            **{"session": "s", "config": "c", "name": "C", "made_at": "today", "version": "1", "bots": bots},
            **{"played": Played(seats, places, Counter(), {}, []), **more},
        }
    )


def test_what_is_good_is_said_to_be_good():
    found = report(gathered([step(1), step(2, seconds=8.0)], ("finished", "finished")))
    assert found["summary"]["level"] == "good" and found["summary"]["headline"] == "It works, and nothing stands out."
    assert found["needs"] == [] and found["asked"] == ""
    page = found["pages"][0]
    assert (page["state"], page["passed"], page["reached"], page["seconds"]["median"]) == ("passed", 2, 2, 6)
    assert found["totals"]["seconds"] == {"min": 60, "median": 90, "max": 120}


def test_a_page_that_nobody_could_finish_is_named_first():
    steps = [step(1, outcome=""), step(2, outcome="")]
    found = report(gathered(steps, ("failed", "failed"), at=1))
    assert found["summary"]["headline"] == "Nobody could finish app / Page." and found["summary"]["level"] == "danger"
    first, second = found["needs"]
    assert first["page"] == 1 and first["text"].startswith("Nobody could finish this page: 2 bots came to it")
    assert second["text"] == "P1, P2 failed: It broke."
    assert found["pages"][0]["stuck"] and not found["pages"][1]["stuck"]
    assert [one["seat"] for one in found["failed"][0]["bots"]] == [1, 2]


def test_pages_that_some_bots_got_past_are_no_dead_ends():
    """In an earlier round; and bots that were stopped say nothing of the page on which they were."""
    rounds = [step(1, number=number, page=number, round_number=number) for number in range(1, 7)]
    rounds.append(step(1, number=7, page=7, round_number=7, outcome=None))
    place = Place("pd", "Decide", False, {number: number for number in range(1, 11)}, rounds)
    found = report(gathered([], ("failed",), at=7, places=[place]))
    page = found["pages"][0]
    assert (page["state"], page["passed"], page["stuck"]) == ("failed", 1, False)
    assert found["summary"]["headline"] == "1 of 1 bot did not get to the end."

    stopped = report(gathered([step(1, outcome=None), step(2, outcome=None)], ("stopped", "stopped"), at=1))
    assert not stopped["pages"][0]["stuck"] and not stopped["pages"][0]["passed"]
    one_failed = report(gathered([step(1, outcome=None), step(2, outcome=None)], ("stopped", "failed"), at=1))
    assert one_failed["pages"][0]["stuck"]


def test_what_needs_attention_is_sorted_by_how_grave_it_is():
    wrong = refused(("server", {"amount": "No."}, {"amount": 9}))
    fields, answered = [DECIDER, AMOUNT, WHY], {"decider": "Nobody", "amount": 5, "why": None}
    steps = [step(bot, fields, answered, refusals_json=wrong) for bot in (1, 2)]
    steps += [
        step(3, fields, answered, outcome="timed out", remark="Why?", timeout=30.0),
        step(4, untouched=True, driver="browser"),
    ]
    needs = report(gathered(steps, 4 * ["finished"]))["needs"]
    assert [(one["level"], one["text"]) for one in needs] == [
        ("danger", "P4 left it without touching any of its controls: nothing was decided there."),
        ("warning", "Nobody filled “Why?”"),
        ("warning", "oTree refused the first answer of 2 of 3 bots to “Coins”."),
        ("warning", "The time was up for 1 bot (timer: 30 s)."),
        ("warning", "1 bot found something unclear or wrong: “Why?”"),
        ("hint", "All 3 answers to “Who decides?” were alike: Nobody. A ceiling, a default, or a dominant choice?"),
    ]
    assert {one["title"] for one in needs} == {"app / Page"}


def test_bots_that_are_still_playing_are_no_failure():
    found = report(gathered([step(1, outcome="")], ("thinking",), at=1))
    assert found["summary"]["level"] == "open" and not found["pages"][0]["stuck"] and not found["ended"]
    one_failed = gathered([step(1, outcome="")], ("failed", "thinking"), at=1)
    one_failed.played.seats[2].at = 0  # and the other may get past it
    assert not report(one_failed)["pages"][0]["stuck"]


def test_without_bots_there_is_still_a_report():
    found = told(report(gathered([], ())))
    assert found["bots"] == [] and found["totals"]["seconds"] is None
    assert [row[0] for row in tables.pages(found)] == ["session", "s", "s"]
    assert len(list(tables.remarks(found))) == 1


def test_bots_that_were_not_asked_and_how_to_ask():
    def asked(*who):
        bots = {n: Who(n, n, "c", model, "l", "finished", was_asked=was) for n, (model, was) in enumerate(who, 1)}
        return report(gathered([], len(who) * ["finished"], bots=bots))["asked"]

    assert "tick “Ask bots what was unclear or wrong on each page” when you add them" in asked(("m", False))
    assert asked(("random", False)).startswith("Random bots do not read")
    assert asked(("m", True), ("m", False)) == "1 of 2 bots were not asked for remarks."
    assert asked(("m", True)) == ""


def test_payoffs_by_treatment_and_who_got_nothing():
    who = [("a", 0.0), ("a", 4.0), ("b", 10.0)]
    bots = {
        n: Who(n, n, "c", "m", "l", "finished", treatment=treatment, payoff=payoff, earned=payoff / 10 + 2)
        for n, (treatment, payoff) in enumerate(who, 1)
    }
    payoffs = report(gathered([], 3 * ["finished"], bots=bots))["payoffs"]
    assert [(one["treatment"], one["bots"], one["payoff"]["median"]) for one in payoffs["groups"]] == [
        ("all", 3, 4),
        ("a", 2, 2),
        ("b", 1, 10),
    ]
    assert payoffs["groups"][0]["earned"] == {"min": 2, "median": 2.4, "max": 3} and payoffs["zero"] == [1]


def test_words():
    assert words.seats([3, 1, 1]) == "P1, P3" and words.seats(range(1, 15)).endswith("P12 and 2 more")
    assert words.joined(["a"]) == "a" and words.joined(["a", "b", "c"]) == "a, b and c"
    assert words.share(1, 1000) == 1 and words.share(0, 5) == 0 and words.share(1, 0) == 0


def test_two_hundred_bots_on_thirty_pages_take_a_moment():
    """All their remarks differ, which is the most that there is to compare."""
    places, took = [], {}
    for page in range(1, 31):
        steps = []
        for bot in range(200):
            remark = " ".join(f"word{bot}x{number}" for number in range(10))
            answered = {"decider": "Player B", "amount": bot % 9, "why": f"Because of {bot}."}
            wrong = refused(("server", {"amount": "No."}, answered)) if bot % 3 else "[]"
            steps.append(step(bot, [DECIDER, AMOUNT, WHY], answered, page, page, remark=remark, refusals_json=wrong))
            took[bot, page] = Took(2, 100, 0.01)
        places.append(Place("app", f"Page{page}", False, {1: page}, steps))
    seats = {bot: Seat(bot + 1, f"code{bot}", "finished", "", "", 31) for bot in range(200)}
    bots = {bot: Who(bot, bot + 1, f"code{bot}", "m", "l", "finished", was_asked=True) for bot in seats}
    found = gathered([], bots=bots, took=took, played=Played(seats, places, Counter(), {}, []))
    started = perf_counter()
    page = told(report(found))["pages"][0]
    print(f"{perf_counter() - started:.2f} seconds")
    assert page["calls_mean"] == 2 and page["tokens"] == 20_000 and page["remarked"] == len(page["remarks"]) == 200
    assert page["quiz"][0]["at_once"] == 67
