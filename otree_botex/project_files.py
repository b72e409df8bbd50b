"""What a project keeps for its bots in the folder `_llm_bots/`: personas and prompts of its own."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

from .errors import SetupError

FOLDER = "_llm_bots"


@dataclass(frozen=True)
class Persona:
    """Who a bot is to be: a name for the record, and the words that its model is given."""

    name: str
    text: str


def persona_sets(project: Path) -> list[str]:
    """The names of the project's sets of personas: its files `_llm_bots/personas/NAME.csv`."""
    return sorted(path.stem for path in (project / FOLDER / "personas").glob("*.csv"))


def personas(project: Path, name: str) -> list[Persona]:
    """The personas of a set, a row each. Raises SetupError if there is no such set, or if it cannot be read."""
    if name not in persona_sets(project):
        raise SetupError(f"There is no set of personas “{name}”. Put it into {FOLDER}/personas/{name}.csv.")
    with (project / FOLDER / "personas" / f"{name}.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    return [
        Persona(f"{name} {number}", "\n".join(f"{column}: {value}" for column, value in row.items()))
        for number, row in enumerate(rows, 1)
    ]


def prompt_sets(project: Path) -> list[str]:
    """The names of the project's own sets of prompts: the folders `_llm_bots/prompts/NAME/`."""
    return sorted(path.name for path in (project / FOLDER / "prompts").glob("*") if path.is_dir())


def prompts(project: Path, name: str) -> dict[str, str]:
    """The prompts of a set, by the names of those that they replace. Raises SetupError if there is no such set."""
    if name not in prompt_sets(project):
        raise SetupError(f"There is no set of prompts “{name}”. Put it into {FOLDER}/prompts/{name}/.")
    folder = project / FOLDER / "prompts" / name
    return {path.stem: path.read_text("utf-8") for path in sorted(folder.glob("*.txt"))}
