"""The plots of a session in a real browser: what is drawn, the tables and the CSV files, who is counted as what."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from statistics import fmean
from urllib.parse import urlencode

import pytest
import requests

from ..hostile import HOSTILE, harmless, harmless_csv
from ..record.journal import left
from ..record.journal import page as seen
from ..servers import edit, wait_until
from .fed import feed
from .postgres import production

pytestmark = [pytest.mark.server, pytest.mark.browser]

GUESS = "guess_two_thirds.guess"


class PersonByScript:
    """Somebody who fills in forms by HTTP, as a browser would send them."""

    def __init__(self, link, **answers):
        self.answers, self.http = answers, requests.Session()
        self.page = self.http.get(link, timeout=60)

    def has_ended(self, until="/OutOfRangeNotification/"):
        """Goes on as far as it can, and tells whether it is there."""
        self.page = self.http.get(self.page.url, timeout=60)
        while "otree-wait-page" not in self.page.headers and until not in self.page.url:
            names = re.findall(r'<(?:input|select)[^>]* name="(\w+)"', self.page.text)
            data = {name: self.answers[name] for name in names if name in self.answers}
            self.page = self.http.post(self.page.url, data=data, timeout=60)
            assert self.page.ok and "otree-redisplay-with-errors" not in self.page.headers, self.page.text
        return until in self.page.url


def all_end(people, seconds=90):
    wait_until(lambda: all([person.has_ended() for person in people]), seconds, "all people have ended")


def plots(server, session, **asked):
    return f"{server.url}/LLMBots/{session}/plots?{urlencode(asked)}"


def numbers(server, session, name, **asked):
    """A CSV file of the plots, as rows of texts."""
    answer = requests.get(f"{server.url}/LLMBots/{session}/plots/{name}.csv", params=asked, timeout=60)
    assert answer.ok, answer.text
    return list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))


def table(page, name, number):
    """One of a plot's tables as it is shown: 0 what the answers come to, -1 all numbers."""
    tables = page.locator(f"section[data-plot='{name}'] table")
    table = tables.nth(tables.count() - 1 if number < 0 else number)
    return [row.locator("th, td").all_text_contents() for row in table.locator("tr").all()]


def colours(page, name):
    """How many points of a plot's canvas have each colour."""
    points = page.locator(f"section[data-plot='{name}'] canvas").evaluate(
        """canvas => {
            const {data} = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height), found = {};
            for (let at = 0; at < data.length; at += 4) {
                const colour = [...data.slice(at, at + 3)].map(part => part.toString(16).padStart(2, '0')).join('');
                if (data[at + 3] === 255) found[colour] = (found[colour] || 0) + 1;
            }
            return found;
        }"""
    )
    return Counter(points)


def guesses(server, session, seats):
    """The guesses of some seats in all rounds, as oTree exports them."""
    rows = [row for row in server.wide(session) if int(row["participant.id_in_session"]) in seats]
    return [int(row[f"guess_two_thirds.{number}.player.guess"]) for number in (1, 2, 3) for row in rows]


