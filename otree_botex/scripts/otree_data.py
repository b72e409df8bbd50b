"""The data that oTree itself collected: fetched from a server, and taken apart into one table per level."""

from __future__ import annotations

import csv
import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from urllib.parse import urlparse

import requests
from websocket import WebSocketException, create_connection

from ..errors import ServerError, SetupError
from ..rest import REST_KEY, Rest
from .env_file import needed
from .otree_server import ADMIN_PASSWORD, SERVER_URL

Row = dict[str, str]
Table = list[Row]

COLUMN = re.compile(
    r"(?P<app>[^.]+)\.(?P<round>\d+)\.(?P<level>subsession|group|player)\.(?P<field>.+)"
    r"|(?P<top>session|participant)\.(?P<name>.+)"
)
KEYS = {
    "session": ("session_code",),
    "participant": ("participant_code", "session_code"),
    "subsession": ("session_code", "round"),
    "group": ("session_code", "round", "group_id"),
    "player": ("participant_code", "session_code", "round", "group_id"),
}
"""The keys of each level's table."""
KEY_OF = {("session", "code"): "session_code", ("participant", "code"): "participant_code"}
KEY_OF["group", "id_in_subsession"] = "group_id"
"""The columns of a wide file that are keys."""

csv.field_size_limit(2**31 - 1)  # what people and models write may be long


@dataclass(frozen=True)
class Block:
    """Columns of a wide file that stand for one level; of an app, in one round."""

    level: str
    app: str = ""
    round: str = ""

    @property
    def table(self) -> str:
        return f"{self.app}_{self.level}" if self.app else self.level


def export_otree_data(
    csv_file: str | Path,
    server_url: str | None = None,
    admin_name: str = "admin",
    admin_password: str | None = None,
    time_out: float = 60,
    *,
    rest_key: str | None = None,
    session_id: str | None = None,
) -> None:
    """Writes a server's data to a CSV file, a row a participant, as oTree's own “All apps (wide format)” has it.

    The server is that of OTREE_SERVER_URL unless it is named, its key that of OTREE_REST_KEY. With `session_id`, only
    that session. oTree 5 gives data to its admin only: there it takes the admin's name and password too (else
    OTREE_ADMIN_PASSWORD), if the server has an auth level.

    Raises SetupError if an address or a password is missing, ServerError if the server refuses or has no data.
    """
    server = needed(SERVER_URL, server_url, "The oTree server's address").rstrip("/")
    key = rest_key or os.environ.get(REST_KEY)
    with requests.Session() as http:
        # no proxy stands between a machine and itself
        http.trust_env = urlparse(server).hostname not in ("127.0.0.1", "localhost", "::1")
        try:
            # first, since for a session that is not there the data are but an error 500
            Rest(server, key).get(f"/api/sessions/{session_id}" if session_id else "/api/sessions")
            text = _by_rest(http, server, key, session_id, time_out)
            if text is None:
                password = admin_password or os.environ.get(ADMIN_PASSWORD)
                text = _by_admin(http, server, admin_name, password, time_out)
        except (requests.RequestException, WebSocketException, OSError) as error:
            raise ServerError(f"The server at {server} did not give its data ({type(error).__name__}).") from None
    if not text.strip():
        raise ServerError(f"The server at {server} has no data yet: there is no session on it.")
    text = _only(text, session_id) if session_id else text
    Path(csv_file).write_text(text, "utf-8", newline="")


def _by_rest(http: requests.Session, server: str, key: str | None, session: str | None, seconds: float) -> str | None:
    """The data as the REST API has it; None if it does not, as before oTree 6."""
    response = http.get(
        f"{server}/api/export_wide",
        params={"session_code": session} if session else {},
        headers={"otree-rest-key": key} if key else {},
        timeout=seconds,
    )
    if response.status_code == 404:
        return None
    if not response.ok:
        raise ServerError(f"The server at {server} fails to export its data, with {response.status_code}: see its log.")
    return response.content.decode("utf-8-sig")


def _by_admin(http: requests.Session, server: str, name: str, password: str | None, seconds: float) -> str:
    """The data as the admin's page of oTree 5 downloads it: over a websocket, all sessions in one."""
    page = http.get(f"{server}/export", timeout=seconds)
    if page.url.endswith("/login"):
        if not password:
            raise SetupError(
                f"This oTree gives data to its admin only: pass admin_password, or set {ADMIN_PASSWORD} "
                "in the environment or in a .env file."
            )
        token = re.search(r'name="csrftoken" value="(\d+)"', page.text)
        form = {"username": name, "password": password, "csrftoken": token[1] if token else ""}
        page = http.post(page.url, data=form, timeout=seconds)
        if page.url.endswith("/login"):
            raise ServerError(f"The server at {server} does not let “{name}” in with this password.")
    cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in http.cookies)
    socket = create_connection(f"ws{server.removeprefix('http')}/export", timeout=seconds, cookie=cookies)
    try:
        socket.send(json.dumps({}))
        answer = json.loads(socket.recv())
    finally:
        socket.close()
    if "data" not in answer:
        raise ServerError(f"The server at {server} fails to export its data: see its log.")
    return str(answer["data"])


def _only(text: str, session: str) -> str:
    """The rows of one session."""
    header, *rows = csv.reader(StringIO(text, newline=""))
    column = header.index("session.code")
    kept = StringIO(newline="")
    csv.writer(kept).writerows([header, *(row for row in rows if row[column] == session)])
    return kept.getvalue()


