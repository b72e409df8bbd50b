"""The Chromium that bots open pages in: which one is taken, and what is said if there is none."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from otree_botex import chromium_path
from otree_botex.chromium_path import chromium_version, find_chromium, why_no_browser
from otree_botex.errors import SetupError

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the browsers here are shell scripts")


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without any browser: its home folder."""
    for name in ("PLAYWRIGHT_BROWSERS_PATH", "XDG_CACHE_HOME", *chromium_path.PROGRAM_FILES):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setattr(chromium_path, "APPLICATIONS", (Path("~/Applications"),))
    return tmp_path


def put(path: Path, script: str = "echo Chromium 156.0.8078.79 built on Debian") -> Path:
    """Installs a program."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def downloaded(build: Path, program: str) -> Path:
    """Puts a program where Playwright puts it, and says that it is complete."""
    path = put(build / program)
    (build / "INSTALLATION_COMPLETE").touch()
    return path


def test_one_that_is_named_is_taken_and_must_exist(machine, monkeypatch):
    put(machine / "bin" / "chromium")
    named = put(machine / "my chromium")
    monkeypatch.setenv("OTREE_BOTEX_CHROMIUM", "~/my chromium")
    assert find_chromium() == named
    monkeypatch.setenv("OTREE_BOTEX_CHROMIUM", "/no/chromium")
    with pytest.raises(SetupError, match="OTREE_BOTEX_CHROMIUM names /no/chromium, which is no file. Correct it"):
        find_chromium()
    monkeypatch.setenv("OTREE_BOTEX_CHROMIUM", "")
    assert find_chromium() == machine / "bin" / "chromium"


def test_what_is_installed_goes_before_what_playwright_downloaded(machine, monkeypatch):
    """Put there one by one, each is found before those that were there already."""
    monkeypatch.setenv("LOCALAPPDATA", str(machine / "local"))
    monkeypatch.setenv("ProgramFiles", str(machine / "programs"))
    assert find_chromium() is None
    caches = [machine / "local", machine / "Library" / "Caches", machine / ".cache"]
    found = [downloaded(cache / "ms-playwright" / "chromium-1255", "chrome-linux64/chrome") for cache in caches]
    found += [put(machine / "local/Microsoft/Edge/Application/msedge.exe")]
    found += [put(machine / "programs/Google/Chrome/Application/chrome.exe")]
    found += [put(machine / "Applications/Google Chrome.app/Contents/MacOS/Google Chrome")]
    found += [put(machine / "bin" / name) for name in ("microsoft-edge", "google-chrome", "chromium")]
    for path in reversed(found):
        assert find_chromium() == path
        path.unlink()
    assert find_chromium() is None


@pytest.mark.parametrize(
    "program",
    [
        "chromium-{}/chrome-linux64/chrome",
        "chromium-{}/chrome-linux/chrome",
        "chromium-{}/chrome-win64/chrome.exe",
        "chromium-{}/chrome-mac/Chromium.app/Contents/MacOS/Chromium",
        "chromium-{}/chrome-mac-arm64/Google Chrome for Testing.app/Contents/MacOS/Google Chrome for Testing",
        "chromium_headless_shell-{}/chrome-linux/headless_shell",
        "chromium_headless_shell-{}/chrome-headless-shell-win64/chrome-headless-shell.exe",
        "chromium_headless_shell-{}/chrome-headless-shell-linux64/chrome-headless-shell",
    ],
)
def test_of_playwrights_own_the_newest_whole_one_is_taken(program, machine, monkeypatch):
    monkeypatch.setenv("PLAYWRIGHT_BROWSERS_PATH", str(machine / "browsers"))
    assert find_chromium() is None
    build, _, inside = program.partition("/")
    for revision in (999, 1255, 1000):
        downloaded(machine / "browsers" / build.format(revision), inside)
    put(machine / "browsers" / program.format(1300))  # its download was cut off
    downloaded(machine / "browsers" / "firefox-1572", "firefox/firefox")
    assert find_chromium() == machine / "browsers" / program.format(1255)


def test_a_whole_chromium_is_taken_before_one_without_windows(machine):
    folder = machine / ".cache" / "ms-playwright"
    shell = downloaded(folder / "chromium_headless_shell-1255", "chrome-linux/headless_shell")
    assert find_chromium() == shell
    whole = downloaded(folder / "chromium-1255", "chrome-linux/chrome")
    assert find_chromium() == whole


@pytest.fixture
def theirs() -> Callable[[], Path]:
    """Where the Playwright that is installed looks for its own Chromium."""
    pytest.importorskip("playwright")
    asked = "from playwright.sync_api import sync_playwright as run\nwith run() as p: print(p.chromium.executable_path)"

    def ask() -> Path:
        done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
        return Path(done.stdout.strip())

    return ask


@pytest.mark.parametrize("variable", ["HOME", "XDG_CACHE_HOME", "PLAYWRIGHT_BROWSERS_PATH"])
def test_playwright_itself_looks_at_the_same_place(variable, machine, monkeypatch, theirs):
    monkeypatch.setenv(variable, str(machine / "folder"))
    path = theirs()
    (build,) = (folder for folder in path.parents if folder.name.startswith("chromium-"))
    downloaded(build, str(path.relative_to(build)))
    assert find_chromium() == path


def test_playwright_may_keep_it_beside_its_own_files(machine, monkeypatch, theirs):
    monkeypatch.setenv("PLAYWRIGHT_BROWSERS_PATH", "0")
    assert [folder for folder in theirs().parents if folder.name == ".local-browsers"] == [*chromium_path._downloads()]


def test_what_is_missing_is_said_with_the_way_out(machine, monkeypatch):
    pytest.importorskip("playwright")
    assert why_no_browser().startswith(
        "There is no Chromium or Chrome on this machine. Run “otree-botex setup --browser”"
    )
    put(machine / "bin" / "chromium")
    assert why_no_browser() == ""
    monkeypatch.setenv("OTREE_BOTEX_CHROMIUM", "/no/chromium")
    assert why_no_browser().startswith("OTREE_BOTEX_CHROMIUM names /no/chromium")
    monkeypatch.setattr(sys, "path", [])
    monkeypatch.delitem(sys.modules, "playwright", raising=False)
    assert why_no_browser() == (
        f"Playwright is not installed for {sys.executable}. "
        "Run “otree-botex setup --browser” in the project's folder, or install it there yourself."
    )


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("echo loading libnss3.so: No such file >&2; exit 127", "loading libnss3.so: No such file. Install another"),
        ("echo; echo hello", "does not start: hello. Install another"),
        ("exit 3", "does not start: it ended with code 3. Install another"),
        ("sleep 60", "did not tell its version within 1 seconds. Install another"),
    ],
)
def test_one_that_does_not_start_is_told_of(script, said, tmp_path, monkeypatch):
    if script.startswith("sleep"):
        monkeypatch.setattr(chromium_path, "VERSION_SECONDS", 1)
    with pytest.raises(SetupError, match="name one in OTREE_BOTEX_CHROMIUM") as error:
        chromium_version(put(tmp_path / "chromium", script))
    assert str(tmp_path) in str(error.value) and said in str(error.value)
    with pytest.raises(SetupError, match="does not start: No such file"):
        chromium_version(tmp_path / "none")


def test_on_windows_the_files_beside_it_tell_the_version(tmp_path):
    program = put(tmp_path / "chrome.exe", "exit 1")
    assert chromium_version(program) == ""
    for name in ("99.0.4844.51", "156.0.8078.79", "new_chrome.exe"):
        (tmp_path / name).mkdir()
    assert chromium_version(program) == "156.0.8078.79"
    (tmp_path / "159.0.8154.6.manifest").touch()
    assert chromium_version(program) == "159.0.8154.6"


@pytest.mark.browser
def test_the_version_is_the_one_that_the_browser_itself_tells(chromium):
    path = find_chromium()
    assert path is not None and chromium_version(path) == chromium.version
