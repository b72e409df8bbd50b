"""What a project keeps for its bots in the folder `_llm_bots/`: personas and prompts of its own.

    personas/NAME.csv     a set of personas, a row each
    personas/NAME.txt     the template that makes a text of a row, if there is one
    prompts/NAME/*.txt    a set of prompts: those that differ from the default ones

Nothing is written anywhere else. Whoever writes gives a name of letters, digits, - and _.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path

from . import persona_sets as sets
from . import prompt_check
from .errors import SetupError
from .persona_sets import Persona, Table

FOLDER = "_llm_bots"
NAME = re.compile(r"[A-Za-z0-9_-]{1,50}")


def persona_sets(project: Path) -> list[str]:
    """The names of the project's sets of personas."""
    return sorted(path.stem for path in (project / FOLDER / "personas").glob("*.csv"))


def personas(project: Path, name: str) -> list[Persona]:
    """The personas of a set, a row each. Raises SetupError if there is no such set, or if it cannot be read."""
    try:
        return sets.personas(name, persona_table(project, name), persona_template(project, name))
    except SetupError as error:
        raise SetupError(f"The personas “{name}” cannot be used. {error}") from None


def persona_table(project: Path, name: str) -> Table:
    """The columns and rows of a set of personas. Raises SetupError if there is no such set, or if it cannot be read."""
    return sets.read(persona_file(project, name).read_bytes())


def persona_file(project: Path, name: str) -> Path:
    """The CSV file of a set of personas. Raises SetupError if there is no such set."""
    if name not in persona_sets(project):
        raise SetupError(f"There is no set of personas “{name}”. Put it into {FOLDER}/personas/{name}.csv.")
    return project / FOLDER / "personas" / f"{name}.csv"


def persona_template(project: Path, name: str) -> str:
    """The template of a set of personas; empty if it has none. Raises SetupError if there is no such set."""
    path = persona_file(project, name).with_suffix(".txt")
    return _read(path) if path.is_file() else ""


def add_personas(project: Path, name: str, content: bytes, replace: bool = False) -> None:
    """Makes a set of personas of a CSV file. Raises SetupError if it cannot be read or written, or if there is a set of
    this name that is not to be replaced."""
    _check_name(name)
    sets.read(content)
    if name in persona_sets(project) and not replace:
        raise SetupError(f"There already is a set of personas “{name}”. Choose another name, or say to replace it.")
    _write(project, project / FOLDER / "personas" / f"{name}.csv", content)


def save_persona_template(project: Path, name: str, template: str) -> None:
    """Writes the template of a set of personas; an empty one is taken away. Raises SetupError if it does not fit the
    set's columns, or cannot be written."""
    table = persona_table(project, name)
    sets.check(template, table)
    path = persona_file(project, name).with_suffix(".txt")
    _write(project, path, _as_stored(template))


def prompt_sets(project: Path) -> list[str]:
    """The names of the project's own sets of prompts."""
    return sorted(path.name for path in (project / FOLDER / "prompts").glob("*") if path.is_dir())


def prompts(project: Path, name: str) -> dict[str, str]:
    """The prompts of a set that differ from the default ones, by name. Raises SetupError if there is no such set, or if
    one of them cannot be used."""
    found = stored_prompts(project, name)
    for prompt, text in found.items():
        try:
            prompt_check.check(prompt, text)
        except SetupError as error:
            raise SetupError(f"The prompts “{name}” cannot be used. {error}") from None
    return found


def stored_prompts(project: Path, name: str) -> dict[str, str]:
    """The same, whether or not they can be used. Raises SetupError if there is no such set, or if it cannot be read."""
    if name not in prompt_sets(project):
        raise SetupError(f"There is no set of prompts “{name}”. Put it into {FOLDER}/prompts/{name}/.")
    folder = project / FOLDER / "prompts" / name
    return {path.stem: _read(path) for path in sorted(folder.glob("*.txt"))}


def add_prompts(project: Path, name: str, texts: Mapping[str, str]) -> None:
    """Makes a set of prompts of those that differ from the default ones. Raises SetupError if there is one of this
    name, or if it cannot be written."""
    _check_name(name)
    folder = project / FOLDER / "prompts" / name
    if folder.exists():
        raise SetupError(f"There already is a set of prompts “{name}”. Choose another name.")
    _make(project, folder)
    for prompt, text in texts.items():
        save_prompt(project, name, prompt, text)


def save_prompt(project: Path, name: str, prompt: str, text: str) -> None:
    """Writes one prompt of a set. One that is as the default is not kept as a file. Raises SetupError if the text
    cannot be used, if there is no such set, or if it cannot be written."""
    prompt_check.check(prompt, text)
    stored_prompts(project, name)
    stored = _as_stored(text)
    is_default = stored == prompt_check.defaults()[prompt].encode()
    _write(project, project / FOLDER / "prompts" / name / f"{prompt}.txt", b"" if is_default else stored)


def reset_prompt(project: Path, name: str, prompt: str) -> None:
    """Puts the default prompt back into a set. Raises SetupError as `save_prompt` does."""
    if prompt not in stored_prompts(project, name):
        return
    _write(project, project / FOLDER / "prompts" / name / f"{prompt}.txt", b"")


def _check_name(name: str) -> None:
    if not NAME.fullmatch(name):
        raise SetupError("A name has letters from A to Z, digits, - and _, at least 1 and at most 50 of them.")


def _as_stored(text: str) -> bytes:
    """A text from a web page, with the line ends that files have here; nothing if there is only space."""
    return f"{text.strip()}\n".replace("\r\n", "\n").replace("\r", "\n").encode() if text.strip() else b""


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8-sig")
    except UnicodeDecodeError:
        raise SetupError(f"{FOLDER}/{path.parent.name}/{path.name} is not UTF-8. Save it as such.") from None


def _make(project: Path, folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _cannot(project, folder, error) from None
    if not folder.resolve().is_relative_to((project / FOLDER).resolve()):
        raise SetupError(f"{folder.relative_to(project)} leads out of {FOLDER}. Nothing is written there.")


def _write(project: Path, path: Path, content: bytes) -> None:
    """Writes a file as a whole or not at all; takes it away if there is nothing to write."""
    _make(project, path.parent)
    try:
        if not content:
            path.unlink(missing_ok=True)
            return
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".", delete=False) as file:
            file.write(content)
        os.chmod(file.name, 0o644)
        os.replace(file.name, path)
    except OSError as error:
        raise _cannot(project, path, error) from None


def _cannot(project: Path, path: Path, error: OSError) -> SetupError:
    return SetupError(
        f"{path.relative_to(project)} cannot be written here ({error.strerror}). Where a server's files cannot be "
        "changed, do it in your own copy of the project and deploy that."
    )
