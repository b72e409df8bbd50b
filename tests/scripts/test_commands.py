"""The commands play, session, run, export and report, in processes of their own."""

from __future__ import annotations

import csv
import json
import re
import signal
import subprocess
import sys
from collections import Counter

import pytest

from otree_botex import __version__, read_participants_from_botex_db, read_responses_from_botex_db

from ..servers import wait_until
from .plain import KEY, decided, surroundings

pytestmark = pytest.mark.server

MODEL = "openai/gpt-4.1-mini"


@pytest.fixture
def folder(server, tmp_path):
    """Where the commands run; a file .env there names the server."""
    (tmp_path / ".env").write_text(f"OTREE_SERVER_URL={server.url}\n")
    return tmp_path


@pytest.fixture
def start(folder, monkeypatch):
    monkeypatch.delenv("OTREE_SERVER_URL")  # .env has it

    def begin(*arguments, **environment):
        command = [sys.executable, "-m", "otree_botex", *map(str, arguments)]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        return subprocess.Popen(command, cwd=folder, env=surroundings(**environment), **pipes)

    return begin


@pytest.fixture
def botex(start):
    """Runs a command: its exit code, what it printed, and what it said on standard error."""

    def run(*arguments, **environment):
        process = start(*arguments, **environment)
        out, error = process.communicate(timeout=180)
        assert "Traceback" not in error, error
        return process.returncode, out, error

    return run


def bots(folder, name="botex.sqlite3"):
    return read_participants_from_botex_db(botex_db=folder / name)


def test_a_session_and_its_bots(botex, folder, server):
    code, out, _ = botex("session", "public_goods", "--participants", 3, "--set", "participation_fee=7")
    session = re.match(r"Session (\w+): 3 seats for bots, 0 for people\.\n", out)[1]
    assert code == 0 and f"otree-botex run {session} --model MODEL" in out
    assert server.get(f"/api/sessions/{session}")["config"]["participation_fee"] == 7
    code, out, error = botex("run", session, "--model", "random", "--seed", 3)
    assert code == 0 and out.startswith("3 finished; ")
    launch = re.search(r"Launch (\w+); its record is (.*)", error)
    assert launch[2] == str(folder / "botex.sqlite3") and {bot["launch"] for bot in bots(folder)} == {launch[1]}
    code, out, error = botex("run", session, "--model", "random")
    assert (code, out) == (1, "") and "Bots were started before on P1, P2, P3." in error
    code, out, error = botex("run", session, "--again")
    assert (code, out) == (
        1,
        "",
    ) and error == "otree-botex: All these bots have finished; there is nothing to go on with.\n"


def test_people_among_them(botex, server):
    _, out, _ = botex("session", "public_goods", "--participants", 3, "--humans", 2, "--room", "lab")
    links = re.findall(r"for a person: (http\S+)", out)
    assert len(links) == 2 and all(link.startswith(f"{server.url}/InitializeParticipant/") for link in links)
    _, out, _ = botex("session", "public_goods", "--participants", 3, "--humans", 3, "--json")
    made = json.loads(out)
    assert made["is_human"] == [True] * 3 and made["human_urls"] and not made["bot_urls"]


def test_one_link(botex, folder, server):
    link = server.links(server.session("survey", 1))[0]
    code, out, _ = botex("play", link, "--model", "random", "--session", "mine", "--db", "other.sqlite3")
    assert code == 0 and out.startswith("1 finished; ")
    assert [bot["session"] for bot in bots(folder, "other.sqlite3")] == ["mine"]
    code, out, error = botex("play", f"{server.url}/InitializeParticipant/nobody01", "--model", "random")
    assert code == 1 and "P1 failed: /InitializeParticipant/nobody01 does not exist" in error
    assert out == "1 failed; 0 pages, 0 tokens\n"


