"""The report's numbers in the words in which the page and the file show them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...words import count, money
from ..page_report import BY
from .words import joined, plain, seats, share

LEVELS = {"danger": "serious", "warning": "look at it", "hint": "hint"}
MOST_WRONG = 8
"""So many wrong answers and messages are shown, those that came most often."""


def told(report: Mapping[str, Any]) -> dict[str, Any]:
    """The same report, with what templates need to say it."""
    totals, payoffs = report["totals"], report["payoffs"]
    return {
        **report,
        "needs": [{**one, "level_said": LEVELS[one["level"]]} for one in report["needs"]],
        "pages": [_page(page) for page in report["pages"]],
        "totals": {
            **totals,
            "cost_said": _cost(totals["cost"]),
            "models_said": _counted(totals["models"]),
            "personas_said": _counted(totals["personas"]),
        },
        "payoffs": {
            **payoffs,
            "bots_said": count(payoffs["bots"], "bot"),
            "zero_said": seats(payoffs["zero"]),
            "fee_said": plain(payoffs["fee"]),
        },
    }


def _page(page: Mapping[str, Any]) -> dict[str, Any]:
    calls, cost = count(page["calls_mean"], "call"), _cost(page["cost"])
    return {
        **page,
        "took_said": f"{calls} a visit, {page['tokens']} tokens, cost {cost}",
        "refused_times": sum(one["times"] for one in page["refused"]),
        "refused_else": [
            {**one, "bots_said": count(one["bots"], "bot"), "messages_shown": one["messages"][:MOST_WRONG]}
            for one in page["refused"]
            if one["by"] != BY["server"]
        ],
        "quiz": [_quiz(one) for one in page["quiz"]],
        "fields": [{**one, "said": _field(one)} for one in page["fields"]],
        "remarks": [_remark(group) for group in page["remarks"]],
        "nothing_said": count(page["nothing"], "bot"),
    }


def _quiz(one: Mapping[str, Any]) -> dict[str, Any]:
    most = max((some["bots"] for some in one["tries"]), default=0)
    return {
        **one,
        "wrong_shown": one["wrong"][:MOST_WRONG],
        "more_wrong": max(len(one["wrong"]) - MOST_WRONG, 0),
        "messages_shown": one["messages"][:MOST_WRONG],
        "tries": [{**some, "said": _tries(some["tries"]), "share": share(some["bots"], most)} for some in one["tries"]],
        "bots_said": count(one["bots"], "bot"),
    }


def _tries(tries: str) -> str:
    return "at once" if tries == "1" else f"{tries} tries"


def _field(one: Mapping[str, Any]) -> str:
    """What the counts do not tell."""
    parts = [count(one["answers"], "answer")]
    if one["empty"]:
        parts.append(f"{one['empty']} left it empty")
    if one["spread"]:
        parts.append("min {min}, median {median}, max {max}".format(**one["spread"]))
    elif not one["counts"] and one["answers"]:
        parts.append(f"{one['different']} different")
    if one["lengths"]:
        parts.append(f"{count(one['lengths'], 'character')} long in the median")
    if one["unchosen"]:
        parts.append(f"nobody chose {one['unchosen_said']}")
    return ", ".join(parts)


def _remark(group: Mapping[str, Any]) -> dict[str, Any]:
    wordings = [
        {**wording, "by": [{**one, "said_by": _who(one)} for one in wording["by"]]} for wording in group["wordings"]
    ]
    return {**group, "wordings": wordings, "several": group["bots"] > 1}


def _who(one: Mapping[str, Any]) -> str:
    where = f"round {one['round']}" if one["several_rounds"] else ""
    return ", ".join(part for part in (one["model"], one["persona"], where) if part)


def _counted(names: Sequence[Mapping[str, Any]]) -> str:
    return joined([f"{one['name']} ({count(one['bots'], 'bot')})" for one in names])


def _cost(dollars: float | None) -> str:
    return "not known" if dollars is None else money(dollars)
