"""oTree servers that a script starts and stops."""

from __future__ import annotations

import multiprocessing
import os
import socket
import sqlite3
import subprocess
import sys
import venv
from pathlib import Path
from urllib.parse import urljoin

import pytest
import requests

from otree_botex import server_process
from otree_botex.environment import venv_python
from otree_botex.errors import ServerError, SetupError
from otree_botex.rest import Rest
from otree_botex.scripts.env_file import load_env, needed
from otree_botex.scripts.otree_server import OtreeServer, start_otree_server, stop_otree_server

from ..conftest import OTREE, copy_demo
from ..servers import free_port, wait_until

pytestmark = pytest.mark.server

STUCK = """
from otree.api import *

class C(BaseConstants):
    NAME_IN_URL, PLAYERS_PER_GROUP, NUM_ROUNDS = "stuck", None, 1

class Subsession(BaseSubsession): pass
class Group(BaseGroup): pass
class Player(BasePlayer): pass

class Endless(Page):
    @staticmethod
    def vars_for_template(player):
        while True:
            pass

page_sequence = [Endless]
"""

SCRIPT = """
import sys
from otree_botex.rest import Rest
from otree_botex.scripts.otree_server import start_otree_server
folder, port, python = sys.argv[1], int(sys.argv[2]), (sys.argv[3:] or [None])[0]
server = start_otree_server(folder, port=port, log_file=folder + "/otree.log", python=python)
Rest(server.url).post("/api/sessions", session_config_name="quiz", num_participants=1)
print(server.process.pid, flush=True)
sys.stdin.read()
"""


def python_of(otree: str) -> str:
    if OTREE[otree] is None:
        pytest.skip(f"OTREE{otree}_PYTHON is not set; run the tests with `make test`")
    return str(OTREE[otree])


@pytest.fixture
def project(tmp_path):
    return copy_demo(tmp_path / "project")


@pytest.fixture
def start(project, monkeypatch):
    """Starts servers on the project; they end with the test."""
    # a port that is drawn of all free ones may be taken by another test before the server has it
    monkeypatch.setattr(server_process, "free_port", free_port)
    servers: list[OtreeServer] = []

    def start_one(otree: str = "6", **options: object) -> OtreeServer:
        options = {"python": python_of(otree), "port": 0, "log_file": project / "otree.log", **options}
        servers.append(start_otree_server(project, **options))  # type: ignore[arg-type]
        return servers[-1]

    yield start_one
    for server in servers:
        stop_otree_server(server)


def sessions_on_disk(project: Path) -> int:
    with sqlite3.connect(project / "db.sqlite3") as database:
        return int(database.execute("SELECT count(*) FROM otree_session").fetchone()[0])


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize("otree", ["6", "5"])
def test_a_server_starts_answers_and_stops_and_keeps_the_projects_data(project, start, otree):
    with (project / "settings.py").open("a") as settings:  # nothing on the server is ours
        settings.write("\nfor config in SESSION_CONFIGS:\n    config['app_sequence'].remove('otree_botex')\n")
    with start(otree) as server:
        session = Rest(server.url).post("/api/sessions", session_config_name="quiz", num_participants=2)["code"]
    assert server.process.returncode == 0 and sessions_on_disk(project) == 1
    assert "Open your browser" in (project / "otree.log").read_text()
    with start(otree) as again:
        assert [found["code"] for found in Rest(again.url).get("/api/sessions")] == [session]
        Rest(again.url).post("/api/sessions", session_config_name="quiz", num_participants=2)
    assert sessions_on_disk(project) == 2


def test_stopping_does_not_wait_for_open_connections(project, start):
    server = start()
    Rest(server.url).post("/api/sessions", session_config_name="quiz", num_participants=1)
    with socket.create_connection(("127.0.0.1", int(server.url.rsplit(":")[-1]))) as idle:
        idle.sendall(b"GET /api/sess")  # and never the rest
        assert stop_otree_server(server) == 0
    assert sessions_on_disk(project) == 1
    assert stop_otree_server(server) == 0  # once more does no harm


