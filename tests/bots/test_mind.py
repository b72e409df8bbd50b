"""How a bot decides: what it is shown, what comes back when it is refused, what it remembers."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from threading import Event

import jsonschema
import pytest

from otree_botex.bots import exchange
from otree_botex.bots.chat import Chat, Line
from otree_botex.bots.decision import TIMED_OUT
from otree_botex.bots.exchange import TRIES
from otree_botex.bots.form import Field, Form
from otree_botex.bots.gate import Gate
from otree_botex.bots.mind import Mind, Turn
from otree_botex.bots.patience import Stopped
from otree_botex.bots.pictures import Picture
from otree_botex.bots.wording import Prompts
from otree_botex.errors import ModelError, Refused, TimeUp, TransientModelError
from otree_botex.llm import Completion
from otree_botex.records import Memory

from .scripted import Journal, NoteTaker, ScriptedLLM, answer, contents, mind, page

prompt = Prompts()


def test_a_decision():
    llm = ScriptedLLM(answer(42))
    thinker, journal = mind(llm)
    decision = thinker.decide(page())
    assert (decision.answers, decision.reason, decision.entries) == ({"q1": 42}, "Because.", (("amount", "42"),))
    assert contents(llm.requests[0]) == [prompt("system"), "How much? [q1]"]
    assert llm.requests[0].schema["properties"]["answers"]["properties"]["q1"]["maximum"] == 100
    (recorded,) = journal.of("decision")
    assert recorded["answers"] == {"amount": 42} and recorded["entries"] == [["amount", "42"]]


def test_the_system_prompt_and_earlier_pages_come_first_and_unchanged():
    """So that a provider's prompt cache holds: each request begins with the whole of the one before."""
    llm = ScriptedLLM(answer(1), answer(2), answer(3))
    thinker, _ = mind(llm)
    for number in (1, 2, 3):
        thinker.decide(page(number, f"Page {number}"))
    for before, after in zip(llm.requests, llm.requests[1:], strict=False):
        assert contents(after)[: len(before.messages)] == contents(before)


def test_what_tells_nothing_on_wait_pages_is_not_shown():
    """Who comes last never sees them: a prompt must not depend on that."""
    llm = ScriptedLLM(answer(1))
    thinker, _ = mind(llm)
    for text in ("#### Please wait\nWaiting for the other participants.", "#### Please wait\nThe urn is being filled."):
        thinker.read(replace(page(1, text), kind="wait"))
    thinker.decide(page(2, "How much?"))
    assert contents(llm.requests[0])[-1].split("\n\n---\n\n") == [
        "#### Please wait\nThe urn is being filled.",
        "How much?",
    ]


def test_pages_without_a_decision_are_shown_with_the_next_one():
    llm = ScriptedLLM(answer(1))
    thinker, _ = mind(llm)
    thinker.read(page(1, "The rules"))
    thinker.read(page(2, "More rules"))
    thinker.decide(page(3, "How much?"))
    assert contents(llm.requests[0])[-1].split("\n\n---\n\n") == ["The rules", "More rules", "How much?"]


@pytest.mark.parametrize(
    ("reply", "by", "told"),
    [
        ("no idea", "reply", "not JSON"),
        ("", "reply", "empty"),
        ('{"reason": "x", "answers": {"q1": 5', "reply", "cut off"),
        ({"reason": "x"}, "reply", 'no "answers"'),
        (answer(101), "form", "101 is more than 100"),
        (answer("ten"), "form", "'ten' is not a whole number"),
        ({"reason": "x", "answers": {}}, "form", "missing"),
        ({"reason": "x", "answers": {"q1": 5, "amount": 5}}, "form", "no such field"),
    ],
)
def test_what_is_refused_goes_back_in_words(reply, by, told):
    llm = ScriptedLLM(reply, answer(7))
    thinker, journal = mind(llm)
    assert thinker.decide(page()).answers == {"q1": 7}
    (refusal,) = journal.of("refusal")
    assert refusal["by"] == by and told in " ".join(refusal["messages"].values())
    assert told in contents(llm.requests[1])[-1]
    assert len(journal.of("decision")) == 1  # what was refused never was one


