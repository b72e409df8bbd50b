"""The launch page in a real browser: mixes, personas, budgets, what will happen, and mistakes."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing

import pytest
from playwright.sync_api import expect

from ..servers import wait_until
from .test_launching import command_line

pytestmark = [pytest.mark.server, pytest.mark.browser]

PEOPLE = "name,age\nAnna,20\nBen,31\nCem,44\nDora,52\n"
WAIT_MS = 60_000


def with_personas(server):
    folder = server.folder / "_llm_bots" / "personas"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "people.csv").write_text(PEOPLE, "utf-8")
    return server


def open_page(page, server, session):
    page.set_default_timeout(WAIT_MS)
    page.goto(f"{server.url}/LLMBots/{session}/add")
    page.locator("#outlook-found").wait_for()


def seating(page):
    """Who the panel says will sit where: row and persona by seat."""
    page.locator("#outlook-seating").evaluate("details => { details.open = true }")
    cells = [row.locator("td").all_inner_texts() for row in page.locator("#outlook-seating tbody tr").all()]
    return {seat.strip(): (what.strip(), persona.strip()) for seat, what, persona, _ in cells}


def settled(page):
    """Waits until the panel shows what will happen with the form as it is."""
    page.wait_for_timeout(400)
    expect(page.locator("#outlook")).not_to_have_class("card llm-bots-outlook opacity-75", timeout=WAIT_MS)


def stored(server, session, what):
    """Something of the last launch of a session, from the database, which is written when the server ends."""
    server.end()
    with closing(sqlite3.connect(server.folder / "db.sqlite3")) as database:
        database.row_factory = sqlite3.Row
        launch = database.execute(
            "select * from otree_botex_launch where session_code = ? order by id desc", (session,)
        ).fetchone()
        bots = database.execute("select * from otree_botex_bot where launch_id = ?", (launch["id"],)).fetchall()
    server.start()
    return what(launch, {bot["number"]: bot for bot in bots})


@pytest.mark.parametrize("otree", ["6", "5"])
def test_a_mix_with_personas_and_a_budget(start_server, page, otree):
    server = with_personas(start_server(otree))
    session = server.session("dictator_de", 6)
    open_page(page, server, session)
    page.get_by_role("button", name="Add another").click()
    first, second = page.locator("[data-row]").all()
    first.get_by_label("Seats").fill("2")
    second.get_by_label("Personas").select_option("people")
    second.get_by_label("A parameter of this row alone").select_option("memory")
    second.get_by_label("Memory of earlier pages").select_option("none")
    page.get_by_text("Budget", exact=True).click()
    page.get_by_label("At most, for each bot: calls").fill("700")
    page.get_by_label("At most, for the whole launch: US dollars").fill("1.5")
    settled(page)
    told = page.locator("#outlook-rows tbody tr").all_inner_texts()
    assert [text.split("\t")[:2] for text in told] == [["random", "4"], ["random · people", "2"]]
    shown = seating(page)
    page.get_by_role("button", name="Start bots").click()
    page.wait_for_url(f"{server.url}/LLMBots/{session}")
    server.finish(session, 6)

    def found(launch, bots):
        rows = json.loads(launch["rows_json"])
        assert [row["parameters"]["memory"] for row in rows] == ["full", "none"]
        assert [(row["share"], row["personas"]) for row in rows] == [(2, ""), (None, "people")]
        budget = json.loads(launch["budget_json"])
        assert (budget["cost"], budget["bot_calls"], budget["calls"]) == (1.5, 700, None)
        return {f"P{number}": (f"{bot['row'] + 1}. random", bot["persona_name"]) for number, bot in bots.items()}

    assert stored(server, session, found) == shown
    assert sorted(what for what, _ in shown.values()) == 4 * ["1. random"] + 2 * ["2. random"]
    assert all(bool(persona) == what.startswith("2") for what, persona in shown.values())


def test_seats_by_hand(start_server, page):
    server = start_server()
    session = server.session("dictator_de", 4)
    open_page(page, server, session)
    page.get_by_role("button", name="Add another").click()
    page.get_by_label("Who sits where").select_option("by hand")
    for seat, row in ((1, "1"), (2, "0"), (3, "1"), (4, "1")):
        page.get_by_label(f"Row for P{seat}").select_option(row)
        settled(page)
    page.get_by_role("button", name="Start bots").click()
    page.wait_for_url(f"{server.url}/LLMBots/{session}")
    server.finish(session, 4)
    rows = stored(server, session, lambda _, bots: {number: bot["row"] for number, bot in bots.items()})
    assert rows == {1: 1, 2: 0, 3: 1, 4: 1}


def test_a_mix_that_is_balanced_over_a_treatment(start_server, page):
    server = start_server(settings="PARTICIPANT_FIELDS = ['treatment']")
    app = server.folder / "dictator_de" / "__init__.py"
    treated = "\n\ndef creating_session(subsession):\n    for player in subsession.get_players():\n"
    treated += "        player.participant.treatment = 'high' if player.id_in_group % 4 == 0 else 'low'\n"
    app.write_text(app.read_text("utf-8") + treated, "utf-8")
    server.end()
    server.start()
    session = server.session("dictator_de", 8)
    open_page(page, server, session)
    page.get_by_role("button", name="Add another").click()
    page.get_by_label("Who sits where").select_option("balanced")
    page.get_by_label("Balanced over").select_option("treatment")
    settled(page)
    shown = seating(page)
    assert len({shown[seat][0] for seat in ("P4", "P8")}) == 2
    page.get_by_role("button", name="Start bots").click()
    page.wait_for_url(f"{server.url}/LLMBots/{session}")
    rows, how = stored(
        server,
        session,
        lambda launch, bots: (
            {f"P{number}": f"{bot['row'] + 1}. random" for number, bot in bots.items()},
            json.loads(launch["assignment_json"]),
        ),
    )
    assert rows == {seat: what for seat, (what, _) in shown.items()}
    assert (how["how"], how["over"]) == ("balanced", "treatment")


def test_errors_come_back_with_all_that_was_entered(start_server, page):
    server = with_personas(start_server())
    session = server.session("dictator_de", 3)
    open_page(page, server, session)
    page.get_by_role("button", name="Add another").click()
    second = page.locator("[data-row]").nth(1)
    second.get_by_label("Model", exact=True).select_option("")
    second.get_by_label("Name of another model").fill("openai/gpt-4.1-mini")
    second.get_by_label("Personas").select_option("people")
    second.get_by_label("A parameter of this row alone").select_option("temperature")
    second.get_by_label("Temperature").fill("0.7")
    page.get_by_label("P2").check()
    page.get_by_label("P3").check()
    seed = page.get_by_label("Seed of the draw").input_value()
    page.get_by_label("Ask bots what was unclear").check()
    page.get_by_text("Budget", exact=True).click()
    page.get_by_label("At most, for the whole launch: tokens").fill("5000")
    page.get_by_label("When a limit is reached, bots").select_option("stop")
    page.get_by_text("More", exact=True).click()
    page.locator("#attempts").fill("7")
    page.locator("#memory").select_option("summary")
    page.locator("#cache").check()
    settled(page)
    page.get_by_role("button", name="Start bots").click()
    assert "Run “otree-botex setup”" in page.locator("#llm-bots-error").inner_text()
    assert server.bots(session) == []
    second = page.locator("[data-row]").nth(1)
    assert second.get_by_label("Name of another model").input_value() == "openai/gpt-4.1-mini"
    assert second.get_by_label("Personas").input_value() == "people"
    assert second.get_by_label("Temperature").input_value() == "0.7"
    assert [page.get_by_label(f"P{seat}").is_checked() for seat in (1, 2, 3)] == [False, True, True]
    assert page.get_by_label("Seed of the draw").input_value() == seed
    assert page.get_by_label("Ask bots what was unclear").is_checked()
    assert page.get_by_label("At most, for the whole launch: tokens").input_value() == "5000"
    assert page.get_by_label("When a limit is reached, bots").input_value() == "stop"
    values = [page.locator(f"#{name}").input_value() for name in ("attempts", "memory")]
    assert values == ["7", "summary"] and page.locator("#cache").is_checked()
    page.locator("[data-row]").nth(1).get_by_role("button", name="Remove", exact=True).click()
    page.get_by_role("button", name="Start bots").click()
    page.wait_for_url(f"{server.url}/LLMBots/{session}")
    assert [bot["seat"] for bot in server.bots(session)] == [2, 3]


def test_a_second_click_launches_nothing(start_server, page):
    server = start_server()
    open_page(page, server, server.session("public_goods", 3))
    page.evaluate(
        "window.sent = 0; document.getElementById('add-form')"
        ".addEventListener('submit', event => { event.preventDefault(); sent += 1; })"
    )
    start = page.get_by_role("button", name="Start bots")
    start.dblclick()
    expect(start).to_be_disabled()
    assert page.evaluate("sent") == 1
    page.evaluate("window.dispatchEvent(new Event('pageshow'))")  # one comes back to the page
    expect(start).to_be_enabled()


def test_with_the_keyboard_alone(start_server, page):
    server = start_server()
    session = server.session("dictator_de", 2)
    open_page(page, server, session)

    def go_to(what):
        for _ in range(60):
            page.keyboard.press("Tab")
            if page.evaluate(f"document.activeElement.matches({json.dumps(what)})"):
                return
        raise AssertionError(f"the keyboard does not lead to {what}")

    go_to("#add-row")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "model-2"
    go_to("[aria-label='A parameter of this row alone']")
    page.keyboard.press("t")
    temperature = page.locator("[data-row]").nth(1).get_by_label("Temperature")
    expect(temperature).to_be_focused(timeout=WAIT_MS)
    page.keyboard.type("1")
    settled(page)
    go_to("#start")
    page.keyboard.press("Enter")
    page.wait_for_url(f"{server.url}/LLMBots/{session}")
    server.finish(session, 2)
    rows = stored(server, session, lambda launch, _: json.loads(launch["rows_json"]))
    assert [row["parameters"]["temperature"] for row in rows] == [None, 1.0]


def test_without_javascript_one_model_can_be_started(start_server, chromium):
    server = with_personas(start_server())
    session = server.session("dictator_de", 2)
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.set_default_timeout(WAIT_MS)
    page.goto(f"{server.url}/LLMBots/{session}/add")
    page.get_by_label("Name of another model").fill("replay:nosuch")
    page.get_by_role("button", name="Start bots").click()
    assert "nosuch" in page.locator("#llm-bots-error").inner_text()
    assert page.get_by_label("Name of another model").input_value() == "replay:nosuch"
    page.get_by_label("Name of another model").fill("")
    page.get_by_label("Model", exact=True).select_option("random")
    page.get_by_label("Personas").select_option("people")
    page.get_by_role("button", name="Start bots").click()
    page.wait_for_url(f"{server.url}/LLMBots/{session}")
    context.close()
    server.finish(session, 2)
    assert stored(server, session, lambda _, bots: all(bot["persona_name"] for bot in bots.values()))


def test_the_panel_says_what_is_wrong_before_anything_starts(start_server, page):
    server = with_personas(start_server())
    session = server.session("dictator_de", 6)
    open_page(page, server, session)
    page.get_by_label("Personas").select_option("people")
    page.get_by_text("“people” has 4 personas for 6 seats").wait_for()
    page.get_by_text("Budget", exact=True).click()
    page.get_by_label("At most, for the whole launch: calls").fill("1")
    page.get_by_text("The limit of 1 calls will be reached; bots pause then.").wait_for()
    page.get_by_role("button", name="Add another").click()
    page.get_by_label("Who sits where").select_option("balanced")
    page.get_by_text("Name the field over which the mix is to be balanced").wait_for()
    page.get_by_role("button", name="Remove", exact=True).last.click()
    page.locator("#outlook-found").wait_for()
    assert not page.get_by_label("Who sits where").is_visible()
    page.get_by_label("Number of seats").fill("7")
    page.get_by_text("Only 6 seats are free in this session, not 7.").wait_for()
    assert not page.locator("#outlook-found").is_visible()


def test_assignments_are_on_record_before_the_first_call(start_server):
    """A launch whose processes cannot be started has them all the same."""
    server = with_personas(start_server(settings="LLM_BOTS = dict(python='/nosuch/python')"))
    session = server.session("dictator_de", 4)
    rows = [{"model": "smollm2", "seats": 1}, {"model": "smollm2", "personas": "people"}]
    server.launch(session, rows=rows, mix_seed=3)
    bots = server.bots(session)
    assert {(bot["state"], bot["calls"]) for bot in bots} == {("failed", 0)}
    found = stored(server, session, lambda _, bots: [(bot["row"], bool(bot["persona"])) for bot in bots.values()])
    assert sorted(found) == [(0, False), (1, True), (1, True), (1, True)]


def test_a_plan_from_a_file(start_server):
    server = with_personas(start_server())
    session = server.session("dictator_de", 5)
    plan = server.folder / "plan.json"
    plan.write_text(json.dumps({"rows": [{"model": "random", "seats": 1}, {"model": "random", "seats": 2}], "seed": 5}))
    common = ("launch", "--server", server.url, "--session", session)
    given = ("--plan", str(plan), "--personas", "people", "--budget-bot-calls", "900", "--budget-then", "stop")
    done = command_line(server, *common, *given, "--pretest")
    assert done.returncode == 0 and "3 of 3 bots finished" in done.stdout, done.stdout + done.stderr

    def found(launch, bots):
        budget = json.loads(launch["budget_json"])
        seeds = {row["parameters"]["seed"] for row in json.loads(launch["rows_json"])}
        return sorted(bots), launch["is_pretest"], budget["bot_calls"], budget["then"], seeds

    assert stored(server, session, found) == ([3, 4, 5], 1, 900, "stop", {5})
    for text, said in (
        ("{", "is no JSON"),
        ("[]", "must hold a JSON object"),
        ('{"nosuch": 1}', "unknown name: nosuch"),
        ('{"seed": 1}', "Name a model with --model"),
        ('{"rows": [{"seats": 2}]}', "Choose a model"),
    ):
        plan.write_text(text)
        done = command_line(server, *common, "--plan", str(plan))
        assert done.returncode == 1 and said in done.stderr and "Traceback" not in done.stderr, done.stderr


def test_a_session_config_with_personas_and_a_limit(start_server):
    server = with_personas(start_server())
    config = {"llm_bots": 2, "llm_bots_start": True, "llm_bots_personas": "people", "llm_bots_budget_cost": 2.5}
    config |= {"llm_bots_budget_calls": 500, "llm_bots_budget_then": "stop"}
    server.end()
    settings = server.folder / "settings.py"
    dicts = f"SESSION_CONFIGS[5].update({config!r})\n"
    settings.write_text(settings.read_text("utf-8") + "\n" + dicts, "utf-8")
    server.start()
    name = server.get("/api/session_configs")[5]["name"]
    session = server.session(name, 2)
    wait_until(lambda: server.bots(session), 60, "bots were started")
    found = stored(
        server,
        session,
        lambda launch, bots: (
            *(json.loads(launch["budget_json"])[name] for name in ("cost", "calls", "tokens", "then")),
            [bool(bot["persona"]) for bot in bots.values()],
        ),
    )
    assert found == (2.5, 500, None, "stop", [True, True])
