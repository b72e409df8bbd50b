"""Models behind an API that is overloaded, broken, silent or short of words; and one that refuses."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from otree_botex import run_bots_on_session
from otree_botex.bots import runner
from otree_botex.llm import load

from . import checks
from .conftest import FULL
from .provider import failing

pytestmark = [pytest.mark.server, pytest.mark.slow]

BOTS = 20
KEY = "sk-a-key-that-nobody-may-see"
TIMEOUT = 15.0
"""Instead of two minutes."""


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    """Models have less time for a reply."""
    monkeypatch.setattr(
        runner, "load", lambda model, options, *more: load(model, replace(options, timeout=TIMEOUT), *more)
    )


def play(server, record, provider, bots, rounds):
    session = server.session("ten_pages", bots, rounds=rounds)
    to_model = {"model": "openai/fake", "api_key": KEY, "api_base": provider.api_base, "seed": 1}
    run = run_bots_on_session(session, server.links(session), record, **to_model)
    assert KEY.encode() not in record.read_bytes()
    return session, run.bots()


def test_a_provider_that_fails_in_every_way(server, tmp_path):
    rounds, record = 5 if FULL else 2, tmp_path / "botex.sqlite3"
    with failing(_429=0.3, _500=0.03, _503=0.02, hang=0.02, empty=0.05, cut_off=0.05) as provider:
        session, bots = play(server, record, provider, BOTS, rounds)
    assert {bot["state"] for bot in bots} == {"finished"}, [bot["error"] for bot in bots]
    steps, messages = checks.script_record(record, session)
    checks.everything_was_played_once(server, session, steps, BOTS, rounds)
    assert all(provider.fates[fate] for fate in (*provider.shares, "answer")), f"too few failures: {provider.fates}"
    assert provider.early == []

    replies = [row for row in messages if row["role"] == "assistant"]
    assert Counter(row["seed"] for row in replies) == provider.asked
    assert Counter(map(fate_on_record, replies)) == provider.fates


def fate_on_record(reply):
    """What the record says became of a request, in the provider's words."""
    said = {"slow down": "429", "had an error": "500", "overloaded": "503", "in time": "hang"}
    if reply["error"]:
        return next((fate for words, fate in said.items() if words in reply["error"]), reply["error"])
    return "cut off" if reply["finish_reason"] == "length" else "answer" if reply["content"] else "empty"


@pytest.mark.parametrize(
    "status, says",
    [("400", "refused the request: This account has no such thing."), ("401", "did not accept the API key")],
)
def test_what_is_refused_is_not_asked_again(server, tmp_path, status, says):
    record = tmp_path / "botex.sqlite3"
    with failing(**{f"_{status}": 1.0}) as provider:
        session, bots = play(server, record, provider, 3, 1)
    assert [bot["state"] for bot in bots] == ["failed"] * 3
    assert all(says in bot["error"] for bot in bots), bots
    assert sorted(provider.asked.values()) == [1, 1, 1]
    _, messages = checks.script_record(record, session)
    assert [says in row["error"] for row in messages if row["role"] == "assistant"] == [True] * 3
