"""Small tables in plain text, and whether an aim is met."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

WIDTH = 110


def show(title: str, header: Sequence[str], rows: Sequence[Sequence[str]], *notes: str) -> None:
    """Prints a table, its columns aligned to the right, and notes under it, each a paragraph."""
    widths = [max(len(row[column]) for row in (header, *rows)) for column in range(len(header))]
    print(f"\n{title}")
    for row in (header, ["-" * width for width in widths], *rows):
        print("  " + "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)))
    for note in notes:
        print(textwrap.fill(note, WIDTH, initial_indent="  ", subsequent_indent="  "))
    print(end="", flush=True)


def aim(text: str, met: bool) -> str:
    """A line that says whether an aim is met."""
    return f"Aim: {text}: {'met' if met else 'NOT MET'}."
