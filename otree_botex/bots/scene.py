"""A page as it stands in a browser: what is to be seen on it, and its controls, numbered and in their places.

Pure: what the browser's script has written down goes in (see chromium/page.js), values come out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

from bs4 import BeautifulSoup, Tag

from .control import Control
from .html.markup import around, inside, parse
from .html.visibility import Rendered
from .html.visible import MEDIA, UNSEEN_CHARACTERS, Image, plain_text, see
from .moments import DEFAULT_STEP, TIMED, to_number

MARK = "data-botex"
PICTURES = ("img", "svg", *MEDIA)
LEAVES = ("input", "select", "textarea", "progress", "meter", "br", "hr", *PICTURES)
"""Elements that hold no text: what stands at such a control stands in its place."""


@dataclass(frozen=True)
class Dialog:
    """A box of the browser's own. While it is open the page stands still, and nothing can be done but to answer it."""

    kind: Literal["alert", "confirm", "prompt"]
    message: str
    default: str = ""


@dataclass(frozen=True)
class Scene:
    """A page at one moment: its `text` with all controls in their places, and its pictures in the order in which the
    text names them. `keys` says that it listens to the keyboard, `sends` whether it is of any use to send it now, and
    `patience` how many seconds at a time it may be worth waiting for it to change."""

    text: str
    controls: tuple[Control, ...] = ()
    title: str = ""
    keys: bool = False
    dialog: Dialog | None = None
    images: tuple[Image, ...] = ()
    sends: bool = True
    patience: int = 300

    def find(self, number: int) -> Control | None:
        """The control of this number, if there is one."""
        return next((control for control in self.controls if control.number == number), None)

    @property
    def submit(self) -> Control | None:
        """The control that sends the page, if there is just one and it can be used. Which of several is used is for
        the bot to say."""
        if not self.sends:
            return None
        return next((c for c in self.controls if c.submits and not c.chooses and not c.disabled), None)


def read_scene(html: str, controls: Sequence[Mapping[str, Any]], *, title: str = "", keys: bool = False) -> Scene:
    """The page that a browser has written down: its HTML, in which the attribute data-botex gives the number of each
    control and data-botex-unseen marks what is not shown, and what it knows of the controls."""
    soup = parse(html)
    tags = {str(tag[MARK]): tag for tag in soup.descendants if isinstance(tag, Tag) and tag.has_attr(MARK)}
    several = sum(bool(known.get("submits")) for known in controls) > 1
    found = tuple(_control(known, tags.get(str(known["n"])), several) for known in controls)
    rendered, places = Rendered(soup), {}
    for control in found:
        if (tag := tags.get(str(control.number))) is not None:
            is_told = _keeps(tag, control) and _letters(control.name) in _letters(plain_text(tag, rendered))
            places[id(_place(soup, tag, control))] = f"{control.unnamed}:" if is_told else control.text
    seen = see(soup, rendered, places)
    text = seen.text
    for control in found:
        text = _said_once(text, control)
    # Markup that scripts have made does not always survive being written down. What can be used must be named.
    lost = [control.text for control in found if f"[{control.number}] " not in text]
    return Scene("\n".join([text, *lost]).strip("\n"), found, title, keys, images=seen.images)


