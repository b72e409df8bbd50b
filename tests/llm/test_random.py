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
from otree_botex.llm import ModelOptions, Request, load
from otree_botex.llm.random import LETTERS, REASON, RandomAnswers


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
    start = time.perf_counter()
    for seed in range(1000):
        model.complete(Request([], schema, seed))
    assert time.perf_counter() - start < 1


NOTHING = [{"type": "integer", "minimum": 2, "maximum": 1}, {"type": "string", "enum": []}, {"type": "file"}]


@pytest.mark.parametrize("field", NOTHING)
def test_nothing_to_draw(field):
    with pytest.raises(ModelError):
        answer(field)