@pytest.mark.parametrize("otree", ["6", "5"])
def test_bots_and_people_of_a_session(start_server, page, otree):
    server = start_server(otree)
    session = server.session("guess_two_thirds", 6)
    asked = []
    page.on("request", lambda request: asked.append(request.url))

    page.goto(plots(server, session))
    page.get_by_text("No bot has answered a question of this session yet.").wait_for()
    page.get_by_role("link", name="Bots and people").click()
    page.get_by_text("Neither bots nor people have answered a question yet.").wait_for()

    server.launch(session, bots=3, seed=7)
    server.finish(session, 3)
    page.reload()
    page.get_by_text("No person has answered in the session that is chosen above.").wait_for()
    all_end([PersonByScript(link, guess=20 + number) for number, link in enumerate(server.links(session)[:3])])
    bots = guesses(server, session, {4, 5, 6})

    page.get_by_role("link", name="Refresh").click()
    page.locator("canvas").wait_for()
    assert page.get_by_label("People of").locator("option").all_inner_texts() == ["this session (played by 3)"]
    summary = table(page, GUESS, 0)
    assert [row[:3] for row in summary] == [
        ["Group", "Answers", "Left empty"],
        ["Bots", "9", "0"],
        ["People", "9", "0"],
    ]
    assert summary[2][3:] == ["21", "0.866", "21", ""]
    assert float(summary[1][3]) == round(fmean(bots), 2)
    assert float(summary[1][6]) == pytest.approx(fmean(bots) - 21, abs=0.006)
    assert summary == [row[2:] for row in numbers(server, session, "comparison_summary")]
    shown = colours(page, GUESS)
    assert shown["0072b2"] > 100 and shown["333333"] > 100, shown.most_common(5)

    (whole,) = [row for row in table(page, GUESS, -1) if row[0].startswith("20")]
    assert whole[3:5] == ["100", "9"] and int(whole[2]) == sum(20 <= guess <= 29 for guess in bots)
    assert float(whole[5]) == pytest.approx(float(whole[1]) - 100, abs=0.1)
    assert table(page, GUESS, -1) == numbers(server, session, "comparison", chart=GUESS)
    assert not page.locator("section table").last.is_visible()
    page.locator("section summary").focus()
    page.keyboard.press("Enter")
    assert page.locator("section table").last.is_visible()

    page.get_by_role("link", name="Answers of bots").click()
    page.get_by_label("Bots by").select_option("round")
    page.get_by_role("button", name="Show").click()
    page.locator("canvas").wait_for()
    assert [row[:2] for row in table(page, GUESS, 0)[1:]] == [[f"Round {number}", "3"] for number in (1, 2, 3)]
    assert table(page, GUESS, -1) == numbers(server, session, "answers", chart=GUESS, by="round")
    long = numbers(server, session, "answers", by="round")
    assert long[0] == ["plot", "title", "group", "n", "label", "Percent", "Count"]
    assert Counter(row[2] for row in long[1:] for _ in range(int(row[-1]))) == {f"Round {n}": 3 for n in (1, 2, 3)}
    assert min(colours(page, GUESS)[colour] for colour in ("0072b2", "e69f00", "009e73")) > 50
    height = "Math.max(...Chart.getChart(document.querySelector('canvas')).data.datasets.flatMap(one => one.data))"
    assert page.evaluate(height) >= 33
    page.get_by_label("Count").check()
    assert page.evaluate(height) <= 3

    page.get_by_role("link", name="Progress over time").click()
    page.locator("canvas").wait_for()
    left = {(row["bot"], row["step"]) for row in server.export(session, "steps") if row["kind"] != "end"}
    assert table(page, "progress", -1) == numbers(server, session, "progress", chart="progress", by="round")
    assert sum(int(cell) for cell in table(page, "progress", -1)[-1][2::2]) == len(left)
    page.get_by_role("link", name="Tokens and cost").click()
    page.get_by_text("All values are 0.").first.wait_for()
    assert table(page, "cost", -1) == numbers(server, session, "spending", chart="cost", by="round")
    assert all(url.startswith(server.url) for url in asked), asked
    assert server.tracebacks() == []


def test_people_of_another_session(start_server, page):
    server = start_server()
    first, second, third = (server.session("guess_two_thirds", 3) for _ in range(3))
    all_end([PersonByScript(link, guess=33) for link in server.links(first)])
    server.launch(second, seed=1)
    server.finish(second, 3)
    PersonByScript(server.links(third)[0], guess=50)  # has only looked at the first page
    live = server.session("auction", 2)
    assert "asks for a field that could be drawn" in server.get(f"/LLMBots/{live}/plots?show=comparison")
    other = server.session("lottery", 2)
    PersonByScript(server.links(other)[0])

    page.goto(plots(server, second, show="comparison"))
    people = page.get_by_label("People of")
    assert people.locator("option").all_inner_texts() == [
        "this session (played by 0)",
        f"{third} (played by 1)",
        f"{first} (played by 3)",
    ]
    people.select_option(first)
    page.get_by_role("button", name="Show").click()
    page.locator("canvas").wait_for()
    assert [row[:2] for row in table(page, GUESS, 0)[1:]] == [["Bots", "9"], ["People", "9"]]
    assert table(page, GUESS, 0)[2][3] == "33"
    assert table(page, GUESS, -1) == numbers(server, second, "comparison", chart=GUESS, people=first)
    page.get_by_role("link", name="Answers of bots").click()
    page.get_by_role("link", name="Bots and people").click()
    assert page.get_by_label("People of").input_value() == first  # it is remembered
    page.goto(plots(server, second, show="comparison", people=other))
    page.get_by_text(f"There is no session {other} of this config.").wait_for()
    for path in ("nosuch.csv", "answers.csv?by=nosuch", "answers.csv?chart=nosuch", "progress_summary.csv"):
        answer = requests.get(f"{server.url}/LLMBots/{second}/plots/{path}", timeout=60)
        assert answer.status_code == 404 and answer.text.startswith("There "), path
    assert server.tracebacks() == []


