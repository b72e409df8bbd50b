"""One field of a form: what a participant is asked for, the JSON Schema of an answer, and what a browser would send."""

from __future__ import annotations

import json
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

from ..llm.formats import schema_of
from .answers import Refusal, length, matches, number, plain, written
from .entries import Entry, Option
from .moments import HOW, TIMED, to_number, to_text, well_formed

Kind = Literal["integer", "number", "text", "choice", "choices", "tick", "button"]

FEW = 200
"""Up to so many values that a field takes are given to the model as a list, where a step leaves gaps between them."""


@dataclass(frozen=True)
class Field:
    """One thing a page asks for.

    `key` is what the model calls it (q1, q2 …): the `name` in the form is not visible to a participant, and may give
    away what an experiment is about. `value` is what already stands in it, `blank` what a select sends while nothing is
    chosen; `format` the form its text has to have
    ("date", "email" …), whose bounds and steps are numbers as in moments.py; `unit` what stands beside it; `advice`
    what the browser adds when the text does not match `pattern`; `owner` the form it belongs to, with `only_with`
    naming its button where a page has several forms.
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
    step: Decimal | None = None
    base: Decimal = Decimal(0)
    min_length: int = 0
    max_length: int | None = None
    pattern: str = ""
    advice: str = ""
    format: str = ""
    value: str = ""
    blank: str | None = None
    placeholder: str = ""
    suggestions: tuple[str, ...] = ()
    unit: str = ""
    lines: bool = False
    place: int = 0
    owner: int = 0
    only_with: str = ""

    def schema(self) -> dict[str, Any]:
        """The JSON Schema of an answer to this field. An optional one may be null."""
        labels = [option.label for option in self.options]
        if self.kind == "choices":
            items = {"type": "string", "enum": labels}
            at_least = {"minItems": 1} if self.required else {}
            return {"type": "array", "items": items, "uniqueItems": True, **at_least}
        if self.kind == "tick":
            # a browser does not send a form whose required box is not ticked: there is one answer only
            return {"type": "boolean", "enum": [True]} if self.required else {"type": "boolean"}
        if self.kind in ("choice", "button"):
            schema: dict[str, Any] = {"type": "string", "enum": labels}
        elif self.kind == "text":
            schema = self._text_schema()
        else:
            schema = self._number_schema()
        return schema if self.required else {"anyOf": [schema, {"type": "null"}]}

    def _text_schema(self) -> dict[str, Any]:
        if self.format in TIMED and (values := self._few_values()):
            return {"type": "string", "enum": [to_text(self.format, int(value)) for value in values]}
        if self.format:
            return dict(schema_of(self.format, *self._years()))
        schema: dict[str, Any] = {"type": "string"}
        if self.required or self.min_length:
            schema["minLength"] = max(self.min_length, 1)
        if self.max_length is not None:
            schema["maxLength"] = self.max_length
        return schema

    def _years(self) -> list[int | None]:
        bounds = (self.minimum, self.maximum) if self.format in TIMED and self.format != "time" else (None, None)
        return [None if bound is None else int(to_text(self.format, int(bound))[:4]) for bound in bounds]

    def _number_schema(self) -> dict[str, Any]:
        to_json = int if self.kind == "integer" else float
        if self.step is not None and self.step != Decimal(1).scaleb(-self.decimals) and (values := self._few_values()):
            return {"type": self.kind, "enum": [to_json(value) for value in values]}
        schema: dict[str, Any] = {"type": self.kind}
        if self.minimum is not None:
            schema["minimum"] = to_json(self.minimum)
        if self.maximum is not None:
            schema["maximum"] = to_json(self.maximum)
        if self.kind == "number":
            schema["multipleOf"] = float(Decimal(1).scaleb(-self.decimals))
        return schema

    def _few_values(self) -> list[Decimal]:
        """All values that bounds and step leave, if they are few."""
        if self.step is None or self.minimum is None or self.maximum is None:
            return []
        first = self.minimum + (self.base - self.minimum) % self.step
        first += self.step if first < self.minimum else 0
        count = int((self.maximum - first) // self.step) + 1
        return [first + self.step * index for index in range(count)] if 0 < count <= FEW else []

    def describe(self) -> str:
        """What a participant sees of the control itself, in a few words, for the text of the page."""
        if self.kind == "choice":
            what = "choose one"
        elif self.kind == "choices":
            what = "choose any" + (", at least one" if self.required else "")
        elif self.kind == "button":
            what = "press one"
        elif self.kind == "tick":
            what = "tick box, must be ticked (true) to go on" if self.required else "tick box, true or false"
            what += ", now ticked" if self.options and self.options[0].chosen else ""
        elif self.kind == "text":
            what = (HOW[self.format] if self.format else "text") + self._bounds()
        else:
            what = ("whole number" if self.kind == "integer" else "number") + self._bounds()
            if self.step is not None and self.step != Decimal(1).scaleb(-self.decimals):
                what += f", in steps of {written(self.step)}"
        if self.suggestions:
            what += ", suggestions: " + ", ".join(f'"{suggestion}"' for suggestion in self.suggestions)
        if not self.required and self.kind not in ("tick", "choices"):
            what += f", may be left {'as it is' if self._is_preset else 'empty'} (null)"
        if self.value and self.kind in ("integer", "number", "text"):
            what += f", now {json.dumps(self.value, ensure_ascii=False)}"
        elif self.placeholder:
            what += f', hint "{self.placeholder}"'
        return what + (f', sent with "{self.only_with}" only' if self.only_with else "")

    @property
    def _is_preset(self) -> bool:
        return bool(self.value) or any(option.chosen for option in self.options)

    def _bounds(self) -> str:
        low, high = (
            None if bound is None else to_text(self.format, int(bound)) if self.format in TIMED else f"{bound}"
            for bound in (self.minimum, self.maximum)
        )
        if low is not None and high is not None:
            return f", {low} to {high}"
        if low is not None:
            return f", at least {low}"
        return f", at most {high}" if high is not None else ""

    def untouched(self) -> list[Entry]:
        """What a browser sends for the field as it stands when the page opens."""
        if self.kind == "button":
            return []
        if self.kind in ("choice", "choices", "tick"):
            chosen = [self._entry(option.value, option.place) for option in self.options if option.chosen]
            return chosen if chosen or self.blank is None else [self._entry(self.blank)]
        return [self._entry(self.value)]

    def entries(self, answer: Any, checks: bool = True) -> list[Entry]:
        """What a browser would send for this answer. Raises Refusal, as a browser would before sending; without
        `checks` only for what cannot be put into the control at all."""
        if self.kind == "tick":
            return self._tick(answer, checks)
        if self.kind == "choices":
            options = self._several(answer, checks)
            return [self._entry(option.value, option.place) for option in options]
        if answer is None:
            if self.required and checks:
                raise Refusal("an answer is required")
            return self.untouched()
        if self.kind == "button":
            return []
        if self.kind == "choice":
            option = self.option(answer)
            return [self._entry(option.value, option.place)]
        if answer == "":
            if self.required and checks:
                raise Refusal("an answer is required")
            return [self._entry("")]
        return [self._entry(self._text(answer, checks) if self.kind == "text" else self._number(answer, checks))]

    def _entry(self, value: str, place: int | None = None) -> Entry:
        return Entry(self.place if place is None else place, self.name, value, self.owner)

    def option(self, label: Any) -> Option:
        """The option of this label. Raises Refusal if there is none."""
        for option in self.options:
            if option.label == label or (not isinstance(label, str) and option.label == plain(label)):
                return option
        labels = ", ".join(f'"{option.label}"' for option in self.options)
        raise Refusal(f"{plain(label)!r} is not one of the options: {labels}")

    def _tick(self, answer: Any, checks: bool) -> list[Entry]:
        if not isinstance(answer, bool):
            raise Refusal("answer true or false")
        if self.required and checks and not answer:
            raise Refusal("this box must be ticked to go on")
        option = self.options[0]
        return [self._entry(option.value, option.place)] if answer else []

    def _several(self, answer: Any, checks: bool) -> list[Option]:
        if not isinstance(answer, list):
            raise Refusal("answer with a list of the options")
        if self.required and checks and not answer:
            raise Refusal("choose at least one option")
        chosen = [self.option(label) for label in answer]
        for option in self.options:
            if option.needed and checks and option not in chosen:
                raise Refusal(f'"{option.label}" must be chosen to go on')
        return [option for option in self.options if option in chosen]

    def _text(self, answer: Any, checks: bool) -> str:
        text = plain(answer)
        if not self.lines and ("\n" in text or "\r" in text):
            raise Refusal("the text must be on one line")
        if self.format:
            return self._formatted(text.strip(), checks)
        size = length(text.replace("\r\n", "\n"))
        if self.max_length is not None and size > self.max_length:
            raise Refusal(f"the text has {size} characters, at most {self.max_length} are allowed")
        if checks:
            self._check_form(text)
            if size < self.min_length:
                raise Refusal(f"the text has {size} characters, at least {self.min_length} are asked for")
        return text

    def _formatted(self, text: str, checks: bool) -> str:
        """A date, time … or an address. A control for dates, times and colours holds nothing else."""
        free = self.format in ("email", "url")
        if not well_formed(self.format, text) and (checks or not free):
            raise Refusal(f"{text!r} is not a {HOW[self.format]}")
        if free:
            if checks:
                self._check_form(text)
            return text
        if self.format == "color":
            return text.lower()
        value = to_number(self.format, text)
        assert value is not None, "it is well formed"
        if checks:
            self._check_value(Decimal(value), text)
        return to_text(self.format, value)

    def _check_form(self, text: str) -> None:
        if self.pattern and not matches(self.pattern, text):
            raise Refusal("the text does not have the form that is asked for" + (self.advice and f": {self.advice}"))

    def _number(self, answer: Any, checks: bool) -> str:
        kind = "a whole number" if self.kind == "integer" else "a number"
        value = number(answer, self.unit, kind)
        if checks:
            if self.kind == "integer" and value != int(value):
                raise Refusal(f"{plain(answer)!r} is not {kind}")
            self._check_value(value, written(value))
        return written(value)

    def _check_value(self, value: Decimal, said: str) -> None:
        def show(bound: Decimal) -> str:
            return to_text(self.format, int(bound)) if self.format else written(bound)

        if self.minimum is not None and value < self.minimum:
            raise Refusal(f"{said} is less than {show(self.minimum)}")
        if self.maximum is not None and value > self.maximum:
            raise Refusal(f"{said} is more than {show(self.maximum)}")
        if self.step is not None and (value - self.base) % self.step:
            below = value - ((value - self.base) % self.step + self.step) % self.step
            raise Refusal(f"{said} is between two steps; the nearest are {show(below)} and {show(below + self.step)}")
