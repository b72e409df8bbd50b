"""Answers to a form's fields: the schema they must follow, what is sent for them, what is refused."""

from decimal import Decimal

import pytest

from otree_botex.bots.form import Button, Entry, Field, Form, Option, Refusal, urlencoded

YES_NO = (Option("Yes", "True"), Option("No", "False"))


def field(kind, **rest):
    return Field("q1", "x", kind, **rest)


@pytest.mark.parametrize(
    ("made", "schema"),
    [
        (field("integer", minimum=Decimal(0), maximum=Decimal(9)), {"type": "integer", "minimum": 0, "maximum": 9}),
        (field("number", decimals=2), {"type": "number", "multipleOf": 0.01}),
        (field("text", max_length=5), {"type": "string", "minLength": 1, "maxLength": 5}),
        (field("text", required=False), {"anyOf": [{"type": "string"}, {"type": "null"}]}),
        (field("choice", options=YES_NO), {"type": "string", "enum": ["Yes", "No"]}),
        (field("tick"), {"type": "boolean", "enum": [True]}),
        (field("tick", required=False), {"type": "boolean"}),
        (
            field("choices", options=YES_NO, required=False),
            {"type": "array", "items": {"type": "string", "enum": ["Yes", "No"]}, "uniqueItems": True},
        ),
    ],
)
def test_schema(made, schema):
    assert made.schema() == schema


@pytest.mark.parametrize(
    ("made", "answer", "entries"),
    [
        (field("integer"), 5, [("x", "5")]),
        (field("integer"), "5", [("x", "5")]),
        (field("number"), 2.50, [("x", "2.5")]),
        (field("number"), "2,5", [("x", "2.5")]),
        (field("number"), 1e-7, [("x", "0.0000001")]),
        (field("text"), "  as it is ", [("x", "  as it is ")]),
        (field("text"), 42, [("x", "42")]),
        (field("text", required=False), None, [("x", "")]),
        (field("text", required=False, value="kept"), None, [("x", "kept")]),
        (field("choice", options=YES_NO), "No", [("x", "False")]),
        (field("choice", options=(Option("1", "a"),)), 1, [("x", "a")]),
        (field("choices", options=YES_NO), ["No", "Yes"], [("x", "True"), ("x", "False")]),
        (field("tick", options=(Option("", "on"),)), True, [("x", "on")]),
        (field("tick", options=(Option("", "on"),), required=False), False, []),
    ],
)
def test_what_is_sent(made, answer, entries):
    assert [(entry.name, entry.value) for entry in made.entries(answer)] == entries


@pytest.mark.parametrize(
    ("made", "answer", "why"),
    [
        (field("integer", maximum=Decimal(9)), 10, "10 is more than 9"),
        (field("integer", minimum=Decimal(1)), 0, "0 is less than 1"),
        (field("integer"), 2.5, "not a whole number"),
        (field("integer"), "about 5", "not a whole number"),
        (field("integer"), True, "not a whole number"),
        (field("number"), "NaN", "not a number"),
        (field("text"), "", "required"),
        (field("text"), None, "required"),
        (field("text", max_length=3), "long", "4 characters"),
        (field("choice", options=YES_NO), "Maybe", '"Yes", "No"'),
        (field("choice", options=YES_NO), "yes", "not one of the options"),
        (field("choices", options=YES_NO), ["Maybe"], "not one of the options"),
        (field("choices", options=YES_NO), [], "at least one"),
        (field("tick"), "yes", "true or false"),
        (field("tick", options=(Option("", "on"),)), False, "must be ticked"),
    ],
)
def test_what_is_refused(made, answer, why):
    with pytest.raises(Refusal, match=why.replace("(", "\\(")):
        made.entries(answer)


def test_a_form_says_all_that_is_wrong_and_sends_nothing_then():
    form = Form(fields=(Field("q1", "a", "integer"), Field("q2", "b", "text")), kept=(Entry(0, "token", "t"),))
    filled = form.fill({"q1": "x", "q9": 1})
    assert set(filled.refused) == {"q1", "q2", "q9"} and filled.entries == []
    assert form.fill({"q1": 1, "q2": "y"}).entries == [("token", "t"), ("a", "1"), ("b", "y")]


def test_the_reason_comes_before_the_answers():
    schema = Form(fields=(Field("q1", "a", "integer"),)).schema()
    assert list(schema["properties"]) == ["reason", "answers"]
    assert schema["properties"]["answers"]["required"] == ["q1"]


@pytest.mark.parametrize(
    ("answer", "sent"),
    [
        ("1,234.50", "1234.5"),
        ("1.234,50", "1234.5"),
        ("1,234,567", "1234567"),
        ("1 000", "1000"),
        ("1\u202f000,5", "1000.5"),
        ("1'000", "1000"),
        ("0,125", "0.125"),
        ("0.125", "0.125"),
        ("\u22125", "-5"),
        ("+5", "5"),
        ("$12.50", "12.5"),
        ("12,50 €", "12.5"),
        ("12 points", "12"),
        (1000, "1000"),
        (1e3, "1000"),
        (12.345, "12.345"),
    ],
)
def test_numbers_in_many_notations(answer, sent):
    assert field("number", unit="points").entries(answer)[0].value == sent


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ("1,000", "may mean 1000 or 1.000"),
        ("1.000", "may mean 1000 or 1.000"),
        ("12.345", "may mean 12345 or 12.345"),
        ("1,000 points", "may mean"),
        ("1.234.50", "not a number"),
        ("1,23,456", "not a number"),
        ("5 million", "not a number"),
        ("50 or 60", "not a number"),
        ("1e3", "not a number"),
        (float("nan"), "not a number"),
        (float("inf"), "not a number"),
        ([5], "not a number"),
        ("", "required"),
    ],
)
def test_numbers_that_are_none_or_two(answer, why):
    with pytest.raises(Refusal, match=why):
        field("number", unit="points").entries(answer)


