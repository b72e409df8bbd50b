"""Tests of models behind an API: litellm against a real HTTP server that plays a provider."""

from __future__ import annotations

import json
import logging
import os
import re
import socket
import subprocess
import sys
import threading
import time
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from otree_botex.errors import ModelError, SetupError, TransientModelError
from otree_botex.llm import ModelOptions, Request, Usage, load
from otree_botex.llm.litellm_api import DEFAULT_CONTEXT

from ..servers import wait_until

pytest.importorskip("litellm", reason="litellm is not installed")

KEY = "sk-test-very-secret-0123456789"
OTHER_KEY = "plain/looking/secret"

CHOICE = {"type": "string", "enum": ["ja", "nein"], "title": "Ihre Wahl", "description": "Was tun Sie?"}
TEXT = {"type": "string", "minLength": 1, "maxLength": 40}
NUMBER = {"type": "integer", "minimum": 1}
ANSWERS = {
    "type": "object",
    "properties": {"title": {"anyOf": [TEXT, {"type": "null"}]}, "choice": CHOICE, "n": NUMBER},
    "required": ["title", "choice", "n"],
    "additionalProperties": False,
}
SCHEMA = {
    "type": "object",
    "properties": {"reason": {"type": "string", "maxLength": 300}, "answers": ANSWERS},
    "required": ["reason", "answers"],
    "additionalProperties": False,
}
MESSAGES = [{"role": "system", "content": "You take part."}, {"role": "user", "content": "Choose."}]
REQUEST = Request(MESSAGES, SCHEMA, seed=5)
NO_FORMAT = (400, {"error": {"message": "'response_format' of this type is not supported", "param": "response_format"}})


class Provider:
    """An HTTP server that gives the scripted responses, one a request: (status, body[, headers, seconds to wait])."""

    def __init__(self) -> None:
        self.script: list[tuple] = []
        self.requests: list[dict] = []
        self.keys: list[str] = []
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                provider.requests.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                provider.keys.append(self.headers["Authorization"])
                assert self.path == "/v1/chat/completions"
                status, body, headers, wait = (*provider.script.pop(0), {}, 0)[:4]
                time.sleep(wait)
                content = body if isinstance(body, bytes) else json.dumps(body).encode()
                self.send_response(status)
                for name, value in {"Content-Type": "application/json", **headers}.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *args) -> None:
                pass

        class Server(ThreadingHTTPServer):
            def handle_error(self, request, client_address) -> None:
                pass  # a client that did not wait

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/v1"
        threading.Thread(target=self.server.serve_forever, args=[0.02], daemon=True).start()


def reply(content: str | None = '{"reason": "r"}', finish: str = "stop", **more) -> tuple:
    message = {"role": "assistant", "content": content}
    usage = {"prompt_tokens": 100, "completion_tokens": 50, "total_tokens": 150}
    usage["prompt_tokens_details"] = {"cached_tokens": 40}
    usage["completion_tokens_details"] = {"reasoning_tokens": 30}
    choices = [{"index": 0, "message": message, "finish_reason": finish}]
    body = {"id": "chatcmpl-77", "object": "chat.completion", "created": 1, "model": "stub-2026-01-01"}
    return 200, {**body, "choices": choices, "usage": usage, **more}


def failure(status: int, message: str = "oh dear", code: str | None = None, **headers: str) -> tuple:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return status, {"error": {"message": message, "type": code, "code": code, "param": None}}, names, 0


