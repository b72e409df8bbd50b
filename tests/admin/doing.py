"""What an experimenter does on the tab while bots play, without a browser."""

from __future__ import annotations

from typing import Any

from ..servers import Server, wait_until


def act(server: Server, session: str, action: str, *seats: int) -> None:
    """Presses a button of the tab, for the bots of these seats; for all of them if none is named."""
    bots = [bot["bot"] for bot in server.bots(session) if bot["seat"] in seats]
    server.post_form(f"/LLMBots/{session}", session, action=action, bot=bots)


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
