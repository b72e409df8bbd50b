"""Tests of texts in a format: the pattern, the grammar and the samples must say the same."""

from __future__ import annotations

import re
from random import Random

import pytest

from otree_botex.bots.moments import well_formed
from otree_botex.errors import ModelError
from otree_botex.llm import Request
from otree_botex.llm.formats import FORMATS, draw, gbnf_of, schema_of
from otree_botex.llm.grammar import gbnf
from otree_botex.llm.random import RandomAnswers

from .test_grammar import engine_admits, regex, vocabulary  # noqa: F401 (a fixture)

WRONG = ["", "2026-02-28 ", "12:60", "2020-13", "2020-W54", "#12345g", "a@b", "http:/x.org", "://x.org", "2019-01-01"]


@pytest.mark.parametrize("name", FORMATS)
def test_samples_satisfy_the_pattern_and_the_browser(name):
    for seed in range(300):
        text = draw(schema_of(name)["pattern"], Random(seed))
        assert re.fullmatch(schema_of(name)["pattern"], text), text
        assert well_formed(name, text), text


@pytest.mark.parametrize("name", FORMATS)
def test_the_grammar_admits_what_the_pattern_does(name):
    schema = schema_of(name, 2020, 2022)
    grammar = regex(gbnf(schema))
    for seed in range(100):
        assert grammar.fullmatch(f'"{draw(schema["pattern"], Random(seed))}"')
    for wrong in WRONG:
        assert not grammar.fullmatch(f'"{wrong}"'), wrong


@pytest.mark.parametrize("name", FORMATS)
def test_the_engine_reads_the_grammar_alike(vocabulary, name):  # noqa: F811
    grammar = gbnf(schema_of(name, 2020, 2022))
    for seed in range(3):
        text = draw(schema_of(name, 2020, 2022)["pattern"], Random(seed))
        assert engine_admits(vocabulary, grammar, f'"{text}"'), text
    assert not any(engine_admits(vocabulary, grammar, f'"{wrong}"') for wrong in WRONG)


def test_years_are_bounded():
    pattern = schema_of("date", 2020, 2022)["pattern"]
    assert {draw(pattern, Random(seed))[:4] for seed in range(100)} == {"2020", "2021", "2022"}
    assert schema_of("time", 2020, 2022) == schema_of("time")


def test_a_pattern_that_is_not_ours_is_refused():
    for make in (gbnf_of, lambda pattern: draw(pattern, Random(1))):
        with pytest.raises(ValueError, match="pattern"):
            make(r"^\d+$")


def test_random_answers_are_not_drawn_again():
    schema = {"type": "object", "properties": {"day": schema_of("time")}}
    first = RandomAnswers().complete(Request([], schema, 1)).text
    refused = {"day": [first[9:-2]]}
    assert RandomAnswers().complete(Request([], schema, 1, refused)).text != first


def test_nothing_to_draw_is_an_error():
    schema = {"type": "object", "properties": {"x": {"type": "string", "minLength": 5, "maxLength": 4}}}
    with pytest.raises(ModelError):
        RandomAnswers().complete(Request([], schema, 1))
