"""Many bots in one session."""

from __future__ import annotations

import pytest

from .test_interruptions import answers_are_the_data

pytestmark = [pytest.mark.server, pytest.mark.slow]


def test_sixty_bots_finish_three_rounds_of_a_game(start_server):
    server = start_server()
    session = server.play("guess_two_thirds", 60, seconds=240)
    assert len(answers_are_the_data(server, session, "guess", "guess_two_thirds.{}.player.guess")) == 180
    assert server.tracebacks() == []


@pytest.mark.parametrize("otree", ["6", "5"])
def test_sessions_are_made_by_hand_while_bots_play(start_server, otree):
    """oTree 6 makes them in a thread, on the one connection to the database that requests use, too."""
    server = start_server(otree)
    session = server.session("guess_two_thirds", 12)
    server.launch(session)
    for _ in range(8):
        assert len(server.links(server.session_by_hand("public_goods", 60))) == 60
    server.finish(session, 12)
    answers_are_the_data(server, session, "guess", "guess_two_thirds.{}.player.guess")
    assert server.tracebacks() == []
