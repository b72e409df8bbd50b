"""A script's launches in its record: written down, gone on with, looked at."""

from __future__ import annotations

import json
import platform
import re
import secrets
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlparse

from sqlalchemy import or_

from .. import __version__
from ..errors import SetupError
from ..parameters import Parameters, parameters
from ..plans import Row
from ..record import manifests, tokens
from ..record.memories import as_replayed
from ..record.rows import as_stored, models_of, rows_of
from ..record.sqlite import Bot, Database, Launch, Seat, Session
from ..record.tables import Record
from ..records import START_PATH
from ..records import Launch as LaunchDescription
from ..records import Seat as SeatDescription
from ..words import cost_of

TOOK = ("input_tokens", "output_tokens", "cost", "unpriced")
PARTICIPANT = re.compile(r"/InitializeParticipant/(\w+)")


@dataclass(frozen=True)
class Access:
    """How to reach a model: none of the key is kept anywhere."""

    api_key: str | None = field(default=None, repr=False)
    api_base: str | None = None
    local: Mapping[str, Any] | None = None


def new(
    database: Database, session_id: str, seats: Sequence[tuple[int, str]], asked: Parameters, access: Access
) -> LaunchDescription:
    """Writes down that bots start on these seats (number, link), and returns what their runner must know.

    Raises SetupError if there is no link, or one that is none, or if a bot has played on one of these seats.
    """
    if not seats:
        raise SetupError("There is no link for a bot to play: bot_urls is empty.")
    for _, url in seats:
        _check(url)
    with database.record() as record:
        if asked.replayed:
            asked = as_replayed(record, asked)
        _refuse_taken(record, [url for _, url in seats])
        session = record.db.query(Session).filter_by(code=session_id).first()
        launch = Launch(
            code=secrets.token_hex(4),
            session_code=session_id,
            server=f"{urlparse(seats[0][1]).scheme}://{urlparse(seats[0][1]).netloc}",
            rows_json=as_stored([Row(asked, api_base=access.api_base)]),
            experiment_json=session.experiment_json if session else "{}",
            versions_json=json.dumps({"otree_botex": __version__, "python": platform.python_version()}),
            runners_json="[]",
            started_by="script",
            started_at=time.time(),
        )
        record.db.add(launch)
        record.db.flush()
        bots = [_bot(launch, number, url, asked) for number, url in seats]
        record.db.add_all(bots)
        record.db.flush()
        return _description(database, launch, bots, asked, access)


def again(
    database: Database, session_id: str, given: Mapping[str, Any], access: Access, url: str = ""
) -> LaunchDescription:
    """What a runner must know to go on with bots of a session that have not finished; or, of all sessions, with the one
    that began on this link.

    Several launches in a session are gone on with one by one, the last one first; if a model is `given`, only those
    that began with it. Raises SetupError if there is none to go on with, or if it has other parameters than are given.
    """
    model = given.get("model")
    with database.record() as record:
        begun = record.db.query(Bot, Launch).filter(Bot.launch_id == Launch.id)
        begun = begun.filter(Bot.url == url) if url else begun.filter(Launch.session_code == session_id)
        pairs = begun.order_by(Bot.id.desc()).all()
        if not pairs:
            where = f"on {url}" if url else f"in session {session_id!r}"
            raise SetupError(f"No bots have been started {where}, as far as {database.path} knows.")
        models = {models_of(launch) for _, launch in pairs}
        if model and model not in models:
            raise SetupError(f"These bots began with {' or '.join(models)}; not with {model}. Leave out the model.")
        launch, bots = _unfinished([pair for pair in pairs if not model or model == models_of(pair[1])])
        if not bots:
            raise SetupError("All these bots have finished; there is nothing to go on with.")
        (row,) = rows_of(launch)
        asked = row.parameters
        _refuse_changes(asked, given)
        for bot in bots:
            bot.state, bot.error, bot.cause, bot.stop_wanted, bot.ended_at = "starting", "", "", False, None
        access = Access(access.api_key, access.api_base or row.api_base, access.local)
        return _description(database, launch, bots, asked, access, goes_on=True)


def _unfinished(begun: Sequence[tuple[Any, Any]]) -> tuple[Any, list[Any]]:
    """Of bots with their launches, the last first: the last launch that has some to go on with, and these by seat. A
    bot whose participant was given to another one later is not among them."""
    last, found, seen = None, [], set()
    for bot, launch in begun:
        if bot.state != "finished" and bot.participant_code not in seen and last in (None, launch):
            last = launch
            found.append(bot)
        seen |= {bot.participant_code} - {""}
    return last, sorted(found, key=lambda bot: bot.number)


def seats_for_bots(database: Database, session_id: str) -> list[tuple[int, str]]:
    """Number and link of the seats that are not for people. Raises SetupError if the session is not known."""
    with database.record() as record:
        seats = record.db.query(Seat).filter_by(session_code=session_id).order_by(Seat.number).all()
    if not seats:
        raise SetupError(
            f"{database.path} knows no session {session_id!r}. Make it with init_otree_session, or pass bot_urls."
        )
    found = [(seat.number, seat.url) for seat in seats if not seat.is_human]
    if not found:
        raise SetupError(f"All seats of session {session_id} are for people.")
    return found


