"""What happens on pages in a browser, from the journal into tables, exports, archive and manifest."""

from __future__ import annotations

import io
import json
import sqlite3
import zipfile

import pytest

from otree_botex import (
    read_events_from_botex_db,
    read_manifest_from_botex_db,
    read_participants_from_botex_db,
    read_responses_from_botex_db,
)
from otree_botex.errors import SetupError
from otree_botex.parameters import parameters
from otree_botex.record import archive, exports, manifests, methods
from otree_botex.record.memories import memory
from otree_botex.record.sqlite import Bot, Database, Launch
from otree_botex.scripts import launches

from .journal import acts, control, decision, event, left, page, play, played

ASKED = parameters({"model": "m", "hosts": "cdn.example.org", "page_calls": 2})


@pytest.fixture
def db(tmp_path):
    return tmp_path / "bots.sqlite3"


def test_events_are_kept_in_order_and_in_full(db):
    play(db, ASKED, played(), batch=7)
    events = read_events_from_botex_db("session1", db)
    given = [record for record in played() if record["kind"] == "event"]
    assert [(one["step"], one["what"], one["data"]) for one in events] == [
        (one["step"], one["what"], one["data"]) for one in given
    ]
    assert len(events) > 300 and {one["participant"] for one in events} == {"abcdefgh"}
    assert events[0]["at_utc"].startswith("2023-11-14T") and events[0]["data"]["reason"] == "Too dear."
    assert read_events_from_botex_db("another", db) == []


def test_a_batch_that_is_sent_twice_is_taken_once(db):
    play(db, ASKED, played(), times=2)
    assert len(read_events_from_botex_db(botex_db=db)) == sum(record["kind"] == "event" for record in played())


def test_what_a_bot_decided_is_what_the_page_posted(db):
    play(db, ASKED, played())
    rows = read_responses_from_botex_db(botex_db=db)
    assert [(row["page"], row["driver"], row["untouched"], row["field"], row["answer"]) for row in rows] == [
        ("Before", "http", False, "age", 30),
        ("Auction", "browser", False, "seconds_on_page", "12"),
        ("Auction", "browser", False, "deals", "1"),
        ("Auction", "browser", False, "remark", "None."),
        ("Ranking", "browser", True, "order", ""),
        ("End", "http", False, "", None),
    ]
    assert [row["label"] for row in rows][:2] == ["Your age", ""]


def test_a_live_page_that_posts_nothing_has_one_row(db):
    play(db, ASKED, [page(1, "Auction", 1, played_fields()), left(1, "timed out")])
    (row,) = read_responses_from_botex_db(botex_db=db)
    assert (row["field"], row["answer"], row["driver"], row["outcome"]) == ("", None, "browser", "timed out")


def played_fields():
    return next(record for record in played() if record.get("name") == "Auction")["fields"]


def test_controls_give_their_names_to_what_they_alone_stand_for(db):
    fields = [control(1, "Your bid", name="bid"), control(2, "Yes", name="sure"), control(3, "No", name="sure")]
    answers = {"bid": "5", "sure": "1", "order": "2,1"}
    play(db, ASKED, [page(1, "Auction", 1, fields), decision(1, answers), left(1)])
    rows = read_responses_from_botex_db(botex_db=db)
    assert [(row["field"], row["label"], row["answer"]) for row in rows] == [
        ("bid", "Your bid", "5"),
        ("sure", "", "1"),
        ("order", "", "2,1"),
    ]


def test_controls_that_came_later_are_kept_with_those_that_were_there(db):
    """Also where they come in another batch than their page."""
    later = [control(2, "Your bid", name="bid"), control(7, "Why", name="why")]
    records = [page(1, "Auction", 1, [control(1, "Your bid", name="bid")])]
    records += [{"kind": "controls", "step": 1, "fields": [one]} for one in later]
    play(db, ASKED, [*records, decision(1, {"bid": "5", "why": "So."}), left(1)], batch=1, times=2)
    with sqlite3.connect(db) as database:
        ((fields,),) = database.execute("SELECT fields_json FROM otree_botex_step")
    assert [field["key"] for field in json.loads(fields)] == ["[1]", "[2]", "[7]"]
    rows = read_responses_from_botex_db(botex_db=db)
    assert [(row["field"], row["label"], row["answer"]) for row in rows] == [
        ("bid", "Your bid", "5"),
        ("why", "Why", "So."),
    ]


def test_a_plain_form_in_a_browser_keeps_its_labels(db):
    field = next(played())["fields"][0]
    play(db, ASKED, [page(1, "Before", 1, [field]), decision(1, {"age": 30}), left(1)])
    (row,) = read_responses_from_botex_db(botex_db=db)
    assert (row["field"], row["label"], row["answer"], row["driver"]) == ("age", "Your age", 30, "browser")


def test_the_last_reason_is_that_of_the_last_actions(db):
    play(db, ASKED, [page(1, "Auction", 1), *acts(1, 1, "I wait.", {"do": "wait", "seconds": 5})])
    with Database(db).record() as record:
        (bot,) = record.db.query(Bot)
        assert bot.reason == "I wait."
        found = memory(record, bot)
        assert (found.page, found.answers) == (1, None)  # it goes on there, and has decided nothing yet