@pytest.mark.parametrize(
    "text",
    [
        '{"reason": "r", "answers": {"q1": 5}}',
        '```json\n{"reason": "r", "answers": {"q1": 5}}\n```',
        'Here it is: {"reason": "r", "answers": {"q1": 5}} as you asked.',
        '<think>{"q1": 99}?</think>{"reason": "r", "answers": {"q1": 5}}',
    ],
)
def test_replies_wrapped_in_thoughts_or_prose_are_understood(text):
    thinker, _ = mind(ScriptedLLM(text))
    assert thinker.decide(page()).answers == {"q1": 5}


def test_what_otree_refuses_goes_back_with_its_field():
    llm = ScriptedLLM(answer(10), answer(20))
    thinker, journal = mind(llm)
    thinker.decide(page())
    again = page(errors={"amount": "Must be more than 15"})
    assert thinker.decide(again).answers == {"q1": 20}
    (refusal,) = journal.of("refusal")
    assert (refusal["by"], refusal["messages"], refusal["said"]) == (
        "server",
        {"amount": "Must be more than 15"},
        {"amount": 10},
    )
    assert "q1: Must be more than 15" in contents(llm.requests[1])[-1]
    assert llm.requests[1].refused == {"q1": [10]}


def test_a_field_that_turns_out_to_be_required_may_not_be_left_empty_again():
    form = Form(fields=(Field("q1", "amount", "integer", required=False),))
    llm = ScriptedLLM(answer(None), answer(None), answer(3))
    thinker, journal = mind(llm)
    asked = replace(page(), form=form)
    assert thinker.decide(asked).answers == {"q1": None}
    assert thinker.decide(replace(asked, errors={"amount": "This field is required."})).answers == {"q1": 3}
    kinds = [request.schema["properties"]["answers"]["properties"]["q1"] for request in llm.requests]
    assert kinds == [{"anyOf": [{"type": "integer"}, {"type": "null"}]}, {"type": "integer"}, {"type": "integer"}]
    assert [refusal["by"] for refusal in journal.of("refusal")] == ["server", "form"]


def test_refusals_are_bounded_and_the_reason_is_told():
    llm = ScriptedLLM(*[answer(101)] * 3)
    thinker, journal = mind(llm, attempts=3)
    with pytest.raises(Refused, match="3 replies to this page were refused.*101 is more than 100") as raised:
        thinker.decide(page())
    assert raised.value.cause == "refused"
    assert len(journal.of("refusal")) == 3 and journal.of("decision") == []


EMPTY, CUT = Completion("", "m"), Completion('{"reason": "I think that', "m", finish_reason="length")


@pytest.mark.parametrize(
    ("replies", "cause", "told"),
    [
        ([EMPTY, EMPTY], "empty", "All 2 replies to this page were empty"),
        ([CUT, CUT], "cut off", "All 2 replies to this page were cut off.*max_tokens"),
        ([CUT, replace(CUT, text="")], "cut off", "cut off"),  # all that it was given went into its thoughts
        ([replace(CUT, text=json.dumps(answer(101)))] * 2, "refused", "101 is more than 100"),  # it was cut off after
        ([EMPTY, CUT], "refused", "The last one.*cut off"),
        ([EMPTY, "no idea"], "refused", "not JSON"),
        ([answer(101), EMPTY], "refused", "The reply is empty"),
    ],
)
def test_why_a_bot_gives_a_page_up(replies, cause, told):
    thinker, _ = mind(ScriptedLLM(*replies), attempts=2)
    with pytest.raises(Refused, match=told) as raised:
        thinker.decide(page())
    assert raised.value.cause == cause


def test_what_went_wrong_on_earlier_pages_does_not_count():
    thinker, _ = mind(ScriptedLLM(answer(101), answer(1), EMPTY, EMPTY), attempts=2)
    thinker.decide(page())
    with pytest.raises(Refused) as raised:
        thinker.decide(page(2))
    assert raised.value.cause == "empty"


def test_a_model_is_told_that_its_reply_was_cut_off():
    llm = ScriptedLLM(CUT, answer(7))
    thinker, journal = mind(llm)
    assert thinker.decide(page()).answers == {"q1": 7}
    assert "cut off" in contents(llm.requests[1])[-1] and "not JSON" not in contents(llm.requests[1])[-1]
    assert journal.of("refusal")[0]["said"] == CUT.text


