"""A real oTree server in a process of its own, and what a test asks of it over HTTP."""

from __future__ import annotations

import csv
import io
import itertools
import json
import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import requests
import websocket

from otree_botex.records import ENDED

START_SECONDS = 60.0
END_SECONDS = 60.0
DROPPED = ("OSError: ", "websockets.exceptions.ConnectionClosedError: ")
"""So ends what a server logs of a websocket that the other side has dropped."""
_ports = itertools.count()


def wait_until(condition: Callable[[], Any], seconds: float, what: str) -> Any:
    """The first true value of `condition`, asked for ten times a second. Fails the test after so many seconds."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.1)
    raise AssertionError(f"after {seconds:.0f} seconds still not: {what}")


def free_port() -> int:
    """A port that nobody else takes before it is used, or while a server starts anew: each worker of pytest has a
    range of its own, below that from which the system draws."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    while True:
        port = 12000 + 1000 * (worker % 20) + next(_ports) % 1000
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


class Server:
    """One oTree server. `production` runs `otree prodserver` instead of the development server; without a `host` it is
    told its port alone."""

    def __init__(
        self,
        python: Path,
        folder: Path,
        *,
        production: bool = False,
        host: str = "127.0.0.1",
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.python, self.folder, self.production, self.host = python, folder, production, host
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.environment = {
            **{name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
            "PATH": f"{python.parent}{os.pathsep}{os.environ['PATH']}",
            **(environment or {}),
        }
        self.http = requests.Session()
        if "OTREE_REST_KEY" in self.environment:
            self.http.headers["otree-rest-key"] = self.environment["OTREE_REST_KEY"]
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        assert self.process is None or self.process.poll() is not None, "the server runs already"
        command = "prodserver" if self.production else "devserver_inner"
        with (self.folder / "server.log").open("ab") as log:
            self.process = subprocess.Popen(
                [str(self.python.parent / "otree"), command, f"{self.host}:{self.port}".lstrip(":")],
                cwd=self.folder,
                env=self.environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        wait_until(self._answers, START_SECONDS, f"the server answers\n{self.log()}")

    def end(self, how: signal.Signals = signal.SIGINT) -> None:
        """Stops the server as Ctrl-C would, with all processes it started; runners go on."""
        if self.process is None or self.process.poll() is not None:
            return
        os.killpg(self.process.pid, how)
        try:
            self.process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        self.process = None

    def log(self) -> str:
        path = self.folder / "server.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def tracebacks(self) -> list[str]:
        """What went wrong in the server and in runners, as their logs have it. That a browser has dropped a connection
        that the server was about to open or to close is no fault."""
        found = re.findall(r"^Traceback.*\n(?: .*\n)*.*", f"{self.log()}\n{self.runner_logs()}", re.MULTILINE)
        return [
            text
            for text in found
            if "/websockets/legacy/" not in text or not text.rpartition("\n")[2].startswith(DROPPED)
        ]

    def runner_logs(self) -> str:
        logs = (self.folder / ".otree_botex" / "logs").glob("*.log")
        return "\n".join(path.read_text(errors="replace") for path in logs)

    def post(self, path: str, **body: Any) -> Any:
        response = self.http.post(self.url + path, json=body, timeout=60)
        assert response.ok, f"{path}: {response.status_code} {response.text[:2000]}"
        return response.json()

    def get(self, path: str) -> Any:
        response = self.http.get(self.url + path, timeout=60)
        assert response.ok, f"{path}: {response.status_code} {response.text[:2000]}"
        response.encoding = "utf-8"  # oTree's exports do not say so
        return response.json() if response.text.startswith(("{", "[")) else response.text

    def csrf_token(self, path: str) -> str:
        """The token that the forms of a page of the admin carry."""
        page = self.http.get(self.url + path, timeout=60).text
        return page.split('csrftoken" value="')[1].split('"')[0]

    def post_form(self, path: str, session: str, **data: Any) -> requests.Response:
        """Sends a form of the admin, with the CSRF token that a session's tab carries."""
        token = self.csrf_token(f"/LLMBots/{session}")
        response = self.http.post(self.url + path, data={"csrftoken": token, **data}, timeout=60)
        assert response.ok, f"{path}: {response.status_code} {response.text[:2000]}"
        return response

    def session(self, config: str, participants: int, room: str = "", **config_fields: Any) -> str:
        """Makes a session, in a room if one is named, and returns its code."""
        body: dict[str, Any] = {"session_config_name": config, "num_participants": participants}
        if room:
            body["room_name"] = room
        if config_fields:
            body["modified_session_config_fields"] = config_fields
        return str(self.post("/api/sessions", **body)["code"])

    def session_by_hand(self, config: str, participants: int, room: str = "", **config_fields: str) -> str:
        """Makes a session as oTree's page "Create session" does, with fields of its form. Returns its code."""
        self.get("/create_session")
        form = {"session_config": config, "num_participants": str(participants), "room_name": room}
        form |= {f"{config}.{name}": value for name, value in config_fields.items()}
        page = websocket.create_connection(self.url.replace("http", "ws", 1) + "/create_session", timeout=120)
        page.send(json.dumps(form))
        while "session_url" not in (answer := json.loads(page.recv())):
            assert not answer.keys() & {"error", "validation_errors"}, answer
        page.close()
        return str(answer["session_url"]).rpartition("/")[2]

    def launch(self, session: str, model: str = "random", **parameters: Any) -> str:
        """Starts bots on all free seats and returns the launch's code."""
        return str(self.post("/api/llm_bots/launch", session_code=session, model=model, **parameters)["launch"])

    def bots(self, session: str) -> list[dict[str, Any]]:
        """What the tab shows of a session's bots."""
        return list(self.get(f"/LLMBots/{session}/status")["bots"])

    def wait_for_end(self, session: str, seconds: float = 120, first_failure: bool = False) -> list[dict[str, Any]]:
        """The bots of a session when all have ended, or one has failed, for whom the others may wait for ever."""

        def ended() -> list[dict[str, Any]]:
            bots = self.bots(session)
            if first_failure and any(bot["state"] == "failed" for bot in bots):
                return bots
            return bots if bots and all(bot["state"] in ENDED for bot in bots) else []

        return list(wait_until(ended, seconds, f"all bots have ended\n{self.runner_logs()[-3000:]}"))

    def play(self, config: str, participants: int, model: str = "random", seconds: float = 120, **rest: Any) -> str:
        """Plays a whole session with bots, all of which must finish, and returns its code."""
        session = self.session(config, participants)
        self.launch(session, model, **rest)
        self.finish(session, participants, seconds)
        return session

    def finish(self, session: str, bots: int, seconds: float = 120) -> None:
        """Waits until so many bots of a session have finished, all of them."""
        ended = self.wait_for_end(session, seconds, first_failure=True)
        assert [bot["state"] for bot in ended] == ["finished"] * bots, [bot["error"] for bot in ended]

    def wide(self, session: str) -> list[dict[str, str]]:
        """The session's data as oTree exports it, a row a participant."""
        path = f"/ExportWide?session_code={session}"
        if not self.http.get(self.url + path, timeout=60).ok:  # oTree 5
            link = re.search(rf"/ExportSessionWide/{session}\?token=\w+", str(self.get(f"/SessionData/{session}")))
            assert link, "oTree shows no link to the session's data"
            path = link[0]
        text = str(self.get(path)).removeprefix("\ufeff")
        return [row for row in csv.DictReader(io.StringIO(text)) if row["session.code"] == session]

    def custom_export(self, app: str, session: str) -> list[str]:
        """The rows of an app's own export that are about this session. oTree 5 has it for its admin pages alone."""
        text = str(self.get(f"/api/export_app_custom?app={app}&function_name=custom_export"))
        return [line for line in text.splitlines() if line.startswith(session)]

    def by_participant(self, session: str) -> dict[str, dict[str, str]]:
        """The same rows by their participants' codes."""
        return {row["participant.code"]: row for row in self.wide(session)}

    def links(self, session: str) -> list[str]:
        """The start links of a session's participants."""
        participants = self.get(f"/api/sessions/{session}")["participants"]
        return [f"{self.url}/InitializeParticipant/{participant['code']}" for participant in participants]

    def export(self, session: str, table: str) -> list[dict[str, str]]:
        """One of the session's exports, as a list of rows."""
        text = self.http.get(f"{self.url}/LLMBots/{session}/export/{table}", timeout=60).content.decode("utf-8-sig")
        return list(csv.DictReader(io.StringIO(text)))

    def events(self, session: str, launch: str) -> list[dict[str, Any]]:
        """What happened on pages that a launch's bots had in a browser, from its archive."""
        path = f"/LLMBots/{session}/launch/{launch}/archive.zip"
        with ZipFile(io.BytesIO(self.http.get(self.url + path, timeout=60).content)) as archive:
            return [json.loads(line) for line in archive.read(f"launch_{launch}/events.jsonl").splitlines()]

    def _answers(self) -> bool:
        if self.process is not None and self.process.poll() is not None:
            raise AssertionError(f"the server ended at once:\n{self.log()}")
        try:
            return requests.get(f"{self.url}/otree_botex/ping", timeout=5).ok
        except requests.RequestException:
            return False


def of_app(row: Mapping[str, str], app: str) -> dict[str, str]:
    """What a row of the wide export has of the player in an app's first round."""
    prefix = f"{app}.1.player."
    return {name.removeprefix(prefix): value for name, value in row.items() if name.startswith(prefix)}


def edit(server: Server, path: str, old: str, new: str) -> None:
    """Puts something else in place of what a pattern finds in a file of the server's project, and starts it again."""
    file = server.folder / path
    text, times = re.subn(old, lambda _: new, file.read_text(encoding="utf-8"))
    assert times == 1, f"{old} stands {times} times in {path}"
    file.write_text(text, encoding="utf-8")
    server.end()
    server.start()
