"""Turns a reply's JSON Schema into a GBNF grammar, so that llama.cpp can only write replies that satisfy it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any

from . import Schema
from .formats import gbnf_of

DEFAULT_STRING = 300
"""The most characters of a string whose schema sets no maxLength."""

LONGEST_STRING = 1900
"""The most characters of any string: from 2000 on llama.cpp refuses a repetition, or silently takes it for endless."""

OPEN_DIGITS = 9
"""An integer part without a bound may have this many digits (one more than the other bound, where that has more)."""

# A character of a JSON string. Control characters have no place in an answer and would be invalid JSON. `\u` escapes
# are left out: whatever they can say may be written as it is, and half of a surrogate pair breaks every database.
CHAR = r'[^"\\\x00-\x1F\x7F-\x9F\uD800-\uDFFF] | "\\" ["\\/nrt]'

# One optional space after ":" and ","; more would let a small model go on with spaces until its tokens run out.
SPACE = '" "?'


def gbnf(schema: Schema) -> str:
    """A grammar in llama.cpp's GBNF whose root admits the JSON texts that satisfy `schema`.

    Keys stand in the schema's order, all of them; numbers keep exactly to their bounds and always show all their
    decimals; of an array's options each may be taken once, in their order, while its objects may come as they like.
    Narrower than the schema only where numbers or strings are endless (see the constants above) or a string is longer
    than LONGEST_STRING; wider only where a number's step is no power of ten: then all its decimals are admitted.

    Raises ValueError for a schema that nothing satisfies or that is of no kind our forms make.

    Method: written here; ranges of numbers are split by digits as `_build_min_max_int` does in
    llama.cpp's examples/json_schema_to_grammar.py (MIT), which however lets bounds on decimals pass unchecked.
    """
    grammar = _Grammar()
    grammar.rules["root"] = grammar.value(schema)
    return "\n".join(f"{name} ::= {body}" for name, body in grammar.rules.items()) + "\n"


def number_grid(schema: Schema) -> tuple[int | None, int | None, Decimal]:
    """The numbers a schema admits, as (lowest, highest, step): k * step for each integer k from lowest to highest.

    None stands for a missing bound. Integers have step 1; other numbers without `multipleOf` have two decimals, or as
    many as their bounds have.
    """
    low, high = (None if schema.get(key) is None else Decimal(str(schema[key])) for key in ("minimum", "maximum"))
    if "multipleOf" in schema:
        step = Decimal(str(schema["multipleOf"]))
    elif schema["type"] == "integer":
        step = Decimal(1)
    else:
        step = Decimal(1).scaleb(-max(2, *(_decimals(bound) for bound in (low, high) if bound is not None), 0))
    return (
        None if low is None else int((low / step).to_integral_value(ROUND_CEILING)),
        None if high is None else int((high / step).to_integral_value(ROUND_FLOOR)),
        step,
    )


class _Grammar:
    """The rules of one grammar while it is built. Each method returns the expression of one kind of value."""

    def __init__(self) -> None:
        self.rules = {"root": "", "char": CHAR}

    def value(self, schema: Schema) -> str:
        if "anyOf" in schema:
            return _either([self.value(branch) for branch in schema["anyOf"]])
        if "enum" in schema:
            return _either(_options(schema["enum"]))
        kind = schema.get("type")
        if kind == "object":
            return self.object(schema["properties"])
        if kind == "array":
            return self.array(schema) if "enum" in schema["items"] else self.list(schema)
        if kind == "string" and "pattern" in schema:
            return rf'"\"" {gbnf_of(schema["pattern"])} "\""'
        if kind == "string":
            return self.string(schema.get("minLength", 0), schema.get("maxLength", DEFAULT_STRING))
        if kind in ("integer", "number"):
            return _number(schema)
        if kind == "boolean":
            return _either(['"true"', '"false"'])
        if kind == "null":
            return '"null"'
        raise ValueError(f"No grammar can be made for a value of type {kind!r}.")

    def object(self, properties: Schema) -> str:
        members = [f"{_quoted(json.dumps(key, ensure_ascii=False) + ':')} {SPACE} {self.value(schema)}"
                   for key, schema in properties.items()]  # fmt: skip
        return " ".join(['"{"', f' "," {SPACE} '.join(members), '"}"'])

    def string(self, shortest: int, longest: int) -> str:
        longest = min(longest, LONGEST_STRING)
        if shortest > longest:
            raise ValueError(f"No grammar can be made for a string of {shortest} to {longest} characters.")
        return rf'"\"" char{{{shortest},{longest}}} "\""'

    def array(self, schema: Schema) -> str:
        """A subset of the items' options, each at most once, in their order.

        The rule `name-i-m` says what may follow once an item has been taken, options i and after are still to be
        had, and m more of them must come.
        """
        options = [_literal(option) for option in dict.fromkeys(schema["items"]["enum"])]
        least, count, name = schema.get("minItems", 0), len(options), f"pick{len(self.rules)}"
        if least > count:
            raise ValueError(f"No {least} different items can be taken from {count}.")

        def take(i: int, still: int) -> str:
            return f"{options[i]} {name}-{i + 1}-{max(still - 1, 0)}"

        for still in range(max(least, 1)):
            for i in range(1, count - still):
                self.rules[f"{name}-{i}-{still}"] = f'"," {SPACE} {take(i, still)} | {name}-{i + 1}-{still}'
            if count > still > 0:  # all that are left must come
                i = count - still
                self.rules[f"{name}-{i}-{still}"] = f'"," {SPACE} {take(i, still)}'
        self.rules[f"{name}-{count}-0"] = '""'
        first = _either([take(i, least) for i in range(count - max(least, 1) + 1)] or ['""'])
        return f'"[" {first if least else f"({first})?"} "]"'

    def list(self, schema: Schema) -> str:
        """Items of any kind, one after the other. They have a rule of their own: llama.cpp copies what is repeated."""
        least, most = schema.get("minItems", 0), schema.get("maxItems")
        if most is not None and most < max(least, 1):
            raise ValueError(f"No grammar can be made for a list of {least} to {most} items.")
        name = f"item{len(self.rules)}"
        self.rules[name] = ""
        self.rules[name] = self.value(schema["items"])
        more = f'("," {SPACE} {name}){{{max(least - 1, 0)},{"" if most is None else most - 1}}}'
        items = f"{name} {more}" if most != 1 else name
        return f'"[" {items} "]"' if least else f'"[" ({items})? "]"'


def _number(schema: Schema) -> str:
    low, high, step = number_grid(schema)
    decimals = _decimals(step)
    if step != (unit := Decimal(1).scaleb(-decimals)):
        low, high = (None if bound is None else int(bound * step / unit) for bound in (low, high))
    if low is None:
        low = -_open_end(max(-(high or 0), 0), decimals)
    if high is None:
        high = _open_end(max(low, 0), decimals)
    if low > high:
        raise ValueError(f"No number lies between {schema.get('minimum')} and {schema.get('maximum')}.")
    ways = _magnitudes(max(low, 0), high, decimals)
    if low < 0:  # from 1 on: there is no "-0"
        ways += ['"-" ' + _either(_magnitudes(max(-high, 1), -low, decimals))]
    return _either(ways)


def _open_end(bound: int, decimals: int) -> int:
    """The largest magnitude admitted where one bound is missing; `bound` is the magnitude of the other one."""
    return int(10 ** (max(OPEN_DIGITS, len(str(bound)) - decimals + 1) + decimals)) - 1


def _magnitudes(low: int, high: int, decimals: int) -> list[str]:
    """Expressions for the integers low to high (none negative), written with a dot before the last `decimals` digits:
    one expression for each number of digits."""
    ways = []
    width = max(len(str(low)), decimals + 1)
    while low <= high:
        top = min(high, 10**width - 1)
        ways.append(_between(str(low).zfill(width), str(top), decimals))
        low, width = top + 1, width + 1
    return ways


def _between(low: str, high: str, decimals: int) -> str:
    """An expression for the digit strings from low to high, both as wide as each other."""
    high = high.zfill(len(low))
    rest = len(low) - 1
    dot = '"." ' if decimals and len(low) == decimals else ""
    zeros, nines = "0" * rest, "9" * rest
    if low[0] == high[0]:
        tail = f" {_between(low[1:], high[1:], decimals)}" if rest else ""
        return f'{dot}"{low[0]}"{tail}'
    first, last = int(low[0]), int(high[0])
    ways = []
    if low[1:] != zeros:  # the lowest first digit leaves only part of what may follow it, and so does the highest
        ways.append(f'{dot}"{first}" {_between(low[1:], nines, decimals)}')
        first += 1
    if high[1:] != nines:
        ways.append(f'{dot}"{last}" {_between(zeros, high[1:], decimals)}')
        last -= 1
    if first <= last:
        ways.append(f"{dot}[{first}-{last}]{_any_digits(rest, decimals)}")
    return _either(ways)


def _any_digits(count: int, decimals: int) -> str:
    whole, part = max(count - decimals, 0), min(count, decimals)
    text = f" [0-9]{{{whole}}}" if whole else ""
    text += ' "."' if decimals and count >= decimals else ""
    return text + (f" [0-9]{{{part}}}" if part else "")


def _decimals(number: Decimal) -> int:
    exponent = number.normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def _either(ways: Sequence[str]) -> str:
    if not ways:
        raise ValueError("There is nothing to choose from.")
    return ways[0] if len(ways) == 1 else f"({' | '.join(ways)})"


def _options(options: Sequence[Any]) -> list[str]:
    """Expressions for these values. Numbers that follow each other are one range, as llama.cpp is slow where it has
    hundreds of ways on."""
    numbers = sorted({option for option in options if type(option) is int and option >= 0})
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    others = [_literal(option) for option in dict.fromkeys(options) if type(option) is not int or option < 0]
    return [way for low, high in runs for way in _magnitudes(low, high, 0)] + others


def _literal(value: Any) -> str:
    return _quoted(json.dumps(value, ensure_ascii=False))


def _quoted(text: str) -> str:
    """A text as a GBNF literal. JSON has already escaped the control characters in it."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
