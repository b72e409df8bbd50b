"""Asks a running oTree server over its REST API, for the commands."""

from __future__ import annotations

import os
from typing import Any
from urllib.parse import urlparse

import requests

from .errors import ServerError

REST_KEY = "OTREE_REST_KEY"
OURS = "/api/llm_bots/"
TIMEOUT_SECONDS = 60


class Rest:
    """One server, at its address. `key` is its REST key; by default the one in the environment.

    That, and every call, raises ServerError, with what to do, if there is no such server, or if it refuses.
    """

    def __init__(self, server: str, key: str | None = None) -> None:
        self.url = server.strip().rstrip("/")
        if urlparse(self.url).scheme not in ("http", "https"):
            raise ServerError(f"“{server}” is no address of a server. It looks like http://localhost:8000.")
        self._key = key or os.environ.get(REST_KEY)
        self._session = requests.Session()
        # no proxy stands between a machine and itself
        self._session.trust_env = urlparse(self.url).hostname not in ("127.0.0.1", "localhost", "::1")

    def get(self, path: str) -> Any:
        return self._call("GET", path)

    def post(self, path: str, **body: Any) -> Any:
        return self._call("POST", path, body)

    def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        headers = {"otree-rest-key": self._key} if self._key else {}
        address = self.url + path
        try:
            response = self._session.request(method, address, json=body, headers=headers, timeout=TIMEOUT_SECONDS)
        except requests.RequestException as error:
            raise ServerError(
                f"No oTree server answers at {self.url} ({type(error).__name__}). Is it running?"
            ) from None
        # oTree also answers 403 when a view fails with a TypeError
        if response.status_code == 403 and any(name in response.text for name in ("REST API", "otree-rest-key")):
            raise ServerError(f"The server wants its REST key: set {REST_KEY} as it is set for the server.")
        if response.status_code == 404 and response.text.strip() == "Not Found":
            if not path.startswith(OURS):
                raise ServerError(f"{address} is not there. Is this an oTree server of version 5.4 or newer?")
            raise ServerError("This server does not have otree_botex: add it to an app_sequence in settings.py.")
        is_page = response.headers.get("Content-Type", "").startswith("text/html")
        if response.status_code >= 500:
            said = (response.text.strip().splitlines() or [""])[-1] if not is_page else response.reason
            raise ServerError(f"The server fails at {path} with {response.status_code}: {said[:300]}")
        if is_page:
            raise ServerError(f"What answers at {self.url} is no oTree server.")
        if response.status_code >= 400:
            raise ServerError(response.text.strip()[:500])
        try:
            return response.json()
        except ValueError:
            raise ServerError(f"What answers at {address} is no oTree server.") from None
