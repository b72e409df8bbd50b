"""Tests of replays: the replies of an earlier launch, as long as the pages are the same."""

from __future__ import annotations

import threading
import time

import pytest

from otree_botex.errors import ModelError, SetupError, TransientModelError
from otree_botex.llm import ModelOptions, Request, load
from otree_botex.records import Recorded

SYSTEM = {"role": "system", "content": "You take part."}
BETWEEN = "\n\n---\n\n"
OFFER = "Offer\nTime left: 1:00\nHow much do you give?\n(number, now empty)"
RESULT = "Result\nYou gave 5 points.\nGo on?\n( ) Yes"


def user(content: str) -> dict:
    return {"role": "user", "content": content}


def bot(content: str) -> dict:
    return {"role": "assistant", "content": content}


def decision(step: int, page: str, reply: str | None) -> Recorded:
    return Recorded(step, page, "decision", reply)


def replay(*records: Recorded, goes_on: bool = False):
    return load("replay:abc", ModelOptions(goes_on=goes_on), lambda: {1: records})


def ask(model, *messages: dict, purpose: str = "decision", seat: int = 1, deadline: float | None = None) -> str:
    request = Request([SYSTEM, *messages], {"type": "object"}, seat=seat, purpose=purpose, deadline=deadline)
    completion = model.complete(request)
    assert (completion.model, completion.mode, completion.cost) == ("replay:abc", "replay", 0.0)
    return completion.text


def test_the_replies_come_in_their_order():
    model = replay(decision(1, OFFER, "five"), decision(1, OFFER, "5"), decision(3, RESULT, "yes"))
    first = [user(f"Welcome{BETWEEN}{OFFER.replace('1:00', '0:42')}")]  # the time that is left passes
    assert ask(model, *first) == "five"
    second = [*first, bot("five"), user("That was refused.")]
    assert ask(model, *second) == "5"  # asked again on the same page, which is not shown again
    assert ask(model, *second, bot("5"), user(f"Wait.{BETWEEN}{RESULT.replace('( )', '(x)')}")) == "yes"
    with pytest.raises(ModelError, match=r"the record ends here: 3 replies, and none to the page “Thanks”"):
        ask(model, *second, bot("5"), user(RESULT), bot("yes"), user("Thanks\nAnything else?"))


def test_the_first_page_that_differs_is_named():
    model = replay(decision(1, OFFER, "5"), decision(2, RESULT, "yes"))
    ask(model, user(OFFER))
    with pytest.raises(ModelError) as caught:
        ask(model, user(OFFER), bot("5"), user(f"Wait.{BETWEEN}{RESULT.replace('5 points', '6 points')}"))
    assert type(caught.value) is ModelError
    assert str(caught.value) == (
        "Replay: the page “Result” differs from the record. Recorded: “You gave 5 points.”. Now: “You gave 6 points.”. "
        "A replay needs the same experiment, session config, number of participants and seeds."
    )
    with pytest.raises(ModelError, match="Recorded: “\\( \\) Yes”. Now: nothing"):
        ask(model, user(OFFER), bot("5"), user(RESULT[: RESULT.index("\n( )")]))


def test_what_was_on_an_earlier_page_does_not_count():
    model = replay(decision(1, OFFER, "5"), decision(2, OFFER, "6"))
    ask(model, user(OFFER))
    with pytest.raises(ModelError, match="differs"):
        ask(model, user(OFFER), bot("5"), user(RESULT))


def test_a_page_that_had_no_reply_in_time_has_none_again():
    model = replay(decision(1, OFFER, None), decision(2, RESULT, "yes"))
    began = time.monotonic()
    with pytest.raises(TransientModelError, match="no reply came in time"):
        ask(model, user(OFFER), deadline=began + 0.2)
    assert 0.2 <= time.monotonic() - began < 2
    assert ask(model, user(f"{OFFER}{BETWEEN}The time was up.{BETWEEN}{RESULT}")) == "yes"


def talk(step: int, page: str, reply: str) -> Recorded:
    return Recorded(step, page, "talk", reply)


def test_talk_may_be_longer_or_shorter_than_it_was():
    """When who hears what depends on the moment; what was said, and decided, is said and decided again."""
    records = [talk(1, OFFER, "hi"), talk(1, OFFER, "bye"), decision(1, OFFER, "5"), decision(2, RESULT, "yes")]
    for turns in ([], ["hi"], ["hi", "bye"], ["hi", "bye", "", ""]):
        model, said = replay(*records), [user(OFFER)]
        for turn in turns:
            assert ask(model, *said, purpose="talk") == turn
            said += [bot(turn), user("You hear nothing.")]
        assert ask(model, *said) == "5"
        assert ask(model, *said, bot("5"), user(RESULT)) == "yes"
        other = replay(*records)
        with pytest.raises(ModelError, match="differs"):
            ask(other, user(RESULT), purpose="talk" if turns else "decision")


def test_notes_of_a_context_that_was_full_are_passed_over():
    model = replay(decision(1, OFFER, "5"), Recorded(2, RESULT, "notes", "I gave 5."), decision(2, RESULT, "yes"))
    ask(model, user(OFFER))
    assert ask(model, user(OFFER), bot("5"), user(RESULT)) == "yes"


def test_going_on_from_the_middle():
    rounds = [decision(step, OFFER, str(step)) for step in (1, 2, 3)]
    records = [*rounds, decision(4, RESULT, "no"), decision(4, RESULT, "yes")]
    assert ask(replay(*records, goes_on=True), user(RESULT)) == "no"
    said = [user(OFFER), bot("1"), user(OFFER), bot("2"), user(OFFER)]
    model = replay(*records, goes_on=True)
    assert ask(model, *said) == "3"  # of several pages alike, the one before which the same was said
    assert ask(model, *said, bot("3"), user(RESULT)) == "no"
    with pytest.raises(ModelError, match="“Offer” differs"):
        ask(replay(*records[3:], goes_on=True), user(OFFER))
    with pytest.raises(ModelError, match="“Result” differs"):  # a session that begins otherwise is no such middle
        ask(replay(*records), user(RESULT))


def test_many_seats_at_once():
    pages = [f"Page {step}\nChoose." for step in range(50)]
    records = {seat: [decision(step, page, f"{seat}.{step}") for step, page in enumerate(pages)] for seat in range(8)}
    model = load("replay:abc", ModelOptions(), lambda: records)
    replies: dict[int, list[str]] = {}

    def play(seat: int) -> None:
        replies[seat] = [ask(model, user(page), seat=seat) for page in pages]

    threads = [threading.Thread(target=play, args=[seat]) for seat in records]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert replies == {seat: [record.reply for record in all_] for seat, all_ in records.items()}


def test_records_that_are_missing():
    with pytest.raises(SetupError, match="needs the record"):
        load("replay:abc", ModelOptions())
    with pytest.raises(SetupError, match="asked anything in the launch 'abc'"):
        load("replay:abc", ModelOptions(), lambda: {1: []})
    with pytest.raises(ModelError, match="no replies of participant 2"):
        ask(replay(decision(1, OFFER, "5")), user(OFFER), seat=2)
