"""The preview of the first prompt: what a launch then sends, and the session is left alone."""

from __future__ import annotations

import json

import pytest

from ..servers import edit, wait_until

pytestmark = pytest.mark.server

WAIT_SECONDS = 180


def preview(server, session, **form):
    path = f"/LLMBots/{session}/preview"
    begun = server.post_form(path, session, **{"which_seats": "all", "model": "random", **form}).json()
    if "key" not in begun:
        return begun
    return wait_until(
        lambda: (found := server.post_form(path, session, key=begun["key"]).json())["done"] and found,
        WAIT_SECONDS,
        "the preview is there",
    )


def first_prompt(server, session, seat):
    """What the model of a bot was sent first, from the record."""
    rows = [row for row in server.export(session, "messages") if row["seat"] == str(seat)]
    first = next(row for row in rows if row["role"] == "assistant")
    sent = json.loads(first["sent"])
    messages = {int(row["number"]): row for row in rows}
    return [{"role": messages[one]["role"], "content": messages[one]["content"]} for one in sent], first["schema"]


@pytest.mark.parametrize("otree", ["6", "5"])
def test_it_is_what_a_launch_sends(start_server, otree):
    """With a persona, the field of the config that was changed, and what a pre-test asks for."""
    server = start_server(otree)
    folder = server.folder / "_llm_bots" / "personas"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "people.csv").write_text("name\nAnna from Ulm\nBen from Ulm\nCem from Ulm\n", "utf-8")
    session = server.session("ultimatum", 2, pie=37)
    given = {"personas": "people", "pretest": "on", "mix_seed": 4}
    found = preview(server, session, **given)
    assert "error" not in found, found
    assert "37" in found["messages"][-1]["content"] and "from Ulm" in json.dumps(found["messages"])
    assert server.bots(session) == [] and len(server.get("/api/sessions")) == 1
    server.launch(session, **given)  # all seats are free still
    server.finish(session, 2)
    messages, schema = first_prompt(server, session, found["seat"])
    assert found["messages"] == messages and found["schema"] == json.loads(schema)
    assert server.tracebacks() == []


DRAWS = """
import secrets


def creating_session(subsession):
    for player in subsession.get_players():
        player.participant.vars.update(drawn=secrets.token_hex(8), others={1, 2}, most=float('inf'))
"""


@pytest.mark.parametrize("otree", ["6", "5"])
def test_it_has_the_fields_of_the_first_seat_that_nobody_opened(start_server, otree):
    """What was drawn into them is what the bot then sees; what JSON cannot carry is drawn anew."""
    server = start_server(otree)
    server.end()
    with (server.folder / "dictator_de/__init__.py").open("a", encoding="utf-8") as file:
        file.write(DRAWS)
    edit(server, "dictator_de/Entscheidung.html", "{{ formfields }}", "{{ participant.vars.drawn }} {{ formfields }}")
    session = server.session("dictator_de", 2)
    links = server.links(session)
    server.http.get(links[0], timeout=60).raise_for_status()
    found = preview(server, session, which_seats="picked", seat=[link.rpartition("/")[2] for link in links])
    assert (found["seat"], found["visited"]) == (2, False), found
    server.launch(session)
    server.finish(session, 1)
    messages, _ = first_prompt(server, session, 2)
    assert found["messages"] == messages


def test_that_it_waits_for_others_is_said(start_server):
    server = start_server()
    session = server.session("trust", 4)
    found = preview(server, session)
    assert "waits for others" in found["error"] and "paired" in found["error"]


def test_what_is_wrong_is_said_at_once(start_server):
    server = start_server()
    session = server.session("dictator_de", 1)
    assert "no set of personas “nosuch”" in preview(server, session, personas="nosuch")["error"]
    first = server.post_form(f"/LLMBots/{session}/preview", session, which_seats="all", model="random").json()["key"]
    assert "messages" in preview(server, session)
    assert "another preview" in server.post_form(f"/LLMBots/{session}/preview", session, key=first).json()["error"]
    assert "another preview" in server.post_form(f"/LLMBots/{session}/preview", session, key="nosuch").json()["error"]


@pytest.mark.browser
def test_it_is_shown_on_the_launch_page(start_server, page):
    server = start_server()
    session = server.session("dictator_de", 1)
    page.set_default_timeout(WAIT_SECONDS * 1000)
    page.goto(f"{server.url}/LLMBots/{session}/add")
    page.get_by_role("button", name="Preview the first prompt").press("Enter")
    dialog = page.get_by_role("dialog")
    dialog.get_by_text("You take part in a study").wait_for()
    assert "sent first on seat P1" in dialog.inner_text()
    assert "what is drawn at random there may differ" in dialog.inner_text()
    assert "has opened P1" not in dialog.inner_text()
    page.keyboard.press("Escape")
    assert not dialog.is_visible()
    assert page.evaluate("document.activeElement.id") == "preview"
    server.http.get(server.links(session)[0], timeout=60).raise_for_status()
    page.get_by_label("P1").check()
    page.get_by_role("button", name="Preview the first prompt").click()
    dialog.get_by_text("Somebody has opened P1 before: its bot goes on from where that participant is.").wait_for()
