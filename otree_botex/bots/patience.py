"""Trying again, with growing pauses, until it works, the patience is at an end, or the bot is told to stop."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event
from typing import Any, TypeVar

from tenacity import Retrying, retry_if_exception_type, sleep_using_event
from tenacity.stop import stop_base, stop_when_event_set

Result = TypeVar("Result")


class Stopped(Exception):
    """The bot was told to stop."""


def try_again(
    call: Callable[[], Result], *, after: type[Exception], wait: Callable[..., float], limit: stop_base, stop: Event
) -> Result:
    """What `call` returns. It is called again `after` an error of this kind, as `wait` and `limit` (tenacity's) say.

    Raises the last error when the limit is reached, Stopped when `stop` is set, and every other error at once.
    """
    if stop.is_set():
        raise Stopped
    options: dict[str, Any] = {"wait": wait, "stop": limit | stop_when_event_set(stop), "reraise": True}
    retrying = Retrying(retry=retry_if_exception_type(after), sleep=sleep_using_event(stop), **options)
    try:
        return retrying(call)
    except after:
        if stop.is_set():
            raise Stopped from None
        raise
