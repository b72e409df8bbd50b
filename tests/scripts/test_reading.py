"""What scripts read back: bots, answers, conversations, prompts, as dicts and as CSV, and the manifest."""

from __future__ import annotations

import csv
import io
import json

import pytest

from otree_botex import (
    export_conversation_data,
    export_participant_data,
    export_response_data,
    init_otree_session,
    read_conversations_from_botex_db,
    read_manifest_from_botex_db,
    read_participants_from_botex_db,
    read_prompts_from_botex_db,
    read_responses_from_botex_db,
    run_bots_on_session,
)
from otree_botex.errors import SetupError
from otree_botex.record import methods

from ..servers import wait_until
from .plain import KEY

pytestmark = pytest.mark.server

MODEL = "openai/gpt-4.1-mini"
TABLES = {
    read_participants_from_botex_db: export_participant_data,
    read_responses_from_botex_db: export_response_data,
    read_conversations_from_botex_db: export_conversation_data,
}


@pytest.fixture
def runs(server, database, openai):
    """Two launches in one record: one with a model, one with random bots."""
    sessions = [init_otree_session(config, npart) for config, npart in (("public_goods", 3), ("survey", 1))]
    options = [{"model": MODEL, "temperature": 0.2, "max_tokens": 500, "seed": 9}, {"model": "random"}]
    return [run_bots_on_session(made["session_id"], **each) for made, each in zip(sessions, options, strict=True)]


def of_csv(file):
    text = file.read_bytes().decode("utf-8")
    assert text.startswith("\ufeff")
    return list(csv.DictReader(io.StringIO(text[1:], newline="")))


def test_the_same_as_dicts_and_as_csv(runs, tmp_path):
    for read, export in TABLES.items():
        everything = read()
        parts = [read(run.session_id) for run in runs]
        assert everything == parts[0] + parts[1] and all(parts)
        for session, rows in ((None, everything), (runs[0].session_id, parts[0])):
            export(tmp_path / "table.csv", session_id=session)
            written = of_csv(tmp_path / "table.csv")
            assert [list(row) for row in written] == [list(row) for row in rows]
            assert written == [{name: _as_text(value) for name, value in row.items()} for row in rows]


def _as_text(value):
    text = "" if value is None else str(value)
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t") and isinstance(value, str) else text


def test_what_looks_like_a_formula(server, database, openai, tmp_path):
    """It has an apostrophe before it where spreadsheets read it, and nowhere else."""
    openai.says = "=1+1"
    made = init_otree_session("public_goods", 3)
    run_bots_on_session(made["session_id"], model=MODEL)
    export_response_data(tmp_path / "table.csv")
    for rows, reason in ((read_responses_from_botex_db(), "=1+1"), (of_csv(tmp_path / "table.csv"), "'=1+1")):
        assert {row["reason"] for row in rows if row["field"]} == {reason}


def test_bots(runs):
    bots = read_participants_from_botex_db()
    assert [bot["model"] for bot in bots] == [MODEL] * 3 + ["random"]
    assert [bot["launch"] for bot in bots] == [runs[0].launch] * 3 + [runs[1].launch]
    first = bots[0]
    assert (first["state"], first["cause"], first["error"], first["calls"]) == ("finished", "", "", 1)
    assert (first["input_tokens"], first["output_tokens"], first["seed"]) == (100, 20, 9 + 7919)
    assert first["cost"] > 0 and first["started_utc"] < first["ended_utc"]
    assert json.loads(first["parameters"])["temperature"] == 0.2


def test_answers_and_their_reasons(runs):
    answers = [row for row in read_responses_from_botex_db(runs[0].session_id) if row["field"]]
    assert [(row["app"], row["page"], row["field"]) for row in answers] == [
        ("public_goods", "Contribute", "contribution")
    ] * 3
    for row in answers:
        assert row["label"].startswith("How much do you contribute") and row["reason"] == "I see."
        assert 0 <= float(row["answer"]) <= 100 and "You have 100 points" in row["text"]
    kinds = {row["kind_of_field"] for row in read_responses_from_botex_db(runs[1].session_id) if row["field"]}
    assert len(kinds) > 3