@pytest.fixture
def provider(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("SOME_SERVICE_TOKEN", OTHER_KEY)
    provider = Provider()
    yield provider
    provider.server.shutdown()
    provider.server.server_close()
    assert provider.script == [], "the model was asked less often than the test says"


def stub(provider: Provider, model: str = "openai/stub", **options):
    return load(model, ModelOptions(api_base=provider.url, **{"timeout": 5.0, **options}))


def test_what_a_model_without_a_price_costs(provider, monkeypatch):
    """On a machine of one's own nothing; elsewhere nobody knows."""
    provider.script = [reply("{}")] * 2
    assert (own := stub(provider).complete(REQUEST)).cost == 0 and not own.prices
    monkeypatch.setenv("OPENAI_BASE_URL", provider.url)
    elsewhere = load("openai/stub", ModelOptions(timeout=5.0)).complete(REQUEST)
    assert elsewhere.cost is None and not elsewhere.prices


def test_a_reply_and_what_it_took(provider):
    provider.script = [reply('{"reason": "Ä"}', finish="length")]
    completion = stub(provider).complete(REQUEST)
    assert completion.text == '{"reason": "Ä"}'
    assert completion.usage == Usage(input=100, output=50, cached=40, reasoning=30)
    assert (completion.model, completion.request_id) == ("stub-2026-01-01", "chatcmpl-77")
    assert (completion.finish_reason, completion.mode, completion.cost) == ("length", "json_schema", 0.0)
    assert len(provider.requests) == 1 and provider.keys == [f"Bearer {KEY}"]


def test_what_is_sent(provider):
    provider.script = [reply(), reply()]
    stub(provider).complete(Request(MESSAGES, SCHEMA))
    stub(provider, temperature=0.3, max_tokens=77).complete(Request(MESSAGES, SCHEMA, seed=2**31 + 5))
    plain, full = provider.requests
    assert plain["messages"] == full["messages"] == MESSAGES and plain["model"] == "stub"
    assert not {"temperature", "max_tokens", "max_completion_tokens", "seed"} & plain.keys()
    assert (full["temperature"], full["max_tokens"], full["seed"]) == (0.3, 77, 5)


def test_the_schema_is_one_that_strict_modes_take(provider):
    provider.script = [reply()]
    stub(provider).complete(REQUEST)
    sent = provider.requests[0]["response_format"]
    assert sent["type"] == "json_schema"
    assert sent["json_schema"]["strict"] is True and sent["json_schema"]["name"] == "answer"
    schema = sent["json_schema"]["schema"]
    answers = schema["properties"]["answers"]
    assert schema["required"] == ["reason", "answers"] and answers["additionalProperties"] is False
    assert schema["properties"]["reason"] == {"type": "string", "description": "At most 300 characters."}
    assert list(answers["properties"]) == ["title", "choice", "n"]  # a field may be called like a keyword
    text = {"type": "string", "description": "At least 1 characters. At most 40 characters."}
    assert answers["properties"]["title"] == {"anyOf": [text, {"type": "null"}]}
    choice = {"type": "string", "enum": ["ja", "nein"], "description": "Was tun Sie? Title: Ihre Wahl."}
    assert answers["properties"]["choice"] == choice
    assert answers["properties"]["n"] == {"type": "integer", "minimum": 1}


def test_the_price_of_a_known_model(provider):
    provider.script = [reply(model="gpt-4.1-mini-2025-04-14"), reply(usage=None, model="gpt-4.1-mini")]
    model = stub(provider, "openai/gpt-4.1-mini")
    cost = model.complete(REQUEST).cost
    assert cost == pytest.approx((60 * 0.40 + 40 * 0.10 + 50 * 1.60) / 1e6)
    assert model.complete(REQUEST).cost is None  # no usage, no price
    assert model.context_tokens > 1_000_000
    assert stub(provider).context_tokens == DEFAULT_CONTEXT


@pytest.mark.parametrize("content", [None, ""])
def test_an_empty_reply(provider, content):
    provider.script = [reply(content)]
    assert stub(provider).complete(REQUEST).text == ""


def test_modes_fall_back_and_are_remembered(provider):
    provider.script = [NO_FORMAT, reply(), reply()]
    model = stub(provider)
    assert [model.complete(REQUEST).mode for _ in range(2)] == ["json_object", "json_object"]
    formats = [request.get("response_format", {}).get("type") for request in provider.requests]
    assert formats == ["json_schema", "json_object", "json_object"]
    for request in provider.requests[1:]:
        system, user = request["messages"]
        assert system == MESSAGES[0]
        head, schema = user["content"].split("JSON Schema:\n")
        assert head.startswith("Choose.\n\nReply with one JSON object") and json.loads(schema) == SCHEMA
    assert MESSAGES[1]["content"] == "Choose."  # what the caller gave is left alone


def test_modes_fall_back_to_words(provider):
    provider.script = [NO_FORMAT, (422, NO_FORMAT[1]), reply(), reply()]
    model = stub(provider)
    assert [model.complete(REQUEST).mode for _ in range(2)] == ["prompt", "prompt"]
    assert len(provider.requests) == 4 and "response_format" not in provider.requests[3]


def test_a_failure_does_not_change_the_mode(provider):
    provider.script = [NO_FORMAT, failure(500), reply()]
    model = stub(provider)
    with pytest.raises(TransientModelError):
        model.complete(REQUEST)
    assert model.complete(REQUEST).mode == "json_schema"


@pytest.mark.parametrize(
    ("response", "kind", "words"),
    [
        (failure(429, "slow down", Retry_After="7"), TransientModelError, "asks to slow down: slow down"),
        (failure(429, "no money", "insufficient_quota"), ModelError, "no credit left"),
        (failure(500), TransientModelError, "failed or could not be reached: oh dear"),
        (failure(503), TransientModelError, "could not be reached"),
        (failure(529), TransientModelError, "could not be reached"),
        ((200, b"<html>"), TransientModelError, "could not be reached"),
        (failure(401, f"Incorrect API key provided: {KEY}"), ModelError, r"did not accept the API key: .*\*\*\*"),
        (failure(401, f"{OTHER_KEY} sk-somebody-elses-key"), ModelError, r"\*\*\* \*\*\*$"),
        (failure(402, "Insufficient Balance"), ModelError, "paid"),
        (failure(403), ModelError, "refused access"),
        (failure(404, "no such model"), ModelError, "was not found: no such model"),
        (failure(400, "bad temperature"), ModelError, "refused the request: bad temperature"),
        (
            failure(400, "This model's maximum context length is 9 tokens, schema included"),
            ModelError,
            "longer than openai/stub can",
        ),
        (failure(413), ModelError, "refused the request"),
    ],
)
def test_failures(provider, response, kind, words):
    provider.script = [response]
    with pytest.raises(ModelError, match=words) as caught:
        stub(provider).complete(REQUEST)
    assert type(caught.value) is kind and str(caught.value).find("openai/stub") >= 0
    assert KEY not in str(caught.value) and OTHER_KEY not in str(caught.value)
    assert caught.value.__suppress_context__  # a traceback would tell more than the message does
    assert len(provider.requests) == 1
    if kind is TransientModelError:
        assert caught.value.retry_after == (7.0 if response[0] == 429 else None)


def when(seconds: float) -> str:
    return format_datetime(datetime.now(timezone.utc) + timedelta(seconds=seconds), usegmt=True)


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry_After": "2.5"}, 2.5),
        ({"Retry_After": 3600}, pytest.approx(3600, abs=60)),
        ({"Retry_After": -60}, 0.0),
        ({"retry_after_ms": "1500", "Retry_After": "2"}, 1.5),
        ({"Retry_After": "soon"}, None),
        ({"Retry_After": "-1"}, None),
        ({"Retry_After": "nan"}, None),
        ({"Retry_After": "inf"}, None),
    ],
)
def test_how_long_a_provider_asks_to_wait(provider, status, headers, seconds):
    """Numbers among the headers stand for times so many seconds from now."""
    sent = {name: value if isinstance(value, str) else when(value) for name, value in headers.items()}
    provider.script = [failure(status, **sent)]
    with pytest.raises(TransientModelError) as caught:
        stub(provider).complete(REQUEST)
    assert caught.value.retry_after == seconds


