"""A PostgreSQL of a test's own, and an oTree server that keeps its data there."""

from __future__ import annotations

import glob
import os
import pwd
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ..servers import free_port, wait_until


def postgres_programs() -> Path | None:
    """The folder of PostgreSQL's programs, which Debian keeps off the PATH."""
    folders = sorted(glob.glob("/usr/lib/postgresql/*/bin"), reverse=True)
    folders += [os.path.dirname(path) for path in (shutil.which("postgres"),) if path]
    return next((Path(folder) for folder in folders if Path(folder, "pg_isready").exists()), None)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[str]:
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


def production(database: str) -> dict[str, Any]:
    """Options for a server that runs as a lab's would."""
    return {"production": True, "environment": {"DATABASE_URL": database, "OTREE_PRODUCTION": "1"}}
