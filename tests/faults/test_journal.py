"""What a journal keeps: after a kill in the middle of a line, while the server is away, beside another runner of the
same bot, and of texts that cannot be kept as they are."""

from __future__ import annotations

import json

import pytest

from otree_botex.bots import journal as journals
from otree_botex.bots.carrier import HttpCarrier
from otree_botex.bots.journal import Journal
from otree_botex.errors import Away
from otree_botex.records import Launch, Seat

from ..servers import free_port


class Taken:
    """Takes all records, but for so many times in which it is away."""

    def __init__(self, away=0):
        self.records, self.away = [], away

    def deliver(self, bots, records):
        self.away -= 1
        if self.away >= 0:
            raise Away("The server begins anew.")
        self.records += records
        return {"acknowledged": {}, "stop": []}


def journal_of(folder, carrier, token=""):
    launch = Launch("code", "", token, "random", (Seat(1, "abc", 1),), folder=str(folder))
    return Journal(launch, carrier, on_stop=lambda bot: None, on_reply=lambda reply: None)


def left_behind(folder):
    (folder / "code-1-0123abcd.jsonl").write_text('{"bot": 1, "seq": 1, "kind": "message"}\n')


def test_a_runner_waits_for_a_server_that_begins_anew(tmp_path, monkeypatch):
    monkeypatch.setattr(journals, "LONGEST_PAUSE", 0.0)
    left_behind(tmp_path)
    journal = journal_of(tmp_path, carrier := Taken(away=3))
    journal.open()
    assert journal.close() and len(carrier.records) == 1


def test_a_runner_that_waits_for_its_server_can_be_stopped(tmp_path):
    class Stopping(Taken):
        def deliver(self, bots, records):
            journal.hurry()
            return super().deliver(bots, records)

    left_behind(tmp_path)
    journal = journal_of(tmp_path, Stopping(away=10**6))
    with pytest.raises(Away):
        journal.open()
    assert len(list(tmp_path.iterdir())) == 1, "what was left behind is still there"


def test_memories_are_away_with_their_server():
    launch = Launch("code", f"http://127.0.0.1:{free_port()}", "", "random", (Seat(1, "abc", 1),))
    with pytest.raises(Away, match="memory could not be read back"):
        HttpCarrier(launch).memories()


def test_a_runner_whose_bot_was_started_again_leaves_the_new_runners_journal_alone(tmp_path):
    old, new = journal_of(tmp_path, Taken(), "old"), journal_of(tmp_path, carrier := Taken(), "new")
    old.open()
    old.record(1, "message")
    new.open()
    carrier.away = 10**6
    new.record(1, "decision")
    old.record(1, "message")
    assert old.close()
    (kept,) = tmp_path.iterdir()
    assert [json.loads(line)["kind"] for line in kept.read_text().splitlines()] == ["decision"]
    carrier.away = 0
    assert new.close() and not list(tmp_path.iterdir())


def test_all_of_a_journal_is_delivered_but_half_a_line(tmp_path):
    lines = [f'{{"bot": 1, "seq": {number}, "kind": "message", "content": "a\u2028b\x85ü"}}' for number in (1, 2, 3)]
    text = "\n".join(lines).encode()
    (tmp_path / "code-1-0123abcd.jsonl").write_bytes(text[: text.rindex("ü".encode()) + 1])
    journal = journal_of(tmp_path, carrier := Taken())
    journal.open()
    journal.close()
    assert [record.count("a\u2028b\x85ü") for record in carrier.records] == [1, 1]


def test_what_no_database_takes_is_replaced(tmp_path):
    """A model may write half of a surrogate pair, or the character zero, as an escape in its JSON."""
    journal = journal_of(tmp_path, carrier := Taken())
    journal.open()
    said = json.loads(r'{"a\ud83d": ["\ud83d\ude00 \ude00.", "nul\u0000 \\u0000", 5, null]}')
    journal.record(1, "decision", answers=said, reason="\ud800")
    journal.close()
    (record,) = map(json.loads, carrier.records)
    assert record["answers"] == {"a\ufffd": ["\U0001f600 \ufffd.", "nul\ufffd \\u0000", 5, None]}
    assert record["reason"] == "\ufffd"
