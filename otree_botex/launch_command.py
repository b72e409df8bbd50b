"""`otree-botex launch`: starts bots through oTree's REST API and shows how they get on."""

from __future__ import annotations

import json
import sys
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .errors import ServerError, SetupError
from .plans import KNOWN
from .records import ENDED
from .rest import Rest
from .words import cost_of

LAUNCH_PATH = "/api/llm_bots/launch"
PATIENCE_SECONDS = 300.0
BAR_WIDTH = 30


def launch(server: str, session: str, asked: dict[str, Any]) -> int:
    """Starts bots, shows a progress bar until all have ended, and returns 0 if all finished, else 1. What is `asked`
    for has the names that `plans.plan` takes, and `bots`, a number of seats.

    Raises SetupError if it names no model, and ServerError if the server does not answer or refuses. Ctrl-C stops the
    bots.
    """
    if not asked.get("model") and not asked.get("rows"):
        raise SetupError("Name a model with --model, or a file with --plan that names one.")
    rest = Rest(server)
    code = rest.post(LAUNCH_PATH, session_code=session, **asked)["launch"]
    print(f"Launch {code} started. The bots are shown at {rest.url}/LLMBots/{session}")
    try:
        ended = _last(progress(rest, code))
    except KeyboardInterrupt:
        print("\nStopping the bots …")
        rest.post(f"{LAUNCH_PATH}/{code}")
        ended = _last(progress(rest, code))
    return _report(ended)


def read_plan(path: Path | None) -> dict[str, Any]:
    """What a file asks for; nothing if there is none. Raises SetupError if it is no JSON object of known names, OSError
    if it cannot be read."""
    if path is None:
        return {}
    try:
        asked = json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise SetupError(f"{path} is no JSON: {error}.") from None
    if not isinstance(asked, dict):
        raise SetupError(f'{path} must hold a JSON object, for example {{"model": "random"}}.')
    unknown = sorted(set(asked) - {*KNOWN, "bots"})
    if unknown:
        raise SetupError(f"{path} has an unknown name: {', '.join(unknown)}. Known are bots, {', '.join(KNOWN)}.")
    return asked


def progress(rest: Rest, launch: str) -> Iterator[list[dict[str, Any]]]:
    """What the bots of a launch are doing, once a second until all have ended, with a progress bar on the way."""
    last_answer, shown = time.monotonic(), ""
    while True:
        try:
            bots = rest.get(f"{LAUNCH_PATH}/{launch}")["bots"]
            last_answer = time.monotonic()
        except ServerError:
            if time.monotonic() - last_answer > PATIENCE_SECONDS:
                raise
            time.sleep(1)
            continue
        line = _line(bots)
        if line != shown:
            _show(line)
            shown = line
        ended = all(bot["state"] in ENDED for bot in bots)
        if ended and sys.stdout.isatty():
            print()
        yield list(bots)
        if ended:
            return
        time.sleep(1)


def _last(statuses: Iterator[list[dict[str, Any]]]) -> list[dict[str, Any]]:
    return deque(statuses, maxlen=1).pop()


def _line(bots: list[dict[str, Any]]) -> str:
    pages = sum(bot["pages"] for bot in bots) or 1
    done = sum(bot["done"] for bot in bots)
    filled = BAR_WIDTH * done // pages
    states = ", ".join(f"{n} {state}" for state in _in_order(bots) if (n := sum(b["state"] == state for b in bots)))
    tokens = sum(bot["tokens"] for bot in bots)
    return f"[{'#' * filled}{'.' * (BAR_WIDTH - filled)}] {done}/{pages} pages  {states}  {tokens} tokens"


def _in_order(bots: list[dict[str, Any]]) -> list[str]:
    return list(dict.fromkeys(bot["state"] for bot in bots))


def _show(line: str) -> None:
    """Over the line before on a terminal; in a log, as a line of its own."""
    if sys.stdout.isatty():
        print(f"\r\033[K{line}", end="", flush=True)
    else:
        print(line, flush=True)


def _report(bots: list[dict[str, Any]]) -> int:
    failed = [bot for bot in bots if bot["state"] != "finished"]
    for bot in failed:
        print(f"P{bot['seat']} {bot['state']} on {bot['page'] or 'its first page'}: {bot['error'] or 'no error'}")
    print(f"{len(bots) - len(failed)} of {len(bots)} bots finished" + cost_of(bots))
    return 1 if failed else 0
