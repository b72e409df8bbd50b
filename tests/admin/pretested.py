"""Records of six bots that pre-test the demo project's quiz: remarks, wrong answers, a timer, a failure.

Their numbers are few and all different enough to be told apart in a report.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..record.journal import decision, left, page

REMARK = "What is a coin worth?"
READY = {
    **{"key": "q1", "name": "ready", "kind": "choice", "label": "Have you read the rules?", "required": True},
    **{"what": "choose one", "options": ["Yes", "Not yet"]},
}
DECIDER = {
    **{"key": "q1", "name": "decider", "kind": "choice", "label": "Who decides?", "required": True},
    **{"what": "choose one", "options": ["Player A", "Player B", "Nobody"]},
}
AMOUNT = {
    **{"key": "q2", "name": "amount", "kind": "integer", "label": "Coins", "required": True, "options": []},
    **{"what": "whole number, 0 to 10"},
}
WHY = {
    **{"key": "q3", "name": "why", "kind": "text", "label": "Why?", "required": False, "options": []},
    **{"what": "text"},
}
SHARE = {**AMOUNT, "key": "q1", "name": "share_a", "label": "Coins for Player A:"}
TOO_MANY = "Player A may send at most 8 coins."
NO_NUMBER = "this is not a whole number"
REPLIES = "2 replies to this page were refused. The last one by oTree: The two shares must sum to 2."

ALSO = (
    """update otree_botex_launch set is_pretest = 1, rows_json = replace(rows_json, '"random"', '"test/model"')""",
    "update otree_botex_bot set persona_name = 'Anna' where number = 1",
    "update otree_botex_bot set treatment = case when number < 3 then 'high' else 'low' end",
    "update otree_botex_bot set started_at = 1700000000.0",
    "update otree_participant set payoff = 10 * id_in_session where id_in_session < 5",
    "update otree_participant set _index_in_pages = 3 where id_in_session = 6",
)
"""What a launch with a model would have on record of these bots, beside what they did themselves."""


def seats() -> dict[int, list[dict[str, Any]]]:
    """The records of each bot."""
    return {seat: list(_played(seat)) for seat in range(1, 7)}


def _played(seat: int) -> Iterator[dict[str, Any]]:
    number = iter(range(1, 100))
    yield from _instructions(seat, number)
    yield from _questions(seat, number)
    if seat == 6:
        yield page(3, "Split", 3, [SHARE], "http")
        for _ in range(2):
            yield from _asked(3, number)
            yield _refusal(3, "server", {"": "The two shares must sum to 2."}, {"share_a": 5})
        yield {"kind": "state", "state": "failed", "error": REPLIES, "cause": "refused"}
        return
    yield page(3, "Split", 3, [SHARE], "http")
    yield from _asked(3, number)
    yield decision(3, {"share_a": 2})
    yield _gone(3, 3.0)
    yield page(4, "Results", 4, driver="http", page_kind="form")
    yield _gone(4, 1.0, "read")
    yield page(5, "End", 5, page_kind="end", driver="http", text="The end.")
    yield left(5, "end")
    yield {"kind": "state", "state": "finished", "error": "", "cause": ""}


def _instructions(seat: int, number: Iterator[int]) -> Iterator[dict[str, Any]]:
    """Two are refused by oTree, one of them twice; three say nearly the same about it, one says that it has nothing."""
    said = {1: REMARK, 2: "what is a coin worth", 3: "What is one coin worth?", 4: "None.", 5: "None.\nToo long."}
    yield page(1, "Instructions", 1, [READY], "http")
    for _ in range({2: 1, 3: 2}.get(seat, 0)):
        yield from _asked(1, number)
        yield _refusal(1, "server", {"ready": "Please read the rules."}, {"ready": "Not yet"})
    yield from _asked(1, number)
    yield {**decision(1, {"ready": "Yes"}), "remark": said.get(seat, "")}
    yield _gone(1, 10.0 * seat)


def _questions(seat: int, number: Iterator[int]) -> Iterator[dict[str, Any]]:
    """One reply has no number, one answer is too much, and for one bot the time is up."""
    yield page(2, "Questions", 2, [DECIDER, AMOUNT, WHY], "http", timeout=30.0)
    if seat == 4:
        yield from _asked(2, number)
        yield _refusal(2, "form", {"amount": NO_NUMBER}, {"decider": "Player B", "amount": "many", "why": None})
    if seat == 1:
        yield from _asked(2, number)
        yield _refusal(2, "server", {"amount": TOO_MANY}, {"decider": "Player B", "amount": 9, "why": None})
    yield from _asked(2, number)
    chosen = "Player A" if seat == 5 else "Player B"
    yield decision(2, {"decider": chosen, "amount": seat, "why": None})
    yield _gone(2, 30.0 if seat == 5 else 5.0, "timed out" if seat == 5 else "submitted")


def _asked(step: int, number: Iterator[int]) -> Iterator[dict[str, Any]]:
    """The model is asked, and replies: 100 tokens, a cent."""
    one = next(number)
    yield {
        **{"kind": "request", "step": step, "number": one, "purpose": "decision", "sent": [], "schema": {}},
        "seed": None,
    }
    yield {
        **{"kind": "reply", "step": step, "number": one, "content": "{}", "input_tokens": 90, "output_tokens": 10},
        "cost": 0.01,
    }


def _refusal(step: int, by: str, messages: dict[str, str], said: dict[str, Any]) -> dict[str, Any]:
    return {"kind": "refusal", "step": step, "attempt": 1, "by": by, "messages": messages, "said": said}


def _gone(step: int, seconds: float, outcome: str = "submitted") -> dict[str, Any]:
    return {**left(step, outcome), "seconds": seconds}
