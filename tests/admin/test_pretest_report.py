"""The pre-test report in a real browser: what it tells of six bots, printed, as a file of its own, and as tables."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
import subprocess

import pytest

from ..hostile import ALL_OF_THEM, HOSTILE, harmless, harmless_csv
from ..record.journal import control, decision, event, left
from ..record.journal import page as opened
from ..servers import wait_until
from .fed import feed
from .pretested import ALSO, AMOUNT, READY, REMARK, REPLIES, TOO_MANY, seats

pytestmark = [pytest.mark.server, pytest.mark.browser]

TITLES = ["quiz / Instructions", "quiz / Questions", "quiz / Split", "quiz / Results"]


def words(locator):
    """A text as it stands there, without the breaks of its lines."""
    return re.sub(r"\s+", " ", locator.inner_text()).strip()


def table(server, session, name):
    response = server.http.get(f"{server.url}/LLMBots/{session}/report/{name}", timeout=60)
    assert response.ok and name in response.headers["content-disposition"]
    return list(csv.DictReader(io.StringIO(response.content.decode("utf-8-sig"))))


@pytest.mark.parametrize("otree", ["6", "5"])
def test_what_six_bots_found_out(start_server, page, otree):
    server = start_server(otree)
    session = feed(server, "quiz", seats(), ALSO)
    page.goto(f"{server.url}/LLMBots/{session}")
    page.get_by_role("link", name="Pre-test report").first.click()
    page.locator(".verdict").wait_for()
    page.wait_for_load_state("load")

    assert words(page.locator(".verdict")) == (
        "1 of 6 bots did not get to the end. 5 of 6 bots played to the end, all pages were seen. "
        "oTree refused answers on 3 pages, most often on quiz / Instructions, where 2 of 6 bots did not get through at "
        "once. Bots found something unclear or wrong on quiz / Instructions."
    )
    assert [words(tile) for tile in page.locator(".tiles > div").all()] == [
        *("bots at the end 5 of 6", "pages passed 4 of 4", "answers refused 6", "bots’ remarks 4"),
        *("median time of a bot 23 s", "cost $0.24"),
    ]
    assert [words(need) for need in page.locator(".needs li").all()] == [
        f"serious quiz / Split P6 failed: {REPLIES}",
        "look at it quiz / Questions Nobody filled “Why?”",
        f"look at it quiz / Instructions 4 bots found something unclear or wrong: “{REMARK}”",
        "look at it quiz / Questions The time was up for 1 bot (timer: 30 s).",
        "hint quiz / Split All 5 answers to “Coins for Player A” were alike: 2. A ceiling, a default, or a dominant "
        "choice?",
        "hint quiz / Instructions oTree refused the first answer of 2 of 6 bots to “Have you read the rules?”",
        "hint P5 got a payoff of 0.",
        "hint quiz / Questions oTree refused the first answer of 1 of 6 bots to “Coins”.",
        "hint quiz / Split oTree refused the first answer of 1 of 6 bots as a whole.",
    ]
    rows = [[words(cell) for cell in row.locator("td").all()] for row in page.locator(".glance tbody tr").all()]
    assert rows == [
        ["1", TITLES[0], "passed", "6 of 6", "35", "1.5", "3", "4"],
        ["2", TITLES[1], "passed", "6 of 6", "5", "1.33", "2", ""],
        ["3", TITLES[2], "failed", "5 of 6", "3", "1.17", "2", ""],
        ["4", TITLES[3], "passed", "5 of 5", "1", "", "", ""],
    ]

    page.locator(".needs").get_by_role("link", name="quiz / Instructions").first.click()
    first = page.locator("#page-1")
    assert page.url.endswith("#page-1")
    text = words(first)
    assert "6 of 6 got past it left 6 submitted time median 35 s (10 to 60 s)" in text
    assert "took 1.5 calls a visit, 900 tokens, cost $0.09" in text
    assert [words(quote) for quote in first.locator("blockquote").all()] == [
        *(REMARK, "what is a coin worth", "What is one coin worth?", "Too long."),
    ]
    assert (
        "P1 test/model, Anna" in text
        and "3 bots What is a coin worth?" in text
        and "2 bots had nothing to remark." in text
    )
    assert "Have you read the rules? 4 of 6 bots right at once Refused Not yet 3×" in text
    assert "at once 4 2 tries 1 3 tries 1 oTree said: “Please read the rules.” (3×)" in text
    assert "all alike" not in text  # only one answer is right

    second = words(page.locator("#page-2"))
    assert "left 5 submitted, 1 timed out time median 5 s (5 to 30 s), timer 30 s" in second
    assert "Coins 5 of 6 bots right at once Refused 9 1× Tries needed, by how many bots at once 5 2 tries 1" in second
    assert f"oTree said: “{TOO_MANY}”" in second
    assert "Coins by the form, 1×, 1 bot this is not a whole number" in second
    assert "Player A 1 Player B 5 Nobody 0 6 answers, nobody chose Nobody" in second
    assert "6 answers, min 1, median 3.5, max 6" in second and "nobody filled it" in second
    third = words(page.locator("#page-3"))
    assert "5 of 6 bots right at once, 1 never Refused Coins for Player A: 5 2×" in third and "all alike" in third

    assert words(page.locator("#failed tbody tr")) == f"P6 test/model quiz / Split {REPLIES}"
    payoffs = [[words(cell) for cell in row.locator("td").all()] for row in page.locator("#payoffs tbody tr").all()]
    assert payoffs == [
        ["all", "5", "0", "20", "40", "2", "3", "4"],
        ["high", "2", "10", "15", "20", "2.5", "2.75", "3"],
        ["low", "3", "0", "30", "40", "2", "3.5", "4"],
    ]
    assert "median 23 s (20 s to 26 s)" in words(page.locator("#whole"))
    assert "6 bots test/model" in words(page.locator("#played-with")) and "a pre-test" in words(page.locator(".launch"))

    page.locator("blockquote + .by").get_by_role("link", name="P3").click()
    # the heading above it has the code of the session, which may have the same letters in it
    page.get_by_role("heading", name="P3", level=3).wait_for()
    assert page.url.endswith("#step-1") and server.tracebacks() == []


def test_printed_it_has_everything_and_no_navigation(start_server, page, tmp_path):
    if not shutil.which("pdftotext"):
        pytest.skip("pdftotext is not installed (Debian: apt install poppler-utils)")
    server = start_server()
    session = feed(server, "quiz", seats(), ALSO)
    page.goto(f"{server.url}/LLMBots/{session}/report")
    page.pdf(path=tmp_path / "report.pdf", prefer_css_page_size=True)
    text = subprocess.run(["pdftotext", "-layout", tmp_path / "report.pdf", "-"], capture_output=True, text=True).stdout
    text = re.sub(r"\s+", " ", text)
    for said in (*TITLES, REMARK, REPLIES[:40], TOO_MANY, "Payoffs", "What was played with", "test/model"):
        assert said in text, said
    for navigation in ("Monitor", "Download", "Sessions", "Plots"):
        assert navigation not in text
    size = subprocess.run(["pdfinfo", tmp_path / "report.pdf"], capture_output=True, text=True).stdout
    assert "A4" in size


def test_the_file_needs_nothing_else(start_server, page, tmp_path):
    """Opened from a disk it makes no request, and says the same as the page."""
    server = start_server()
    session = feed(server, "quiz", seats(), ALSO)
    page.goto(f"{server.url}/LLMBots/{session}/report")
    shown = words(page.locator(".pretest"))
    with page.expect_download() as download:
        page.get_by_role("link", name="this report as one file").click()
    assert download.value.suggested_filename == f"pretest_{session}_report.html"
    file = tmp_path / "report.html"
    download.value.save_as(file)
    server.end()
    requests = []
    page.on("request", lambda request: requests.append(request.url))
    page.goto(file.as_uri())
    assert requests == [file.as_uri()]
    clock = r"\d{4}-\d\d-\d\d \d\d:\d\d UTC"
    assert re.sub(clock, "", words(page.locator(".pretest"))) == re.sub(clock, "", shown)
    assert page.locator("script, link, img, iframe").count() == 0
    assert all(link.get_attribute("href").startswith("#") for link in page.locator("a").all())
    assert page.locator(".verdict").evaluate("one => getComputedStyle(one).borderLeftWidth") == "8px"
    for width in (1280, 800):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_tables_have_the_same_numbers_and_a_launch_can_be_chosen(start_server, page):
    server = start_server()
    session = feed(server, "quiz", seats(), ALSO)
    rows = table(server, session, "pages.csv")
    assert [row["title"] for row in rows] == TITLES
    first, second, third, _ = rows
    assert (first["reached"], first["passed"], first["left_submitted"], first["seconds_median"]) == (
        "6",
        "6",
        "6",
        "35",
    )
    assert (first["refused_by_otree"], first["bots_refused_by_otree"], first["bots_with_remarks"]) == ("3", "2", "4")
    assert (second["left_timed_out"], second["unfilled"], second["unchosen"]) == ("1", "Why?", "Who decides?: Nobody")
    assert (third["state"], third["alike"], third["calls"], third["tokens"]) == (
        "failed",
        "Coins for Player A",
        "7",
        "700",
    )
    assert [
        (row["alike"], row["seat"], row["persona"], row["remark"]) for row in table(server, session, "remarks.csv")
    ] == [
        ("1", "1", "Anna", REMARK),
        ("1", "2", "", "what is a coin worth"),
        ("1", "3", "", "What is one coin worth?"),
        ("2", "5", "", "Too long."),
    ]
    launch = server.bots(session)[0]["launch"]
    page.goto(f"{server.url}/LLMBots/{session}/report")
    page.get_by_label("Bots of").select_option(launch)
    page.get_by_role("button", name="Show").click()
    page.get_by_text(f"Session {session}, launch {launch}").wait_for()
    assert page.get_by_role("link", name="pages (CSV)").get_attribute("href").endswith(f"?launch={launch}")
    assert "1 of 6 bots did not get to the end." in words(page.locator(".verdict"))
    for path in ("report?launch=nosuch", "report/nosuch.csv"):
        assert server.http.get(f"{server.url}/LLMBots/{session}/{path}", timeout=60).status_code == 404


def test_random_bots_play_a_quiz_and_the_report_follows(start_server, page):
    """From the check of an experiment to its report; and a session without bots."""
    server = start_server()
    session = server.play("quiz", 3, seed=1)  # with which answers are refused
    page.goto(f"{server.url}/LLMBots/{session}/check")
    page.get_by_role("link", name="pre-test report").last.click()
    assert "All 3 bots played to the end, all pages were seen." in words(page.locator(".verdict"))
    assert "Random bots do not read" in words(page.locator("#not-asked"))
    steps = {(row["bot"], row["step"]): json.loads(row["refusals"]) for row in server.export(session, "steps")}
    messages = sum(len(refusal["messages"]) for refusals in steps.values() for refusal in refusals)
    assert sum(int(row["refused"]) for row in table(server, session, "pages.csv")) == messages > 0
    empty = server.session("quiz", 1)
    page.goto(f"{server.url}/LLMBots/{empty}/report")
    page.get_by_text("No bots take part in this session yet.").wait_for()


def test_a_launch_whose_seats_others_went_on_with(start_server, page):
    """Its bots got no further than they did themselves."""
    server = start_server()
    session = server.session("guess_two_thirds", 3)
    first = server.launch(session, bots=2)
    wait_until(lambda: all(bot["state"] == "waiting" for bot in server.bots(session)), 60, "both wait for the third")
    server.post(f"/api/llm_bots/launch/{first}")
    assert [bot["state"] for bot in server.wait_for_end(session)] == ["stopped"] * 2
    seats_again = [bot["participant"] for bot in server.bots(session)]
    server.post_form(
        f"/LLMBots/{session}/add", session, action="launch", model="random", which_seats="picked", seat=seats_again
    )
    server.launch(session)
    server.finish(session, 3)
    page.goto(f"{server.url}/LLMBots/{session}/report")
    assert "All 3 bots played to the end" in words(page.locator(".verdict"))
    page.goto(f"{server.url}/LLMBots/{session}/report?launch={first}")
    assert words(page.locator(".verdict")).startswith("2 of 2 bots did not get to the end.")
    assert "P2, P3 stopped: Stopped while waiting for others." in words(page.locator(".needs"))
    assert "not reached" in words(page.locator("#page-4"))


def test_seats_that_went_on_without_their_bots(start_server):
    """A bot got as far as its own last page, whoever moved its participant on; or to the error that came behind it."""

    def played(error, cause, state="failed"):
        yield opened(1, "Instructions", 1, [READY], "http")
        yield decision(1, {"ready": "Yes"})
        if cause != "page":
            yield left(1)
            yield opened(2, "Questions", 2, [AMOUNT], "http")
        yield {"kind": "state", "state": state, "error": error, "cause": cause}

    server = start_server()
    bots = {1: played("No.", "model"), 2: played("", "", "stopped"), 3: played("Error 500.", "page")}
    moved = "update otree_participant set _index_in_pages = case when id_in_session = 3 then 2 else 4 end"
    session = feed(server, "quiz", bots, [moved])
    found = [(row["state"], row["passed"], row["reached"]) for row in table(server, session, "pages.csv")]
    assert found == [("passed", "3", "3"), ("failed", "0", "3"), *2 * [("not reached", "0", "0")]]


def test_hostile_text_stays_text(start_server, page, tmp_path):
    """All that a page, a model or a persona may have said, in the page, in the file and in the tables."""
    texts = list(HOSTILE.values())
    fields = [
        {
            **{"key": "q1", "name": text, "kind": "choice", "label": text, "required": True, "what": text},
            **{"options": [text, ALL_OF_THEM]},
        }
        for text in texts
    ]
    said = {text: text for text in texts}
    refusal = {"kind": "refusal", "step": 1, "attempt": 1, "messages": said, "said": said}

    def played(seat):
        yield opened(1, "Instructions", 1, fields, "http")
        yield {**refusal, "by": "server"}
        yield {**refusal, "by": "form"}
        yield {**decision(1, said), "remark": texts[seat]}
        yield left(1)
        controls = [{**control(number, text, kind=text), "name": text} for number, text in enumerate(texts)]
        yield opened(2, "Questions", 2, controls, needs_script=ALL_OF_THEM)
        yield event(2, "refused", what=texts[seat], url=texts[seat])
        yield event(2, "form", url="", entries=[[text, text] for text in texts])
        yield event(2, "live out", message=ALL_OF_THEM)
        yield {**decision(2, said), "remark": ALL_OF_THEM}
        yield left(2, untouched=True)
        yield {"kind": "state", "state": "failed", "error": texts[seat], "cause": "page"}

    quoted = [text.replace("'", "''").replace("\0", "") for text in texts]
    also = [
        *ALSO[:1],
        *(
            f"update otree_botex_bot set persona_name = '{text}', treatment = '{text}' where number = {seat}"
            for seat, text in enumerate(quoted, 1)
        ),
        f"update otree_botex_launch set started_by = '{quoted[0]}', prompts = '{quoted[1]}'",
    ]
    server = start_server()
    session = feed(server, "quiz", {seat: list(played(seat - 1)) for seat in range(1, len(texts) + 1)}, also)
    page.goto(f"{server.url}/LLMBots/{session}/report")
    assert page.locator("blockquote").count() > 20
    harmless(page)
    file = tmp_path / "report.html"
    file.write_bytes(server.http.get(f"{server.url}/LLMBots/{session}/report/report.html", timeout=60).content)
    page.goto(file.as_uri())
    assert page.locator("blockquote").count() > 20
    harmless(page)
    for name in ("pages.csv", "remarks.csv"):
        text = server.http.get(f"{server.url}/LLMBots/{session}/report/{name}", timeout=60).content.decode("utf-8")
        assert harmless_csv(text)
