"""The prompts that come with this package, and whether a project's own may stand in for one of them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from .errors import SetupError
from .persona_sets import placeholders

FOLDER = Path(__file__).parent / "bots" / "prompts"
MOST_CHARACTERS = 20_000


def defaults() -> dict[str, str]:
    """The texts of the prompts as they come with this package, by name."""
    return {path.stem: path.read_text("utf-8") for path in sorted(FOLDER.glob("*.txt"))}


def completed(own: Mapping[str, str]) -> dict[str, str]:
    """All prompts: a set's own, and for those that it does not have the default ones."""
    return {**defaults(), **own}


def check(name: str, text: str) -> None:
    """Raises SetupError if this text cannot stand in for the prompt of this name: all that the default leaves open must
    be in it, and nothing else."""
    default = defaults().get(name)
    if default is None:
        raise SetupError(f"There is no prompt called “{name}”.")
    if not text.strip():
        raise SetupError(f"The prompt “{name}” must not be empty.")
    if len(text) > MOST_CHARACTERS:
        raise SetupError(f"The prompt “{name}” may have {MOST_CHARACTERS:,} characters.")
    wanted = placeholders(default)
    try:
        found = placeholders(text)
    except SetupError as error:
        raise SetupError(f"The prompt “{name}” cannot be used. {error}") from None
    unknown, missing = [p for p in found if p not in wanted], [p for p in wanted if p not in found]
    if unknown:
        may = f"It may have {_listed(wanted)}." if wanted else "It has none."
        raise SetupError(f"{_listed(unknown)} is no placeholder of “{name}”. {may} Write $$ for a dollar sign.")
    if missing:
        raise SetupError(
            f"The prompt “{name}” must have {_listed(missing)} in it: the bots put something in its place."
        )


def _listed(names: list[str]) -> str:
    return ", ".join(f"${name}" for name in names)
