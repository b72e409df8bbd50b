"""Watching the bots of a session in a real browser, and what can be done with them meanwhile."""

from __future__ import annotations

import json

import pytest

from ..hostile import ALL_OF_THEM, HOSTILE, harmless
from ..record.journal import FIELD, decision
from ..record.journal import page as page_record
from ..servers import edit, wait_until
from .fed import feed, rewriting

pytestmark = [pytest.mark.server, pytest.mark.browser]

LONG = {"human_pace": True, "seed": 7}
"""Bots that take a person's time are there for as long as a test looks at them. How long they think is drawn: with this
seed all do for about the same time, so that none is at the end before another has left its first page."""


@pytest.fixture
def tab(page):
    """Opens the tab of a session, and waits for its bots."""
    page.set_default_timeout(60_000)

    def open_tab(server, session, more=""):
        page.goto(f"{server.url}/LLMBots/{session}{more}")
        page.locator(".llm-bots-now tbody tr").first.wait_for()
        return page

    return open_tab


def seats(page):
    return [text.split()[0] for text in page.locator(".llm-bots-now tbody tr td:first-child").all_inner_texts()]


def row(page, seat):
    return page.locator(".llm-bots-now tbody tr", has=page.get_by_role("link", name=seat, exact=True))


def state(word, error="", cause=""):
    return {"kind": "state", "state": word, "error": error, "cause": cause}


@pytest.mark.parametrize("otree", ["6", "5"])
def test_who_waits_for_whom_and_what_can_be_done(start_server, tab, otree):
    server = start_server(otree)
    session = server.session("guess_two_thirds", 3)
    server.launch(session, bots=2)
    page = tab(server, session)
    row(page, "P2").get_by_text("waiting for others").wait_for()
    row(page, "P2").get_by_text("for P1", exact=True).wait_for()
    row(page, "P3").get_by_text("waiting for others").wait_for()
    row(page, "P3").get_by_text("Drawn at random.").wait_for()
    texts = row(page, "P3").inner_text()
    assert (
        "guess_two_thirds, round 1" in texts and "random" in texts and "of 12" in texts and "Drawn at random." in texts
    )

    row(page, "P2").get_by_role("button", name="Stop").click()
    row(page, "P2").get_by_text("stopped", exact=True).wait_for()
    page.get_by_role("button", name="Stop 1 bot").wait_for()
    row(page, "P2").get_by_role("button", name="Start again").click()
    page.get_by_text("2 waiting for others").wait_for()
    page.get_by_role("button", name="Stop all 2").click()
    page.get_by_text("2 stopped", exact=True).wait_for()
    page.get_by_role("button", name="Start all 2 again").click()
    page.get_by_text("2 waiting for others").wait_for()
    page.get_by_role("link", name="LLM bots", exact=True).click()
    page.get_by_role("link", name=session).wait_for()


def test_sorted_and_filtered_as_long_as_it_is_wanted(start_server, tab):
    server = start_server()
    failed = state("failed", "The model refused.", "refused")
    session = feed(server, "dictator_de", {1: [state("finished")], 2: [failed], 3: [state("finished")], 4: [failed]})
    page = tab(server, session)
    assert seats(page) == ["P1", "P2", "P3", "P4"]
    head = page.locator("th[data-sort=state]")
    assert head.get_attribute("aria-sort") == "none"
    head.get_by_role("button").focus()
    page.keyboard.press("Enter")
    assert head.get_attribute("aria-sort") == "ascending"
    assert seats(page) == ["P2", "P4", "P1", "P3"]
    page.keyboard.press("Enter")
    assert head.get_attribute("aria-sort") == "descending"
    assert seats(page) == ["P1", "P3", "P2", "P4"]

    page.get_by_label("State", exact=True).select_option("failed")
    assert seats(page) == ["P2", "P4"]
    page.get_by_text("2 of 4 bots shown").wait_for()
    page.get_by_role("button", name="Start the 2 shown again").wait_for()
    page.get_by_label("Text", exact=True).fill("p4")
    assert seats(page) == ["P4"]
    with page.expect_response(lambda response: response.url.endswith("/status")):
        pass  # what is shown stays so while the page is kept up to date
    assert seats(page) == ["P4"]

    page.reload()
    row(page, "P4").wait_for()
    assert seats(page) == ["P4"] and page.locator("th[data-sort=state]").get_attribute("aria-sort") == "descending"
    page.get_by_role("button", name="Show all bots").click()
    assert seats(page) == ["P1", "P3", "P2", "P4"]


