"""The page of all launches of a server, in a real browser."""

from __future__ import annotations

import json

import pytest

from ..hostile import ALL_OF_THEM, HOSTILE, harmless
from ..servers import wait_until
from .fed import rewriting

pytestmark = [pytest.mark.server, pytest.mark.browser]


@pytest.fixture
def overview(page):
    """Opens the overview."""
    page.set_default_timeout(60_000)

    def open_overview(server, more=""):
        page.goto(f"{server.url}/LLMBotsOverview{more}")
        return page

    return open_overview


def of(page, session):
    return page.locator(".llm-bots-overview tbody tr", has=page.get_by_role("link", name=session))


def copy(database, table, **changes):
    """Copies the first row of a table, with changes."""
    found = database.execute(f"select * from {table} where id = 1")
    row = dict(zip([column for column, *_ in found.description], found.fetchone(), strict=True)) | changes
    database.execute(f"insert into {table} ({', '.join(row)}) values ({', '.join('?' * len(row))})", [*row.values()])


@pytest.mark.parametrize("otree", ["6", "5"])
def test_all_launches_and_what_plays_now(start_server, overview, otree):
    server = start_server(otree)
    page = overview(server)
    page.get_by_text("No bots have been launched on this server.").wait_for()
    played = server.session("dictator_de", 2)
    launch = server.launch(played, budget_calls=50)
    server.finish(played, 2)
    playing = server.session("guess_two_thirds", 3)
    server.launch(playing, bots=2)

    page.goto(f"{server.url}/rooms")
    page.get_by_role("link", name="LLM bots", exact=True).click()
    of(page, playing).get_by_text("2 waiting for others").wait_for()
    assert page.locator(".llm-bots-overview tbody tr").count() == 2
    assert playing in page.locator(".llm-bots-overview tbody tr").first.inner_text()  # the newest comes first
    page.get_by_text("1 of 2 launches play now: 2 waiting for others. All launches together have cost $0.").wait_for()
    ended = of(page, played)
    for text in (launch, "by REST API", "Spende", "random", "2 finished", "100%", "of 50 calls"):
        assert text in ended.inner_text()
    assert not ended.get_by_role("button").first.is_visible()

    of(page, playing).get_by_role("button", name="Stop").click()
    of(page, playing).get_by_text("2 stopped").wait_for()
    page.get_by_text("No bots play now.").wait_for()
    of(page, playing).get_by_role("link", name=playing).click()
    page.get_by_text("2 stopped", exact=True).wait_for()
    page.goto(f"{server.url}/LLMBotsOverview")
    of(page, played).get_by_role("link", name=launch).click()
    page.get_by_role("heading", name=launch).wait_for()


def test_everything_is_stopped_only_if_that_is_meant(start_server, overview):
    server = start_server()
    sessions = [server.session("guess_two_thirds", 3) for _ in range(2)]
    for session in sessions:
        server.launch(session, bots=2)
    page = overview(server)
    page.get_by_text("4 waiting for others").wait_for()
    asked = []
    page.once("dialog", lambda dialog: (asked.append(dialog.message), dialog.dismiss()))
    page.get_by_role("button", name="Stop all").click()
    assert "Stop all bots of all launches" in asked[0]
    states = [bot["state"] for session in sessions for bot in server.bots(session)]
    assert states == ["waiting"] * 4
    page.once("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Stop all").click()
    page.get_by_text("No bots play now.").wait_for()
    wait_until(lambda: {bot["state"] for one in sessions for bot in server.bots(one)} == {"stopped"}, 60, "all stopped")


def test_hundreds_of_launches_have_room(start_server, overview):
    server = start_server()
    session = server.session("dictator_de", 1)
    first = server.launch(session)
    server.finish(session, 1)
    with rewriting(server) as database:
        for number in range(2, 301):
            copy(database, "otree_botex_launch", id=number, code=f"copy{number}")
            copy(database, "otree_botex_bot", id=number, launch_id=number)
        database.execute("update otree_botex_bot set cost = 0.01")
    page = overview(server)
    rows = page.locator(".llm-bots-overview tbody tr")
    rows.first.wait_for()
    assert rows.count() == 50
    assert "have cost $3.00" in page.locator("#llm-bots-summary").inner_text()
    page.get_by_role("link", name="Show all 300").click()
    page.get_by_role("link", name=first, exact=True).wait_for()
    assert rows.count() == 300


def test_whatever_others_wrote_stays_text(start_server, overview):
    server = start_server()
    session = server.session("dictator_de", 1)
    server.launch(session, bots=1)
    server.finish(session, 1)
    with rewriting(server) as database:
        database.execute(
            "update otree_botex_launch set rows_json = replace(rows_json, '\"random\"', ?), started_by = ?",
            [json.dumps(ALL_OF_THEM), HOSTILE["script"]],
        )
    page = overview(server)
    for width in (1280, 800):
        page.set_viewport_size({"width": width, "height": 900})
        page.get_by_text(HOSTILE["script"]).first.wait_for()
        harmless(page)
