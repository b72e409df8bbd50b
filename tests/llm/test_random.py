"""Tests of the model `random`."""

from __future__ import annotations

import json
import time
from collections import Counter
from decimal import Decimal
from itertools import combinations

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from otree_botex.errors import ModelError
from otree_botex.llm import ACT, ACT_AGAIN, ModelOptions, Request, load, object_schema
from otree_botex.llm.random import LETTERS, REASON, WORDS, RandomAnswers


def reply_schema(**fields: dict) -> dict:
    answers = {"type": "object", "properties": fields, "required": list(fields), "additionalProperties": False}
    properties = {"reason": {"type": "string", "maxLength": 300}, "answers": answers}
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


def ask(schema: dict, seed: int | None = None, **refused: list) -> dict:
    """One reply to a schema, checked against it. Decimal because multipleOf is wrong on binary fractions."""
    completion = RandomAnswers().complete(Request(messages=[], schema=schema, seed=seed, refused=refused))
    exact = json.loads(completion.text, parse_float=Decimal)
    jsonschema.validate(exact, json.loads(json.dumps(schema), parse_float=Decimal))
    return json.loads(completion.text)


def answer(field: dict, seed: int | None = None, refused: list | None = None):
    """One answer to a field, unchecked: jsonschema would take most of the time of tests that count many."""
    request = Request([], reply_schema(x=field), seed, {"x": refused or []})
    return json.loads(RandomAnswers().complete(request).text)["answers"]["x"]


@st.composite
def fields(draw):
    low, width = draw(st.integers(-50, 50)), draw(st.integers(0, 8))
    decimals = draw(st.sampled_from([1, 2, 3]))
    step = float(f"1e-{decimals}")
    words = draw(st.lists(st.text(max_size=5), min_size=1, max_size=4, unique=True))
    length = draw(st.integers(0, 4))
    field = draw(
        st.sampled_from(
            [
                {"type": "integer", "minimum": low, "maximum": low + width},
                {"type": "integer", "minimum": low},
                {"type": "integer", "maximum": low},
                {"type": "integer"},
                {"type": "number", "minimum": low * step, "maximum": (low + width) * step},
                {"type": "number", "minimum": low, "maximum": low + width, "multipleOf": step},
                {"type": "number", "maximum": low, "multipleOf": 1},
                {"type": "string", "minLength": length, "maxLength": length + draw(st.integers(0, 40))},
                {"type": "string", "enum": words},
                {"type": "boolean", "title": "Sure?"},
                {"type": "array", "items": {"type": "string", "enum": words}, "uniqueItems": True, "minItems": 1},
                {"type": "array", "items": {"type": "string", "enum": words}, "uniqueItems": True},
            ]
        )
    )
    return {"anyOf": [field, {"type": "null"}]} if draw(st.booleans()) else field


@given(st.dictionaries(st.text(min_size=1, max_size=5), fields(), max_size=4), st.integers())
def test_replies_satisfy_the_schema_and_repeat(some_fields, seed):
    schema = reply_schema(**some_fields)
    assert ask(schema, seed) == ask(schema, seed)


@given(fields(), st.integers(0, 1000))
def test_refused_answers_do_not_come_back(field, seed):
    refused: list = []
    for i in range(12):
        value = answer(field, seed + i, refused)
        if value in refused:  # then there must be nothing else
            assert len(refused) >= valid_values(field), refused
            return
        refused.append(value)


def valid_values(field: dict) -> int:
    """How many different answers there are to a field, counted in another way than by drawing."""
    if "anyOf" in field:
        return 1 + valid_values(field["anyOf"][0])
    if field["type"] == "boolean":
        return 2
    if field["type"] == "array":
        return 2 ** len(field["items"]["enum"]) - field.get("minItems", 0)
    if "enum" in field:
        return len(field["enum"])
    if field["type"] == "string":
        return 1 if field["maxLength"] == 0 else 62
    if "minimum" not in field or "maximum" not in field:
        return 10**9
    low, high = Decimal(str(field["minimum"])), Decimal(str(field["maximum"]))
    decimals = max(2, *(-bound.normalize().as_tuple().exponent for bound in (low, high)))
    step = 1 if field["type"] == "integer" else Decimal(str(field.get("multipleOf", Decimal(1).scaleb(-decimals))))
    return int((high - low) / step) + 1


