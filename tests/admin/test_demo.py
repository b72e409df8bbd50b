"""Random bots finish every experiment of the demo project, on both versions of oTree."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.server

EXPERIMENTS = {
    "public_goods": 3,
    "guess_two_thirds": 6,
    "ultimatum": 4,
    "survey": 4,
    "quiz": 4,
    "dictator_de": 2,
    "lottery": 4,
    "all_individual": 2,
}
GERMAN_EUROS = {"DEMO_LANGUAGE": "de", "DEMO_CURRENCY": "euro"}


@pytest.mark.parametrize("environment", [{}, GERMAN_EUROS], ids=["points", "german-euros"])
@pytest.mark.parametrize("otree", ["6", "5"])
def test_random_bots_finish_every_experiment(start_server, otree, environment):
    server = start_server(otree, environment=environment)
    for experiment, participants in EXPERIMENTS.items():
        session = server.play(experiment, participants)
        asked = [row for row in server.export(session, "steps") if row["field"]]
        unanswered = [row for row in asked if not row["answer"] and "null" not in row["text"]]
        assert asked and not unanswered
    assert "Traceback" not in server.log() + server.runner_logs()


def test_what_is_submitted_is_what_was_answered(start_server):
    """The answers in the bots' record and the data that oTree exports are the same."""
    server = start_server()
    session = server.play("survey", 3)
    rows = [row for row in server.export(session, "steps") if row["field"]]
    said = {(row["participant"], row["field"]): row["answer"] for row in rows}
    data = _wide(server, session)
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


def _wide(server, session):
    import csv
    import io

    path = f"/ExportWide?session_code={session}"
    rows = csv.DictReader(io.StringIO(server.get(path)))
    return {row["participant.code"]: row for row in rows if row["session.code"] == session}
