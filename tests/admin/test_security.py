"""Secrets that stay where they are, and hostile text that stays text."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import threading
import time
from typing import get_args

import pytest
import requests

from otree_botex import journal

from ..record.journal import click, control, decision, event, fill, left, page
from .fed import feed

pytestmark = pytest.mark.server

SECRET = "sk-this-key-must-not-be-found-anywhere-4711"
HOSTILE = "<script>alert('x')</script><img src=x onerror=alert(1)>"


def test_hostile_text_is_shown_as_text(start_server):
    """A participant's label, a page's text, a model's reply and the name of a model, all made of <script>."""
    server = start_server()
    page = server.folder / "dictator_de" / "Entscheidung.html"
    escaped = HOSTILE.replace("<", "&lt;").replace(">", "&gt;")
    page.write_text(
        page.read_text().replace("{{ block content }}", "{{ block content }}<p>PAGE " + escaped + "</p>", 1)
    )
    session = server.session("dictator_de", 2)
    code = min(server.get(f"/api/sessions/{session}")["participants"], key=lambda row: row["id_in_session"])["code"]
    requests.get(f"{server.url}/InitializeParticipant/{code}", params={"participant_label": HOSTILE}, timeout=10)
    tab = f"/LLMBots/{session}"
    server.post_form(f"{tab}/add", session, model="random", which_seats="picked", seat=code)
    bots = server.wait_for_end(session)
    texts = [
        server.get(f"{tab}/add"),
        server.get(f"{tab}/bot/{bots[0]['bot']}"),
        server.post_form(f"{tab}/add", session, model=HOSTILE, which_seats="all").text,
    ]
    for text in texts:
        assert "<script>alert" not in text and "<img src=x" not in text
    assert "PAGE &lt;script&gt;" in texts[1] and "&lt;script&gt;" in texts[0] and "&lt;script&gt;" in texts[2]


def test_hostile_events_are_shown_as_text(start_server):
    """All that a page in a browser may have said and sent, made of <script>."""
    fields = [{**control(1, HOSTILE), "name": HOSTILE, "kind": HOSTILE}, control(2, HOSTILE)]
    data = {
        "actions": {"attempt": 1, "reason": HOSTILE, "actions": [fill(1, HOSTILE), click(2)], "words": 3 * [HOSTILE]},
        "done": {"done": 1, "of": 3, "surprise": HOSTILE, "failed": HOSTILE},
        "changed": {"text": HOSTILE},
        "form": {"url": HOSTILE, "entries": [[HOSTILE, HOSTILE]]},
        "live out": {"message": HOSTILE},
        "live in": {"message": {HOSTILE: HOSTILE}},
        "dialog": {"kind": "prompt", "message": HOSTILE, "answer": {"accept": True, "text": HOSTILE}},
        "window": {"url": HOSTILE, "text": HOSTILE},
        "refused": {"what": HOSTILE, "url": HOSTILE},
        "limit": {"which": "calls", "of": 4},
    }
    assert set(data) == set(get_args(journal.What))
    played = [
        page(1, HOSTILE, 1, fields, needs_script=HOSTILE, text=HOSTILE, title=HOSTILE),
        *(event(1, what, **said) for what, said in data.items()),
        decision(1, {HOSTILE: HOSTILE}, HOSTILE),
        left(1, untouched=True),
    ]
    server = start_server()
    session = feed(server, "survey", {1: played})
    (bot,) = server.bots(session)
    assert bot["reason"] == HOSTILE
    tab = f"/LLMBots/{session}"
    for path in (tab, f"{tab}/bot/{bot['bot']}", f"{tab}/check", f"{tab}/launch/{bot['launch']}"):
        text = server.get(path)
        assert "<script>alert" not in text and "<img src=x" not in text, path
    assert server.get(f"{tab}/bot/{bot['bot']}").count("&lt;script&gt;alert") > 20
    assert server.get(f"{tab}/check").count("&lt;script&gt;alert") > 4


def test_a_key_in_the_environment_is_found_nowhere(start_server):
    """Not in the database, not in any file or log of the project, not in the arguments of any process."""
    keys = {"OPENAI_API_KEY": SECRET, "ANTHROPIC_API_KEY": SECRET}
    server = start_server(environment=keys)
    seen, done = [], threading.Event()

    def watch():
        while not done.is_set():
            seen.append(subprocess.run(["ps", "axww", "-o", "args"], capture_output=True, text=True).stdout)
            time.sleep(0.05)

    watcher = threading.Thread(target=watch)
    watcher.start()
    session = server.play("guess_two_thirds", 3)
    for path in (f"/LLMBots/{session}", f"/LLMBots/{session}/status", f"/LLMBots/{session}/export/messages"):
        assert SECRET not in server.get(path)
    done.set()
    watcher.join()
    assert any("runner" in listing for listing in seen)
    assert not any(SECRET in listing for listing in seen)
    server.end()
    tokens = sqlite3.connect(server.folder / "db.sqlite3").execute("select token_hash from otree_botex_bot").fetchall()
    assert tokens and all(len(hashes) == 64 for (hashes,) in tokens)
    for folder, _, files in os.walk(server.folder):
        for name in files:
            with open(os.path.join(folder, name), "rb") as file:
                assert SECRET.encode() not in file.read(), name