@pytest.mark.slow
def test_a_server_that_hangs_still_saves_its_data(project, start):
    (project / "stuck").mkdir()
    (project / "stuck" / "__init__.py").write_text(STUCK)
    (project / "stuck" / "Endless.html").write_text("{{ block content }}{{ endblock }}")
    with (project / "settings.py").open("a") as settings:
        settings.write("\nSESSION_CONFIGS += [dict(name='stuck', app_sequence=['stuck'], num_demo_participants=1)]\n")
    server = start()
    code = Rest(server.url).post("/api/sessions", session_config_name="stuck", num_participants=1)["code"]
    participant = Rest(server.url).get(f"/api/sessions/{code}")["participants"][0]["code"]
    start_link = f"{server.url}/InitializeParticipant/{participant}"
    first = requests.get(start_link, allow_redirects=False, timeout=60).headers["Location"]
    with pytest.raises(requests.Timeout):
        requests.get(urljoin(server.url, first), timeout=3)
    assert stop_otree_server(server) == 1
    assert sessions_on_disk(project) == 1


def test_the_server_stops_and_saves_when_its_script_is_killed(project):
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(project), str(free_port()), python_of("6")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    server = int(process.stdout.readline())
    assert is_running(server)
    process.kill()
    process.wait(10)
    wait_until(lambda: not is_running(server), 30, "the server has ended")
    assert sessions_on_disk(project) == 1


@pytest.mark.skipif(os.name == "nt", reason="nothing is forked there")
def test_a_process_forked_meanwhile_does_not_keep_the_server_up(start):
    server = start()
    context = multiprocessing.get_context("fork")
    end = context.Event()
    child = context.Process(target=end.wait, args=(60,))
    child.start()
    try:
        assert stop_otree_server(server) == 0
    finally:
        end.set()
        child.join(10)


def test_bots_of_the_server_end_with_it(project, start):
    if not Path("/proc").exists():
        pytest.skip("processes are looked up in /proc")
    server = start()
    rest = Rest(server.url)
    session = rest.post("/api/sessions", session_config_name="ultimatum", num_participants=2)["code"]
    rest.post("/api/llm_bots/launch", session_code=session, model="random", human_pace=True)

    def processes() -> list[Path]:
        found = []
        for path in Path("/proc").iterdir():
            try:
                if path.name.isdigit() and (path / "cwd").readlink() == project:
                    found.append(path)
            except OSError:
                continue
        return found

    wait_until(lambda: len(processes()) == 2, 30, "the runner plays beside the server")
    stop_otree_server(server)
    wait_until(lambda: not processes(), 10, "all have ended")


def test_all_else_finds_the_server_while_it_runs(start, monkeypatch):
    monkeypatch.setenv("OTREE_SERVER_URL", "http://elsewhere.example")
    with start(auth_level="STUDY", rest_key="correct horse", admin_password="battery staple") as server:
        assert os.environ["OTREE_SERVER_URL"] == server.url
        assert Rest(os.environ["OTREE_SERVER_URL"]).get("/api/sessions") == []
        with pytest.raises(ServerError, match="OTREE_REST_KEY"):
            Rest(server.url, "another key").get("/api/sessions")
        page = requests.get(f"{server.url}/sessions", timeout=60)
        assert page.url.endswith("/login")
    assert os.environ["OTREE_SERVER_URL"] == "http://elsewhere.example" and "OTREE_REST_KEY" not in os.environ


def test_secrets_stand_nowhere(project, start):
    if not Path("/proc").exists():
        pytest.skip("arguments are looked up in /proc")
    server = start(auth_level="STUDY", rest_key="correct horse", admin_password="battery staple")
    arguments = Path(f"/proc/{server.process.pid}/cmdline").read_text()
    stop_otree_server(server)
    for text in (arguments, repr(server), (project / "otree.log").read_text()):
        assert "correct horse" not in text and "battery staple" not in text


