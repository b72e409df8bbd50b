"""Settings and secrets of scripts: from the environment, or from a `.env` file, and from nowhere else."""

from __future__ import annotations

import os
from pathlib import Path

from ..errors import SetupError


def load_env(path: str | Path | None = None) -> Path | None:
    """Puts what stands in a `.env` file (lines like `OPENAI_API_KEY=…`) into the environment; what is set stays.

    Without a path it is the `.env` of the folder one is in, if there is one. Returns the file that was read, or None.
    Raises SetupError if the file that was named cannot be read.
    """
    from dotenv import load_dotenv  # not needed in the server's environment

    file = Path(path or ".env")
    if path is None and not file.is_file():
        return None
    try:
        with file.open(encoding="utf-8-sig") as lines:
            load_dotenv(stream=lines, override=False)
    except OSError as error:
        raise SetupError(f"{file} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise SetupError(f"{file} is no text in UTF-8.") from None
    return file


def needed(name: str, given: str | None, what: str) -> str:
    """A setting as it was given, or as the environment has it under this name. Raises SetupError if neither does."""
    value = given or os.environ.get(name)
    if not value:
        raise SetupError(f"{what} is not known: pass it, or set {name} in the environment or in a .env file.")
    return value
