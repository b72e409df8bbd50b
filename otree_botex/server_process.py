"""An oTree server of a project as a process of ours: started, waited for, ended.

Its standard input is what ties it to us: it ends when that is closed, so also when this process dies, in whatever way.
"""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from .errors import ServerError, SetupError

LAST_LINES = 8


def check_project(project: Path) -> None:
    """Raises SetupError if this folder is not that of an oTree project."""
    if not (project / "settings.py").is_file():
        where = project.absolute()
        raise SetupError(f"{where} is no oTree project: it has no settings.py. Go to your project's folder first.")


def start(command: Sequence[str], project: Path, environment: Mapping[str, str], log: Path) -> subprocess.Popen[bytes]:
    """Starts a server in its project's folder; what it says goes to the file `log`, which is begun anew."""
    with log.open("wb") as output:
        return subprocess.Popen(
            command,
            cwd=project,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
            start_new_session=True,  # Ctrl-C is for this process, which ends the server in its own time
        )


def wait_for(process: subprocess.Popen[bytes], answers: Callable[[], bool], log: Path, seconds: float) -> None:
    """Returns as soon as the server answers. Raises ServerError, with the last lines of its log, if it does not."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and process.poll() is None:
        if answers():
            return
        time.sleep(0.1)
    why = "does not start" if process.poll() is not None else f"does not answer after {seconds:.0f} seconds"
    raise ServerError("\n  ".join([f"The project's oTree server {why}. The last it said:", *last_lines(log)]))


def end(process: subprocess.Popen[bytes], seconds: float) -> bool:
    """Ends a server. It has so many seconds for it, then it is killed; returns whether it ended by itself."""
    assert process.stdin is not None
    try:
        # closing alone is not enough where a process forked from this one holds the other end open as well
        process.stdin.write(b"\n")
        process.stdin.close()
    except OSError:  # it has ended already
        pass
    try:
        process.wait(seconds)
        return True
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return False


def last_lines(log: Path) -> list[str]:
    """The end of a server's log."""
    return log.read_text("utf-8", errors="replace").strip().splitlines()[-LAST_LINES:]


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