@pytest.mark.parametrize(
    ("refused", "gone"), [([], set()), ([3], {3}), ([1, 2, 9], {1, 2, 9}), (["4", 5.0, None, "x", 77, [1]], {4, 5})]
)
def test_integers_are_uniform_over_what_is_left(refused, gone):
    counts = Counter(answer({"type": "integer", "minimum": 0, "maximum": 9}, seed, refused) for seed in range(3000))
    assert set(counts) == set(range(10)) - gone
    assert max(counts.values()) < 1.4 * min(counts.values())


def test_shares():
    enum = Counter(answer({"type": "string", "enum": ["a", "b", "c"]}, seed) for seed in range(3000))
    assert all(850 < enum[option] < 1150 for option in "abc")
    nullable = {"anyOf": [{"type": "boolean"}, {"type": "null"}]}
    assert 480 < sum(answer(nullable, seed) is None for seed in range(3000)) < 720
    assert answer(nullable, 1, [True, False]) is None
    assert {answer(nullable, seed, [None]) for seed in range(50)} == {True, False}


def test_missing_bounds():
    def span(**bounds):
        values = [answer({"type": "integer", **bounds}, seed) for seed in range(2000)]
        return min(values), max(values)

    assert span() == (0, 100)
    assert span(minimum=18) == (18, 118)
    assert span(maximum=60) == (0, 60)
    assert span(maximum=-5) == (-105, -5)


def test_numbers_on_the_grid():
    values = {answer({"type": "number", "minimum": 0, "maximum": 1, "multipleOf": 0.1}, seed) for seed in range(500)}
    assert values == {0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0}
    assert isinstance(answer({"type": "number", "multipleOf": 1}, 1), int)


def test_every_subset_can_be_drawn_and_order_does_not_make_a_new_one():
    field = {"type": "array", "items": {"type": "string", "enum": ["a", "b", "c"]}, "uniqueItems": True, "minItems": 1}
    assert {tuple(answer(field, seed)) for seed in range(300)} == {
        ("a",), ("b",), ("c",), ("a", "b"), ("a", "c"), ("b", "c"), ("a", "b", "c"),
    }  # fmt: skip
    others = [["a"], ["b"], ["c"], ["b", "a"], ["c", "a"], ["c", "b", "a"]]
    assert answer(field, 1, others) == ["b", "c"]


def test_the_last_value_left_is_found():
    options = ["a", "b", "c", "d", "e", "f"]
    subsets = [list(chosen) for size in range(1, 7) for chosen in combinations(options, size)]
    field = {"type": "array", "items": {"type": "string", "enum": options}, "uniqueItems": True, "minItems": 1}
    letters = [letter for letter in LETTERS if letter != "Q"]
    for seed in range(20):
        assert answer(field, seed, [s for s in subsets if s != ["b", "d", "e"]]) == ["b", "d", "e"]
        assert answer({"type": "string", "minLength": 1, "maxLength": 1}, seed, letters) == "Q"
        assert answer({"type": "integer", "minimum": 0}, seed, list(range(101))) > 100
        assert answer({"type": "integer", "maximum": 1}, seed, [0, 1]) < 0


def test_texts():
    for length in range(30):
        for seed in range(30):
            text = answer({"type": "string", "minLength": length, "maxLength": length}, seed)
            assert len(text) == length and text == text.strip()  # a server may strip what is sent


