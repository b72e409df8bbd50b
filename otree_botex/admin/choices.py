"""The models an experimenter can choose from, and the environments that can play with them. Looking for them starts the
bots' interpreter and takes seconds, so it is done beside the server's work, and the last answer is kept for a while."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from pathlib import Path

from .. import environment
from ..environment import ModelChoice, Probe
from ..errors import BotexError
from .settings import bot_settings

FRESH_SECONDS = 60.0


@dataclass(frozen=True)
class Found:
    """What was found last: the models, the server's environment, the bots' (None if there is none), and when; `at` is
    None while nothing was found yet."""

    models: list[ModelChoice]
    server: Probe | None = None
    bots: Probe | None = None
    at: float | None = None


_lock = threading.Lock()
_found = Found([ModelChoice("random", True, "")])
_looking = False


def model_choices() -> tuple[list[ModelChoice], bool]:
    """The models known now, and whether that is the whole answer yet."""
    return _found.models, _found.at is not None


def found() -> tuple[Found, bool]:
    """All that was found last, and whether it is being looked for anew."""
    return _found, _looking


def look_for_models(again: bool = False) -> None:
    """Begins to look for models, unless that was done lately and is not to be done `again`. Returns at once; the answer
    is in `model_choices`."""
    global _looking
    with _lock:
        stale = again or _found.at is None or time.time() - _found.at > FRESH_SECONDS
        if stale and not _looking:
            _looking = True
            threading.Thread(target=_look, name="models", daemon=True).start()


def _look() -> None:
    global _looking
    try:
        _find()
    finally:
        _looking = False


def _find() -> None:
    global _found
    server = environment.probe_this_process()
    bots = None
    try:
        settings = bot_settings()
        python = environment.bots_python(Path.cwd(), settings.python)
        bots = environment.probe(python) if python else None
        choices = environment.models(settings.models, server, bots)
    except BotexError as error:
        choices = [ModelChoice("random", True, ""), ModelChoice("other models", False, str(error))]
    _found = Found(choices, server, bots, time.time())
