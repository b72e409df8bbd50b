"""What a bot is told beside pages: who it is to be, a project's own words, and, in a pre-test, to remark on pages."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import jsonschema
import pytest

from otree_botex.bots.chat import Chat
from otree_botex.bots.control import Control
from otree_botex.bots.conversation import BETWEEN
from otree_botex.bots.replies import REMARK_LENGTH
from otree_botex.bots.scene import Scene
from otree_botex.bots.wording import Prompts
from otree_botex.llm import Request
from otree_botex.llm.grammar import gbnf
from otree_botex.llm.random import RandomAnswers
from otree_botex.prompt_check import check, defaults
from otree_botex.records import Memory

from ..llm.test_grammar import regex
from .scripted import ScriptedLLM, answer, contents, mind, page

MODES = ("full", "summary", "none")
SCENE = Scene("A market. [8]", (Control(8, "button", "Accept"),))
CLICK = {"do": "click", "control": 8}
CHAT = Chat("chat1", "Ann (Me)", "/chat", 1, "signed")


def remarked(value, remark):
    return {**answer(value), "remark": remark}


@pytest.mark.parametrize("memory", MODES)
def test_a_persona_is_told_once_and_stays_in_sight(memory):
    llm = ScriptedLLM(answer(1), answer(2))
    thinker, journal = mind(llm, memory=memory, persona="You are $Bo,\nwho saves his money.")
    thinker.decide(page())
    thinker.decide(page(2, "And now?"))
    first = Prompts()("persona", persona="You are $Bo,\nwho saves his money.")
    assert "\n\nYou are $Bo,\nwho saves his money." in first
    for request in llm.requests:
        system = [message for message in request.messages if message["role"] == "system"]
        assert len(system) == 1 and first in system[0]["content"]
    assert [one["role"] for one in journal.of("message")].count("system") == 1


def test_without_persona_and_pretest_nothing_is_said_of_them():
    told = ScriptedLLM(answer(1))
    mind(told)[0].decide(page())
    assert contents(told.requests[0])[0] == defaults()["system"].strip()
    assert list(told.requests[0].schema["properties"]) == ["reason", "answers"]


def test_a_projects_own_prompts_take_the_place_of_ours():
    own = {"system": "Nimm teil. Ein Punkt ist 1 $$ wert.", "refused": "Nein: $errors", "remember": "[$notes] so weit"}
    llm = ScriptedLLM(answer(101), answer(1))
    thinker, _ = mind(llm, prompts=Prompts(own))
    thinker.decide(page())
    assert contents(llm.requests[1])[0] == "Nimm teil. Ein Punkt ist 1 $ wert."
    assert contents(llm.requests[1])[-1].startswith("Nein: - q1: ")
    assert Prompts(own).texts == {**defaults(), **own}


@pytest.mark.parametrize("remember", [defaults()["remember"], "[$notes] so weit"])
def test_notes_are_found_again_in_any_words(remember):
    """After an interruption, in the page that they were shown with."""
    prompts = Prompts({"remember": remember})
    shown = f"{prompts('remember', notes='I gave 1.')}{BETWEEN}Page 2"
    told = [{"number": 1, "role": "system", "content": "s"}, {"number": 2, "role": "user", "content": shown}]
    llm = ScriptedLLM(answer(1))
    thinker, _ = mind(llm, memory="summary", prompts=prompts)
    thinker.restore(Memory(2, 2, told))
    thinker.decide(page(3, "Page 3"))
    assert contents(llm.requests[0])[1].startswith(f"{prompts('remember', notes='I gave 1.')}{BETWEEN}")


def test_ours_pass_the_check_that_others_have_to_pass():
    for name, text in defaults().items():
        check(name, text)


# ---- remarks


@pytest.mark.parametrize("memory", MODES)
def test_a_remark_is_asked_for_and_goes_on_record(memory):
    llm = ScriptedLLM({**remarked(1, " The sum is not explained. "), "notes": "n"})
    thinker, journal = mind(llm, memory=memory, pretest=True)
    thinker.decide(page())
    parts = llm.requests[0].schema["properties"]
    assert list(parts) == ["reason", "answers", "remark", *["notes"] * (memory == "summary")]
    assert parts["remark"] == {"type": "string", "maxLength": REMARK_LENGTH}
    assert contents(llm.requests[0])[0].endswith(defaults()["remark"].strip())
    assert journal.of("decision")[0]["remark"] == "The sum is not explained."


def test_what_was_remarked_before_an_answer_was_refused_is_not_lost():
    replies = [(101, "Up to what?"), (7, ""), (8, "Up to what?"), (9, "And why?")]
    llm = ScriptedLLM(*[remarked(*reply) for reply in replies])
    thinker, journal = mind(llm, pretest=True)
    thinker.decide(page())
    thinker.decide(page(errors={"amount": "Not 7"}))
    thinker.decide(page(errors={"amount": "Not 8"}))
    assert [one["remark"] for one in journal.of("decision")] == ["Up to what?", "Up to what?", "Up to what?\nAnd why?"]


def test_remarks_on_a_page_that_is_acted_on_are_joined():
    acts = [{"reason": "r", "actions": [CLICK], "remark": remark} for remark in ("No price?", "", "No price?", "Late.")]
    llm = ScriptedLLM(*acts, remarked(1, ""))
    thinker, journal = mind(llm, pretest=True)
    for _ in acts:
        thinker.act(page(), SCENE, "Something new.")
    thinker.acted(4, [["amount", "5"]])
    assert list(llm.requests[0].schema["properties"]) == ["reason", "actions", "remark"]
    assert journal.of("decision")[0]["remark"] == "No price?\nLate."
    thinker.decide(page(2))
    assert journal.of("decision")[1]["remark"] == ""


def test_in_a_talk_nothing_is_remarked():
    llm = ScriptedLLM({"reason": "r", "say": {"chat1": "Hello"}, "done": True})
    thinker, _ = mind(llm, pretest=True)
    thinker.talk(replace(page(), chats=(CHAT,)), [])
    assert "remark" not in llm.requests[0].schema["properties"]


def test_a_reply_without_a_remark_is_taken_and_one_where_none_is_asked_for_is_left_out():
    for pretest, reply in ((True, answer(1)), (True, {**answer(1), "remark": None}), (False, remarked(1, "Why?"))):
        thinker, journal = mind(ScriptedLLM(reply), pretest=pretest)
        thinker.decide(page())
        assert journal.of("decision")[0]["remark"] == ""


@pytest.mark.parametrize("acts", [False, True])
def test_random_answers_have_nothing_to_remark_and_the_grammar_admits_that(acts):
    llm = ScriptedLLM({"reason": "r", "actions": [CLICK], "remark": ""} if acts else remarked(1, ""))
    thinker, _ = mind(llm, pretest=True)
    thinker.act(page(), SCENE, "") if acts else thinker.decide(page())
    asked = llm.requests[0]
    before = {name: part for name, part in asked.schema["properties"].items() if name != "remark"}
    for seed in range(20):
        reply = RandomAnswers().complete(replace(asked, seed=seed)).text
        assert reply.endswith(', "remark": ""}')
        without = Request(asked.messages, {**asked.schema, "properties": before}, seed, purpose=asked.purpose)
        assert reply == RandomAnswers().complete(without).text[:-1] + ', "remark": ""}'
        assert re.fullmatch(regex(gbnf(asked.schema)), reply)
        jsonschema.validate(json.loads(reply), asked.schema)