@pytest.mark.parametrize("command", ["run", "play"])
def test_ctrl_c_and_again(start, botex, folder, server, command):
    made = json.loads(botex("session", "public_goods", "--participants", 3, "--humans", 1, "--json")[1])
    what = made["session_id"] if command == "run" else made["bot_urls"][0]
    process = start(command, what, "--model", "random")
    number = 2 if command == "run" else 1
    wait_until(lambda: [bot["state"] for bot in bots(folder)] == ["waiting"] * number, 60, "they wait for the person")
    process.send_signal(signal.SIGINT)
    out, error = process.communicate(timeout=30)
    assert (process.returncode, out) == (130, "") and "the same command with --again" in error
    assert "Traceback" not in error, error
    others = made["human_urls"] + made["bot_urls"][number:]
    rest = [start("play", link, "--model", "random") for link in others]
    code, out, error = botex(command, what, "--again")
    assert code == 0 and out.startswith(f"{number} finished"), error
    assert [process.wait(60) for process in rest] == [0] * len(rest)
    assert Counter(bot["state"] for bot in bots(folder)) == {"finished": 3}
    for process in rest:
        process.communicate()


def test_a_model_and_its_parameters(botex, folder, server, provider):
    pytest.importorskip("litellm", reason="litellm is not installed")
    settings = {**provider.environment, "BOTEX_DB": "named.sqlite3"}
    (folder / ".env").open("a").write("".join(f"{name}={value}\n" for name, value in settings.items()))
    link = server.links(server.session("survey", 1))[0]
    options = ["--temperature", 0.3, "--max-tokens", 400, "--memory", "none", "--attempts", 3, "--cache"]
    code, _, error = botex("play", link, "--model", MODEL, *options)
    assert code == 0, error
    (bot,) = bots(folder, "named.sqlite3")
    known = json.loads(bot["parameters"])
    assert {name: known[name] for name in ("temperature", "max_tokens", "memory", "attempts", "cache")} == {
        **{"temperature": 0.3, "max_tokens": 400, "memory": "none", "attempts": 3, "cache": True}
    }
    assert (folder / "named.sqlite3.replies").exists() and provider.keys == [f"Bearer {KEY}"] * len(provider.asked)
    files = [path for path in folder.glob("*") if path.is_file() and path.name != ".env"]
    assert KEY.encode() not in b"".join(path.read_bytes() for path in files) and KEY not in error
    other = server.links(server.session("survey", 1))[0]
    base = provider.environment["OPENAI_BASE_URL"]
    code, _, error = botex(
        "play", other, "--model", "openai/mine", "--api-base", base, OPENAI_BASE_URL="http://127.0.0.1:9"
    )
    assert code == 0 and provider.asked[-1]["model"] == "mine", error


def test_the_environment_goes_before_the_file(botex, folder):
    (folder / ".env").write_text("OTREE_SERVER_URL=http://127.0.0.1:9\n")
    code, _, error = botex("session", "survey", "--participants", 1)
    assert code == 1 and "No oTree server answers at http://127.0.0.1:9" in error
    code, _, error = botex("session", "survey", "--participants", 1, OTREE_SERVER_URL="http://127.0.0.1:10")
    assert code == 1 and "No oTree server answers at http://127.0.0.1:10" in error


@pytest.fixture
def played(botex):
    """A session with a launch, by their codes."""
    session = json.loads(botex("session", "public_goods", "--participants", 3, "--json")[1])["session_id"]
    error = botex("run", session, "--model", "random")[2]
    return session, re.search(r"Launch (\w+);", error)[1]


