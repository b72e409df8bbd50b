"""Tests of the GBNF grammars: what they admit is checked by a translation to regular expressions, on any machine, and
by llama.cpp's own grammar engine where llama_cpp is installed."""

from __future__ import annotations

import itertools
import json
import re
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otree_botex.llm.grammar import LONGEST_STRING, gbnf

TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|\[(?:[^\]\\]|\\.)*\]|\{[\d,]+\}|[()|?]|[\w-]+')


def regex(grammar: str) -> re.Pattern[str]:
    """The grammar as a regular expression; ours never recurse, so every rule can stand where it is named."""
    rules = dict(line.split(" ::= ", 1) for line in grammar.strip("\n").split("\n"))
    known: dict[str, str] = {}

    def expression(name: str) -> str:
        if name not in known:
            body = rules[name]
            assert not TOKEN.sub("", body).strip(), f"what is this? {TOKEN.sub('', body)}"
            known[name] = "(?:" + "".join(map(part, TOKEN.findall(body))) + ")"
        return known[name]

    def part(token: str) -> str:
        if token[0] == '"':
            return "(?:" + re.escape(re.sub(r"\\(.)", r"\1", token[1:-1])) + ")"
        if token == "(":
            return "(?:"
        return token if token[0] in "[{)|?" else expression(token)

    return re.compile(expression("root"))


def admits(schema: dict, text: str) -> bool:
    return regex(gbnf(schema)).fullmatch(text) is not None


def integer(low: int | None, high: int | None) -> dict:
    bounds = {"minimum": low, "maximum": high}
    return {"type": "integer", **{key: bound for key, bound in bounds.items() if bound is not None}}


# ---- numbers


@pytest.mark.parametrize("low", range(-23, 24, 2))
def test_small_integer_ranges_are_exact(low):
    for high in range(low, low + 130, 7):
        pattern = regex(gbnf(integer(low, high)))
        admitted = {n for n in range(-250, 251) if pattern.fullmatch(str(n))}
        assert admitted == set(range(low, high + 1)), (low, high)


@given(st.tuples(*[st.integers(-(10**15), 10**15) | st.integers(-1200, 1200)] * 2).map(sorted), st.data())
def test_integer_ranges_are_exact(bounds, data):
    low, high = bounds
    pattern = regex(gbnf(integer(low, high)))
    near = [edge + d for edge in (low, high, 0) for d in (-1000, -100, -10, -1, 0, 1, 10, 100, 1000)]
    for n in [*near, *data.draw(st.lists(st.integers(low, high) | st.integers(-(10**16), 10**16), max_size=20))]:
        assert bool(pattern.fullmatch(str(n))) == (low <= n <= high), n


@given(st.integers(-(10**13), 10**13) | st.integers(-20, 20), st.integers(0, 10**6))
def test_one_sided_integers(bound, distance):
    at_least, at_most = regex(gbnf(integer(bound, None))), regex(gbnf(integer(None, bound)))
    assert at_least.fullmatch(str(bound + distance)) and not at_least.fullmatch(str(bound - 1 - distance))
    assert at_most.fullmatch(str(bound - distance)) and not at_most.fullmatch(str(bound + 1 + distance))


def test_unbounded_integers_end():
    assert admits(integer(None, None), "-999999999") and not admits(integer(None, None), "1000000000")
    assert admits(integer(10**10 - 1, None), str(10**10)) and admits(integer(None, -(10**10) + 1), str(-(10**10)))
    assert admits(integer(0, None), "999999999") and not admits(integer(0, None), "1000000000")


@pytest.mark.parametrize("text", ["-0", "00", "007", "+1", "1.0", "1e1", "", "-", " 1", "1 "])
def test_only_plain_integers(text):
    assert not admits(integer(-10, 100), text)


@given(
    st.tuples(*[st.integers(-(10**7), 10**7) | st.integers(-300, 300)] * 2).map(sorted),
    st.sampled_from([0, 1, 2, 3]),
    st.data(),
)
def test_decimal_grids_are_exact(bounds, decimals, data):
    low, high = (Decimal(k).scaleb(-decimals) for k in bounds)
    schema = {"type": "number", "minimum": float(low), "maximum": float(high), "multipleOf": float(f"1e-{decimals}")}
    pattern = regex(gbnf(schema))
    near = [edge + d for edge in (*bounds, 0) for d in (-1000, -100, -10, -1, 0, 1, 10, 100, 1000)]
    for k in [*near, *data.draw(st.lists(st.integers(*bounds), max_size=20))]:
        number = Decimal(k).scaleb(-decimals)
        assert bool(pattern.fullmatch(f"{number:.{decimals}f}")) == (low <= number <= high), number


