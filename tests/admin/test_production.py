"""`otree prodserver` on PostgreSQL, and the wheel installed where there is no checkout."""

from __future__ import annotations

import glob
import os
import pwd
import shutil
import signal
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from ..conftest import OTREE, ROOT
from ..servers import free_port, wait_until
from .test_interruptions import act, answers_are_the_data, runner_of

pytestmark = pytest.mark.server


def postgres_programs():
    """The folder of PostgreSQL's programs, which Debian keeps off the PATH."""
    folders = sorted(glob.glob("/usr/lib/postgresql/*/bin"), reverse=True)
    folders += [os.path.dirname(path) for path in (shutil.which("postgres"),) if path]
    return next((Path(folder) for folder in folders if Path(folder, "pg_isready").exists()), None)


@pytest.fixture
def database(tmp_path):
    """A PostgreSQL of the test's own, on loopback; yields its DATABASE_URL."""
    programs = postgres_programs()
    if programs is None:
        pytest.skip("PostgreSQL is not installed (Debian: apt install postgresql)")
    folder, port = tmp_path / "pg", free_port()
    folder.mkdir()
    user = None
    if os.geteuid() == 0:  # PostgreSQL refuses to run as root
        user = pwd.getpwnam("postgres")
        os.chown(folder, user.pw_uid, user.pw_gid)
        for parent in list(folder.parents)[:4]:
            if parent.owner() == "root" and parent != Path("/tmp"):
                parent.chmod(parent.stat().st_mode | 0o011)
    as_user = {"user": user.pw_uid, "group": user.pw_gid} if user else {}
    data = folder / "data"
    subprocess.run(
        [programs / "initdb", "-D", data, "-U", "otree", "-A", "trust"], check=True, capture_output=True, **as_user
    )
    options = ["-D", data, "-p", str(port), "-k", folder, "-h", "127.0.0.1"]
    server = subprocess.Popen([programs / "postgres", *options], stderr=subprocess.DEVNULL, **as_user)
    ready = [programs / "pg_isready", "-h", "127.0.0.1", "-p", str(port)]
    wait_until(lambda: subprocess.run(ready, capture_output=True).returncode == 0, 90, "PostgreSQL is ready")
    yield f"postgresql://otree@127.0.0.1:{port}/postgres"
    server.send_signal(signal.SIGINT)
    server.wait(30)


def production(database):
    return {"production": True, "environment": {"DATABASE_URL": database, "OTREE_PRODUCTION": "1"}}


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
