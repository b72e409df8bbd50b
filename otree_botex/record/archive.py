"""All of a launch's record in one zip file, for a data repository."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

from . import exports, methods
from .prompts import prompts
from .tables import Record


def zipped(record: Record, launch: Any, manifest: dict[str, Any], now: exports.Now = exports.as_recorded) -> bytes:
    """Manifest, report, prompt files, bots, steps, events and messages of a launch, and each prompt as it was sent."""
    chosen = [(launch, bot) for bot in record.bots_of(launch)]
    files = {
        "manifest.json": json.dumps(manifest, indent=2, ensure_ascii=False),
        "report.md": methods.markdown(manifest),
        "report.tex": methods.latex(manifest),
        "bots.csv": _csv(exports.bots(record, chosen, now)),
        "steps.csv": _csv(exports.steps(record, chosen)),
        "events.jsonl": _lines(exports.as_dicts(exports.events(record, chosen))),
        "messages.csv": _csv(exports.messages(record, chosen)),
        "sent.jsonl": _lines(prompts(record, launch)),
        **{f"prompts/{name}.txt": text for name, text in manifest["prompts"].items()},
    }
    buffer = io.BytesIO()
    with ZipFile(buffer, "w", ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(f"launch_{launch.code}/{name}", text)
    return buffer.getvalue()


def _lines(values: Iterable[dict[str, Any]]) -> str:
    return "".join(f"{json.dumps(value, ensure_ascii=False)}\n" for value in values)


def _csv(rows: Iterable[exports.Row]) -> str:
    buffer = io.StringIO()
    exports.write_csv(buffer, rows)
    return buffer.getvalue()
