"""Which bots a runner may report of: those that it was given a token for.

Only the token's hash is stored: it survives a restart of the server, and a look into the database gives nothing away. A
bot that was started again has a new one, so that its old runner, should it turn up again, has no say.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from typing import TypeVar

Bot = TypeVar("Bot")


def give(bots: Sequence[Bot]) -> str:
    """A new token for these bots; those that they had are worth nothing any more."""
    token = secrets.token_urlsafe(32)
    for bot in bots:
        bot.token_hash = _hash(token)  # type: ignore[attr-defined]
    return token


def played_with(bots: Sequence[Bot], token: str) -> list[Bot]:
    """Those of these bots that the runner with this token plays now."""
    given = _hash(token)
    return [bot for bot in bots if secrets.compare_digest(getattr(bot, "token_hash") or "", given)]  # noqa: B009


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
