"""What a bot can do on a page in a browser: the schema for a page's controls, and replies as actions."""

from __future__ import annotations

import json
from decimal import Decimal
from random import Random

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otree_botex.bots.actions import KEYS, Action, read_actions, schema
from otree_botex.bots.control import Control
from otree_botex.bots.replies import Unusable
from otree_botex.bots.scene import Dialog, Scene
from otree_botex.llm import Request, object_schema
from otree_botex.llm.formats import draw
from otree_botex.llm.grammar import gbnf, number_grid
from otree_botex.llm.random import RandomAnswers

from ..llm.test_grammar import regex

NAME = Control(1, "text", "Name")
AGE = Control(2, "number", "Age", minimum=Decimal(18), maximum=Decimal(99), step=Decimal(1), type="number")
OFFER = Control(3, "slider", "Your offer", value="50", minimum=Decimal(0), maximum=Decimal(100), step=Decimal(1))
COUNTRY = Control(4, "select", "Country", options=("Austria", "Spain"), indexes=(0, 1), chosen=("Austria",))
TWO = Control(5, "select", "Two", options=("a", "b", "c"), indexes=(0, 1, 2), multiple=True)
APPLE = Control(6, "area", "Apple", draggable=True)
BASKET = Control(7, "area", "Basket", takes_drops=True)
ACCEPT, OFF = Control(8, "button", "Accept"), Control(9, "button", "Reject", disabled=True)
NEXT = Control(10, "button", "Next", submits=True)
TOTAL = Control(11, "text", "Total", readonly=True, value="5")
EVERYTHING = Scene("", (NAME, AGE, OFFER, COUNTRY, TWO, APPLE, BASKET, ACCEPT, OFF, NEXT, TOTAL), keys=True)


def variants(scene):
    """What the schema lets a model say, by what is done."""
    items = schema(scene)["properties"]["actions"]["items"]
    found: dict[str, list] = {}
    for variant in items.get("anyOf", [items]):
        found.setdefault(variant["properties"]["do"]["enum"][0], []).append(variant["properties"])
    return found


def numbers(scene, do, name="control"):
    return [number for variant in variants(scene).get(do, []) for number in variant[name]["enum"]]


def read(scene, *actions):
    return read_actions({"reason": "", "actions": list(actions)}, scene)


def refusal(scene, *actions):
    with pytest.raises(Unusable) as error:
        read(scene, *actions)
    return str(error.value)


# ---- what can be done


def test_what_is_offered_for_each_kind_of_control():
    found = variants(EVERYTHING)
    assert list(found) == ["fill", "choose", "set", "click", "press", "drag", "wait", "submit"]
    assert found["fill"] == [
        {"do": one("fill"), "control": any_of(1), "value": {"type": "string"}},
        {"do": one("fill"), "control": any_of(2), "value": {"type": "integer", "minimum": 18, "maximum": 99}},
    ]
    labels = {"type": "string", "enum": ["a", "b", "c"]}
    assert [variant["value"] for variant in found["choose"]] == [
        {"type": "string", "enum": ["Austria", "Spain"]},
        {"type": "array", "items": labels, "uniqueItems": True},
    ]
    assert found["set"][0]["value"] == {"type": "integer", "minimum": 0, "maximum": 100}
    assert found["click"] == [{"do": one("click"), "control": any_of(6, 7, 8, 11)}]
    assert found["drag"] == [{"do": one("drag"), "from": any_of(6), "to": any_of(7)}]
    assert found["wait"] == [{"do": one("wait"), "seconds": {"type": "integer", "minimum": 1, "maximum": 300}}]
    assert len(found["press"][0]["key"]["enum"]) == len(set(KEYS)) == 50
    actions = schema(EVERYTHING)["properties"]["actions"]
    assert (actions["minItems"], actions["maxItems"]) == (1, 6)


def one(do):
    return {"type": "string", "enum": [do]}


