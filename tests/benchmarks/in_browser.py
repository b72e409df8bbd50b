"""What it takes to play pages in a browser: memory of bots on live pages, time against HTTP, calls and tokens."""

from __future__ import annotations

import json
import random
from statistics import median
from typing import Any

from otree_botex.llm import ACT, Request
from otree_botex.llm.random import RandomAnswers

from . import stub
from .contest import GAME, PAGES, Contest
from .tables import aim, show

LIVE = {"auction": {"auction_seconds": 40}, "live_chat": {"chat_seconds": 40}}
"""Games with one live page each, of which this is set."""
FEW, MANY = 2, 12
MEMORY_AIM = 1500
PAIRS = 3
CALLS = 40


def at_random(_: list[dict[str, Any]], schema: dict[str, Any]) -> Any:
    """What a random bot would reply."""
    request = Request((), schema, seed=random.randrange(2**31), purpose=ACT)
    return json.loads(RandomAnswers().complete(request).text)


def show_in_browser(contest: Contest) -> None:
    """Plays live pages and plain ones in a browser, and prints the memory and the time that it took."""
    _show_memory(contest)
    _show_time(contest)


def show_live_tokens(contest: Contest, model: stub.Stub) -> None:
    """Plays live pages with this model, and prints what was asked of it."""
    rows = []
    for game, config in LIVE.items():
        model.calls = model.schema_tokens = 0
        played = contest.bots(MANY, "openai/stub", game, config, page_calls=CALLS)
        assert played.calls == model.calls, "the record and the model's count of calls differ"
        tokens = [played.input_tokens, played.output_tokens, model.schema_tokens]
        each = [number / played.calls for number in tokens]
        rows.append([game, f"{played.calls / MANY:.1f}", *(f"{number:.0f}" for number in each)])
    show(
        "Calls of a participant on a live page, and tokens of each call",
        ["game", "calls", "input", "output", "schema besides"],
        rows,
        f"{MANY} bots act at random on a page that is open for 40 seconds; each may ask its model {CALLS} times. A "
        "model that thinks for longer than no time at all asks less often.",
    )


def _show_memory(contest: Contest) -> None:
    rows, most = [], 0.0
    for game, config in LIVE.items():
        few, many = (contest.bots(number, game=game, config=config, family=True) for number in (FEW, MANY))
        most = max(most, many.family_mb)
        further = (many.family_mb - few.family_mb) / (MANY - FEW)
        rows.append([game, f"{few.family_mb:.0f}", f"{many.family_mb:.0f}", f"{further:.0f}", f"{many.peak_mb:.0f}"])
    show(
        "Memory on live pages, in millions of bytes: the runner with Chromium and its driver, at its peak (Pss)",
        ["game", f"{FEW} bots", f"{MANY} bots", "each further bot", f"the runner alone, {MANY} bots"],
        rows,
        aim(f"{MANY} bots in {MEMORY_AIM} MB", most <= MEMORY_AIM),
    )


def _show_time(contest: Contest) -> None:
    pairs = [[contest.bots(3, driver=driver) for driver in ("http", "browser")] for _ in range(PAIRS)]
    sides = list(zip(*pairs, strict=True))
    seconds = [median(played.participants * played.seconds / played.pages for played in side) for side in sides]
    cpu = [median(played.client_cpu / played.pages for played in side) for side in sides]
    ratio = median(browser.seconds / http.seconds for http, browser in pairs)
    show(
        f"The same plain pages over HTTP and in a browser ({GAME}, 3 bots, {PAGES} pages each)",
        ["", "HTTP", "browser", "browser/HTTP"],
        [
            ["seconds a page", *(f"{number:.2f}" for number in seconds), f"{ratio:.1f}"],
            ["runner's CPU milliseconds a page", *(f"{1000 * number:.0f}" for number in cpu), f"{cpu[1] / cpu[0]:.1f}"],
        ],
        "Medians of sessions played in turn, from the first request to the last; waiting for the others counts, and so "
        "does the start of Chromium. Its own CPU time does not.",
    )
