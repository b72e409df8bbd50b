"""What models cost, by litellm's price list. It lies in the bots' environment, and reading it takes seconds: it is done
beside the server's work, and the answers are kept."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterable
from math import inf
from pathlib import Path

from .. import environment
from ..errors import BotexError
from .expectation import Price
from .settings import bot_settings

MOST_KEPT = 1000
LONGEST_NAME = 300
AGAIN_SECONDS = 60.0
"""So long after litellm could not be asked it is asked again."""

_lock = threading.Lock()
_known: dict[str, Price] = {}
_missing: dict[str, float] = {}
"""Models whose price was not found, and when it is to be looked for again: never if litellm does not know it."""
_wanted: set[str] = set()
_looking = False


def price(model: str) -> Price | None:
    """The price of a model as far as it is known now."""
    return _known.get(model)


def look_for(models: Iterable[str]) -> bool:
    """Begins to look for the prices of models, unless they are known. Returns at once, with whether some are still
    looked for."""
    global _looking
    with _lock:
        names = {model for model in models if len(model) <= LONGEST_NAME and model.isprintable()}
        new = {name for name in names - _known.keys() if _missing.get(name, 0) < time.monotonic()}
        if len(_known) + len(_missing) > MOST_KEPT:
            _forget()
        _wanted.update(new)
        if _wanted and not _looking:
            _looking = True
            threading.Thread(target=_look, name="prices", daemon=True).start()
        return bool(new)


def forget() -> None:
    """Lets all prices be looked for again."""
    with _lock:
        _forget()


def _forget() -> None:
    _known.clear()
    _missing.clear()


def _look() -> None:
    """One process after the other, each for all that is wanted by then."""
    global _looking
    while True:
        with _lock:
            names = sorted(_wanted)
            if not names:
                _looking = False
                return
        try:
            found, is_all = _prices(names)
        except Exception:  # the server's log tells of it; the next who wants to know has them looked for again
            _looking = False
            raise
        again = inf if is_all else time.monotonic() + AGAIN_SECONDS
        with _lock:
            _known.update(found)
            _missing.update({name: again for name in names if name not in found})
            _wanted.difference_update(names)


def _prices(names: list[str]) -> tuple[dict[str, Price], bool]:
    """Those prices that are known, and whether that is all there is to know: litellm could be asked."""
    try:
        python = environment.bots_python(Path.cwd(), bot_settings().python) or Path(sys.executable)
    except BotexError:  # settings that the page complains of anyway
        return {}, False
    probe = environment.probe(python, names)
    found = {name: Price(*both) for name, both in probe.prices.items()}
    return found, "litellm" in probe.versions and not probe.errors
