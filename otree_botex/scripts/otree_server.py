"""An oTree server for a script: started, used, stopped. The script's Python need not have oTree."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType

import requests

from .. import server_process
from ..environment import venv_python
from ..errors import ServerError, SetupError
from ..rest import REST_KEY

SERVER_URL = "OTREE_SERVER_URL"
AUTH_LEVEL = "OTREE_AUTH_LEVEL"
ADMIN_PASSWORD = "OTREE_ADMIN_PASSWORD"
USUAL_PORT = 8000
END_SECONDS = 30.0  # longer than the server's own patience, see serve.py
SERVE = Path(__file__).with_name("serve.py")
HAS_OTREE = "import importlib.util, sys; sys.exit(importlib.util.find_spec('otree') is None)"


@dataclass
class OtreeServer:
    """A server that `start_otree_server` started. As a context manager, it is stopped at the end of the block."""

    url: str
    log: Path
    process: subprocess.Popen[bytes] = field(repr=False)
    environment_before: dict[str, str | None] = field(repr=False)

    def __enter__(self) -> OtreeServer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        stop_otree_server(self)


def start_otree_server(
    project_path: str | Path = ".",
    port: int | None = None,
    log_file: str | Path = "otree.log",
    auth_level: str | None = None,
    rest_key: str | None = None,
    admin_password: str | None = None,
    timeout: float = 60,
    python: str | Path | None = None,
) -> OtreeServer:
    """Starts oTree's development server on a project, and returns it when it answers.

    `port` is that of OTREE_PORT, else 8000; 0 takes any free one. `log_file` is begun anew. `auth_level` ("DEMO",
    "STUDY"), `rest_key` and `admin_password` are what OTREE_AUTH_LEVEL, OTREE_REST_KEY and OTREE_ADMIN_PASSWORD would
    be for the server; those that are not given stay as they are in the environment. `python` is a Python that has
    oTree, or the folder of its virtual environment; else it is the script's own, that of the project's `.venv` or
    `venv`, or of the command `otree`, whichever has oTree first.

    While it runs, OTREE_SERVER_URL and the key stand in this process's environment, so that all else finds it.

    It works on the project's own db.sqlite3 as `otree devserver` does: loaded at the start, written when it stops. So
    no other server of the same project may run meanwhile. It stops with the script, however that ends.

    Raises SetupError if the project, the port or the Python will not do, ServerError if the server does not start.
    """
    project, log = Path(project_path), Path(log_file)
    server_process.check_project(project)
    chosen = {AUTH_LEVEL: auth_level, REST_KEY: rest_key, ADMIN_PASSWORD: admin_password}
    secrets = {name: value for name, value in chosen.items() if value is not None}
    environment = {**os.environ, **secrets}
    if environment.get(AUTH_LEVEL) and not environment.get(REST_KEY):
        raise SetupError(f"With an auth_level, oTree wants a key of scripts: pass rest_key, or set {REST_KEY}.")
    interpreter = _python(project, python)
    number = _port(port)
    url = f"http://127.0.0.1:{number}"
    command = [str(interpreter), str(SERVE), str(number)]
    process = server_process.start(command, project, _surroundings(interpreter, environment), log)
    try:
        server_process.wait_for(process, lambda: _answers(url), log, timeout)
    except BaseException:
        server_process.end(process, END_SECONDS)
        raise
    announced = {SERVER_URL: url, **({REST_KEY: rest_key} if rest_key else {})}
    before = {name: os.environ.get(name) for name in announced}
    os.environ.update(announced)
    return OtreeServer(url, log, process, before)


def stop_otree_server(server: OtreeServer) -> int:
    """Stops a server, with the bots that it started, and returns its exit code; one that has stopped stays so.

    Raises ServerError if it had to be killed, for then it has not written its database.
    """
    assert server.process.stdin is not None
    if server.process.stdin.closed:
        return server.process.wait()
    if os.environ.get(SERVER_URL) == server.url:
        for name, value in server.environment_before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value
    if not server_process.end(server.process, END_SECONDS):
        raise ServerError(
            f"The oTree server at {server.url} did not stop and was killed; what it had not saved is lost. "
            f"Its log is {server.log.absolute()}."
        )
    return server.process.wait()


def _answers(url: str) -> bool:
    with requests.Session() as http:
        http.trust_env = False  # no proxy stands between a machine and itself
        try:
            http.get(f"{url}/api/otree_version", timeout=10)
        except requests.RequestException:
            return False
    return True


def _port(port: int | None) -> int:
    if port == 0:
        return server_process.free_port()
    named = port or os.environ.get("OTREE_PORT") or USUAL_PORT
    try:
        number = int(named)
        with socket.socket() as probe:
            probe.settimeout(5)
            taken = probe.connect_ex(("127.0.0.1", number)) == 0
    except (ValueError, OverflowError):
        raise SetupError(f"{named} is no port: it must be a number from 0 to 65535.") from None
    if taken:
        raise SetupError(f"Port {number} is in use: stop what listens there, or pass another port (0 for a free one).")
    return number


def _python(project: Path, named: str | Path | None) -> Path:
    """A Python that has oTree."""
    if named is not None:
        path = Path(named).expanduser().absolute()
        path = venv_python(path) if path.is_dir() else path
        if not _has_otree(path):
            raise SetupError(f"{path} has no oTree, or is no Python: name one in which `import otree` works.")
        return path
    found = next((path for path in _candidates(project) if _has_otree(path)), None)
    if found is None:
        raise SetupError("No Python here has oTree. Pass python=, the one that runs your oTree server.")
    return found


def _candidates(project: Path) -> Iterator[Path]:
    yield Path(sys.executable)
    for folder in (".venv", "venv"):
        yield venv_python(project.absolute() / folder)
    command = shutil.which("otree")
    if command:
        yield venv_python(Path(command).resolve().parents[1])


def _has_otree(python: Path) -> bool:
    if python == Path(sys.executable):
        return find_spec("otree") is not None
    try:
        return subprocess.run([python, "-c", HAS_OTREE], env=_surroundings(python, os.environ)).returncode == 0
    except OSError:
        return False


def _surroundings(python: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """The environment for another Python: where ours finds its libraries is nothing to it."""
    own = () if python == Path(sys.executable) else ("PYTHONPATH", "PYTHONHOME")
    return {name: value for name, value in environment.items() if name not in own}
