"""`otree-botex check`: sends random bots through a session config and reports, page by page, what they could do."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, redirect_stdout
from pathlib import Path
from typing import Any

from .check_text import in_full, in_short
from .errors import BotexError
from .launch_command import LAUNCH_PATH, progress
from .private_server import LOG, private_server
from .records import ENDED
from .rest import Rest

CHECK_PATH = "/api/llm_bots/check"
STUCK_SECONDS = 90.0
"""So long all bots that still play may wait, and nothing happen, before they are stopped."""
ABANDONED_SECONDS = 10.0
"""The same where a bot has failed, for whom the others most likely wait."""


def check(project: Path, server: str | None, config: str | None, asked: dict[str, Any], as_json: bool) -> int:
    """Checks one config, or all of the project, on a server of its own or the running one at `server`; `asked` says how
    many `bots`, and with what parameters, where it is not as usual.

    Prints the report; with `as_json` that alone goes to standard output. Returns 0 if all bots finished and left
    no page untouched, else 1.
    Raises BotexError if nothing could be checked. Ctrl-C stops the bots, and what was checked so far is reported.
    """
    talk = redirect_stdout(sys.stderr) if as_json else nullcontext()
    with talk, _server(project, server) as rest:
        if config is not None:
            result, interrupted = _check(rest, config, asked)
            results = [result]
        else:
            results, interrupted = _check_all(rest, asked)
    if as_json:
        print(json.dumps(results if config is None else results[0], ensure_ascii=False, indent=2))
    elif config is not None:
        print("\n".join(in_full(results[0])))
    all_finished = all(_has_finished(result) for result in results)
    if not all_finished and not as_json and server is None:
        print(f"What the server said is in {project / LOG}.")
    if interrupted:
        raise KeyboardInterrupt
    return 0 if all_finished else 1


def _server(project: Path, server: str | None) -> AbstractContextManager[Rest]:
    if server is not None:
        return nullcontext(Rest(server))
    print("Starting an oTree server for the check, with a database of its own …", flush=True)
    return private_server(project)


def _check_all(rest: Rest, asked: dict[str, Any]) -> tuple[list[dict[str, Any]], bool]:
    """Every config in turn, each with its line as soon as it is known. Those that cannot be checked have an `error`."""
    results: list[dict[str, Any]] = []
    for config in rest.get("/api/session_configs"):
        interrupted = False
        try:
            result, interrupted = _check(rest, config["name"], asked)
        except BotexError as error:
            result = {"config": config["name"], "error": str(error)}
        results.append(result)
        print("\n".join(in_short(result)), flush=True)
        if interrupted:
            return results, True
    return results, False


def _check(rest: Rest, config: str, asked: dict[str, Any]) -> tuple[dict[str, Any], bool]:
    """One config's report, and whether Ctrl-C has ended its check."""
    started = rest.post(CHECK_PATH, config=config, **asked)
    launch, interrupted = started["launch"], False
    print(f"Checking {config} …", flush=True)
    try:
        _watch(rest, launch)
    except KeyboardInterrupt:
        print("\nStopping the bots …", flush=True)
        interrupted = True
        _stop(rest, launch)
    return rest.get(f"{CHECK_PATH}/{started['session']}"), interrupted


def _watch(rest: Rest, launch: str) -> None:
    """Until all bots have ended. Those that wait for ever, say for one that has failed, are stopped."""
    is_stuck = _stuck()
    for bots in progress(rest, launch):
        if is_stuck(bots):
            _stop(rest, launch)
            return


def _stop(rest: Rest, launch: str) -> None:
    rest.post(f"{LAUNCH_PATH}/{launch}")
    for _ in progress(rest, launch):
        pass


def _stuck() -> Callable[[list[dict[str, Any]]], bool]:
    """Tells from one status of the bots after the other when those that still play have waited too long."""
    before: list[Any] = []
    since = time.monotonic()

    def is_stuck(bots: list[dict[str, Any]]) -> bool:
        nonlocal before, since
        now = [(bot["state"], bot["done"], bot["calls"]) for bot in bots]
        if now != before or any(bot["state"] not in ("waiting", *ENDED) for bot in bots):
            before, since = now, time.monotonic()
        patience = ABANDONED_SECONDS if any(bot["state"] == "failed" for bot in bots) else STUCK_SECONDS
        return time.monotonic() - since > patience

    return is_stuck


def _has_finished(result: dict[str, Any]) -> bool:
    if "error" in result or any(page["untouched"] for page in result["pages"]):
        return False
    return bool(result["finished"] == len(result["bots"]))
