"""What a bot's model is shown in each memory mode, and what of it is on record before anything is done with it."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from threading import Event

import pytest

from otree_botex.bots.chat import Chat, Line
from otree_botex.bots.conversation import BETWEEN
from otree_botex.bots.form import Form
from otree_botex.bots.gate import Gate
from otree_botex.bots.patience import Stopped
from otree_botex.bots.pictures import Picture
from otree_botex.bots.replies import KEPT_NOTES_LENGTH
from otree_botex.bots.talking import TalkLimits, talk_and_decide
from otree_botex.bots.wording import Prompts
from otree_botex.errors import ModelError, Refused, TimeUp, TransientModelError
from otree_botex.llm import Completion, Usage
from otree_botex.llm.random import REASON, RandomAnswers
from otree_botex.records import Memory

from .scripted import ScriptedLLM, answer, contents, mind, page

MODES = ("full", "summary", "none")
prompt = Prompts()
SYSTEM = {mode: prompt("system") for mode in MODES}
SYSTEM["summary"] += "\n\n" + prompt("summary", length=str(KEPT_NOTES_LENGTH))
CHAT = Chat("chat1", "Ann (Me)", "/chat", 1, "signed")


def noted(value, notes):
    return {**answer(value), "notes": notes}


def remembering(notes, *texts):
    """How a page is shown after these notes and texts."""
    return BETWEEN.join([prompt("remember", notes=notes), *texts])


def with_memory(mode, llm, **options):
    thinker, journal = mind(llm, memory=mode, **options)
    return thinker, journal


def remembered(journal, unread=""):
    """What the record gives back: the messages that the last decision's reply was an answer to, and this reply."""
    last = journal.calls()[-1]
    messages = {message["number"]: message for message in journal.of("message")}
    for call in journal.calls():
        if "content" in call:
            messages[call["number"]] = {"role": "assistant", "content": call["content"]}
    numbers = [*last["sent"], last["number"]]
    conversation = [{"number": n, "role": messages[n]["role"], "content": messages[n]["content"]} for n in numbers]
    return Memory(step=2, message=last["number"], memory=conversation, unread=unread)


def test_a_request_is_on_record_before_the_model_is_asked():
    llm = ScriptedLLM(TransientModelError("busy", 0), answer(3))
    thinker, journal = mind(llm, seed=1)
    complete, before = llm.complete, []
    llm.complete = lambda request: (before.append(journal.kinds()), complete(request))[1]
    thinker.decide(page())
    one_try = ["request", "settled"]
    assert before == [["message", "message", *one_try], ["message", "message", *one_try, "reply", *one_try]]
    assert journal.kinds()[-3:] == ["reply", "decision", "settled"]
    request = journal.of("request")[0]
    assert request["number"] == 3 and request["sent"] == [1, 2] and request["purpose"] == "decision"
    assert request["schema"] == llm.requests[0].schema and request["seed"] == llm.requests[0].seed


def test_all_that_a_completion_tells_is_on_record():
    told = Completion(
        '{"reason": "", "answers": {"q1": 1}}',
        *("gpt-x-2026", Usage(10, 5, 4, 3), 0.25, "stop", "json_schema", "req-1", "fp-1", "litellm 1.2", True),
    )
    thinker, journal = mind(ScriptedLLM(TransientModelError("busy", 0), told))
    thinker.decide(page())
    failed, reply = journal.of("reply")
    assert failed.pop("seconds") >= 0 and failed == {"number": 3, "error": "busy"}
    assert reply.pop("seconds") >= 0
    assert reply == {
        **{"number": 4, "content": told.text, "model": "gpt-x-2026", "fingerprint": "fp-1", "mode": "json_schema"},
        **{"finish_reason": "stop", "request_id": "req-1", "input_tokens": 10, "output_tokens": 5},
        **{"cached_tokens": 4, "reasoning_tokens": 3, "cost": 0.25, "prices": "litellm 1.2", "from_cache": True},
    }
    assert thinker.cost == 0.25


def test_a_request_says_whose_it_is():
    llm = ScriptedLLM(answer(1))
    mind(llm, seat=7)[0].decide(page())
    assert llm.requests[0].seat == 7


