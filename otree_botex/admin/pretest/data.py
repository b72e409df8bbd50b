"""The whole pre-test report as one structure of plain values, from which the page, the file and the tables are made."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from ...records import ENDED
from ...words import count, lasted
from ..places import by_number, stranded, where
from . import attention, played_with
from .gathered import Gathered, Who
from .page import page
from .words import share, spread, whole

TICK = "tick “Ask bots what was unclear or wrong on each page” when you add"
HOW_TO_ASK = f"These bots were not asked what was unclear or wrong. To ask some, {TICK} them."
AT_RANDOM = (
    f"Random bots do not read, and cannot say what is unclear or wrong. To learn it, {TICK} bots of a language model."
)


def report(found: Gathered) -> dict[str, Any]:
    """The report. Its parts: `summary`, `needs` (what needs attention), `pages`, `bots`, `failed`, `payoffs`, `totals`,
    `launches` (what was played with), and where and when it was made."""
    pages = [page(number, place, found) for number, place in enumerate(found.played.places, start=1)]
    slowest = max(
        (one["seconds"]["median"] for one in pages if one["seconds"] and one["kind"] != "wait page"), default=0
    )
    for one in pages:
        one["slow"] = min(share(one["seconds"]["median"], slowest), 100) if one["seconds"] else 0
    bots = list(found.bots.values())
    payoffs = _payoffs(found, [who for who in bots if who.state == "finished"])
    needs = attention.points(found, pages, payoffs)
    return {
        "session": found.session,
        "config": found.config,
        "name": found.name,
        "made_at": found.made_at,
        "version": found.version,
        "chosen": found.chosen,
        "ended": all(who.state in ENDED for who in bots),
        "summary": attention.summary(found, pages, needs),
        "needs": _with_titles(needs, pages),
        "asked": _asked(bots),
        "pages": pages,
        "bots": [_bot(who) for who in bots],
        "failed": _failed(found),
        "payoffs": payoffs,
        "totals": _totals(bots, pages),
        "launches": [played_with.of_launch(manifest) for manifest in found.launches],
        "ends": [{"text": text, "times": times} for text, times in found.played.ends.most_common()],
    }


def _with_titles(needs: list[dict[str, Any]], pages: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**one, "title": pages[one["page"] - 1]["title"] if one["page"] else ""} for one in needs]


def _asked(bots: Sequence[Who]) -> str:
    """Says so where bots were not asked for remarks, and how to ask; empty if all were."""
    without = sum(not who.was_asked for who in bots)
    if not without:
        return ""
    if all(who.model == "random" for who in bots):
        return AT_RANDOM
    return HOW_TO_ASK if without == len(bots) else f"{without} of {count(len(bots), 'bot')} were not asked for remarks."


def _bot(who: Who) -> dict[str, Any]:
    return {**vars(who), "time": lasted(who.seconds)}


def _failed(found: Gathered) -> list[dict[str, Any]]:
    """Who did not get to the end, where, and why; bots that fared alike together."""
    places = by_number(found.played.places)
    bots = {who.seat: who for who in found.bots.values()}
    return [
        {
            "bots": [
                {"seat": seat.seat, "bot": bots[seat.seat].bot, "who": _described(bots[seat.seat])} for seat in together
            ],
            "page": where(together[0], places),
            "why": why,
        }
        for together, why in stranded(list(found.played.seats.values()), places)
    ]


def _described(who: Who) -> str:
    return f"{who.model}, {who.persona}" if who.persona else who.model


def _payoffs(found: Gathered, finished: Sequence[Who]) -> dict[str, Any]:
    """Payoffs of the bots that finished: of all, by treatment where there are some, and who got nothing."""
    treatments = sorted({who.treatment for who in finished})
    groups = [("all", finished)]
    if any(treatments):
        groups += [(name or "(none)", [who for who in finished if who.treatment == name]) for name in treatments]
    return {
        "bots": len(finished),
        "unit": found.payoff_unit,
        "currency": found.currency,
        "fee": found.fee,
        "groups": [
            {
                "treatment": name,
                "bots": len(some),
                "payoff": spread([who.payoff for who in some]),
                "earned": spread([who.earned for who in some]),
            }
            for name, some in groups
            if some
        ],
        "zero": [who.seat for who in finished if not who.payoff],
    }


def _totals(bots: Sequence[Who], pages: Sequence[dict[str, Any]]) -> dict[str, Any]:
    ended = [who.seconds for who in bots if who.state == "finished"]
    times = spread(ended)
    return {
        "bots": len(bots),
        "finished": sum(who.state == "finished" for who in bots),
        "pages": len(pages),
        "passed": sum(bool(one["passed"]) for one in pages),
        "seconds": times,
        "time": {name: lasted(value) for name, value in times.items()} if times else None,
        "calls": sum(who.calls for who in bots),
        "tokens": sum(who.tokens for who in bots),
        "cost": whole(who.cost for who in bots),
        "refusals": sum(one["times"] for page in pages for one in page["refused"]),
        "wrong": sum(one["times"] for page in pages for one in page["quiz"]),
        "remarks": sum(page["remarked"] for page in pages),
        "asked": sum(who.was_asked for who in bots),
        "models": _counted(who.model for who in bots),
        "personas": _counted(who.persona for who in bots if who.persona),
        "seeds": len({who.seed for who in bots if who.seed is not None}),
    }


def _counted(names: Any) -> list[dict[str, Any]]:
    return [{"name": name, "bots": number} for name, number in Counter(names).most_common()]
