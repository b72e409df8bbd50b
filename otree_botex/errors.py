"""Every error this package raises on purpose.

BotexError               the message says what is wrong and what to do; it may be shown to a user as it is
├── SetupError           an interpreter, a library, a model file, a key or a setting is missing or wrong
├── ModelError           a model cannot answer, and asking again would not help
│   ├── TransientModelError   asking again later may help (a rate limit, a server error, no connection)
│   └── TimeUp                the page's timer ran out before the model had answered
├── PageError            a page cannot be loaded or cannot be played
│   ├── Refused               too many replies to a page were refused
│   ├── Crashed               the browser in which a page is played has crashed; opening it again may help
│   └── LimitReached          a page that lives by its scripts was not left within its limits
└── ServerError          the oTree server does not answer, or refuses what a runner or a command asks of it
    └── Away                  it cannot be reached now; trying again later may help
"""

from __future__ import annotations

from .records import Cause


class BotexError(Exception):
    """Base of all errors of otree-botex. `str(error)` is one clear sentence or two for the user.

    `cause` is how the record names what ended a bot.
    """

    cause: Cause = "inside"


class SetupError(BotexError):
    """Something a launch needs is missing or wrong on this machine."""

    cause: Cause = "setup"


class ModelError(BotexError):
    """A model cannot answer, and asking again would not help (bad key, unknown model, refused request)."""

    cause: Cause = "model"


class TransientModelError(ModelError):
    """Asking the model again later may help.

    `retry_after` is the number of seconds the provider asked to wait, if it said so.
    """

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class TimeUp(ModelError):
    """The page's timer ran out before the model had answered."""


class PageError(BotexError):
    """A page cannot be loaded or cannot be played; the bot on it fails with this message."""

    cause: Cause = "page"


class Refused(PageError):
    """Too many replies to a page were refused: for what they said, or, by `cause`, since all were empty or cut off."""

    def __init__(self, message: str, cause: Cause = "refused") -> None:
        super().__init__(message)
        self.cause = cause


class Crashed(PageError):
    """The browser, or the bot's page in it, has crashed. Opening the page again may help."""


class LimitReached(PageError):
    """A page was not left within the calls, actions or seconds that a launch allows for one."""

    cause: Cause = "limit"


class ServerError(BotexError):
    """The oTree server does not answer, or refuses what is asked of it."""

    cause: Cause = "server"


class Away(ServerError):
    """What keeps the record cannot be reached now; trying again later may help."""
