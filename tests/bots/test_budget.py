"""What a launch may spend: nothing counts twice, nothing is forgotten, and bots at the same time do not overdo it."""

from __future__ import annotations

import threading
import time
from threading import Event

import pytest

from otree_botex.bots.budget import Amount, Purse
from otree_botex.bots.gate import Gate
from otree_botex.bots.mind import Mind
from otree_botex.bots.patience import Stopped
from otree_botex.errors import TimeUp, TransientModelError
from otree_botex.llm import Completion, Usage
from otree_botex.plans import Budget

from .scripted import Journal, ScriptedLLM, answer, page

NOTHING = Amount()


def reply(limits, spent=None, acknowledged=None, **bots):
    """A server's reply to a batch of records; what bots spent is all that the launch has, if nothing else is said."""
    known = {number.removeprefix("bot"): vars(amount) for number, amount in bots.items()}
    if spent is None:
        spent = Amount(*(sum(one[kind] for one in known.values()) for kind in ("cost", "calls", "tokens")))
    budget = {"limits": Budget(**limits).as_json(), "spent": vars(spent), "bots": known}
    return {"acknowledged": acknowledged or {}, "budget": budget}


def purse(reply_tokens=0, /, **limits):
    made = Purse(reply_tokens)
    made.heed(reply(limits))
    return made


def ask(purse, bot, seq, took=NOTHING, tokens=0):
    """One question with its reply, by the records seq and seq + 1. Returns why it may not be asked, or None."""
    hindrance = purse.put_aside(bot, tokens)
    if hindrance is None:
        purse.spend(bot, seq, Amount(calls=1))
        purse.spend(bot, seq + 1, took)
        purse.give_back(bot)
    return hindrance


def test_what_is_acknowledged_is_counted_once():
    mine = purse(calls=5)
    for seq in (1, 3, 5):
        assert ask(mine, 1, seq) is None
    # two of the three are acknowledged, with two of another process
    mine.heed(reply({"calls": 6}, Amount(calls=4), {"1": 4}, bot1=Amount(calls=2)))
    assert ask(mine, 1, 7) is None  # the sixth
    refused = ask(mine, 1, 9)
    assert "The launch’s budget of 6 calls is used up: 6 calls so far." in refused.why and not refused.ends
    mine.heed(reply({"calls": 7}, Amount(calls=6), {"1": 8}, bot1=Amount(calls=4)))
    assert ask(mine, 1, 9) is None and ask(mine, 1, 11) is not None


def test_a_record_that_is_acknowledged_before_it_was_counted_is_not_counted_again():
    mine = purse(calls=2)
    assert mine.put_aside(1, 0) is None
    mine.heed(reply({"calls": 2}, Amount(calls=1), {"1": 1}, bot1=Amount(calls=1)))
    mine.spend(1, 1, Amount(calls=1))
    mine.give_back(1)
    assert ask(mine, 1, 3) is None and ask(mine, 1, 5) is not None


def test_a_new_process_has_no_second_budget():
    """As a framework has it that gives a resumed run the whole limit once more."""
    again = Purse()
    again.heed(reply({"bot_calls": 3, "tokens": 100}, Amount(0.1, 7, 40), {"1": 20}, bot1=Amount(0.1, 3, 40)))
    assert "This bot’s budget of 3 calls is used up: 3 calls so far." in ask(again, 1, 21).why
    assert ask(again, 2, 1, tokens=61) is not None and ask(again, 2, 1, tokens=60) is None


def test_limits_that_come_later_count_what_was_spent_before():
    mine = Purse()
    mine.heed({"acknowledged": {"1": 0}, "budget": None})
    assert ask(mine, 1, 1) is ask(mine, 1, 3) is None
    mine.heed(reply({"calls": 3}, acknowledged={"1": 2}, bot1=Amount(calls=1)))
    assert ask(mine, 1, 5) is None and ask(mine, 1, 7) is not None
    mine.heed({"acknowledged": {"1": 6}, "budget": None})
    assert ask(mine, 1, 7) is None


def test_many_bots_at_once_keep_to_the_calls_exactly():
    mine, asked = purse(calls=100), []

    def play(bot):
        for seq in range(1, 40, 2):
            if ask(mine, bot, seq) is None:
                asked.append(bot)

    bots = [threading.Thread(target=play, args=(bot,)) for bot in range(20)]
    for bot in bots:
        bot.start()
    for bot in bots:
        bot.join()
    assert len(asked) == 100


def test_tokens_are_put_aside_until_the_reply_is_there():
    mine = purse(20, tokens=100)
    assert mine.put_aside(1, 30) is None
    waits = mine.put_aside(2, 31)
    assert waits.passes and not waits.why
    mine.spend(1, 1, Amount(calls=1))
    assert mine.put_aside(2, 31).passes
    mine.spend(1, 2, Amount(tokens=35))  # its reply was shorter than it might have been
    mine.give_back(1)
    assert mine.put_aside(2, 31) is None
    mine.give_back(2)
    said = ask(mine, 2, 1, tokens=60).why
    assert "of 100 tokens is used up: 35 tokens so far, and the next call takes about 80 tokens." in said