def test_messages_are_short_and_keys_do_not_show_at_the_cut(provider):
    provider.script = [failure(401, "x" * 290 + KEY + "y" * 400)]
    with pytest.raises(ModelError) as caught:
        stub(provider).complete(REQUEST)
    assert len(str(caught.value)) < 360 and "sk-" not in str(caught.value)


def test_timeouts_and_missing_servers(provider):
    provider.script = [(*reply(), {}, 10)]
    with pytest.raises(TransientModelError, match="did not answer in time"):
        stub(provider, timeout=1.0).complete(REQUEST)
    wait_until(lambda: len(provider.requests) == 1, 20, "it was asked")
    with pytest.raises(TransientModelError, match="could not be reached"):
        load("openai/stub", ModelOptions(api_base="http://127.0.0.1:9/v1")).complete(REQUEST)


def test_a_deadline_ends_the_wait(provider):
    provider.script = [reply(), (*reply(), {}, 15)]
    model = stub(provider)
    model.complete(REQUEST)  # the first call of a process takes its time
    began = time.monotonic()
    with pytest.raises(TransientModelError, match="did not answer in time"):
        model.complete(replace(REQUEST, deadline=began + 0.5))
    assert time.monotonic() - began < 10


def test_pictures_are_parts_of_their_message_in_order(provider):
    provider.script = [NO_FORMAT, reply()]
    urls = ["data:image/png;base64,QQ==", "data:image/gif;base64,Qg=="]
    messages = [MESSAGES[0], {**MESSAGES[1], "images": urls}]
    stub(provider, images=True).complete(Request(messages, SCHEMA))
    for asked in provider.requests:
        text, *pictures = asked["messages"][1]["content"][:3]
        assert text == {"type": "text", "text": "Choose."}
        assert [part["image_url"]["url"] for part in pictures] == urls
    assert "JSON Schema" in provider.requests[1]["messages"][1]["content"][3]["text"]


