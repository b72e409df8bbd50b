"""Shows what the first bot of a launch would be asked first, without touching its session: on a private server of the
project, in a session of the same config, as a participant with the same `vars`. What else the experiment draws when a
session is made is drawn anew there. Run by the oTree server, with the Python that it runs with itself."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, TextIO

from .environment import FOLDER, command
from .errors import BotexError, SetupError
from .private_server import private_server

LOG = Path(FOLDER) / "logs" / "preview.log"
MOST_SECONDS = 90
"""So long the bot's process may take; by itself it takes less."""


def main(source: TextIO = sys.stdin) -> int:
    """Reads from `source`, as JSON, a session's `config`, the `fields` of it that were changed, its number of
    `participants`, the `seat` with the `vars` of its participant, the `launch` as `records.Launch` has it, and the
    bots' `python`. Prints what `bots.first` does. Returns 0."""
    try:
        found = preview(Path(), **json.loads(source.read()))
    except BotexError as error:
        found = {"error": str(error)}
    print(json.dumps(found, ensure_ascii=False), flush=True)
    return 0


def preview(
    project: Path,
    config: str,
    fields: dict[str, Any],
    participants: int,
    seat: int,
    vars: dict[str, Any],
    launch: dict[str, Any],
    python: str,
) -> dict[str, Any]:
    """What `main` prints. Raises BotexError if the project cannot be served or no such session be made."""
    with private_server(project, LOG) as rest:
        code = rest.post(
            "/api/sessions",
            session_config_name=config,
            num_participants=participants,
            modified_session_config_fields={**fields, "llm_bots_start": False},
        )["code"]
        seats = rest.get(f"/api/sessions/{code}")["participants"]
        (participant,) = [one["code"] for one in seats if one["id_in_session"] == seat]
        rest.post(f"/api/participant_vars/{participant}", vars=vars)
        launch["seats"][0]["participant"] = participant
        return _first(python, json.dumps({**launch, "server": rest.url}))


def _first(python: str, launch: str) -> dict[str, Any]:
    with LOG.with_suffix(".bot.log").open("wb") as log:
        try:
            done = subprocess.run(
                command(python, "first"),
                input=launch.encode(),
                stdout=subprocess.PIPE,
                stderr=log,
                timeout=MOST_SECONDS,
            )
            return dict(json.loads(done.stdout))
        except (OSError, ValueError, subprocess.TimeoutExpired) as error:
            raise SetupError(f"The preview's bot gave no answer ({type(error).__name__}). See {log.name}.") from None