def any_of(*numbers):
    return {"type": "integer", "enum": list(numbers)}


def test_controls_that_take_the_same_share_a_variant():
    sliders = [Control(n, "slider", minimum=Decimal(0), maximum=Decimal(9), step=Decimal(1)) for n in range(1, 30)]
    other = Control(30, "slider", minimum=Decimal(1), maximum=Decimal(9), step=Decimal(1))
    found = variants(Scene("", (*sliders, other)))["set"]
    assert [variant["control"]["enum"] for variant in found] == [list(range(1, 30)), [30]]


def test_what_cannot_be_done_is_not_offered():
    disabled = tuple(Control(n, kind, disabled=True) for n, kind in enumerate(("text", "slider", "button", "area"), 1))
    empty = Control(9, "select", "Nothing in it yet")
    assert list(variants(Scene("", (*disabled, empty, Control(10, "file"))))) == ["wait"]
    assert schema(Scene(""))["properties"]["actions"]["items"]["properties"]["do"] == one("wait")


def test_the_one_button_that_sends_the_page_is_no_other_button():
    accept, reject = Control(1, "button", "Accept", submits=True), Control(2, "button", "Reject", submits=True)
    assert list(variants(Scene("", (accept,)))) == ["wait", "submit"]
    both = [Control(c.number, "button", c.name, submits=True, chooses=True) for c in (accept, reject)]
    assert numbers(Scene("", tuple(both)), "click") == [1, 2] and "submit" not in variants(Scene("", tuple(both)))


def test_what_is_only_dragged_is_not_clicked():
    seat = Control(21, "area", "Seat", draggable=True, presses=False)
    basket = Control(22, "area", "Basket", takes_drops=True, presses=False)
    scene = Scene("", (seat, basket))
    assert list(variants(scene)) == ["drag", "wait"]
    assert '"click" cannot be done now' in refusal(scene, {"do": "click", "control": 22})


def test_where_things_can_be_dragged_to():
    pear = Control(20, "area", "Pear", draggable=True)
    assert numbers(Scene("", (APPLE, pear, BASKET)), "drag", "to") == [7]
    assert numbers(Scene("", (APPLE, pear, ACCEPT)), "drag", "to") == [6, 20]  # the page does not say
    assert "drag" not in variants(Scene("", (APPLE, ACCEPT))) and "drag" not in variants(Scene("", (BASKET,)))


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("alert", {"accept": {"type": "boolean", "enum": [True]}}),
        ("confirm", {"accept": {"type": "boolean"}}),
        ("prompt", {"accept": {"type": "boolean"}, "text": {"anyOf": [{"type": "string"}, {"type": "null"}]}}),
    ],
)
def test_a_dialog_comes_before_everything_else(kind, expected):
    scene = Scene("", EVERYTHING.controls, keys=True, dialog=Dialog(kind, "Really?"))
    actions = schema(scene)["properties"]["actions"]
    assert actions["items"]["properties"] == {"do": one("answer"), **expected} and actions["maxItems"] == 1
    assert "a dialog is open" in refusal(scene, {"do": "click", "control": 8})
    assert "1 are allowed" in refusal(scene, *[{"do": "answer", "accept": True}] * 2)


def test_what_numbers_and_texts_are_asked_for():
    def values(kind, **what):
        bounds = {name: Decimal(what.pop(name)) for name in ("minimum", "maximum", "step") if name in what}
        return Control(1, kind, **bounds, **what).values

    assert values("slider", minimum=0, maximum=1, step="0.1") == {
        **{"type": "number", "minimum": 0.0, "maximum": 1.0, "multipleOf": 0.1}
    }
    assert values("number", minimum=0, step=5, maximum=20)["enum"] == [0, 5, 10, 15, 20]
    assert values("slider", minimum=0, step=50, maximum=100_000)["multipleOf"] == 50
    assert "multipleOf" not in values("number", minimum=1, step=50)  # 1, 51, 101 …
    assert values("number", step="0.25") == {"type": "number", "multipleOf": 0.25}
    assert values("number") == {"type": "number", "multipleOf": 0.01}
    assert values("text", max_length=20) == {"type": "string", "maxLength": 20}
    assert "@" in values("text", type="email")["pattern"] and "2024" in values("text", type="date", minimum=19800)[
        "pattern"
    ].replace("(19|20)[0-9]{2}", "2024")