def test_a_new_page_has_all_its_attempts():
    llm = ScriptedLLM(answer(101), answer(1), answer(101), answer(2))
    thinker, _ = mind(llm, attempts=2)
    assert [thinker.decide(page(number)).answers["q1"] for number in (1, 2)] == [1, 2]


def test_an_overloaded_model_is_asked_again_and_each_try_is_recorded():
    llm = ScriptedLLM(TransientModelError("429", retry_after=0), TransientModelError("500", 0), answer(3))
    thinker, journal = mind(llm)
    assert thinker.decide(page()).answers == {"q1": 3}
    assert [call.get("error") for call in journal.calls()] == ["429", "500", None]
    assert [call["number"] for call in journal.calls()] == [3, 4, 5]
    assert [call["sent"] for call in journal.calls()] == [[1, 2]] * 3


def test_a_model_that_stays_away_fails_the_bot_with_its_last_word(monkeypatch):
    monkeypatch.setattr(exchange, "PATIENCE_SECONDS", 0)
    thinker, _ = mind(ScriptedLLM(*[TransientModelError("busy", 0)] * TRIES))
    with pytest.raises(TransientModelError, match="busy"):
        thinker.decide(page())


def test_a_bot_that_is_told_to_stop_asks_no_more():
    llm, stop, journal = ScriptedLLM(TransientModelError("busy", 0.01), answer(1)), Event(), Journal()
    complete = llm.complete
    llm.complete = lambda request: (stop.set(), complete(request))[1]  # told while the model is being asked
    thinker = Mind(llm, journal, Gate(journal, stop))
    for _ in range(2):
        with pytest.raises(Stopped):
            thinker.decide(page())
    assert len(llm.requests) == 1


def test_an_error_that_will_not_go_away_is_not_tried_again():
    llm = ScriptedLLM(ModelError("wrong key"))
    thinker, _ = mind(llm)
    with pytest.raises(ModelError, match="wrong key"):
        thinker.decide(page())
    assert len(llm.requests) == 1


def test_a_full_context_gives_way_to_notes():
    """What was before is summed up by the model itself; the page at hand is always shown whole."""
    room = len(prompt("system").split()) + 600 + 60
    llm = ScriptedLLM(answer(1), {"notes": "I gave 1."}, answer(2), context_tokens=room)
    thinker, journal = mind(llm)
    thinker.decide(page(1, "word " * 30))
    thinker.decide(page(2, "other " * 30))
    asked_for_notes, decision = llm.requests[1:]
    assert contents(asked_for_notes)[-1] == prompt("notes")
    assert "word word" in contents(asked_for_notes)[1]
    system, rest = contents(decision)
    assert system == prompt("system") and "I gave 1." in rest and rest.endswith("other " * 30)
    assert "word word" not in rest
    assert [call["purpose"] for call in journal.calls()] == ["decision", "notes", "decision"]


def test_a_page_too_long_for_the_context_is_read_in_parts():
    """Every word of it is shown, in order; what it asks stands behind the last part once more."""
    text = "\n".join(f"Line {number}: " + "word " * 20 for number in range(1, 91)) + "\nHow much? [q1]"
    llm = NoteTaker(context_tokens=1300)
    thinker, journal = mind(llm)
    thinker.decide(page(1, "Before"))
    assert thinker.decide(page(2, text)).answers == {"q1": 5}
    assert len(llm.requests) > 4
    shown = [contents(request)[1:-1] for request in llm.requests[2:-1]] + [contents(llm.requests[-1])[1:]]
    parts = [part[0].split("This is part ")[1].partition(":\n")[2] for part in shown]
    last, _, questions = parts[-1].partition("\n\nThis was the last part.")
    assert "".join([*parts[:-1], last]).split() == text.split()
    assert "q1" in questions and "whole number, 0 to 100" in questions
    assert "Notes 1." in contents(llm.requests[2])[1] and "Notes 2." in contents(llm.requests[3])[1]
    assert all(sum(len(c.split()) for c in contents(r)) + 600 <= 1300 for r in llm.requests)
    assert [call["purpose"] for call in journal.calls()][-1] == "decision"


