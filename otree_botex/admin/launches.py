"""Starts bots, watches their runners, stops them, and starts them again."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import logging
import os
import platform
import random
import secrets
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import otree
from otree.common import random_chars_8
from otree.database import db
from otree.models import Participant, Session

from .. import __version__, environment
from ..errors import BotexError, SetupError
from ..models import Bot, Launch
from ..records import ENDED
from ..records import Launch as LaunchDescription
from ..records import Seat as SeatDescription
from . import columns, hook, seats
from .settings import bot_settings

logger = logging.getLogger("otree_botex")

FOLDER = Path(environment.FOLDER)
PROMPTS = Path(__file__).parents[1] / "bots" / "prompts"
SILENCE_SECONDS = 30.0
"""A runner whose process is not ours to watch (the server was restarted) is given up after so long a silence."""
RANDOM_ATTEMPTS = 60
"""Random answers are free, and find their way through a quiz by trying."""
GONE = (
    "Its runner has ended without a word (was it killed, or the machine restarted?). What it reported is on record. "
    "Click “Start again”: the bot goes on from where it was."
)

_began = time.time()  # before that, this server process could not hear anything
_runners: dict[int, subprocess.Popen[bytes]] = {}
"""The process that plays each bot, by the bot's number, as far as this server process started it."""


FOR_RUNNERS = (
    *("api_base", "temperature", "max_tokens", "attempts"),
    *("human_pace", "images", "chat_messages", "chat_cost"),
)
"""The parameters of a launch that its runners are told; a bot's seed stands with its seat."""


@dataclass(frozen=True)
class Parameters:
    """What a launch's bots play with; all of it is recorded."""

    model: str
    temperature: float | None = None
    max_tokens: int | None = None
    seed: int | None = None
    attempts: int = LaunchDescription.attempts
    human_pace: bool = LaunchDescription.human_pace
    images: bool = LaunchDescription.images
    chat_messages: int = LaunchDescription.chat_messages
    chat_cost: float | None = LaunchDescription.chat_cost


def launch(session: Session, taken: Sequence[Participant], parameters: Parameters, started_by: str) -> Launch:
    """Puts bots on these seats and starts them.

    Raises SetupError if this model cannot be played with here; nothing is recorded then and no seat is taken. A
    runner that cannot be started all the same is told by its bots, which have failed then.
    """
    interpreter = _interpreter(parameters.model)
    server = _server()
    record = _record(session, taken, parameters, started_by)
    bots = bots_of(record)
    for seat in taken:
        # as if its link had been opened: nobody else is given this seat from now on
        seat.initialize(None)
        columns.taken_by_bot(session, seat, parameters.model)
    try:
        _start_runner(record, bots, interpreter, server)
    except SetupError as error:
        fail(bots, str(error))
    return record


def _record(session: Session, taken: Sequence[Participant], parameters: Parameters, started_by: str) -> Launch:
    """Writes a launch and its bots down."""
    parameters = _complete(parameters)
    record = Launch(
        session=session,
        code=random_chars_8(),
        model=parameters.model,
        parameters_json=json.dumps({**asdict(parameters), "api_base": bot_settings().models.get(parameters.model)}),
        prompts_json=json.dumps(_prompts()),
        versions_json=json.dumps(_versions()),
        started_by=started_by,
        started_at=time.time(),
    )
    db.add(record)
    db._db.flush()
    for seat in taken:
        seed = None if parameters.seed is None else (parameters.seed + 7919 * seat.id_in_session) % 2**31
        bot = Bot(
            session=session,
            launch_id=record.id,
            participant_id=seat.id,
            participant_code=seat.code,
            number=seat.id_in_session,
            seed=seed,
            state="starting",
            started_at=time.time(),
            heard_at=time.time(),
        )
        db.add(bot)
    db._db.flush()
    return record


def start_from_config(session: Session) -> None:
    """Starts the bots that a new session's config asks for. What goes wrong is recorded for the tab to show."""
    config = session.config
    if not config.get("llm_bots_start"):
        return
    number = int(config.get("llm_bots") or 0)
    if number < 1:
        logger.warning("Session %s: llm_bots_start is set, but llm_bots names no number of seats.", session.code)
        return
    parameters = Parameters(str(config.get("llm_bots_model") or "random"))
    try:
        launch(session, seats.some(session, number), parameters, "session config")
    except BotexError as error:
        logger.error("Session %s: the bots could not be started. %s", session.code, error)
        taken = seats.free(session)[-number:]
        fail(bots_of(_record(session, taken, parameters, "session config")), str(error))
    db.commit()


def start_again(bots: Sequence[Bot]) -> None:
    """Lets bots that failed, were stopped or lost their runner go on from where their participants are.

    Raises SetupError if their model cannot be played with now.
    """
    waiting = [bot for bot in bots if state(bot)[0] in ("failed", "stopped")]
    for launch_id in {bot.launch_id for bot in waiting}:
        record = db.query(Launch).filter_by(id=launch_id).one()
        again = [bot for bot in waiting if bot.launch_id == launch_id]
        interpreter, server = _interpreter(record.model), _server()
        for bot in again:
            bot.state, bot.error, bot.stop_wanted, bot.ended_at = "starting", "", False, None
        _start_runner(record, again, interpreter, server, goes_on=True)


