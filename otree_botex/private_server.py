"""An oTree server of a project that nobody else uses, for as long as a command needs it.

Its database is in memory: the project's own is neither read nor written. It listens on a free port of this machine
alone and opens only to a key made for it. It ends, with all the bots it started, when the process that started it
closes its standard input or dies, in whatever way.
"""

from __future__ import annotations

import os
import secrets
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from .doctor import ping
from .environment import FOLDER
from .errors import ServerError, SetupError
from .rest import REST_KEY, Rest

LOG = Path(FOLDER) / "logs" / "check.log"
START_SECONDS = 120
END_SECONDS = 20


@contextmanager
def private_server(project: Path) -> Iterator[Rest]:
    """Starts a server of a project and gives its REST API. Raises SetupError if this project cannot be served."""
    if not (project / "settings.py").is_file():
        where = project.absolute()
        raise SetupError(f"{where} is no oTree project: it has no settings.py. Go to your project's folder first.")
    if find_spec("otree") is None:
        raise SetupError("oTree is not installed here. Run this with the Python that runs your oTree server.")
    key, port = secrets.token_urlsafe(24), _free_port()
    log = project / LOG
    log.parent.mkdir(parents=True, exist_ok=True)
    (project / FOLDER / ".gitignore").write_text("*\n", "utf-8")
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", __name__, str(port)],
            cwd=project,
            env={**os.environ, REST_KEY: key, "OTREE_AUTH_LEVEL": "STUDY"},
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
            start_new_session=True,  # Ctrl-C is for the command, which ends the server in its own time
        )
    try:
        url = f"http://127.0.0.1:{port}"
        _wait_for(process, url, log)
        yield Rest(url, key)
    finally:
        assert process.stdin is not None
        process.stdin.close()
        try:
            process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_for(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        version = ping(url)
        if version == "":
            raise SetupError(
                "No session config of this project has otree_botex. "
                "In settings.py, put 'otree_botex' first in the app_sequence of at least one."
            )
        if version:
            return
        time.sleep(0.1)
    said = log.read_text("utf-8", errors="replace").strip().splitlines()[-8:]
    raise ServerError("\n  ".join(["The project's oTree server does not start. The last it said:", *said]))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _serve(port: str) -> None:
    """The server's process, in the project's folder."""
    os.environ["OTREE_IN_MEMORY"] = "1"
    _keep_off_the_database()
    threading.Thread(target=_end_with_parent, daemon=True).start()
    sys.argv = ["otree", "devserver_inner", f"127.0.0.1:{port}"]
    from otree.main import execute_from_command_line

    execute_from_command_line()


def _keep_off_the_database() -> None:
    """oTree opens ./db.sqlite3 as it is imported, whatever DATABASE_URL says. Here it is given an empty database in
    memory in its place, and no file to load from."""
    import otree.settings  # it runs the project's settings.py, which may open databases of its own

    connect = sqlite3.connect
    sqlite3.connect = partial(_in_memory, connect)
    try:
        import otree.database
    finally:
        sqlite3.connect = connect
    otree.database.DB_FILE = os.devnull


def _in_memory(connect: Callable[..., Any], *_: Any, **options: Any) -> Any:
    return connect(":memory:", **options)


def _end_with_parent() -> None:
    while os.read(0, 1):  # the end of standard input; sys.stdin could not be closed while this thread reads from it
        pass
    launches = sys.modules.get("otree_botex.admin.launches")
    if launches is not None:
        launches.kill_runners()
    os._exit(0)


if __name__ == "__main__":
    _serve(sys.argv[1])
