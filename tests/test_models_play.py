"""Real small models play whole sessions: in the runner's process, and behind an OpenAI-compatible server."""

from __future__ import annotations

import subprocess
import sys

import pytest
import requests

from .servers import free_port, wait_until

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
    session = server.play(experiment, participants, "smollm2", seconds=400, seed=1)
    replies = [row for row in server.export(session, "messages") if row["role"] == "assistant"]
    assert {row["mode"] for row in replies} == {"grammar"}
    assert all(int(row["input_tokens"]) > 50 and int(row["output_tokens"]) > 5 for row in replies)
    by_check = [row for row in server.export(session, "steps") if '"by": "reply"' in row["refusals"]]
    assert not by_check  # the grammar lets no reply through that breaks the schema
    answered = [row for row in server.export(session, "steps") if row["field"]]
    assert all(row["reason"] for row in answered)


def test_a_model_behind_an_api_finishes_a_session(start_server, api):
    settings = f"LLM_BOTS = dict(models=[dict(model='openai/smollm2', api_base={api!r})])"
    server = start_server(environment=BOTS, settings=settings)
    session = server.play(
        "public_goods", 3, "openai/smollm2", seconds=300, temperature=0.7, attempts=20, max_tokens=250
    )
    replies = [row for row in server.export(session, "messages") if row["role"] == "assistant"]
    assert {row["mode"] for row in replies} <= {"json_schema", "json_object", "prompt"}
    assert all(int(row["input_tokens"]) > 50 for row in replies if not row["error"])


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
