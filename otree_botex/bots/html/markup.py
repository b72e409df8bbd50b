"""HTML as a tree, in which every control knows its form.

No Python parser gets both right. Tried on the saved pages in tests/bots/pages with Chromium as the judge: html5lib
builds the browser's tree, but loses the controls of a form that stands inside a table, and is ten times slower;
html.parser nests unclosed options into each other; lxml builds a tree that reads as the browser's does and keeps forms
in tables, but not nested forms or controls that stand outside the element of their form. To which form a control
belongs, however, depends only on the order of the tags (HTML standard, 13.2.4.4 "The element pointers"): the form that
was opened last and not closed since, a nested one being ignored; else the one that it stands in, which goes on where
</form> came too early for the elements in it. So the tags are read here, and lxml builds the tree.

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
    rf"|<(?P<end>/?)(?P<name>[a-z][a-z0-9-]*)(?P<rest>{_ATTRIBUTES}>)",
    re.IGNORECASE | re.DOTALL,
)
# Void elements, and those whose end tags may be left out.
CLOSED_BY_THEMSELVES = {
    *("area", "base", "br", "col", "embed", "hr", "img", "link", "meta", "param", "source", "track", "wbr"),
    *("p", "li", "dd", "dt", "option", "optgroup", "rt", "rp", "tr", "td", "th", "thead", "tbody", "tfoot"),
    *("html", "head", "body", "colgroup", "caption", "svg", "path"),
}


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
        self.inside: list[str] = []
        """Elements that were opened in the form and need a tag to be closed."""
        self.outlived = ""
        """A form that was closed while such elements were open: what they hold still belongs to it."""

    def mark(self, html: str) -> str:
        return _TAGS.sub(self._tag, html)

    def _tag(self, found: re.Match[str]) -> str:
        if found["area"]:  # its text is no markup
            return f"<textarea{self._mark()}{found['its']}{found['text'].replace('<', '&lt;')}"
        name = (found["name"] or "").lower()
        if found["end"]:
            return self._end(name, found[0])
        if name == "form":
            return self._begin(found["rest"])
        if name in CONTROLS:
            return f"<{name}{self._mark()}{found['rest']}"
        if name and name not in CLOSED_BY_THEMSELVES and (self.open or self.outlived):
            self.inside.append(name)
        return found[0]

    def _begin(self, rest: str) -> str:
        if self.open:
            return ""
        if not self.outlived:
            self.inside = []
        self.count += 1
        self.open = str(self.count)
        return f'<form {_FORM}="{self.open}"{rest}'

    def _end(self, name: str, tag: str) -> str:
        if name == "form":
            if not self.open:
                return ""
            self.outlived = self.outlived or (self.open if self.inside else "")
            self.open = ""
        elif name in self.inside:
            del self.inside[len(self.inside) - 1 - self.inside[::-1].index(name) :]
            self.outlived = self.outlived if self.inside else ""
        return tag

    def _mark(self) -> str:
        owner = self.open or self.outlived
        return f' {_OWNER}="{owner}"' if owner else ""
