"""What bots play with, as it comes from forms, JSON, shells and scripts."""

from __future__ import annotations

import json
from dataclasses import asdict

import pytest

from otree_botex.errors import SetupError
from otree_botex.parameters import PARAMETERS, parameters, stored
from otree_botex.records import Launch, Seat


def test_what_is_not_given_is_as_a_launch_has_it():
    for given in ({}, dict.fromkeys(PARAMETERS, ""), dict.fromkeys(PARAMETERS)):
        found = parameters({"model": "m", **given})
        assert (found.driver, found.hosts, found.page_calls, found.page_actions) == ("auto", (), 40, 200)
        assert (found.page_seconds, found.browsers, found.attempts) == (900, 12, 5)


def test_values_come_as_texts_or_as_they_are():
    as_texts = {"driver": "browser", "hosts": "cdn.jsdelivr.net, Unpkg.com  unpkg.com", "page_calls": "7"}
    as_values = {"driver": "browser", "hosts": ["cdn.jsdelivr.net", "unpkg.com"], "page_calls": 7}
    found = parameters({"model": "m", **as_texts})
    assert found == parameters({"model": "m", **as_values})
    assert (found.driver, found.hosts, found.page_calls) == ("browser", ("cdn.jsdelivr.net", "unpkg.com"), 7)
    assert parameters({"model": "m", "hosts": " , "}).hosts == parameters({"model": "m", "hosts": []}).hosts == ()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"driver": "firefox"}, "driver must be auto, http or browser, not “firefox”"),
        ({"hosts": "https://cdn.jsdelivr.net/npm"}, "without https:// and paths; not “https://cdn.jsdelivr.net/npm”"),
        ({"hosts": "*.jsdelivr.net"}, "not “*.jsdelivr.net”"),
        ({"hosts": "-a.net"}, "not “-a.net”"),
        ({"hosts": ["a..net"]}, "not “a..net”"),
        ({"hosts": 7}, "hosts must be a list of names, not “7”"),
        ({"page_calls": 0}, "page_calls must be a number from 1 to 10000, not “0”"),
        ({"page_actions": "many"}, "page_actions must be a number"),
        ({"page_seconds": 4}, "page_seconds must be a number from 5 to 86400, not “4”"),
        ({"browsers": 201}, "browsers must be a number from 1 to 200, not “201”"),
    ],
)
def test_what_is_not_valid_is_said_in_words(given, said):
    with pytest.raises(SetupError) as error:
        parameters({"model": "m", **given})
    assert said in str(error.value)


def test_random_bots_may_try_more_often():
    found = parameters({"model": "random", "page_calls": 7})
    assert (found.attempts, found.page_calls, found.page_actions) == (60, 400, 2000) and found.seed is not None
    assert parameters({"model": "random", "page_calls": 1000}).page_calls == 1000


def test_the_record_gives_back_what_it_was_given():
    given = parameters({"model": "m", "hosts": "a.net b.net", "driver": "http", "browsers": 3, "seed": 4})
    assert stored(json.loads(json.dumps(asdict(given)))) == given


def test_runners_are_told():
    told = parameters({"model": "m", "hosts": "a.net b.net", "driver": "http", "page_seconds": 30}).for_runners()
    launch = Launch(code="c", server="http://x", token="t", seats=(Seat(1, "p", 1),), **told)
    again = Launch.from_json(launch.to_json())
    assert again == launch
    assert (again.hosts, again.driver, again.page_seconds) == (("a.net", "b.net"), "http", 30)