def stop(bots: Sequence[Bot]) -> None:
    """Asks bots to stop; those whose runner is gone are stopped at once."""
    for bot in bots:
        if bot.state in ENDED:
            continue
        bot.stop_wanted = True
        if not is_running(bot):
            bot.state, bot.error, bot.ended_at = "stopped", "", time.time()


def fail(bots: Sequence[Bot], error: str) -> None:
    """Ends bots that could not be started."""
    for bot in bots:
        bot.state, bot.error, bot.ended_at = "failed", error, time.time()


def state(bot: Bot) -> tuple[str, str]:
    """What a bot is doing, and why it failed if it did. A bot that still plays but whose runner is gone has failed."""
    if bot.state not in ENDED and not is_running(bot):
        return "failed", GONE
    return bot.state, bot.error or ""


def is_running(bot: Bot) -> bool:
    """Whether the process that plays this bot is alive."""
    runner = _runners.get(bot.id)
    if runner is not None:
        return runner.poll() is None
    return time.time() - max(bot.heard_at or 0, _began) < SILENCE_SECONDS


def kill_runners() -> None:
    """Ends all runners that this process started, at once; what they have not delivered yet is lost."""
    for runner in set(_runners.values()):
        runner.kill()


def bots_of(record: Launch) -> list[Bot]:
    """The bots of a launch, by seat."""
    return list(db.query(Bot).filter_by(launch_id=record.id).order_by(Bot.number))


def bots_of_token(record: Launch, token: str) -> list[Bot]:
    """The bots of a launch that the runner with this token plays now.

    Only the token's hash is stored: it survives a restart of the server, and a look into the database gives nothing
    away. A bot that was started again has a new one, so that its old runner, should it turn up again, has no say.
    """
    given = _hash(token)
    return [bot for bot in bots_of(record) if secrets.compare_digest(bot.token_hash or "", given)]


def _start_runner(record: Launch, bots: Sequence[Bot], interpreter: str, server: str, goes_on: bool = False) -> None:
    parameters = json.loads(record.parameters_json)
    token = secrets.token_urlsafe(32)
    description = LaunchDescription(
        code=record.code,
        server=server,
        token=token,
        model=record.model,
        seats=tuple(SeatDescription(bot.id, bot.participant_code, bot.number, bot.seed) for bot in bots),
        **{name: parameters[name] for name in FOR_RUNNERS},
        goes_on=goes_on,
        folder=str((FOLDER / "journal").resolve()),
    )
    now, ids = time.time(), [bot.id for bot in bots]  # after a commit each would be loaded again, one by one
    for bot in bots:
        bot.heard_at, bot.token_hash = now, _hash(token)
    db.commit()
    process = _spawn(interpreter, description)
    threading.Thread(target=process.wait, daemon=True).start()  # so that it does not stay behind as a zombie
    for bot_id in ids:
        _runners[bot_id] = process


def _spawn(interpreter: str, description: LaunchDescription) -> subprocess.Popen[bytes]:
    """Starts a runner. It gets what it must know on standard input, from a file that has no name any more."""
    logs = FOLDER / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    (FOLDER / ".gitignore").write_text("*\n")
    command = environment.command(interpreter, "runner")
    # glibc keeps up to eight heaps a core for threads otherwise, which many bots would fill
    surroundings = {**os.environ, "MALLOC_ARENA_MAX": "2"}
    with tempfile.TemporaryFile() as source, (logs / f"{description.code}.log").open("ab") as log:
        source.write(description.to_json().encode())
        source.seek(0)
        # a session of its own: it goes on when the server is restarted or stopped with Ctrl-C
        try:
            return subprocess.Popen(
                command, stdin=source, stdout=log, stderr=log, env=surroundings, start_new_session=True
            )
        except OSError as error:
            raise SetupError(f"The bots' interpreter {interpreter} cannot be started: {error.strerror}.") from None


def _interpreter(model: str) -> str:
    """The Python that can play with this model. Raises SetupError if there is none."""
    if model == "random":
        return sys.executable
    found = environment.bots_python(Path.cwd(), bot_settings().python)
    if found is not None:
        return str(found)
    library = "llama_cpp" if model == "smollm2" or model.startswith("llama.cpp:") else "litellm"
    if importlib.util.find_spec(library):
        return sys.executable
    command = "otree-botex setup --local" if library == "llama_cpp" else "otree-botex setup"
    raise SetupError(f"{model} needs the bots' own environment. Run “{command}” in the project's folder.")


def _server() -> str:
    server = hook.server_url()
    if server is None:
        raise SetupError("The bots need a running oTree server; start them from the session's tab “LLM bots”.")
    return server


def _complete(parameters: Parameters) -> Parameters:
    """Random bots always have a seed, so that what they did can be repeated."""
    if parameters.model != "random":
        return parameters
    seed = random.randrange(2**31) if parameters.seed is None else parameters.seed
    return replace(parameters, seed=seed, attempts=max(parameters.attempts, RANDOM_ATTEMPTS))


def _prompts() -> dict[str, str]:
    """The prompt files as they are now, each with the start of its SHA-256."""
    texts = {path.stem: path.read_text("utf-8") for path in sorted(PROMPTS.glob("*.txt"))}
    return {**texts, "sha256": _hash("\0".join(texts.values()))}


def _versions() -> dict[str, str]:
    return {"otree_botex": __version__, "otree": otree.__version__, "python": platform.python_version()}


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
