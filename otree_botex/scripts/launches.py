"""A script's launches in its record: written down, gone on with, looked at."""

from __future__ import annotations

import json
import platform
import re
import secrets
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any
from urllib.parse import urlparse

from .. import __version__
from ..errors import SetupError
from ..parameters import Parameters, stored
from ..record import manifests, tokens
from ..record.memories import as_replayed
from ..record.sqlite import Bot, Database, Launch, Seat, Session
from ..record.tables import Record
from ..records import Launch as LaunchDescription
from ..records import Seat as SeatDescription

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

    Raises SetupError if a link is none, or if a bot has played on one of these seats.
    """
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
            model=asked.model,
            parameters_json=json.dumps({**asdict(asked), "api_base": access.api_base}),
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


def again(database: Database, session_id: str, model: str, access: Access) -> LaunchDescription:
    """What a runner must know to go on with the bots of a session's last launch that have not finished.

    Raises SetupError if there are none, or if they began with another model.
    """
    with database.record() as record:
        launch = record.db.query(Launch).filter_by(session_code=session_id).order_by(Launch.id.desc()).first()
        if launch is None:
            raise SetupError(f"No bots have been started in session {session_id!r}, as far as {database.path} knows.")
        if model and model != launch.model:
            raise SetupError(f"These bots began with {launch.model}; not {model}. Leave out the model.")
        bots = [bot for bot in record.bots_of(launch) if bot.state != "finished"]
        if not bots:
            raise SetupError(f"All bots of session {session_id} have finished; there is nothing to go on with.")
        for bot in bots:
            bot.state, bot.error, bot.cause, bot.stop_wanted, bot.ended_at = "starting", "", "", False, None
        began_at = json.loads(launch.parameters_json)["api_base"]
        access = Access(access.api_key, access.api_base or began_at, access.local)
        return _description(database, launch, bots, stored(launch.parameters_json), access, goes_on=True)


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
    names = ("number", "participant_code", "state", "error", "steps", "calls", "input_tokens", "output_tokens", "cost")
    with database.record() as record:
        found = record.bots_of(of_code(record, launch))
        called = {"number": "seat", "participant_code": "participant", "steps": "pages"}
        return [{called.get(name, name): getattr(bot, name) for name in names} for bot in found]


def summary(database: Database, launch: str) -> str:
    """How a launch gets on, in a line."""
    found = bots(database, launch)
    states = ", ".join(f"{number} {state}" for state, number in Counter(bot["state"] for bot in found).items())
    tokens, cost = sum(bot["input_tokens"] + bot["output_tokens"] for bot in found), sum(bot["cost"] for bot in found)
    pages = sum(bot["pages"] for bot in found)
    return f"{states}; {pages} pages, {tokens} tokens" + (f", ${cost:.4f}" if cost else "")


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
    """Two bots on one participant's link would answer for each other."""
    codes = [found[1] for url in urls if (found := PARTICIPANT.search(url))]
    taken = record.db.query(Bot).filter(Bot.participant_code.in_(codes)).order_by(Bot.number).all()
    if taken:
        seats = ", ".join(f"P{bot.number}" for bot in taken)
        raise SetupError(f"Bots were started before on {seats}. Pass already_started=True to go on with them.")


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


def _description(
    database: Database, launch: Any, bots: Sequence[Any], asked: Parameters, access: Access, goes_on: bool = False
) -> LaunchDescription:
    return LaunchDescription(
        code=launch.code,
        server=launch.server,
        token=tokens.give(bots),
        seats=tuple(SeatDescription(bot.id, bot.participant_code, bot.number, bot.seed, bot.url) for bot in bots),
        **asked.for_runners(),
        api_base=access.api_base,
        api_key=access.api_key,
        local=dict(access.local) if access.local else None,
        cache=f"{database.path}.replies" if asked.cache else "",
        goes_on=goes_on,
    )