@pytest.mark.parametrize(
    ("schema", "yes", "no"),
    [
        ({"minimum": 0, "maximum": 1}, ["0.00", "0.07", "1.00"], ["0", "1", "0.5", "1.01", ".5", "-0.00", "00.50"]),
        ({"minimum": 0.125, "maximum": 0.5}, ["0.125", "0.500"], ["0.124", "0.501", "0.13"]),
        ({"minimum": 0.05, "maximum": 2, "multipleOf": 0.1}, ["0.1", "2.0"], ["0.0", "2.1", "0.05"]),
        ({"minimum": -0.5, "multipleOf": 0.1}, ["-0.5", "0.0", "999999999.9"], ["-0.6", "-0.0", "1000000000.0"]),
        ({"maximum": 3, "multipleOf": 1}, ["3", "-999999999"], ["4", "3.0", "-0"]),
        ({}, ["0.00", "-12.34", "999999999.99"], ["0", "1000000000.00"]),
    ],
)
def test_numbers(schema, yes, no):
    pattern = regex(gbnf({"type": "number", **schema}))
    assert [text for text in yes if not pattern.fullmatch(text)] == []
    assert [text for text in no if pattern.fullmatch(text)] == []


# ---- other values

ODD_OPTIONS = ["", "a", "ab", 'say "yes"', "back\\slash", "new\nline", "ÄÖß 中文 🙂"]
ODD_OPTIONS += ["{1,2}", "a|b", "(c)?", "[d]", "\x7f", "\u2028"]


def test_enums_admit_their_options_and_nothing_else():
    pattern = regex(gbnf({"type": "string", "enum": [*ODD_OPTIONS, "a"]}))
    for option in ODD_OPTIONS:
        assert pattern.fullmatch(json.dumps(option, ensure_ascii=False)), option
    for other in ["b", "aa", "A", "x", '"', "\\"]:
        assert not pattern.fullmatch(json.dumps(other)), other
    assert not pattern.fullmatch("a") and not pattern.fullmatch('" a"')


@given(st.sets(st.text(st.characters(exclude_categories=["Cs"]), max_size=6), min_size=1, max_size=8), st.text())
def test_any_enum(options, other):
    pattern = regex(gbnf({"type": "string", "enum": sorted(options)}))
    assert all(pattern.fullmatch(json.dumps(option, ensure_ascii=False)) for option in options)
    assert bool(pattern.fullmatch(json.dumps(other, ensure_ascii=False))) == (other in options)


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=12), st.integers(0, 6), st.integers(0, 6))
def test_strings_keep_to_their_lengths(text, shortest, more):
    schema = {"type": "string", "minLength": shortest, "maxLength": shortest + more}
    writable = not re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]", text)
    fits = shortest <= len(text) <= shortest + more
    assert admits(schema, json.dumps(text, ensure_ascii=False)) == (writable and fits)


@pytest.mark.parametrize("text", ['"a', 'a"', '"a"b"', '"\\"', '"\\x"', '"\n"', '"\t"', '"\\ud83d"', "'a'"])
def test_broken_strings_are_not_admitted(text):
    assert not admits({"type": "string", "maxLength": 20}, text)


def test_string_limits():
    assert admits({"type": "string"}, f'"{"x" * 300}"') and not admits({"type": "string"}, f'"{"x" * 301}"')
    assert admits({"type": "string", "maxLength": 10**6}, f'"{"x" * LONGEST_STRING}"')
    assert admits({"type": "string", "maxLength": 0}, '""')


@pytest.mark.parametrize("count", [1, 2, 3, 5])
@pytest.mark.parametrize("least", [0, 1, 2, 3])
def test_arrays_are_ordered_subsets(count, least):
    options = [f"o{i}" for i in range(count)]
    schema = {"type": "array", "items": {"type": "string", "enum": options}, "uniqueItems": True, "minItems": least}
    if least > count:
        with pytest.raises(ValueError):
            gbnf(schema)
        return
    pattern = regex(gbnf(schema))
    for size in range(count + 2):
        for items in itertools.product(options, repeat=min(size, 4)):
            expected = list(items) == sorted(set(items)) and len(items) >= least
            assert bool(pattern.fullmatch(json.dumps(items))) == expected, items


