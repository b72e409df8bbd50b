"""oTree's own data: exported from a server, taken apart into tables, and nothing lost on the way."""

from __future__ import annotations

import csv
import io

import pytest

from otree_botex.errors import ServerError, SetupError
from otree_botex.scripts.otree_data import export_otree_data, normalize_otree_data

from ..servers import free_port

SECRETS = {"OTREE_AUTH_LEVEL": "STUDY", "OTREE_REST_KEY": "correct horse", "OTREE_ADMIN_PASSWORD": "battery staple"}
KEYS = {"session_code", "participant_code", "round", "group_id"}

SMALL = """\
participant.code,participant.label,session.code,session.config.name,\
one.1.player.id_in_group,one.1.player.round,one.1.player.text,one.1.group.id_in_subsession,one.1.group.total,\
one.1.subsession.round_number,one.2.player.id_in_group,one.2.player.round,one.2.player.text,\
one.2.group.id_in_subsession,one.2.group.total,one.2.subsession.round_number
p1,,s1,first,1,third,"a ""quoted"", text",1,5.0,1,2,fourth,,1,6.0,2
p2,Ä,s1,first,2,third,=1+1,1,5.0,1,1,fourth, ,1,6.0,2
p3,,s2,second,,,,,,,,,,,,
"""


def read(file):
    return list(csv.DictReader(io.StringIO(file.read_bytes().decode("utf-8"), newline="")))


def rebuilt(tables, columns):
    """The rows of a wide file with these columns, from its tables alone."""
    sessions = {row["session_code"]: row for row in tables["session"]}
    return [_wide(tables, sessions[person["session_code"]], person, columns) for person in tables["participant"]]


def _wide(tables, session, person, columns):
    def value(column):
        top, _, name = column.partition(".")
        if top == "session":
            return session["session_code" if name == "code" else name]
        if top == "participant":
            return person["participant_code" if name == "code" else name]
        round_number, level, field = name.split(".", 2)
        mine = {**session, **person, "round": round_number}
        player = _row(tables[f"{top}_player"], mine, "participant_code", "round")
        row = {
            "player": player,
            "group": _row(tables[f"{top}_group"], {**mine, **player}, "session_code", "round", "group_id"),
            "subsession": _row(tables[f"{top}_subsession"], mine, "session_code", "round"),
        }[level]
        if (level, field) == ("group", "id_in_subsession"):
            field = "group_id"
        elif field in KEYS:
            field = f"{level}.{field}"
        return row.get(field, "")

    return {column: value(column) for column in columns}


def _row(table, wanted, *keys):
    found = [row for row in table if all(row[key] == wanted.get(key) for key in keys)]
    assert len(found) <= 1
    return found[0] if found else {}


@pytest.fixture
def small(tmp_path):
    file = tmp_path / "small.csv"
    file.write_text(SMALL, "utf-8", newline="")
    return file


@pytest.mark.server
@pytest.mark.parametrize("otree", ["6", "5"])
def test_no_value_of_a_real_export_gets_lost(start_server, tmp_path, monkeypatch, otree):
    server = start_server(otree)
    played = {
        server.play("all_individual", 2): 2,
        server.play("public_goods", 3): 3,
        server.play("guess_two_thirds", 6): 6,
    }
    monkeypatch.setenv("OTREE_SERVER_URL", f"{server.url}/")
    file = tmp_path / "wide.csv"
    export_otree_data(file)
    rows = read(file)
    assert {row["session.code"] for row in rows} == set(played) and len(rows) == 11
    tables = normalize_otree_data(file)
    assert rebuilt(tables, rows[0]) == rows
    assert {"lottery_player", "survey_player", "public_goods_group", "otree_botex_player"} <= set(tables)
    # a row for each that there is, and no more
    assert [len(tables[name]) for name in ("session", "participant", "lottery_player")] == [3, 11, 4]
    assert [len(tables[f"guess_two_thirds_{level}"]) for level in ("subsession", "group", "player")] == [3, 6, 18]
    assert {row["group_id"] for row in tables["guess_two_thirds_group"]} == {"1", "2"}
    for session, participants in played.items():
        export_otree_data(file, session_id=session)
        assert read(file) == server.wide(session) and len(read(file)) == participants


@pytest.mark.server
@pytest.mark.parametrize("otree", ["6", "5"])
def test_a_server_with_an_auth_level_gives_data_only_to_who_may_have_it(start_server, tmp_path, monkeypatch, otree):
    server, file = start_server(otree, environment=SECRETS), tmp_path / "wide.csv"
    with pytest.raises(ServerError, match="OTREE_REST_KEY"):
        export_otree_data(file, server.url, rest_key="wrong")
    session = server.session("quiz", 2)
    monkeypatch.setenv("OTREE_REST_KEY", SECRETS["OTREE_REST_KEY"])
    if otree == "5":
        with pytest.raises(SetupError, match="OTREE_ADMIN_PASSWORD"):
            export_otree_data(file, server.url)
        with pytest.raises(ServerError, match="does not let “admin” in"):
            export_otree_data(file, server.url, admin_password="wrong")
        assert not file.exists()
        monkeypatch.setenv("OTREE_ADMIN_PASSWORD", SECRETS["OTREE_ADMIN_PASSWORD"])
    export_otree_data(file, server.url)
    assert [row["session.code"] for row in read(file)] == [session] * 2