def bots(database: Database, launch: str) -> list[dict[str, Any]]:
    """What each bot of a launch is doing or did."""
    names = ("number", "participant_code", "state", "cause", "error", "steps", "calls", *TOOK)
    with database.record() as record:
        found = record.bots_of(of_code(record, launch))
        called = {"number": "seat", "participant_code": "participant", "steps": "pages"}
        return [{called.get(name, name): getattr(bot, name) for name in names} for bot in found]


def numbered(database: Database, session_id: str, urls: Sequence[str]) -> list[tuple[int, str]]:
    """Number and link of seats by their links; in a session that is not known, they are numbered as they come."""
    codes = [found[1] if (found := PARTICIPANT.search(url)) else "" for url in urls]
    with database.record() as record:
        known = {
            seat.participant_code: seat.number for seat in record.db.query(Seat).filter_by(session_code=session_id)
        }
    numbers = [known[code] for code in codes] if known.keys() >= set(codes) else range(1, len(urls) + 1)
    return list(zip(numbers, urls, strict=True))


def failures(database: Database, launch: str) -> list[str]:
    """Why bots of a launch failed, in a line for each reason."""
    seats: dict[str, list[str]] = {}
    for bot in bots(database, launch):
        if bot["state"] == "failed":
            seats.setdefault(bot["error"], []).append(f"P{bot['seat']}")
    return [f"{', '.join(names)} failed: {error}" for error, names in seats.items()]


def summary(database: Database, launch: str) -> str:
    """How a launch gets on, in a line."""
    found = bots(database, launch)
    states = ", ".join(f"{number} {state}" for state, number in Counter(bot["state"] for bot in found).items())
    tokens, pages = sum(bot["input_tokens"] + bot["output_tokens"] for bot in found), sum(bot["pages"] for bot in found)
    return f"{states}; {pages} pages, {tokens} tokens" + cost_of(found)


def manifest(database: Database, launch: str) -> dict[str, Any]:
    """The manifest of a launch. Raises SetupError if there is no such launch."""
    with database.record() as record:
        return manifests.manifest(record, of_code(record, launch), humans=_humans(record, launch))


def of_code(record: Record, code: str) -> Any:
    """The launch of this code. Raises SetupError if there is none."""
    launch = record.db.query(Launch).filter_by(code=code).first()
    if launch is None:
        raise SetupError(f"There is no launch {code!r} in this record.")
    return launch


def _humans(record: Record, launch: str) -> int:
    session = of_code(record, launch).session_code
    return int(record.db.query(Seat).filter_by(session_code=session, is_human=True).count())


def _check(url: str) -> None:
    address = urlparse(url)
    if address.scheme not in ("http", "https") or not address.netloc:
        raise SetupError(f"“{url}” is no link of a participant. It looks like http://…/InitializeParticipant/….")


def _refuse_taken(record: Record, urls: Sequence[str]) -> None:
    """Two bots on one participant's link would answer for each other. One that never began is in nobody's way."""
    codes = [found[1] for url in urls if (found := PARTICIPANT.search(url))]
    if len(set(codes)) < len(codes):
        raise SetupError("A participant's link stands twice in bot_urls: each is for one bot.")
    begun = or_(Bot.state != "failed", Bot.cause != "setup", Bot.steps > 0)
    taken = record.db.query(Bot).filter(Bot.participant_code.in_(codes), begun).order_by(Bot.number).all()
    if taken:
        seats = ", ".join(f"P{bot.number}" for bot in taken)
        raise SetupError(f"Bots were started before on {seats}. Pass already_started=True to go on with them.")


def _refuse_changes(began: Parameters, given: Mapping[str, Any]) -> None:
    """One conversation is held with one set of parameters."""
    now = parameters({**given, "model": began.model})
    for name, value in given.items():
        if value not in (None, "") and getattr(now, name) != getattr(began, name):
            raise SetupError(f"These bots began with {name} {getattr(began, name)}, not {value}. Leave it out.")


def _bot(launch: Any, number: int, url: str, asked: Parameters) -> Any:
    found, now = PARTICIPANT.search(url), time.time()
    return Bot(
        launch_id=launch.id,
        participant_code=found[1] if found else "",
        number=number,
        url=url,
        seed=asked.seed_of(number),
        state="starting",
        started_at=now,
        heard_at=now,
    )


def _seat(launch: Any, bot: Any) -> SeatDescription:
    url = bot.url
    if bot.participant_code and not PARTICIPANT.search(url):
        # through a link for everybody, a bot that goes on would come in as another participant
        url = launch.server + START_PATH.format(participant=bot.participant_code)
    return SeatDescription(bot.id, bot.participant_code, bot.number, bot.seed, url)


def _description(
    database: Database, launch: Any, bots: Sequence[Any], asked: Parameters, access: Access, goes_on: bool = False
) -> LaunchDescription:
    return LaunchDescription(
        code=launch.code,
        server=launch.server,
        token=tokens.give(bots),
        seats=tuple(_seat(launch, bot) for bot in bots),
        **asked.for_runners(),
        api_base=access.api_base,
        api_key=access.api_key,
        local=dict(access.local) if access.local else None,
        cache=f"{database.path}.replies" if asked.cache else "",
        goes_on=goes_on,
    )