@given(st.sets(st.integers(0, 250), min_size=1, max_size=40) | st.just(set(range(1, 201))), st.integers(-5, 300))
def test_listed_numbers(numbers, other):
    schema = {"type": "integer", "enum": sorted(numbers, reverse=True)}
    pattern = regex(gbnf(schema))
    assert all(pattern.fullmatch(str(number)) for number in numbers)
    assert bool(pattern.fullmatch(str(other))) == (other in numbers)


def test_numbers_among_other_values():
    schema = {"enum": [True, -3, 2, 3, 4, 2, 0.5, None, "7"]}
    texts = ["true", "-3", "2", "3", "4", "0.5", "null", '"7"', "1", "5", "7", "false", "0"]
    assert [text for text in texts if admits(schema, text)] == texts[:8]


def test_a_step_that_is_no_power_of_ten_admits_what_is_between():
    assert [text for text in ("0", "5", "7", "100", "-5", "105") if admits(stepped(5, 0, 100), text)] == [
        *("0", "5", "7", "100"),
    ]
    assert [text for text in ("0.25", "1.50", "1.75", "0.30", "0.5") if admits(stepped(0.25, 0.25, 1.5), text)] == [
        *("0.25", "1.50", "0.30"),
    ]
    assert admits({"type": "integer", "multipleOf": 20}, "-40")


def stepped(step, low, high):
    kind = "integer" if isinstance(step, int) else "number"
    return {"type": kind, "minimum": low, "maximum": high, "multipleOf": step}


def test_booleans_nulls_and_alternatives():
    schema = {"anyOf": [{"type": "integer", "minimum": 1, "maximum": 3}, {"type": "null"}]}
    assert [text for text in ["0", "1", "3", "4", "null", "true"] if admits(schema, text)] == ["1", "3", "null"]
    assert [text for text in ["true", "false", "null", "1"] if admits({"type": "boolean"}, text)] == ["true", "false"]


def reply_schema(**fields: dict) -> dict:
    answers = {"type": "object", "properties": fields, "required": list(fields), "additionalProperties": False}
    reason = {"type": "string", "maxLength": 50, "title": "Why", "description": "your reason"}
    return {
        "type": "object",
        "properties": {"reason": reason, "answers": answers},
        "required": ["reason", "answers"],
        "additionalProperties": False,
    }


GOOD = '{"reason": "I like it.", "answers": {"offer": 50, "größe \\"x\\"": "no"}}'


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (GOOD, True),
        (GOOD.replace(": ", ":").replace(", ", ","), True),
        (GOOD.replace(": ", ":  "), False),
        (GOOD.replace("{", "{ "), False),
        (GOOD + " ", False),
        (GOOD[:-1], False),
        (GOOD.replace("50", "101"), False),
        (GOOD.replace('"reason": "I like it.", ', ""), False),
        (GOOD.replace('"offer": 50, ', ""), False),
        (GOOD.replace('"offer"', '"Offer"'), False),
    ],
)
def test_replies(text, expected):
    schema = reply_schema(offer=integer(0, 100), **{'größe "x"': {"type": "string", "enum": ["yes", "no"]}})
    assert admits(schema, text) == expected
    assert admits(reply_schema(), '{"reason":"","answers":{}}')


def action(do, **fields):
    properties = {"do": {"type": "string", "enum": [do]}, **fields}
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


CLICK = action("click", control={"type": "integer", "enum": [1, 2, 12]})
FILL = action("fill", control={"type": "integer", "enum": [3]}, value={"type": "string", "maxLength": 20})
CHOOSE = action("choose", value={"type": "array", "items": {"type": "string", "enum": ["a", "b"]}, "uniqueItems": True})


def acting(*variants, least=1, most=6):
    """The schema of a list of such actions."""
    items = variants[0] if len(variants) == 1 else {"anyOf": list(variants)}
    listed = {"type": "array", "items": items, "minItems": least, **({} if most is None else {"maxItems": most})}
    properties = {"reason": {"type": "string", "maxLength": 50}, "actions": listed}
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


