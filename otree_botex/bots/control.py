"""A control of a page in a browser: what stands at its place in the page's text, and what can be done with it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from ..llm import Schema
from .answers import written
from .entries import Option
from .field import Field
from .moments import HOW, TIMED, to_text

Kind = Literal["text", "textarea", "number", "slider", "select", "radio", "checkbox", "button", "link", "area", "file"]
Use = Literal["fill", "choose", "set", "click", "drag", "submit"]
USES: dict[Kind, Use] = {
    **{"text": "fill", "textarea": "fill", "number": "fill", "slider": "set", "select": "choose"},
    **{"radio": "click", "checkbox": "click", "button": "click", "link": "click", "area": "click"},
}
WORDS = {
    **{"text": "text field", "textarea": "text area", "number": "number field", "select": "list", "file": "file"},
    **{"slider": "slider", "button": "button", "link": "link"},
}


@dataclass(frozen=True)
class Control:
    """Something on a page that reacts to a person.

    `options` are the labels of a list that may be chosen and `indexes` their places among all that it has, `chosen`
    those that are; `minimum`, `maximum` and `step` are numbers also where `type` is that of a date or time, as in
    moments.py; `sent_as` is the name under which the page's form sends it; `submits` says that using it sends the page,
    `chooses` that it is one of several that do; `opens` that it only opens or closes something; `presses` that it
    reacts to being clicked; `outer` that other controls or a longer text stand in it.
    """

    number: int
    kind: Kind
    name: str = ""
    value: str = ""
    checked: bool = False
    disabled: bool = False
    readonly: bool = False
    options: tuple[str, ...] = ()
    indexes: tuple[int, ...] = ()
    chosen: tuple[str, ...] = ()
    multiple: bool = False
    minimum: Decimal | None = None
    maximum: Decimal | None = None
    step: Decimal | None = None
    type: str = ""
    sent_as: str = ""
    max_length: int | None = None
    hint: str = ""
    presses: bool = True
    draggable: bool = False
    takes_drops: bool = False
    submits: bool = False
    chooses: bool = False
    opens: bool = False
    outer: bool = False

    def index(self, label: str) -> int:
        """Where an option stands in its list, from 0, those counted that cannot be chosen."""
        return self.indexes[self.options.index(label)]

    @property
    def decides(self) -> bool:
        """Whether using it can be a decision, or part of one."""
        idle = (self.submits and not self.chooses) or self.opens or self.kind in ("link", "file")
        return not (idle or self.disabled or self.readonly)

    @property
    def uses(self) -> tuple[Use, ...]:
        """What can be done with it now."""
        use = USES.get(self.kind)
        if self.disabled or use is None or (self.kind == "select" and not self.options):
            return ()
        if self.submits and not self.chooses:
            use = "submit"
        elif self.readonly:  # it may open something, as a calendar
            use = "click"
        uses: tuple[Use, ...] = (use,) if self.presses else ()
        return (*uses, "drag") if self.draggable else uses

    @property
    def what(self) -> str:
        """What it is, in a word."""
        if self.kind == "radio":
            return f"({'x' if self.checked else ' '})"
        if self.kind == "checkbox":
            return f"[{'x' if self.checked else ' '}]"
        if self.kind == "area":
            return "item" if self.draggable else "place" if self.takes_drops else "thing to click"
        return WORDS[self.kind]

    @property
    def text(self) -> str:
        """What stands in the page's text at its place."""
        return self._text(f' "{self.name}"' if self.name else "")

    @property
    def unnamed(self) -> str:
        """The same, where its name can be read in what follows."""
        return self._text("")

    def _text(self, name: str) -> str:
        return f"[{self.number}] {self.what}{name}{self._bounds()}{self._notes()}{self._state()}"

    def _bounds(self) -> str:
        low, high = (self._shown(bound) for bound in (self.minimum, self.maximum))
        text = f" {low}–{high}" if low and high else f" at least {low}" if low else f" at most {high}" if high else ""
        if self.step not in (None, 1) and self.kind in ("number", "slider"):
            text += f" in steps of {self._shown(self.step)}"
        return text

    def _shown(self, number: Decimal | None) -> str:
        if number is None:
            return ""
        return to_text(self.type, int(number)) if self.type in TIMED else written(number)

    def _notes(self) -> str:
        notes = [
            (HOW.get(self.type, ""), self.kind == "text"),
            ("choose any", self.multiple),
            ("can be dragged", self.draggable),
            ("things can be dropped here", self.takes_drops and not self.draggable),
            ("sends the page", self.submits),
            ("cannot be uploaded", self.kind == "file"),
            ("cannot be changed", self.readonly and not self.disabled),
            ("disabled", self.disabled),
        ]
        told = "; ".join(note for note, holds in notes if note and holds)
        return f" ({told})" if told else ""

    def _state(self) -> str:
        if self.kind == "slider":
            return f", at {self.value}" if self.value else ""
        if self.kind == "select":
            now = f", now {_listed(self.chosen, ', ')}" if self.chosen else ""
            return f"{now}: {_listed(self.options, '; ')}" if self.options else now
        if self.kind in ("text", "textarea", "number"):
            now, hint = f", now {_quoted(self.value)}", f", hint {_quoted(self.hint)}"
            return now if self.value else hint if self.hint and self.hint != self.name else ""
        return ""

    # ---- what it takes

    @property
    def field(self) -> Field:
        """The control as the field of a form, which knows what can be answered. An empty text is an answer, too."""
        if self.kind == "select":
            options = tuple(Option(label, "") for label in self.options)
            return Field("", "", "choices" if self.multiple else "choice", required=not self.multiple, options=options)
        if self.kind in ("number", "slider"):
            return self._number()
        if self.type in HOW:
            base = self.minimum or Decimal(0)
            bounds = {"minimum": self.minimum, "maximum": self.maximum, "step": self.step, "base": base}
            return Field("", "", "text", format=self.type, **bounds)  # type: ignore[arg-type]
        lines = self.kind == "textarea"
        return Field("", "", "text", required=False, max_length=self.max_length, lines=lines)

    def _number(self) -> Field:
        low, high, step = self.minimum, self.maximum, self.step
        base = low or Decimal(0)
        whole = step is not None and step == int(step) and base == int(base)
        decimals = 0 if whole else max(2 if step is None else 0, *(_decimals(n) for n in (step, base, low, high)))
        kind: Literal["integer", "number"] = "integer" if whole else "number"
        return Field("", "", kind, decimals=decimals, minimum=low, maximum=high, step=step, base=base)

    @property
    def values(self) -> Schema:
        """The JSON Schema of what can be written, chosen or set."""
        field = self.field
        schema = field.schema()
        if "anyOf" in schema:  # what a form may leave out
            return dict(schema["anyOf"][0])
        step = field.step if field.kind in ("integer", "number") and "enum" not in schema else None
        if step and step != Decimal(1).scaleb(-field.decimals) and field.base % step == 0:
            return {**schema, "multipleOf": int(step) if field.kind == "integer" else float(step)}
        return schema


def _decimals(number: Decimal | None) -> int:
    exponent = number.normalize().as_tuple().exponent if number is not None else 0
    return max(0, -exponent) if isinstance(exponent, int) else 0


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _listed(labels: Sequence[str], between: str) -> str:
    return between.join(f'"{label}"' for label in labels)