def test_a_step_counts_from_its_base():
    by_five = field("integer", minimum=Decimal(2), maximum=Decimal(17), step=Decimal(5), base=Decimal(2))
    assert by_five.schema() == {"type": "integer", "enum": [2, 7, 12, 17]}
    assert by_five.entries(7)[0].value == "7"
    with pytest.raises(Refusal, match="the nearest are 2 and 7"):
        by_five.entries(5)


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        ("date", "2026-02-28", "2026-02-29"),
        ("time", "23:59", "24:00"),
        ("month", "2026-12", "2026-13"),
        ("week", "2026-W53", "2027-W53"),
        ("datetime-local", "2026-01-02T03:04", "2 January, 3:04"),
        ("color", "#00ff0a", "green"),
        ("email", "o'neil+x@example.com", "a b@example.com"),
        ("url", "mailto:a@example.com", "example.com"),
    ],
)
def test_formats(kind, good, bad):
    assert field("text", format=kind).entries(good)[0].value == good
    with pytest.raises(Refusal, match="is not a"):
        field("text", format=kind).entries(bad)


def test_few_dates_are_options_and_many_have_their_years():
    def days(first, last):
        return field("text", format="date", minimum=Decimal(first), maximum=Decimal(last), step=Decimal(1)).schema()

    assert days(0, 2)["enum"] == ["1970-01-01", "1970-01-02", "1970-01-03"]
    assert days(0, 800)["pattern"].startswith("^(1970|1971|1972)-")
    assert days(0, 800)["pattern"] != days(0, 1200)["pattern"]


def test_a_text_is_counted_and_matched_as_browsers_do():
    text = field("text", max_length=3, min_length=2, pattern="[a-z🙂]+", advice="small letters")
    assert text.entries("a🙂")[0].value == "a🙂"
    for wrong, why in (("🙂🙂", "4 characters"), ("a", "at least 2"), ("AB", "small letters"), ("a\nb", "on one line")):
        with pytest.raises(Refusal, match=why):
            text.entries(wrong)
    assert field("text", pattern=r"\p{L}+").entries("1")[0].value == "1"  # not known here: left to the server


def test_every_box_that_must_be_ticked():
    boxes = (Option("One", "1", needed=True), Option("Two", "2"), Option("Three", "3", needed=True))
    with pytest.raises(Refusal, match='"Three" must be chosen'):
        field("choices", options=boxes).entries(["One", "Two"])


WHOLE = Form(
    "http://host/here",
    (
        Field("q1", "a", "integer", "How many", maximum=Decimal(9), value="3", place=4),
        Field("q2", "b", "choice", "Which", True, (Option("Yes", "y", 6), Option("No", "n", 8, chosen=True))),
        Field("q3", "c", "text", "Why", place=2),
    ),
    (Entry(1, "token", "t"), Entry(5, "middle", "m")),
)


def test_what_is_sent_when_the_time_is_up():
    untouched = [("token", "t"), ("c", ""), ("a", "3"), ("middle", "m"), ("b", "n")]
    assert WHOLE.untouched() == untouched
    assert WHOLE.partly({"q1": 10, "q2": "Yes", "q3": None}) == [*untouched[:4], ("b", "y")]


def test_entries_are_in_the_order_of_their_controls():
    filled = WHOLE.fill({"q1": 5, "q2": "Yes", "q3": "line"})
    assert filled.entries == [("token", "t"), ("c", "line"), ("a", "5"), ("middle", "m"), ("b", "y")]


def test_questions_in_short():
    assert WHOLE.questions().splitlines() == [
        'q1 (How many): whole number, at most 9, now "3"',
        'q2 (Which): choose one: "Yes"; "No"',
        "q3 (Why): text",
    ]


def test_text_is_sent_as_browsers_send_it():
    form = Form(fields=(Field("q1", "a", "text", lines=True),))
    assert form.fill({"q1": "1\n2\r3\r\n4 \ud83d"}).entries == [("a", "1\r\n2\r\n3\r\n4 \ufffd")]
    assert urlencoded([("a b", "~*-._ &=+%é\r\n")]) == "a+b=%7E*-._+%26%3D%2B%25%C3%A9%0D%0A"


def test_the_pressed_button_says_which_form_is_sent_and_whether_it_is_checked():
    buttons = (
        Button("Save", "", 3, entries=(Entry(3, "how", "save"),), checks=False),
        Button("Vote", "", 7, action="http://host/vote", owner=1),
    )
    fields = (
        Field("q1", "a", "integer", maximum=Decimal(9), place=1, only_with="Save"),
        Field("q2", "b", "text", place=5, owner=1, only_with="Vote"),
        Field("q3", "how", "button", options=buttons),
    )
    form = Form("http://host/here", fields, (Entry(6, "token", "t", 1),), buttons)
    saved = form.fill({"q1": 12, "q2": None, "q3": "Save"})
    assert (saved.entries, saved.action, saved.refused) == ([("a", "12"), ("how", "save")], "", {})
    voted = form.fill({"q1": None, "q2": "x", "q3": "Vote"})
    assert (voted.entries, voted.action) == ([("b", "x"), ("token", "t")], "http://host/vote")
    assert form.fill({"q1": None, "q2": None, "q3": "Vote"}).refused == {"q2": "an answer is required"}
    assert form.fill({"q1": 1, "q2": None, "q3": "Leave"}).refused.keys() == {"q3"}