def test_with_none_each_page_is_shown_alone():
    llm = ScriptedLLM(answer(1), answer(2), answer(3))
    thinker, journal = with_memory("none", llm)
    thinker.read(page(1, "Rules"))
    for number in (2, 3, 4):
        thinker.decide(page(number, f"Page {number}"))
    assert [contents(request) for request in llm.requests] == [
        [SYSTEM["none"], f"Page {number}"] for number in (2, 3, 4)
    ]
    assert [call["sent"] for call in journal.calls()] == [[1, 2], [1, 4], [1, 6]]  # the system prompt is stored once
    assert "notes" not in llm.requests[0].schema["properties"]


def test_with_summary_a_page_is_shown_with_the_notes_and_the_pages_read_since():
    llm = ScriptedLLM(noted(1, "Notes 1."), noted(2, "Notes 2."), noted(3, "Notes 3."))
    thinker, journal = with_memory("summary", llm)
    thinker.read(page(1, "Rules"))
    thinker.decide(page(2, "Page 2"))
    thinker.decide(page(3, "Page 3"))
    thinker.read(page(4, "Results"))
    thinker.decide(page(5, "Page 5"))
    assert [contents(request)[1:] for request in llm.requests] == [
        [f"Rules{BETWEEN}Page 2"],
        [remembering("Notes 1.", "Page 3")],
        [remembering("Notes 2.", "Results", "Page 5")],
    ]
    assert {contents(request)[0] for request in llm.requests} == {SYSTEM["summary"]}
    assert list(llm.requests[0].schema["properties"]) == ["reason", "answers", "notes"]
    assert llm.requests[0].schema["properties"]["notes"] == {"type": "string", "maxLength": KEPT_NOTES_LENGTH}
    assert len(journal.calls()) == 3  # notes cost no call of their own


@pytest.mark.parametrize("mode", MODES)
def test_what_is_said_on_a_page_stays_while_it_is_answered(mode):
    first = noted(1, "Notes 1.") if mode == "summary" else answer(1)
    refused, accepted = ({**answer(value), "notes": f"Notes {value}."} for value in (101, 7))
    llm = ScriptedLLM(first, refused, accepted, answer(8), answer(9))
    thinker, _ = with_memory(mode, llm)
    thinker.decide(page(1, "Page 1"))
    thinker.decide(page(2, "Page 2"))
    thinker.decide(page(2, "Page 2", errors={"amount": "Must be even"}))
    thinker.decide(page(3, "Page 3"))
    page_2 = remembering("Notes 1.", "Page 2") if mode == "summary" else "Page 2"
    second = contents(llm.requests[3])
    before = contents(llm.requests[0]) + [second[2]] if mode == "full" else [SYSTEM[mode]]
    assert second[: len(before) + 1] == [*before, page_2]
    said, told = second[len(before) + 1 :: 2], second[len(before) + 2 :: 2]
    assert len(said) == len(told) == 2  # the reply that the form refused, and the one that oTree refused
    assert "101 is more than 100" in told[0] and "Must be even" in told[1]
    # the last reply had no notes: those of the one before it on this page, which the form took, are kept
    page_3 = {"full": "Page 3", "summary": remembering("Notes 7.", "Page 3"), "none": "Page 3"}[mode]
    assert contents(llm.requests[4])[-1] == page_3
    assert len(contents(llm.requests[4])) == (len(second) + 2 if mode == "full" else 2)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("last", ["Notes 2.", "", None], ids=["notes", "empty notes", "no notes"])
def test_after_an_interruption_a_page_is_shown_as_it_would_have_been(mode, last):
    replies = [noted(1, "Notes 1."), noted(2, last) if last is not None else answer(2), answer(3)]
    llm = ScriptedLLM(*replies)
    thinker, journal = with_memory(mode, llm, seed=3)
    thinker.decide(page(1, "Page 1"))
    thinker.decide(page(2, "Page 2"))
    memory = remembered(journal, f"Please wait{BETWEEN}Results")
    again = ScriptedLLM(replies[-1])
    other, _ = with_memory(mode, again, seed=3)
    other.restore(memory)
    thinker.read(page(3, "Results"))
    for bot in (thinker, other):
        bot.decide(page(4, "Page 4"))
    assert contents(again.requests[0]) == contents(llm.requests[-1])
    assert again.requests[0].seed == llm.requests[-1].seed
    if mode == "summary":
        assert contents(again.requests[0])[1] == remembering(last or "Notes 1.", "Results", "Page 4")


