"""Runs the benchmarks and prints their tables. Needs Linux and Chromium; takes some twelve minutes on two cores.

OTREE6_PYTHON names the interpreter of the oTree server's environment, OTREE_BOTEX_PYTHON that of the bots', with
litellm (default: the interpreter that runs this). Random bots and the bare client run with the latter if it has
Playwright, else with the server's.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import partial
from statistics import median
from typing import get_args

from otree_botex.records import MemoryMode

from . import stub
from .contest import GAME, PAGES, WAIT_PAGES, Contest, Played, playing
from .in_browser import at_random, show_in_browser, show_live_tokens
from .parsing import show_parsing
from .tables import aim, show
from .watching import show_watching

PAIRS = {3: 9, 12: 5, 30: 3, 60: 2}
"""How often bots and the bare client play in turn, by the number of participants."""
SPEED_AIM, REQUESTS_AIM, BEYOND_AIM = 0.9, 2.2, 0.1
MEMORY_AIM, FURTHER_AIM, LITELLM_AIM = 120, 1.0, 300
TOKENS_AIM = 3300
MODES_GAMES = ("public_goods", GAME)

Pair = tuple[Played, Played]
"""Bots and the bare client, one after the other."""


def main() -> None:
    """Plays, and prints what it took."""
    began = time.monotonic()
    print(f"{GAME}: groups of three, three rounds; {PAGES} pages to send and {WAIT_PAGES} wait pages a participant.")
    with stub.running() as model:
        with playing(_settings(model)) as contest:
            contest.bare(3), contest.bots(3)  # to warm the server up
            pairs = {participants: _pairs(contest, participants, number) for participants, number in PAIRS.items()}
            _show_speed(pairs)
            _show_requests(pairs)
            _show_cpu(pairs)
            llm = contest.bots(30, "openai/stub")
            _show_memory(pairs, llm)
            _show_tokens(llm, model)
            _show_modes(contest)
            show_in_browser(contest)
            show_watching(contest)
    with stub.running(at_random) as model, playing(_settings(model)) as contest:
        show_live_tokens(contest, model)
    show_parsing()
    print(f"\n{time.monotonic() - began:.0f} seconds in all")


def _settings(model: stub.Stub) -> str:
    return f"LLM_BOTS = dict(models=[dict(model='openai/stub', api_base='{model.api_base}')])"


def _pairs(contest: Contest, participants: int, number: int) -> list[Pair]:
    """Sessions in turn, so that what else the machine does meets both alike; each goes first every other time."""
    pairs, bots = [], partial(contest.bots, driver="http")
    for turn in range(number):
        first, second = (contest.bare, bots) if turn % 2 else (bots, contest.bare)
        played = first(participants), second(participants)
        pairs.append((played[1], played[0]) if turn % 2 else played)
    return pairs


def _show_speed(pairs: dict[int, list[Pair]]) -> None:
    rows, met = [], True
    for participants, played in pairs.items():
        ratios = sorted(bots.speed / bare.speed for bots, bare in played)
        met = met and median(ratios) >= SPEED_AIM
        speeds = [f"{median(session.speed for session in side):.1f}" for side in zip(*played, strict=True)]
        rows.append([str(participants), *speeds, f"{median(ratios):.2f}", f"{ratios[0]:.2f} to {ratios[-1]:.2f}"])
    show(
        "Speed: pages a second (accepted POSTs; from the first request to the last, as the server saw them)",
        ["participants", "bots", "bare client", "bots/bare", "in single pairs"],
        rows,
        "Medians of sessions played in turn. Bots answer at random. The start of the processes is not counted.",
        aim(f"bots/bare at least {SPEED_AIM}", met),
    )


def _show_requests(pairs: dict[int, list[Pair]]) -> None:
    rows, names = [], ("requests", "redirects", "journal", "websockets")
    for participants, played in pairs.items():
        for who, side in zip(("bots", "bare"), zip(*played, strict=True), strict=True):
            rows.append([str(participants), who, *(f"{_per_page(side, name):.2f}" for name in names)])
    most = max(_per_page([bots for bots, _ in played], "requests") for played in pairs.values())
    least = (2 + 2 * PAGES + WAIT_PAGES) / PAGES
    show(
        "HTTP requests for an accepted POST",
        ["participants", "who", "pages", "of them redirected", "journal", "websockets"],
        rows,
        f"No client needs fewer than {least:.2f} for the pages of this game: two to enter, two for each that is sent "
        "(oTree answers an accepted POST with a redirect), one for a wait page that is over on arrival, else two.",
        aim(f"at most {REQUESTS_AIM}", most <= REQUESTS_AIM) + (" No client can." if least > REQUESTS_AIM else ""),
        aim(f"at most {BEYOND_AIM} beyond what no client can do without", most <= least + BEYOND_AIM),
    )


def _show_cpu(pairs: dict[int, list[Pair]]) -> None:
    rows = []
    for participants, played in pairs.items():
        sides = list(zip(*played, strict=True))
        costs = [f"{1000 * _per_page(side, name):.1f}" for name in ("server_cpu", "client_cpu") for side in sides]
        rows.append([str(participants), *costs])
    show(
        "CPU milliseconds for an accepted POST",
        ["participants", "server, with bots", "server, with bare", "bots", "bare client"],
        rows,
        "With bots the server also starts the runner and takes the journal. This depends less than speed does on what "
        "else the machine is doing; 1000 over the server's milliseconds is the most pages a second it can give.",
    )


def _per_page(side: Sequence[Played], name: str) -> float:
    return median(getattr(session, name) / session.pages for session in side)


def _show_memory(pairs: dict[int, list[Pair]], llm: Played) -> None:
    few, many = (max(bots.peak_mb for bots, _ in pairs[participants]) for participants in (30, 60))
    further = (many - few) / 30
    show(
        "Memory of the runner: its peak (VmHWM), in millions of bytes",
        ["30 bots", "60 bots", "each further bot", "30 bots with litellm"],
        [[f"{few:.0f}", f"{many:.0f}", f"{further:.2f}", f"{llm.peak_mb:.0f}"]],
        aim(f"30 bots in {MEMORY_AIM} MB", few <= MEMORY_AIM),
        aim(f"each further bot {FURTHER_AIM} MB", further <= FURTHER_AIM),
        aim(f"30 bots with litellm in {LITELLM_AIM} MB", llm.peak_mb <= LITELLM_AIM),
    )


def _show_tokens(llm: Played, model: stub.Stub) -> None:
    assert llm.calls == model.calls, "the record and the model's count of calls differ"
    tokens = [llm.input_tokens, llm.output_tokens, llm.input_tokens + llm.output_tokens, model.schema_tokens]
    calls, *each = (number / llm.participants for number in (llm.calls, *tokens))
    show(
        "Tokens of a participant who finished, with every page read and remembered",
        ["calls", "input", "output", "total", "schemas besides"],
        [[f"{calls:.1f}", *(f"{number:.0f}" for number in each)]],
        "A token is four characters; replies have a reason of 20 words. The schema goes with each call, and how much "
        "of it is charged differs between providers.",
        f"With litellm and a model that answers at once, {llm.participants} bots play {llm.speed:.1f} pages a second.",
        aim(f"at most {TOKENS_AIM} in total", each[2] <= TOKENS_AIM),
    )


def _show_modes(contest: Contest) -> None:
    rows = []
    for game in MODES_GAMES:
        for mode in get_args(MemoryMode):
            played = contest.bots(3, "openai/stub", game=game, memory=mode)
            tokens = [played.input_tokens, played.output_tokens, played.input_tokens + played.output_tokens]
            calls, *each = (number / played.participants for number in (played.calls, *tokens))
            rows.append([game, mode, f"{calls:.1f}", *(f"{number:.0f}" for number in each)])
    show(
        "Tokens of a participant who finished, by what bots remember of earlier pages",
        ["game", "memory", "calls", "input", "output", "total"],
        rows,
        "One decision in the public goods game, three in the other. Notes have 60 words: they cost output, and save "
        "input once there is more to remember than that. With full memory most of the input of a long session is what "
        "a provider's prompt cache holds, which costs a fraction.",
    )


if __name__ == "__main__":
    main()
