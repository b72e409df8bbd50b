"""oTree servers that have nothing of ours, and models on loopback: what a script meets."""

from __future__ import annotations

import contextlib
import json
import os
import random
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import requests

from ..servers import Server

PLAIN = """
for config in SESSION_CONFIGS:
    config['app_sequence'] = [app for app in config['app_sequence'] if app != 'otree_botex']
del LLM_BOTS

import importlib
uvicorn = importlib.import_module('uvicorn.main')  # `uvicorn.main` as an attribute is a function of that name

class Config(uvicorn.Config):
    def load(self):
        from otree_botex.admin import hook
        hook._watch_server()
        hook._mend_notices()
        super().load()

uvicorn.Config = Config
"""
"""At the end of the demo project's settings: without our app. All that is mended is what has oTree hang for ever in one
session of some hundreds (see `_mend_notices` in admin/hook.py), so that these tests do not."""
KEY = "sk-a-secret-that-nobody-may-see"


class PlainServer(Server):
    """An oTree server on which this package is not used."""

    def start(self) -> None:
        super().start()
        assert requests.get(f"{self.url}/otree_botex/ping", timeout=60).status_code == 404

    def _answers(self) -> bool:
        assert self.process is not None and self.process.poll() is None, f"the server ended:\n{self.log()}"
        try:
            return requests.get(f"{self.url}/api/otree_version", timeout=5).status_code in (200, 403)
        except requests.RequestException:
            return False


class Provider(ThreadingHTTPServer):
    """A model behind OpenAI's protocol that gives some valid answer to everything, and `says` the same wherever it can.

    `asked` are the requests, `keys` those they came with. Requests are held while `gate` is closed.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked: list[dict[str, Any]] = []
        self.keys: list[str] = []
        self.says = "I see."
        self.gate = threading.Event()
        self.gate.set()

    @property
    def environment(self) -> dict[str, str]:
        """By which scripts take this for OpenAI."""
        return {"OPENAI_BASE_URL": f"http://127.0.0.1:{self.server_port}/v1", "OPENAI_API_KEY": KEY}

    def handle_error(self, *_: Any) -> None:
        """A client that did not wait."""


class _Handler(BaseHTTPRequestHandler):
    server: Provider

    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append(request)
        self.server.keys.append(self.headers["Authorization"])
        self.server.gate.wait(60)
        text = json.dumps(_valid(request["response_format"]["json_schema"]["schema"], self.server.says))
        choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
        usage = {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120}
        reply = {"id": "1", "object": "chat.completion", "created": 0, "model": f"{request['model']}-2026-01-01"}
        body = json.dumps({**reply, "choices": [choice], "usage": usage}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


def _valid(schema: dict[str, Any], text: str) -> Any:
    """A value that a schema allows; of the kinds that forms ask for."""
    if "enum" in schema:
        return schema["enum"][0]
    if "anyOf" in schema:
        return _valid(schema["anyOf"][0], text)
    if schema["type"] == "object":
        return {name: _valid(field, text) for name, field in schema["properties"].items()}
    if schema["type"] == "array":
        return [_valid(schema["items"], text)]
    if schema["type"] == "integer":
        return random.randint(schema.get("minimum", 0), schema.get("maximum", 100))
    return {"string": text, "number": schema.get("minimum", 0), "boolean": True}[schema["type"]]


@contextlib.contextmanager
def provider() -> Iterator[Provider]:
    """A model that answers until the block ends."""
    with Provider() as found:
        threading.Thread(target=found.serve_forever, name="provider", daemon=True).start()
        yield found
        found.gate.set()
        found.shutdown()


def surroundings(**more: str) -> dict[str, str]:
    """The environment for a script of its own process, by which it finds this package's commands."""
    return {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}", **more}


def run_script(text: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs a script as somebody would who saved it in this folder. Fails the test if the script fails."""
    (folder / "script.py").write_text(text, "utf-8")
    done = subprocess.run(
        [sys.executable, "script.py"],
        cwd=folder,
        env=surroundings(**environment),
        capture_output=True,
        text=True,
        timeout=180,
    )
    assert done.returncode == 0, f"{text}\n{done.stdout}\n{done.stderr}"
    return done


def decided(rows: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    """What was decided, of responses as they are read from a record: seat, page, field, answer, reason."""
    names = ("seat", "page", "field", "answer", "reason")
    return sorted(tuple(map(str, (row[name] for name in names))) for row in rows if row["field"])


def of_json(text: str) -> Any:
    """The first JSON in what a command printed."""
    return json.JSONDecoder().raw_decode(text[text.index("{") :])[0]