@pytest.mark.parametrize("mode", MODES)
def test_a_decision_that_is_sent_after_an_interruption_may_still_be_refused(mode):
    llm = ScriptedLLM(noted(9, "Notes 1."))
    thinker, journal = with_memory(mode, llm, seed=3)
    thinker.decide(page(1, "Page 1"))
    memory = replace(remembered(journal), page=1, kind="form", entries=[["amount", "9"]], answers={"amount": 9})
    again = ScriptedLLM(noted(8, "Notes 2."))
    other, _ = with_memory(mode, again, seed=3)
    other.restore(memory)
    other.decide(page(1, "Page 1"))
    other.decide(page(1, "Page 1", errors={"amount": "Must be even"}))
    shown = contents(again.requests[0])
    assert shown[:3] == [*contents(llm.requests[0]), memory.memory[-1]["content"]]
    assert "Must be even" in shown[3] and "Page 1" not in shown[3]
    assert again.requests[0].seed == llm.requests[0].seed  # that of the page


def test_with_summary_a_page_whose_time_was_up_is_shown_with_the_next():
    """With all that was said on it, since it is not in the notes; what it says first is not said twice."""
    llm = ScriptedLLM(noted(1, "Notes 1."), "no idea", noted(3, "Notes 3."), noted(4, "Notes 4."))
    thinker, _ = with_memory("summary", llm)
    thinker.decide(page(1, "Page 1"))
    with pytest.raises(TimeUp):
        late = page(2, "Page 2")
        complete = llm.complete
        llm.complete = lambda request: complete(request) if len(llm.requests) < 2 else _too_late()
        thinker.decide(late)
    llm.complete = complete
    thinker.run_out(late)
    thinker.decide(page(3, "Page 3"))
    refusal = prompt("refused", errors="- The reply is not JSON.")
    replied = prompt("replied", reply="no idea")
    expected = remembering("Notes 1.", "Page 2", replied, refusal, prompt("time_up"), "Page 3")
    assert contents(llm.requests[-1])[1:] == [expected]
    thinker.decide(page(4, "Page 4"))
    assert contents(llm.requests[-1])[1:] == [remembering("Notes 3.", "Page 4")]


def _too_late():
    raise TimeUp("too late")


def test_with_none_a_page_whose_time_was_up_is_forgotten():
    llm = ScriptedLLM(answer(3))
    thinker, _ = with_memory("none", llm)
    with pytest.raises(TimeUp):
        thinker.decide(page(), deadline=0.0)
    thinker.run_out(page())
    thinker.moved_on()
    thinker.decide(page(2, "Page 2"))
    assert contents(llm.requests[0]) == [SYSTEM["none"], "Page 2"]


def test_with_summary_a_talk_is_part_of_its_page():
    """The notes come with the decision; where there is none, what was said is shown with the next page."""
    turn = {"reason": "r", "say": {"chat1": "Hello"}, "done": True}
    llm = ScriptedLLM(turn, noted(1, "Notes 1."), turn, noted(2, "Notes 2."))
    thinker, journal = with_memory("summary", llm)
    here = replace(page(1, "Page 1"), chats=(CHAT,))
    thinker.talk(here, [])
    heard = [Line("chat1", "Ann (Me)", "Hello", True), Line("chat1", "Bob", "5?", False)]
    thinker.decide(here, heard=heard)
    assert "notes" not in llm.requests[0].schema["properties"]
    assert contents(llm.requests[1])[-1] == prompt("talked_summary", heard="chat1: Ann (Me): Hello\nchat1: Bob: 5?")
    only_talk = replace(page(2, "Page 2", errors=None), chats=(CHAT,), form=Form())
    thinker.talk(only_talk, [Line("chat1", "Bob", "Bye", False)])
    thinker.read(page(3, "Results"))
    thinker.decide(page(4, "Page 4"))
    replied = prompt("replied", reply=journal.calls()[2]["content"])
    expected = remembering("Notes 1.", "Page 2", "chat1: Bob: Bye", replied, "Results", "Page 4")
    assert contents(llm.requests[-1]) == [SYSTEM["summary"], expected]


