"""Each of the saved pages: what a bot is told of it, and what it sends. Chromium judges it in test_chromium.py."""

from __future__ import annotations

import json

import pytest

from otree_botex.llm import Request
from otree_botex.llm.random import RandomAnswers

from .saved import NAMES, SENDING, Saved


@pytest.mark.parametrize("name", NAMES)
def test_what_is_seen(name):
    saved = Saved(name)
    page = saved.read()
    assert page.text == saved.text
    assert [field.label for field in page.form.fields] == saved.about["labels"]
    assert page.needs_script == saved.about.get("needs_script", "")


@pytest.mark.parametrize("name", NAMES)
def test_neither_names_nor_values_are_shown(name):
    page = Saved(name).read()
    hidden = {field.name for field in page.form.fields} | {entry.name for entry in page.form.kept}
    shown = page.text + page.form.questions()
    for word in hidden:
        if "_" in word or any(character.isdigit() for character in word):  # others are words of the page as well
            assert word not in shown


@pytest.mark.parametrize("name", SENDING)
def test_what_is_sent(name):
    saved = Saved(name)
    form = saved.read().form
    filled = form.fill(saved.about["answers"])
    assert filled.refused == {}
    assert [list(entry) for entry in filled.entries] == saved.about["entries"]
    assert filled.action.removeprefix("http://host") == saved.about.get("action", "")


@pytest.mark.parametrize("name", NAMES)
def test_what_satisfies_the_schema_is_taken(name):
    form = Saved(name).read().form
    for seed in range(5):
        reply = RandomAnswers().complete(Request(messages=[], schema=form.schema(), seed=seed))
        assert form.fill(json.loads(reply.text)["answers"]).refused.keys() <= UNKNOWN_TO_SCHEMAS.get(name, set())


# A pattern that the page asks for is not part of the schema: models are told when they miss it, as people are.
UNKNOWN_TO_SCHEMAS = {"every_input": {"q4"}, "labels": {"q18"}, "two_forms": {"q1", "q2"}}
