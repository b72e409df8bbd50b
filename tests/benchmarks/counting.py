"""Runs inside the benchmarks' server: counts what reaches it, by kind, and tells and forgets it at /benchmark.

A copy of this file lies in the project's folder, and its settings.py imports it. It stands before oTree, waits for
none of its locks, and changes nothing of what passes.
"""

from __future__ import annotations

import importlib
import json
import time
from collections import Counter
from typing import Any

ADDRESS = "/benchmark"
PAGES = ("/p/", "/InitializeParticipant/", "/OutOfRangeNotification/")
JOURNAL = "/otree_botex/journal/"

counts: Counter[str] = Counter()
times: list[float] = []
"""When a participant's pages were first asked for, and when the last of them had been answered."""


class Counted:
    """An ASGI application, with its requests counted."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        path = scope.get("path", "")
        if path == ADDRESS:
            await _tell(send)
        elif scope["type"] == "websocket":
            counts["websockets"] += 1
            await self.app(scope, receive, send)
        elif path.startswith(PAGES):
            await self._page(scope, receive, send)
        else:
            counts["journal" if path.startswith(JOURNAL) else "other"] += scope["type"] == "http"
            await self.app(scope, receive, send)

    async def _page(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        times.append(time.perf_counter())

        async def watched(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                redirected = 300 <= message["status"] < 400
                counts["requests"] += 1
                counts["redirects"] += redirected
                counts["posts"] += scope["method"] == "POST"
                counts["accepted"] += redirected and scope["method"] == "POST"
            await send(message)

        await self.app(scope, receive, watched)
        times[1:] = [time.perf_counter()]


async def _tell(send: Any) -> None:
    told = {**counts, "seconds": times[-1] - times[0] if times else 0.0}
    counts.clear()
    times.clear()
    headers = [(b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps(told).encode()})


def _attach() -> None:
    """Puts the count before the application that uvicorn is about to load."""
    main = importlib.import_module("uvicorn.main")  # `uvicorn.main` as an attribute is a function of that name

    class Config(main.Config):  # type: ignore[misc, name-defined]
        def load(self) -> None:
            super().load()
            self.loaded_app = Counted(self.loaded_app)

    main.Config = Config  # type: ignore[attr-defined]


_attach()