class OneChat:
    """A browser and its chat, in which nobody else is."""

    def __init__(self, journal):
        self.journal = journal

    def talk(self, _):
        return nullcontext(self)

    def heard(self):
        return []

    def say(self, chat, text):
        self.journal.write("said", chat=chat, text=text)


def test_what_a_bot_says_in_a_chat_is_safe_on_record_before_it_is_said():
    llm = ScriptedLLM({"reason": "r", "say": {"chat1": "Hello"}, "done": True}, answer(1))
    thinker, journal = mind(llm)
    here = replace(page(), chats=(CHAT,))
    talk_and_decide(OneChat(journal), thinker, journal, Gate(journal, Event()), here, TalkLimits(), None, ())
    assert journal.kinds()[journal.kinds().index("said") - 2 :][:3] == ["reply", "settled", "said"]


def test_a_bot_whose_seat_is_taken_back_while_its_model_thinks_says_nothing():
    class TakenBack(ScriptedLLM):
        def complete(self, request):
            stop.set()
            return super().complete(request)

    stop, llm = Event(), TakenBack({"reason": "r", "say": {"chat1": "Hello"}, "done": True})
    thinker, journal = mind(llm)
    here = replace(page(), chats=(CHAT,))
    with pytest.raises(Stopped):
        talk_and_decide(OneChat(journal), thinker, journal, Gate(journal, stop), here, TalkLimits(), None, ())
    assert llm.requests and "said" not in journal.kinds()


def test_notes_cannot_pass_for_a_page():
    llm = ScriptedLLM(noted(1, f" Mine.{BETWEEN}Yours. "), answer(2), answer(3))
    thinker, journal = with_memory("summary", llm)
    thinker.decide(page(1, "Page 1"))
    thinker.decide(page(2, "Page 2"))
    shown = remembering("Mine.\n\nYours.", "Page 2")
    assert contents(llm.requests[1])[1] == shown
    other, _ = with_memory("summary", llm)
    other.restore(remembered(journal))
    other.decide(page(3, "Page 3"))
    assert contents(llm.requests[2])[1] == remembering("Mine.\n\nYours.", "Page 3")


def test_pictures_are_forgotten_with_their_pages():
    urn = Picture("http://host/urn.png", "image/png", b"urn")
    sent = {}
    for mode in MODES:
        llm = ScriptedLLM(noted(1, "Notes 1."), answer(2))
        thinker, _ = with_memory(mode, llm)
        thinker.read(page(1, "Rules"), [urn])
        thinker.decide(page(2, "Page 2"), pictures=[urn])
        thinker.decide(page(3, "Page 3"))
        sent[mode] = [sum(len(m.get("images", ())) for m in request.messages) for request in llm.requests]
    assert sent == {"full": [2, 2], "summary": [2, 0], "none": [1, 0]}


def test_less_memory_takes_fewer_tokens():
    words = {}
    for mode in MODES:
        llm = ScriptedLLM(*[noted(number, "word " * 60) for number in range(10)])
        thinker, _ = with_memory(mode, llm)
        for number in range(10):
            thinker.decide(page(number, "text " * 200))
        words[mode] = sum(len(text.split()) for request in llm.requests for text in contents(request))
    assert words["none"] < words["summary"] < words["full"] / 3


@pytest.mark.parametrize("mode", ["summary", "none"])
def test_a_context_is_never_full_of_earlier_pages(mode):
    """Where a conversation in full would need notes of its own, each page fits."""
    room = len(SYSTEM[mode].split()) + 1000 + 60
    llm = ScriptedLLM(*[noted(number, "short") for number in range(20)], context_tokens=room)
    thinker, journal = with_memory(mode, llm)
    for number in range(20):
        thinker.decide(page(number, "word " * 30))
    assert {call["purpose"] for call in journal.calls()} == {"decision"}