# ---- the schema itself

LIMITS = {"maxLength", "minLength", "minimum", "maximum", "multipleOf", "minItems", "maxItems", "uniqueItems"}


def strict(part) -> int:
    """Checks OpenAI's strict rules; returns how many values are listed."""
    known = {"type", "properties", "required", "additionalProperties", "items", "anyOf", "enum", "pattern", *LIMITS}
    assert set(part) <= known, part
    if part.get("type") == "object":
        assert part["additionalProperties"] is False and part["required"] == list(part["properties"])
    assert "anyOf" not in part or len(part["anyOf"]) > 1
    inner = [
        *part.get("properties", {}).values(),
        *part.get("anyOf", []),
        *([part["items"]] if "items" in part else []),
    ]
    return len(part.get("enum", [])) + sum(strict(each) for each in inner)


@st.composite
def controls(draw, number):
    kind = draw(st.sampled_from(["text", "textarea", "number", "slider", "select", "radio", "button", "area", "file"]))
    low, decimals = draw(st.integers(-20, 20)), draw(st.sampled_from([0, 0, 1, 2]))
    unit = Decimal(1).scaleb(-decimals)
    labels = tuple(draw(st.lists(st.text("aäß \"\\'", min_size=1, max_size=4), max_size=3, unique=True)))
    flags = {name: draw(st.integers(0, 3)) == 0 for name in ("disabled", "readonly", "submits", "opens")}
    drags = {name: kind == "area" and draw(st.booleans()) for name in ("draggable", "takes_drops")}
    bounds = {}
    if kind in ("number", "slider"):
        step = draw(st.sampled_from([1, 1, 2, 5, 25, None]))
        most = low + draw(st.integers(0, 300)) * (step or 1)
        bounds = {"minimum": low * unit, "maximum": most * unit, "step": step and step * unit}
        if kind == "number" or step not in (None, 1):  # where they begin matters to which steps there are
            bounds["minimum"] = Decimal(0) if step not in (None, 1) else bounds["minimum"]
            bounds["maximum"] = abs(bounds["maximum"])
            bounds = {key: value for key, value in bounds.items() if kind == "slider" or draw(st.booleans())}
    type_ = draw(st.sampled_from(["text", "email", "date", "time", "color", "url"])) if kind == "text" else ""
    longest = draw(st.none() | st.integers(1, 9)) if kind in ("text", "textarea") and type_ in ("text", "") else None
    return Control(
        number,
        kind,
        draw(st.sampled_from(["", "Yes", 'say "x"'])),
        options=labels if kind == "select" else (),
        indexes=tuple(range(len(labels))) if kind == "select" else (),
        multiple=kind == "select" and draw(st.booleans()),
        type=type_,
        max_length=longest,
        **{**flags, "submits": kind == "button" and flags["submits"]},
        **drags,
        **bounds,
    )


@st.composite
def scenes(draw):
    listed = [draw(controls(number)) for number in draw(st.lists(st.integers(1, 99), max_size=6, unique=True))]
    sending = sum(control.submits for control in listed) > 1
    if sending:
        listed = [Control(**{**vars(c), "chooses": c.submits}) for c in listed]
    dialogs = st.builds(Dialog, st.sampled_from(["alert", "confirm", "prompt"]), st.just("Really?"))
    return Scene("", tuple(listed), keys=draw(st.booleans()), dialog=draw(st.none() | st.none() | dialogs))