def _control(known: Mapping[str, Any], tag: Tag | None, several: bool) -> Control:
    kind, type_ = known["kind"], known.get("type") or ""
    options = _told_apart([_folded(option["label"]) for option in known.get("options") or ()])
    listed = list(zip(options, known.get("options") or (), strict=True))
    free = [index for index, (_, option) in enumerate(listed) if not option.get("disabled")]
    has_numbers = kind in ("number", "slider") or type_ in TIMED
    longest = known.get("maxlength")
    return Control(
        number=known["n"],
        kind=kind,
        name=_folded(known.get("name") or ""),
        value=str(known.get("value") or ""),
        checked=bool(known.get("checked")),
        disabled=bool(known.get("disabled")),
        readonly=bool(known.get("readonly")),
        options=tuple(options[index] for index in free),
        indexes=tuple(free),
        chosen=tuple(label for label, option in listed if option.get("chosen")),
        multiple=bool(known.get("multiple")),
        minimum=_number(known.get("min"), type_) if has_numbers else None,
        maximum=_number(known.get("max"), type_) if has_numbers else None,
        step=_step(known, type_) if has_numbers else None,
        type=type_,
        sent_as=known.get("field") or "",
        max_length=int(longest) if longest and kind in ("text", "textarea") else None,
        hint=_folded(str(tag.get("placeholder") or "")) if tag is not None else "",
        presses=bool(known.get("click", True)),
        draggable=bool(known.get("drag")),
        takes_drops=bool(known.get("drop")),
        submits=bool(known.get("submits")),
        chooses=several and bool(known.get("submits")),
        opens=bool(known.get("opens")),
        outer=bool(known.get("outer")),
    )


def _number(said: Any, type_: str) -> Decimal | None:
    if type_ in TIMED:
        moment = to_number(type_, str(said or ""))
        return None if moment is None else Decimal(moment)
    return Decimal(str(said)) if re.fullmatch(r"-?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", str(said), re.ASCII | re.I) else None


def _step(known: Mapping[str, Any], type_: str) -> Decimal | None:
    """HTML standard, "allowed value step"; None if any value is allowed. Of sliders that scripts have made no step is
    known: they move by whole numbers where their bounds are such."""
    said = str(known.get("step") or "")
    if said == "any":
        return None
    step = _number(said, "")
    if step is not None and step > 0:
        return step
    bounds = [_number(known.get(name), "") for name in ("min", "max")]
    if known["kind"] == "slider" and any(bound is not None and bound != int(bound) for bound in bounds):
        return None
    return Decimal(DEFAULT_STEP.get(type_, 1))


def _place(soup: BeautifulSoup, tag: Tag, control: Control) -> Tag:
    """The element at which a control's text stands: one that is made for it in the control, so that this keeps its
    line, bullet or cell; instead of all that is in it if its name tells as much."""
    if tag.name in LEAVES:
        return tag
    place = soup.new_tag("span")
    if tag.name in ("table", "thead", "tbody", "tfoot", "colgroup"):
        (around(tag, "table") or tag if tag.name != "table" else tag).insert_before(place)
        return place
    keeps = _keeps(tag, control)
    holder = next(inside(tag, ("td", "th")), tag) if tag.name == "tr" else tag
    if not keeps:
        holder.clear()
    holder.insert(0, place)
    return place


def _keeps(tag: Tag, control: Control) -> bool:
    """Whether more is in a control than its name tells."""
    parts = (part for part in tag.descendants if isinstance(part, Tag))
    return control.outer or tag.name in ("table", "tr") or any(p.has_attr(MARK) or p.name in PICTURES for p in parts)


def _said_once(text: str, control: Control) -> str:
    """The page's text without the label that stands beside a box which is named after it."""
    if control.kind not in ("radio", "checkbox") or not control.name:
        return text
    mark, name = re.escape(control.text), re.escape(control.name)
    text, after = re.subn(rf"({mark})\s+{name}(?=\s*$| *(?:\||\[\d+\] ))", r"\1", text, flags=re.MULTILINE)
    if not after:
        text = re.sub(rf"^((?:- |\d+\. )?){name}\s+({mark})", r"\1\2", text, flags=re.MULTILINE)
    return text


def _letters(text: str) -> str:
    return re.sub(r"\W+", "", text)


def _told_apart(labels: Sequence[str]) -> list[str]:
    """Labels that read alike are numbered, so that each can be named."""
    return [
        label if (times := labels[: index + 1].count(label)) == 1 else f"{label} ({times})"
        for index, label in enumerate(labels)
    ]


def _folded(text: str) -> str:
    return " ".join(text.translate(UNSEEN_CHARACTERS).split())
