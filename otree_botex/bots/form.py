"""A page's form without its HTML: its fields as a JSON Schema, and a model's answers as the data a browser would send.

Pure: values in, values out. What a form refuses is said in words, so that it can be given back to the model.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal, InvalidOperation
from typing import Any, Literal

Kind = Literal["integer", "number", "text", "choice", "choices", "tick", "button"]

NUMBER = re.compile(r"-?\d+([.,]\d+)?")
REASON_LENGTH = 400


class Refusal(Exception):
    """An answer that the form does not take. `str(refusal)` says why, to the model."""


@dataclass(frozen=True)
class Option:
    """One thing that can be chosen: the label a participant reads, and what the browser sends for it."""

    label: str
    value: str
    name: str = ""
    """The name it is sent under where it differs from the field's: buttons may each have their own."""


@dataclass(frozen=True)
class Field:
    """One thing a page asks for.

    `key` is what the model calls it (q1, q2 …): the `name` in the form is not visible to a participant, and may give
    away what an experiment is about. `value` is what already stands in it.
    """

    key: str
    name: str
    kind: Kind
    label: str = ""
    required: bool = True
    options: tuple[Option, ...] = ()
    minimum: Decimal | None = None
    maximum: Decimal | None = None
    decimals: int = 0
    max_length: int | None = None
    pattern: str = ""
    value: str = ""

    def schema(self) -> dict[str, Any]:
        """The JSON Schema of an answer to this field. An optional one may be null."""
        schema: dict[str, Any]
        if self.kind in ("choice", "button"):
            schema = {"type": "string", "enum": [option.label for option in self.options]}
        elif self.kind == "choices":
            items = {"type": "string", "enum": [option.label for option in self.options]}
            schema = {"type": "array", "items": items, "uniqueItems": True}
            if self.required:
                schema["minItems"] = 1
            return schema
        elif self.kind == "tick":
            # a browser does not send a form whose required box is not ticked: there is one answer only
            return {"type": "boolean", "enum": [True]} if self.required else {"type": "boolean"}
        elif self.kind == "text":
            schema = {"type": "string"}
            if self.required:
                schema["minLength"] = 1
            if self.max_length is not None:
                schema["maxLength"] = self.max_length
        else:
            schema = self._number_schema()
        return schema if self.required else {"anyOf": [schema, {"type": "null"}]}

    def _number_schema(self) -> dict[str, Any]:
        number = int if self.kind == "integer" else float
        schema: dict[str, Any] = {"type": self.kind}
        if self.minimum is not None:
            schema["minimum"] = number(self.minimum)
        if self.maximum is not None:
            schema["maximum"] = number(self.maximum)
        if self.kind == "number":
            schema["multipleOf"] = float(Decimal(1).scaleb(-self.decimals))
        return schema

    def describe(self) -> str:
        """What a participant sees of the control itself, in a few words, for the text of the page."""
        if self.kind == "choice":
            what = "choose one"
        elif self.kind == "choices":
            what = "choose any"
        elif self.kind == "button":
            what = "press one"
        elif self.kind == "tick":
            what = "tick box, must be ticked (true) to go on" if self.required else "tick box, true or false"
        elif self.kind == "text":
            what = "text"
        else:
            what = "whole number" if self.kind == "integer" else "number"
            what += _bounds(self.minimum, self.maximum)
        if not self.required and self.kind not in ("tick", "choices"):
            what += ", may be left empty (null)"
        if self.value and self.kind in ("integer", "number", "text"):
            what += f', now "{self.value}"'
        return what

    def entries(self, answer: Any) -> list[tuple[str, str]]:
        """What a browser would send for this answer. Raises Refusal, as a browser would before sending."""
        if self.kind == "tick":
            return self._tick(answer)
        if self.kind == "choices":
            return [(self.name, self._option(label).value) for label in self._list(answer)]
        if answer is None or answer == "":
            if self.required:
                raise Refusal("an answer is required")
            return [] if self.kind == "button" else [(self.name, self.value)]
        if self.kind in ("choice", "button"):
            option = self._option(answer)
            return [(option.name or self.name, option.value)]
        if self.kind == "text":
            return [(self.name, self._text(answer))]
        return [(self.name, self._number(answer))]

    def _tick(self, answer: Any) -> list[tuple[str, str]]:
        if not isinstance(answer, bool):
            raise Refusal("answer true or false")
        if self.required and not answer:
            raise Refusal("this box must be ticked to go on")
        return [(self.name, self.options[0].value)] if answer else []

    def _list(self, answer: Any) -> list[Any]:
        if not isinstance(answer, list):
            raise Refusal("answer with a list of the options")
        if self.required and not answer:
            raise Refusal("choose at least one option")
        return [option.label for option in self.options if option.label in answer] + [
            label for label in answer if label not in {option.label for option in self.options}
        ]

    def _option(self, label: Any) -> Option:
        for option in self.options:
            if option.label == label or (not isinstance(label, str) and option.label == _plain(label)):
                return option
        labels = ", ".join(f'"{option.label}"' for option in self.options)
        raise Refusal(f"{_plain(label)!r} is not one of the options: {labels}")

    def _text(self, answer: Any) -> str:
        text = _plain(answer)
        if self.max_length is not None and len(text) > self.max_length:
            raise Refusal(f"the text has {len(text)} characters, at most {self.max_length} are allowed")
        if self.pattern and not re.fullmatch(self.pattern, text):
            raise Refusal("the text does not have the form that is asked for")
        return text

    def _number(self, answer: Any) -> str:
        said = _plain(answer).strip()
        kind = "a whole number" if self.kind == "integer" else "a number"
        if isinstance(answer, bool) or not NUMBER.fullmatch(said):
            raise Refusal(f"{said!r} is not {kind}")
        try:
            number = Decimal(said.replace(",", "."))
        except InvalidOperation:
            raise Refusal(f"{said!r} is not {kind}") from None
        if self.kind == "integer" and number != int(number):
            raise Refusal(f"{said!r} is not {kind}")
        if self.minimum is not None and number < self.minimum:
            raise Refusal(f"{said} is less than {self.minimum}")
        if self.maximum is not None and number > self.maximum:
            raise Refusal(f"{said} is more than {self.maximum}")
        return str(int(number)) if number == int(number) else format(number.normalize(), "f")


