"""Who asks for a participant's page: its bot, or somebody else.

Bots name themselves with each request. One that was told to stop is turned away from that moment on, whatever it was
about to say, so that whoever has its seat now is alone there. And where a bot stands in for a person, a request that
the person made brings the person back: its bot is told to stop.

A tab that was left open makes requests, too: its timer sends the page when time is up, a wait page loads itself again.
Browsers tell which requests a person caused (`Sec-Fetch-User`), on https and on this machine. Elsewhere they do not,
and Safari does so nowhere; there all that is sent by hand counts, and all that is opened, except after a timer and on
a wait page.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Awaitable, Callable
from typing import Any

from otree.database import db
from otree.models import Participant
from starlette.requests import Request
from starlette.responses import Response

from ..models import Bot, Launch
from ..records import BOT_COOKIE, STOPPED_HEADER
from . import handover, presence, seats

logger = logging.getLogger("otree_botex")

PAGE = re.compile(r"/(p|InitializeParticipant)/(\w+)")
NAME = re.compile(r"(\w{1,16})-(\d{1,9})")
"""How bots name themselves: see `records.Launch.name_of`."""
TIMED_OUT = b"timeout_happened="
FOLLOWING_SECONDS = 10.0
"""So long after a timer has sent a page, what a browser opens is what comes after it."""
BROWSERS = "Mozilla/"
"""What the name of every browser begins with; oTree's own second process is none."""

standing_in: dict[str, int] = {}
"""The bots that stand in for people, by the participants' codes."""
_timed_out: dict[str, float] = {}

Next = Callable[[Request], Awaitable[Response]]


async def let_in(call_next: Next, request: Request) -> Response:
    """The answer to a request, within oTree's transaction."""
    match = PAGE.match(request.url.path)
    if match is None:
        return await call_next(request)
    by = request.cookies.get(BOT_COOKIE, "")
    if by:
        return _turned_away() if _is_to_stop(by) else await call_next(request)
    if request.method == "POST" and _is_browser(request):
        _note_person(match[2])
    response = await _answer(call_next, request, match)
    if _is_browser(request) and response.status_code < 400:
        seats.people_seen[match[2]] = time.time()
    return response


async def _answer(call_next: Next, request: Request, match: re.Match[str]) -> Response:
    """The answer to somebody who is no bot."""
    begins, code = match[1] != "p", match[2]
    if code not in standing_in and code not in presence.watched:
        return await call_next(request)
    sent, was = _overheard(request), presence.before(code)
    response = await call_next(request)
    by_hand = begins or _is_by_hand(request, code, b"".join(sent), was.waits)
    presence.note(code, was, by_hand)
    if by_hand and code in standing_in:
        comes_back(code)
    return response


def comes_back(code: str) -> None:
    """A person has a seat again on which a bot stood in."""
    bot = db.query(Bot).filter_by(id=standing_in.pop(code, None)).first()
    seat = db.query(Participant).filter_by(code=code).first()
    if bot is not None and seat is not None:
        logger.info("P%s of session %s is back; the bot that stood in stops.", bot.number, bot.session.code)
        bot.with_person = True
        handover.release(seat, [bot], handover.last_active(seat) - 1)  # it is the person that was active last


def _note_person(code: str) -> None:
    """A person sends a page: if bots have played on this seat, or do, they were not alone there."""
    bots = db.query(Bot).filter_by(participant_code=code, with_person=False)
    bots.update({"with_person": True}, synchronize_session=False)


def _is_browser(request: Request) -> bool:
    return request.headers.get("user-agent", "").startswith(BROWSERS)


def _is_to_stop(name: str) -> bool:
    match = NAME.fullmatch(name)
    if match is None:
        return False
    found = db.query(Bot.stop_wanted).join(Launch, Launch.id == Bot.launch_id)
    return bool(found.filter(Launch.code == match[1], Bot.id == int(match[2])).scalar())


def _turned_away() -> Response:
    return Response("This bot was told to stop.", status_code=409, headers={STOPPED_HEADER: "1"})


def _overheard(request: Request) -> list[bytes]:
    """What a request sends: filled while its page reads it."""
    receive, sent = request.receive, list[bytes]()

    async def overhear() -> Any:
        message = await receive()
        sent.append(message.get("body", b""))
        return message

    request._receive = overhear
    return sent


def _is_safari(browser: str) -> bool:
    """Whether a browser is built on WebKit, as all of iOS are: these do not tell what a person caused."""
    return "AppleWebKit/" in browser and "Chrome/" not in browser and "Chromium/" not in browser


def _is_by_hand(request: Request, code: str, sent: bytes, is_waiting: bool) -> bool:
    """Whether a person made this request for a page, and not a tab that was left open."""
    headers = request.headers
    if not _is_browser(request):
        return False
    if "sec-fetch-user" in headers:
        return headers["sec-fetch-user"] == "?1"
    if "sec-fetch-mode" in headers and not _is_safari(headers["user-agent"]):
        return False
    if request.method == "POST":
        if TIMED_OUT not in sent:
            return True
        _timed_out[code] = time.monotonic()
        return False
    return not is_waiting and time.monotonic() - _timed_out.get(code, -FOLLOWING_SECONDS) > FOLLOWING_SECONDS
