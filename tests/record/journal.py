"""What a runner would write of a bot, for tests of what becomes of it: one page over HTTP, three in a browser."""

from __future__ import annotations

import itertools
import json

from otree_botex.record.sqlite import Database, DatabaseCarrier
from otree_botex.scripts import launches

WHY = "its decisions are made over a live connection"


def control(number, label, kind="button", what="", name=""):
    return {
        **{"key": f"[{number}]", "name": name, "kind": kind, "label": label, "required": False},
        **{"options": [], "what": what or kind, "decides": True},
    }


AUCTION = [control(3, "Your bid", "number", "number 0 to 100"), control(4, "Bid"), control(5, "Sell")]
RANKING = [control(1, "Apple", "area", "item that can be dragged"), control(2, "Pear", "area", "item")]
FIELD = {
    **{"key": "q1", "name": "age", "kind": "number", "label": "Your age", "required": True, "options": []},
    **{"what": "whole number"},
}


def page(step, name, number, fields=(), driver="browser", **more):
    return {
        **{"kind": "page", "step": step, "url": f"http://x/p/abcdefgh/market/{name}/{number}", "app": "market"},
        **{"name": name, "number": number, "page_kind": "form", "title": name, "text": f"The page {name}."},
        **{"fields": list(fields), "timeout": None, "needs_script": "", "driver": driver, **more},
    }


def event(step, what, /, **data):
    return {"kind": "event", "step": step, "what": what, "data": data}


def acts(step, attempt, reason, *actions, done=None, surprise="", failed=""):
    """What the model wanted done, and how much of it was."""
    yield event(
        step,
        "actions",
        attempt=attempt,
        reason=reason,
        actions=[*actions],
        words=[f"{one['do']} [{one.get('control', '')}]" for one in actions],
    )
    number = len(actions) if done is None else done
    yield event(step, "done", done=number, of=len(actions), surprise=surprise, failed=failed)


def click(control):
    return {"do": "click", "control": control}


def fill(control, value):
    return {"do": "fill", "control": control, "value": value}


def decision(step, answers, reason="So."):
    entries = [[name, str(value)] for name, value in answers.items()]
    return {
        "kind": "decision",
        "step": step,
        "attempt": 1,
        "answers": answers,
        "reason": reason,
        "entries": entries,
    }


def left(step, outcome="submitted", untouched=False):
    return {"kind": "left", "step": step, "outcome": outcome, "seconds": 4.0, "untouched": untouched}


def played(first=1):
    """One bot's records: a form, an auction, a ranking that it leaves untouched, and the end."""
    yield page(first, "Before", 1, [FIELD], "http")
    yield decision(first, {"age": 30})
    yield left(first)
    auction = first + 1
    yield page(auction, "Auction", 2, AUCTION, needs_script=WHY)
    yield from acts(auction, 1, "Too dear.", fill(3, 50), click(4))
    yield event(auction, "live out", message={"bid": 50}, by="bot")
    for price in range(300):
        yield event(auction, "live in", message={"price": price, "by": "P2"})
    yield event(auction, "changed", text="New: Price 299")
    yield event(auction, "live out", message={"i am": "still here"}, by="page")
    yield from acts(auction, 2, "Sell now.", click(9), click(5), done=1, surprise="A dialog")
    yield event(auction, "dialog", kind="confirm", message="Really?", answer={"accept": True, "text": None})
    yield event(auction, "refused", what="another site", url="https://cdn.example.org/x.js")
    yield event(auction, "limit", which="calls", of=2)
    entries = [["seconds_on_page", "12"], ["deals", "1"], ["remark", "None."]]
    yield event(auction, "form", url="http://x", entries=entries, asked=["remark"])
    yield decision(auction, dict(entries), "Enough.")
    yield left(auction)
    ranking = first + 2
    yield page(ranking, "Ranking", 3, RANKING, needs_script="its form has an empty hidden input “order”")
    yield event(ranking, "form", url="http://x", entries=[["order", ""]])
    yield decision(ranking, {"order": ""}, "")
    yield left(ranking, untouched=True)
    yield page(first + 3, "End", 4, page_kind="end", driver="http")
    yield left(first + 3, "end")
    yield {"kind": "state", "state": "finished", "error": "", "cause": ""}


def numbered(bot, records, first=1):
    """Records as they are sent: with their bot, their number and their time."""
    for seq, record in enumerate(records, start=first):
        yield {**record, "bot": bot, "seq": seq, "at": 1_700_000_000.0 + seq}


def play(path, asked, records, batch=100, times=1):
    """Writes a launch of one bot, and its records in batches, into a file. Returns the launch's code."""
    database = Database(path)
    link = "http://x/InitializeParticipant/abcdefgh"
    launch = launches.new(database, "session1", [(1, link)], asked, launches.Access())
    carrier = DatabaseCarrier(database, launch.code, launch.token)
    bot = launch.seats[0].bot
    sent = numbered(bot, records)
    while some := [json.dumps(one) for one in itertools.islice(sent, batch)]:
        for _ in range(times):
            carrier.deliver([bot], some)
    return launch.code