def replies(part) -> st.SearchStrategy:
    """Whatever a schema admits."""
    if "anyOf" in part:
        return st.one_of([replies(each) for each in part["anyOf"]])
    if "enum" in part:
        return st.sampled_from(part["enum"])
    kind = part["type"]
    if kind == "object":
        return st.fixed_dictionaries({name: replies(each) for name, each in part["properties"].items()})
    if kind == "array" and "enum" in part["items"]:
        return st.lists(replies(part["items"]), min_size=part.get("minItems", 0), unique=True)
    if kind == "array":
        return st.lists(replies(part["items"]), min_size=part["minItems"], max_size=part["maxItems"])
    if kind == "string" and "pattern" in part:
        return st.integers(0, 999).map(lambda seed: draw(part["pattern"], Random(seed)))
    if kind == "string":  # the schema cannot say that a field has one line only
        return st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=part.get("maxLength", 30)).filter(
            lambda text: len(text.encode("utf-16-le")) // 2 <= part.get("maxLength", 30)
        )
    if kind == "boolean":
        return st.booleans()
    if kind == "null":
        return st.none()
    low, high, step = number_grid(part)
    low = low if low is not None else (high or 0) - 1000
    plain = int if step == int(step) else float
    return st.integers(low, high if high is not None else low + 1000).map(lambda k: plain(k * step))


def checked(reply, part):
    """jsonschema's verdict, on exact decimals: multipleOf is wrong on binary fractions."""
    exact = [json.loads(json.dumps(each), parse_float=Decimal) for each in (reply, part)]
    return jsonschema.Draft202012Validator(exact[1]).is_valid(exact[0])


@settings(deadline=None)
@given(st.data())
def test_every_reply_that_the_schema_admits_is_read_and_goes_on_record_as_it_was(data):
    scene = data.draw(scenes())
    asked = schema(scene)
    jsonschema.Draft202012Validator.check_schema(asked)
    assert strict(asked) < 1000 and list(asked["properties"]) == ["reason", "actions"]
    reply = data.draw(replies(asked))
    assert checked(reply, asked)
    actions = read_actions(reply, scene)
    assert len(actions) == len(reply["actions"])
    recorded = {"reason": "", "actions": [action.as_json() for action in actions]}
    assert checked(recorded, asked), recorded
    assert read_actions(json.loads(json.dumps(recorded)), scene) == actions
    assert all(action.describe(scene) for action in actions)


ODD = [None, True, False, 0, -1, 7, 8.0, 2.5, "", "8", "x", "Austria", [], ["a", "a"], {}, 10**9, "Enter", "click"]


@settings(deadline=None)
@given(st.data())
def test_nothing_is_read_that_the_schema_does_not_admit(data):
    scene = data.draw(scenes() | st.just(EVERYTHING))
    asked = schema(scene)
    reply = data.draw(replies(asked))
    for action in reply["actions"]:
        name = data.draw(st.sampled_from(["do", "control", "value", "from", "to", "key", "seconds", "accept", "text"]))
        if data.draw(st.booleans()):
            action[name] = data.draw(st.sampled_from([*ODD, *variants(EVERYTHING)]))
        else:
            action.pop(name, None)
    try:
        actions = read_actions(reply, scene)
    except Unusable:
        return
    recorded = {"reason": "", "actions": [action.as_json() for action in actions]}
    assert checked(recorded, asked), (reply, recorded)


@settings(deadline=None)
@given(scenes(), st.integers(0, 10**6))
def test_random_replies_are_read(scene, seed):
    asked = schema(scene)
    reply = json.loads(RandomAnswers().complete(Request([], asked, seed, purpose="act")).text)
    assert read_actions(reply, scene)


@settings(deadline=None, max_examples=40)
@given(scenes(), st.integers(0, 10**6))
def test_the_grammar_admits_random_replies(scene, seed):
    asked = schema(scene)
    reply = json.loads(RandomAnswers().complete(Request([], asked, seed, purpose="act")).text)
    for action in reply["actions"]:
        if isinstance(action.get("value"), float):
            return  # which the grammar writes with all their decimals
    assert regex(gbnf(asked)).fullmatch(json.dumps(reply, ensure_ascii=False))


