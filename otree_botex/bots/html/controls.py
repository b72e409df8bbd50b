"""The controls of a page's forms: what can be answered and sent, and what stands in the text at the place of each.

Follows the HTML standard, 4.10.21.4 "Constructing the entry list".
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from urllib.parse import urljoin

from bs4 import BeautifulSoup, Tag

from ..entries import Button, Entry, Option
from ..field import Field
from ..form import Form
from .buttons import Sends, read_button, read_sender, sends
from .inputs import (
    direction_entry,
    is_disabled,
    is_readonly,
    kind_of,
    number_alike,
    option_lines,
    read_group,
    read_input,
    read_select,
    value_of,
)
from .labels import Labels
from .markup import CONTROLS, around, number_of, owner_of
from .visibility import Visibility

IN_BROWSER = "data-botex-control"


@dataclass
class Controls:
    """The forms of a page as one, and what stands in the page's text at the place of each of its controls."""

    form: Form
    places: dict[int, str] = field(default_factory=dict)
    """Text at a control, by the id() of its tag; before the text of a label whose box is not to be seen."""
    needs_script: str = ""
    """Why what the page asks for cannot be answered without running its scripts; empty if it can."""
    no_button: str = ""
    """Why nothing sends the page, if nothing does."""
    numbers: dict[int, int] = field(default_factory=dict)
    """The numbers of controls in a browser, by their places in the document, if the page stands in one."""


@dataclass
class _Asked:
    """A field, and the controls it is made of."""

    field: Field
    tags: list[Tag]


def read_controls(soup: BeautifulSoup, url: str, visibility: Visibility) -> Controls | None:
    """Reads the forms of a page: the one oTree gives every page, else the first that is posted, and others that a
    participant can send as well. None if there is no form."""
    posted = soup.find_all("form", method=lambda value: value is not None and value.lower() == "post")
    main = soup.find("form", id="form") or (posted[0] if posted else None)
    if not isinstance(main, Tag):
        return None
    forms = [main, *(form for form in posted if form is not main)]
    labels = Labels(soup, visibility)
    controls = enumerate((tag for tag in soup.descendants if isinstance(tag, Tag) and _is_control(tag)), 1)
    readers = [_Reader(soup, form, owner, url, labels) for owner, form in enumerate(forms)]
    owners = {number_of(form): reader for form, reader in zip(forms, readers, strict=True)}
    numbers = {}
    for number, tag in controls:
        reader = owners.get(_owner(tag, soup, main))
        if reader is not None:
            reader.add(tag, 2 * number)
        if tag.has_attr(IN_BROWSER):
            numbers[2 * number] = int(str(tag[IN_BROWSER]))
    merged = _merged([reader for reader in readers if reader.owner == 0 or reader.is_usable], readers[0])
    merged.numbers = numbers
    return merged


def _is_control(tag: Tag) -> bool:
    return tag.name in CONTROLS or "onclick" in tag.attrs or str(tag.get("href") or "").startswith("javascript:")


def _owner(tag: Tag, soup: BeautifulSoup, main: Tag) -> str:
    """The number of the form that a control belongs to, or that an element sends by its script."""
    if tag.name in CONTROLS and kind_of(tag) != "button":
        return owner_of(tag, soup)
    found = sends(tag)
    if found is None:
        return owner_of(tag, soup) if tag.name in CONTROLS else ""
    if found.form:
        form = soup.find("form", id=found.form)
        return number_of(form) if isinstance(form, Tag) else ""
    return owner_of(tag, soup) or number_of(main)


