"""The transcript of a bot in a real browser: what happened in its order, and what helps to find it."""

from __future__ import annotations

import re

import pytest

from ..record.journal import decision, left
from .fed import feed
from .story import AMOUNT, CONTRIBUTE, asked, contributes, plain, refused

pytestmark = [pytest.mark.server, pytest.mark.browser]

PERSONA = "You are a baker of 54 years from Lyon."
ABOUT = {1: {"persona": PERSONA, "persona_name": "baker", "treatment": "high", "label": "Ann"}}


def bots_of(server, session):
    return {bot["seat"]: bot["bot"] for bot in server.bots(session)}


def open_transcript(server, page, session, seat=1, at=""):
    page.goto(f"{server.url}/LLMBots/{session}/bot/{bots_of(server, session)[seat]}{at}")


@pytest.mark.parametrize("otree", ["6", "5"])
def test_a_transcript_tells_what_happened_in_its_order(start_server, page, otree):
    server = start_server(otree)
    spoken = contributes(50, "Are points paid out?", refusals=[150, 120])
    session = feed(server, "public_goods", {1: spoken, 2: contributes(0), 3: contributes(50)}, about=ABOUT)
    open_transcript(server, page, session)
    heading = page.locator("header").inner_text()
    assert "P1 Ann" in heading and "finished" in heading and "treatment high" in heading
    assert "3 calls · 1,056 tokens · cost $0.0063 · 2 refusals" in heading
    page.get_by_text("Persona “baker”").click()
    page.get_by_text(PERSONA).wait_for()

    second = page.locator("#step-2")
    told = second.locator(".llm-bots-course").inner_text()
    in_order = ["Attempt 1", "I try 150.", "150", "Refused by oTree", "less than or equal to 100", "Attempt 2", "120"]
    in_order += ["Refused by oTree", "Attempt 3", "Giving 50 is a compromise", "50", "Are points paid out?"]
    places = [0]
    for words in in_order:
        places.append(told.index(words, places[-1]))
    struck = "one => getComputedStyle(one).textDecorationLine === 'line-through'"
    assert [answer.evaluate(struck) for answer in second.locator("b:text-matches('^[0-9]+$')").all()] == [
        True,
        True,
        False,
    ]
    cells = second.locator(".llm-bots-text tr").nth(2).locator("td").all_inner_texts()
    assert cells == ["If you give all", "0 points", "60 points and your share of what others give"]
    assert second.locator(".asked").inner_text() == "[q1: whole number, 0 to 100]"
    assert page.locator("#step-1 .heading").inner_text() == "Instructions"
    assert re.fullmatch(r"\d\d:\d\d:\d\d UTC · 4\.0 s · read", page.locator("#step-1 .llm-bots-when").inner_text())

    wait = page.locator("#step-3")
    assert wait.get_attribute("open") is None and not wait.get_by_text("Waiting for the other").is_visible()
    pages = page.locator(".llm-bots-contents a")
    assert [text.split() for text in pages.all_inner_texts()] == [
        ["1.", "Introduction", "✓"],
        ["2.", "Contribute", "2×", "✓"],
        ["3.", "ResultsWaitPage", "…"],
        ["4.", "Results", "✓"],
        ["5.", "end", "■"],
    ]
    pages.nth(2).click()
    wait.get_by_text("Waiting for the other").wait_for()
    page.locator("a[rel=next]").click()
    # the heading above it has the code of the session, which may have the same letters in it
    page.get_by_role("heading", name="P2", level=3).wait_for()
    assert server.tracebacks() == []


def test_keys_and_search_lead_through_it(start_server, page):
    server = start_server()
    session = feed(server, "public_goods", {1: contributes(50, refusals=[150]), 2: [], 3: []})
    open_transcript(server, page, session)
    at = "document.querySelector('.llm-bots-step.current').id"
    for keys, step in (("n", 1), ("n", 2), ("n", 3), ("n", 4), ("n", 5), ("n", 5), ("p", 4), ("f", 2), ("f", 2)):
        page.keyboard.press(keys)
        assert page.evaluate(at) == f"step-{step}" and page.url.endswith(f"#step-{step}")
    assert page.locator("[aria-current=true]").inner_text().startswith("2. Contribute")

    page.keyboard.press("/")
    page.keyboard.type("POINTS")
    page.locator("#found", has_text="1 of ").wait_for()
    marks = page.locator("#steps mark")
    number = marks.count()
    assert {text.lower() for text in marks.all_inner_texts()} == {"points"} and number > 8
    assert page.locator("#found").inner_text() == f"1 of {number}"
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    assert page.locator("#found").inner_text() == f"3 of {number}" and page.locator("mark.at").count() == 1
    page.keyboard.press("Shift+Enter")
    assert page.locator("#found").inner_text() == f"2 of {number}"
    page.get_by_label("Search in this transcript").fill("for the OTHER part")  # on a page that is folded
    page.locator("#step-3 mark.at").wait_for()
    page.get_by_label("Search in this transcript").fill("<b>(.*)[")
    page.locator("#found", has_text="not found").wait_for()
    page.keyboard.press("Escape")
    assert marks.count() == 0 and page.locator("#found").inner_text() == ""
    page.keyboard.press("p")  # no longer in the field
    assert page.evaluate(at) == "step-2"

    page.emulate_media(media="print")
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert page.get_by_text("Waiting for the other participants.").is_visible()
    assert not page.locator(".llm-bots-tools").is_visible() and not page.locator(".llm-bots-contents").is_visible()
    assert not page.locator("nav").first.is_visible()


