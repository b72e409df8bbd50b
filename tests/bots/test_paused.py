"""What becomes of a page on which a bot is paused, on a real server: of its timer, and where somebody moves it on."""

from __future__ import annotations

import threading

import pytest

from otree_botex.bots.decision import TIMED_OUT

from .test_player import Model, draw, player

pytestmark = pytest.mark.server

RECALL = {"reason": "I think so.", "answers": {"q1": "garden", "q2": "spoon"}}


@pytest.fixture
def play(start_server):
    """Plays the memory task with little time for its question, and pauses after the model has answered it."""

    def play(seconds, then=None):
        server = start_server()
        short = (server.folder / "memory/__init__.py").read_text().replace("RECALL_SECONDS = 30", "RECALL_SECONDS = 15")
        server.end()
        (server.folder / "memory/__init__.py").write_text(short)
        server.start()
        session = server.session("memory", 2)

        def think(request):
            if len(model.requests) == 1:
                bot.gate.is_shut = True
                threading.Timer(seconds, setattr, (bot.gate, "is_shut", False)).start()
                if then:
                    then(server, session)
                return RECALL
            return draw(request)

        model = Model(think)
        bot, records = player(server.links(session)[0], model)
        assert bot.play(), records.state
        return records

    return play


def states(records):
    return [record["state"] for record in records.of("state")]


def test_what_was_decided_is_sent_after_the_pause(play):
    records = play(2)
    assert ("Recall", "submitted") in records.outcomes() and len(records.of("request")) == 1
    assert states(records) == ["thinking", "paused", "thinking", "finished"]


def test_a_page_whose_time_is_up_meanwhile_is_sent_as_such(play):
    records = play(18)
    assert ("Recall", "timed out") in records.outcomes() and len(records.of("request")) == 1
    assert list(TIMED_OUT) in records.of("decision")[-1]["entries"]
    assert ["third_word", "spoon"] in records.of("decision")[-1]["entries"]


def test_who_was_moved_on_meanwhile_sends_nothing(play):
    def advance(server, session):
        code = server.links(session)[0][-8:]
        server.post_form(f"/AdvanceSession/{session}", session, selected_participant=code)

    records = play(2, advance)
    assert ("Recall", "left") in records.outcomes() and "paused" in states(records)
