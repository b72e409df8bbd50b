"""HTML as a tree, in which every control knows its form.

No Python parser gets both right. Tried on the saved pages in tests/bots/pages with Chromium as the judge: html5lib
builds the browser's tree, but loses the controls of a form that stands inside a table, and is ten times slower;
html.parser nests unclosed options into each other; lxml builds a tree that reads as the browser's does and keeps forms
in tables, but not nested forms or controls that stand outside the element of their form. To which form a control
belongs, however, depends only on the order of the tags (HTML standard, 13.2.4.4 "The element pointers"): the form that
was opened last and not closed since, a nested one being ignored. So the tags are read here, and lxml builds the tree.

What remains different: a control that stands in a table, but in none of its cells, is sent where it stands, while a
browser puts it before the table.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from bs4 import BeautifulSoup, Tag

CONTROLS = frozenset({"input", "select", "textarea", "button"})
_FORM, _OWNER = "otree-botex-form", "otree-botex-owner"
_ATTRIBUTES = r"""(?:[^>=]|=\s*"[^"]*"|=\s*'[^']*'|=(?!\s*["']))*"""
_TAGS = re.compile(
    rf"<!--.*?(?:--!?>|\Z)|<(?P<raw>script|style|template|noscript|iframe)\b{_ATTRIBUTES}>.*?(?:</(?P=raw)\b|\Z)"
    rf"|<(?P<area>textarea)\b(?P<its>{_ATTRIBUTES}>)(?P<text>.*?)(?=</textarea\b|\Z)"
    rf"|<(?P<name>/form|form|input|select|button)\b(?P<rest>{_ATTRIBUTES}>)"
    rf"|<[a-z]{_ATTRIBUTES}>",  # any other: its attributes may hold what looks like tags
    re.IGNORECASE | re.DOTALL,
)


def parse(html: str) -> BeautifulSoup:
    """The document of a page."""
    return BeautifulSoup(_Forms().mark(html), "lxml")


def inside(tag: Tag, names: Collection[str]) -> Iterator[Tag]:
    """The elements of these names in an element, in the order of the document. find_all() is much slower."""
    return (part for part in tag.descendants if isinstance(part, Tag) and part.name in names)


def around(tag: Tag, *names: str) -> Tag | None:
    """The nearest element of one of these names that an element stands in."""
    return next((parent for parent in tag.parents if parent.name in names), None)


def number_of(form: Tag) -> str:
    """The number of a form in its document."""
    return str(form.get(_FORM, ""))


def owner_of(control: Tag, soup: BeautifulSoup) -> str:
    """The number of the form that a control belongs to, "" if to none.

    HTML standard, 4.10.18.3 "Association of controls and forms".
    """
    named = control.get("form")
    if named is None:
        return str(control.get(_OWNER, ""))
    form = soup.find(id=str(named)) if named else None
    return number_of(form) if isinstance(form, Tag) and form.name == "form" else ""


class _Forms:
    """Writes the numbers of forms into their tags and those of their controls."""

    def __init__(self) -> None:
        self.count = 0
        self.open = ""

    def mark(self, html: str) -> str:
        return _TAGS.sub(self._tag, html)

    def _tag(self, found: re.Match[str]) -> str:
        if found["area"]:  # its text is no markup
            return f"<textarea{self._mark()}{found['its']}{found['text'].replace('<', '&lt;')}"
        name = (found["name"] or "").lower()
        if name == "/form":
            closes, self.open = self.open, ""
            return found[0] if closes else ""
        if name == "form":
            if self.open:
                return ""
            self.count += 1
            self.open = str(self.count)
            return f'<form {_FORM}="{self.open}"{found["rest"]}'
        return f"<{name}{self._mark()}{found['rest']}" if name else found[0]

    def _mark(self) -> str:
        return f' {_OWNER}="{self.open}"' if self.open else ""
