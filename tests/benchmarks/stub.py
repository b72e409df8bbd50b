"""A model behind OpenAI's protocol that answers at once: as a function of the request says, or else anything that is
valid by the request's schema, with a reason of 20 words, and notes of 60 where a bot keeps some.

Tokens are counted by a rule, so that they can be compared between versions: a token is four characters. Input is all
messages' contents, output is the reply. The schema that goes with a request is counted apart: how much of it is
charged differs between providers.
"""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

REASON = "I expect the others to think about this as I do, so I go somewhat below what most would say."
NOTES = (
    "I am one of three in a group, and we decide at the same time without talking. What I get depends on what all "
    "of us do, as the instructions said. So far I chose somewhat less than most would, since I expect them to think "
    "as I do. Next time I look at what they did, and go lower."
)

Think = Callable[[list[dict[str, Any]], dict[str, Any]], Any]
"""From the messages of a request and the schema of what it asks for to the reply."""


class Stub(ThreadingHTTPServer):
    """`calls`, and `schema_tokens` of all of them."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, think: Think) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.think = think
        self.calls = self.schema_tokens = 0
        self.lock = threading.Lock()
        self.api_base = f"http://127.0.0.1:{self.server_port}/v1"


def valid(_: list[dict[str, Any]], schema: dict[str, Any]) -> Any:
    """Whatever the schema allows."""
    return _valid(schema)


@contextmanager
def running(think: Think = valid) -> Iterator[Stub]:
    """A stub that answers until the block ends."""
    with Stub(think) as stub:
        threading.Thread(target=stub.serve_forever, name="stub", daemon=True).start()
        yield stub
        stub.shutdown()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Stub

    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        schema = request["response_format"]["json_schema"]["schema"]
        text = json.dumps(self.server.think(request["messages"], schema))
        with self.server.lock:
            self.server.calls += 1
            self.server.schema_tokens += _tokens(json.dumps(schema))
        prompt = sum(_tokens(message["content"]) for message in request["messages"])
        usage = {"prompt_tokens": prompt, "completion_tokens": _tokens(text)}
        choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
        reply = {"id": "stub", "object": "chat.completion", "created": 0, "model": "stub", "choices": [choice]}
        body = json.dumps({**reply, "usage": {**usage, "total_tokens": sum(usage.values())}}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Says nothing."""


def _tokens(text: str) -> int:
    return -(-len(text) // 4)


def _valid(schema: dict[str, Any]) -> Any:
    """A value that a schema allows; of the kinds that forms ask for."""
    if "enum" in schema:
        return schema["enum"][0]
    if "anyOf" in schema:
        return _valid(schema["anyOf"][0])
    if schema["type"] == "object":
        return {name: NOTES if name == "notes" else _valid(field) for name, field in schema["properties"].items()}
    if schema["type"] == "array":
        return [_valid(schema["items"])]
    if schema["type"] == "integer":
        return random.randint(schema.get("minimum", 0), schema.get("maximum", 100))
    return {"string": REASON, "number": schema.get("minimum", 0), "boolean": True}[schema["type"]]
