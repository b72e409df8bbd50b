"""What it takes to watch bots: how fast the tab's questions are answered, and what participants notice of them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from statistics import median, quantiles

import requests

from otree_botex.records import ENDED

from ..servers import Server, wait_until
from .contest import PATIENCE_SECONDS, Contest
from .processes import Use, use
from .tables import aim, show

GAME, BOTS = "survey", 200
SESSIONS, PAIRS = 2, 5
"""How often so many bots play, and how often the view is open and closed in turn meanwhile."""
BLOCK_SECONDS = 5.0
ALONE = 50
"""How often the tab asks when nothing else is asked of the server."""
BETWEEN_SECONDS = 1.0
"""As long as the tab waits after an answer before it asks again."""
PERSON_SECONDS = 0.1
"""How long the person whose page times are measured waits between two pages."""
ANSWER_AIM, GROWTH_AIM = 20, 1.05
PERSONS_GAME, PERSONS = "dictator_de", 50
PERSONS_ANSWERS = {"spende": "3", "schaetzung": "50"}


def show_watching(contest: Contest) -> None:
    """Lets bots play, watches them in short blocks, and prints what that took."""
    answers: list[float] = []
    pairs: list[tuple[float, float]] = []
    for _ in range(SESSIONS):
        with _playing(contest.server) as session:
            for turn in range(PAIRS):
                order = (True, False) if turn % 2 else (False, True)  # each goes first every other time
                took = {is_open: median(_block(contest.server, session, is_open, answers)) for is_open in order}
                pairs.append((took[True], took[False]))
        cpu = _cpu(contest.server, session)
    opened, closed = (1000 * median(side) for side in zip(*pairs, strict=True))
    ratios = sorted(with_view / without for with_view, without in pairs)
    milliseconds = 1000 * median(answers)
    show(
        f"Watching {BOTS} bots that play at a person's pace: milliseconds, as clients see them",
        [
            "the tab's answer",
            "95th percentile",
            "a person's page",
            "with the tab open",
            "open/closed",
            "in single pairs",
        ],
        [
            [
                f"{milliseconds:.1f}",
                f"{1000 * quantiles(answers, n=20)[-1]:.1f}",
                f"{1000 * cpu:.1f}",
                f"{closed:.1f}",
                f"{opened:.1f}",
                f"{median(ratios):.3f}",
                f"{ratios[0]:.2f} to {ratios[-1]:.2f}",
            ]
        ],
        f"Medians; pages in {len(pairs)} pairs of blocks of {BLOCK_SECONDS:.0f} seconds, with the tab open and closed "
        "in turn. The server answers one request at a time, so that these times have what it takes until those before "
        "are answered, and depend on what else the machine does; the CPU time does less.",
        aim(f"an answer within {ANSWER_AIM} ms", milliseconds <= ANSWER_AIM),
        aim(f"open/closed at most {GROWTH_AIM}", median(ratios) <= GROWTH_AIM),
    )


@contextmanager
def _playing(server: Server) -> Iterator[str]:
    """A session in which so many bots play, and the first of them are past the first page."""
    session = server.session(GAME, BOTS)
    launch = server.launch(session, human_pace=True)
    wait_until(lambda: any(bot["done"] for bot in server.bots(session)), PATIENCE_SECONDS, "bots are under way")
    try:
        yield session
        states = [bot["state"] for bot in server.bots(session)]
        assert states.count("finished") < BOTS / 2, "most bots were ready before all was measured"
    finally:
        server.post(f"/api/llm_bots/launch/{launch}")


def _block(server: Server, session: str, is_open: bool, answers: list[float]) -> list[float]:
    """How long a person's pages took in one block, in seconds, with the tab of the bots' session open or not; how long
    its answers took is added to `answers`."""
    links, pages = server.links(server.session(PERSONS_GAME, PERSONS)), list[float]()
    is_over = threading.Event()
    clients = [threading.Thread(target=_visit, args=(links, is_over, pages))]
    if is_open:
        clients.append(
            threading.Thread(target=_watch, args=(f"{server.url}/LLMBots/{session}/status", is_over, answers))
        )
    for client in clients:
        client.start()
    time.sleep(BLOCK_SECONDS)
    is_over.set()
    for client in clients:
        client.join()
    return pages


def _watch(address: str, is_over: threading.Event, answers: list[float]) -> None:
    """Asks as the tab does."""
    with requests.Session() as tab:
        while not is_over.wait(BETWEEN_SECONDS):
            answers.append(_timed(lambda: tab.get(address).raise_for_status()))


def _visit(links: list[str], is_over: threading.Event, pages: list[float]) -> None:
    """Persons in a session of their own: each opens a page, loads it again, and sends it."""
    for link in links:
        with requests.Session() as browser:
            address = browser.get(link).url
            for act in (partial(browser.get, address), partial(browser.post, address, PERSONS_ANSWERS)):
                if is_over.wait(PERSON_SECONDS):
                    return
                pages.append(_timed(act))


def _cpu(server: Server, session: str) -> float:
    """The server's CPU seconds for one answer, once the bots have stopped."""
    wait_until(
        lambda: all(bot["state"] in ENDED for bot in server.bots(session)), PATIENCE_SECONDS, "the bots have stopped"
    )
    assert server.process is not None
    before = use(server.process.pid) or Use()
    for _ in range(ALONE):
        server.bots(session)
    after = use(server.process.pid) or Use()
    return (after.cpu - before.cpu) / ALONE


def _timed(act: Callable[[], object]) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began
