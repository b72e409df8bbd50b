"""The processes that play bots: started, watched, ended."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from otree.database import db
from otree.models import Participant

from .. import environment, project_files
from ..errors import SetupError
from ..models import Bot, Launch
from ..parameters import REPLAY
from ..record import tokens
from ..record.rows import row_of
from ..records import Launch as LaunchDescription
from ..records import Seat as SeatDescription
from . import hook
from .settings import bot_settings

FOLDER = Path(environment.FOLDER)
SILENCE_SECONDS = 30.0
"""A runner whose process is not ours to watch (the server was restarted) is given up after so long a silence."""

began = time.time()
"""Before that, this server process could not hear anything."""
_runners: dict[int, subprocess.Popen[bytes]] = {}
"""The process that plays each bot, by the bot's number, as far as this server process started it."""
_since: dict[int, float] = {}
"""When each process began, by its number."""


@dataclass(frozen=True)
class Running:
    """A process that plays bots: its number, when it began, and the numbers of its bots."""

    pid: int
    since: float
    bots: tuple[int, ...]


def start(record: Launch, bots: Sequence[Bot], interpreter: str, server: str, goes_on: bool = False) -> None:
    """Starts a process that plays these bots, of one row of a launch. Raises SetupError if that is not possible."""
    row = row_of(record, bots[0])
    token = tokens.give(bots)
    description = LaunchDescription(
        code=record.code,
        server=server,
        token=token,
        seats=tuple(
            SeatDescription(bot.id, bot.participant_code, bot.number, bot.seed, persona=bot.persona or "")
            for bot in bots
        ),
        **row.parameters.for_runners(),
        api_base=row.api_base,
        cache=str((FOLDER / "replies.sqlite3").resolve()) if row.parameters.cache else "",
        prompts=_prompts(record),
        pretest=bool(record.is_pretest),
        last_page=db.query(Participant._max_page_index).filter_by(id=bots[0].participant_id).scalar(),
        goes_on=goes_on,
        folder=str((FOLDER / "journal").resolve()),
    )
    now, ids = time.time(), [bot.id for bot in bots]  # after a commit each would be loaded again, one by one
    for bot in bots:
        bot.heard_at = now
    db.commit()
    process = _spawn(interpreter, description)
    threading.Thread(target=process.wait, daemon=True).start()  # so that it does not stay behind as a zombie
    _since[process.pid] = now
    for bot_id in ids:
        _runners[bot_id] = process


def _prompts(record: Launch) -> dict[str, str]:
    """The project's own prompts for a launch: once one of its runners has begun, those that it began with."""
    if not record.prompts:
        return {}
    begun = json.loads(record.runners_json)
    return dict(begun[0]["prompts"]) if begun else project_files.prompts(Path.cwd(), record.prompts)


def is_running(bot: Bot) -> bool:
    """Whether the process that plays this bot is alive."""
    runner = _runners.get(bot.id)
    if runner is not None:
        return runner.poll() is None
    return time.time() - max(bot.heard_at or 0, began) < SILENCE_SECONDS


def running() -> list[Running]:
    """The runners that this server process started and that are alive, in the order in which they began."""
    playing: dict[int, list[int]] = {}
    for bot, process in list(_runners.items()):
        if process.poll() is None:
            playing.setdefault(process.pid, []).append(bot)
    return [
        Running(pid, _since[pid], tuple(bots)) for pid, bots in sorted(playing.items(), key=lambda one: _since[one[0]])
    ]


def kill_all() -> None:
    """Ends all runners that this process started, at once; what they have not delivered yet is lost."""
    for runner in set(_runners.values()):
        runner.kill()


def interpreter(model: str) -> str:
    """The Python that can play with this model. Raises SetupError if there is none."""
    found = environment.bots_python(Path.cwd(), bot_settings().python)
    if model == "random" or model.startswith(REPLAY):
        # they need none of the bots' libraries, but for Playwright where a page needs a browser
        return str(found) if found and environment.has_playwright(found) else sys.executable
    if found is not None:
        return str(found)
    library = "llama_cpp" if model == "smollm2" or model.startswith("llama.cpp:") else "litellm"
    if importlib.util.find_spec(library):
        return sys.executable
    command = "otree-botex setup --local" if library == "llama_cpp" else "otree-botex setup"
    raise SetupError(f"{model} needs the bots' own environment. Run “{command}” in the project's folder.")


def server() -> str:
    """The address at which runners reach this server. Raises SetupError if it does not listen."""
    found = hook.server_url()
    if found is None:
        raise SetupError("The bots need a running oTree server; start them from the session's tab “LLM bots”.")
    return found


def _spawn(interpreter: str, description: LaunchDescription) -> subprocess.Popen[bytes]:
    """Starts a runner. It gets what it must know on standard input, from a file that has no name any more. Raises
    SetupError."""
    logs = FOLDER / "logs"
    command = environment.command(interpreter, "runner")
    # glibc keeps up to eight heaps a core for threads otherwise, which many bots would fill
    surroundings = {**os.environ, "MALLOC_ARENA_MAX": "2"}
    try:
        logs.mkdir(parents=True, exist_ok=True)
        (FOLDER / ".gitignore").write_text("*\n")
        with tempfile.TemporaryFile() as source, (logs / f"{description.code}.log").open("ab") as log:
            source.write(description.to_json().encode())
            source.seek(0)
            # a session of its own: it goes on when the server is restarted or stopped with Ctrl-C
            return subprocess.Popen(
                command, stdin=source, stdout=log, stderr=log, env=surroundings, start_new_session=True
            )
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        raise SetupError(f"The bots cannot be started with {interpreter}: {error.strerror}{where}.") from None