# ---- what is read

GOOD = [
    ({"do": "fill", "control": 1, "value": "Ada"}, Action("fill", 1, "Ada"), 'write "Ada" into [1] text field “Name”'),
    ({"do": "fill", "control": 1, "value": ""}, Action("fill", 1, ""), 'write "" into [1] text field “Name”'),
    ({"do": "fill", "control": 2, "value": 30}, Action("fill", 2, 30), "write 30 into [2] number field “Age”"),
    ({"do": "set", "control": 3, "value": 0}, Action("set", 3, 0), "set [3] slider “Your offer” to 0"),
    ({"do": "choose", "control": 4, "value": "Spain"}, Action("choose", 4, "Spain"), None),
    ({"do": "choose", "control": 5, "value": ["c", "a"]}, Action("choose", 5, ["c", "a"]), None),
    ({"do": "choose", "control": 5, "value": []}, Action("choose", 5, []), "choose [] in [5] list “Two”"),
    ({"do": "click", "control": 8}, Action("click", 8), "click [8] button “Accept”"),
    ({"do": "press", "key": "Enter"}, Action("press", value="Enter"), "press the key Enter"),
    ({"do": "drag", "from": 6, "to": 7}, Action("drag", 6, to=7), "drag [6] item “Apple” to [7] place “Basket”"),
    ({"do": "wait", "seconds": 5}, Action("wait", value=5), "wait until something changes, at most 5 seconds"),
    ({"do": "submit"}, Action("submit"), "send the page with [10] button “Next”"),
]


@pytest.mark.parametrize(("said", "action", "words"), GOOD)
def test_actions(said, action, words):
    assert read(EVERYTHING, said) == [action] and action.as_json() == said
    assert words is None or action.describe(EVERYTHING) == words


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ({"do": "click", "control": "8"}, {"do": "click", "control": 8}),
        ({"do": "click", "control": 8.0, "value": None}, {"do": "click", "control": 8}),
        ({"do": "set", "control": 3, "value": "7"}, {"do": "set", "control": 3, "value": 7}),
        ({"do": "fill", "control": 1, "value": 12}, {"do": "fill", "control": 1, "value": "12"}),
        ({"do": "wait", "seconds": 5.0}, {"do": "wait", "seconds": 5}),
    ],
)
def test_what_is_clear_is_taken_as_it_is_meant(said, meant):
    assert [action.as_json() for action in read(EVERYTHING, said)] == [meant]


BAD = [
    ("click", "it is not an object"),
    ({}, "null cannot be done now"),
    ({"do": "hover", "control": 8}, '"hover" cannot be done now; what can be done is "fill"'),
    ({"do": ["click"]}, "cannot be done now"),
    ({"do": "answer", "accept": True}, '"answer" cannot be done now'),
    ({"do": "click"}, "there is no control null"),
    ({"do": "click", "control": 99}, "there is no control 99 on the page now"),
    ({"do": "click", "control": True}, "there is no control true"),
    ({"do": "click", "control": 9}, '"click" cannot be done with [9] button "Reject" (disabled)'),
    ({"do": "click", "control": 3}, '"click" cannot be done with [3] slider "Your offer" 0–100, at 50, but "set" can'),
    (
        {"do": "click", "control": 10},
        '"click" cannot be done with [10] button "Next" (sends the page), but "submit" can',
    ),
    ({"do": "fill", "control": 11, "value": "6"}, '"fill" cannot be done with [11]'),
    ({"do": "fill", "control": 1}, 'the value for [1] text field "Name" is missing'),
    ({"do": "fill", "control": 1, "value": "a\nb"}, "the text must be on one line"),
    ({"do": "fill", "control": 2, "value": 17}, "17 is less than 18"),
    ({"do": "fill", "control": 2, "value": "many"}, "'many' is not a whole number"),
    ({"do": "fill", "control": 2, "value": ""}, "an answer is required"),
    ({"do": "set", "control": 3, "value": 100.5}, "100.5"),
    ({"do": "choose", "control": 4, "value": "France"}, '\'France\' is not one of the options: "Austria", "Spain"'),
    ({"do": "choose", "control": 4, "value": ["Spain"]}, "is not one of the options"),
    ({"do": "choose", "control": 5, "value": "a"}, "answer with a list of the options"),
    ({"do": "press", "key": "Power"}, '"Power" is none of the keys'),
    ({"do": "drag", "from": 8, "to": 7}, '"drag" cannot be done with [8] button "Accept", but "click" can'),
    ({"do": "drag", "from": 6, "to": 8}, 'nothing can be dropped at [8] button "Accept"'),
    ({"do": "wait", "seconds": 0}, "a whole number from 1 to 300"),
    ({"do": "wait", "seconds": 301}, "a whole number from 1 to 300"),
    ({"do": "wait", "seconds": 1.5}, "a whole number from 1 to 300"),
]


