"""All of a launch's record in one zip file, for a data repository."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Mapping
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

from . import exports, methods, transcripts
from .prompts import prompts
from .tables import Record


def zipped(
    record: Record,
    launch: Any,
    manifest: dict[str, Any],
    now: exports.Now = exports.as_recorded,
    more: Mapping[str, str] = {},
) -> bytes:
    """Manifest, report, prompt files, personas, bots, steps, events and messages of a launch, each prompt as it was
    sent, and each bot's transcript; and whatever `more` files the caller has, by their names."""
    chosen = [(launch, bot) for bot in record.bots_of(launch)]
    played = transcripts.played(record, [bot.id for _, bot in chosen])
    files = {
        "manifest.json": json.dumps(manifest, indent=2, ensure_ascii=False),
        "report.md": methods.markdown(manifest),
        "report.tex": methods.latex(manifest),
        "personas.csv": _csv(transcripts.personas(chosen)),
        "bots.csv": _csv(exports.bots(record, chosen, now)),
        "steps.csv": _csv(exports.steps(record, chosen)),
        "events.jsonl": _lines(exports.as_dicts(exports.events(record, chosen))),
        "messages.csv": _csv(exports.messages(record, chosen)),
        "sent.jsonl": _lines(prompts(record, launch)),
        **{f"transcripts/P{bot.number}.jsonl": _lines(transcripts.lines(played[bot.id])) for _, bot in chosen},
        **{f"prompts/{name}.txt": text for name, text in manifest["prompts"].items()},
        **more,
    }
    buffer = io.BytesIO()
    with ZipFile(buffer, "w", ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(f"launch_{launch.code}/{name}", text)
    return buffer.getvalue()


def _lines(values: Iterable[dict[str, Any]]) -> str:
    """Values as JSON Lines. What many readers take for the end of a line, too, is escaped."""
    text = "".join(f"{json.dumps(value, ensure_ascii=False)}\n" for value in values)
    return text.replace("\x85", "\\u0085").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _csv(rows: Iterable[exports.Row]) -> str:
    buffer = io.StringIO()
    exports.write_csv(buffer, rows)
    return buffer.getvalue()