def acted(*actions):
    return json.dumps({"reason": "so", "actions": list(actions)})


@pytest.mark.parametrize(("least", "most"), [(1, 6), (1, 1), (0, 2), (2, 3), (0, None), (3, None)])
def test_lists_of_objects_have_their_lengths(least, most):
    for schema in (acting(CLICK, least=least, most=most), acting(CLICK, FILL, least=least, most=most)):
        pattern = regex(gbnf(schema))
        for size in range(9):
            items = [{"do": "click", "control": (1, 2, 12)[n % 3]} for n in range(size)]
            assert bool(pattern.fullmatch(acted(*items))) == (least <= size <= (99 if most is None else most))


ACTED = [
    (acted({"do": "click", "control": 12}, {"do": "fill", "control": 3, "value": "hi"}, {"do": "submit"}), True),
    (acted({"do": "click", "control": 1}, {"do": "click", "control": 1}), True),
    (acted({"do": "choose", "value": ["a", "b"]}, {"do": "choose", "value": []}), True),
    (acted({"do": "choose", "value": ["b", "a"]}), False),
    (acted({"do": "click", "control": 3}), False),
    (acted({"do": "fill", "control": 1, "value": "hi"}), False),
    (acted({"do": "fill", "control": 3}), False),
    (acted({"control": 1, "do": "click"}), False),
    (acted({"do": "submit", "control": 1}), False),
    (acted({"do": "hover"}), False),
    (acted("submit"), False),
    (acted(), False),
    (acted({"do": "submit"}).replace(": ", ":"), True),
    (acted({"do": "submit"}, {"do": "submit"}).replace("}, {", "},{"), True),
    (acted({"do": "submit"}, {"do": "submit"}).replace("}, {", "}{"), False),
    (acted({"do": "submit"}).replace("]", ",]"), False),
]


@pytest.mark.parametrize(("text", "expected"), ACTED)
def test_lists_of_different_objects(text, expected):
    assert admits(acting(CLICK, FILL, CHOOSE, action("submit")), text) == expected


@pytest.mark.parametrize(
    "schema",
    [
        integer(2, 1),
        {"type": "number", "minimum": 0.01, "maximum": 0.09, "multipleOf": 0.1},
        {"type": "string", "enum": []},
        {"type": "string", "minLength": 5, "maxLength": 4},
        {"type": "array", "items": CLICK, "minItems": 3, "maxItems": 2},
        {"type": "array", "items": {"type": "integer", "enum": []}, "minItems": 1},
        {"type": "file"},
        {},
    ],
)
def test_what_no_grammar_can_be_made_for(schema):
    with pytest.raises(ValueError):
        gbnf(schema)


# ---- llama.cpp's own engine says the same


@pytest.fixture(scope="module")
def vocabulary():
    llama_cpp = pytest.importorskip("llama_cpp", reason="llama-cpp-python is not installed")
    from otree_botex.errors import SetupError
    from otree_botex.llm.llamacpp import find_model

    try:
        path = find_model("smollm2")
    except SetupError as error:
        pytest.skip(str(error))
    params = llama_cpp.llama_model_default_params()
    params.vocab_only = True
    model = llama_cpp.llama_model_load_from_file(str(path).encode(), params)
    yield llama_cpp.llama_model_get_vocab(model)
    llama_cpp.llama_model_free(model)


def engine_admits(vocabulary, grammar: str, text: str) -> bool:
    """Whether llama.cpp's grammar sampler lets a model write this text and then end."""
    import ctypes

    import llama_cpp

    sampler = llama_cpp.llama_sampler_init_grammar(vocabulary, grammar.encode(), b"root")
    assert sampler, "llama.cpp cannot read this grammar"
    try:
        data = text.encode()
        tokens = (llama_cpp.llama_token * (len(data) + 8))()
        count = llama_cpp.llama_tokenize(vocabulary, data, len(data), tokens, len(tokens), False, False)
        for token in [*tokens[:count], llama_cpp.llama_vocab_eos(vocabulary)]:
            one = llama_cpp.llama_token_data(id=token, logit=1.0, p=0.0)
            array = llama_cpp.llama_token_data_array(data=ctypes.pointer(one), size=1, selected=-1, sorted=False)
            llama_cpp.llama_sampler_apply(sampler, ctypes.byref(array))
            if array.data[0].logit == float("-inf"):
                return False
            if token != llama_cpp.llama_vocab_eos(vocabulary):
                llama_cpp.llama_sampler_accept(sampler, token)
        return True
    finally:
        llama_cpp.llama_sampler_free(sampler)


