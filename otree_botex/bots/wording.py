"""What models are told around an experiment's pages: the prompts of one launch."""

from __future__ import annotations

from collections.abc import Mapping
from string import Template

from ..prompt_check import completed
from ..records import MemoryMode
from .replies import KEPT_NOTES_LENGTH


class Prompts:
    """The default prompts, but for those of the project's `own`."""

    def __init__(self, own: Mapping[str, str] | None = None) -> None:
        self.texts = completed(own or {})
        """All of them by name, as they are used."""

    def __call__(self, name: str, **values: str) -> str:
        """One of them, with a value for each of its placeholders."""
        return Template(self.texts[name].strip()).substitute(values)

    def first(self, memory: MemoryMode, persona: str, pretest: bool) -> str:
        """What a bot is told before all pages: what it takes part in, who it is to be, what it is to note and to
        remark."""
        parts = [self("system")]
        if persona:
            parts.append(self("persona", persona=persona))
        if memory == "summary":
            parts.append(self("summary", length=str(KEPT_NOTES_LENGTH)))
        if pretest:
            parts.append(self("remark"))
        return "\n\n".join(parts)
