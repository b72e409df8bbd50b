"""What models are told around an experiment's pages: the prompts of one launch."""

from __future__ import annotations

from collections.abc import Mapping
from string import Template

from ..prompt_check import completed


class Prompts:
    """The default prompts, but for those of the project's `own`."""

    def __init__(self, own: Mapping[str, str] | None = None) -> None:
        self.texts = completed(own or {})
        """All of them by name, as they are used."""

    def __call__(self, name: str, **values: str) -> str:
        """One of them, with a value for each of its placeholders."""
        return Template(self.texts[name].strip()).substitute(values)
