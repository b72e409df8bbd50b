"""Previews of the first prompt. Each takes seconds, in a process of its own beside the server; one at a time."""

from __future__ import annotations

import json
import secrets
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from otree.models import Participant, Session

from .. import environment, project_files
from ..errors import SetupError
from ..plans import Plan
from ..records import Launch as LaunchDescription
from ..records import Seat as SeatDescription
from . import casting, launches, runners
from .check import changed_fields

MOST_SECONDS = 200


class Preview:
    """One preview: its `key`, what it is of, and, when it is `found`, what the model would be sent, or an error."""

    def __init__(self, about: dict[str, Any], process: subprocess.Popen[bytes]) -> None:
        self.key, self.about, self._process = secrets.token_urlsafe(8), about, process
        self.found: dict[str, Any] | None = None

    def play(self, description: bytes) -> None:
        """Waits for the process to end."""
        try:
            out, _ = self._process.communicate(description, timeout=MOST_SECONDS)
            self.found = dict(json.loads(out))
        except (ValueError, subprocess.TimeoutExpired):
            self.found = {"error": "The preview did not come about. The logs in .otree_botex/logs say more."}
        finally:
            self.end()

    def end(self) -> None:
        self._process.kill()


_last: Preview | None = None


def begin(session: Session, taken: Sequence[Participant], plan: Plan) -> str:
    """Begins a preview for the first of these seats, of those that nobody has opened if there are some, and returns its
    key; a preview that runs is ended for it.

    Raises SetupError if the plan cannot be carried out.
    """
    global _last
    plan = launches.completed(plan)
    rows, personas = casting.cast(taken, plan)
    participant = next((one for one in taken if not one.visited), taken[0])
    seat = participant.id_in_session
    row, persona = plan.rows[rows[seat]], personas.get(seat)
    launch = LaunchDescription(
        code="preview",
        server="",
        token="",
        seats=(SeatDescription(1, "", seat, persona=persona.text if persona else ""),),
        **replace(row.parameters, human_pace=False).for_runners(),  # it changes nothing but how long this takes
        prompts=project_files.prompts(Path.cwd(), plan.prompts) if plan.prompts else {},
        pretest=plan.pretest,
        last_page=participant._max_page_index,
    )
    description = {
        "config": session.config["name"],
        "fields": changed_fields(session),
        "participants": session.num_participants,
        "seat": seat,
        "vars": _sendable(participant._vars),  # see experiment.value
        "launch": asdict(launch),
        "python": runners.interpreter("random"),
    }
    if _last is not None:
        _last.end()
    name, visited = persona.name if persona else "", bool(participant.visited)
    about = {"seat": seat, "visited": visited, "model": row.model, "persona": name}
    _last = Preview(about, _process())
    # money and the like become numbers
    threading.Thread(target=_last.play, args=(json.dumps(description, default=float).encode(),), daemon=True).start()
    return _last.key


def result(key: str) -> dict[str, Any]:
    """What a preview has found, as plain values: `done` says whether it has. Raises SetupError if it is not there any
    more."""
    if _last is None or _last.key != key:
        raise SetupError("Somebody has begun another preview meanwhile. Try again.")
    return {"done": _last.found is not None, **_last.about, **(_last.found or {})}


def _sendable(values: Mapping[str, Any]) -> dict[str, Any]:
    """Those of a participant's fields that JSON can carry."""
    found = {}
    for name, value in values.items():
        try:
            if json.loads(json.dumps(value, allow_nan=False)) == value:
                found[name] = value
        except (TypeError, ValueError):
            continue
    return found


def _process() -> subprocess.Popen[bytes]:
    pipe = subprocess.PIPE
    command = environment.command(sys.executable, "preview")
    logs = runners.FOLDER / "logs"
    try:
        logs.mkdir(parents=True, exist_ok=True)
        with (logs / "preview.command.log").open("wb") as log:
            return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=log)
    except OSError as error:
        raise SetupError(f"The preview cannot be started: {error.strerror}.") from None