def test_a_model_that_takes_no_pictures_says_so_before_it_is_asked(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with pytest.raises(SetupError, match="takes no pictures"):
        load("openai/gpt-3.5-turbo", ModelOptions(images=True))
    load("openai/gpt-4.1-mini", ModelOptions(images=True))


def test_many_threads_use_one_model(provider):
    provider.script = [reply() for _ in range(12)]
    model = stub(provider)
    threads = [threading.Thread(target=lambda: [model.complete(REQUEST) for _ in range(3)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(provider.requests) == 12


# ---- setting up


def test_missing_keys_are_named(monkeypatch):
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "GEMINI_API_KEY", "GOOGLE_API_KEY",
                 "OPENAI_BASE_URL", "OPENAI_API_BASE"):  # fmt: skip
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(SetupError, match="openai/gpt-4.1-mini needs OPENAI_API_KEY in the environment"):
        load("openai/gpt-4.1-mini", ModelOptions())
    with pytest.raises(SetupError, match="needs ANTHROPIC_API_KEY"):
        load("anthropic/claude-sonnet-4-5", ModelOptions())
    with pytest.raises(SetupError, match="GOOGLE_API_KEY or GEMINI_API_KEY"):
        load("gemini/gemini-2.5-flash", ModelOptions())
    load("ollama/llama3", ModelOptions())  # runs on this machine


@pytest.mark.parametrize("name", ["nobody/knows-this", "gpt-unknown"])
def test_unknown_providers(name, capfd):
    with pytest.raises(SetupError, match=f"'{name}'.* look like openai/"):
        load(name, ModelOptions())
    assert capfd.readouterr() == ("", "")


def test_own_servers_need_no_key(provider, monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY")
    provider.script = [reply(), reply()]
    assert stub(provider).complete(REQUEST).text
    monkeypatch.setenv("OPENAI_BASE_URL", provider.url)
    assert load("openai/stub", ModelOptions(timeout=5)).complete(REQUEST).text
    assert provider.keys == ["Bearer none"] * 2


def test_a_provider_that_takes_no_seed_is_sent_none(monkeypatch):
    """litellm refuses a call with a seed for Anthropic before anything is sent: then no bot could play."""
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    model = load("anthropic/claude-sonnet-4-5", ModelOptions(api_base="http://127.0.0.1:9", timeout=2))
    with pytest.raises(TransientModelError, match="could not be reached"):
        model.complete(REQUEST)


def test_nothing_is_printed_or_logged(provider, capfd, caplog):
    caplog.set_level(logging.DEBUG)
    provider.script = [reply(), failure(401, "no")]
    model = stub(provider)
    model.complete(REQUEST)
    with pytest.raises(ModelError):
        model.complete(REQUEST)
    assert capfd.readouterr() == ("", "")
    said = "".join(record.getMessage() for record in caplog.records if record.name.startswith(("LiteLLM", "httpx")))
    assert "Choose." not in said and KEY not in said


def test_tokens_are_estimated_cautiously(provider):
    model = stub(provider)
    text = "The quick brown fox jumps over the lazy dog. " * 20
    assert 180 < model.count_tokens(text) < 400 and model.count_tokens("") > 0


def test_litellm_missing_and_no_network_at_import(monkeypatch):
    code = """if 1:
        import socket
        def refuse(*args): raise AssertionError('a connection was made')
        socket.socket.connect = socket.create_connection = refuse
        from otree_botex.llm import ModelOptions, load
        load('ollama/llama3', ModelOptions())
        print('loaded')"""
    environment = {key: value for key, value in os.environ.items() if key != "LITELLM_LOCAL_MODEL_COST_MAP"}
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, timeout=60)
    assert (ran.stdout, ran.stderr) == ("loaded\n", "")
    monkeypatch.setitem(sys.modules, "litellm", None)
    with pytest.raises(SetupError, match="otree-botex setup"):
        load("openai/stub", ModelOptions())


# ---- replies that are none


def body(**more) -> bytes:
    return json.dumps({**reply()[1], **more}).encode()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b"\xff\xfe\x00",
        body()[:80],
        body(choices=None),
        body(choices=[{}]),
        body(choices=[{"index": 0, "message": {"role": "assistant", "content": 5}, "finish_reason": "stop"}]),
        body(usage={"prompt_tokens": "many"}),
    ],
)
def test_a_broken_body_may_be_whole_the_next_time(provider, content):
    provider.script = [(200, content)]
    with pytest.raises(TransientModelError) as caught:
        stub(provider).complete(REQUEST)
    assert "Traceback" not in str(caught.value) and "<APIResponse" not in str(caught.value)
    assert re.match(r"openai/stub failed or could not be reached: \w", str(caught.value))


@pytest.mark.parametrize("choices", [[], [{"index": 0, "message": {"role": "assistant"}, "finish_reason": None}]])
def test_a_reply_without_content_is_empty(provider, choices):
    provider.script = [(200, body(choices=choices))]
    completion = stub(provider).complete(REQUEST)
    assert (completion.text, completion.finish_reason, completion.usage.input) == ("", "stop", 100)


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 900\r\n\r\n" + body()[:60],
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n40\r\n" + body()[:20],
        b"What?\r\n\r\n",
    ],
)
def test_a_connection_that_is_cut(sent, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with socket.create_server(("127.0.0.1", 0)) as server:

        def cut() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(1 << 16)
                connection.sendall(sent)

        threading.Thread(target=cut, daemon=True).start()
        address = f"http://127.0.0.1:{server.getsockname()[1]}/v1"
        with pytest.raises(TransientModelError, match="could not be reached"):
            load("openai/stub", ModelOptions(api_base=address, timeout=5)).complete(REQUEST)
