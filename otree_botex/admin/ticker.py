"""Has rooms looked at about once a second, as long as there is something to look at.

A thread asks this server itself over HTTP, so that the work is done as any other request is: within oTree's lock and
transaction. Only this process knows the secret that it asks with. When no room is in use it sleeps.
"""

from __future__ import annotations

import json
import logging
import secrets
import threading
import time
import urllib.request

from otree.database import db
from starlette.endpoints import HTTPEndpoint
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from . import hook, rooms

logger = logging.getLogger("otree_botex")

PATH = "/otree_botex/rooms/tick"
EVERY_SECONDS = 1.0
AFTER_ERRORS_SECONDS = 10.0
AWAKE_SECONDS = 10.0
"""So long it looks again after it was woken: what woke it may not be in the database yet."""
TIMEOUT_SECONDS = 60.0

_secret = secrets.token_urlsafe(32)
_wanted = threading.Event()
_awake_until = 0.0
_thread: threading.Thread | None = None


def wake() -> None:
    """There may be something to look at from now on. Called by anything that changes a room, and once when the server
    has begun to answer."""
    global _awake_until, _thread
    _awake_until = time.monotonic() + AWAKE_SECONDS
    if _thread is None:
        _thread = threading.Thread(target=_run, name="rooms", daemon=True)
        _thread.start()
    _wanted.set()


def _run() -> None:
    pause: float | None = None
    while True:
        _wanted.wait(pause)
        _wanted.clear()
        try:
            pause = EVERY_SECONDS if _ask() or time.monotonic() < _awake_until else None
        except Exception as error:  # the server ends, or is too busy
            logger.debug("Rooms could not be looked at: %s", error)
            pause = AFTER_ERRORS_SECONDS


def _ask() -> bool:
    server = hook.server_url()
    if server is None:
        return False
    request = urllib.request.Request(server + PATH, data=b"", headers={"Authorization": f"Bearer {_secret}"})
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # no proxy of the machine's stands between
    with opener.open(request, timeout=TIMEOUT_SECONDS) as response:
        return bool(json.load(response)["in_use"])


class LLMBotsRoomsTick(HTTPEndpoint):
    """Looks at the rooms, for this process alone."""

    async def post(self, request: Request) -> Response:
        given = request.headers.get("authorization", "")
        if not secrets.compare_digest(given.encode(), f"Bearer {_secret}".encode()):
            return Response("Only the server itself asks for this.", status_code=403)
        try:
            return JSONResponse({"in_use": rooms.tick()})
        except Exception:
            db.rollback()
            logger.exception("Rooms could not be looked at.")
            return Response("See the server's log.", status_code=500)


routes = [Route(PATH, LLMBotsRoomsTick, name="LLMBotsRoomsTick")]