def test_a_page_stays_in_sight_while_it_is_answered():
    """What gives way to notes when replies to it fill the context are the pages before, never the page at hand."""
    room = len(prompt("system").split()) + 600 + 110
    llm = ScriptedLLM(answer(1), answer(101), {"notes": "I gave 1."}, answer(2), context_tokens=room)
    thinker, journal = mind(llm)
    thinker.decide(page(1, "word " * 40))
    thinker.decide(page(2, "other " * 40))
    system, shown, reply, refused = contents(llm.requests[-1])
    assert "I gave 1." in shown and shown.endswith("other " * 40) and "word word" not in shown
    assert json.loads(reply) == answer(101) and "101 is more than 100" in refused


def test_a_page_that_fits_in_no_way_fails_the_bot_and_is_never_cut():
    llm = ScriptedLLM(context_tokens=700)
    thinker, _ = mind(llm)
    with pytest.raises(ModelError, match="larger context"):
        thinker.decide(page(1, "word " * 1000))
    assert llm.requests == []


def test_a_page_that_has_changed_is_shown_again():
    llm = ScriptedLLM(answer(10), answer(20), answer(30))
    thinker, _ = mind(llm)
    thinker.decide(page(text="Time left: 1:00. What is 7 x 8? [q1: whole number]"))
    thinker.decide(
        page(text='Time left: 0:40. What is 7 x 8? [q1: whole number, now "10"]', errors={"amount": "Wrong"})
    )
    assert "What is" not in contents(llm.requests[1])[-1]
    thinker.decide(page(text="Time left: 0:20. What is 6 x 9? [q1: whole number]", errors={"amount": "Wrong"}))
    assert prompt("changed", text="Time left: 0:20. What is 6 x 9? [q1: whole number]") in contents(llm.requests[2])[-1]


def test_time_that_runs_out_while_a_model_is_out_of_reach():
    deadline = time.monotonic() + 2
    llm = ScriptedLLM(*[TransientModelError("busy", 60)] * 3, answer(5))
    thinker, journal = mind(llm)
    with pytest.raises(TimeUp):
        thinker.decide(page(), deadline=deadline)
    assert time.monotonic() - deadline < 10 and len(llm.requests) == 1
    assert llm.requests[0].deadline == deadline
    decision = thinker.run_out(replace(page(), form=Form(fields=(Field("q1", "amount", "integer", value="7"),))))
    assert decision.entries == (("amount", "7"), TIMED_OUT) and decision.answers == {}
    llm.replies.clear()
    llm.replies.append(answer(6))
    thinker.decide(page(2, "Next page"))
    told = contents(llm.requests[-1])
    assert told[-1].split("\n\n---\n\n") == ["How much? [q1]", prompt("time_up"), "Next page"]
    roles = [message["role"] for message in llm.requests[-1].messages]
    assert roles == ["system", "user"]
    assert [record["content"] for record in journal.of("message")].count("How much? [q1]") == 1


def test_a_page_whose_time_was_up_is_not_forgotten_when_somebody_was_faster_to_leave_it():
    llm = ScriptedLLM(answer(6))
    thinker, _ = mind(llm)
    with pytest.raises(TimeUp):
        thinker.decide(page(), deadline=time.monotonic())
    thinker.run_out(page())
    thinker.moved_on()
    thinker.decide(page(2, "Next page"))
    told = contents(llm.requests[0])[-1].split("\n\n---\n\n")
    assert told == ["How much? [q1]", prompt("time_up"), prompt("moved_on"), "Next page"]


def test_being_moved_on_is_told_with_the_next_page():
    llm = ScriptedLLM(answer(5), answer(6))
    thinker, _ = mind(llm)
    thinker.decide(page())
    thinker.moved_on()
    thinker.decide(page(2, "Next page"))
    assert contents(llm.requests[1])[-1] == f"{prompt('moved_on')}\n\n---\n\nNext page"


