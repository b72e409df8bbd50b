"""What bots might have seen and said in the demo's public goods game, as records of their journals."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from ..record.journal import decision, left, page

AMOUNT = {
    **{"key": "q1", "name": "contribution", "kind": "number", "required": True, "options": []},
    **{"label": "How much do you contribute to the common pot?", "what": "whole number, 0 to 100"},
}
INTRODUCTION = """## Instructions

You are in a group of 3 players. Each of you has 100 points.

1. Each player decides how much to contribute to a common pot. You keep what you do not contribute.
2. All contributions are added up and multiplied by 1.8.
3. The result is shared equally among all 3 players, whatever each contributed.

You decide once, at the same time as the others.

[button "Next"]"""
CONTRIBUTE = """## Your contribution

You have **100 points**. The sum of all contributions is multiplied by 1.8 and shared equally among the 3 players.

 | You keep | You get back
--- | --- | ---
If you give nothing | 100 points | your share of what others give
If you give all | 0 points | 60 points and your share of what others give

How much do you contribute to the common pot?
[q1: whole number, 0 to 100] points

[button "Next"]"""
RESULTS = """## Results

You had | 100 points
You contributed | {given} points
All three contributed | 148 points
Your share of the pot | 89 points
You earned | **{earned} points**

[button "Next"]"""
THOUGHT = "Giving {given} is a compromise: if the others give as much, all of us are better off than if nobody gives."


def plain(step: int, name: str, number: int, text: str, **more: Any) -> dict[str, Any]:
    """A page over HTTP."""
    return page(step, name, number, **{"driver": "http", "text": text, "title": name, "app": "public_goods", **more})


def refused(step: int, attempt: int, by: str, why: dict[str, str], said: Any) -> dict[str, Any]:
    return {"kind": "refusal", "step": step, "attempt": attempt, "by": by, "messages": why, "said": said}


def asked(step: int, number: int, prompt: str, reply: str | None) -> Iterator[dict[str, Any]]:
    """A request and its reply, or the failure of the call."""
    yield {"kind": "message", "step": step, "number": number, "role": "user", "content": prompt}
    request = {"purpose": "decision", "sent": [number], "schema": {}, "seed": 7}
    yield {"kind": "request", "step": step, "number": number + 1, **request}
    took = {"model": "some-model", "seconds": 1.4, "input_tokens": 310, "output_tokens": 42, "cost": 0.0021}
    came = {"content": reply, **took} if reply is not None else {"error": "The provider is overloaded."}
    yield {"kind": "reply", "step": step, "number": number + 1, **came}


def contributes(given: int, remark: str = "", refusals: Sequence[int] = ()) -> Iterator[dict[str, Any]]:
    """One bot's records: it reads, contributes so much, having said `refusals` before, waits, and reads the results."""
    yield plain(1, "Introduction", 1, INTRODUCTION)
    yield left(1, "read")
    yield plain(2, "Contribute", 2, CONTRIBUTE, fields=[AMOUNT])
    attempt = 0
    for attempt, amount in enumerate(refusals, start=1):
        yield from asked(2, 2 * attempt - 1, f"{INTRODUCTION}\n\n{CONTRIBUTE}", f'{{"q1": {amount}}}')
        yield {**decision(2, {"contribution": amount}, f"I try {amount}."), "attempt": attempt}
        why = {"contribution": "Value must be less than or equal to 100."}
        yield refused(2, attempt, "server", why, {"contribution": amount})
    yield from asked(2, 2 * attempt + 1, "Answer the page.", f'{{"q1": {given}}}')
    yield {
        **decision(2, {"contribution": given}, THOUGHT.format(given=given)),
        "attempt": attempt + 1,
        "remark": remark,
    }
    yield left(2)
    yield plain(3, "ResultsWaitPage", 3, "Please wait\n\nWaiting for the other participants.", page_kind="wait")
    yield left(3, "waited")
    yield plain(4, "Results", 4, RESULTS.format(given=given, earned=189 - given))
    yield left(4, "read")
    yield plain(5, "end", 0, "No more pages left", page_kind="end", app="")
    yield left(5, "end")
    yield {"kind": "state", "state": "finished", "error": "", "cause": ""}
