"""Every prompt of a session can be rebuilt from its record, byte for byte: compared with what a provider was sent."""

from __future__ import annotations

import json
import random
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from otree_botex import init_otree_session, read_prompts_from_botex_db, run_bots_on_session
from otree_botex.llm import Request
from otree_botex.llm.random import RandomAnswers

pytestmark = pytest.mark.server


class Provider(ThreadingHTTPServer):
    """Speaks OpenAI's protocol, answers at random and keeps what it is sent. Of ways to ask for JSON it knows those
    named; one reply in five breaks the form."""

    daemon_threads = True

    def __init__(self, knows):
        super().__init__(("127.0.0.1", 0), Handler)
        self.knows, self.answered, self.lock = knows, [], threading.Lock()
        self.random = random.Random(1)
        self.url = f"http://127.0.0.1:{self.server_port}/v1"


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        asked = json.loads(body)
        mode = asked.get("response_format", {}).get("type", "prompt")
        if mode not in self.server.knows:
            return self.reply(400, {"error": {"message": f"response_format {mode} is not supported here"}})
        with self.server.lock:
            self.server.answered.append(asked)
            seed, is_bad = self.server.random.randrange(10**9), self.server.random.random() < 0.2
        text = "{}" if is_bad else RandomAnswers().complete(Request((), schema_of(asked), seed)).text
        choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
        usage = {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}
        self.reply(200, {"id": "r", "object": "chat.completion", "model": "m-1", "choices": [choice], "usage": usage})

    def reply(self, status, data):
        content = json.dumps(data).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        pass


def schema_of(asked):
    """The JSON Schema of a request, wherever it stands."""
    answer = asked.get("response_format", {}).get("json_schema")
    if answer:
        return answer["schema"]
    last = asked["messages"][-1]["content"]
    last = last if isinstance(last, str) else last[-1]["text"]
    return json.loads(last.rpartition("JSON Schema:\n")[2])


@pytest.fixture
def provider():
    running = []

    def start(*knows):
        running.append(Provider(knows))
        threading.Thread(target=running[-1].serve_forever, daemon=True).start()
        return running[-1]

    yield start
    for server in running:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize(
    ("config", "number", "knows", "parameters"),
    [
        ("public_goods", 3, "json_schema", {"memory": "full"}),
        ("lottery", 1, "json_schema", {"images": True}),
        ("bargaining", 2, "json_object", {"memory": "summary", "chat_messages": 2}),
        ("quiz", 1, "prompt", {"memory": "none"}),
    ],
)
def test_every_prompt_can_be_rebuilt(start_server, provider, tmp_path, monkeypatch, config, number, knows, parameters):
    server, model = start_server(), provider(knows)
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    db = tmp_path / "bots.sqlite3"
    made = init_otree_session(config, number, botex_db=db, otree_server_url=server.url)
    run = run_bots_on_session(
        made["session_id"], botex_db=db, model="openai/m", api_base=model.url, attempts=60, seed=3, **parameters
    )
    assert {bot["state"] for bot in run.bots()} == {"finished"}, run.bots()
    prompts = read_prompts_from_botex_db(run.launch, db)
    assert as_bytes(prompts) == as_bytes(model.answered) and len(prompts) > number
    if parameters.get("images"):
        assert "data:image/png;base64," in json.dumps(prompts)


def as_bytes(requests):
    """What was said and what was asked for in each, in no order: bots ask at the same time."""
    parts = ("messages", "response_format")
    return sorted(json.dumps({part: request.get(part) for part in parts}).encode() for request in requests)
