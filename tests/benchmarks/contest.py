"""Sessions of the demo's guessing game on a real server, played by bots or by the bare client, and measured."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from otree_botex import environment

from ..servers import Server
from .processes import Use, child, use, watch

HERE = Path(__file__).parent
DEMO = HERE.parents[1] / "demo_project"
GAME = "guess_two_thirds"
PAGES, WAIT_PAGES = 7, 3
"""Pages of the game that a participant sends (the instructions; in each of three rounds a guess and the results), and
those on which the others are waited for."""
PATIENCE_SECONDS = 180.0


@dataclass(frozen=True)
class Played:
    """What one session took.

    `pages` are accepted POSTs, and `seconds` the time from the first request of any participant to the end of the
    last; these and the requests are counted by the server, alike for bots and the bare client.
    """

    participants: int
    pages: int
    seconds: float
    requests: int
    redirects: int
    journal: int
    websockets: int
    client_cpu: float
    """Without the start of the process."""
    server_cpu: float
    peak_mb: float = 0.0
    family_mb: float = 0.0
    """With the browser and its driver; 0 if it was not asked for."""
    calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0

    @property
    def speed(self) -> float:
        """Pages a second."""
        return self.pages / self.seconds


class Contest:
    """A server to play on. `python` plays random bots; `start_cpu` is what a runner takes to start, in CPU seconds."""

    def __init__(self, server: Server) -> None:
        self.server = server
        bots = Path(os.environ["OTREE_BOTEX_PYTHON"])
        self.python = bots if environment.has_playwright(bots) else server.python
        self.start_cpu = _start_cpu(self.python)

    def bots(
        self,
        participants: int,
        model: str = "random",
        game: str = GAME,
        config: Mapping[str, Any] | None = None,
        family: bool = False,
        **parameters: Any,
    ) -> Played:
        """A session played by our bots, all of which must finish. `parameters` are those of their launch, `config` what
        is set in the session's; `family` as for `processes.watch`."""
        session = self.server.session(game, participants, **(config or {}))
        before = self._begin()
        launch = self.server.launch(session, model, **parameters)
        pid = child(self._pid, "runner")
        try:
            runner = watch(pid, PATIENCE_SECONDS, family)
        finally:
            if use(pid):
                os.kill(pid, signal.SIGKILL)
        seen = self._end(before)
        states = [bot["state"] for bot in self.server.get(f"/api/llm_bots/launch/{launch}")["bots"]]
        assert states == ["finished"] * participants, states
        on_record = {
            (row["bot"], row["step"])
            for row in self.server.export(session, "steps")
            if row["outcome"] in ("submitted", "read", "timed out")
        }
        assert len(on_record) == seen["pages"], "the record and the server's count of accepted POSTs differ"
        rows = self.server.export(session, "bots")
        spent = {name: sum(int(row[name]) for row in rows) for name in ("calls", "input_tokens", "output_tokens")}
        cpu = runner.cpu - self.start_cpu
        memory = {"peak_mb": runner.peak_mb, "family_mb": runner.family_mb}
        return Played(participants, client_cpu=cpu, **memory, **seen, **spent)

    def bare(self, participants: int) -> Played:
        """A session played by the bare client, with the interpreter that random bots are played with."""
        session = self.server.session(GAME, participants)
        codes = [row["code"] for row in self.server.get(f"/api/sessions/{session}")["participants"]]
        before = self._begin()
        command = [str(self.python), str(HERE / "bare.py"), self.server.url, *codes]
        done = subprocess.run(command, check=True, capture_output=True, timeout=PATIENCE_SECONDS)
        told = json.loads(done.stdout)
        assert told["finished"] == participants, told
        return Played(participants, client_cpu=told["cpu"], **self._end(before))

    @property
    def _pid(self) -> int:
        assert self.server.process is not None
        return self.server.process.pid

    def _begin(self) -> Use:
        self.server.get("/benchmark")
        return use(self._pid) or Use()

    def _end(self, before: Use) -> dict[str, Any]:
        after, seen = use(self._pid) or Use(), self.server.get("/benchmark")
        assert seen.get("accepted") == seen.get("posts"), "a POST was refused"
        return {
            **{name: seen.get(name, 0) for name in ("seconds", "requests", "redirects", "journal", "websockets")},
            "pages": seen.get("accepted", 0),
            "server_cpu": after.cpu - before.cpu,
        }


@contextmanager
def playing(settings: str = "") -> Iterator[Contest]:
    """A development server on a copy of the demo project, which counts its requests; it ends with the block."""
    for name in list(os.environ):  # no benchmark sees keys or settings of the machine it runs on
        ours = name in ("OTREE6_PYTHON", "OTREE_BOTEX_PYTHON")
        if name.startswith("OTREE_") and not ours or name.endswith("_API_KEY") or name in ("DATABASE_URL", "PORT"):
            del os.environ[name]
    os.environ.setdefault("OTREE_BOTEX_PYTHON", sys.executable)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "project"
        shutil.copytree(DEMO, folder, ignore=shutil.ignore_patterns("db.sqlite3", ".otree_botex"))
        shutil.copy(HERE / "counting.py", folder)
        with (folder / "settings.py").open("a", encoding="utf-8") as file:
            file.write(f"\nimport counting\n{settings}\n")
        server = Server(Path(os.environ["OTREE6_PYTHON"]), folder)
        try:
            server.start()
            yield Contest(server)
        finally:
            server.end()


def _start_cpu(python: Path) -> float:
    """CPU seconds until a runner has everything imported and reads what it is to play; here, nothing."""
    before = os.times()
    subprocess.run(environment.command(python, "runner"), stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system
