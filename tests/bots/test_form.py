"""Answers to a form's fields: the schema they must follow, what is sent for them, what is refused."""

from decimal import Decimal

import pytest

from otree_botex.bots.form import Entry, Field, Form, Option, Refusal

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