def test_conversations_and_prompts(runs, openai):
    """What was sent can be put together again, and is what the model was sent."""
    rows = read_conversations_from_botex_db(runs[0].session_id)
    replies = [row for row in rows if row["role"] == "assistant"]
    by_number = {(row["bot"], row["number"]): row for row in rows}
    rebuilt = []
    for reply in replies:
        assert (reply["model"], reply["mode"], reply["finish_reason"]) == (
            "gpt-4.1-mini-2026-01-01",
            "json_schema",
            "stop",
        )
        assert json.loads(reply["content"])["answers"] and json.loads(reply["schema"])["type"] == "object"
        sent = [by_number[reply["bot"], number] for number in json.loads(reply["sent"])]
        rebuilt.append([{"role": one["role"], "content": one["content"]} for one in sent])
    asked = [request["messages"] for request in openai.asked]
    assert sorted(map(json.dumps, rebuilt)) == sorted(map(json.dumps, asked))
    assert len(read_prompts_from_botex_db(runs[0].launch)) == 3


def test_the_manifest(runs):
    manifest = read_manifest_from_botex_db(runs[0].launch)
    assert manifest == runs[0].manifest() and KEY not in json.dumps(manifest)
    (row,) = manifest["rows"]
    assert row["model"]["asked"] == MODEL and row["model"]["provider"] == "openai"
    assert row["model"]["answered"] == [{"model": "gpt-4.1-mini-2026-01-01", "fingerprint": "", "calls": 3}]
    assert (row["parameters"]["temperature"], row["parameters"]["max_tokens"]) == (0.2, 500)
    assert row["sent"]["temperature"] == 0.2
    assert manifest["experiment"]["config"]["name"] == "public_goods" and manifest["experiment"]["participants"] == 3
    assert manifest["experiment"]["humans"] == 0 and manifest["started_by"] == "script"
    assert [seat["fate"] for seat in manifest["seats"]] == ["finished"] * 3
    assert manifest["totals"]["input_tokens"] == 300 and manifest["totals"]["cost"] > 0
    assert manifest["rows"][0]["model"]["deterministic"] != "yes"
    assert "gpt-4.1-mini" in methods.markdown(manifest) and "\\documentclass" in methods.latex(manifest)


def test_two_launches_in_one_session(server, database):
    """What a model that failed at once, and one that was tried then, left behind."""
    made = init_otree_session("survey", 2)
    runs = [run_bots_on_session(made["session_id"], [link], model="random") for link in made["bot_urls"]]
    rows = read_responses_from_botex_db(made["session_id"])
    assert {(row["launch"], row["participant"]) for row in rows} == {
        (run.launch, code) for run, code in zip(runs, made["participant_code"], strict=True)
    }


def test_while_bots_play(server, database, openai):
    made = init_otree_session("public_goods", 3)
    openai.gate.clear()
    run = run_bots_on_session(made["session_id"], model=MODEL, wait=False)
    wait_until(lambda: len(openai.asked) == 3, 60, "all bots think")
    rows = read_conversations_from_botex_db(made["session_id"])
    waiting = [row for row in rows if row["role"] == "assistant"]
    assert len(waiting) == 3 and all(not row["content"] and row["sent"] for row in waiting)  # asked, not answered
    assert {bot["state"] for bot in read_participants_from_botex_db()} == {"thinking"}
    assert read_manifest_from_botex_db(run.launch)["attrition"][0]["fates"] == {"playing": 3}
    openai.gate.set()
    assert run.wait(60)


def test_what_is_not_there(server, database):
    with pytest.raises(SetupError, match="There is no record"):
        read_participants_from_botex_db()
    assert not database.exists()
    init_otree_session("survey", 1)
    assert read_participants_from_botex_db("nope") == [] and read_responses_from_botex_db() == []
    with pytest.raises(SetupError, match="There is no launch 'nope' in this record"):
        read_manifest_from_botex_db("nope")
    with pytest.raises(SetupError, match="There is no launch 'nope' in this record"):
        read_prompts_from_botex_db("nope")


def test_an_empty_record_as_csv(server, database, tmp_path):
    init_otree_session("survey", 1)
    for export in TABLES.values():
        export(tmp_path / "table.csv")
        assert of_csv(tmp_path / "table.csv") == [] and (tmp_path / "table.csv").stat().st_size > 50
