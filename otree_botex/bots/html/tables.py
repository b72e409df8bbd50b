"""Which cell of a table stands where, and which cells are headers of which.

HTML standard, 4.9.12.1 "Forming a table"; header cells are taken as a reader takes them, also where no `th` marks them.
"""

from __future__ import annotations

from dataclasses import dataclass

from bs4 import Tag

from .markup import CONTROLS, around, inside

CELLS = ["td", "th"]


@dataclass(frozen=True)
class Cell:
    """A cell, and the first and last row and column that it takes."""

    tag: Tag
    row: int
    column: int
    last_row: int
    last_column: int

    @property
    def is_header(self) -> bool:
        parent = self.tag.parent.parent if self.tag.parent else None
        return self.tag.name == "th" or (parent is not None and parent.name == "thead")

    @property
    def holds_controls(self) -> bool:
        return any(inside(self.tag, CONTROLS))


class Grid:
    """The cells of one table, without those of tables in it."""

    def __init__(self, table: Tag) -> None:
        self.table = table
        self.rows = [row for row in inside(table, ["tr"]) if around(row, "table") is table]
        self.slots: list[dict[int, Cell]] = [{} for _ in self.rows]
        self._by_tag: dict[int, Cell] = {}
        for number, row in enumerate(self.rows):
            column = 0
            for tag in (part for part in row.children if isinstance(part, Tag) and part.name in CELLS):
                while column in self.slots[number]:
                    column += 1
                width = _span(tag, "colspan")
                last = min(number + _span(tag, "rowspan"), len(self.rows)) - 1
                cell = self._by_tag[id(tag)] = Cell(tag, number, column, last, column + width - 1)
                for below in range(number, last + 1):
                    self.slots[below].update(dict.fromkeys(range(column, column + width), cell))
                column += width
        self.width = max((max(slots, default=-1) + 1 for slots in self.slots), default=0)

    def cell_of(self, tag: Tag) -> Cell | None:
        """The cell of this table in which an element stands."""
        for parent in (tag, *tag.parents):
            if parent is self.table:
                return None
            if id(parent) in self._by_tag:
                return self._by_tag[id(parent)]
        return None

    def cells(self, row: int) -> list[Cell]:
        """The cells of a row, from left to right; those that reach into it from above as well."""
        return list({id(cell.tag): cell for _, cell in sorted(self.slots[row].items())}.values())

    def is_heading(self, row: int) -> bool:
        """Whether a row has header cells only (or empty ones), at least two."""
        cells = [cell for cell in self.cells(row) if cell.tag.name == "th" or cell.tag.get_text(strip=True)]
        return len(cells) > 1 and all(cell.is_header for cell in cells) and not any(c.holds_controls for c in cells)

    def row_headers(self, cell: Cell) -> list[Cell]:
        """The cells that say what a row is about: its header cells, else its first one, if it holds no control."""
        others = [other for other in self.cells(cell.row) if not other.holds_controls and other is not cell]
        headers = [other for other in others if other.is_header]
        first = self.cells(cell.row)[0]
        return headers or ([first] if first in others else [])

    def column_headers(self, cell: Cell) -> list[Cell]:
        """The header cells over a cell, from top to bottom: those of the nearest heading, else the first row's."""
        row = cell.row - 1
        while row >= 0 and not self.is_heading(row):
            row -= 1
        rows: list[int] = []
        while row >= 0 and self.is_heading(row):
            rows.insert(0, row)
            row -= 1
        if not rows and cell.row > 0 and not any(over.holds_controls for over in self.cells(0)):
            rows = [0]
        over = {id(c.tag): c for row in rows if (c := self.slots[row].get(cell.column)) and c is not cell}
        return [header for header in over.values() if header.last_column - header.column < self.width - 1]


def _span(tag: Tag, name: str) -> int:
    span = str(tag.get(name) or "1")
    return min(max(int(span), 1), 1000) if span.isdigit() else 1