def test_reason_and_fields_called_reason():
    reply = ask(reply_schema(reason={"type": "integer", "minimum": 7, "maximum": 8}), 3, reason=[7])
    assert reply == {"reason": REASON, "answers": {"reason": 8}}
    notes = {"type": "object", "properties": {"notes": {"type": "string", "maxLength": 30}}, "required": ["notes"]}
    assert ask(notes, 1)["notes"]


# ---- actions on a page


def action(do, **fields):
    return object_schema(do={"type": "string", "enum": [do]}, **fields)


def any_of(*numbers):
    return {"type": "integer", "enum": list(numbers)}


CLICK = action("click", control=any_of(1, 2, 3, 4, 5))
FILL = action("fill", control=any_of(6), value={"type": "string"})
SET = action("set", control=any_of(7), value={"type": "integer", "minimum": 0, "maximum": 500, "multipleOf": 50})
DRAG = action("drag", **{"from": any_of(1, 8), "to": any_of(1, 8, 9)})
PRESS = action("press", key={"type": "string", "enum": ["Enter", "f", "j"]})
WAIT, SUBMIT = action("wait", seconds={"type": "integer", "minimum": 1, "maximum": 300}), action("submit")
ALL = (CLICK, FILL, SET, DRAG, PRESS, WAIT, SUBMIT)


def act(*variants, seed=None, most=6, purpose=ACT):
    """What is done where these actions can be, unchecked as above."""
    items = variants[0] if len(variants) == 1 else {"anyOf": list(variants)}
    actions = {"type": "array", "items": items, "minItems": 1, "maxItems": most}
    schema = object_schema(reason={"type": "string", "maxLength": 400}, actions=actions)
    completion = RandomAnswers().complete(Request([], schema, seed, {"actions": [1]}, purpose=purpose))
    return json.loads(completion.text)["actions"]


@pytest.fixture(scope="module")
def lists():
    """Many lists of actions on a page with all kinds of controls."""
    return [act(*ALL, seed=seed) for seed in range(2500)]


def used(actions):
    """The controls that are used."""
    return [one.get("control", one.get("from")) for one in actions if one["do"] not in ("press", "wait", "submit")]


def test_controls_are_drawn_not_kinds_of_action(lists):
    counts = Counter(control for actions in lists for control in used(actions))
    assert set(counts) == set(range(1, 9)) and max(counts.values()) < 1.2 * min(counts.values())
    assert all(len(used(actions)) == len(set(used(actions))) for actions in lists)
    assert {len(used(actions)) for actions in lists} == {1, 2, 3, 4}
    both = Counter(one["do"] for actions in lists for one in actions if one.get("control", one.get("from")) == 1)
    assert both["click"] > 300 and both["drag"] > 300  # one control can be used in several ways
    assert all(one["from"] != one["to"] for actions in lists for one in actions if one["do"] == "drag")


def test_the_page_is_sent_about_half_the_time_and_never_before_something_was_done(lists):
    assert 1150 < sum(actions[-1]["do"] == "submit" for actions in lists) < 1350
    assert all(one["do"] != "submit" for actions in lists for one in actions[:-1]) and all(map(used, lists))
    assert all(act(*ALL[:-1], seed=seed)[-1]["do"] != "submit" for seed in range(50))


def test_who_has_acted_before_may_do_no_more_than_send_the_page():
    again = [act(*ALL, seed=seed, purpose=ACT_AGAIN) for seed in range(1000)]
    assert 200 < again.count([{"do": "submit"}]) < 300
    assert all(used(act(CLICK, WAIT, seed=seed, purpose=ACT_AGAIN)) for seed in range(50))


def test_waits_and_keys_are_rare_and_waits_are_short(lists):
    counts = Counter(one["do"] for actions in lists for one in actions)
    assert 100 < counts["wait"] < 300 and 100 < counts["press"] < 300
    assert {one["seconds"] for actions in lists for one in actions if one["do"] == "wait"} == {1, 2, 3}


