"""What sends a form: submit buttons, and what else does so by one plain call in its onclick or address.

HTML standard, 4.10.21.3 "Form submission algorithm": submit() sends the form as it is, without checking it and without
any button; requestSubmit() checks it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urljoin

from bs4 import Tag

from ..entries import Button, Entry
from .inputs import kind_of

_FORM = (
    r"(?:(?:document|window|self)\.)?(?:this\.form|forms?|form\d*|forms\[0\]|forms\[['\"][\w-]+['\"]\]|forms\.\w+|"
    r"getElementById\(['\"](?P<id>[\w-]+)['\"]\)|querySelector\(['\"](?:form|#(?P<query>[\w-]+)|form#[\w-]+)['\"]\)|"
    r"getElementsByTagName\(['\"]form['\"]\)\[0\]|this\.closest\(['\"]form['\"]\))"
)
_JQUERY = r"\$\(['\"](?:form|#(?P<jquery>[\w-]+))['\"]\)"
_SENDS = re.compile(rf"{_FORM}\.(?P<how>submit|requestSubmit)\(\)|{_JQUERY}\.submit\(\)")
_IDLE = re.compile(r"|return|return (?:true|false)|event\.preventDefault\(\)|void\(?0\)?|return void\(?0\)?")
BACK = "back_button()"
"""What oTree's back button calls: it adds an entry of its own and sends the form without checking it."""


@dataclass(frozen=True)
class Sends:
    """What an element's script does: how it sends a form, and the id of the form if it names one."""

    how: Literal["submit", "requestSubmit", "back"]
    form: str = ""


def sends(tag: Tag) -> Sends | None:
    """What an element does when it is pressed, if that is to send a form and nothing else; None otherwise."""
    href = str(tag.get("href") or "")
    script = str(tag.get("onclick") or "")
    if href.lower().startswith("javascript:"):
        script = f"{script};{href[len('javascript:') :]}"
    if "submit" not in script.lower() and BACK not in script:
        return None
    found = None
    for statement in (part.strip() for part in script.split(";")):
        if _IDLE.fullmatch(statement):
            continue
        if found is not None:
            return None
        match = _SENDS.fullmatch(statement)
        if statement == BACK:
            found = Sends("back", "form")
        elif match:
            how: Literal["submit", "requestSubmit"] = "requestSubmit" if match["how"] == "requestSubmit" else "submit"
            found = Sends(how, match["id"] or match["query"] or match["jquery"] or "")
        else:
            return None
    return found


def read_button(tag: Tag, label: str, place: int, owner: int, url: str, checks: bool) -> Button:
    """A submit button. `checks` is whether its form is checked before it is sent."""
    name, entries = str(tag.get("name") or ""), []
    if kind_of(tag) == "image":
        # where in the picture it was pressed: by the keyboard, at its corner
        entries = [Entry(place, f"{name}.{axis}" if name else axis, "0", owner) for axis in "xy"]
    elif name:
        entries = [Entry(place, name, str(tag.get("value") or ""), owner)]
    action = urljoin(url, str(tag["formaction"])) if tag.get("formaction") else ""
    checks = checks and not tag.has_attr("formnovalidate")
    return Button(label, "", place, entries=tuple(entries), action=action, checks=checks, owner=owner)


def read_sender(found: Sends, label: str, place: int, owner: int, end: int, checks: bool) -> Button:
    """What sends a form by a script. `end` is the place at the end of the form."""
    entries = (Entry(end, "back_button", "{}", owner),) if found.how == "back" else ()
    return Button(label, "", place, entries=entries, checks=checks and found.how == "requestSubmit", owner=owner)
