"""A server with the session `ten_pages`, and scripts that play it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ..conftest import OTREE, copy_demo
from ..servers import Server

pytest.register_assert_rewrite(f"{__package__}.checks")

HERE = Path(__file__).parent
FULL = os.environ.get("OTREE_BOTEX_FAULTS") == "full"
SETTINGS = """
SESSION_CONFIGS += [dict(name="ten_pages", app_sequence=["ten_pages"], num_demo_participants=1, rounds=5)]
"""


@pytest.fixture
def faults(tmp_path: Path) -> Path:
    """The folder that tells processes when to die, and to which they tell what they did (see killed/)."""
    folder = tmp_path / "faults"
    folder.mkdir()
    return folder


@pytest.fixture
def server(tmp_path: Path, faults: Path) -> Iterator[Server]:
    """A server with the session `ten_pages`, whose runners die when they are told to."""
    if OTREE["6"] is None:
        pytest.skip("OTREE6_PYTHON is not set; run the tests with `make test`")
    folder = copy_demo(tmp_path / "project", SETTINGS)
    shutil.copytree(HERE / "ten_pages", folder / "ten_pages", ignore=shutil.ignore_patterns("__pycache__"))
    server = Server(Path(OTREE["6"]), folder, environment=dying(faults))
    server.start()
    yield server
    server.end()


@pytest.fixture
def script(tmp_path: Path, faults: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts scripts, see play.py. They write to one record, `botex.sqlite3`."""
    started: list[subprocess.Popen[str]] = []

    def start(**given: Any) -> subprocess.Popen[str]:
        arguments = json.dumps({"botex_db": str(tmp_path / "botex.sqlite3"), **given})
        started.append(
            subprocess.Popen(
                [sys.executable, str(HERE / "play.py"), "play", arguments],
                env={**os.environ, **dying(faults)},
                cwd=tmp_path,
                stderr=subprocess.PIPE,
                text=True,
            )
        )
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


def dying(faults: Path) -> dict[str, str]:
    """The environment in which processes that play bots die when they are told to."""
    return {"PYTHONPATH": str(HERE / "killed"), "FAULTS": str(faults)}
