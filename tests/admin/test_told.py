"""Personas, a project's own prompts and remarks in pre-tests: from the files of a project to what a model is told."""

from __future__ import annotations

import os
import signal
import sys

import pytest
import requests

from ..scripts import plain
from .doing import act, wait_for
from .test_interruptions import runner_of

pytestmark = pytest.mark.server

CSV = "name,trait\nAnna,gives all she has\nBo,keeps $5 for himself\n"
SYSTEM = "Du nimmst an einer Studie teil.\n"


def with_files(server, prompt=SYSTEM):
    folder = server.folder / "_llm_bots"
    for path, text in (("personas/two.csv", CSV), ("prompts/german/system.txt", prompt)):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, "utf-8")


def first_messages(server, session):
    rows = server.export(session, "messages")
    return {row["participant"]: row["content"] for row in rows if row["role"] == "system"}


@pytest.mark.parametrize("otree", ["6", "5"])
def test_what_models_are_told_is_that_of_the_launch(start_server, otree):
    server = start_server(otree)
    with_files(server)
    session = server.session("guess_two_thirds", 3)
    launch = server.launch(session, bots=2, personas="two", prompts="german", pretest=True)
    wait_for(server, session, "waiting", "waiting")
    told = first_messages(server, session)
    assert all(text.startswith(SYSTEM.strip()) and "“" not in text for text in told.values())
    personas = {row["participant"]: row["persona"] for row in server.export(session, "bots")}
    assert len(set(personas.values())) == 2 and all(personas[code] in told[code] for code in told)
    assert any("keeps $5 for himself" in text for text in told.values())
    assert all("before people take part" in text for text in told.values())

    # who goes on is told the same, whatever has become of the files
    (server.folder / "_llm_bots/prompts/german/system.txt").write_text("Etwas anderes.")
    os.kill(runner_of(server), signal.SIGKILL)
    wait_for(server, session, "failed", "failed")
    act(server, session, "again")
    wait_for(server, session, "waiting", "waiting")
    manifest = server.get(f"/api/llm_bots/launch/{launch}/manifest")
    assert manifest["prompts"]["system"] == SYSTEM and "$persona" in manifest["prompts"]["persona"]
    server.launch(session)
    server.finish(session, 3)


def test_prompts_that_cannot_be_used_start_nothing(start_server):
    server = start_server()
    with_files(server, "You are $nobody.")
    session = server.session("survey", 1)
    body = {"session_code": session, "model": "random", "prompts": "german"}
    refused = requests.post(f"{server.url}/api/llm_bots/launch", json=body, timeout=60)
    assert refused.status_code == 400
    assert "$nobody is no placeholder of “system”" in refused.text and "german" in refused.text
    assert server.bots(session) == []
    server.play("survey", 1)


def test_a_persona_answers_and_is_replayed(start_server):
    """What it remarked in the pre-test stands beside its answers; a replay gives the same answers once more."""
    pytest.importorskip("litellm", reason="litellm is not installed")
    with plain.provider() as model:
        server = start_server(environment={"OTREE_BOTEX_PYTHON": sys.executable, **model.environment})
        with_files(server)
        session = server.session("guess_two_thirds", 3)
        asked = {"personas": "two", "pretest": True, "seed": 4}
        launch = server.launch(session, "openai/gpt-4.1-mini", **asked)
        server.finish(session, 3)
        assert all("\nname: " in request["messages"][0]["content"] for request in model.asked)
        rows = [row for row in server.export(session, "steps") if row["field"] == "guess"]
        assert len(rows) == 9 and {row["remark"] for row in rows} == {model.says}

        calls = len(model.asked)
        again = server.session("guess_two_thirds", 3)
        server.launch(again, f"replay:{launch}", personas="two")
        server.finish(again, 3)
        assert len(model.asked) == calls

        def answers(session):
            seats = {bot["participant"]: bot["seat"] for bot in server.bots(session)}
            rows = [row for row in server.export(session, "steps") if row["field"] == "guess"]
            return sorted((seats[row["participant"]], row["round_number"], row["answer"]) for row in rows)

        assert answers(again) == answers(session)
