"""What must hold after any fault: every form accepted once, every answer the one on record, every call too."""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from otree_botex.scripts.reading import read_conversations_from_botex_db, read_responses_from_botex_db

from ..servers import Server

FORMS = {"Number": ("number",), "Words": ("colour", "words")}
COUNTERS = {"Number": "numbers_accepted", "Words": "words_accepted"}
PAGES_A_ROUND = 4
"""Forms and other pages: the places in oTree's sequence."""

Rows = list[dict[str, Any]]


def script_record(database: Path, session: str) -> tuple[Rows, Rows]:
    """Steps and messages of a session in a script's record."""
    return read_responses_from_botex_db(session, database), read_conversations_from_botex_db(session, database)


def server_record(server: Server, session: str) -> tuple[Rows, Rows]:
    """Steps and messages of a session in its server's record."""
    return server.export(session, "steps"), server.export(session, "messages")


def done(faults: Path) -> Rows:
    """What the processes that played did, in order (see killed/)."""
    file = faults / "done.jsonl"
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def everything_was_played_once(server: Server, session: str, steps: Rows, bots: int, rounds: int = 5) -> None:
    """Each bot got to the end, each form was accepted once, with the answers of the last decision on record."""
    data = server.by_participant(session)
    assert len(data) == bots
    given: dict[tuple[str, int], Rows] = defaultdict(list)
    for row in steps:
        given[row["participant"], int(row["page_number"] or 0)].append(row)
    for code, person in data.items():
        assert int(person["participant._index_in_pages"]) > int(person["participant._max_page_index"]), code
        for round_number in range(1, rounds + 1):
            for place, (page, fields) in enumerate(FORMS.items(), 1):
                start = f"ten_pages.{round_number}.player."
                where = f"{code}, round {round_number}, {page}"
                assert person[start + COUNTERS[page]] == "1", where
                rows = given[code, (round_number - 1) * PAGES_A_ROUND + place]
                assert rows, f"{where}: it is not on record"
                accepted = {int(row["step"]) for row in rows if row["outcome"] == "submitted"}
                assert accepted == {max(int(row["step"]) for row in rows)}, f"{where}: {rows}"
                said = {row["field"]: str(row["answer"]) for row in rows if int(row["step"]) in accepted}
                assert said == {field: person[start + field] for field in fields}, where


def every_call_is_on_record(messages: Rows, calls: Iterable[dict[str, Any]], unsent: int = 0) -> None:
    """Each call that was made is on record, with the messages as they were sent; of those on record, at most so many
    were not made, since their process was killed just before."""
    contents = {(str(row["seat"]), str(row["number"])): row["content"] for row in messages}
    assert len(contents) == len(messages), "two messages have the same number"
    recorded: Counter[tuple[str, str]] = Counter()
    for row in messages:
        if row["role"] == "assistant":
            texts = [contents[str(row["seat"]), str(number)] for number in json.loads(row["sent"])]
            recorded[str(row["seat"]), hashlib.sha256(json.dumps(texts).encode()).hexdigest()] += 1
    made = Counter((str(call["seat"]), call["texts"]) for call in calls)
    assert not made - recorded, "calls that are not on record"
    assert (recorded - made).total() <= unsent


def no_form_was_sent_after_it_was_accepted(actions: Rows) -> None:
    """Not even where oTree would have taken no notice."""
    accepted: set[str] = set()
    for action in actions:
        if action["what"] == "sent":
            assert action["path"] not in accepted, f"{action['path']} was sent again"
        elif action["what"] == "answered" and action["accepted"]:
            accepted.add(action["path"])
