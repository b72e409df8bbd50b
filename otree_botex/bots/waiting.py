"""Which wait pages tell a participant nothing: those with oTree's own words alone.

Who is the last to arrive at a wait page never sees it, so what stands there must not be part of what a bot is told,
or its prompts would depend on how fast the others were. That cannot be helped where authors write something of their
own, which a person who waits would read; oTree's own words are passed over.
"""

from __future__ import annotations

from pathlib import Path

STANDARD = frozenset((Path(__file__).parent / "wait_texts.txt").read_text(encoding="utf-8").splitlines())
"""oTree's titles and texts of wait pages, in each of its languages."""


def says_nothing(text: str) -> bool:
    """Whether all that is to be seen of a page are oTree's own words for waiting."""
    lines = (line.lstrip("#").strip() for line in text.splitlines())
    return all(line in STANDARD for line in lines if line)
