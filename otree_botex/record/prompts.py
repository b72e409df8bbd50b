"""Each prompt as its model was given it, rebuilt from the record to the letter."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from ..llm import Request
from ..llm.rendering import rendered
from .rows import row_of
from .tables import Record


def prompts(record: Record, launch: Any, bots: Sequence[Any] | None = None) -> Iterator[dict[str, Any]]:
    """All that a launch's models were asked by its bots, or by these of them, bot by bot, in order.

    Each is a dict: `seat`, `step`, `number` (of the reply's message), `purpose`, `seed`, and what the backend was
    handed: `messages`, and `response_format` or `grammar` where the way of asking (`mode`) has one. Of a call that
    failed the mode is not known; it is that of the bot's last call that did not, as the backend went on with it.
    """
    for bot in record.bots_of(launch) if bots is None else bots:
        messages = {
            message.number: message
            for message in record.db.query(record.Message).filter_by(bot_id=bot.id).order_by(record.Message.number)
        }
        pictures = _pictures(record, launch, messages.values())
        mode, own = "", row_of(launch, bot).api_base is not None
        for message in messages.values():
            if message.sent_json is None:
                continue
            mode = message.mode or mode
            sent = [_as_sent(messages[number], pictures) for number in json.loads(message.sent_json)]
            request = Request(sent, json.loads(message.schema_json), message.seed)
            yield {
                "seat": bot.number,
                "step": message.step,
                "number": message.number,
                "purpose": message.purpose,
                "seed": message.seed,
                "mode": mode,
                **rendered(request, mode, own),
            }


def _pictures(record: Record, launch: Any, messages: Iterable[Any]) -> dict[str, str]:
    """The pictures that these messages show, by their hashes."""
    shown = {sha256 for message in messages for sha256 in _shown(message)}
    if not shown:
        return {}
    table = record.Picture
    found = record.db.query(table.sha256, table.url).filter_by(launch_id=launch.id)
    return dict(found.filter(table.sha256.in_(shown)).all())


def _shown(message: Any) -> list[str]:
    return [picture["sha256"] for picture in json.loads(message.images_json or "[]") if picture.get("sha256")]


def _as_sent(message: Any, pictures: dict[str, str]) -> dict[str, Any]:
    shown = _shown(message)
    images = {"images": [pictures[sha256] for sha256 in shown]} if shown else {}
    return {"role": message.role, "content": message.content, **images}
