"""Replies kept in a file: the same request to the same model is not asked, nor paid, twice."""

from __future__ import annotations

import hashlib
import json
import logging
import sqlite3
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..errors import SetupError
from . import LLM, Completion, Request

logger = logging.getLogger(__name__)

BUSY_SECONDS = 30.0
KEPT = ("text", "model", "finish_reason", "mode", "fingerprint")
TABLE = f"CREATE TABLE IF NOT EXISTS replies (key TEXT PRIMARY KEY, {', '.join(f'{name} TEXT' for name in KEPT)})"


class Cached(LLM):
    """A model whose replies are kept, by all that shapes them: the model as it describes itself, the messages, the
    schema, the seed. Several processes may use the same file.

    Errors, empty replies and those that were cut off are not kept. If the file cannot be used, the model is asked.
    """

    context_tokens: int | None

    def __init__(self, llm: LLM, model: str, path: Path) -> None:
        """Opens the file, or makes it. Raises SetupError if that cannot be."""
        self._llm, self._path = llm, path
        self.context_tokens = llm.context_tokens
        about = llm.about()
        self._asked = [model, about["provider"], about["host"], (about["file"] or {}).get("sha256"), about["sent"]]
        self._lock = threading.Lock()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
            self._file.execute(TABLE)
        except (OSError, sqlite3.Error) as error:
            llm.close()
            raise SetupError(f"The file of replies {path} cannot be used: {error}.") from None

    def complete(self, request: Request) -> Completion:
        """The reply that was given before, at no cost and marked as such, else what the model replies now."""
        key = self._key(request)
        known = self._run(f"SELECT {', '.join(KEPT)} FROM replies WHERE key = ?", key)
        if known:
            return Completion(**dict(zip(KEPT, known[0], strict=True)), cost=0.0, from_cache=True)
        completion = self._llm.complete(request)
        if completion.text.strip() and completion.finish_reason == "stop":
            kept = (getattr(completion, name) for name in KEPT)
            self._run(f"INSERT OR IGNORE INTO replies VALUES (?{', ?' * len(KEPT)})", key, *kept)
        return completion

    def count_tokens(self, text: str) -> int:
        return self._llm.count_tokens(text)

    def about(self) -> dict[str, Any]:
        return self._llm.about()

    def close(self) -> None:
        with self._lock:
            self._file.close()
        self._llm.close()

    def _key(self, request: Request) -> str:
        """A digest of the request as JSON; in a schema, and so in a reply, the order of the fields counts."""
        asked = [*self._asked, request.messages, request.schema, request.seed]
        return hashlib.sha256(json.dumps(asked).encode()).hexdigest()

    def _run(self, statement: str, *values: str) -> Sequence[Any]:
        try:
            with self._lock:
                return self._file.execute(statement, values).fetchall()
        except sqlite3.Error as error:
            logger.warning("The file of replies %s could not be used: %s", self._path, error)
            return ()
