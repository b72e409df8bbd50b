"""One page, and what all bots of a session answered there: counted, sorted, filtered, taken along."""

from __future__ import annotations

import pytest

from ..hostile import harmless_csv
from ..record.journal import decision, left
from .fed import feed
from .story import AMOUNT, CONTRIBUTE, contributes, plain

pytestmark = [pytest.mark.server, pytest.mark.browser]

NAME = {**AMOUNT, "key": "q2", "name": "motive", "kind": "text", "label": "Why?", "what": "text"}


def never_decides():
    yield plain(1, "Contribute", 2, CONTRIBUTE, fields=[AMOUNT])
    yield left(1, "left")


def decides(*outcomes):
    """Decides the same in each of its steps on the page."""
    for step, outcome in enumerate(outcomes, start=1):
        yield plain(step, "Contribute", 2, CONTRIBUTE, fields=[AMOUNT])
        yield decision(step, {"contribution": 7})
        yield left(step, outcome)


@pytest.mark.parametrize("otree", ["6", "5"])
def test_all_answers_to_one_page(start_server, page, otree):
    server = start_server(otree)
    given = {1: 50, 2: 0, 3: 100, 4: 50, 5: 9}
    seats = {seat: contributes(amount, refusals=[150] * (seat == 3)) for seat, amount in given.items()}
    about = {seat: {"persona_name": "miser" if seat < 3 else "saint", "treatment": "high"} for seat in given}
    session = feed(server, "public_goods", {**seats, 6: never_decides()}, about=about)
    page.goto(f"{server.url}/LLMBots/{session}/answers")
    rows = page.locator(".llm-bots-answers tbody tr:visible")
    assert rows.count() == 6
    bars = page.locator(".llm-bots-bar")
    assert bars.all_inner_texts() == ["1 × 0", "1 × 9", "2 × 50", "1 × 100"]
    assert "– left" in rows.nth(5).inner_text()

    page.get_by_role("button", name="Answer").click()
    answers = page.locator(".llm-bots-answers tbody tr:visible .answer b")
    assert answers.all_inner_texts() == ["0", "9", "50", "50", "100"]  # as numbers
    page.get_by_role("button", name="Answer").click()
    assert answers.all_inner_texts() == ["100", "50", "50", "9", "0"]
    assert page.locator("th[aria-sort=descending]").inner_text().startswith("Answer")

    page.get_by_label("Persona").select_option("saint")
    assert answers.all_inner_texts() == ["100", "50", "9"] and page.locator("#shown").inner_text() == "3 of 6 rows"
    assert page.locator("#summary").inner_text().endswith("3 answers, no two of them the same")
    page.get_by_label("Answer contains").fill("5")
    assert answers.all_inner_texts() == ["50"] and bars.all_inner_texts() == ["1 × 50"]
    page.get_by_label("Answer contains").fill("")
    page.get_by_label("Persona").select_option("")

    rows.filter(has_text="saint").first.get_by_role("checkbox").check()
    rows.filter(has_text="miser").first.get_by_role("checkbox").check()
    with page.expect_navigation():
        page.get_by_role("button", name="Show the ticked bots side by side").click()
    assert page.locator(".llm-bots-column").count() == 2 and page.get_by_text("Your contribution").count() == 1
    page.go_back()
    page.get_by_role("link", name="P3").click()
    page.locator("#step-2.current", has_text="Refused by oTree").wait_for()
    assert server.tracebacks() == []


def test_pages_fields_and_the_file(start_server, page):
    server = start_server()

    def plays(seat):
        for step in (1, 2):
            yield plain(step, "Contribute", 2, CONTRIBUTE, fields=[AMOUNT, NAME])
            yield {**decision(step, {"contribution": seat, "motive": "=1+1"}, "-2"), "remark": "@home"}
            yield left(step)
        yield plain(3, "Introduction", 1, "Read this.", fields=[NAME])
        yield decision(3, {"motive": "None."}, "So.")

    session = feed(server, "public_goods", {seat: plays(seat) for seat in (1, 2, 3)})
    path = f"{server.url}/LLMBots/{session}/answers"
    page.goto(f"{path}?page=public_goods.Contribute.1")
    pages, fields = page.locator("#page option"), page.locator("#field option")
    listed = ["public_goods / Introduction, round 1 (3)", "public_goods / Contribute, round 1 (6)"]
    assert pages.all_inner_texts() == listed
    assert fields.all_inner_texts() == ["all fields (2)", f"{AMOUNT['label']} (6)", "Why? (6)"]
    assert page.locator("tbody tr").count() == 12
    with page.expect_navigation():
        page.get_by_label("Field").select_option(label="Why? (6)")
    assert page.locator("tbody tr").count() == 6 and page.locator(".llm-bots-bar").all_inner_texts() == ["6 × =1+1"]
    with page.expect_download() as download:
        page.get_by_role("link", name="Download as CSV").click()
    rows = harmless_csv(download.value.path().read_bytes().decode("utf-8"))
    assert [row["seat"] for row in rows] == ["1", "1", "2", "2", "3", "3"]
    expected = {"field": "motive", "question": "Why?", "answer": "'=1+1", "reason": "'-2", "remark": "'@home"}
    assert rows[0].items() >= expected.items() and rows[0]["model"] == "random" and rows[0]["step"] == "1"
    with page.expect_navigation():
        page.get_by_label("Page", exact=True).select_option("public_goods.Introduction.1")
    assert page.locator("tbody tr").count() == 3 and "field=" in page.url and "motive" not in page.url
    for query in ("?page=no.such.1", "?page=x", "?page=public_goods.Contribute.1&field=nosuch"):
        page.goto(path + query)
        assert page.locator("tbody tr").count() == 0
    page.goto(f"{server.url}/LLMBots/{server.session('quiz', 1)}/answers")
    page.get_by_text("No bot of this session was asked anything yet.").wait_for()
    assert server.tracebacks() == []


def test_only_answers_that_were_sent_count(start_server, page):
    """Once, however often the bot had to begin anew."""
    server = start_server()
    seats = {1: decides("interrupted", "submitted"), 2: decides("left"), 3: decides("submitted")}
    session = feed(server, "public_goods", seats)
    page.goto(f"{server.url}/LLMBots/{session}/answers")
    rows = page.locator(".llm-bots-answers tbody .answer")
    assert rows.all_inner_texts() == ["7", "7 not sent: moved on by somebody else", "7"]
    assert page.locator(".llm-bots-bar").all_inner_texts() == ["2 × 7"]
    assert page.locator("#page option").inner_text() == "public_goods / Contribute, round 1 (3)"
    assert page.locator("#field option").last.inner_text() == f"{AMOUNT['label']} (2)"


def test_rounds_can_be_taken_together(start_server, page):
    server = start_server()
    session = server.play("guess_two_thirds", 3)
    page.goto(f"{server.url}/LLMBots/{session}/answers?page=guess_two_thirds.Guess.all")
    names = page.locator("#page option").all_inner_texts()
    assert "guess_two_thirds / Guess, all rounds (9)" in names and "guess_two_thirds / Guess, round 3 (3)" in names
    assert page.locator("tbody tr").count() == 9
    page.get_by_label("P1 side by side").first.check()
    with page.expect_navigation():
        page.get_by_role("button", name="Show the ticked bots side by side").click()
    assert page.locator("#page option:checked").inner_text() == "guess_two_thirds / Guess, round 1"
    page.go_back()
    with page.expect_navigation():
        page.get_by_label("Page", exact=True).select_option("guess_two_thirds.Guess.2")
    assert page.locator("tbody tr").count() == 3
