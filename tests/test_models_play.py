"""Real small models play whole sessions: in the runner's process, and behind an OpenAI-compatible server."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
import requests

from .llm.test_litellm import Provider
from .servers import edit, free_port, wait_until

llama_cpp = pytest.importorskip("llama_cpp")

pytestmark = [pytest.mark.server, pytest.mark.model, pytest.mark.slow]

BOTS = {"OTREE_BOTEX_PYTHON": sys.executable}


@pytest.fixture
def api():
    """llama-cpp-python's own server with SmolLM2; yields its address."""
    from otree_botex.llm.llamacpp import find_model

    port = free_port()
    command = [sys.executable, "-m", "llama_cpp.server", "--model", str(find_model("smollm2"))]
    command += ["--host", "127.0.0.1", "--port", str(port), "--n_ctx", "4096", "--verbose", "false"]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def answers():
        try:
            return requests.get(f"http://127.0.0.1:{port}/v1/models", timeout=5).ok
        except requests.RequestException:
            return False

    wait_until(answers, 60, "the model's server answers")
    yield f"http://127.0.0.1:{port}/v1"
    server.terminate()
    server.wait(20)


@pytest.mark.parametrize(("experiment", "participants"), [("public_goods", 3), ("survey", 1)])
def test_smollm2_bots_finish(start_server, experiment, participants):
    server = start_server(environment=BOTS)
    session = server.play(experiment, participants, "smollm2", seconds=600, attempts=20, seed=1)
    replies = [row for row in server.export(session, "messages") if row["role"] == "assistant"]
    assert {row["mode"] for row in replies} == {"grammar"}
    assert all(int(row["input_tokens"]) > 50 and int(row["output_tokens"]) > 5 for row in replies)
    by_check = [row for row in server.export(session, "steps") if '"by": "reply"' in row["refusals"]]
    assert not by_check  # the grammar lets no reply through that breaks the schema
    answered = [row for row in server.export(session, "steps") if row["field"]]
    assert all(row["reason"] for row in answered)


def test_smollm2_decides_on_pages_whose_answers_only_scripts_take_down(start_server):
    """It moves the slider, and clicks on one of the tiles."""
    server = start_server(environment=BOTS)
    edit(server, "by_script/__init__.py", r"page_sequence = \[.*\]", "page_sequence = [Slider, Tiles]")
    session = server.play("by_script", 1, "smollm2", seconds=900, seed=3)
    (row,) = server.wide(session)
    saved, gamble = (row[f"by_script.1.player.{name}"] for name in ("saved", "gamble"))
    assert 0 <= int(saved) <= 100 and 1 <= int(gamble) <= 6
    steps = [row for row in server.export(session, "steps") if row["driver"] == "browser"]
    assert {(row["page"], row["outcome"], row["untouched"]) for row in steps} == {
        ("Slider", "submitted", "False"),
        ("Tiles", "submitted", "False"),
    }
    replies = [row for row in server.export(session, "messages") if row["role"] == "assistant"]
    said = [action for row in replies for action in json.loads(row["content"])["actions"]]
    assert [action["value"] for action in said if action["do"] == "set"][-1] == int(saved)
    assert any(action["do"] == "click" for action in said)


def test_a_model_behind_an_api_finishes_a_session(start_server, api):
    settings = f"LLM_BOTS = dict(models=[dict(model='openai/smollm2', api_base={api!r})])"
    server = start_server(environment=BOTS, settings=settings)
    # an experiment with options to choose from: that server keeps to these, but not to the bounds of numbers
    session = server.play("lottery", 2, "openai/smollm2", seconds=600, temperature=0.7, attempts=20, max_tokens=250)
    replies = [row for row in server.export(session, "messages") if row["role"] == "assistant"]
    assert {row["mode"] for row in replies} <= {"json_schema", "json_object", "prompt"}
    assert all(int(row["input_tokens"]) > 50 for row in replies if not row["error"])


def test_a_provider_with_every_kind_of_trouble(start_server):
    """Too many requests, an error of its own, nothing, nonsense, too much: asked again each time, all on record."""

    def reply(text):
        return 200, {"id": "1", "model": "m", "choices": [{"message": {"content": text}, "finish_reason": "stop"}]}

    provider = Provider()
    provider.script = [
        (429, {"error": {"message": "slow down"}}, {"Retry-After": "0"}, 0),
        (500, {"error": {"message": "oops"}}, {"Retry-After": "0"}, 0),
        reply(""),
        reply("I would rather not say."),
        reply('{"reason": "Much.", "answers": {"q1": 1000, "q2": 5}}'),
        reply('{"reason": "Half.", "answers": {"q1": 5, "q2": 50.5}}'),
    ]
    settings = f"LLM_BOTS = dict(models=[dict(model='openai/m', api_base={provider.url!r})])"
    server = start_server(environment=BOTS, settings=settings)
    session = server.play("dictator_de", 1, "openai/m")
    assert provider.script == []
    calls = [row for row in server.export(session, "messages") if row["role"] == "assistant"]
    assert ["slow down" in calls[0]["error"], "oops" in calls[1]["error"]] == [True, True]
    assert [row["content"] for row in calls[2:4]] == ["", "I would rather not say."]
    steps = {row["field"]: row for row in server.export(session, "steps") if row["field"]}
    assert (steps["spende"]["answer"], steps["schaetzung"]["answer"], steps["spende"]["attempts"]) == ("5", "50.5", "4")
    assert steps["spende"]["reason"] == "Half."


def test_a_key_that_is_refused_fails_the_bot_at_once(start_server):
    provider = Provider()
    provider.script = [(401, {"error": {"message": "Incorrect API key provided"}})]
    settings = f"LLM_BOTS = dict(models=[dict(model='openai/m', api_base={provider.url!r})])"
    server = start_server(environment={**BOTS, "OPENAI_API_KEY": "sk-" + 30 * "x"}, settings=settings)
    session = server.session("dictator_de", 1)
    server.launch(session, "openai/m")
    (bot,) = server.wait_for_end(session)
    assert bot["state"] == "failed" and "did not accept the API key" in bot["error"]
    assert "xxxxxx" not in bot["error"] + server.runner_logs() + str(server.export(session, "messages"))


def test_an_api_that_is_not_there_fails_the_bots_with_a_reason(start_server):
    settings = "LLM_BOTS = dict(models=[dict(model='openai/gone', api_base='http://127.0.0.1:9/v1')])"
    server = start_server(environment=BOTS, settings=settings)
    session = server.session("dictator_de", 1)
    server.launch(session, "openai/gone")
    rows = wait_until(
        lambda: [row for row in server.export(session, "messages") if row["error"]], 60, "a failed call is on record"
    )
    assert "127.0.0.1:9" in rows[0]["error"] or "connect" in rows[0]["error"].lower()
    assert server.bots(session)[0]["state"] == "thinking"  # it is asked again, with growing pauses
