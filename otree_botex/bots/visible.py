"""The text of an HTML page as a participant sees it, in reading order, with the controls in their places.

Not seen: scripts, styles, comments, hidden elements, oTree's debug info. Tables keep their rows, lists their items,
images their alternative texts.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import urlparse

from bs4 import Tag
from bs4.element import NavigableString, PreformattedString

UNSEEN = {"script", "style", "template", "noscript", "head", "datalist", "title", "meta", "link", "object", "svg"}
# `powered-by-otree` is a participant's to see but no part of any experiment, and would stand in every page.
UNSEEN_CLASSES = {"debug-info", "d-none", "visually-hidden", "sr-only", "powered-by-otree"}
UNSEEN_STYLE = re.compile(r"(display\s*:\s*none|visibility\s*:\s*hidden)", re.IGNORECASE)
HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
BLOCKS = {
    *("address", "article", "aside", "blockquote", "body", "caption", "dd", "details", "dialog", "div", "dl", "dt"),
    *("fieldset", "figcaption", "figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "html"),
    *("legend", "li", "main", "nav", "ol", "p", "pre", "section", "summary", "table", "tbody", "tfoot", "thead", "ul"),
}
# Blocks that Bootstrap and oTree set apart from what follows, as a form's fields are.
SPACED = {"_formfield", "form-group", "mb-3", "mb-4", "mb-5"}
PARAGRAPHS = {"p", "table", "ul", "ol", "blockquote", "pre", "fieldset"}
SPACES = re.compile(r"[ \t\r\n\f]+")
PREFIX_ONLY = re.compile(r"(- |\d+\. |#+ )")


def is_hidden(tag: Tag) -> bool:
    """Whether an element, and with it all it holds, is not to be seen on the page."""
    if tag.name in UNSEEN or tag.has_attr("hidden"):
        return True
    if tag.name == "input" and str(tag.get("type", "")).lower() == "hidden":
        return True
    if UNSEEN_CLASSES.intersection(tag.get("class") or ()):
        return True
    return bool(UNSEEN_STYLE.search(str(tag.get("style") or "")))


def visible_text(root: Tag, places: Mapping[int, str] | None = None) -> str:
    """The text of an element. `places` says what stands at a control, by the id() of its tag."""
    writer = _Writer(places or {})
    writer.walk(root)
    return writer.text()


def plain_text(tag: Tag) -> str:
    """The visible text of a small element (a label, a button, a cell) on one line."""
    return SPACES.sub(" ", visible_text(tag)).strip()


class _Writer:
    """Writes down what is seen. Lines are made by blocks; white space is folded as a browser folds it."""

    def __init__(self, places: Mapping[int, str]) -> None:
        self.places = places
        self.lines: list[str] = [""]

    def text(self) -> str:
        lines = [line.rstrip() if line.strip() else "" for line in self.lines]
        return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()

    def walk(self, tag: Tag) -> None:
        for child in tag.children:
            if isinstance(child, Tag):
                if not is_hidden(child):
                    self._element(child)
            elif isinstance(child, NavigableString) and not isinstance(child, PreformattedString):
                self._inline(str(child))

    def _element(self, tag: Tag) -> None:
        if id(tag) in self.places:
            self._control(self.places[id(tag)])
        elif tag.name in ("input", "select", "textarea"):
            return  # a control of another form, or one that is disabled: nothing to answer
        elif tag.name == "br":
            self._new_line()
        elif tag.name == "hr":
            self._line("---")
        elif tag.name == "img":
            self._inline(f" [image: {_image_name(tag)}] ")
        elif tag.name == "tr":
            self._row(tag)
        elif tag.name == "li":
            self._block(tag, _bullet(tag))
        elif tag.name in HEADINGS:
            self._block(tag, "#" * int(tag.name[1]) + " ", apart=True)
        elif tag.name in BLOCKS:
            self._block(tag, apart=tag.name in PARAGRAPHS or not SPACED.isdisjoint(tag.get("class") or ()))
        else:
            self.walk(tag)

    def _row(self, row: Tag) -> None:
        cells = [cell for cell in row.find_all(["td", "th"], recursive=False) if not is_hidden(cell)]
        texts = [visible_text(cell, self.places).replace("\n\n", "\n").replace("\n", "; ") for cell in cells]
        self._line(" | ".join(texts))

    def _control(self, text: str) -> None:
        first, *more = text.split("\n")
        if self.lines[-1] and not self.lines[-1].endswith(" "):
            self._append(" ")
        self._append(first + " ")
        for line in more:
            self._new_line()
            self._append(line + " ")

    def _inline(self, text: str) -> None:
        text = SPACES.sub(" ", text)
        if not self.lines[-1] or self.lines[-1].endswith(" "):
            text = text.lstrip(" ")
        self._append(text)

    def _block(self, tag: Tag, prefix: str = "", apart: bool = False) -> None:
        """An element on lines of its own; `apart` puts an empty line around it."""
        self._new_line(apart)
        self._append(prefix)
        if tag.name == "pre":
            self.lines[-1:] = (self.lines[-1] + tag.get_text()).split("\n")
        else:
            self.walk(tag)
        self._new_line(apart)

    def _line(self, text: str) -> None:
        self._new_line()
        self._append(text)
        self._new_line()

    def _append(self, text: str) -> None:
        self.lines[-1] += text

    def _new_line(self, apart: bool = False) -> None:
        if PREFIX_ONLY.fullmatch(self.lines[-1]):
            return  # a list item that begins with a paragraph
        if self.lines[-1].strip():
            self.lines.append("")
        if apart and len(self.lines) > 1 and self.lines[-2] != "":
            self.lines.append("")
        self.lines[-1] = ""


def _bullet(item: Tag) -> str:
    parent = item.parent
    if parent is not None and parent.name == "ol":
        number = 1 + len(item.find_previous_siblings("li"))
        return f"{number}. "
    return "- "


def _image_name(tag: Tag) -> str:
    """What is known of a picture: its alternative text, else its file's name."""
    name = urlparse(str(tag.get("src") or "")).path.rpartition("/")[2]
    return str(tag.get("alt") or "").strip() or name or "no description"
