"""Transcripts and personas in a launch's archive, read in a few queries however long they are."""

from __future__ import annotations

import csv
import io
import json
import zipfile

import pytest
from sqlalchemy import event as listen

from otree_botex import read_manifest_from_botex_db
from otree_botex.parameters import parameters
from otree_botex.record import archive
from otree_botex.record.sqlite import Database
from otree_botex.record.transcripts import Place, place_of, played
from otree_botex.scripts import launches

from ..hostile import HOSTILE, harmless_csv
from .journal import FIELD, decision, event, left, page, play
from .journal import played as plays

ASKED = parameters({"model": "random"})


def spoken(text):
    """One page on which everything is this text."""
    field = {**FIELD, "label": text, "options": [text]}
    yield page(1, "Talk", 1, [field], "http", text=text, title=text)
    yield {"kind": "message", "step": 1, "number": 1, "role": "user", "content": text}
    yield {"kind": "request", "step": 1, "number": 2, "purpose": "decision", "sent": [1], "schema": {}, "seed": None}
    yield {"kind": "reply", "step": 1, "number": 2, "content": text}
    yield {"kind": "refusal", "step": 1, "attempt": 1, "by": "form", "messages": {"age": text}, "said": {"age": text}}
    yield {"kind": "chat", "step": 1, "chat": text, "who": text, "text": text, "mine": False}
    yield event(1, "changed", text=text)
    yield {**decision(1, {"age": text}, text), "attempt": 2, "remark": text}
    yield left(1)


def archived(path, code, **about):
    """The files of a launch's archive, by their names."""
    manifest = read_manifest_from_botex_db(code, path)
    with Database(path).record() as record:
        launch = record.db.query(record.Launch).one()
        (bot,) = record.bots_of(launch)
        for name, value in about.items():
            setattr(bot, name, value)
        record.db.flush()
        for _ in archive.write(zipped := io.BytesIO(), record, code, manifest, more={"more/notes.txt": "Hello"}):
            pass
    with zipfile.ZipFile(zipped) as file:
        return {name.partition("/")[2]: file.read(name).decode() for name in file.namelist()}


@pytest.fixture
def db(tmp_path):
    return tmp_path / "botex.sqlite3"


def test_a_line_a_step(db):
    files = archived(db, play(db, ASKED, plays()), persona="A baker,\nof 54", persona_name="baker", row=0)
    before, auction, ranking, end = map(json.loads, files["transcripts/P1.jsonl"].splitlines())
    assert before["answers"] == {"age": 30} and before["reason"] == "So." and before["fields"] == [FIELD]
    assert before["text"] == "The page Before." and before["outcome"] == "submitted" and before["seconds"] == 4.0
    assert (before["app"], before["page"], before["seen_utc"]) == ("market", "Before", "2023-11-14T22:13:21.000+00:00")
    assert len(auction["events"]) > 300 and auction["events"][0]["what"] == "actions"
    assert ranking["untouched"] and end["outcome"] == "end" and end["answers"] is None
    assert list(csv.DictReader(io.StringIO(files["personas.csv"].removeprefix("\ufeff"), newline=""))) == [
        {"seat": "1", "persona_name": "baker", "persona": "A baker,\nof 54", "row": "1"}
    ]
    assert files["more/notes.txt"] == "Hello"


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_texts_stay_what_they_are(db, text):
    files = archived(db, play(db, ASKED, spoken(text)), persona=text, persona_name=text)
    (step,) = map(json.loads, files["transcripts/P1.jsonl"].splitlines())
    assert step["text"] == step["reason"] == step["remark"] == step["answers"]["age"] == text
    assert step["refusals"][0]["said"] == step["refusals"][0]["messages"] == {"age": text}
    assert step["chat"][0]["text"] == step["events"][0]["data"]["text"] == text and step["messages"] == [1, 2]
    (persona,) = harmless_csv(files["personas.csv"])
    assert persona["persona"].removeprefix("'") == text.removeprefix("'")
    for name in ("bots.csv", "steps.csv", "messages.csv"):
        harmless_csv(files[name])


def test_an_archive_is_written_bot_by_bot(db):
    """So that there is never more of it in memory than one bot's part of a file."""
    database, links = Database(db), [(seat, f"http://x/InitializeParticipant/abcdefg{seat}") for seat in (1, 2)]
    code = launches.new(database, "session1", links, ASKED, launches.Access()).code
    manifest = read_manifest_from_botex_db(code, db)
    with database.record() as record:
        parts = list(archive.write(io.BytesIO(), record, code, manifest))
    assert parts.count("sent.jsonl") == parts.count("events.jsonl") == 2
    assert parts.count("steps.csv") == parts.count("messages.csv") == 3, "its header, then the bots"


def test_three_queries_are_enough(db):
    def long():
        for number in range(1, 401, 4):
            yield from plays(number)

    play(db, ASKED, long())
    asked = []
    with Database(db).record() as record:
        listen.listen(record.db.get_bind(), "before_cursor_execute", lambda *told: asked.append(told[2]))
        (bot,) = record.db.query(record.Bot.id).one()
        asked.clear()
        found = played(record, [bot])[bot]
        assert len(found) == 400 and len(found[1].events) > 300 and len(asked) == 3
        asked.clear()
        (one,) = played(record, [bot], Place("market", "Auction", None))[bot][:1]
        assert one.step.number == 2 and len(one.events) == len(found[1].events) and len(asked) == 3


def test_a_place_stands_in_an_address():
    for place in (Place("app", "Page", 3), Place("", "end", None), Place("app", "a.b c", 1)):
        assert place_of(str(place)) == place
    assert place_of("") is None and place_of("app") is None and place_of("app.page") is None
