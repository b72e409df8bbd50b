"""A set of personas: a table with a row for each, and the words that a row becomes. Pure: text in, values out."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from string import Template

from .errors import SetupError

MOST_BYTES = 2_000_000
MOST_NAME = 100
"""The characters of a name that is taken from a column."""
NAME_COLUMNS = ("name", "label")
DELIMITERS = ",;"


@dataclass(frozen=True)
class Persona:
    """Who a bot is to be: a name for the record, and the words that its model is given."""

    name: str
    text: str


@dataclass(frozen=True)
class Table:
    """A CSV file as it was read. Each row is as long as the columns; spaces around a cell are gone."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    @property
    def placeholders(self) -> dict[str, str]:
        """How each column is written in a template, without the dollar sign: its name, with an underscore for whatever
        is no letter and no digit."""
        return {column: _placeholder(column) for column in self.columns}


class PersonaTemplate(Template):
    """A text with `$column` or `${column}`; letters of any language may be in it."""

    idpattern = r"[^\W\d]\w*"


def read(content: bytes) -> Table:
    """The table in a CSV file: UTF-8, with commas or semicolons. Empty lines, and what spreadsheets leave empty at the
    end of lines, are skipped.

    Raises SetupError, in words and with the line, if it cannot be read or if its columns are not clear.
    """
    text = _text(content)
    header, *rest = list(_lines(text, _delimiter(text))) or [(1, [])]
    columns = _columns(header[1])
    rows = []
    for line, cells in rest:
        if any(cells[len(columns) :]):
            raise SetupError(
                f"Line {line} has more cells ({len(_without_end(cells))}) than there are columns ({len(columns)}). "
                "A cell that has the delimiter in it must stand in quotation marks."
            )
        rows.append((*cells[: len(columns)], *[""] * (len(columns) - len(cells))))
    if not rows:
        raise SetupError("There are only names of columns. Each line below them is a persona.")
    return Table(columns, tuple(rows))


def personas(name: str, table: Table, template: str = "", most: int | None = None) -> list[Persona]:
    """A persona for each row of the set with this name, or for so many of the first. Without a template its text are
    lines “column: value”.

    Raises SetupError if the template does not fit the columns.
    """
    check(template, table)
    names = _names(table) or [f"{name} {number}" for number in range(1, len(table.rows) + 1)]
    chosen = list(zip(names, table.rows, strict=True))[:most]
    return [Persona(own, _said(table, row, template)) for own, row in chosen]


def check(template: str, table: Table) -> None:
    """Raises SetupError if a template has a placeholder that is no column, or a dollar sign that is neither."""
    known = table.placeholders.values()
    for placeholder in placeholders(template, PersonaTemplate):
        if placeholder not in known:
            raise SetupError(
                f"${placeholder} is no column of this set. It has {', '.join(f'${one}' for one in known)}. "
                "Write $$ for a dollar sign."
            )


def placeholders(text: str, kind: type[Template] = Template) -> list[str]:
    """What a template leaves open, each once, in order. Raises SetupError, with the line, if a dollar sign is followed
    by no name."""
    found = []
    for match in kind.pattern.finditer(text):
        if match["invalid"] is not None:
            line = text.count("\n", 0, match.start()) + 1
            raise SetupError(f"In line {line} a $ is followed by no name. Write $$ for a dollar sign.")
        found.append(match["named"] or match["braced"])
    return list(dict.fromkeys(name for name in found if name))


def _text(content: bytes) -> str:
    if len(content) > MOST_BYTES:
        raise SetupError(f"The file is too large: a set of personas may have {MOST_BYTES // 1_000_000} MB.")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise SetupError(f"Line {line} is not UTF-8. Save the file as “CSV UTF-8”, as spreadsheets call it.") from None
    if "\0" in text:
        raise SetupError("This is no text file. Save the personas as “CSV UTF-8”, as spreadsheets call it.")
    return text


def _delimiter(text: str) -> str:
    """The one that makes more columns of the first line."""

    def columns(delimiter: str) -> int:
        return len(next(_lines(text, delimiter), (1, []))[1])

    return max(DELIMITERS, key=columns)


def _lines(text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """The lines that are not empty, each as its number and its cells. A cell in quotation marks may go over several."""
    reader, begins = (
        csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True, strict=True),
        1,
    )
    try:
        for line in reader:
            cells = [cell.strip() for cell in line]
            if any(cells):
                yield begins, cells
            begins = reader.line_num + 1
    except csv.Error as error:
        raise SetupError(f"Line {begins} cannot be read: {error}. Are its quotation marks right?") from None


def _columns(header: list[str]) -> tuple[str, ...]:
    columns = _without_end(header)
    if not columns:
        raise SetupError("The file is empty. Its first line names the columns, and each line below is a persona.")
    seen: dict[str, str] = {}
    for number, column in enumerate(columns, 1):
        if not column:
            raise SetupError(f"Column {number} has no name. The first line must name the columns.")
        if re.fullmatch(r"[\d.,+-]+", column):
            raise SetupError(
                f"The first line must name the columns, but “{column}” is a number. Put such a line first."
            )
        if column in columns[: number - 1]:
            raise SetupError(f"There are two columns “{column}”. Each must have a name of its own.")
        other = seen.setdefault(_placeholder(column), column)
        if other != column:
            raise SetupError(
                f"“{other}” and “{column}” would both be ${_placeholder(column)} in a template. Rename one."
            )
    return tuple(columns)


def _without_end(cells: list[str]) -> list[str]:
    """Cells without those that are empty at the end."""
    return cells[: max((number for number, cell in enumerate(cells, 1) if cell), default=0)]


def _placeholder(column: str) -> str:
    name = re.sub(r"\W+", "_", column).strip("_")
    return name if re.match(r"[^\W\d]", name) else f"_{name}"


def _names(table: Table) -> list[str]:
    """The personas' own names, from a column that has one for each; empty if there is none."""
    for column, title in enumerate(table.columns):
        found = [row[column] for row in table.rows]
        if (
            title.lower() in NAME_COLUMNS
            and len(set(found)) == len(found)
            and all(0 < len(n) <= MOST_NAME for n in found)
        ):
            return found
    return []


def _said(table: Table, row: tuple[str, ...], template: str) -> str:
    if not template.strip():
        return "\n".join(f"{column}: {value}" for column, value in zip(table.columns, row, strict=True) if value)
    values: Mapping[str, str] = dict(zip(table.placeholders.values(), row, strict=True))
    return PersonaTemplate(template).substitute(values).strip()
