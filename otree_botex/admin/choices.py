"""The models an experimenter can choose from. Looking for them starts the bots' interpreter and takes seconds, so
it is done beside the server's work, and the last answer is kept for a while."""

from __future__ import annotations

import threading
import time
from pathlib import Path

from .. import environment
from ..environment import ModelChoice
from ..errors import BotexError
from .settings import bot_settings

FRESH_SECONDS = 60.0

_lock = threading.Lock()
_found: list[ModelChoice] = [ModelChoice("random", True, "")]
_found_at: float | None = None
_looking = False


def model_choices() -> tuple[list[ModelChoice], bool]:
    """The models known now, and whether that is the whole answer yet."""
    return _found, _found_at is not None


def look_for_models() -> None:
    """Begins to look for models, unless that was done lately. Returns at once; the answer is in `model_choices`."""
    global _looking
    with _lock:
        stale = _found_at is None or time.monotonic() - _found_at > FRESH_SECONDS
        if stale and not _looking:
            _looking = True
            threading.Thread(target=_look, name="models", daemon=True).start()


def _look() -> None:
    global _found, _found_at, _looking
    try:
        settings = bot_settings()
        server = environment.probe_this_process()
        python = environment.bots_python(Path.cwd(), settings.python)
        found = environment.models(settings.models, server, environment.probe(python) if python else None)
    except BotexError as error:
        found = [ModelChoice("random", True, ""), ModelChoice("other models", False, str(error))]
    with _lock:
        _found, _found_at, _looking = found, time.monotonic(), False
