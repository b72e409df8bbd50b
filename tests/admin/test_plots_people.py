"""Who is counted as having answered in the plots, where pages are skipped, or left because their time was up."""

from __future__ import annotations

import pytest

from ..servers import wait_until
from .doing import act, wait_for
from .test_plots import PersonByScript, all_end, numbers

pytestmark = pytest.mark.server

APP = """
from otree.api import *

class C(BaseConstants):
    NAME_IN_URL = __name__
    PLAYERS_PER_GROUP = 2
    NUM_ROUNDS = 1

class Subsession(BaseSubsession): pass
class Group(BaseGroup): pass
class Player(BasePlayer):
    sent = models.CurrencyField(initial=0, min=0, max=10)
    kept = models.IntegerField(min=0, max=10)
    quick = models.IntegerField(min=0, max=10)

class Send(Page):
    form_model = 'player'
    form_fields = ['sent']
    is_displayed = staticmethod(lambda player: player.id_in_group == 1)

class Keep(Page):
    form_model = 'player'
    form_fields = ['sent', 'kept']
    is_displayed = staticmethod(lambda player: player.id_in_group == 2 and player.group.id_in_subsession == 1)

class Quick(Page):
    form_model = 'player'
    form_fields = ['quick']
    timeout_seconds = 1

page_sequence = [Send, Keep, Quick]
"""
FORM = "{{ block content }}{{ formfields }}{{ next_button }}{{ endblock }}"
ROLES = "SESSION_CONFIGS.append(dict(name='roles', app_sequence=['otree_botex', 'roles'], num_demo_participants=4))"


def counted(server, session):
    """How many answers bots and people gave to each field, and their means."""
    rows = numbers(server, session, "comparison_summary")[1:]
    return {(row[0].removeprefix("roles."), row[2]): (int(row[3]), row[5]) for row in rows}


@pytest.mark.parametrize("otree", ["6", "5"])
def test_pages_that_were_skipped_and_time_that_was_up(start_server, otree):
    """Only who was shown a page answered it, and a bot that had no time to decide did not answer either; and nothing
    of this is forgotten when the server is stopped."""
    server = start_server(otree)
    folder = server.folder / "roles"
    folder.mkdir()
    (folder / "__init__.py").write_text(APP)
    for name in ("Send", "Keep", "Quick"):
        (folder / f"{name}.html").write_text(FORM)
    with (server.folder / "settings.py").open("a") as settings:
        settings.write(f"\n{ROLES}\n")
    server.end()
    server.start()
    session = server.session("roles", 4)
    server.launch(session, bots=2)
    server.finish(session, 2)
    assert {row["quick"] for row in answers(server, session, 3, 4)} == {"0"}, "oTree has filled it in"
    links = server.links(session)[:2]
    all_end([PersonByScript(link, sent=8 - number, kept=3, quick=5) for number, link in enumerate(links)])
    for _ in range(2):
        found = counted(server, session)
        assert [found[name, "People"] for name in ("sent", "kept", "quick")] == [(2, "7.5"), (1, "3"), (2, "5")]
        assert [found[name, "Bots"][0] for name in ("sent", "kept", "quick")] == [1, 0, 0]
        server.end()
        server.start()
    assert server.tracebacks() == []


def answers(server, session, *seats):
    """What stands in the fields of some seats."""
    for row in server.wide(session):
        if int(row["participant.id_in_session"]) in seats:
            yield {name: row[f"roles.1.player.{name}"] for name in ("sent", "kept", "quick")}


@pytest.mark.parametrize("otree", ["6", "5"])
def test_whom_the_experimenter_advances_has_not_answered(start_server, otree):
    """A bot that was stopped on its first page, and seats that nobody has opened."""
    server = start_server(otree)
    session = server.session("guess_two_thirds", 3)
    server.launch(session, bots=1, human_pace=True)  # it will think about this page for a while
    wait_for(server, session, "thinking")
    act(server, session, "stop")
    server.wait_for_end(session)
    seats = [link.rsplit("/", 1)[1] for link in server.links(session)]

    def guesses():
        for seat in seats:  # oTree 6 advances this one, oTree 5 those that are in the last place
            server.post_form(f"/AdvanceSession/{session}", session, selected_participant=seat)
        return {row[f"guess_two_thirds.{number}.player.guess"] for row in server.wide(session) for number in (1, 2, 3)}

    wait_until(lambda: guesses() == {"0"}, 60, "oTree has filled in all guesses")
    assert numbers(server, session, "comparison_summary")[1:] == []
