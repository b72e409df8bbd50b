"""`make demo`: the script behind it, on a copy of the demo project."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from .conftest import OTREE, ROOT, copy_demo
from .servers import free_port


@pytest.mark.server
def test_the_demo_plays_and_tells_what_was_decided(tmp_path):
    if OTREE["6"] is None:
        pytest.skip("OTREE6_PYTHON is not set; run the tests with `make test`")
    copy_demo(tmp_path / "demo_project")
    shutil.copytree(ROOT / "tools", tmp_path / "tools")
    command = [OTREE["6"], tmp_path / "tools" / "demo.py", "--model", "random", "--port", str(free_port()), "--exit"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=180)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 of 3 bots finished" in done.stdout
    assert done.stdout.count("How much do you contribute to the common pot?") == 3
