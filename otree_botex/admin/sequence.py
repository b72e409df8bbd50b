"""The pages of a session's page sequence, as its apps have it now: an experiment may be edited after it was played."""

from __future__ import annotations

from itertools import count
from typing import Any

from otree.lookup import get_page_lookup
from otree.models import Session


def pages(session: Session) -> dict[int, Any]:
    """What oTree knows of each page, by its number; none where the session can no longer be played, because an app of
    it is gone or has more rounds than it had."""
    found: dict[int, Any] = {}
    try:
        for number in count(1):
            found[number] = get_page_lookup(session.code, number)
    except (KeyError, ImportError):  # behind the last page; or an app, or the round of one, is not there
        pass
    return found