def test_the_last_remark_of_a_pretest(start_server, tab):
    server = start_server()
    seen = [
        page_record(1, "Entscheidung", 1, [FIELD], "http"),
        {**decision(1, {"age": 3}), "remark": "What is a Spende?"},
    ]
    later = [page_record(2, "Ergebnis", 2, [], "http"), {**decision(2, {}, "Fine."), "remark": ""}]
    session = feed(server, "dictator_de", {1: [*seen, *later], 2: [*seen[:1], decision(1, {"age": 3})]}, pretest=True)
    page = tab(server, session)
    row(page, "P1").get_by_text("Remark: What is a Spende?").wait_for()
    row(page, "P2").get_by_text("So.", exact=True).wait_for()
    page.get_by_label("Text", exact=True).fill("spende?")
    assert seats(page) == ["P1"]


def test_a_cost_that_nobody_knows_is_not_nothing(start_server, tab):
    def asked(*costs):
        for number, cost in enumerate(costs, start=1):
            about = {"step": 1, "number": number, "purpose": "decision"}
            yield {"kind": "request", **about, "sent": [], "schema": {}, "seed": None}
            took = {
                "model": "new",
                "input_tokens": 300,
                "output_tokens": 40,
                "cost": cost,
                "prices": "",
                "seconds": 1.0,
            }
            yield {"kind": "reply", **about, "content": "{}", **took}

    server = start_server()
    session = feed(server, "dictator_de", {1: asked(None), 2: asked(0.25, None), 3: asked(0.25), 4: asked(0.0)})
    page = tab(server, session)
    costs = ("not known", "over $0.25", "$0.25", "$0")
    for seat, said in zip(("P1", "P2", "P3", "P4"), costs, strict=True):
        row(page, seat).get_by_text(said, exact=True).wait_for()
    page.get_by_text("Cost: over $0.50").wait_for()
    data = {participant["otree_botex.1.player.cost"] for participant in server.by_participant(session).values()}
    assert data == {"", "0.25", "0.0"}
    assert [bot["unpriced"] for bot in server.bots(session)] == [1, 1, 0, 0]


def test_what_is_done_with_all_is_done_with_those_that_are_shown(start_server, tab):
    server = start_server()
    session = server.session("dictator_de", 4)
    server.launch(session, **LONG)
    page = tab(server, session)
    page.get_by_label("Text", exact=True).fill("P3")
    page.get_by_role("button", name="Stop the 1 shown").click()
    row(page, "P3").get_by_text("stopped", exact=True).wait_for()
    states = {bot["seat"]: bot["state"] for bot in server.bots(session)}
    assert states.pop(3) == "stopped" and "stopped" not in states.values()


def test_a_bot_that_failed_says_why_and_what_can_be_done(start_server, tab):
    server = start_server()
    session = feed(
        server,
        "dictator_de",
        {
            1: [state("failed", "smollm2 needs the bots' own environment.", "setup")],
            2: [state("failed", "Five replies were refused.", "refused")],
        },
    )
    page = tab(server, session)
    of_setup, of_replies = row(page, "P1"), row(page, "P2")
    of_setup.get_by_text("smollm2 needs the bots' own environment.").wait_for()
    assert of_setup.get_by_role("link", name="Settings and health").get_attribute("href") == "/LLMBotsSettings"
    assert of_setup.get_by_role("button", name="Start again").is_visible()
    assert not of_replies.get_by_role("link", name="Settings and health").is_visible()
    assert not of_replies.get_by_role("link", name="Raise the budget").is_visible()
    of_replies.get_by_role("link", name="Read its transcript").click()
    page.get_by_role("heading", name="P2", level=3).wait_for()


@pytest.mark.parametrize("otree", ["6", "5"])
def test_paused_and_gone_on(start_server, tab, otree):
    server = start_server(otree)
    # nobody is at the end soon
    edit(server, "dictator_de/Ergebnis.html", "Danke für", "Danke " + 150 * "sehr " + "für")
    session = server.session("dictator_de", 3)
    server.launch(session, **LONG)
    page = tab(server, session)
    page.set_default_timeout(120_000)  # a bot that takes a person's time pauses when that is over
    row(page, "P2").get_by_role("button", name="Pause").click()
    row(page, "P2").get_by_text("paused", exact=True).wait_for()
    page.get_by_text("1 paused").wait_for()
    assert not row(page, "P2").get_by_role("button", name="Pause").is_visible()
    page.get_by_role("button", name="Pause all 2").click()
    page.get_by_text("3 paused", exact=True).wait_for()
    page.reload()
    page.get_by_text("3 paused", exact=True).wait_for()
    row(page, "P1").get_by_role("button", name="Go on").click()
    page.get_by_role("button", name="Let all 2 go on").click()
    page.get_by_text("3 finished", exact=True).wait_for(timeout=180_000)


