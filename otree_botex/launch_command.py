"""`otree-botex launch`: starts bots through oTree's REST API and shows how they get on."""

from __future__ import annotations

import os
import sys
import time
from typing import Any

import requests

from .errors import ServerError
from .records import ENDED

REST_KEY = "OTREE_REST_KEY"
PATIENCE_SECONDS = 300.0
BAR_WIDTH = 30


def launch(server: str, session: str, model: str, bots: int | None, parameters: dict[str, Any]) -> int:
    """Starts bots, shows a progress bar until all have ended, and returns 0 if all finished, else 1.

    Raises ServerError if the server does not answer or refuses. Ctrl-C stops the bots.
    """
    address = f"{server.rstrip('/')}/api/llm_bots/launch"
    body = {"session_code": session, "model": model, **parameters}
    if bots is not None:
        body["bots"] = bots
    code = _call("POST", address, body)["launch"]
    print(f"Launch {code} started. The bots are shown at {server.rstrip('/')}/LLMBots/{session}")
    try:
        ended = _watch(f"{address}/{code}")
    except KeyboardInterrupt:
        print("\nStopping the bots …")
        _call("POST", f"{address}/{code}", {})
        ended = _watch(f"{address}/{code}")
    return _report(ended)


def _watch(address: str) -> list[dict[str, Any]]:
    last_answer, shown = time.monotonic(), ""
    while True:
        try:
            bots = _call("GET", address)["bots"]
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
        if all(bot["state"] in ENDED for bot in bots):
            if sys.stdout.isatty():
                print()
            return list(bots)
        time.sleep(1)


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
    cost = sum(bot["cost"] or 0 for bot in bots)
    print(f"{len(bots) - len(failed)} of {len(bots)} bots finished" + (f", cost ${cost:.4f}" if cost else ""))
    return 1 if failed else 0


def _call(method: str, address: str, body: dict[str, Any] | None = None) -> Any:
    key = os.environ.get(REST_KEY)
    headers = {"otree-rest-key": key} if key else {}
    try:
        response = requests.request(method, address, json=body, headers=headers, timeout=60)
    except requests.RequestException as error:
        raise ServerError(f"No oTree server answers at {address} ({type(error).__name__}). Is it running?") from None
    if response.status_code == 403:
        raise ServerError(f"The server wants its REST key: set {REST_KEY} as it is set for the server.")
    if response.status_code == 404 and response.text.strip() == "Not Found":
        raise ServerError("This server does not have otree_botex: add it to an app_sequence in settings.py.")
    if response.status_code >= 400:
        raise ServerError(response.text.strip()[:500])
    return response.json()
