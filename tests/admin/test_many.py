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
