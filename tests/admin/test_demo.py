"""Random bots finish every experiment of the demo project, on both versions of oTree."""

from __future__ import annotations

import re
import subprocess

import pytest

from ..servers import of_app

pytestmark = pytest.mark.server

EXPERIMENTS = {
    "public_goods": 3,
    "guess_two_thirds": 6,
    "ultimatum": 4,
    "survey": 4,
    "quiz": 4,
    "dictator_de": 2,
    "lottery": 4,
    "attitudes": 3,
    "price_list": 2,
    "memory": 2,
    "bargaining": 4,
    "trust": 4,
    "all_individual": 2,
}
IN_BROWSER = {"auction": 4, "counter_offers": 2, "live_chat": 3, "by_script": 2}
"""Those with pages that live by their scripts; test_by_script.py is about these."""
GERMAN_EUROS = {"DEMO_LANGUAGE": "de", "DEMO_CURRENCY": "euro"}
AGREEMENT = ["Strongly disagree", "Disagree", "Undecided", "Agree", "Strongly agree"]


@pytest.mark.parametrize("environment", [{}, GERMAN_EUROS], ids=["points", "german-euros"])
@pytest.mark.parametrize("otree", ["6", "5"])
def test_random_bots_finish_every_experiment(start_server, otree, environment):
    server = start_server(otree, environment=environment)
    sessions = {server.session(experiment, seats): seats for experiment, seats in EXPERIMENTS.items()}
    for session in sessions:  # all at once, since some have to wait now and then
        server.launch(session, chat_messages=2)  # random talk has no natural end
    for session, seats in sessions.items():
        server.finish(session, seats, seconds=240)
        asked = [row for row in server.export(session, "steps") if row["field"]]
        unanswered = [row for row in asked if not row["answer"] and "null" not in row["text"]]
        assert asked and not unanswered
    assert server.tracebacks() == []


def test_what_is_submitted_is_what_was_answered(start_server):
    """The answers in the bots' record and the data that oTree exports are the same."""
    server = start_server()
    session = server.play("survey", 3)
    rows = [row for row in server.export(session, "steps") if row["field"]]
    said = {(row["participant"], row["field"]): row["answer"] for row in rows}
    data = server.by_participant(session)
    for participant, columns in data.items():
        for name in ("age", "height", "country", "education", "weekend", "nickname", "thirst", "cups"):
            assert columns[f"survey.1.player.{name}"] == said[participant, name]
        assert columns["survey.1.player.student"] == {"Yes": "1", "No": "0"}[said[participant, "student"]]
        assert (
            columns["survey.1.player.tea"]
            == {"Never": "1", "Sometimes": "2", "Every day": "3"}[said[participant, "tea"]]
        )
        assert columns["otree_botex.1.player.is_bot"] == "1"
        assert columns["otree_botex.1.player.model"] == "random"


@pytest.mark.parametrize("otree", ["6", "5"])
def test_what_is_submitted_in_handwritten_forms_is_what_was_answered(start_server, otree):
    """A Likert grid, check boxes, a slider with steps, a list with groups, a date, a time, and a price list."""
    server = start_server(otree)
    session = server.play("attitudes", 4)
    for said, saved in _said_and_saved(server, session, "attitudes"):
        for name in ("worried", "effort", "others", "flights"):
            assert saved[name] == str(1 + AGREEMENT.index(said[name]))
        boxes = ("trains", "solar", "forests", "research")
        assert [saved[name] for name in boxes] == [str(int(said[name] == "True")) for name in boxes]
        assert sum(said[name] == "True" for name in boxes) <= 2
        assert saved["tax"] == said["tax"] and int(saved["tax"]) % 10 == 0
        assert said["vehicle"].endswith(f"By {saved['vehicle'].lower()}")
        assert saved["day"] == said["day"] and saved["hour"] == said["hour"]
    session = server.play("price_list", 2)
    for said, saved in _said_and_saved(server, session, "price_list"):
        choices = {name: answer for name, answer in said.items() if name.startswith("choice_")}
        assert len(choices) == 10 and {name: saved[name] for name in choices} == choices


def test_what_is_submitted_under_a_time_limit_is_what_was_answered(start_server):
    server = start_server()
    session = server.play("memory", 2)
    for said, saved in _said_and_saved(server, session, "memory"):
        assert {name: saved[name] for name in said} == said and len(said) == 2
    session = server.play("bargaining", 2, chat_messages=1)
    for said, saved in _said_and_saved(server, session, "bargaining"):
        assert float(saved["price"]) == float(said["price"]) and saved["is_late"] == "0"


@pytest.mark.parametrize("otree, environment", [("6", {}), ("5", GERMAN_EUROS)], ids=["6-points", "5-german-euros"])
def test_otrees_own_bots_finish_every_experiment(start_server, otree, environment):
    server = start_server(otree, environment=environment)
    server.end()
    done = subprocess.run(
        [str(server.python.parent / "otree"), "test"],
        cwd=server.folder,
        env=server.environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
    played = set(re.findall(r"Creating '(\w+)' session", done.stdout + done.stderr))
    assert played == {*EXPERIMENTS, *IN_BROWSER, "public_goods_with_bots"}


def test_bots_do_not_see_what_a_participant_does_not_see(start_server):
    server = start_server()
    session = server.play("lottery", 2)
    texts = "\n".join(row["text"] for row in server.export(session, "steps"))
    assert "Three urns with ten balls each" in texts  # the picture's alternative text
    for hidden in ("Answer key", "answer_key", "Solution", "vars_for_template", "Debug"):
        assert hidden not in texts
    messages = "\n".join(row["content"] for row in server.export(session, "messages"))
    assert "Answer key" not in messages


def test_the_same_seed_gives_the_same_answers(start_server):
    server = start_server()
    sessions = [server.play("survey", 2, seed=7) for _ in range(2)]
    answers = [[row["answer"] for row in server.export(session, "steps")] for session in sessions]
    assert answers[0] == answers[1]
    other = server.play("survey", 2, seed=8)
    assert [row["answer"] for row in server.export(other, "steps")] != answers[0]


def _said_and_saved(server, session, app):
    """For each participant, by field: the last answer in the bot's record, and the value in oTree's export."""
    said = {}
    for row in server.export(session, "steps"):
        if row["app"] == app and row["field"] and row["outcome"] == "submitted":
            said.setdefault(row["participant"], {})[row["field"]] = row["answer"]
    data = server.by_participant(session)
    assert said and said.keys() == data.keys()
    for participant, answers in said.items():
        yield answers, of_app(data[participant], app)
