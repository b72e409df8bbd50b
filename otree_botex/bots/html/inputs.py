"""One control of a form, as a field: input, select and text area.

HTML standard, 4.10.5 "The input element" with its types, value sanitization and constraints; 4.10.7 "The select
element"; 4.10.11 "The textarea element".
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TypeVar

from bs4 import BeautifulSoup, Tag

from ..entries import Entry, Option
from ..field import Field, Kind
from ..moments import DEFAULT_STEP, HOW, TIMED, to_number, well_formed
from .labels import Labels
from .markup import around, inside
from .visible import plain_text

TEXTUAL = ("text", "search", "tel", "email", "url", "password", "number", "textarea", *TIMED)
"""The types of control to which readonly applies."""
FLOAT = re.compile(r"-?(?:\d+|\d*\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
AnyOption = TypeVar("AnyOption", bound=Option)


def kind_of(tag: Tag) -> str:
    """The type of a control: the state of its type attribute, or "select" or "textarea"."""
    if tag.name in ("select", "textarea"):
        return tag.name
    kind = str(tag.get("type") or "").strip().lower()
    if tag.name == "button":
        return kind if kind in ("button", "reset") else "submit"
    known = {*TEXTUAL, "range", "color", "checkbox", "radio", "file", "submit", "image", "reset", "button", "hidden"}
    return kind if kind in known and kind != "textarea" else "text"


def is_disabled(tag: Tag) -> bool:
    """HTML standard, 4.10.18.5: disabled itself, or in a disabled fieldset, but not in its first legend."""
    if tag.has_attr("disabled"):
        return True
    for fieldset in tag.parents:
        if fieldset.name == "fieldset" and fieldset.has_attr("disabled"):
            legend = fieldset.find("legend", recursive=False)
            if legend is None or all(parent is not legend for parent in tag.parents):
                return True
    return False


def is_readonly(tag: Tag) -> bool:
    return tag.has_attr("readonly") and kind_of(tag) in TEXTUAL


def value_of(tag: Tag) -> str:
    """What stands in a control of text, and what is sent for a radio button or check box that is chosen."""
    kind = kind_of(tag)
    if kind == "textarea":
        return tag.get_text().replace("\r\n", "\n").removeprefix("\n")
    if kind in ("checkbox", "radio"):
        return str(tag.get("value", "on"))
    value = str(tag.get("value", ""))
    if kind == "hidden":
        return "UTF-8" if str(tag.get("name", "")).lower() == "_charset_" else value
    value = value.replace("\n", "").replace("\r", "")
    if kind in ("email", "url"):
        return value.strip()
    if kind == "range":
        return _slider(tag, value)
    if kind == "color":
        value = re.sub(r"#(\w)(\w)(\w)", r"#\1\1\2\2\3\3", value) if len(value) == 4 else value
        return value.lower() if well_formed(kind, value) else "#000000"
    if kind == "number":
        return value if _decimal(value) is not None else ""
    if kind in TIMED and to_number(kind, value) is None:
        return ""
    return value.replace(" ", "T") if kind == "datetime-local" else value


def read_input(tag: Tag, soup: BeautifulSoup, labels: Labels) -> Field:
    """An input or text area as a field. Its key is given later."""
    kind = kind_of(tag)
    made = Field("", str(tag["name"]), "text", labels.of_field(tag), tag.has_attr("required"), value=value_of(tag))
    made = replace(made, placeholder=str(tag.get("placeholder") or ""), suggestions=_suggestions(tag, soup, labels))
    if kind in ("number", "range") or (kind == "text" and tag.get("inputmode") in ("", "decimal")):
        return _number(made, tag, kind, labels.unit(tag))
    if kind in HOW:
        made = replace(made, format=kind, required=made.required or kind == "color")
    if kind in TIMED:
        bounds = {name: to_number(kind, str(tag.get(name) or "")) for name in ("min", "max", "value")}
        low, high = (None if bounds[name] is None else Decimal(bounds[name]) for name in ("min", "max"))  # type: ignore[arg-type]
        step = _step(tag, Decimal(DEFAULT_STEP[kind]))
        base = low if low is not None else Decimal(bounds["value"] or 0)
        return replace(made, minimum=low, maximum=high, step=step, base=base)
    if kind == "color":
        return made
    return replace(
        made,
        min_length=_length(tag, "minlength") or 0,
        max_length=_length(tag, "maxlength"),
        pattern="" if kind == "textarea" else str(tag.get("pattern") or ""),
        advice=str(tag.get("title") or ""),
        lines=kind == "textarea",
    )


def read_select(tag: Tag, place: int, labels: Labels) -> Field:
    """A select as a field, with those of its options that can be chosen."""
    several, listed = tag.has_attr("multiple"), _listed(tag, labels)
    on = [item for item in listed if not item.off]
    # what stands for "nothing chosen yet" is no answer, unless something else is chosen at first
    options = [Option(item.label, item.value, place, item.chosen) for item in on if not item.is_blank]
    initial = [item.value for item in on if item.chosen]
    blank = initial[0] if initial and not any(option.chosen for option in options) else None
    # the first option of a list is shown before anybody has decided, unlike one that is marked as chosen
    decided = several or blank is not None or not initial or tag.find("option", selected=True) is not None
    required = tag.has_attr("required") or not decided
    kind: Kind = "choices" if several else "choice"
    label = labels.of_field(tag)
    return Field("", str(tag["name"]), kind, label, required, number_alike(options), blank=blank, place=place)


def option_lines(tag: Tag, made: Field, labels: Labels) -> list[str]:
    """The options of a select, a line each, also those that cannot be chosen."""
    lines, options, heading = [], iter(made.options), ""
    for item in _listed(tag, labels):
        if item.heading != heading:
            heading = item.heading
            lines += [f"{heading}:"] if heading else []
        if item.off:
            lines.append(f'- "{item.label}" [cannot be chosen]')
        elif not item.is_blank:
            lines.append(f'- "{next(options).label}"' + (" [now chosen]" if item.chosen else ""))
    return lines


def read_group(tags: Sequence[Tag], places: Sequence[int], labels: Labels) -> Field:
    """Radio buttons or check boxes of one name, as one field."""
    name, kind = str(tags[0]["name"]), kind_of(tags[0])
    required = any(tag.has_attr("required") for tag in tags)
    chosen = [tag.has_attr("checked") for tag in tags]
    if kind == "radio" and any(chosen):  # of several that are checked, the last one is
        last = len(chosen) - 1 - chosen[::-1].index(True)
        chosen = [number == last for number in range(len(chosen))]
    if kind == "checkbox" and len(tags) == 1:
        only = Option("", value_of(tags[0]), places[0], chosen[0])
        return Field("", name, "tick", labels.of_field(tags[0]), required, (only,))
    texts = [labels.of_option(tag, list(tags)) or f"option {number}" for number, tag in enumerate(tags, 1)]
    needed = [kind == "checkbox" and tag.has_attr("required") for tag in tags]
    options = tuple(map(Option, texts, map(value_of, tags), places, chosen, needed))
    made: Kind = "choice" if kind == "radio" else "choices"
    return Field("", name, made, labels.of_group(list(tags)), required, number_alike(options))


def number_alike(options: Sequence[AnyOption]) -> tuple[AnyOption, ...]:
    """Options that read alike are numbered, so that each can be named."""
    seen: dict[str, int] = {}
    result = []
    for option in options:
        seen[option.label] = times = seen.get(option.label, 0) + 1
        result.append(option if times == 1 else replace(option, label=f"{option.label} ({times})"))
    return tuple(result)


def direction_entry(tag: Tag, place: int, owner: int) -> list[Entry]:
    """What the attribute dirname sends beside a text: which way it is written."""
    name = str(tag.get("dirname") or "")
    if not name:
        return []
    written = next((str(parent["dir"]).lower() for parent in (tag, *tag.parents) if parent.get("dir")), "ltr")
    return [Entry(place + 1, name, "rtl" if written == "rtl" else "ltr", owner)]


@dataclass(frozen=True)
class _Listed:
    """An option of a select. `is_blank` says that it stands for "nothing chosen", `off` that it is disabled."""

    heading: str
    label: str
    value: str
    chosen: bool
    off: bool
    is_blank: bool


def _listed(tag: Tag, labels: Labels) -> list[_Listed]:
    """The options of a select, as its list shows them."""
    listed = []
    items, several = list(inside(tag, ["option"])), tag.has_attr("multiple")
    marked = _selected(tag, items)
    for number, item in enumerate(items):
        text, group = plain_text(item, labels.visibility), around(item, "optgroup")
        heading = str(group.get("label") or "") if group else ""
        label, value = str(item.get("label") or "") or text, str(item.get("value", text))
        chosen = any(item is other for other in marked)
        # HTML standard, "placeholder label option"
        placeholder = number == 0 and value == "" and item.parent is tag and not several
        is_blank = (placeholder and (chosen or tag.has_attr("required"))) or item.has_attr("hidden")
        listed.append(_Listed(heading, label, value, chosen, _is_off(item), is_blank))
    labels_of_all = [item.label for item in listed]
    return [
        replace(item, label=f"{item.heading}: {item.label}")
        if item.heading and labels_of_all.count(item.label) > 1
        else item
        for item in listed
    ]


def _is_off(option: Tag) -> bool:
    group = around(option, "optgroup")
    return option.has_attr("disabled") or (group is not None and group.has_attr("disabled"))


def _selected(tag: Tag, items: Sequence[Tag]) -> list[Tag]:
    """HTML standard, "selectedness setting algorithm": the last one that is marked, else the first that is not
    disabled."""
    marked = [item for item in items if item.has_attr("selected")]
    if tag.has_attr("multiple"):
        return marked
    size = str(tag.get("size") or "1")
    if marked or (size.isdigit() and int(size) > 1):
        return marked[-1:]
    return [item for item in items if not _is_off(item)][:1]


def _number(made: Field, tag: Tag, kind: str, unit: str) -> Field:
    """A field for a number. oTree gives every text box for one an inputmode, also an empty one, so that a decimal comma
    can be typed; what is typed into it is checked by oTree alone."""
    low, high = _decimal(tag.get("min")), _decimal(tag.get("max"))
    if kind == "text":
        decimals = _decimals(low, high, least=2)
        return replace(made, kind="number", minimum=low, maximum=high, decimals=decimals, unit=unit)
    if kind == "range":
        low, high = low or Decimal(0), Decimal(100) if high is None else high
    step = _step(tag, Decimal(1))
    base = low if low is not None else _decimal(tag.get("value")) or Decimal(0)
    whole = step is not None and step == int(step) and base == int(base)
    return replace(
        made,
        kind="integer" if whole else "number",
        required=made.required or kind == "range",  # a slider is never empty
        minimum=low,
        maximum=high,
        decimals=0 if whole else _decimals(step, base, low, high, least=2 if step is None else 0),
        step=step,
        base=base,
        unit=unit,
    )


def _step(tag: Tag, default: Decimal) -> Decimal | None:
    """HTML standard, "allowed value step"; None if any value is allowed."""
    if str(tag.get("step") or "").strip().lower() == "any":
        return None
    step = _decimal(tag.get("step"))
    return step if step is not None and step > 0 else default


def _slider(tag: Tag, value: str) -> str:
    """Where a slider stands: between its bounds, on a step; in the middle if nothing else is said."""
    low = _decimal(tag.get("min")) or Decimal(0)
    high = _decimal(tag.get("max"))
    high = max(Decimal(100) if high is None else high, low)
    at, step = _decimal(value), _step(tag, Decimal(1))
    at = (low + high) / 2 if at is None else min(max(at, low), high)
    if step is not None and (rest := (at - low) % step):
        up = at - rest + step
        at = up if rest * 2 >= step and up <= high else at - rest
    return str(int(at)) if at == int(at) else format(at.normalize(), "f")


def _suggestions(tag: Tag, soup: BeautifulSoup, labels: Labels) -> tuple[str, ...]:
    found = soup.find("datalist", id=str(tag["list"])) if tag.get("list") else None
    if not isinstance(found, Tag):
        return ()
    return tuple(str(item.get("value") or plain_text(item, labels.visibility)) for item in inside(found, ["option"]))


def _length(tag: Tag, name: str) -> int | None:
    length = str(tag.get(name) or "")
    return int(length) if length.isdigit() else None


def _decimals(*numbers: Decimal | None, least: int) -> int:
    exponents = [number.normalize().as_tuple().exponent for number in numbers if number is not None]
    return max([least, *(-exponent for exponent in exponents if isinstance(exponent, int))])


def _decimal(value: object) -> Decimal | None:
    """HTML standard, "valid floating-point number"."""
    return Decimal(str(value)) if FLOAT.fullmatch(str(value)) else None