def test_with_summary_room_is_left_for_the_notes_in_the_reply():
    """A page that leaves too little of it is read in parts; what is noted of these takes the place of the notes."""
    room = len(SYSTEM["summary"].split()) + 1000 + 300
    llm = ScriptedLLM(
        *(noted(1, "Notes 1."), {"notes": "Part 1."}, answer(2), answer(3)),
        context_tokens=room,
    )
    thinker, journal = with_memory("summary", llm)
    thinker.decide(page(1, "Page 1"))
    thinker.decide(page(2, "\n".join(f"{number}: " + "word " * 10 for number in range(28))))
    assert [call["purpose"] for call in journal.calls()] == ["decision", "notes", "decision"]
    assert "Notes 1." in contents(llm.requests[1])[1] and contents(llm.requests[1])[2] == prompt("notes")
    assert contents(llm.requests[2])[1].startswith(remembering("Part 1.", prompt("part", number="2", of="2")))
    assert all(sum(len(text.split()) for text in contents(request)) + 1000 <= room for request in llm.requests)
    thinker.decide(page(3, "Page 3"))
    assert contents(llm.requests[3])[1:] == [remembering("Part 1.", "Page 3")]


def test_with_summary_the_notes_on_a_page_in_parts_are_not_shown_twice():
    room = len(SYSTEM["summary"].split()) + 1000 + 300
    llm = ScriptedLLM({"notes": "Part 1."}, "no idea", noted(3, "Notes 3."), context_tokens=room)
    thinker, _ = with_memory("summary", llm, attempts=1)
    long = page(2, "\n".join(f"{number}: " + "word " * 10 for number in range(28)))
    with pytest.raises(Refused):
        thinker.decide(long)
    thinker.moved_on()
    thinker.decide(page(3, "Page 3"))
    shown = contents(llm.requests[-1])[1]
    assert shown.startswith(remembering("Part 1.", prompt("part", number="2", of="2")))
    assert shown.count("Part 1.") == 1 and shown.endswith(f"{BETWEEN}{prompt('moved_on')}{BETWEEN}Page 3")


@pytest.mark.parametrize("reply", ["no idea", Completion('{"notes": "I ga', "m", finish_reason="length")])
def test_a_model_that_can_make_no_notes_when_it_must_fails_the_bot(reply):
    llm = ScriptedLLM(answer(1), reply, context_tokens=len(prompt("system").split()) + 600 + 60)
    thinker, _ = mind(llm)
    thinker.decide(page(1, "word " * 30))
    with pytest.raises(ModelError, match="could not make notes"):
        thinker.decide(page(2, "word " * 30))


def test_seeds_depend_on_the_page_and_not_on_what_went_wrong():
    """A page that asks the same again is answered anew; a model that was busy, or a new runner, changes nothing."""
    seeds = []
    for failures in (0, 2):
        llm = ScriptedLLM(answer(1), *[TransientModelError("busy", 0)] * failures, answer(101), answer(2))
        thinker, _ = with_memory("none", llm, seed=5)
        thinker.decide(page(1))
        thinker.decide(page(2))
        seeds.append(list(dict.fromkeys(request.seed for request in llm.requests)))
    assert seeds[0] == seeds[1] and len(seeds[0]) == 3
    llm = ScriptedLLM(answer(2))
    thinker, _ = with_memory("none", llm, seed=5)
    thinker.restore(Memory(step=1, message=17))
    thinker.decide(page(2))
    assert [request.seed for request in llm.requests] == [seeds[0][1]]


def test_random_answers_come_with_notes():
    llm = RandomAnswers()
    thinker, journal = with_memory("summary", llm, seed=1)
    thinker.decide(page(1, "Page 1"))
    thinker.decide(page(2, "Page 2"))
    assert journal.of("message")[-1]["content"] == remembering(REASON, "Page 2")