class _Reader:
    """Reads the controls of one form, in the order of the document."""

    def __init__(self, soup: BeautifulSoup, form: Tag, owner: int, url: str, labels: Labels) -> None:
        self.soup, self.form, self.owner, self.labels = soup, form, owner, labels
        self.url, self.sees = url, labels.visibility.sees
        self.checks = not form.has_attr("novalidate")
        self.asked: list[_Asked] = []
        self.groups: dict[tuple[str, str], list[tuple[Tag, int]]] = {}
        self.kept: list[Entry] = []
        self.buttons: list[tuple[Tag, Button]] = []
        self.senders: list[tuple[Tag, int, Sends]] = []
        self.places: dict[int, str] = {}
        self.no_button = "the page has no button that submits it"
        self.needs_script = ""
        self.unseen_groups: dict[str, bool] = {}
        """Names of radio buttons that a participant cannot touch, and whether one of them is chosen."""
        self.end = 0

    @property
    def action(self) -> str:
        return urljoin(self.url, str(self.form.get("action") or "") or self.url)

    @property
    def is_usable(self) -> bool:
        return bool(self.buttons or self.senders) and not self.needs_script

    def add(self, tag: Tag, place: int) -> None:
        """Takes in one control."""
        kind = kind_of(tag) if tag.name in CONTROLS else "button"
        if any(parent is self.form for parent in tag.parents):
            self.end = place + 1
        if around(tag, "datalist"):
            return
        if is_disabled(tag):
            self._disabled(tag, kind)
        elif kind in ("submit", "image"):
            self._submit(tag, place)
        elif kind in ("button", "reset"):
            self._button(tag, place)
        elif kind in ("radio", "checkbox") and tag.get("name") and self._is_operable(tag):
            self._option(tag, kind, place)
        elif kind == "hidden" or not self.sees(tag):
            self._hidden(tag, kind, place)
        elif tag.get("name"):
            self._single(tag, kind, place)

    def _is_operable(self, tag: Tag) -> bool:
        """Whether a box can be ticked: it may itself be drawn by its label."""
        return self.sees(tag) or any(self.sees(label) for label in self.labels.elements(tag))

    def _disabled(self, tag: Tag, kind: str) -> None:
        if not self.sees(tag):
            return
        if kind in ("submit", "image"):
            self.no_button = "the button that submits the page stays disabled until a script enables it"
        if kind in ("submit", "image", "button", "reset"):
            self.places[id(tag)] = f'[button "{self.labels.button(tag)}", disabled]'
        elif kind in ("radio", "checkbox"):
            self.places[id(tag)] = "[cannot be chosen]"
        elif kind == "select":
            self.places[id(tag)] = "[disabled]"
        else:
            self.places[id(tag)] = f'["{value_of(tag)}", cannot be changed]'

    def _submit(self, tag: Tag, place: int) -> None:
        if not self.sees(tag):
            self.no_button = "the button that submits the page is not to be seen until a script shows it"
            return
        self.buttons.append((tag, read_button(tag, self.labels.button(tag), place, self.owner, self.url, self.checks)))

    def _button(self, tag: Tag, place: int) -> None:
        found = sends(tag)
        if found is not None and self.sees(tag):
            self.senders.append((tag, place, found))
        elif tag.name in CONTROLS:
            self.places[id(tag)] = f'[button "{self.labels.button(tag)}"]'

    def _option(self, tag: Tag, kind: str, place: int) -> None:
        name = str(tag["name"])
        if (kind, name) not in self.groups:
            self.groups[kind, name] = []
            self.asked.append(_Asked(Field("", name, "choice" if kind == "radio" else "choices"), []))
        self.groups[kind, name].append((tag, place))

    def _hidden(self, tag: Tag, kind: str, place: int) -> None:
        """What a participant cannot touch goes back as it came; what comes empty is for a script to fill in."""
        name = str(tag.get("name") or "")
        if kind == "radio" and name:
            self.unseen_groups[name] = self.unseen_groups.get(name, False) or tag.has_attr("checked")
        if not name or (kind in ("radio", "checkbox") and not tag.has_attr("checked")):
            return
        if kind == "select":
            made = read_select(tag, place, self.labels)
            entries = [entry._replace(place=place) for entry in made.untouched()]
        else:
            entries = [Entry(place, name, value_of(tag))]
        if not any(entry.value for entry in entries):
            self.needs_script = f'a script of the page has to fill in the hidden field "{name}"'
        self.kept += [entry._replace(owner=self.owner) for entry in entries]

    def _single(self, tag: Tag, kind: str, place: int) -> None:
        name, value = str(tag["name"]), "" if kind in ("select", "file") else value_of(tag)
        if kind == "file":
            self.kept.append(Entry(place, name, "", self.owner))
            self.places[id(tag)] = "[a file may be uploaded here; not possible]"
            if tag.has_attr("required") and self.checks:
                self.needs_script = "it asks for a file to be uploaded"
            return
        self.kept += direction_entry(tag, place, self.owner)
        if is_readonly(tag):
            self.kept.append(Entry(place, name, value, self.owner))
            self.places[id(tag)] = f'["{value}", cannot be changed]'
            return
        made = read_select(tag, place, self.labels) if kind == "select" else read_input(tag, self.soup, self.labels)
        if kind == "select" and not made.options:
            self.needs_script = f'a script of the page has to fill in the options of the list "{name}"'
        self.asked.append(_Asked(replace(made, place=place), [tag]))

    def finish(self) -> None:
        """Makes fields of the groups, and buttons of what sends the form by a script."""
        for asked in self.asked:
            group = self.groups.get(("radio" if asked.field.kind == "choice" else "checkbox", asked.field.name))
            if not asked.tags and group:
                asked.tags = [tag for tag, _ in group]
                made = read_group(asked.tags, [place for _, place in group], self.labels)
                asked.field = replace(made, place=group[0][1])
            asked.field = replace(asked.field, owner=self.owner)
            if not self.checks:
                asked.field = _unchecked(asked.field)
        for name, is_chosen in self.unseen_groups.items():
            if not is_chosen and ("radio", name) not in self.groups:
                self.needs_script = f'a script of the page has to choose in the hidden field "{name}"'
        for tag, place, found in self.senders:
            if found.how == "back" and not self.asked and len(self.buttons) < 2:
                self.places[id(tag)] = f'[button "{self.labels.button(tag)}"]'  # there is nothing to go back for
                continue
            label = self.labels.button(tag)
            self.buttons.append((tag, read_sender(found, label, place, self.owner, self.end, self.checks)))


