"""What it takes to watch bots: how fast the tab's questions are answered, and what participants notice of them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
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
PERSONS_GAME, PERSONS = "dictator_de", 500
"""What they play, and how many there are at most: one after the other, so that each loads pages for the first time."""
PERSONS_ANSWERS = {"spende": "3", "schaetzung": "50"}


def show_watching(contest: Contest) -> None:
    """Lets bots play, watches them in short blocks, and prints what that took."""
    answers: list[float] = []
    pages: dict[bool, list[float]] = {True: [], False: []}
    ratios: list[float] = []
    for _ in range(SESSIONS):
        persons = iter(contest.server.links(contest.server.session(PERSONS_GAME, PERSONS)))
        with _playing(contest.server) as session:
            address = f"{contest.server.url}/LLMBots/{session}/status"
            for turn in range(PAIRS):
                order = (True, False) if turn % 2 else (False, True)  # each goes first every other time
                took = {is_open: _block(persons, address if is_open else "", answers) for is_open in order}
                ratios.append(median(took[True]) / median(took[False]))
                for is_open in order:
                    pages[is_open] += took[is_open]
        cpu = 1000 * _cpu(contest.server, session)
    sides = {"the tab's answer": answers, "a person's page, tab open": pages[True], "tab closed": pages[False]}
    show(
        f"Watching {BOTS} bots that play at a person's pace: milliseconds, as clients see them",
        ["", "times", "median", "95th percentile"],
        [
            [what, str(len(took)), f"{1000 * median(took):.1f}", f"{1000 * quantiles(took, n=20)[-1]:.1f}"]
            for what, took in sides.items()
        ],
        f"Pages with the tab open take {median(ratios):.3f} times as long as with the tab closed: the median of "
        f"{len(ratios)} pairs of blocks of {BLOCK_SECONDS:.0f} seconds, one after the other ({min(ratios):.2f} to "
        f"{max(ratios):.2f}). The server answers one request at a time, so that all this has what it takes until those "
        "before are answered, and depends on what else the machine does.",
        f"To answer the tab takes {cpu:.1f} ms of the server's CPU time.",
        aim(f"an answer within {ANSWER_AIM} ms", 1000 * median(answers) <= ANSWER_AIM),
        aim(f"pages at most {GROWTH_AIM} times as long", median(ratios) <= GROWTH_AIM),
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


def _block(persons: Iterator[str], tab: str, answers: list[float]) -> list[float]:
    """How long persons' pages took in one block, in seconds, while a `tab` asks this address, if one is named; how long
    its answers took is added to `answers`."""
    pages: list[float] = []
    is_over = threading.Event()
    clients = [threading.Thread(target=_visit, args=(persons, is_over, pages))]
    if tab:
        clients.append(threading.Thread(target=_watch, args=(tab, is_over, answers)))
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
            answers.append(_timed(tab.get, address)[1])


def _visit(persons: Iterator[str], is_over: threading.Event, pages: list[float]) -> None:
    """Persons by their links: each opens its own, and sends the page to which that leads."""
    for link in persons:
        with requests.Session() as browser:
            page, seconds = _timed(browser.get, link)
            pages.append(seconds)
            if is_over.wait(PERSON_SECONDS):
                return
            _, seconds = _timed(browser.post, page.url, PERSONS_ANSWERS)
            pages.append(seconds)
            if is_over.wait(PERSON_SECONDS):
                return


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


def _timed(ask: Callable[..., requests.Response], *what: object) -> tuple[requests.Response, float]:
    """What is answered, and how many seconds that took."""
    began = time.perf_counter()
    answer = ask(*what)
    seconds = time.perf_counter() - began
    answer.raise_for_status()
    return answer, seconds
