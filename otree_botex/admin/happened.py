"""What happened on a page in a browser, as its transcript tells it: what was wanted, what was done, what came of it.

Plain values: who puts them into a template escapes them.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

from ..words import count

if TYPE_CHECKING:
    from ..models import Event

TRAFFIC = {"live out": "live message", "live in": "live message", "form": "form"}
"""What passes between a page and the server: told in one block wherever nothing else came in between."""
LIMITS = {"calls": "calls of the model", "actions": "actions", "seconds": "seconds"}


def told(events: Iterable[Event]) -> list[dict[str, Any]]:
    """A step's events in their order: each with its `kind`, a `title`, a `text`, `lines`, and when it was, `at`."""
    events = list(events)
    news = [set(json.loads(event.data_json)["text"].splitlines()) for event in events if event.what == "changed"]
    found = []
    for is_traffic, some in groupby(events, lambda event: event.what in TRAFFIC):
        if is_traffic:
            passed = list(some)
            found.append(_traffic(passed) | {"at": passed[0].at})
        else:
            found += [_event(event.what, json.loads(event.data_json)) | {"at": event.at} for event in some]
    for item in found:
        if item["kind"] == "done" and any(set(item["text"].splitlines()) <= lines for lines in news):
            item["text"] = ""  # it is told below
    return found


def _traffic(events: Sequence[Event]) -> dict[str, Any]:
    times = Counter(event.what for event in events)
    counted = [
        f"{count(times[what], word)} {'received' if what == 'live in' else 'sent'}"
        for what, word in TRAFFIC.items()
        if times[what]
    ]
    return _item(
        "traffic", ", ".join(counted), lines=[_message(event.what, json.loads(event.data_json)) for event in events]
    )


def _message(what: str, data: Mapping[str, Any]) -> dict[str, str]:
    if what == "form":
        entries = [f"{name} = {value}" for name, value in data["entries"]]
        return {"way": "form", "text": "\n".join(entries) or data.get("body", "") or "(empty)"}
    way = "received" if what == "live in" else "sent" if data.get("by") != "page" else "sent by itself"
    return {"way": way, "text": said(data["message"])}


def _event(what: str, data: Mapping[str, Any]) -> dict[str, Any]:
    if what == "actions":
        return _item(what, text=data["reason"], lines=data["words"])
    if what == "done":
        return _done(data)
    if what == "changed":
        return _item(what, "What happened since, as the model was told:", data["text"])
    if what == "dialog":
        return _item(what, f"A dialog ({data['kind']}):", f"{data['message']}\n→ {_answered(data['answer'])}")
    if what == "refused":
        return _item(what, f"Refused to the page, {data['what']}:", data["url"])
    if what == "window":
        return _item(what, f"A window opened, and was closed again: {data['url']}", data["text"])
    if what == "limit":
        return _item(what, f"A limit of the launch was reached: {said(data['of'])} {LIMITS[data['which']]}.")
    return _item(what, f"{what}:", said(data))


def _done(data: Mapping[str, Any]) -> dict[str, Any]:
    number = f"{data['done']} of {data['of']} done"
    if data["failed"]:
        return _item("failed", f"{number}; the next could not be:", data["failed"])
    if data["surprise"]:
        return _item("done", f"{number}, then something else happened.", data["surprise"])
    return _item("done", f"{number}.")


def _answered(answer: Any) -> str:
    if not isinstance(answer, Mapping):
        return said(answer)
    text = f", “{answer['text']}”" if answer.get("text") else ""
    return ("accepted" if answer.get("accept") else "cancelled") + text


def said(value: Any) -> str:
    """A value of JSON as a text."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _item(kind: str, title: str = "", text: str = "", lines: Sequence[Any] = ()) -> dict[str, Any]:
    return {"kind": kind, "title": title, "text": text, "lines": list(lines)}
