"""How a bot decides: what it is shown, what comes back when it is refused, what it remembers."""

from __future__ import annotations

import json
from collections import deque
from dataclasses import replace
from decimal import Decimal
from threading import Event

import pytest

from otree_botex.bots.form import Field, Form
from otree_botex.bots.conversation import TRIES, prompt
from otree_botex.bots.mind import Mind
from otree_botex.bots.page import Page
from otree_botex.bots.patience import Stopped
from otree_botex.errors import ModelError, PageError, TransientModelError
from otree_botex.llm import Completion, Request, Usage
from otree_botex.records import Memory


class ScriptedLLM:
    """A model whose replies and errors are enqueued; keeps what it was asked."""

    def __init__(self, *replies, context_tokens=None):
        self.replies = deque(replies)
        self.requests: list[Request] = []
        self.context_tokens = context_tokens

    def complete(self, request):
        self.requests.append(request)
        reply = self.replies.popleft()
        if isinstance(reply, Exception):
            raise reply
        return Completion(reply if isinstance(reply, str) else json.dumps(reply), "scripted", Usage(10, 5))

    def count_tokens(self, text):
        return len(text.split())


class Journal:
    """Keeps the records of one bot, as BotJournal would send them."""

    def __init__(self):
        self.records = []
        self.step = 1

    def write(self, kind, **data):
        self.records.append((kind, data))

    def of(self, kind):
        return [data for name, data in self.records if name == kind]


def page(number=1, text="How much? [q1]", errors=None, maximum=100):
    form = Form(fields=(Field("q1", "amount", "integer", minimum=Decimal(0), maximum=Decimal(maximum)),))
    return Page(
        f"http://host/p/x/app/P/{number}", "form", "app", "P", number, text=text, form=form, errors=errors or {}
    )


def answer(value, reason="Because."):
    return {"reason": reason, "answers": {"q1": value}}


def mind(llm, **options):
    journal = Journal()
    return Mind(llm, journal, Event(), **options), journal


def contents(request):
    return [message["content"] for message in request.messages]


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
    with pytest.raises(PageError, match="3 replies to this page were refused.*101 is more than 100"):
        thinker.decide(page())
    assert len(journal.of("refusal")) == 3 and journal.of("decision") == []


def test_a_new_page_has_all_its_attempts():
    llm = ScriptedLLM(answer(101), answer(1), answer(101), answer(2))
    thinker, _ = mind(llm, attempts=2)
    assert [thinker.decide(page(number)).answers["q1"] for number in (1, 2)] == [1, 2]


def test_an_overloaded_model_is_asked_again_and_each_try_is_recorded():
    llm = ScriptedLLM(TransientModelError("429", retry_after=0), TransientModelError("500", 0), answer(3))
    thinker, journal = mind(llm)
    assert thinker.decide(page()).answers == {"q1": 3}
    calls = [record for record in journal.of("message") if record["role"] == "assistant"]
    assert [call.get("error") for call in calls] == ["429", "500", None]
    assert len({call["number"] for call in calls}) == 3


def test_a_model_that_stays_away_fails_the_bot_with_its_last_word():
    thinker, _ = mind(ScriptedLLM(*[TransientModelError("busy", 0)] * TRIES))
    with pytest.raises(TransientModelError, match="busy"):
        thinker.decide(page())


def test_a_bot_that_is_told_to_stop_asks_no_more():
    llm, stop = ScriptedLLM(TransientModelError("busy", 0.01), answer(1)), Event()
    complete = llm.complete
    llm.complete = lambda request: (stop.set(), complete(request))[1]  # told while the model is being asked
    thinker = Mind(llm, Journal(), stop)
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
    purposes = [m["purpose"] for m in journal.of("message") if m["role"] == "assistant"]
    assert purposes == ["decision", "notes", "decision"]


def test_a_page_that_does_not_fit_fails_the_bot_and_is_never_cut():
    llm = ScriptedLLM(context_tokens=700)
    thinker, _ = mind(llm)
    with pytest.raises(ModelError, match="larger context"):
        thinker.decide(page(1, "word " * 1000))
    assert llm.requests == []


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
    assert [record["number"] for record in journal.of("message")] == [4, 5]


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