@settings(max_examples=60, deadline=None)
@given(st.tuples(*[st.integers(-(10**9), 10**9) | st.integers(-300, 300)] * 2).map(sorted), st.sampled_from([0, 1, 2]))
def test_engine_on_numbers(vocabulary, bounds, decimals):
    low, high = (Decimal(k).scaleb(-decimals) for k in bounds)
    schema = {"type": "number", "minimum": float(low), "maximum": float(high), "multipleOf": float(f"1e-{decimals}")}
    grammar = gbnf(reply_schema(x=schema))
    for k in (edge + d for edge in (*bounds, 0) for d in (-10, -1, 0, 1, 10)):
        number = Decimal(k).scaleb(-decimals)
        text = f'{{"reason": "", "answers": {{"x": {number:.{decimals}f}}}}}'
        assert engine_admits(vocabulary, grammar, text) == (low <= number <= high), number


def test_engine_on_everything_else(vocabulary):
    option = {"type": "string", "enum": ODD_OPTIONS}
    grammar = gbnf(
        reply_schema(
            choice=option,
            ticks={"type": "array", "items": option, "uniqueItems": True, "minItems": 1},
            text={"anyOf": [{"type": "string", "minLength": 2, "maxLength": 300}, {"type": "null"}]},
            sure={"type": "boolean"},
        )
    )
    good = {"choice": "a", "ticks": ODD_OPTIONS[2:5], "text": 'Ä "\\\n/', "sure": True}
    cases = [(good, True)]
    cases += [({**good, "choice": option}, True) for option in ODD_OPTIONS] + [({**good, "choice": "b"}, False)]
    cases += [({**good, "ticks": ticks}, True) for ticks in ([""], ODD_OPTIONS)]
    cases += [({**good, "ticks": ticks}, False) for ticks in ([], ["a", "a"], ["ab", "a"])]
    cases += [({**good, "text": text}, True) for text in (None, "xx", "é" * 300)]
    cases += [({**good, "text": text}, False) for text in ("", "x", "x" * 301, "\x01\x01")]
    cases += [({**good, "sure": None}, False)]
    for answers, expected in cases:
        text = json.dumps({"reason": "ok", "answers": answers}, ensure_ascii=False)
        assert engine_admits(vocabulary, grammar, text) == expected, text


def test_engine_reads_the_longest_strings(vocabulary):
    """llama.cpp limits repetitions to about 2000 and takes longer ones for endless."""
    grammar = gbnf(reply_schema(**{f"f{i}": {"type": "string", "maxLength": 5000} for i in range(20)}))
    for length in (LONGEST_STRING, LONGEST_STRING + 1):
        answers = {f"f{i}": "x" * length if i == 7 else "" for i in range(20)}
        text = json.dumps({"reason": "", "answers": answers})
        assert engine_admits(vocabulary, grammar, text) == (length <= LONGEST_STRING)


def test_engine_on_lists_of_objects(vocabulary):
    grammar = gbnf(acting(CLICK, FILL, CHOOSE, action("submit")))
    for text, expected in ACTED:
        assert engine_admits(vocabulary, grammar, text) == expected, text
    for size in (1, 6, 7):
        assert engine_admits(vocabulary, grammar, acted(*[{"do": "submit"}] * size)) == (size < 7)


def test_engine_on_a_page_with_many_controls(vocabulary):
    keys = {"type": "string", "enum": [f"Key{n}" for n in range(50)]}
    click = action("click", control={"type": "integer", "enum": [*range(1, 201), 300]})
    grammar = gbnf(acting(click, action("press", key=keys), FILL, action("submit")))
    for number in (0, 1, 99, 100, 200, 201, 300):
        expected = number not in (0, 201)
        text = acted({"do": "press", "key": "Key49"}, *[{"do": "click", "control": number}] * 4, {"do": "submit"})
        assert engine_admits(vocabulary, grammar, text) == expected, number
