"""What brings a journal to where its record is kept, and brings back commands and memories."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import requests

from ..errors import Away, ServerError
from ..records import JOURNAL_PATH, REPLAY_PATH, Launch, Memory, Recorded

TIMEOUT_SECONDS = 60
REFUSED = (401, 403, 404, 410)
"""How a server answers who has nothing to say about a launch, or asks for one that is not there."""


class Carrier(Protocol):
    """The way to a launch's record."""

    def deliver(self, bots: Sequence[int], records: Sequence[str]) -> Mapping[str, Any]:
        """Hands over records (each a JSON text) of the bots that are played here. Returns the reply to them, as
        `records` describes it. Raises Away, or ServerError if no record of this launch is taken any more."""

    def memories(self) -> dict[int, Memory]:
        """Where the bots were and what they remember. Raises Away, or ServerError if that is not to be had."""

    def recorded(self) -> dict[int, list[Recorded]]:
        """What was said in the launch that this one replays, by seat. Raises as `memories` does."""


class HttpCarrier:
    """The way to the record over HTTP, as `records` describes it."""

    def __init__(self, launch: Launch) -> None:
        self._url = launch.server + JOURNAL_PATH.format(launch=launch.code)
        self._replay = launch.server + REPLAY_PATH.format(launch=launch.code)
        self._session = requests.Session()
        self._session.trust_env = False  # as in browser.py
        self._session.headers["Authorization"] = f"Bearer {launch.token}"

    def deliver(self, bots: Sequence[int], records: Sequence[str]) -> Mapping[str, Any]:
        body = f'{{"bots": {json.dumps(list(bots))}, "records": [{", ".join(records)}]}}'
        headers = {"Content-Type": "application/json"}
        try:
            response = self._session.post(self._url, data=body.encode(), headers=headers, timeout=TIMEOUT_SECONDS)
            if response.status_code in REFUSED:
                raise ServerError(f"The server takes no journal of this launch: {response.text.strip()[:200]}")
            response.raise_for_status()
            return dict(response.json())
        except (requests.RequestException, ValueError) as error:
            raise Away(f"The server does not take the journal ({type(error).__name__}).") from None

    def memories(self) -> dict[int, Memory]:
        found = self._get(self._url, "The bots' memory")
        return {int(bot): Memory(**memory) for bot, memory in found.items()}

    def recorded(self) -> dict[int, list[Recorded]]:
        found = self._get(self._replay, "The launch to be replayed")
        return {int(seat): [Recorded(**one) for one in seats] for seat, seats in found.items()}

    def _get(self, url: str, what: str) -> Any:
        try:
            response = self._session.get(url, timeout=TIMEOUT_SECONDS)
            if response.status_code in REFUSED:
                raise ServerError(response.text.strip()[:300])
            response.raise_for_status()
            return response.json()
        except (requests.RequestException, ValueError) as error:
            raise Away(f"{what} could not be read back from the server: {error}") from None
