"""The controls of an HTML form, as fields: what can be answered on a page, and what a browser would send with it.

Follows the HTML standard's form submission algorithm (html.spec.whatwg.org, "Constructing the entry list").
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from decimal import Decimal, InvalidOperation
from urllib.parse import urljoin

from bs4 import BeautifulSoup, Tag

from .form import Field, Form, Kind, Option
from .labels import CONTROLS, Labels, button_label
from .visible import is_hidden, plain_text

BUTTON_TYPES = ("submit", "image")


@dataclass
class Controls:
    """The form of a page, and what stands in the page's text at the place of each of its controls."""

    form: Form
    places: dict[int, str] = field(default_factory=dict)
    """Text at a control, by the id() of its tag."""
    needs_script: str = ""
    """Why this page cannot be played without running its scripts; empty if it can."""


def read_controls(soup: BeautifulSoup, url: str) -> Controls | None:
    """Reads the main form of a page: the one oTree gives every page, else the first that is posted. None if there
    is no form."""
    form = soup.find("form", id="form") or soup.find("form", method=lambda value: value and value.lower() == "post")
    if not isinstance(form, Tag):
        return None
    return _Reader(soup, form, url).read()


class _Reader:
    def __init__(self, soup: BeautifulSoup, form: Tag, url: str) -> None:
        self.soup, self.form, self.url = soup, form, url
        self.labels = Labels(soup)
        self.fields: list[Field] = []
        self.fixed: list[tuple[str, str]] = []
        self.places: dict[int, str] = {}
        self.needs_script = ""

    def read(self) -> Controls:
        controls = list(self._own_controls())
        groups: dict[tuple[str, str], list[Tag]] = {}
        submits: list[Tag] = []
        for tag in controls:
            kind = _type(tag)
            if kind in BUTTON_TYPES:
                submits.append(tag)
            elif kind in ("button", "reset"):
                self.places[id(tag)] = f"[button {button_label(tag)!r}]"
            elif kind == "hidden" or _is_invisible(tag):
                self._keep_hidden(tag, kind)
            elif not tag.get("name"):
                continue
            elif kind in ("radio", "checkbox"):
                groups.setdefault((kind, str(tag["name"])), []).append(tag)
                if len(groups[kind, str(tag["name"])]) == 1:
                    self.fields.append(_placeholder(kind, str(tag["name"])))
            else:
                self._add_single(tag, kind)
        self.fields = [
            self._group(candidate, groups) if candidate.key == "" else candidate for candidate in self.fields
        ]
        self._number_and_place(groups)
        buttons = self._add_buttons(submits)
        action = urljoin(self.url, str(self.form.get("action") or "") or self.url)
        form = Form(action, tuple(self.fields), tuple(self.fixed), buttons)
        return Controls(form, self.places, self.needs_script)

    def _own_controls(self) -> Iterator[Tag]:
        """Controls whose form owner is this form, in tree order, without the disabled ones."""
        form_id = self.form.get("id")
        for tag in self.soup.find_all(CONTROLS):
            owner = tag.get("form")
            belongs = owner == form_id if owner is not None else tag.find_parent("form") is self.form
            if belongs and not _is_disabled(tag):
                yield tag

    def _keep_hidden(self, tag: Tag, kind: str) -> None:
        name = str(tag.get("name") or "")
        if not name or (kind in ("radio", "checkbox") and not tag.has_attr("checked")):
            return
        value = _value(tag)
        if not value and (kind == "hidden" or tag.has_attr("required")):
            self.needs_script = "a script of the page has to fill in a hidden field"
        self.fixed.append((name, value))

    def _add_single(self, tag: Tag, kind: str) -> None:
        number = len(self.fields)
        if kind == "select":
            made = self._select(tag)
        else:
            made = self._input(tag, kind)
        self.fields.append(made)
        self.places[id(tag)] = str(number)

    def _select(self, tag: Tag) -> Field:
        options = [
            Option(plain_text(option), str(option.get("value", plain_text(option))))
            for option in tag.find_all("option")
            if not option.has_attr("disabled")
        ]
        empty = [option for option in options if option.value == ""]
        kind: Kind = "choices" if tag.has_attr("multiple") else "choice"
        required = tag.has_attr("required") or (kind == "choice" and not empty)
        chosen = tag.find("option", selected=True)
        value = str(chosen.get("value", plain_text(chosen))) if isinstance(chosen, Tag) else ""
        real = tuple(option for option in options if option.value != "")
        return self._field(tag, kind, required=required, options=_distinct(real), value=value)

    def _input(self, tag: Tag, kind: str) -> Field:
        number = _number_kind(tag, kind)
        if number:
            bounds = {name: _decimal(tag.get(name)) for name in ("min", "max")}
            return self._field(
                tag,
                number,
                minimum=bounds["min"],
                maximum=bounds["max"],
                decimals=0 if number == "integer" else _decimals(tag, bounds),
                value=_value(tag),
                required=kind == "range" or tag.has_attr("required"),  # a slider is never empty
            )
        length = str(tag.get("maxlength") or "")
        return self._field(
            tag,
            "text",
            max_length=int(length) if length.isdigit() else None,
            pattern=str(tag.get("pattern") or ""),
            value=_value(tag),
        )

    def _field(self, tag: Tag, kind: Kind, **rest: object) -> Field:
        rest.setdefault("required", tag.has_attr("required"))
        return Field("q", str(tag["name"]), kind, self.labels.of_field(tag), **rest)  # type: ignore[arg-type]

    def _group(self, first: Field, groups: dict[tuple[str, str], list[Tag]]) -> Field:
        """Radio buttons or check boxes of one name, as one field."""
        tags = groups["radio" if first.kind == "choice" else "checkbox", first.name]
        required = any(tag.has_attr("required") for tag in tags)
        checked = [_value(tag) for tag in tags if tag.has_attr("checked")]
        if first.kind == "choices" and len(tags) == 1:
            only = (Option("", str(tags[0].get("value", "on"))),)
            return Field("q", first.name, "tick", self.labels.of_field(tags[0]), required, only, value="".join(checked))
        labels = [self.labels.of_option(tag) or f"option {number}" for number, tag in enumerate(tags, 1)]
        options = _distinct(tuple(Option(label, _value(tag)) for label, tag in zip(labels, tags, strict=True)))
        value = checked[0] if checked else ""
        return Field("q", first.name, first.kind, self.labels.of_group(tags), required, options, value=value)

    def _number_and_place(self, groups: dict[tuple[str, str], list[Tag]]) -> None:
        """Gives the fields their keys, in the order of the page, and says what stands at each control."""
        self.fields = [replace(made, key=f"q{number}") for number, made in enumerate(self.fields, 1)]
        for place, number in list(self.places.items()):
            if number.isdigit():
                made = self.fields[int(number)]
                options = "".join(f'\n- "{option.label}"' for option in made.options)
                self.places[place] = f"[{made.key}: {made.describe()}]{options}"
        for (kind, name), tags in groups.items():
            made = next(f for f in self.fields if f.name == name and f.kind in ("choice", "choices", "tick"))
            mark = "( )" if kind == "radio" else "[ ]"
            for tag, option in zip(tags, made.options, strict=True):
                text = mark if made.kind != "tick" else ""
                if option.label and not self.labels.shown(tag):
                    text += f" {option.label}"
                self.places[id(tag)] = text
            gap = " " if made.kind == "tick" or tags[0].find_parent("tr") else "\n"
            self.places[id(tags[0])] = f"[{made.key}: {made.describe()}]{gap}{self.places[id(tags[0])]}".strip()

    def _add_buttons(self, submits: list[Tag]) -> tuple[str, ...]:
        """The only submit button goes with every answer; of several, one has to be chosen."""
        visible = [tag for tag in submits if not _is_invisible(tag)]
        options = _distinct(
            tuple(Option(button_label(tag), _value(tag), str(tag.get("name") or "")) for tag in visible)
        )
        for tag, option in zip(visible, options, strict=True):
            self.places[id(tag)] = f'[button "{option.label}"]'
        if len(options) > 1:
            choice = Field(f"q{len(self.fields) + 1}", options[0].name, "button", "Button", True, options)
            self.fields.append(choice)
            self.places[id(visible[0])] = f"[{choice.key}: {choice.describe()}] {self.places[id(visible[0])]}"
        elif options and options[0].name:
            self.fixed.append((options[0].name, options[0].value))
        elif not submits:
            self.needs_script = self.needs_script or "the page has no button that submits it"
        return tuple(option.label for option in options)


