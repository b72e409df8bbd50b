"""Sessions for scripts: made over oTree's REST API, with their seats for bots and for people."""

from __future__ import annotations

import hashlib
import json
import os
import random
from collections.abc import Mapping, Sequence
from typing import Any

from ..errors import ServerError, SetupError
from ..record.sqlite import Database, Seat, Session
from ..records import START_PATH
from ..rest import Rest

SERVER = "http://localhost:8000"
SERVER_ENVIRONMENT = "OTREE_SERVER_URL"


def init_otree_session(
    config_name: str,
    npart: int,
    nhumans: int = 0,
    is_human: Sequence[bool] | None = None,
    room_name: str | None = None,
    botex_db: str | os.PathLike[str] | None = None,
    otree_server_url: str | None = None,
    otree_rest_key: str | None = None,
    modified_session_config_fields: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Makes a session of a running oTree server, which need not have this package, and says who is to sit where.

    `npart` seats, of which `nhumans` are for people: drawn at random, or as `is_human` says of each. The record
    `botex_db` (by default the file that BOTEX_DB names) remembers them for `run_bots_on_session`. The server is by
    default the one that OTREE_SERVER_URL names, its REST key the one in OTREE_REST_KEY.

    Returns a dict: `session_id`, `participant_code` and `is_human` (one entry a seat, in their order), `bot_urls` and
    `human_urls` (start links). Raises SetupError if the numbers do not agree, ServerError if the server does not answer
    or refuses.
    """
    people = _people(npart, nhumans, is_human)
    database = Database(botex_db)
    rest = Rest(otree_server_url or os.environ.get(SERVER_ENVIRONMENT) or SERVER, otree_rest_key)
    wanted: dict[str, Any] = {"session_config_name": config_name, "num_participants": npart}
    if room_name:
        _check_room(rest, room_name)
        wanted["room_name"] = room_name
    if modified_session_config_fields:
        wanted["modified_session_config_fields"] = dict(modified_session_config_fields)
    code = rest.post("/api/sessions", **wanted)["code"]
    session = rest.get(f"/api/sessions/{code}")
    participants = sorted(session["participants"], key=lambda participant: participant["id_in_session"])
    seats = [
        Seat(
            session_code=code,
            number=participant["id_in_session"],
            participant_code=participant["code"],
            url=rest.url + START_PATH.format(participant=participant["code"]),
            is_human=human,
        )
        for participant, human in zip(participants, people, strict=True)
    ]
    facts = _experiment(session.get("config", {}), npart, rest)
    with database.record() as record:
        record.db.add(Session(code=code, server=rest.url, experiment_json=json.dumps(facts, ensure_ascii=False)))
        record.db.add_all(seats)
    return {
        "session_id": code,
        "participant_code": [seat.participant_code for seat in seats],
        "is_human": people,
        "bot_urls": [seat.url for seat in seats if not seat.is_human],
        "human_urls": [seat.url for seat in seats if seat.is_human],
    }


def _people(npart: int, nhumans: int, is_human: Sequence[bool] | None) -> list[bool]:
    """Which seats are for people."""
    if npart < 1 or not 0 <= nhumans <= npart:
        raise SetupError(f"npart must be at least 1 and nhumans from 0 to npart, not {npart} and {nhumans}.")
    if is_human is None:
        chosen = set(random.sample(range(npart), nhumans))
        return [seat in chosen for seat in range(npart)]
    if len(is_human) != npart or (nhumans and sum(is_human) != nhumans):
        raise SetupError(
            f"is_human must have one entry a seat: {npart} in all" + (f", {nhumans} of them true." if nhumans else ".")
        )
    return list(map(bool, is_human))


def _check_room(rest: Rest, name: str) -> None:
    """oTree itself makes the session first, and then fails."""
    known = [room["name"] for room in rest.get("/api/rooms")]
    if name not in known:
        raise ServerError(f"The server has no room “{name}”. Its rooms: {', '.join(known) or 'none'}.")


def _experiment(config: dict[str, Any], npart: int, rest: Rest) -> dict[str, Any]:
    """What a server tells about an experiment; its code is out of reach."""
    text = json.dumps(config, sort_keys=True, ensure_ascii=False)
    return {
        "config": config,
        "config_sha256": hashlib.sha256(text.encode()).hexdigest(),
        "apps": config.get("app_sequence", []),
        "code_sha256": None,
        "participants": npart,
        "otree": rest.get("/api/otree_version")["version"],
    }
