"""An oTree server of a project that nobody else uses, for as long as a command needs it.

Its database is in memory: the project's own is neither read nor written. It listens on a free port of this machine
alone and opens only to a key made for it. It ends, with all the bots it started, when the process that started it
closes its standard input or dies, in whatever way.
"""

from __future__ import annotations

import os
import secrets
import sqlite3
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from . import server_process
from .doctor import ping
from .environment import FOLDER
from .errors import SetupError
from .rest import REST_KEY, Rest

LOG = Path(FOLDER) / "logs" / "check.log"
START_SECONDS = 120
END_SECONDS = 20


@contextmanager
def private_server(project: Path, log: Path = LOG) -> Iterator[Rest]:
    """Starts a server of a project and gives its REST API; what it says goes to the file `log` in the project. Raises
    SetupError if this project cannot be served."""
    server_process.check_project(project)
    if find_spec("otree") is None:
        raise SetupError("oTree is not installed here. Run this with the Python that runs your oTree server.")
    key, port = secrets.token_urlsafe(24), server_process.free_port()
    log = project / log
    log.parent.mkdir(parents=True, exist_ok=True)
    (project / FOLDER / ".gitignore").write_text("*\n", "utf-8")
    environment = {**os.environ, REST_KEY: key, "OTREE_AUTH_LEVEL": "STUDY"}
    process = server_process.start([sys.executable, "-m", __name__, str(port)], project, environment, log)
    try:
        url = f"http://127.0.0.1:{port}"
        server_process.wait_for(process, lambda: _answers(url), log, START_SECONDS)
        yield Rest(url, key)
    finally:
        server_process.end(process, END_SECONDS)


def _answers(url: str) -> bool:
    version = ping(url)
    if version == "":
        raise SetupError(
            "No session config of this project has otree_botex. "
            "In settings.py, put 'otree_botex' first in the app_sequence of at least one."
        )
    return bool(version)


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
    os.read(0, 1)  # a byte, or the end; sys.stdin could not be closed while this thread reads from it
    runners = sys.modules.get("otree_botex.admin.runners")
    if runners is not None:
        runners.kill_all()
    os._exit(0)


if __name__ == "__main__":
    _serve(sys.argv[1])