def _unchecked(made: Field) -> Field:
    """A field of a form that the browser sends without checking it. A slider keeps its bounds."""
    if made.kind in ("integer", "number") and made.required and made.value:
        return made
    options = tuple(replace(option, needed=False) for option in made.options)
    return replace(
        made, required=False, options=options, minimum=None, maximum=None, step=None, min_length=0, pattern=""
    )


def _merged(readers: list[_Reader], main: _Reader) -> Controls:
    """All forms as one, in the order of the document, with the keys of the fields and the texts at their places."""
    for reader in readers:
        reader.finish()
    labels = main.labels
    pressed = sorted((pair for reader in readers for pair in reader.buttons), key=lambda pair: pair[1].place)
    others = {reader.owner: reader.action for reader in readers if reader is not main}
    named = number_alike([replace(b, action=b.action or others.get(b.owner, "")) for _, b in pressed])
    asked = sorted((asked for reader in readers for asked in reader.asked), key=lambda asked: asked.field.place)
    places = {key: text for reader in readers for key, text in reader.places.items()}
    several = len({button.owner for button in named}) > 1
    for number, each in enumerate(asked, 1):
        its = [button.label for button in named if several and button.owner == each.field.owner]
        each.field = replace(each.field, key=f"q{number}", only_with='" or "'.join(its))
        places |= _texts(each, labels)
    fields = [each.field for each in asked]
    for (tag, _), button in zip(pressed, named, strict=True):
        places[id(tag)] = f'[button "{button.label}"]'
    if len(named) > 1:
        names = {tuple(entry.name for entry in button.entries) for button in named}
        name = next(iter(names))[0] if len(names) == 1 and names != {()} else ""
        choice = Field(f"q{len(fields) + 1}", name, "button", "Button", True, named)
        fields.append(choice)
        places[id(pressed[0][0])] = f"[{choice.key}: {choice.describe()}] {places[id(pressed[0][0])]}"
    kept = tuple(entry for reader in readers for entry in reader.kept)
    usable = any(reader.is_usable for reader in readers)
    return Controls(
        Form(main.action, tuple(fields), kept, named),
        places,
        "" if usable else main.needs_script,
        "" if named else main.no_button,
    )


def _texts(asked: _Asked, labels: Labels) -> dict[int, str]:
    """What stands at the controls of a field."""
    made, tags = asked.field, asked.tags
    what = f"[{made.key}: {made.describe()}]"
    if tags[0].name in ("select", "textarea") or kind_of(tags[0]) not in ("radio", "checkbox"):
        lines = option_lines(tags[0], made, labels) if tags[0].name == "select" else []
        return {id(tags[0]): "\n".join([what, *lines, *([""] if lines else [])])}  # what follows begins on a new line
    texts = {}
    for tag, option in zip(tags, made.options, strict=True):
        text = _mark(made, option)
        if option.label and not labels.stands_after(tag):
            text += f" {option.label}" if labels.of_option(tag, tags) else f" [{option.label}]"
        at = next(seen for seen in (tag, *labels.elements(tag)) if labels.visibility.sees(seen))
        gap = " " if made.kind == "tick" or around(tag, "tr") else "\n"
        texts[id(at)] = text if tag is not tags[0] else f"{what}{gap}{text}".strip()
    return texts


def _mark(made: Field, option: Option) -> str:
    if made.kind == "tick":
        return ""
    left, right = "()" if made.kind == "choice" else "[]"
    return f"{left}{'x' if option.chosen else ' '}{right}"
