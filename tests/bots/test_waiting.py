"""What bots are told does not depend on how long they waited for the others."""

from __future__ import annotations

import subprocess
import threading

import pytest

from otree_botex.bots.waiting import STANDARD, says_nothing

from ..conftest import OTREE
from ..servers import wait_until
from .test_player import OTREES, Model, player

# Prints oTree's words for waiting in all its languages, a line each.
TRANSLATED = """
import gettext, pathlib, otree
words = ["Please wait", "Waiting for the other participants.", "Waiting for the other participant.",
         "Waiting to form a group with other participants.", "Waiting for your session to begin"]
for path in pathlib.Path(otree.__file__).parent.glob("locale/*/LC_MESSAGES/*.mo"):
    with path.open("rb") as file:
        translations = gettext.GNUTranslations(file)
    for word in words:
        print(" ".join(translations.gettext(word).split()))
"""


@OTREES
def test_the_words_of_each_language_are_known(otree, tmp_path):
    """Those that this misses are to be added to bots/wait_texts.txt."""
    if OTREE[otree] is None:
        pytest.skip(f"OTREE{otree}_PYTHON is not set; run the tests with `make test`")
    command = [OTREE[otree], "-X", "utf8", "-c", TRANSLATED]
    told = subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, encoding="utf-8").stdout
    words = set(told.splitlines())
    assert len(words) > 60 and sorted(words - STANDARD) == []


@pytest.mark.parametrize(
    ("text", "nothing"),
    [
        ("", True),
        ("#### Please wait", True),
        ("#### Bitte warten\n\nBitte warten Sie bis der andere Teilnehmer bereit ist.", True),
        ("#### The sender decides\nWaiting for the other participant.", False),
        ("#### Please wait\nYour group has 4 members.", False),
        ("#### Please wait\n[image: urn.png]", False),
    ],
)
def test_what_tells_nothing(text, nothing):
    assert says_nothing(text) is nothing


@pytest.mark.server
@pytest.mark.parametrize(("otree", "language"), [("6", "en"), ("6", "zh-hans"), ("5", "de")])
def test_prompts_do_not_depend_on_who_comes_last(start_server, otree, language):
    """Three play together twice: each round's last is another one. What each is asked is the same to the letter."""
    server = start_server(otree, environment={"DEMO_LANGUAGE": language})
    first, second = _play(server, (0, 1, 2)), _play(server, (1, 2, 0))
    assert first == second
    assert [len(requests) for requests in first] == [3, 3, 3]
    assert "42" in first[0][2][-1]


def _play(server, lasts):
    """What each of three players of the guessing game was asked, if in each round the one that it names comes last."""
    session = server.session("guess_two_thirds", 3)
    models, records = [], []

    def others_wait(me):
        here, *others = (records[(me + i) % 3].of("page") for i in range(3))
        return [pages[-1]["number"] for pages in others if pages] == [here[-1]["number"] + 1] * 2

    def think(me):
        def reply(_):
            if lasts[len(models[me].requests) - 1] == me:
                wait_until(lambda: others_wait(me), 30, "the others wait")
            return {"reason": "", "answers": {"q1": 40 + me}}

        return reply

    threads = []
    for me, link in enumerate(server.links(session)):
        models.append(Model(think(me)))
        bot, record = player(link, models[me])
        records.append(record)
        threads.append(threading.Thread(target=bot.play))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert [record.state["state"] for record in records] == ["finished"] * 3, [record.state for record in records]
    assert [[name for name, _ in record.outcomes()].count("ResultsWaitPage") for record in records] == [2, 2, 2]
    return [[[message["content"] for message in request.messages] for request in model.requests] for model in models]
