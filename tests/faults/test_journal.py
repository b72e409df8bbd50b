"""The journal's file after a kill in the middle of a line."""

from __future__ import annotations

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
