"""A llama.cpp server as a process of ours."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import requests

from ..errors import SetupError

NAMES = ("llama-server", "server")
"""Of the program; the second on old versions."""
START_SECONDS = 900
"""How long a large model may take to load."""
END_SECONDS = 20
LAST_LINES = 8


def find_program(named: str | None) -> Path:
    """The server's program: the one that is named, or that is in the folder that is named, or else on the PATH.

    Raises SetupError if there is none.
    """
    if named is None:
        found = shutil.which(NAMES[0])
        if found is None:
            raise SetupError(
                "No llama-server is on the PATH. Name it as path_to_llama_server, or a running server as server_url. "
                "It is a part of llama.cpp: https://github.com/ggml-org/llama.cpp."
            )
        return Path(found)
    path = Path(named).expanduser()
    if path.is_dir():
        folders = os.pathsep.join(map(str, (path, path / "build" / "bin", path / "bin")))
        found = next(filter(None, (shutil.which(name, path=folders) for name in NAMES)), None)
        if found is None:
            raise SetupError(f"There is no llama-server in the folder {path}.")
        return Path(found)
    if not path.is_file():
        raise SetupError(f"There is no llama.cpp server {path}.")
    if not os.access(path, os.X_OK):
        raise SetupError(f"{path} is no program that can be run.")
    return path


def version(program: Path) -> str:
    """What the program says of its version and build, in a line."""
    try:
        done = subprocess.run([program, "--version"], capture_output=True, text=True, errors="replace", timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return next((line for line in (done.stderr + done.stdout).splitlines() if line.startswith("version")), "")


class LlamaProcess:
    """A server that is ready when this is made. It ends with `close`, and when this process ends or is killed."""

    def __init__(self, program: Path, arguments: Sequence[str]) -> None:
        """Starts the server and waits until it has loaded its model. Raises SetupError, with the last that it said, if
        it ends before."""
        self.version = version(program)
        self._log = tempfile.TemporaryFile()
        port = _free_port()
        self.url = f"http://127.0.0.1:{port}"
        keeper = Path(__file__).with_name("keeper.py")
        self._process = subprocess.Popen(
            [sys.executable, "-I", str(keeper), str(program), "--host", "127.0.0.1", "--port", str(port), *arguments],
            stdin=subprocess.PIPE,
            stdout=self._log,
            stderr=self._log,
            start_new_session=True,  # Ctrl-C is for us, who still have a use for the server
        )
        try:
            self._wait(program)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Ends the server."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._log.close()

    def _wait(self, program: Path) -> None:
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end and self._process.poll() is None:
            if is_ready(self.url):
                return
            time.sleep(0.1)
        ended = self._process.poll() is not None
        self._log.seek(0)
        said = self._log.read().decode("utf-8", "replace").strip().splitlines()[-LAST_LINES:]
        what = "does not start" if ended else f"was not ready after {START_SECONDS} seconds"
        raise SetupError("\n  ".join([f"The llama.cpp server {program} {what}. The last it said:", *said]))


def is_ready(url: str) -> bool:
    """Whether a llama.cpp server at this address has loaded its model."""
    try:
        return requests.get(f"{url}/health", timeout=5).status_code == 200
    except requests.RequestException:
        return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