def test_a_budget_is_raised_where_it_is_used_up(start_server, tab):
    server = start_server()
    session = server.session("dictator_de", 2)
    server.launch(session, budget_calls=1)
    page = tab(server, session)
    page.get_by_text("1 over budget, 1 finished").or_(page.get_by_text("1 finished, 1 over budget")).wait_for()
    seats = server.get(f"/LLMBots/{session}/seat")["seats"]
    assert sorted(seat["state"] for seat in seats) == ["finished", "over budget"], "the seats say so, too"
    card, held = (
        page.locator(".llm-bots-launch-now"),
        page.locator("tr", has_text="The launch’s budget of 1 call is used up"),
    )
    assert "1 of 1 calls" in card.inner_text()
    assert not held.get_by_role("button", name="Go on").is_visible()
    held.get_by_role("link", name="Raise the budget").click()
    card.get_by_label("calls").first.fill("-3")
    page.evaluate("document.querySelector('.llm-bots-budget').noValidate = true")
    card.get_by_role("button", name="Set the budget").click()
    page.get_by_text("budget_calls must be").wait_for()
    card.get_by_label("calls").first.fill("1000")
    card.get_by_label("US$").last.fill("0.25")
    card.get_by_role("button", name="Set the budget").click()
    card.get_by_text("of 1,000 calls").wait_for()
    card.get_by_text("Each bot: at most $0.25.").wait_for()
    page.get_by_text("2 finished", exact=True).wait_for()
    assert page.locator("#llm-bots-error").is_hidden()
    (launch,) = server.get(f"/LLMBots/{session}/status")["launches"]
    assert (launch["budget"]["calls"], launch["budget"]["bot_cost"], launch["budget"]["then"]) == (1000, 0.25, "pause")


def test_a_tab_at_which_nobody_looks_asks_for_nothing(start_server, tab):
    server = start_server()
    session = server.session("dictator_de", 1)
    server.launch(session)
    server.finish(session, 1)
    page, asked = tab(server, session), []
    page.on("request", lambda request: asked.append(request.url))
    look = "document.dispatchEvent(new Event('visibilitychange'))"
    hide = "Object.defineProperty(document, 'visibilityState', {value: 'hidden', configurable: true});"
    wait_until(lambda: page.wait_for_timeout(100) or asked, 60, "the tab asks")
    page.evaluate(hide + look)
    page.wait_for_load_state("networkidle")
    asked.clear()
    page.wait_for_timeout(3500)
    assert asked == []
    page.evaluate("delete document.visibilityState;" + look)
    wait_until(lambda: page.wait_for_timeout(100) or asked, 60, "the tab asks again")


def test_whatever_others_wrote_stays_text(start_server, tab):
    server = start_server()
    session = server.session("dictator_de", len(HOSTILE))
    server.launch(session, pretest=True)
    server.finish(session, len(HOSTILE))
    (text,) = [launch["models"] for launch in server.get(f"/LLMBots/{session}/status")["launches"]]
    assert text == "random"
    with rewriting(server) as database:
        for number, text in enumerate(HOSTILE.values(), start=1):
            database.execute("update otree_participant set label = ? where id_in_session = ?", [text, number])
            columns = "persona_name = ?, treatment = ?, reason = ?, error = ?"
            database.execute(f"update otree_botex_bot set {columns} where number = ?", [*[text] * 4, number])
        database.execute("update otree_botex_bot set state = 'failed', cause = 'model' where number = 1")
        models = json.dumps(ALL_OF_THEM)
        database.execute("update otree_botex_launch set rows_json = replace(rows_json, '\"random\"', ?)", [models])
    page = tab(server, session)
    for width in (1280, 800):
        page.set_viewport_size({"width": width, "height": 900})
        page.get_by_label("Text", exact=True).fill("")
        harmless(page)
    page.get_by_label("State", exact=True).select_option("failed")
    page.get_by_label("Model", exact=True).select_option(ALL_OF_THEM)
    assert HOSTILE["script"] in row(page, f"P1 {HOSTILE['script']}").inner_text()
    harmless(page)