def _placeholder(kind: str, name: str) -> Field:
    """Keeps the place of a group until all its buttons are known."""
    return Field("", name, "choice" if kind == "radio" else "choices")


def _type(tag: Tag) -> str:
    if tag.name in ("select", "textarea"):
        return tag.name
    default = "submit" if tag.name == "button" else "text"
    return str(tag.get("type") or default).lower()


def _value(tag: Tag) -> str:
    if tag.name == "textarea":
        return tag.get_text().removeprefix("\r\n").removeprefix("\n")
    if tag.name == "select":
        chosen = tag.find("option", selected=True) or tag.find("option")
        return str(chosen.get("value", plain_text(chosen))) if isinstance(chosen, Tag) else ""
    default = "on" if _type(tag) in ("checkbox", "radio") else ""
    return str(tag.get("value", default))


def _is_disabled(tag: Tag) -> bool:
    return tag.has_attr("disabled") or any(parent.has_attr("disabled") for parent in tag.find_parents("fieldset"))


def _is_invisible(tag: Tag) -> bool:
    return is_hidden(tag) or any(is_hidden(parent) for parent in tag.parents)


def _number_kind(tag: Tag, kind: str) -> Kind | None:
    """oTree gives every text box for a number an inputmode, also an empty one, so that a decimal comma can be typed."""
    if kind in ("number", "range"):
        step = str(tag.get("step") or "1")
        return "integer" if step.isdigit() else "number"
    if kind == "text" and tag.has_attr("inputmode"):
        return "number"
    return None


def _decimals(tag: Tag, bounds: dict[str, Decimal | None]) -> int:
    numbers = [_decimal(tag.get("step")), *bounds.values()]
    exponents = [number.as_tuple().exponent for number in numbers if number is not None]
    return max([2, *(-exponent for exponent in exponents if isinstance(exponent, int))])


def _decimal(value: object) -> Decimal | None:
    try:
        return Decimal(str(value).replace(",", ".")) if value not in (None, "") else None
    except InvalidOperation:
        return None


def _distinct(options: tuple[Option, ...]) -> tuple[Option, ...]:
    """Options that read alike are numbered, so that each can be named."""
    seen: dict[str, int] = {}
    result = []
    for option in options:
        seen[option.label] = seen.get(option.label, 0) + 1
        times = seen[option.label]
        result.append(option if times == 1 else Option(f"{option.label} ({times})", option.value, option.name))
    return tuple(result)