def test_values_are_valid():
    values = [one["value"] for seed in range(300) for one in act(FILL, SET, WAIT, seed=seed) if "value" in one]
    assert {value for value in values if isinstance(value, int)} == set(range(0, 501, 50))
    assert all(set(value.split()) <= set(WORDS) for value in values if isinstance(value, str))


def test_pages_without_controls():
    keys = [act(PRESS, WAIT, SUBMIT, seed=seed) for seed in range(200)]
    assert all(actions[0]["do"] in ("press", "wait") and "press" in str(actions) for actions in keys)
    assert {act(WAIT, SUBMIT, seed=seed)[0]["do"] for seed in range(50)} == {"wait", "submit"}
    assert {len(act(WAIT, SUBMIT, seed=seed)) for seed in range(50)} == {1}
    assert act(WAIT, seed=1)[0]["seconds"] in (1, 2, 3)


def test_dialogs_are_mostly_accepted():
    yes, either = {"type": "boolean", "enum": [True]}, {"type": "boolean"}
    text = {"anyOf": [{"type": "string"}, {"type": "null"}]}
    assert all(act(action("answer", accept=yes), seed=seed, most=1)[0]["accept"] for seed in range(50))
    confirmed = [act(action("answer", accept=either), seed=seed, most=1)[0]["accept"] for seed in range(500)]
    assert 400 < sum(confirmed) < 490
    texts = {type(act(action("answer", accept=either, text=text), seed=seed, most=1)[0]["text"]) for seed in range(50)}
    assert texts == {str, type(None)}


def test_actions_repeat_with_their_seed_and_leave_room_for_notes():
    assert [act(*ALL, seed=seed) for seed in range(30)] == [act(*ALL, seed=seed) for seed in range(30)]
    assert len({json.dumps(act(*ALL, seed=seed)) for seed in range(30)}) == 30
    actions = {"type": "array", "items": WAIT, "minItems": 1, "maxItems": 6}
    schema = object_schema(reason={"type": "string"}, actions=actions, notes={"type": "string", "maxLength": 9})
    reply = json.loads(RandomAnswers().complete(Request([], schema, 1, purpose=ACT)).text)
    assert (reply["reason"], reply["notes"]) == (REASON, REASON[:9])


def test_actions_satisfy_their_schema():
    for seed in range(50):
        for most in (4, 6):
            schema = {"type": "array", "items": {"anyOf": list(ALL)}, "minItems": 1, "maxItems": most}
            jsonschema.validate(act(*ALL, seed=seed, most=most), schema)


def test_a_control_that_takes_nothing():
    empty = action("choose", control=any_of(1), value={"type": "string", "enum": []})
    with pytest.raises(ModelError, match="choose"):
        act(empty, WAIT, seed=1)


def test_completion_and_speed():
    model = load("random", ModelOptions())
    schema = reply_schema(
        offer={"type": "integer", "minimum": 0, "maximum": 100},
        price={"type": "number", "minimum": 0, "maximum": 5, "multipleOf": 0.01},
        choice={"type": "string", "enum": ["ja", "nein – nie"]},
        text={"type": "string", "maxLength": 100},
    )
    completion = model.complete(Request([], schema, 5))
    assert (completion.model, completion.mode, completion.cost) == ("random", "random", 0.0)
    assert model.complete(Request([], schema)).text != model.complete(Request([], schema)).text  # no seed
    start = time.process_time()  # what else the machine does meanwhile does not count
    for seed in range(1000):
        model.complete(Request([], schema, seed))
    assert time.process_time() - start < 1


NOTHING = [{"type": "integer", "minimum": 2, "maximum": 1}, {"type": "string", "enum": []}, {"type": "file"}]


@pytest.mark.parametrize("field", NOTHING)
def test_nothing_to_draw(field):
    with pytest.raises(ModelError):
        answer(field)