def test_a_turn_in_a_chat():
    chat = Chat("chat1", "Ann (Me)", "/chat", 1, "signed")
    turn = {"reason": "r", "say": {"chat1": " Hello "}, "done": False}
    llm = ScriptedLLM(turn, {"reason": "r", "say": {"chat1": None}, "done": True}, "no turn at all", answer(4))
    thinker, journal = mind(llm)
    here = replace(page(), chats=(chat,))
    assert thinker.talk(here, []) == Turn({"chat1": "Hello"}, False)
    assert thinker.talk(here, [Line("chat1", "Bob", "Hi", False)]) == Turn({}, True)
    assert "chat1: Bob: Hi" in contents(llm.requests[1])[-1]
    assert thinker.talk(here, []) == Turn({}, False)  # it stays silent, and that is on record
    assert journal.of("refusal")[0]["said"] == "no turn at all"
    assert thinker.decide(here, heard=[Line("chat1", "Bob", "4?", False)]).answers == {"q1": 4}
    assert "Bob: 4?" in contents(llm.requests[3])[-1]
    assert sum("How much? [q1]" in content for content in contents(llm.requests[3])) == 1
    schema = llm.requests[0].schema
    assert list(schema["properties"]) == ["reason", "say", "done"]
    for reply in (turn, {"reason": "", "say": {"chat1": None}, "done": True}):
        jsonschema.validate(reply, schema)


def test_pictures_go_with_their_page_and_are_named_in_the_record():
    llm = ScriptedLLM(answer(1), answer(2))
    thinker, journal = mind(llm)
    shown = Picture("http://host/static/urn.png", "image/png", b"urn")
    missing = Picture("http://elsewhere/x.png", why_not="it is on another host")
    thinker.read(page(1, "Rules"), [shown])
    thinker.decide(page(2), pictures=[missing])
    thinker.decide(page(3))
    assert [m.get("images") for m in llm.requests[0].messages] == [None, ["data:image/png;base64,dXJu"]]
    assert llm.requests[1].messages[1]["images"] == ["data:image/png;base64,dXJu"]
    (record,) = [message["images"] for message in journal.of("message") if "images" in message]
    assert record == [shown.about, missing.about] and "base64" not in json.dumps(record)
    assert journal.of("picture") == [{"sha256": record[0]["sha256"], "url": shown.url}]
    assert record[0]["bytes"] == 3 and record[1]["not_sent"] == "it is on another host"


def test_seeds_differ_from_call_to_call_and_repeat_from_run_to_run():
    seeds = []
    for _ in range(2):
        llm = ScriptedLLM(answer(101), answer(1), answer(2))
        thinker, _ = mind(llm, seed=5)
        thinker.decide(page(1))
        thinker.decide(page(2))
        seeds.append([request.seed for request in llm.requests])
    assert seeds[0] == seeds[1] and len(set(seeds[0])) == 3


def test_memory_read_back():
    conversation = [
        {"number": 1, "role": "system", "content": "S"},
        {"number": 2, "role": "user", "content": "U"},
        {"number": 3, "role": "assistant", "content": "A"},
    ]
    llm = ScriptedLLM(answer(4))
    thinker, journal = mind(llm)
    thinker.restore(Memory(step=3, message=3, memory=conversation, unread="Results"))
    thinker.decide(page(5, "Next"))
    assert contents(llm.requests[0]) == ["S", "U", "A", "Results\n\n---\n\nNext"]
    assert [record["number"] for record in journal.of("message")] == [4]
    assert [call["number"] for call in journal.calls()] == [5]


def test_a_decision_that_was_not_sent_is_sent_and_not_made_again():
    llm = ScriptedLLM()
    thinker, journal = mind(llm)
    thinker.restore(
        Memory(step=1, message=3, page=1, entries=[["amount", "9"]], answers={"amount": 9}, reason="So be it.")
    )
    decision = thinker.decide(page())
    assert decision.entries == (("amount", "9"),) and llm.requests == []
    assert journal.of("decision")[0]["answers"] == {"amount": 9}


def test_a_decision_on_a_page_that_asks_for_something_else_by_now_is_made_anew():
    llm = ScriptedLLM(answer(5))
    thinker, _ = mind(llm)
    thinker.restore(Memory(step=1, message=3, page=1, entries=[["price", "9"]], answers={"price": 9}))
    assert thinker.decide(page()).answers == {"q1": 5}