def test_a_port_that_is_taken_is_named(start, monkeypatch):
    port = free_port()
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", port))
        listener.listen()
        with pytest.raises(SetupError, match=f"Port {port} is in use"):
            start(port=port)
        monkeypatch.setenv("OTREE_PORT", str(port))
        with pytest.raises(SetupError, match=f"Port {port} is in use"):
            start(port=None)
    assert start(port=None).url == f"http://127.0.0.1:{port}"
    for wrong in ("eighty", 70_000, -1):
        with pytest.raises(SetupError, match="no port"):
            start(port=wrong)


def test_what_is_wrong_with_a_project_is_told(project, start, tmp_path):
    with pytest.raises(SetupError, match="no oTree project"):
        start_otree_server(tmp_path)
    with pytest.raises(SetupError, match="rest_key"):
        start(auth_level="STUDY")
    settings = (project / "settings.py").read_text()
    (project / "settings.py").write_text(f"{settings}\nROOMS = [dict(nam='x')]\nundefined_name\n")
    with pytest.raises(ServerError, match="(?s)does not start.*NameError.*undefined_name"):
        start()
    (project / "settings.py").write_text(f"{settings}\nimport time\ntime.sleep(600)\n")
    with pytest.raises(ServerError, match="does not answer after 1 second"):
        start(timeout=1)


def test_the_python_that_has_otree_is_found(project, start, tmp_path, monkeypatch):
    environment = Path(python_of("6")).parents[1]
    venv.create(tmp_path / "bare", with_pip=False, symlinks=os.name != "nt")
    for other in (tmp_path / "bare", venv_python(tmp_path / "bare"), tmp_path / "nothing"):
        with pytest.raises(SetupError, match="has no oTree, or is no Python"):
            start(python=other)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))  # for our Python alone
    (tmp_path / "otree.py").write_text("raise SystemExit('this is not oTree')\n")
    with pytest.raises(SetupError, match="Pass python="):
        start(python=None)
    monkeypatch.setenv("PATH", str(Path(python_of("6")).parent))
    start(python=None)
    monkeypatch.setenv("PATH", str(tmp_path))
    (project / ".venv").symlink_to(environment)
    start(python=None)
    (project / ".venv").unlink()
    start(python=environment)


def test_a_script_in_otrees_own_environment_uses_it(project):
    command = [python_of("6"), "-c", SCRIPT, str(project), str(free_port())]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True)
    assert done.returncode == 0, done.stderr
    server = int(done.stdout)
    wait_until(lambda: not is_running(server), 30, "the server has ended with its script")
    assert sessions_on_disk(project) == 1


def test_an_env_file_sets_what_is_not_set(tmp_path, monkeypatch):
    for name in ("FIRST_KEY", "SECOND_KEY"):
        monkeypatch.setenv(name, "")  # so that what the file sets goes when the test ends
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    assert load_env() is None
    (tmp_path / ".env").write_bytes("\ufeffFIRST_KEY='from the file'\n# no\nexport SECOND_KEY=füür\n".encode())
    monkeypatch.setenv("FIRST_KEY", "from the shell")
    assert load_env() == Path(".env")
    assert (os.environ["FIRST_KEY"], os.environ["SECOND_KEY"]) == ("from the shell", "füür")
    assert needed("SECOND_KEY", None, "The key") == "füür" and needed("SECOND_KEY", "given", "The key") == "given"
    with pytest.raises(SetupError, match="^The key is not known: pass it, or set THIRD_KEY"):
        needed("THIRD_KEY", "", "The key")


def test_an_env_file_that_was_named_must_be_there(tmp_path):
    with pytest.raises(SetupError, match="nothing.env cannot be read: No such file"):
        load_env(tmp_path / "nothing.env")
    (tmp_path / "bad.env").write_bytes(b"KEY=\xff\xfe")
    with pytest.raises(SetupError, match="no text in UTF-8"):
        load_env(tmp_path / "bad.env")
