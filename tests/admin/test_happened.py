"""What happened on a page in a browser, in words: every event; and what it cost."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import get_args

import pytest

from otree_botex.admin.happened import told
from otree_botex.journal import What

EVENTS = {
    "actions": ({"attempt": 1, "reason": "Because.", "actions": [{"do": "submit"}], "words": ["send"]},
                ("", "Because.")),
    "done": ({"done": 1, "of": 2, "surprise": "", "failed": "it is hidden"},
             ("1 of 2 done; the next could not be:", "it is hidden")),
    "changed": ({"text": "New: 5"}, ("What happened since, as the model was told:", "New: 5")),
    "form": ({"url": "x", "entries": [["a", "1"], ["a", "2"]]}, ("1 form sent", "")),
    "live out": ({"message": {"bid": 5}}, ("1 live message sent", "")),
    "live in": ({"message": "hello"}, ("1 live message received", "")),
    "dialog": ({"kind": "prompt", "message": "Who?", "answer": {"accept": True, "text": "me"}},
               ("A dialog (prompt):", "Who?\n→ accepted, “me”")),
    "window": ({"url": "http://x/rules", "text": "The rules."},
               ("A window opened, and was closed again: http://x/rules", "The rules.")),
    "refused": ({"what": "script", "url": "http://y/a.js"}, ("Refused to the page, script:", "http://y/a.js")),
    "limit": ({"which": "seconds", "of": 900}, ("A limit of the launch was reached: 900 seconds.", "")),
}  # fmt: skip


def of(what, data):
    return SimpleNamespace(what=what, at=1.0, data_json=json.dumps(data))


@pytest.mark.parametrize("what", get_args(What))
def test_every_event_in_words(what):
    data, words = EVENTS[what]
    (item,) = told([of(what, data)])
    assert (item["title"], item["text"]) == words


def test_what_stopped_the_bot_is_told_once():
    done = of("done", {"done": 1, "of": 2, "surprise": "New: 5", "failed": ""})
    (alone,) = told([done])
    assert (alone["title"], alone["text"]) == ("1 of 2 done, then something else happened.", "New: 5")
    done = of("done", {"done": 1, "of": 2, "surprise": "Gone: 4\nNew: 5", "failed": ""})
    first, second = told([done, of("changed", {"text": "One was not done.\n\nGone: 4\nNow: 6\nNew: 5"})])
    assert first["text"] == "" and second["text"].endswith("Gone: 4\nNow: 6\nNew: 5")


def test_what_passes_is_told_in_one_block_until_something_else_happens():
    events = [of("live out", {"message": 1}), of("live in", {"message": 2}), of("live in", {"message": 3})]
    events += [of("form", {"url": "x", "entries": [["a", "1"], ["b", ""]]})]
    events += [
        of("changed", {"text": "x"}),
        of("live in", {"message": None}),
        of("live out", {"message": 4, "by": "page"}),
    ]
    first, _, last = told(events)
    assert first["title"] == "1 live message sent, 2 live messages received, 1 form sent"
    assert first["lines"] == [
        {"way": "sent", "text": "1"},
        {"way": "received", "text": "2"},
        {"way": "received", "text": "3"},
        {"way": "form", "text": "a = 1\nb = "},
    ]
    assert last["lines"] == [
        {"way": "received", "text": "null"},
        {"way": "sent by itself", "text": "4"},
    ]