def test_seats_that_a_bot_and_a_person_had(start_server):
    """A person goes on where a bot was stopped, a bot goes on where a person was: each answer is counted once, as that
    of who gave it."""
    server = start_server()
    session = server.session("guess_two_thirds", 3)
    links = server.links(session)
    tab = f"/LLMBots/{session}"

    def take(seat):
        code = links[seat - 1].rsplit("/", 1)[1]
        server.post_form(f"{tab}/add", session, model="random", which_seats="picked", seat=code)

    def is_there(bot, state):
        return any(one["seat"] == bot and one["state"] == state for one in server.bots(session))

    take(1)
    wait_until(lambda: is_there(1, "waiting"), 90, "the bot has answered in round 1")
    server.post_form(tab, session, action="stop")
    wait_until(lambda: is_there(1, "stopped"), 90, "the bot has stopped")
    first, second, third = (PersonByScript(link, guess=guess) for link, guess in zip(links, (60, 40, 40), strict=True))
    wait_until(lambda: all([one.has_ended("/Results/4") for one in (first, second, third)]), 90, "round 1 is over")
    take(3)
    all_end([first, second])
    wait_until(lambda: is_there(3, "finished"), 90, "the bot on the third seat has finished")

    header, bots, people = numbers(server, session, "comparison_summary")
    assert bots[2:5] == ["Bots", "3", "0"] and people[2:6] == ["People", "6", "0", "46.67"]
    rows = server.wide(session)
    guess = [[int(row[f"guess_two_thirds.{number}.player.guess"]) for number in (1, 2, 3)] for row in rows]
    assert float(bots[5]) == round(fmean([guess[0][0], *guess[2][1:]]), 2)
    assert numbers(server, session, "answers_summary", by="round")[1:][0][2:4] == ["Round 1", "1"]
    assert server.tracebacks() == []


def test_fields_of_groups_choices_and_texts(start_server, page):
    server = start_server()
    numbered = "choices=[[1, 'No degree'], [2, 'High school'], [3, 'University']]"  # which are stored as texts
    edit(server, "survey/__init__.py", r"choices=\['No degree', 'High school', 'University'\]", numbered)
    session = server.play("ultimatum", 4, seed=3)
    rows = numbers(server, session, "answers_summary")
    assert [row[0] for row in rows] == ["plot", "ultimatum.group.offer", "ultimatum.group.accepted"]
    assert [row[3] for row in rows[1:]] == ["2", "2"]  # one for each pair
    page.goto(plots(server, session))
    assert [row[0] for row in table(page, "ultimatum.group.accepted", -1)] == ["Answer", "Yes", "No"]

    session = server.play("survey", 3, seed=3)
    wide = server.wide(session)
    page.goto(plots(server, session))
    page.get_by_text("Not drawn, since they take texts or several answers at once: survey / country").wait_for()
    shown = table(page, "survey.trust", -1)
    assert [row[0] for row in shown[1:]] == [
        "Strongly disagree",
        "Disagree",
        "Neither agree nor disagree",
        "Agree",
        "Strongly agree",
    ]
    answered = Counter(row["survey.1.player.trust"] for row in wide)
    assert [int(row[2]) for row in shown[1:]] == [answered[str(number)] for number in range(1, 6)]
    degrees = Counter(row["survey.1.player.education"] for row in wide)
    assert [(row[0], int(row[2])) for row in table(page, "survey.education", -1)[1:]] == [
        ("No degree", degrees["1"]),
        ("High school", degrees["2"]),
        ("University", degrees["3"]),
    ]
    empty = sum(row["survey.1.player.siblings"] == "" for row in wide)
    assert table(page, "survey.siblings", 0)[1][1:3] == [str(3 - empty), str(empty)]


def test_a_page_that_chooses_its_fields(start_server):
    """Bots' answers tell what it asked for; what the experiment counts up itself is no answer."""
    server = start_server()
    chosen = "@staticmethod\n    def get_form_fields(player):\n        return ['guess']\n"
    edit(server, "guess_two_thirds/__init__.py", r"form_fields = \['guess'\]\n", chosen)
    session = server.session("guess_two_thirds", 6)
    server.launch(session, bots=3)
    server.finish(session, 3)
    all_end([PersonByScript(link, guess=20) for link in server.links(session)[:3]])
    rows = numbers(server, session, "comparison_summary")[1:]
    assert [row[:1] + row[2:4] for row in rows] == [[GUESS, "Bots", "9"], [GUESS, "People", "9"]]
    assert [row[0] for row in numbers(server, session, "answers_summary")[1:]] == [GUESS]


