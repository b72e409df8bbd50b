"""What a participant takes for the label of a control, wherever it stands on the page."""

from __future__ import annotations

import re

from bs4 import BeautifulSoup, Tag
from bs4.element import NavigableString, PreformattedString

from .markup import CONTROLS, around, inside
from .tables import CELLS, Cell, Grid
from .visibility import Visibility
from .visible import plain_text, see

LONGEST = 300
"""A text around a control that is longer is no label, and its last sentence is."""
GAP = "\x00"
BLOCKS = ["p", "li", "div", "dd", "td", "th", "fieldset", "section", "form", "body"]
ROWS = [*CELLS, "tr", "thead", "tbody", "tfoot"]
SENTENCE = re.compile(r"(?<=[.!?:。？！])\s+")


class Labels:
    """Finds the labels of a page's controls. Values of options and names of fields are never taken for one: they are
    not to be seen."""

    def __init__(self, soup: BeautifulSoup, visibility: Visibility) -> None:
        self.soup, self.visibility = soup, visibility
        self._by_for: dict[str, Tag] = {}
        for label in soup.find_all("label", attrs={"for": True}):
            self._by_for.setdefault(str(label["for"]), label)
        self._grids: dict[int, Grid] = {}

    def of_field(self, tag: Tag) -> str:
        """The question that a single control answers."""
        return (
            self.own(tag)
            or self._aria(tag)
            or self._in_table(tag)
            or self._legend([tag])
            or self._around(tag)
            or str(tag.get("placeholder") or tag.get("title") or "")
        )

    def of_group(self, tags: list[Tag]) -> str:
        """The question that a group of radio buttons or check boxes answers."""
        stem = str(tags[0].get("id") or "").rpartition("-")[0]  # oTree's label is for the group as a whole
        if stem in self._by_for and (text := self._text(self._by_for[stem])):
            return text
        holder = _common(tags)
        for parent in (holder, *holder.parents):
            if parent.name == "form" or not self._is_only(parent, tags):
                break
            if text := self._aria(parent):
                return text
        return self._legend(tags) or self._group_in_table(tags) or self._before_group(holder, tags)

    def of_option(self, tag: Tag, group: list[Tag]) -> str:
        """What one radio button or check box of a group stands for."""
        return self.beside(tag) or self._aria(tag) or self._option_in_table(tag, group) or str(tag.get("title") or "")

    def beside(self, tag: Tag) -> str:
        """An option's label if it stands beside it as text of its own."""
        if text := self.own(tag):
            return text
        if _follows_its_label(tag):  # before the first one the question may stand as well
            return SENTENCE.split(_plain_string(tag.previous_sibling))[-1]
        return self._text_after(tag)

    def stands_after(self, tag: Tag) -> bool:
        """Whether an option's label is to be read directly after it."""
        return bool(self.own(tag)) or (not _follows_its_label(tag) and bool(self._text_after(tag)))

    def own(self, tag: Tag) -> str:
        """The text of a control's label elements."""
        return next((text for label in self.elements(tag) if (text := self._of_label(label, tag))), "")

    def elements(self, tag: Tag) -> list[Tag]:
        """The label elements of a control."""
        named, outer = self._by_for.get(str(tag.get("id") or "")), around(tag, "label")
        found = [named] if isinstance(named, Tag) else []
        if outer is not None and outer is not named and not outer.has_attr("for"):
            first = next((control for control in inside(outer, CONTROLS) if control.get("type") != "hidden"), None)
            found += [outer] if first is tag else []
        return found

    def _of_label(self, label: Tag, tag: Tag) -> str:
        """The text of a label; one that was not closed goes no further than to the next control."""
        others = [control for control in inside(label, CONTROLS) if self.visibility.sees(control)]
        if not any(control is not tag for control in others):
            return self._text(label)
        parts = see(label, self.visibility, {id(control): GAP for control in others}, marked=False).text.split(GAP)
        return " ".join(parts[0].split()) or " ".join(parts[1].split())

    def unit(self, tag: Tag) -> str:
        """What oTree and Bootstrap set directly beside a control: "points", "€"."""
        beside = tag.find_next_sibling() or tag.find_previous_sibling()
        is_unit = isinstance(beside, Tag) and "input-group-text" in (beside.get("class") or ())
        return self._text(beside) if is_unit and isinstance(beside, Tag) else ""

    def button(self, tag: Tag) -> str:
        """What stands on a button. The value of a button element is not to be seen."""
        if tag.name == "input":
            text = str(tag.get("alt" if tag.get("type") == "image" else "value") or "")
        else:
            text = self._text(tag)
        return text or self._aria(tag) or str(tag.get("title") or "") or "Submit"

    def _text(self, tag: Tag) -> str:
        return plain_text(tag, self.visibility)

    def _aria(self, tag: Tag) -> str:
        named = [self.soup.find(id=name) for name in str(tag.get("aria-labelledby") or "").split()]
        text = " ".join(self._text(other) for other in named if isinstance(other, Tag))
        return text or str(tag.get("aria-label") or "")

    def _legend(self, tags: list[Tag]) -> str:
        fieldset = around(tags[0], "fieldset")
        if fieldset is None or not self._is_only(fieldset, tags):
            return ""
        legend = fieldset.find("legend")
        return self._text(legend) if isinstance(legend, Tag) else ""

    def _is_only(self, parent: Tag, tags: list[Tag]) -> bool:
        """Whether an element holds no control that a participant answers but these."""
        others = (other for other in inside(parent, CONTROLS) if self._asks(other))
        return all(any(other is tag for tag in tags) for other in others)

    def _asks(self, control: Tag) -> bool:
        kind = str(control.get("type") or "").lower()
        return control.name != "button" and kind not in ("hidden", "submit", "button", "image", "reset")

    # ---- tables

    def _cell(self, tag: Tag) -> tuple[Grid, Cell] | None:
        table = around(tag, "table")
        if table is None:
            return None
        grid = self._grids.get(id(table)) or self._grids.setdefault(id(table), Grid(table))
        cell = grid.cell_of(tag)
        return (grid, cell) if cell else None

    def _joined(self, cells: list[Cell]) -> str:
        return ": ".join(text for cell in cells if (text := self._text(cell.tag)))

    def _in_table(self, tag: Tag) -> str:
        """A cell's label: what its row is about, and the heading of its column."""
        if (place := self._cell(tag)) is None:
            return ""
        grid, cell = place
        if _plain_string(tag.previous_sibling):
            return ""  # its label stands in its own cell
        return self._joined([*grid.row_headers(cell), *grid.column_headers(cell)])

    def _group_in_table(self, tags: list[Tag]) -> str:
        places = [self._cell(tag) for tag in tags]
        if len(tags) < 2 or any(place is None for place in places):
            return ""
        grid, first = places[0]  # type: ignore[misc]
        cells = [place[1] for place in places if place]
        if all(cell.row == first.row for cell in cells):
            others = [self._text(cell.tag) for cell in grid.cells(first.row) if not cell.holds_controls]
            return " … ".join(filter(None, others))
        if all(cell.column == first.column for cell in cells):
            return self._joined(grid.column_headers(first))
        return ""

    def _option_in_table(self, tag: Tag, group: list[Tag]) -> str:
        if (place := self._cell(tag)) is None:
            return ""
        grid, cell = place
        places = [other for member in group if (other := self._cell(member))]
        cells = [other for _, other in places]
        if len({other.row for other in cells}) > 1:  # one below the other
            others = [other for other in grid.cells(cell.row) if other is not cell and not other.holds_controls]
            return self._joined(grid.row_headers(cell) or others[:1])
        return self._joined(grid.column_headers(cell)) or self._at_side(grid, cell, cells)

    def _at_side(self, grid: Grid, cell: Cell, cells: list[Cell]) -> str:
        """The text beside one of two options that stand between what they choose, as in a list of lotteries."""
        row = grid.cells(cell.row)
        if len(cells) != 2 or row.index(cells[1]) - row.index(cells[0]) != 1:
            return ""
        at = row.index(cell) + (-1 if cell is cells[0] else 1)
        return self._text(row[at].tag) if 0 <= at < len(row) and not row[at].holds_controls else ""

    # ---- text around

    def _around(self, tag: Tag) -> str:
        """The text before and after a control in its paragraph, else what stands before it."""
        block = around(tag, *BLOCKS)
        if block is None:
            return ""
        controls = [other for other in inside(block, CONTROLS) if self.visibility.sees(other)]
        numbers = [number for number, other in enumerate(controls) if other is tag]
        parts = see(block, self.visibility, {id(other): GAP for other in controls}, marked=False).text.split(GAP)
        if not numbers or len(parts) != len(controls) + 1:
            return ""
        number = numbers[0]
        is_last = not any(self._asks(other) for other in controls[number + 1 :])
        before = _last_line(parts[number].rstrip(" ").rpartition("\n")[2])
        after = parts[number + 1].lstrip(" ").partition("\n")[0].strip() if is_last else ""
        after = "" if after == self.unit(tag) else after
        if before and after:
            return _short(f"{before} … {after}")
        return before or self._before(block) or after or _last_line(parts[0])  # several may share a text

    def _before_group(self, holder: Tag, tags: list[Tag]) -> str:
        """The text before the first of a group, in the element that holds them all or before it."""
        text = see(holder, self.visibility, {id(tags[0]): GAP}, marked=False).text.partition(GAP)[0]
        return _last_line(text.strip().removesuffix(self.beside(tags[0]))) or self._before(holder)

    def _before(self, element: Tag) -> str:
        """The text that stands directly before an element, if no other control stands between."""
        while element.name not in ("form", "body", "html", "[document]"):
            for sibling in () if element.name in ROWS else element.previous_siblings:
                if isinstance(sibling, Tag):
                    controls = [sibling] if sibling.name in CONTROLS else inside(sibling, CONTROLS)
                    if any(self._asks(control) for control in controls):
                        return ""
                    text = see(sibling, self.visibility, marked=False).text if self.visibility.sees(sibling) else ""
                else:
                    text = _plain_string(sibling)
                if text:
                    return _last_line(text)
            if element.parent is None:
                break
            element = element.parent
        return ""

    def _text_after(self, tag: Tag) -> str:
        """The text that follows a radio button or check box, also where it stands in a column of its own."""
        element = tag
        while True:
            following = element.next_sibling
            if text := _plain_string(following):
                return text
            if not isinstance(following, Tag):
                following = element.find_next_sibling()
            if isinstance(following, Tag):
                is_text = following.name not in (*CONTROLS, "br", "p", "table") and not following.has_attr("for")
                return self._text(following) if is_text and not any(inside(following, CONTROLS)) else ""
            parent = element.parent
            if parent is None or parent.name not in ("div", "span") or parent.get_text(strip=True):
                return ""
            element = parent


def _follows_its_label(tag: Tag) -> bool:
    """Whether the texts between boxes of one name stand before them: one before the first and none after the last."""
    siblings = [other for other in tag.parent.children if isinstance(other, Tag)] if tag.parent else []
    boxes = [other for other in siblings if other.name == "input" and other.get("name") == tag.get("name")]
    return (
        len(boxes) > 1
        and bool(_plain_string(boxes[0].previous_sibling))
        and boxes[-1].find_next_sibling() is None
        and not _plain_string(boxes[-1].next_sibling)
    )


def _common(tags: list[Tag]) -> Tag:
    """The nearest element that holds all of these."""
    for parent in tags[0].parents:
        if all(any(outer is parent for outer in tag.parents) for tag in tags[1:]):
            return parent
    return tags[0]


def _last_line(text: str) -> str:
    """The last line of a text, without a list's or heading's mark."""
    return _short(re.sub(r"^(?:#+|-|\d+\.)(?: |$)", "", text.strip().rpartition("\n")[2]).strip())


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else SENTENCE.split(text)[-1][-LONGEST:]


def _plain_string(node: object) -> str:
    is_text = isinstance(node, NavigableString) and not isinstance(node, PreformattedString)
    return " ".join(str(node).split()) if is_text else ""
