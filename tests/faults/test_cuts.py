"""Replies to forms that are cut off: no form counts twice, every bot gets to the end, nothing is lost."""

from __future__ import annotations

from collections import Counter

import pytest

from otree_botex import run_bots_on_session

from . import checks
from .conftest import FULL
from .proxy import WAYS, cutting

pytestmark = [pytest.mark.server, pytest.mark.slow]

BOTS = 10
CUTS = 200 if FULL else 25
SHARE = 0.4
"""Of the forms' replies that are cut off."""


def test_replies_that_are_cut_off(server, tmp_path):
    cuts: Counter[str] = Counter()
    rounds = 5 if FULL else 3
    for seed in range(20):
        with cutting(server.port, SHARE, seed) as proxy:
            session = server.session("ten_pages", BOTS, rounds=rounds)
            links = [link.replace(server.url, proxy.url) for link in server.links(session)]
            record = tmp_path / f"{seed}.sqlite3"
            run = run_bots_on_session(session, links, record, "random")
        assert [bot["state"] for bot in run.bots()] == ["finished"] * BOTS, [bot["error"] for bot in run.bots()]
        steps, messages = checks.script_record(record, session)
        checks.everything_was_played_once(server, session, steps, BOTS, rounds)
        checks.every_call_is_on_record(messages, [], unsent=len(messages))
        cuts.update(way for _, way in proxy.cuts.elements())
        if cuts.total() >= CUTS and set(cuts) == set(WAYS):
            return
    raise AssertionError(f"only so many replies were cut off: {cuts}")