def test_exports(botex, folder, server, played):
    session, _ = played
    for what, least in (("participants", 3), ("responses", 12), ("conversations", 9)):
        code, out, error = botex("export", what)
        assert (code, out) == (0, f"Written to {what}.csv\n"), error
        rows = list(csv.DictReader((folder / f"{what}.csv").read_text("utf-8-sig").splitlines()))
        assert len(rows) >= least and {row["session"] for row in rows if row["session"]} >= {session}
        assert botex("export", what, "--session", "nope", "--output", "none.csv")[0] == 0
        assert len((folder / "none.csv").read_text("utf-8-sig").splitlines()) == 1
    code, out, error = botex("export", "otree", "--session", session)
    assert (code, out) == (0, "Written to otree.csv\n"), error
    rows = list(csv.DictReader((folder / "otree.csv").read_text("utf-8-sig").splitlines()))
    assert {row["participant.code"] for row in rows} == set(server.by_participant(session))
    code, out, error = botex("export", "tables", "--input", "otree.csv", "-o", "tables")
    assert (code, out) == (0, "Written to tables\n"), error
    assert (folder / "tables" / "otree_public_goods_player.csv").exists()
    code, _, error = botex("export", "tables")
    assert code == 1 and "Name the wide file" in error
    code, _, error = botex("export", "otree", "--session", "nope")
    assert code == 1 and error.startswith("otree-botex: ")


def test_a_report(botex, folder, played):
    _, launch = played
    code, out, _ = botex("report", launch)
    assert code == 0 and out.startswith("# Bots in this study") and launch in out
    code, out, _ = botex("report", launch, "--latex", "-o", "report.tex")
    assert (code, out) == (0, "Written to report.tex\n")
    assert (folder / "report.tex").read_text().rstrip().endswith(r"\end{document}")
    code, out, _ = botex("report", launch, "--json")
    assert json.loads(out)["launch"] == launch
    code, _, error = botex("report", "nope")
    assert code == 1 and "There is no launch 'nope'" in error
    code, _, error = botex("report", launch, "--server", "http://127.0.0.1:9")
    assert code == 1 and "No oTree server answers" in error


def test_the_report_of_a_launch_in_the_admin(botex, start_server):
    server = start_server()
    session = server.session("public_goods", 3)
    launch = server.launch(session)
    server.finish(session, 3)
    code, out, _ = botex("report", launch, "--server", server.url, "--json")
    assert code == 0 and [seat["fate"] for seat in json.loads(out)["seats"]] == ["finished"] * 3
    code, out, _ = botex("report", launch, "--server", server.url)
    assert code == 0 and launch in out


def test_a_replay(botex, folder, played):
    session, launch = played
    second = json.loads(botex("session", "public_goods", "--participants", 3, "--json")[1])["session_id"]
    code, out, error = botex("run", second, "--model", f"replay:{launch}")
    assert code == 0, error
    record = folder / "botex.sqlite3"
    assert decided(read_responses_from_botex_db(session, record)) == decided(
        read_responses_from_botex_db(second, record)
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["play", "nowhere", "--model", "random"], "“nowhere” is no link of a participant"),
        (["play", "http://127.0.0.1:9/InitializeParticipant/x"], "Choose a model"),
        (["run", "nope", "--model", "random"], "There is no record"),
        (["session", "nope", "--participants", "1"], 'Session config "nope" not found'),
        (["session", "survey", "--participants", "1", "--set", "pie"], "“pie” is not of the form NAME=VALUE"),
        (["play", "http://127.0.0.1:9/", "--model", "local", "--local", "x=1"], "local_model_cfg has no x"),
        (["export", "participants"], "There is no record"),
        (["export", "tables", "--input", "nope.csv"], "nope.csv"),
        (["report", "nope"], "There is no record"),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(botex, folder, arguments, said):
    code, out, error = botex(*arguments)
    assert (code, out) == (1, "") and said in error, error
    assert error.splitlines()[-1].startswith("otree-botex: ")


def test_a_file_that_cannot_be_written(botex, folder, played):
    code, _, error = botex("export", "participants", "--output", "nowhere/table.csv")
    assert code == 1 and "nowhere/table.csv" in error
    code, _, error = botex("report", played[1], "--output", "nowhere/report.md")
    assert code == 1 and "nowhere/report.md" in error


def test_the_version(botex):
    assert botex("--version")[1].strip() == __version__