@dataclass(frozen=True)
class Form:
    """What a page lets a participant send.

    `fixed` are the entries that go with it whatever is answered (hidden inputs, the only button's name and value).
    """

    action: str = ""
    fields: tuple[Field, ...] = ()
    fixed: tuple[tuple[str, str], ...] = ()
    buttons: tuple[str, ...] = ()

    def field(self, key: str) -> Field:
        """The field of this key. Raises KeyError."""
        for candidate in self.fields:
            if candidate.key == key:
                return candidate
        raise KeyError(key)

    def requiring(self, keys: Collection[str]) -> Form:
        """The same form, in which these fields may not be left empty."""
        return replace(self, fields=tuple(replace(f, required=f.required or f.key in keys) for f in self.fields))

    def schema(self) -> dict[str, Any]:
        """The JSON Schema of one decision: the reason first, then the answers."""
        answers = {candidate.key: candidate.schema() for candidate in self.fields}
        return _object(reason={"type": "string", "maxLength": REASON_LENGTH}, answers=_object(**answers))

    def fill(self, answers: Mapping[str, Any]) -> Filled:
        """The data a browser would send for these answers, or what is wrong with them, by key."""
        entries = list(self.fixed)
        refused = {key: "there is no such field" for key in answers if key not in {f.key for f in self.fields}}
        for candidate in self.fields:
            if candidate.key not in answers:
                refused[candidate.key] = "the answer is missing"
                continue
            try:
                entries += candidate.entries(answers[candidate.key])
            except Refusal as refusal:
                refused[candidate.key] = str(refusal)
        return Filled([] if refused else entries, refused)

    def untouched(self) -> list[tuple[str, str]]:
        """What a browser would send if the participant had touched nothing, and pressed no button."""
        return self.partly({})

    def partly(self, answers: Mapping[str, Any]) -> list[tuple[str, str]]:
        """The same with those of the answers filled in that the form takes."""
        entries = list(self.fixed)
        for candidate in self.fields:
            try:
                entries += candidate.entries(answers[candidate.key])
            except (KeyError, Refusal):
                entries += [(candidate.name, candidate.value)] if candidate.value or candidate.kind == "text" else []
        return entries

    def questions(self) -> str:
        """What the form asks for, a line each."""
        lines = []
        for candidate in self.fields:
            options = "; ".join(f'"{option.label}"' for option in candidate.options)
            label = f" ({candidate.label})" if candidate.label else ""
            lines.append(f"{candidate.key}{label}: {candidate.describe()}{': ' if options else ''}{options}")
        return "\n".join(lines)


@dataclass(frozen=True)
class Filled:
    """A filled-in form: `entries` to send, or `refused` reasons by field key. `action` is where to, if not where the
    form itself says."""

    entries: list[tuple[str, str]] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    action: str = ""


def _object(**properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _plain(value: Any) -> str:
    """An answer as text: numbers as they are written, nothing else changed."""
    if isinstance(value, float):
        return format(Decimal(repr(value)), "f")
    return value if isinstance(value, str) else str(value)


def _bounds(minimum: Decimal | None, maximum: Decimal | None) -> str:
    if minimum is not None and maximum is not None:
        return f", {minimum} to {maximum}"
    if minimum is not None:
        return f", at least {minimum}"
    return f", at most {maximum}" if maximum is not None else ""
