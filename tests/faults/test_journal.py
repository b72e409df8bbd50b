"""What a journal keeps: after a kill in the middle of a line, and of texts that cannot be kept as they are."""

from __future__ import annotations

import json

from otree_botex.bots.journal import Journal
from otree_botex.records import Launch, Seat


class Taken:
    """Takes all records."""

    def __init__(self):
        self.records = []

    def deliver(self, bots, records):
        self.records += records
        return {"acknowledged": {}, "stop": []}


def test_all_of_a_journal_is_delivered_but_half_a_line(tmp_path):
    launch = Launch("code", "", "", "random", (Seat(1, "abc", 1),), folder=str(tmp_path))
    lines = [f'{{"bot": 1, "seq": {number}, "kind": "message", "content": "a\u2028b\x85ü"}}' for number in (1, 2, 3)]
    text = "\n".join(lines).encode()
    (tmp_path / "code-1.jsonl").write_bytes(text[: text.rindex("ü".encode()) + 1])
    carrier = Taken()
    journal = Journal(launch, carrier, on_stop=lambda bot: None, on_reply=lambda reply: None)
    journal.open()
    journal.close()
    assert [record.count("a\u2028b\x85ü") for record in carrier.records] == [1, 1]


def test_what_no_database_takes_is_replaced(tmp_path):
    """A model may write half of a surrogate pair, or the character zero, as an escape in its JSON."""
    launch = Launch("code", "", "", "random", (Seat(1, "abc", 1),), folder=str(tmp_path))
    carrier = Taken()
    journal = Journal(launch, carrier, on_stop=lambda bot: None, on_reply=lambda reply: None)
    journal.open()
    said = json.loads(r'{"a\ud83d": ["\ud83d\ude00 \ude00.", "nul\u0000 \\u0000", 5, null]}')
    journal.record(1, "decision", answers=said, reason="\ud800")
    journal.close()
    (record,) = map(json.loads, carrier.records)
    assert record["answers"] == {"a\ufffd": ["\U0001f600 \ufffd.", "nul\ufffd \\u0000", 5, None]}
    assert record["reason"] == "\ufffd"
