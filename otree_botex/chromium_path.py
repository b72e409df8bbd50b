"""The browser in which bots open pages that need one: a Chromium that is installed, or that Playwright downloaded."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from .errors import SetupError

NAMED = "OTREE_BOTEX_CHROMIUM"
VERSION_SECONDS = 30
SETUP = "Run “otree-botex setup --browser” in the project's folder"

COMMANDS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "microsoft-edge")
APPLICATIONS = (Path("/Applications"), Path("~/Applications"))
"""Where programs are on macOS; on Windows these variables name such folders."""
PROGRAM_FILES = ("ProgramFiles", "ProgramFiles(x86)", "LOCALAPPDATA")
INSTALLED_MACOS = ("Google Chrome", "Chromium", "Microsoft Edge")
INSTALLED_WINDOWS = ("Google/Chrome/Application/chrome.exe", "Microsoft/Edge/Application/msedge.exe")

BUILD = re.compile(r"(chromium|chromium_headless_shell)-(\d+)")
PROGRAMS = (
    "chrome-*/chrome",
    "chrome-*/chrome.exe",
    "chrome-*/*.app/Contents/MacOS/*",
    "chrome-*/*headless*shell",
    "chrome-*/*headless*shell.exe",
)
"""The program in a folder that Playwright downloaded, of whatever version and system."""


def find_chromium() -> Path | None:
    """The Chromium, Chrome or Edge to use: as OTREE_BOTEX_CHROMIUM names it, else one that is installed, else the
    newest that Playwright downloaded. None if there is none. Whether it starts is not tried.

    Raises SetupError if one is named that does not exist.
    """
    named = os.environ.get(NAMED)
    if not named:
        return next(_found(), None)
    path = Path(named).expanduser().absolute()
    if not path.is_file():
        raise SetupError(
            f"{NAMED} names {named}, which is no file. Correct it, or unset it to have Chromium looked for."
        )
    return path


def needed_chromium() -> Path:
    """The same, for a bot in this process. Raises SetupError, with the way out, if there is none or no Playwright."""
    if find_spec("playwright") is None:
        raise SetupError(f"Playwright is not installed for {sys.executable}. {SETUP}, or install it there yourself.")
    path = find_chromium()
    if path is None:
        raise SetupError(f"There is no Chromium or Chrome on this machine. {SETUP}, or install one{chromium_advice()}.")
    return path


def why_no_browser() -> str:
    """Why bots in this process can open no browser, and what to do about it; empty if they can."""
    try:
        needed_chromium()
    except SetupError as error:
        return str(error)
    return ""


def chromium_version(path: Path) -> str:
    """Its version; empty if nothing tells it. Raises SetupError, with what it said, if it does not start."""
    if path.suffix.lower() == ".exe":  # it would open a window, but the files beside it are named after the version
        names = (re.match(r"\d+(\.\d+){3}", entry.name) for entry in path.parent.iterdir())
        return max((found[0] for found in names if found), default="", key=lambda text: [*map(int, text.split("."))])
    try:
        done = subprocess.run(
            [path, "--version"], capture_output=True, encoding="utf-8", errors="replace", timeout=VERSION_SECONDS
        )
        said = done.stderr.strip() or done.stdout.strip() or f"it ended with code {done.returncode}"
        found = re.search(r"\d+(\.\d+)+", done.stdout) if done.returncode == 0 else None
    except OSError as error:
        said, found = error.strerror or str(error), None
    except subprocess.TimeoutExpired:
        said, found = f"it did not tell its version within {VERSION_SECONDS} seconds", None
    if found is None:
        raise SetupError(
            f"{path} does not start: {said.splitlines()[-1].rstrip('.')}. "
            f"Install another Chromium or Chrome{chromium_advice()}, or name one in {NAMED}."
        )
    return found[0]


def chromium_advice() -> str:
    """How to install one on this system, in brackets."""
    if sys.platform == "darwin":
        return " (brew install --cask google-chrome)"
    return "" if os.name == "nt" else " (on Debian or Ubuntu: sudo apt install chromium)"


def _found() -> Iterator[Path]:
    yield from (Path(path).absolute() for path in map(shutil.which, COMMANDS) if path)
    yield from filter(Path.is_file, _usual_places())
    for folder in _downloads():
        yield from _builds(folder)


def _usual_places() -> Iterator[Path]:
    """On macOS and Windows, programs are not on the PATH. Elsewhere there are no such folders."""
    for folder in APPLICATIONS:
        yield from (folder.expanduser() / f"{name}.app/Contents/MacOS/{name}" for name in INSTALLED_MACOS)
    for variable in PROGRAM_FILES:
        if os.environ.get(variable):
            yield from (Path(os.environ[variable], name) for name in INSTALLED_WINDOWS)


def _downloads() -> Iterator[Path]:
    """Where Playwright keeps what it downloads, as its documentation says under “Managing browser binaries”."""
    named = os.environ.get("PLAYWRIGHT_BROWSERS_PATH")
    if named == "0":  # beside its own files
        spec = find_spec("playwright")
        folders = spec.submodule_search_locations if spec else None
        yield from (Path(folder, "driver/package/.local-browsers") for folder in folders or ())
    elif named:
        yield Path(named)
    else:
        caches = (os.environ.get("XDG_CACHE_HOME") or "~/.cache", "~/Library/Caches", os.environ.get("LOCALAPPDATA"))
        yield from (Path(cache, "ms-playwright").expanduser() for cache in caches if cache)


def _builds(folder: Path) -> Iterator[Path]:
    """The newest first, and of two of one age the whole Chromium before the one that has no windows."""
    names = filter(None, (BUILD.fullmatch(entry.name) for entry in folder.glob("*")))
    for name in sorted(names, key=lambda name: (int(name[2]), name[1] == "chromium"), reverse=True):
        build = folder / name[0]
        if (build / "INSTALLATION_COMPLETE").exists():  # else it was cut off, and Playwright begins again
            yield from (path for pattern in PROGRAMS for path in build.glob(pattern) if path.is_file())