@pytest.mark.parametrize(("said", "why"), BAD)
def test_what_cannot_be_done_is_said_in_words(said, why):
    text = refusal(EVERYTHING, {"do": "click", "control": 8}, said)
    assert text.startswith("Action 2: ") and why in text


@pytest.mark.parametrize("data", [{}, {"actions": None}, {"actions": {}}, {"actions": []}, {"actions": "click 8"}])
def test_replies_without_actions(data):
    with pytest.raises(Unusable, match='has no "actions"'):
        read_actions(data, EVERYTHING)


def test_every_wrong_action_is_named_and_too_many_are_refused():
    text = refusal(EVERYTHING, {"do": "click", "control": 98}, {"do": "submit"}, {"do": "click", "control": 99})
    assert "Action 1: there is no control 98" in text and "Action 3: there is no control 99" in text
    assert "7 actions, and 6 are allowed" in refusal(EVERYTHING, *[{"do": "submit"}] * 7)


@pytest.mark.parametrize(
    ("kind", "said", "words"),
    [
        ("alert", {"accept": True}, "accept the dialog"),
        ("confirm", {"accept": False}, "cancel the dialog"),
        ("prompt", {"accept": True, "text": "ten"}, 'accept the dialog with "ten"'),
        ("prompt", {"accept": False, "text": None}, "cancel the dialog"),
    ],
)
def test_answers_to_dialogs(kind, said, words):
    scene = Scene("", dialog=Dialog(kind, "How many?"))
    (action,) = read(scene, {"do": "answer", **said})
    assert action == Action("answer", value=said) and action.as_json() == {"do": "answer", **said}
    assert action.describe(scene) == words


@pytest.mark.parametrize(
    ("kind", "said"),
    [("alert", {"accept": False}), ("confirm", {"accept": 1}), ("prompt", {"accept": True, "text": 5})],
)
def test_what_answers_no_dialog(kind, said):
    assert refusal(Scene("", dialog=Dialog(kind, "How many?")), {"do": "answer", **said}).startswith("Action 1: ")


def test_actions_on_what_is_gone_can_still_be_told():
    assert Action("click", 77).describe(Scene("")) == "click [77]"
    assert Action("submit").describe(Scene("")) == "send the page"


# ---- size


def test_large_pages():
    tiles = tuple(Control(n, "area", f"tile {n}") for n in range(1, 201))
    asked = schema(Scene("", (*tiles, NEXT), keys=True))
    assert len(json.dumps(asked)) < 4000 and len(gbnf(asked)) < 4000
    assert strict(asked) < 1000  # OpenAI's limit for all enums together


def test_the_schema_is_an_object_schema():
    asked = schema(EVERYTHING)
    assert asked == object_schema(**asked["properties"])
