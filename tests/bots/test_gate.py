"""Where a bot waits while it is paused, how it leaves, and what it does on a page after that."""

from __future__ import annotations

import threading
import time
from threading import Event
from types import SimpleNamespace

import pytest

from otree_botex.bots import gate as gates
from otree_botex.bots.gate import Gate
from otree_botex.bots.limits import PageLimits, Spent
from otree_botex.bots.patience import Stopped
from otree_botex.bots.player import Player
from otree_botex.errors import ServerError

from .scripted import Journal


@pytest.fixture
def shut():
    journal = Journal()
    journal.current = "waiting"
    gate = Gate(journal, Event())
    gate.is_shut = True
    return gate, journal


def states(journal):
    return [one["state"] for one in journal.of("state")]


def test_an_open_gate_holds_nobody_up():
    gate = Gate(journal := Journal(), Event())
    assert gate.enter() is False and gate.seconds == 0 and not journal.records


def test_no_gate_lets_a_bot_pass_that_was_told_to_stop():
    gate = Gate(journal := Journal(), Event())
    gate.stop.set()
    with pytest.raises(Stopped):
        gate.enter()
    assert not journal.records


def test_a_bot_is_paused_until_it_may_go_on(shut):
    gate, journal = shut
    threading.Timer(2, setattr, (gate, "is_shut", False)).start()
    assert gate.enter() is True
    assert states(journal)[0] == "paused" and states(journal)[-1] == "waiting"
    assert journal.of("state")[0]["error"] == ""


def test_a_paused_bot_can_be_stopped(shut):
    gate, journal = shut
    threading.Timer(2, gate.stop.set).start()
    with pytest.raises(Stopped):
        gate.enter()
    assert set(states(journal)) == {"paused"}


def test_a_paused_bot_whose_server_is_gone_gives_up(shut, monkeypatch):
    gate, journal = shut
    journal.silence = gates.PATIENCE_SECONDS + 1
    with pytest.raises(ServerError, match="away for too long"):
        gate.enter()


def test_the_time_of_a_pause_is_not_of_the_pages_limits(shut):
    gate, journal = shut
    spent = Spent(PageLimits(seconds=2), journal, gate)
    threading.Timer(3, setattr, (gate, "is_shut", False)).start()
    gate.enter()
    assert spent.may_act() and spent.end > time.monotonic()


def test_a_bot_that_is_paused_before_it_begins_opens_no_page(shut):
    gate, journal = shut
    opened: list[str] = []
    browser, window = SimpleNamespace(open=lambda: opened.append("a page")), SimpleNamespace(close=lambda: None)
    threading.Timer(2, gate.stop.set).start()
    assert not Player(browser, window, None, journal, gate).play()
    assert opened == [] and states(journal)[-1] == "stopped"
