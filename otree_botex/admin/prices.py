"""What models cost, by litellm's price list. It lies in the bots' environment, and reading it takes seconds: it is done
beside the server's work, and the answers are kept."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterable
from pathlib import Path

from .. import environment
from ..errors import BotexError
from .expectation import Price
from .settings import bot_settings

MOST_KEPT = 1000
LONGEST_NAME = 300

_lock = threading.Lock()
_known: dict[str, Price | None] = {}
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
        new = names - _known.keys()
        if len(_known) > MOST_KEPT:
            _known.clear()
        _wanted.update(new)
        if _wanted and not _looking:
            _looking = True
            threading.Thread(target=_look, name="prices", daemon=True).start()
        return bool(new)


def _look() -> None:
    """One process after the other, each for all that is wanted by then."""
    global _looking
    while True:
        with _lock:
            names = sorted(_wanted)
            if not names:
                _looking = False
                return
        found = _prices(names)
        with _lock:
            _known.update({name: found.get(name) for name in names})
            _wanted.difference_update(names)


def _prices(names: list[str]) -> dict[str, Price]:
    try:
        python = environment.bots_python(Path.cwd(), bot_settings().python) or Path(sys.executable)
    except BotexError:  # settings that the page complains of anyway
        return {}
    return {name: Price(*both) for name, both in environment.probe(python, names).prices.items()}