def normalize_otree_data(
    otree_csv_file: str | Path,
    var_dict: Mapping[str, Mapping[str, str]] | None = None,
    store_as_csv: bool = False,
    data_exp_path: str | Path = ".",
    exp_prefix: str = "",
) -> dict[str, Table]:
    """Takes a wide file of oTree apart into tables, each a list of rows; pandas.DataFrame(table) makes a frame of one.

    The tables and their keys, by which they can be joined:

        session              session_code
        participant          participant_code, session_code
        <app>_subsession     session_code, round
        <app>_group          session_code, round, group_id (its number in the subsession)
        <app>_player         participant_code, session_code, round, group_id

    Their other columns are named as oTree names them; one that has the name of a key has its level before it, like
    `player.round`. Values are the texts of the file, and none gets lost. A session has no rows in the tables of an app
    that it did not play.

    `var_dict` may choose and rename columns: {"participant": {"label": "id"}, "public_goods": {"contribution": "c"}}
    leaves only these of the participant's table and of that app's three, beside the keys. With `store_as_csv` each
    table is also written to `<data_exp_path>/<exp_prefix>_<table>.csv`.

    Raises SetupError if the file cannot be read or is no wide file of oTree.
    """
    blocks, rows = _read(Path(otree_csv_file))
    names = _names(blocks, var_dict)
    tables: dict[str, dict[tuple[str, ...], Row]] = {}
    for block, columns in blocks.items():
        table = tables.setdefault(block.table, {})
        for row in rows:
            cells = {field: row[number] for field, number in columns.items()}
            if block.app and not any(cells.values()):  # another session's app
                continue
            keys = _keys(block, blocks, row)
            chosen = {names[block.table][field]: text for field, text in cells.items() if field in names[block.table]}
            entry = {**keys, **chosen, **keys}
            if table.setdefault(tuple(keys.values()), entry) != entry:
                raise SetupError(f"{otree_csv_file}: two rows have different values for one {block.level}: {keys}.")
    done = {name: list(table.values()) for name, table in tables.items()}
    if store_as_csv:
        _store(done, Path(data_exp_path), f"{exp_prefix}_" if exp_prefix else "")
    return done


def _read(file: Path) -> tuple[dict[Block, dict[str, int]], list[list[str]]]:
    """The columns of each block, by their fields, and the rows of a wide file."""
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            header, *rows = [row for row in csv.reader(lines) if row] or [[]]
    except OSError as error:
        raise SetupError(f"{file} cannot be read: {error.strerror}.") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise SetupError(f"{file} is no CSV file in UTF-8: {error}.") from None
    blocks: dict[Block, dict[str, int]] = {}
    for number, column in enumerate(header):
        match = COLUMN.fullmatch(column)
        if match is None:
            raise SetupError(f"{file} is no wide file of oTree (“All apps”): it has a column “{column}”.")
        block = Block(match["top"]) if match["top"] else Block(match["level"], match["app"], match["round"])
        blocks.setdefault(block, {})[match["name"] or match["field"]] = number
    if not all("code" in blocks.get(Block(level), {}) for level in ("session", "participant")):
        raise SetupError(f"{file} is no wide file of oTree (“All apps”): it lacks session.code or participant.code.")
    if any(len(row) != len(header) for row in rows):
        raise SetupError(f"{file} is damaged: not all of its rows have as many cells as its first.")
    return blocks, rows


def _keys(block: Block, blocks: Mapping[Block, Mapping[str, int]], row: Sequence[str]) -> Row:
    groups = blocks.get(Block("group", block.app, block.round), {})
    values = {
        "session_code": row[blocks[Block("session")]["code"]],
        "participant_code": row[blocks[Block("participant")]["code"]],
        "round": block.round,
        "group_id": row[groups["id_in_subsession"]] if groups else "",
    }
    return {name: values[name] for name in KEYS[block.level]}


def _names(
    blocks: Mapping[Block, Mapping[str, int]], var_dict: Mapping[str, Mapping[str, str]] | None
) -> dict[str, dict[str, str]]:
    """What each table's columns are called: {table: {field: name}}; fields that are not in it are left out."""
    names: dict[str, dict[str, str]] = {}
    unknown = {(table, field) for table, fields in (var_dict or {}).items() for field in fields or {"": ""}}
    for block, fields in blocks.items():
        chosen = (var_dict or {}).get(block.app or block.level)
        if chosen is None:
            names[block.table] = {field: _name(block.level, field) for field in fields}
        else:
            names[block.table] = {field: chosen[field] for field in fields if field in chosen}
            unknown -= {(block.app or block.level, field) for field in (*fields, "")}
    if unknown:
        listed = ", ".join(sorted(f"{table}.{field}".rstrip(".") for table, field in unknown))
        raise SetupError(f"var_dict names what is not in the file: {listed}.")
    return names


def _name(level: str, field: str) -> str:
    return KEY_OF.get((level, field)) or (f"{level}.{field}" if field in KEYS[level] else field)


def _store(tables: Mapping[str, Table], folder: Path, prefix: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in tables.items():
        with (folder / f"{prefix}{name}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]) if rows else [])
            writer.writeheader()
            writer.writerows(rows)
