"""A line of progress on a terminal. Where there is none (a log, a notebook, a test), only what is said stands there."""

from __future__ import annotations

from collections.abc import Callable
from typing import TextIO


class Progress:
    """One line that is written over again and again, on `out`."""

    def __init__(self, out: TextIO) -> None:
        self._out, self._is_terminal = out, out.isatty()
        self._shown = ""

    def show(self, line: Callable[[], str]) -> None:
        """Shows how things stand; `line` is only made where it is shown."""
        if self._is_terminal and (text := line()) != self._shown:
            print(f"\r\033[K{text}", end="", file=self._out, flush=True)
            self._shown = text

    def say(self, text: str) -> None:
        """A line that stays."""
        self.end()
        print(text, file=self._out, flush=True)

    def end(self) -> None:
        """Leaves the line as it is."""
        if self._shown:
            print(file=self._out, flush=True)
            self._shown = ""
