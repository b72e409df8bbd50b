"""`otree prodserver` on PostgreSQL, and the wheel installed where there is no checkout."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from ..conftest import OTREE, ROOT
from ..servers import wait_until
from .postgres import production
from .test_interruptions import act, answers_are_the_data, runner_of

pytestmark = pytest.mark.server


@pytest.mark.postgres
@pytest.mark.parametrize("otree", ["6", "5"])
def test_production_server_with_postgresql(start_server, database, otree):
    server = start_server(otree, **production(database))
    for experiment, participants in (("guess_two_thirds", 6), ("ultimatum", 4), ("survey", 2), ("quiz", 2)):
        server.play(experiment, participants)


@pytest.mark.postgres
def test_with_a_real_database_killing_the_server_too_loses_nothing(start_server, database):
    server = start_server(**production(database))
    session = server.session("guess_two_thirds", 6)
    server.launch(session, bots=5)
    wait_until(lambda: any(bot["state"] == "waiting" for bot in server.bots(session)), 30, "bots wait")
    server.end(signal.SIGKILL)
    server.start()
    os.kill(runner_of(server), signal.SIGKILL)
    wait_until(lambda: any(bot["state"] == "failed" for bot in server.bots(session)), 60, "the loss is seen")
    server.launch(session)
    act(server, session, "again")
    assert [bot["state"] for bot in server.wait_for_end(session)] == ["finished"] * 6
    assert len(answers_are_the_data(server, session, "guess", "guess_two_thirds.{}.player.guess")) == 18


@pytest.mark.slow
def test_the_wheel_works_where_there_is_no_checkout(start_server, tmp_path):
    """Built, installed beside a clean oTree, it serves the tab with its styles and plays a session."""
    if OTREE["6"] is None:
        pytest.skip("OTREE6_PYTHON is not set; run the tests with `make test`")
    wheels = tmp_path / "wheels"
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "wheel", "--no-deps", "--wheel-dir", wheels, ROOT], check=True)
    (wheel,) = wheels.glob("*.whl")

    venv.create(tmp_path / "clean", with_pip=False)
    clean = tmp_path / "clean" / "bin" / "python"
    # oTree and what else it needs as they were installed before; the package itself only from the wheel
    installed = Path(OTREE["6"]).parents[1] / "lib"
    (site,) = installed.glob("python*/site-packages")
    (own,) = (tmp_path / "clean" / "lib").glob("python*/site-packages")
    for entry in site.iterdir():
        if "otree_botex" not in entry.name:
            (own / entry.name).symlink_to(entry)
    script = Path(OTREE["6"]).parent / "otree"
    (clean.parent / "otree").write_text(script.read_text().replace(str(script.parent), str(clean.parent)))
    (clean.parent / "otree").chmod(0o755)
    subprocess.run([*pip, "install", "--no-deps", "--target", own, wheel], check=True)

    server = start_server(python=str(clean))
    where = [str(clean), "-c", "import otree_botex; print(otree_botex.__file__)"]
    location = subprocess.run(where, capture_output=True, text=True, check=True, cwd=server.folder).stdout
    assert location.startswith(str(own))
    session = server.play("public_goods", 3)
    tab = server.get(f"/LLMBots/{session}")
    assert "Add LLM bots" in tab
    for file in ("bots.css", "bots.js"):
        assert f"/static/otree_botex/{file}" in tab
        assert server.get(f"/static/otree_botex/{file}") == (ROOT / "otree_botex/static/otree_botex" / file).read_text()
