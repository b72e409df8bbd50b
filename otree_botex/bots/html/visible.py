"""The text of an HTML page as a participant sees it, in reading order, with the controls in their places.

Not seen: scripts, styles, comments, hidden elements, oTree's debug info. Tables keep their rows and columns, lists
their items and numbers, emphasis is marked as in Markdown, and what is no text is named in brackets.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote, urlparse

from bs4 import Tag
from bs4.element import NavigableString, PreformattedString

from .lists import bullet
from .markup import inside
from .tables import Cell, Grid
from .visibility import Visibility

HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
BLOCKS = {
    *("address", "article", "aside", "blockquote", "body", "caption", "dd", "details", "dialog", "div", "dl", "dt"),
    *("fieldset", "figcaption", "figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "html"),
    *("legend", "li", "main", "nav", "ol", "p", "pre", "section", "summary", "table", "tbody", "tfoot", "thead", "ul"),
}
# Blocks that Bootstrap and oTree set apart from what follows, as a form's fields are.
SPACED = {"_formfield", "form-group", "mb-3", "mb-4", "mb-5"}
PARAGRAPHS = {"p", "table", "ul", "ol", "dl", "blockquote", "pre", "fieldset"}
MARKS = {"b": "**", "strong": "**", "i": "*", "em": "*", "del": "~~", "s": "~~", "strike": "~~"}
RAISED = {"sup": "^", "sub": "_"}
UNMARKED = {*HEADINGS, "label", "button", "th", "legend", "summary", "caption", "dt"}
LAYOUT = [*HEADINGS, "ul", "ol", "dl", "fieldset", "hr"]
MEDIA = {
    **{"video": "video", "audio": "sound", "iframe": "frame", "object": "object", "embed": "object"},
    "canvas": "drawing",
}
SPACES = re.compile(r"[ \t\r\n\f]+")
SHORT = 40
"""A cell that spans rows or columns is written into each of them if its text is not longer than this."""
# What looks like a space is one; what cannot be seen at all is left out.
UNSEEN_CHARACTERS = str.maketrans("\u00a0\u202f\u2009", "   ", "\u200b\u00ad\ufeff")


@dataclass(frozen=True)
class Image:
    """A picture that a participant sees: where it is, and what it is called in the text."""

    src: str
    name: str


@dataclass(frozen=True)
class Seen:
    """What is to be seen of an element: its text, and its pictures in the order of their brackets."""

    text: str
    images: tuple[Image, ...] = ()


def see(root: Tag, visibility: Visibility, places: Mapping[int, str] | None = None, marked: bool = True) -> Seen:
    """What is to be seen of an element. `places` says what stands at a control, by the id() of its tag, or before the
    text of a label; `marked` whether emphasis is."""
    images: list[Image] = []
    writer = _Writer(visibility, places or {}, images, marked)
    writer.walk(root)
    return Seen(writer.text(), tuple(images))


def plain_text(tag: Tag, visibility: Visibility) -> str:
    """The visible text of a small element (a label, a button, a cell) on one line, without marks of emphasis."""
    writer = _Writer(visibility, {}, [], marked=False)
    writer.walk(tag)
    return SPACES.sub(" ", writer.text()).strip()


class _Writer:
    """Writes down what is seen. Lines are made by blocks; white space is folded as a browser folds it."""

    def __init__(
        self, visibility: Visibility, places: Mapping[int, str], images: list[Image], marked: bool = True
    ) -> None:
        self.visibility, self.places, self.images, self.marked = visibility, places, images, marked
        self.visible, self.folds = True, True
        self.lines: list[str] = [""]

    def text(self) -> str:
        lines = [line.rstrip() if line.strip() else "" for line in self.lines]
        return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip("\n ")

    def walk(self, tag: Tag) -> None:
        for child in tag.children:
            if isinstance(child, Tag):
                if id(child) in self.places and child.name != "label":
                    self._control(self.places[id(child)])
                elif not self.visibility.hides(child):
                    self._visible_or_not(child)
            elif self.visible and isinstance(child, NavigableString) and not isinstance(child, PreformattedString):
                self._inline(str(child))

    def _visible_or_not(self, tag: Tag) -> None:
        before, self.visible = self.visible, self.visibility.is_visible(tag, self.visible)
        if self.visibility.is_closed(tag) and (opener := self.visibility.opener(tag)):
            label = plain_text(opener, self.visibility) or opener.get("aria-label") or "a button"
            self._line(f'[opens with "{label}":]')
        if id(tag) in self.places:
            self._control(self.places[id(tag)])
        self._element(tag)
        self.visible = before

    def _element(self, tag: Tag) -> None:
        name = tag.name
        if name in ("input", "select", "textarea"):
            return  # nothing to answer
        if name in ("img", "svg", "progress", "meter") or name in MEDIA:
            if self.visible and (text := self._picture(tag)):
                self._inline(f" {text} ")
        elif name == "br":
            self._new_line()
        elif name == "hr":
            self._line("---")
        elif name == "table":
            self._table(tag)
        elif name == "li":
            self._item(tag, bullet(tag))
        elif name == "dd":
            self._item(tag, "  ")
        elif name in HEADINGS:
            self._block(tag, "#" * int(name[1]) + " ", apart=True)
        elif name in BLOCKS:
            inner = tag.parent is not None and tag.parent.name in ("li", "dd")
            apart = (name in PARAGRAPHS and not inner) or not SPACED.isdisjoint(tag.get("class") or ())
            self._block(tag, apart=apart)
        elif name in RAISED:
            text = self._within(tag)
            self._inline(RAISED[name] + (text if len(text.split()) < 2 and "[" not in text else f"({text})"))
        elif name == "rt":
            self._inline(f"({self._within(tag)})")
        elif name == "q":
            self._inline(f"“{self._within(tag)}”")
        elif name in MARKS and self.marked:
            self._emphasis(tag, MARKS[name])
        else:
            self._unmarked(tag)

    def _unmarked(self, tag: Tag) -> None:
        before, self.marked = self.marked, self.marked and tag.name not in UNMARKED
        self.walk(tag)
        self.marked = before

    def _emphasis(self, tag: Tag, mark: str) -> None:
        lines, start = len(self.lines), len(self.lines[-1])
        self.walk(tag)
        text = self.lines[-1][start:]
        if len(self.lines) == lines and text.strip() and "[" not in text and mark not in text:
            words = text.strip()
            self.lines[-1] = self.lines[-1][:start] + text.replace(words, mark + words + mark)

    def _within(self, tag: Tag, marked: bool | None = None) -> str:
        """The text of an element that is written in some form of its own."""
        writer = _Writer(self.visibility, self.places, self.images, self.marked if marked is None else marked)
        writer.visible = self.visible
        writer.walk(tag)
        return writer.text()

    def _item(self, tag: Tag, bullet: str) -> None:
        lines = self._within(tag).split("\n")
        self._new_line()
        self.lines[-1:] = [bullet + lines[0], *(line and " " * len(bullet) + line for line in lines[1:]), ""]

    def _table(self, table: Tag) -> None:
        self._new_line(apart=True)
        for caption in inside(table, ["caption"]):
            if caption.parent is table:
                self._visible_or_not(caption)
        grid = Grid(table)
        texts = {
            id(cell.tag): self._within(cell.tag, self.marked and not cell.is_header)
            for row in range(len(grid.rows))
            for cell in grid.cells(row)
            if cell.row == row and self.visibility.sees(cell.tag)
        }
        for row, tag in enumerate(grid.rows):
            cells = [cell for cell in grid.cells(row) if id(cell.tag) in texts]
            if not self.visibility.sees(tag) or not cells:
                continue
            if any(any(inside(cell.tag, LAYOUT)) for cell in cells) and not grid.is_heading(row):
                for cell in cells:  # a table that lays out the page
                    self._lines(texts[id(cell.tag)] if cell.row == row else "")
            else:
                self._line(" | ".join(self._row(grid, row, texts)))
            if grid.is_heading(row) and row + 1 < len(grid.rows) and not grid.is_heading(row + 1):
                self._line(" | ".join(["---"] * grid.width))
        self._new_line(apart=True)

    def _row(self, grid: Grid, row: int, texts: Mapping[int, str]) -> list[str]:
        parts = []
        for column, cell in sorted(grid.slots[row].items()):
            if id(cell.tag) in texts:
                text = texts[id(cell.tag)].replace("\n\n", "\n").replace("\n", "; ")
                if any(inside(cell.tag, ["table"])):
                    text = f"({text})"
                parts.append(text if _repeats(cell, row, column, text) else "")
        return parts

    def _lines(self, text: str) -> None:
        self._new_line()
        self.lines[-1:] = [*text.split("\n"), ""]

    def _picture(self, tag: Tag) -> str:
        """What is no text, named."""
        name = str(tag.get("alt") or tag.get("title") or tag.get("aria-label") or "").strip()
        if tag.name == "svg":
            text = SPACES.sub(" ", " ".join(part.get_text() for part in tag.find_all(["title", "text"]))).strip()
            return f"[drawing: {text}]" if text else ""
        if tag.name in ("progress", "meter"):
            return f"[{tag['value']} of {tag.get('max', '1')}]" if tag.has_attr("value") else ""
        source = tag.find("source")
        src = str(tag.get("src") or tag.get("data") or (source.get("src") if isinstance(source, Tag) else "") or "")
        file = "" if src.startswith("data:") else unquote(urlparse(src).path.rpartition("/")[2])
        what = f"{name} ({file})" if name and file else name or file
        if tag.name == "img":
            if src:
                self.images.append(Image(src, name or file))
            return f"[image: {what or 'no description'}]"
        return f"[{MEDIA[tag.name]}: {what}]" if what else f"[{MEDIA[tag.name]}]"

    def _control(self, text: str) -> None:
        first, *more = text.split("\n")
        if self.lines[-1] and not self.lines[-1].endswith(" "):
            self._append(" ")
        self._append(first + " ")
        for line in more:
            self._new_line()
            self._append(line and line + " ")

    def _inline(self, text: str) -> None:
        text = text.translate(UNSEEN_CHARACTERS)
        if not self.folds:
            self.lines[-1:] = (self.lines[-1] + text).split("\n")
            return
        text = SPACES.sub(" ", text)
        if not self.lines[-1] or self.lines[-1].endswith(" "):
            text = text.lstrip(" ")
        self._append(text)

    def _block(self, tag: Tag, prefix: str = "", apart: bool = False) -> None:
        """An element on lines of its own; `apart` puts an empty line around it."""
        self._new_line(apart)
        if prefix:
            text = self._within(tag, marked=False)
            self._lines(prefix + text.replace("\n", " ") if text else "")
        else:
            before, self.folds = self.folds, self.folds and tag.name != "pre"
            self._unmarked(tag)
            self.folds = before
        self._new_line(apart)

    def _line(self, text: str) -> None:
        self._new_line()
        self._append(text)
        self._new_line()

    def _append(self, text: str) -> None:
        self.lines[-1] += text

    def _new_line(self, apart: bool = False) -> None:
        if self.lines[-1].strip():
            self.lines.append("")
        if apart and len(self.lines) > 1 and self.lines[-2] != "":
            self.lines.append("")
        self.lines[-1] = ""


def _repeats(cell: Cell, row: int, column: int, text: str) -> bool:
    """Whether a cell is written at this place of those that it takes: at the first, and if it is short at all."""
    return (cell.row, cell.column) == (row, column) or (len(text) <= SHORT and not cell.holds_controls)