def test_a_bot_that_goes_on_remembers_what_it_said_on_a_live_page(db):
    said = [
        {"kind": "message", "step": 1, "number": 1, "role": "user", "content": "A page."},
        {"kind": "request", "step": 1, "number": 2, "purpose": "act", "sent": [1], "schema": {}, "seed": None},
        {"kind": "reply", "step": 1, "number": 2, "content": "I bid."},
    ]
    play(db, ASKED, [page(1, "Auction", 1), *said, decision(1, {}), left(1), page(2, "Ranking", 2)])
    with Database(db).record() as record:
        (bot,) = record.db.query(Bot)
        assert [one["content"] for one in memory(record, bot).memory] == ["A page.", "I bid."]


def test_a_bot_that_goes_on_is_told_what_it_read_since_its_last_decision(db):
    def asked(step, number, reply):
        yield {"kind": "message", "step": step, "number": number, "role": "user", "content": f"Page {step}."}
        request = {"purpose": "decision", "sent": list(range(1, number + 1)), "schema": {}, "seed": None}
        yield {"kind": "request", "step": step, "number": number + 1, **request}
        yield {"kind": "reply", "step": step, "number": number + 1, "content": reply}

    decided = [page(1, "Before", 1), *asked(1, 1, "30."), decision(1, {"age": 30}), left(1)]
    too_late = [page(3, "Ranking", 3), *asked(3, 3, "Apples."), left(3, "timed out")]
    play(db, ASKED, [*decided, page(2, "Rules", 2), left(2, "read"), *too_late, page(4, "After", 4)])
    with Database(db).record() as record:
        (bot,) = record.db.query(Bot)
        found = memory(record, bot)
    assert [one["content"] for one in found.memory] == ["Page 1.", "30."]
    assert found.unread == "The page Rules.\n\n---\n\nThe page Ranking."
    assert (found.step, found.page, found.text, found.answers) == (4, 4, "The page After.", None)


def test_the_manifest_counts_them(db):
    code = play(db, ASKED, played())
    manifest = read_manifest_from_botex_db(code, db)
    (seat,) = manifest["seats"]
    assert (seat["pages"], seat["in_browser"], seat["untouched"]) == (4, 2, 1)
    asked = {"driver": "auto", "hosts": ["cdn.example.org"], "page_calls": 2, "page_actions": 200}
    assert {name: manifest["rows"][0]["parameters"][name] for name in asked} == asked
    text = methods.markdown(manifest)
    assert "2 pages were opened in a browser (Chromium)" in text
    assert "1 page in a browser was left without any of its controls having been touched" in text
    assert '\\["cdn.example.org"\\]' in text or '["cdn.example.org"]' in text


def test_a_limit_is_a_fate_of_its_own(db):
    why = "The limit of 2 calls on market/Auction was reached."
    failed = {"kind": "state", "state": "failed", "error": why, "cause": "limit"}
    code = play(db, ASKED, [page(1, "Auction", 1), event(1, "limit", which="calls", of=2), failed])
    assert read_participants_from_botex_db(botex_db=db)[0]["cause"] == "limit"
    manifest = read_manifest_from_botex_db(code, db)
    assert manifest["attrition"][0]["fates"] == {"limit": 1}
    assert "1 failed (a limit of what a bot may do on one page was reached)" in methods.markdown(manifest)


def test_a_bot_whose_process_is_gone_has_ended(db):
    play(db, ASKED, [page(1, "Auction", 1)])
    with Database(db).record() as record:
        launch, bot = record.db.query(Launch).one(), record.db.query(Bot).one()
        plays = manifests.manifest(record, launch)
        gone = manifests.manifest(record, launch, now=lambda _: ("failed", "gone"))
        assert plays["ended_utc"] is None and gone["ended_utc"] == exports.utc(bot.heard_at)
    assert "had not all ended" in methods.markdown(plays)
    text = methods.markdown(gone)
    assert "had not all ended" not in text and "1 failed (the process ended without a word)" in text


def test_the_archive_has_them_as_lines_of_json(db):
    code = play(db, ASKED, played())
    manifest = read_manifest_from_botex_db(code, db)
    with Database(db).record() as record:
        for _ in archive.write(zipped := io.BytesIO(), record, code, manifest):
            pass
    with zipfile.ZipFile(zipped) as file:
        lines = file.read(f"launch_{code}/events.jsonl").decode().splitlines()
    assert [json.loads(line) for line in lines] == read_events_from_botex_db(botex_db=db)


def test_a_replay_is_driven_as_it_was(db):
    code = play(db, ASKED, played())
    database = Database(db)
    link = "http://x/InitializeParticipant/other123"
    replay = parameters({"model": f"replay:{code}", "driver": "http", "browsers": 2})
    again = launches.new(database, "session2", [(1, link)], replay, launches.Access())
    assert (again.driver, again.hosts, again.page_calls, again.browsers) == ("auto", ("cdn.example.org",), 2, 2)


def test_a_record_of_an_older_version_is_refused_in_words(db):
    connection = sqlite3.connect(db)
    connection.execute("create table otree_botex_launch (id integer primary key)")
    connection.execute("pragma user_version = 1")
    connection.commit()
    connection.close()
    with pytest.raises(SetupError, match="not a record of this version"):
        Database(db)