def test_a_call_on_its_way_costs_what_calls_cost_so_far():
    mine = purse(cost=0.05)
    assert mine.put_aside(1, 0) is None
    assert mine.put_aside(2, 0).passes  # nobody knows yet what they cost
    mine.spend(1, 1, Amount(calls=1))
    assert mine.put_aside(2, 0).passes
    mine.spend(1, 2, Amount(cost=0.01))
    mine.give_back(1)
    assert [mine.put_aside(bot, 0) for bot in (1, 2, 3, 4)] == [None] * 4
    assert mine.put_aside(5, 0).passes
    for bot in (1, 2, 3, 4):
        mine.spend(bot, 3, Amount(calls=1))
        mine.spend(bot, 4, Amount(cost=0.01))
        mine.give_back(bot)
    assert "budget of $0.05 is used up: $0.05 so far. Raise it" in mine.put_aside(5, 0).why


def test_a_limit_of_dollars_cannot_be_kept_where_no_price_is_known():
    mine = purse(cost=1)
    assert ask(mine, 1, 1, Amount(tokens=30, unpriced=1)) is None
    said = "The launch’s budget of $1.00 cannot be kept: what the replies cost is not known. Limit calls or tokens"
    hindrance = ask(mine, 2, 1)
    assert hindrance.why.startswith(said) and not hindrance.ends and not hindrance.passes
    spent = Amount(calls=1, tokens=30, unpriced=1)
    mine.heed(reply({"calls": 5}, spent, {"1": 2}, bot1=spent))
    assert ask(mine, 2, 1) is None
    again, mixed = purse(), purse()
    again.heed(reply({"cost": 1, "then": "stop"}, spent, {"1": 2}, bot1=spent))
    assert ask(again, 2, 1).ends  # after a restart, too
    mixed.heed(reply({"bot_cost": 1}, spent, {"1": 2}, bot1=spent))
    assert ask(mixed, 2, 1, Amount(cost=0.1)) is None
    assert "This bot’s budget of $1.00 cannot be kept" in ask(mixed, 1, 3).why


def test_a_model_that_costs_nothing_may_play_where_nothing_may_be_spent():
    mine = purse(cost=0)
    assert ask(mine, 1, 1) is ask(mine, 1, 3) is None
    assert ask(mine, 1, 5, Amount(cost=0.01)) is None and ask(mine, 1, 7).why


# ---- a bot at its gate


def bot(llm, mine, **options):
    journal = Journal()
    gate = Gate(journal, Event(), 1, mine)
    return Mind(llm, journal, gate, **options), journal, gate


def test_tries_that_fail_and_replies_that_are_refused_count():
    """They are paid for, although another framework forgets what a request took that it made again."""
    llm = ScriptedLLM(TransientModelError("busy", 0.01), answer(101), answer(7), answer(8))
    mine = purse(calls=3, tokens=10_000)
    thinker, journal, gate = bot(llm, mine)
    assert thinker.decide(page()).answers == {"q1": 7}
    assert len(llm.requests) == 3 and mine._spent().tokens == 30
    mine.heed(reply({"calls": 3, "then": "stop"}))
    with pytest.raises(Stopped, match="budget of 3 calls is used up: 3 calls so far. Raise it .* start the bot again"):
        thinker.decide(page(2))
    assert len(llm.requests) == 3 and "paused" not in [one["state"] for one in journal.of("state")]


def test_replies_from_the_cache_cost_nothing_and_are_calls():
    cached = Completion('{"reason": "r", "answers": {"q1": 5}}', "m", Usage(), cost=0.0, from_cache=True)
    mine = purse(calls=2, cost=0.01)
    thinker, *_ = bot(ScriptedLLM(cached, cached), mine)
    thinker.decide(page())
    thinker.decide(page(2))
    assert mine._spent() == Amount(0.0, 2, 0)


def states(journal):
    return [(one["state"], one["error"]) for one in journal.of("state")]


def test_a_paused_bot_goes_on_when_its_budget_is_raised():
    llm, mine = ScriptedLLM(answer(1)), purse(calls=0)
    thinker, journal, gate = bot(llm, mine)
    journal.current = "thinking"
    threading.Timer(1, lambda: mine.heed(reply({"calls": 1}))).start()
    assert thinker.decide(page()).answers == {"q1": 1}
    said = (
        "The launch’s budget of 0 calls is used up: 0 calls so far. Raise it on the tab “LLM bots” and the bots go on."
    )
    assert set(states(journal)[:-1]) == {("paused", said)} and states(journal)[-1] == ("thinking", "")
    assert gate.seconds > 0.5


def test_a_page_whose_time_runs_out_meanwhile_is_as_any_whose_time_is_up():
    llm, mine = ScriptedLLM(answer(1)), purse(calls=0)
    thinker, journal, _ = bot(llm, mine)
    threading.Timer(3, lambda: mine.heed(reply({"calls": 1}))).start()
    with pytest.raises(TimeUp):
        thinker.decide(page(), deadline=time.monotonic() + 0.2)
    assert not llm.requests and mine._spent().calls == 0 and mine.put_aside(2, 0) is None


def test_who_waits_for_others_replies_waits_no_longer_than_its_page():
    mine = purse(cost=1.0)
    assert mine.put_aside(2, 0) is None
    thinker, journal, _ = bot(ScriptedLLM(), mine)
    with pytest.raises(TimeUp):
        thinker.decide(page(), deadline=time.monotonic() + 0.1)
    assert states(journal) == []