def test_a_long_transcript_opens_and_loads_messages_when_asked(start_server, page):
    def long():
        for step in range(1, 601, 2):
            yield plain(step, "Contribute", 2, CONTRIBUTE, fields=[AMOUNT])
            yield from asked(step, step, f"Prompt of step {step}. " * 200, None if step == 3 else '{"q1": 5}')
            if step == 301:
                yield refused(step, 1, "reply", {"": "This is no JSON."}, "I would say 5")
            yield decision(step, {"contribution": 5}, f"Thought {step}.")
            yield left(step)
            yield plain(step + 1, "ResultsWaitPage", 3, "Please wait", page_kind="wait")
            yield left(step + 1, "waited")

    server = start_server()
    session = feed(server, "public_goods", {1: long(), 2: [], 3: []})
    loaded = []
    page.on("request", lambda request: loaded.append(request.url) if "/messages/" in request.url else None)
    open_transcript(server, page, session, at="#step-301")
    page.locator("#step-301.current").wait_for()
    assert page.locator(".llm-bots-step").count() == 600
    assert "I would say 5" in page.locator("#step-301").inner_text() and "Prompt of step" not in page.content()
    page.keyboard.press("f")
    page.locator("#step-3.current", has_text="1 failed call").wait_for()  # after the last comes the first
    assert loaded == []
    raw = page.locator("#step-3 .llm-bots-raw")
    raw.locator("summary").click()
    raw.get_by_text("The provider is overloaded.").wait_for()
    assert "Prompt of step 3." in raw.locator("pre").first.inner_text()
    raw.locator("summary").click()
    raw.locator("summary").click()
    assert len(loaded) == 1  # they are there by now
    page.route("**/messages/**", lambda route: route.abort())
    other = page.locator("#step-5 .llm-bots-raw")
    other.locator("summary").click()
    other.get_by_text("The server did not give these messages.").wait_for()


COLUMNS = "launch_id, participant_id, session_id, participant_code, number, row, started_at, acknowledged, calls"
COLUMNS += ", refusals, input_tokens, output_tokens, cost, unpriced, steps, messages, stop_wanted, pause_wanted"
ONCE_MORE = f"""insert into otree_botex_bot ({COLUMNS}, state)
    select {COLUMNS}, 'stopped' from otree_botex_bot where number = 1"""


def test_bots_that_had_the_same_seat_lead_to_each_other(start_server, page):
    server = start_server()
    session = feed(server, "public_goods", {1: contributes(50), 2: [], 3: []}, [ONCE_MORE])
    later = bots_of(server, session)[1]
    open_transcript(server, page, session)
    page.get_by_text("This bot has not opened a page yet.").wait_for()
    page.locator(".llm-bots-facts").get_by_role("link", name="the bot of launch").click()
    page.get_by_text("Giving 50 is a compromise").wait_for()
    assert page.locator(".llm-bots-facts").get_by_role("link", name="the bot of launch").count() == 1
    page.locator("a[rel=next]").click()
    page.wait_for_url(f"**/bot/{later}")
    assert page.locator("a[rel=prev]").count() == page.locator("a[rel=next]").count() == 1


def test_what_is_not_there_is_said(start_server, page):
    server = start_server()
    session = feed(server, "public_goods", {1: [], 2: [], 3: []})
    open_transcript(server, page, session)
    page.get_by_text("This bot has not opened a page yet.").wait_for()
    bot = bots_of(server, session)[1]
    assert server.get(f"/LLMBots/{session}/bot/{bot}/messages/7") == {"messages": []}
    for path in ("bot/999999", "bot/x", "bot/999999/messages/1"):
        assert server.http.get(f"{server.url}/LLMBots/{session}/{path}", timeout=60).status_code == 404