def test_tokens_and_cost_of_pages(start_server, page):
    server = start_server()
    session = feed(server, "guess_two_thirds", {1: asked(2, 100, 10, 0.001), 2: asked(2, 50, 5, 0.0005), 3: asked(2)})
    page.goto(plots(server, session, show="spending"))
    page.locator("canvas").first.wait_for()
    assert table(page, "input_tokens", -1) == [
        ["Page", "Bots: mean per bot", "Bots: total"],
        ["guess_two_thirds / Guess", "50", "150"],
        ["guess_two_thirds / Results", "10", "30"],
        ["All pages", "60", "180"],
    ]
    assert table(page, "output_tokens", -1)[-1] == ["All pages", "7", "21"]
    assert table(page, "cost", -1) == numbers(server, session, "spending", chart="cost")
    assert table(page, "cost", -1)[1] == ["guess_two_thirds / Guess", "0.0005", "0.0015"]
    assert colours(page, "cost")["0072b2"] > 100


def asked(number, *took):
    """A bot that asked its model on two pages, the first of them with this number in the sequence."""
    for step, name, of_page, used in (
        (1, "Guess", number, took or (0, 0, None)),
        (2, "Results", number + 2, (10, 2, 0)),
    ):
        yield seen(step, name, of_page)
        about = {"step": step, "number": step, "purpose": "decision"}
        yield {"kind": "request", **about, "sent": [], "schema": {}, "seed": 1}
        tokens = dict(zip(("input_tokens", "output_tokens", "cost"), used, strict=True))
        yield {"kind": "reply", "step": step, "number": step, "content": "{}", "model": "m", **tokens}
        yield left(step)


@pytest.mark.postgres
def test_with_postgresql(start_server, database):
    server = start_server(**production(database))
    session = server.session("lottery", 4)
    server.launch(session, bots=2, seed=1)
    links = server.links(session)[:2]
    wait_until(lambda: len(server.bots(session)) == 2, 90, "the bots are there")
    all_end([PersonByScript(link, lottery="B", bet="4") for link in links])
    server.finish(session, 2)
    for by in ("none", "model", "persona", "treatment", "round"):
        assert {row[2] for row in numbers(server, session, "comparison_summary", by=by)[1:]} > {"People"}
        for name in ("answers", "comparison", "progress", "spending"):
            assert len(numbers(server, session, name, by=by)) > 1
            assert server.get(f"/LLMBots/{session}/plots?show={name}&by={by}")
    bet = next(row for row in numbers(server, session, "comparison_summary")[1:] if row[2] == "People" and row[5])
    assert bet[0] == "lottery.bet" and bet[3:7] == ["4", "0", "4", "0"]


def test_hostile_texts_stay_texts(start_server, page):
    """In personas, treatments, questions and choices: on the page, in its drawings and in the CSV files."""
    server = start_server(
        settings=f"SESSION_CONFIGS = [dict(one, treatment={HOSTILE['end_of_script']!r}) for one in SESSION_CONFIGS]"
    )
    names = [text for text in HOSTILE.values() if len(text) <= 100]
    folder = server.folder / "_llm_bots" / "personas"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "crowd.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([["name", "about"], *([name, "A person."] for name in names)])
    session = server.session("lottery", len(names))
    server.launch(session, personas="crowd")
    server.finish(session, len(names), 300)
    choices = [["A", HOSTILE["image"]], *([text, text] for text in HOSTILE.values())]
    edit(
        server,
        "lottery/__init__.py",
        r"choices=\[\[x\['name'\].*\n",
        f"choices={choices!r}, label={HOSTILE['script']!r}\n",
    )
    for by in ("persona", "treatment"):
        for show in ("answers", "comparison", "progress", "spending"):
            page.goto(plots(server, session, show=show, by=by))
            page.locator("section").first.wait_for()
            page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")
            harmless(page)
            rows = harmless_csv(text_of(server, session, show, by))
            assert len(rows) >= (len(names) if by == "persona" else 1)
    page.set_viewport_size({"width": 800, "height": 600})
    page.goto(plots(server, session, by="persona"))
    assert HOSTILE["script"] in page.locator("h4").first.text_content()
    assert page.get_by_text("Drawn are the 8 largest of").count() == 2
    assert HOSTILE["svg"] in [row[0] for row in table(page, "lottery.lottery", 0)]
    assert HOSTILE["frame"] in [row[0] for row in table(page, "lottery.lottery", -1)]
    harmless(page)
    assert server.tracebacks() == []


def text_of(server, session, name, by):
    answer = requests.get(f"{server.url}/LLMBots/{session}/plots/{name}.csv", params={"by": by}, timeout=60)
    return answer.content.decode("utf-8")
