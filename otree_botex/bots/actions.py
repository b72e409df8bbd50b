"""What a bot does on a page in a browser: the JSON Schema of a few actions for the controls that are there, and what a
model replied as actions that can be taken. Pure: values in, values out."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from string import ascii_lowercase, digits
from typing import Any, Literal

from ..llm import object_schema
from .answers import Refusal
from .control import Control
from .form import REASON_LENGTH
from .replies import Unusable
from .scene import Scene

MOST_ACTIONS = 6
KEYS = (
    *("Enter", "Space", "Escape", "Tab", "Backspace", "Delete"),
    *("ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Home", "End", "PageUp", "PageDown"),
    *ascii_lowercase,
    *digits,
)
"""The keys that can be pressed, as browsers name them."""

Do = Literal["fill", "choose", "set", "click", "press", "drag", "wait", "submit", "answer"]


@dataclass(frozen=True)
class Action:
    """One thing to do. `value` is a text or number to write, the number to set, the label or labels to choose, the key
    to press, the seconds to wait, or {"accept", "text"} for a dialog; a drag goes from `control` to `to`."""

    do: Do
    control: int | None = None
    value: Any = None
    to: int | None = None

    def as_json(self) -> dict[str, Any]:
        """The action as a model says it, for the record."""
        if self.do in ("fill", "choose", "set"):
            return {"do": self.do, "control": self.control, "value": self.value}
        if self.do == "click":
            return {"do": self.do, "control": self.control}
        if self.do == "drag":
            return {"do": self.do, "from": self.control, "to": self.to}
        if self.do == "press":
            return {"do": self.do, "key": self.value}
        if self.do == "wait":
            return {"do": self.do, "seconds": self.value}
        return {"do": self.do, **(self.value or {})}

    def describe(self, scene: Scene) -> str:
        """The action in words."""

        def named(number: int | None) -> str:
            control = None if number is None else scene.find(number)
            if control is None:
                return f"[{number}]"
            return f"[{number}] {control.what}" + (f" “{control.name}”" if control.name else "")

        value = json.dumps(self.value, ensure_ascii=False)
        if self.do == "fill":
            return f"write {value} into {named(self.control)}"
        if self.do == "choose":
            return f"choose {value} in {named(self.control)}"
        if self.do == "set":
            return f"set {named(self.control)} to {value}"
        if self.do == "click":
            return f"click {named(self.control)}"
        if self.do == "drag":
            return f"drag {named(self.control)} to {named(self.to)}"
        if self.do == "press":
            return f"press the key {self.value}"
        if self.do == "wait":
            return f"wait until something changes, at most {self.value} seconds"
        if self.do == "submit":
            return "send the page" + (f" with {named(scene.submit.number)}" if scene.submit else "")
        text = f" with {json.dumps(self.value['text'], ensure_ascii=False)}" if self.value.get("text") else ""
        return ("accept" if self.value["accept"] else "cancel") + " the dialog" + text


def schema(scene: Scene) -> dict[str, Any]:
    """The JSON Schema of what can be done now: the reason first, then one to six actions. Where controls take the same
    values, one variant of an action is for all of them."""
    variants = _answers(scene) if scene.dialog else _variants(scene)
    items = variants[0] if len(variants) == 1 else {"anyOf": variants}
    most = 1 if scene.dialog else MOST_ACTIONS
    actions = {"type": "array", "items": items, "minItems": 1, "maxItems": most}
    return object_schema(reason={"type": "string", "maxLength": REASON_LENGTH}, actions=actions)


def _answers(scene: Scene) -> list[dict[str, Any]]:
    accept: dict[str, Any] = {"type": "boolean"}
    if scene.dialog and scene.dialog.kind == "alert":
        accept["enum"] = [True]
    if scene.dialog and scene.dialog.kind == "prompt":
        text = {"anyOf": [{"type": "string"}, {"type": "null"}]}
        return [object_schema(do=_one("answer"), accept=accept, text=text)]
    return [object_schema(do=_one("answer"), accept=accept)]


def _variants(scene: Scene) -> list[dict[str, Any]]:
    variants = []
    for do in ("fill", "choose", "set"):
        alike: dict[str, list[int]] = {}
        for control in _usable(scene, do):
            alike.setdefault(json.dumps(control.values), []).append(control.number)
        for values, numbers in alike.items():
            variants.append(object_schema(do=_one(do), control=_any_of(numbers), value=json.loads(values)))
    if clicked := [control.number for control in _usable(scene, "click")]:
        variants.append(object_schema(do=_one("click"), control=_any_of(clicked)))
    if scene.keys:
        variants.append(object_schema(do=_one("press"), key={"type": "string", "enum": list(KEYS)}))
    dragged, targets = ([control.number for control in part] for part in (_usable(scene, "drag"), _targets(scene)))
    if dragged and targets:
        variants.append(object_schema(do=_one("drag"), **{"from": _any_of(dragged), "to": _any_of(targets)}))
    seconds = {"type": "integer", "minimum": 1, "maximum": scene.patience}
    variants.append(object_schema(do=_one("wait"), seconds=seconds))
    if scene.submit:
        variants.append(object_schema(do=_one("submit")))
    return variants


def _one(do: str) -> dict[str, Any]:
    return {"type": "string", "enum": [do]}


def _any_of(numbers: Iterable[int]) -> dict[str, Any]:
    return {"type": "integer", "enum": list(numbers)}


def _usable(scene: Scene, do: str) -> list[Control]:
    """The controls with which this can be done now."""
    return [control for control in scene.controls if do in control.uses]


def _targets(scene: Scene) -> list[Control]:
    """Where things can be dragged to. Pages that follow the mouse by themselves do not say."""
    enabled, dragged = [control for control in scene.controls if not control.disabled], _usable(scene, "drag")
    targets = [c for c in enabled if c.takes_drops] or [c for c in enabled if c.kind == "area"]
    return [control for control in targets if dragged != [control]]


def read_actions(data: Mapping[str, Any], scene: Scene) -> list[Action]:
    """The actions of a reply. Raises Unusable, which says what is wrong with each of them."""
    said = data.get("actions")
    most = 1 if scene.dialog else MOST_ACTIONS
    if not isinstance(said, list) or not said:
        raise Unusable('The reply has no "actions": a list of one or more is asked for.')
    if len(said) > most:
        raise Unusable(f"The reply has {len(said)} actions, and {most} are allowed at a time.")
    actions, wrong = [], []
    for number, action in enumerate(said, 1):
        try:
            actions.append(_read(action, scene))
        except Refusal as refusal:
            wrong.append(f"Action {number}: {refusal}.")
    if wrong:
        raise Unusable(" ".join(wrong))
    return actions


def _read(said: Any, scene: Scene) -> Action:
    if not isinstance(said, dict):
        raise Refusal("it is not an object")
    do = said.get("do")
    known = ["answer"] if scene.dialog else [*dict.fromkeys(v["properties"]["do"]["enum"][0] for v in _variants(scene))]
    if do not in known:
        why = "a dialog is open and must be answered first" if scene.dialog else f"what can be done is {_listed(known)}"
        raise Refusal(f"{json.dumps(do, ensure_ascii=False)} cannot be done now; {why}")
    if do == "answer":
        return Action("answer", value=_dialog_answer(said, scene))
    if do == "submit":
        return Action("submit")
    if do == "wait":
        return Action("wait", value=_seconds(said.get("seconds"), scene))
    if do == "press":
        if said.get("key") not in KEYS:
            raise Refusal(f"{json.dumps(said.get('key'))} is none of the keys that can be pressed: {_listed(KEYS)}")
        return Action("press", value=said["key"])
    if do == "drag":
        dragged, target = _which(said.get("from"), "drag", scene), _known(said.get("to"), scene)
        if target not in _targets(scene):
            raise Refusal(f"nothing can be dropped at {target.text}")
        return Action("drag", dragged.number, to=target.number)
    control = _which(said.get("control"), do, scene)
    return Action(do, control.number) if do == "click" else Action(do, control.number, _value(said, control))


def _dialog_answer(said: Mapping[str, Any], scene: Scene) -> dict[str, Any]:
    assert scene.dialog is not None
    accept, text = said.get("accept"), said.get("text")
    if not isinstance(accept, bool):
        raise Refusal('"accept" must be true or false')
    if scene.dialog.kind == "alert" and not accept:
        raise Refusal("this dialog can only be accepted")
    if scene.dialog.kind != "prompt":
        return {"accept": accept}
    if text is not None and not isinstance(text, str):
        raise Refusal('"text" must be a text or null')
    return {"accept": accept, "text": text}


def _seconds(said: Any, scene: Scene) -> int:
    seconds = _integer(said)
    if seconds is None or not 1 <= seconds <= scene.patience:
        raise Refusal(f'"seconds" must be a whole number from 1 to {scene.patience}')
    return seconds


def _integer(said: Any) -> int | None:
    """A whole number, also one that is written as a text."""
    if isinstance(said, str) and said.isascii() and said.isdigit():
        return int(said)
    if isinstance(said, float) and said.is_integer():
        return int(said)
    return said if isinstance(said, int) and not isinstance(said, bool) else None


def _known(said: Any, scene: Scene) -> Control:
    number = _integer(said)
    control = None if number is None else scene.find(number)
    if control is None:
        raise Refusal(f"there is no control {json.dumps(said, ensure_ascii=False)} on the page now")
    return control


def _which(said: Any, do: str, scene: Scene) -> Control:
    """The control that something is to be done with."""
    control = _known(said, scene)
    if do not in control.uses:
        but = f", but {_listed(control.uses)} can" if control.uses else ""
        raise Refusal(f'"{do}" cannot be done with {control.text}{but}')
    return control


def _value(said: Mapping[str, Any], control: Control) -> Any:
    """What is to be written, chosen or set."""
    if "value" not in said or said["value"] is None:
        raise Refusal(f"the value for {control.text} is missing")
    value = said["value"]
    try:
        field = control.field
        if control.kind == "select":
            field.entries(value)
            return [field.option(v).label for v in value] if control.multiple else field.option(value).label
        text = field.entries(value)[0].value
    except Refusal as refusal:
        raise Refusal(f"{control.text}: {refusal}") from None
    if control.kind not in ("number", "slider"):
        return text
    return int(text) if "." not in text else float(text)


def _listed(words: Iterable[str]) -> str:
    return ", ".join(f'"{word}"' for word in words)