@pytest.mark.server
@pytest.mark.parametrize("otree", ["6", "5"])
def test_what_cannot_be_exported_is_told(start_server, tmp_path, otree):
    server, file = start_server(otree), tmp_path / "wide.csv"
    with pytest.raises(ServerError, match="no session"):
        export_otree_data(file, server.url)
    server.session("quiz", 1)
    with pytest.raises(ServerError, match="Not found"):
        export_otree_data(file, server.url, session_id="nosuch")
    assert not file.exists()


def test_there_must_be_a_server(tmp_path):
    with pytest.raises(SetupError, match="OTREE_SERVER_URL"):
        export_otree_data(tmp_path / "wide.csv")
    with pytest.raises(ServerError, match="No oTree server answers"):
        export_otree_data(tmp_path / "wide.csv", f"http://127.0.0.1:{free_port()}")


def test_each_level_has_a_table_with_its_keys(small):
    tables = normalize_otree_data(small)
    assert rebuilt(tables, read(small)[0]) == read(small)
    assert tables["session"] == [
        {"session_code": "s1", "config.name": "first"},
        {"session_code": "s2", "config.name": "second"},
    ]
    assert tables["participant"][1] == {"participant_code": "p2", "session_code": "s1", "label": "Ä"}
    assert tables["one_subsession"] == [
        {"session_code": "s1", "round": "1", "round_number": "1"},
        {"session_code": "s1", "round": "2", "round_number": "2"},
    ]
    assert tables["one_group"] == [
        {"session_code": "s1", "round": "1", "group_id": "1", "total": "5.0"},
        {"session_code": "s1", "round": "2", "group_id": "1", "total": "6.0"},
    ]
    keys = {"participant_code": "p1", "session_code": "s1", "round": "1", "group_id": "1"}
    own = {"id_in_group": "1", "player.round": "third", "text": 'a "quoted", text'}
    assert tables["one_player"][0] == {**keys, **own} and len(tables["one_player"]) == 4


def test_tables_are_stored_as_they_are(small, tmp_path):
    tables = normalize_otree_data(small, store_as_csv=True, data_exp_path=tmp_path / "new" / "data", exp_prefix="x")
    files = {file.name: read(file) for file in (tmp_path / "new" / "data").iterdir()}
    assert files == {f"x_{name}.csv": rows for name, rows in tables.items()}
    normalize_otree_data(small, store_as_csv=True, data_exp_path=tmp_path)
    assert read(tmp_path / "one_player.csv") == tables["one_player"]
    assert not (tmp_path / "one_player.csv").read_bytes().startswith(b"\xef\xbb\xbf")


def test_columns_can_be_chosen_and_renamed(small):
    chosen = {"participant": {"code": "participant_code", "label": "id"}, "one": {"text": "said", "total": "sum"}}
    tables = normalize_otree_data(small, chosen)
    assert tables["participant"][1] == {"participant_code": "p2", "session_code": "s1", "id": "Ä"}
    assert set(tables["one_player"][0]) == {*KEYS, "said"}
    assert set(tables["one_group"][0]) == {"session_code", "round", "group_id", "sum"}
    assert set(tables["one_subsession"][0]) == {"session_code", "round"}
    assert tables["session"][0]["config.name"] == "first"  # as ever
    with pytest.raises(SetupError, match="not in the file: one.texts, two"):
        normalize_otree_data(small, {"one": {"texts": "said"}, "two": {}})


@pytest.mark.parametrize(
    "text, said",
    [
        ("", "lacks session.code or participant.code"),
        ("participant.code,session.code,player.payoff\n", "a column “player.payoff”"),
        ("participant.code,session.code\np1,s1\np2\n", "damaged"),
        ("participant.code,session.code,session.label\np1,s1,x\np2,s1,y\n", "two rows .* session"),
        ("\udcff", "no CSV file in UTF-8"),
    ],
)
def test_what_is_no_wide_file_is_told(tmp_path, text, said):
    file = tmp_path / "wide.csv"
    file.write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(SetupError, match=said):
        normalize_otree_data(file)


def test_a_file_for_excel_and_long_texts_are_read(small, tmp_path):
    file = tmp_path / "excel.csv"
    file.write_text("\ufeff" + SMALL.replace("=1+1", "x" * 1_000_000), "utf-8", newline="")
    assert len(normalize_otree_data(file)["one_player"][1]["text"]) == 1_000_000
    with pytest.raises(SetupError, match="No such file"):
        normalize_otree_data(tmp_path / "nothing.csv")
