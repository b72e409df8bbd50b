"""The model `random`: answers drawn at random, for trying an experiment out without any language model."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from decimal import Decimal, InvalidOperation
from itertools import combinations, islice, product
from random import Random
from typing import Any

from ..errors import ModelError
from . import ACT, ACT_AGAIN, LLM, Completion, ModelOptions, Request, Schema
from .formats import draw
from .grammar import number_grid

REASON = "Drawn at random."
"""What stands for a reason, and for notes."""
NULL_SHARE = 0.2
"""How often an answer that may be left out is left out."""

OPEN_RANGE = 100
"""The width of the range that numbers are drawn from where one or both bounds are missing."""

WORDS = "amber bell cloud dune ember field grove harbor island juniper kite lantern meadow north orchard pebble".split()
LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

MOST_ACTIONS = 4
"""So many controls of a page are used at most in one list of actions."""
SUBMIT_SHARE, ASIDE_SHARE, ACCEPT_SHARE = 0.5, 0.15, 0.9
"""How often a list of actions ends with sending the page; how often there is a wait among them, or a key that is
pressed; and how often a dialog is accepted."""
LONGEST_WAIT = 3

_NOTHING = object()  # what a draw gives when every valid value has been refused


class RandomAnswers(LLM):
    """A model that draws valid answers without reading the messages."""

    context_tokens: int | None = None

    def __init__(self, options: ModelOptions | None = None) -> None:
        self._seeded = bool(options and options.seeded)

    def complete(self, request: Request) -> Completion:
        """Draws a reply that satisfies the schema; the same seed and request give the same reply.

        Answers in `request.refused` are not drawn again as long as there is another valid one. Raises ModelError if
        no answer to a field is valid.
        """
        rng = Random(request.seed)
        reply = {name: _part(name, schema, rng, request) for name, schema in request.schema["properties"].items()}
        return Completion(text=json.dumps(reply, ensure_ascii=False), model="random", cost=0.0, mode="random")

    def count_tokens(self, text: str) -> int:
        """None are taken."""
        return 0

    def about(self) -> dict[str, Any]:
        unseeded = "No seed was set, so the answers are drawn anew each time."
        return {
            "provider": "otree-botex",
            "host": "",
            "file": None,
            "sent": {},
            "dropped": {},
            "deterministic": "yes" if self._seeded else unseeded,
            "context_tokens": None,
        }


def _part(name: str, schema: Schema, rng: Random, request: Request) -> Any:
    """One of the parts that a reply has."""
    if name in ("reason", "notes"):
        return REASON[: schema.get("maxLength")]
    if name == "remark":
        return ""
    if name == "actions" and request.purpose in (ACT, ACT_AGAIN):
        return _draw_actions(schema, rng, has_acted=request.purpose == ACT_AGAIN)
    return _draw(name, schema, rng, request)


def _draw(name: str, schema: Schema, rng: Random, request: Request) -> Any:
    """A value for the field of this name, or for all fields of an object."""
    if schema.get("type") == "object":
        return {inner: _draw(inner, field, rng, request) for inner, field in schema["properties"].items()}
    for refused in (request.refused.get(name, ()), ()):
        value = _fresh(schema, rng, refused)
        if value is not _NOTHING:
            return value
    raise ModelError(f"No answer to the field {name!r} is valid, so none can be drawn.")


def _draw_actions(schema: Schema, rng: Random, has_acted: bool) -> list[dict[str, Any]]:
    """What to do on a page: something with a few of its controls, each as likely as any other, then perhaps sending it.
    Where there are none, a key is pressed, or the page is sent, or there is a wait. Who has acted there before may also
    do no more than send it."""
    ways: dict[Any, list[Schema]] = {}  # by the control they are about
    others: dict[str, Schema] = {}
    for action in schema["items"].get("anyOf", [schema["items"]]):
        about = next((name for name in ("control", "from") if name in action["properties"]), None)
        if about is None:
            others[action["properties"]["do"]["enum"][0]] = action
        for number in action["properties"][about]["enum"] if about else ():
            ways.setdefault(number, []).append(_about(action, about, number))
    if "answer" in others:
        return [_draw_action(others["answer"], rng)]
    if has_acted and "submit" in others and rng.random() < SUBMIT_SHARE / 2:
        return [_draw_action(others["submit"], rng)]
    count = min(rng.randint(1, MOST_ACTIONS), schema["maxItems"] - 2)  # there may be an aside, and "submit"
    actions = [_draw_action(rng.choice(ways[number]), rng) for number in rng.sample(list(ways), min(count, len(ways)))]
    if not ways and "press" in others:
        actions = [_draw_action(others["press"], rng) for _ in range(count)]
    asides = [others[name] for name in ("press", "wait") if name in others]
    if actions and rng.random() < ASIDE_SHARE:
        actions.insert(rng.randint(0, len(actions)), _draw_action(rng.choice(asides), rng))
    if "submit" in others and rng.random() < SUBMIT_SHARE:
        actions.append(_draw_action(others["submit"], rng))
    return actions or [_draw_action(others["wait"], rng)]


def _about(action: Schema, name: str | None, number: int) -> Schema:
    """An action of this control."""
    properties = {**action["properties"], name: {"type": "integer", "enum": [number]}}
    if name == "from" and (targets := [to for to in properties["to"]["enum"] if to != number]):
        properties["to"] = {"type": "integer", "enum": targets}
    return {"properties": properties}


def _draw_action(action: Schema, rng: Random) -> dict[str, Any]:
    drawn = {name: _fresh(field, rng, ()) for name, field in action["properties"].items()}
    if _NOTHING in drawn.values():
        raise ModelError(f"No action of the kind {drawn['do']!r} is valid, so none can be drawn.")
    if drawn["do"] == "wait":
        drawn["seconds"] = rng.randint(1, LONGEST_WAIT)
    if drawn["do"] == "answer":
        drawn["accept"] = "enum" in action["properties"]["accept"] or rng.random() < ACCEPT_SHARE
    return drawn


def _fresh(schema: Schema, rng: Random, refused: Sequence[Any]) -> Any:
    """A value that satisfies the schema and is not among the refused ones, or _NOTHING."""
    if "anyOf" in schema:
        null_first = rng.random() < NULL_SHARE
        branches = sorted(schema["anyOf"], key=lambda branch: (branch.get("type") == "null") != null_first)
        values = (_fresh(branch, rng, refused) for branch in branches)
        return next((value for value in values if value is not _NOTHING), _NOTHING)
    kind = schema.get("type")
    if "enum" in schema or kind in ("boolean", "null"):
        options = schema["enum"] if "enum" in schema else [None] if kind == "null" else [True, False]
        options = [option for option in options if option not in refused]
        return rng.choice(options) if options else _NOTHING
    if kind in ("integer", "number"):
        return _fresh_number(schema, rng, refused)
    if kind == "array":
        return _fresh_array(schema, rng, refused)
    if kind == "string":
        return _fresh_string(schema, rng, refused)
    raise ModelError(f"A value of type {kind!r} cannot be drawn.")


def _fresh_number(schema: Schema, rng: Random, refused: Sequence[Any]) -> Any:
    low, high, step = number_grid(schema)
    width = int(OPEN_RANGE / step) + len(refused)  # so that an open range cannot be used up
    if low is None:
        low = 0 if high is None or high > len(refused) else high - width
    if high is None:
        high = low + width
    taken = sorted({k for k in (_multiple(value, step) for value in refused) if k is not None and low <= k <= high})
    if high - low + 1 <= len(taken):
        return _NOTHING
    # Uniform over the values left: draw one's rank among them and step over the taken ones before it.
    k = low + rng.randrange(high - low + 1 - len(taken))
    for other in taken:
        k += other <= k
    number = k * step
    return int(number) if step == step.to_integral_value() else float(number)


def _multiple(value: Any, step: Decimal) -> int | None:
    """How many steps a value is, or None if it is no number on the grid."""
    try:
        steps = Decimal(str(value)) / step
        return int(steps) if steps == steps.to_integral_value() else None
    except (InvalidOperation, ValueError, OverflowError):
        return None


def _fresh_array(schema: Schema, rng: Random, refused: Sequence[Any]) -> Any:
    """Some of the options, in their order. The same options in another order are the same answer."""
    options = schema["items"]["enum"]
    least = schema.get("minItems", 0)
    most = min(schema.get("maxItems", len(options)), len(options))
    if least > most:
        return _NOTHING
    known = [set(value) for value in refused if isinstance(value, list | tuple)]
    drawn = (sorted(rng.sample(range(len(options)), rng.randint(least, most))) for _ in range(20))
    every = (chosen for size in range(least, most + 1) for chosen in combinations(range(len(options)), size))
    for chosen in (*drawn, *islice(every, len(known) + 1)):
        values = [options[i] for i in chosen]
        if set(values) not in known:
            return values
    return _NOTHING


def _fresh_string(schema: Schema, rng: Random, refused: Sequence[Any]) -> Any:
    if "pattern" in schema:
        drawn = (draw(schema["pattern"], rng) for _ in range(20 + len(refused)))
        return next((text for text in drawn if text not in refused), _NOTHING)
    shortest = schema.get("minLength", 0)
    longest = schema.get("maxLength", max(shortest, 300))
    if shortest > longest:
        return _NOTHING
    drawn = (_words(rng, shortest, longest) for _ in range(20))
    every = islice(_every_string(shortest, longest), len(refused) + 1)
    return next((text for source in (drawn, every) for text in source if text not in refused), _NOTHING)


def _words(rng: Random, shortest: int, longest: int) -> str:
    text = " ".join(rng.choices(WORDS, k=rng.randint(1, 4)))
    while len(text) < shortest:
        text += " " + rng.choice(WORDS)
    text = text[:longest]
    return text[:-1] + "s" if text.endswith(" ") else text


def _every_string(shortest: int, longest: int) -> Iterator[str]:
    for length in range(max(shortest, 1), longest + 1):
        yield from map("".join, product(LETTERS, repeat=length))
    if shortest == 0:
        yield ""
