"""What an experimenter does on the tab while bots play, without a browser."""

from __future__ import annotations

import time
from typing import Any

from ..servers import Server, wait_until


def act(server: Server, session: str, action: str, *seats: int) -> None:
    """Presses a button of the tab, for the bots of these seats; for all of them if none is named."""
    bots = [bot["bot"] for bot in server.bots(session) if bot["seat"] in seats]
    server.post_form(f"/LLMBots/{session}", session, action=action, bot=bots)


def wait_until_heard(server: Server, session: str) -> None:
    """Waits until all bots have heard what they were told before this, and have heeded it: then they report again."""
    for _ in range(2):
        told = time.time()
        wait_until(lambda: all(bot["heard_at"] > told for bot in server.bots(session)), 60, "they hear")  # noqa: B023


def set_budget(server: Server, session: str, launch: str, **limits: Any) -> None:
    """Gives a launch these limits, and no others."""
    given = {f"budget_{name}": limit for name, limit in limits.items()}
    server.post_form(f"/LLMBots/{session}", session, action="budget", launch=launch, **given)


def wait_for(server: Server, session: str, *states: str) -> list[dict[str, Any]]:
    """The bots of a session when they are in these states, by seat."""

    def found() -> list[dict[str, Any]]:
        bots = server.bots(session)
        return bots if [bot["state"] for bot in bots] == list(states) else []

    return list(wait_until(found, 120, f"{states}\n{server.runner_logs()[-3000:]}"))
