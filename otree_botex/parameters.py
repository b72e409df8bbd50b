"""What bots play with: checked once, whether it comes from a form, a REST call, a shell or a script."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, get_args

from .errors import SetupError
from .records import Driver, Launch, MemoryMode

NUMBERS = {
    "temperature": (float, 0, 2),
    "max_tokens": (int, 1, 1_000_000),
    "seed": (int, 0, 2**31 - 1),
    "attempts": (int, 1, 100),
    "chat_messages": (int, 0, 1000),
    "chat_cost": (float, 0, 1000),
    "page_calls": (int, 1, 10_000),
    "page_actions": (int, 1, 100_000),
    "page_seconds": (int, 5, 86_400),
    "browsers": (int, 1, 200),
}
SWITCHES = ("human_pace", "images", "cache")
CHOICES = {"memory": get_args(MemoryMode), "driver": get_args(Driver)}
HOSTS = "hosts"
PARAMETERS = (*NUMBERS, *SWITCHES, *CHOICES, HOSTS)

RANDOM_ATTEMPTS, RANDOM_PAGE_CALLS, RANDOM_PAGE_ACTIONS = 60, 400, 2000
"""Random answers are free, and find their way through a quiz by trying."""
REPLAY = "replay:"
HOST = re.compile(r"(?!-)[\w-]{1,63}(?<!-)(\.(?!-)[\w-]{1,63}(?<!-))*")


@dataclass(frozen=True)
class Parameters:
    """What a launch's bots play with; all of it is recorded. `model` is one of those that `llm.load` knows."""

    model: str
    temperature: float | None = None
    max_tokens: int | None = None
    seed: int | None = None
    attempts: int = Launch.attempts
    human_pace: bool = Launch.human_pace
    images: bool = Launch.images
    cache: bool = False
    chat_messages: int = Launch.chat_messages
    chat_cost: float | None = Launch.chat_cost
    memory: MemoryMode = Launch.memory
    driver: Driver = Launch.driver
    hosts: tuple[str, ...] = Launch.hosts
    page_calls: int = Launch.page_calls
    page_actions: int = Launch.page_actions
    page_seconds: int = Launch.page_seconds
    browsers: int = Launch.browsers

    @property
    def replayed(self) -> str:
        """The code of the launch that is played again; empty if none is."""
        return self.model.removeprefix(REPLAY) if self.model.startswith(REPLAY) else ""

    def for_runners(self) -> dict[str, Any]:
        """What runners are told of it by these names; a seed stands with its seat, a cache is a file."""
        return {name: value for name, value in asdict(self).items() if name not in ("seed", "cache")}

    def seed_of(self, seat: int) -> int | None:
        """The seed of the bot on a seat, made from the launch's so that no two bots share one."""
        return None if self.seed is None else (self.seed + 7919 * seat) % 2**31


def parameters(given: Mapping[str, Any]) -> Parameters:
    """Parameters from values of any type, as a form or JSON has them; those that are empty or None are not given.

    Raises SetupError, in words, if one is not valid.
    """
    given = {name: value for name, value in given.items() if value not in (None, "")}
    model = str(given.pop("model", "")).strip()
    if not model:
        raise SetupError("Choose a model, or type the name of one.")
    unknown = set(given) - set(PARAMETERS)
    if unknown:
        raise SetupError(f"Unknown parameter: {', '.join(sorted(unknown))}. Known are {', '.join(PARAMETERS)}.")
    checked = Parameters(model, **{name: _checked(name, value) for name, value in given.items()})
    if model != "random":
        return checked
    # random bots always have a seed, so that what they did can be repeated
    seed = random.randrange(2**31) if checked.seed is None else checked.seed
    attempts, page_calls = max(checked.attempts, RANDOM_ATTEMPTS), max(checked.page_calls, RANDOM_PAGE_CALLS)
    page_actions = max(checked.page_actions, RANDOM_PAGE_ACTIONS)
    return replace(checked, seed=seed, attempts=attempts, page_calls=page_calls, page_actions=page_actions)


def stored(values: Mapping[str, Any]) -> Parameters:
    """Parameters from the JSON of a launch in the record."""
    return Parameters(**{**values, HOSTS: tuple(values[HOSTS])})


def number(name: str, value: Any, kind: Callable[[str], Any], least: float, most: float) -> Any:
    """A number within bounds from a value of any type. Raises SetupError, in words, if it is none."""
    try:
        found = kind(str(value).replace(",", "."))
    except ValueError:
        found = None
    if found is None or not least <= found <= most:
        raise SetupError(f"{name} must be a number from {least} to {most}, not “{value}”.")
    return found


def _checked(name: str, value: Any) -> Any:
    if name in NUMBERS:
        return number(name, value, *NUMBERS[name])
    if name == HOSTS:
        return _hosts(value)
    if name in CHOICES:
        if value not in CHOICES[name]:
            raise SetupError(f"{name} must be {_either(CHOICES[name])}, not “{value}”.")
        return value
    if str(value).lower() not in ("true", "false", "on"):
        raise SetupError(f"{name} must be true or false, not “{value}”.")
    return str(value).lower() != "false"


def _hosts(value: Any) -> tuple[str, ...]:
    """Names of hosts from a list of them, or from a text where they stand with commas or spaces between them."""
    names = re.split(r"[\s,;]+", value) if isinstance(value, str) else value
    if not isinstance(names, list | tuple):
        raise SetupError(f"{HOSTS} must be a list of names, not “{value}”.")
    names = tuple(dict.fromkeys(str(name).lower() for name in names if name != ""))
    for name in names:
        if not HOST.fullmatch(name):
            raise SetupError(f"{HOSTS} must be names as cdn.example.org, without https:// and paths; not “{name}”.")
    return names


def _either(words: tuple[str, ...]) -> str:
    return f"{', '.join(words[:-1])} or {words[-1]}"
