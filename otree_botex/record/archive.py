"""All of a launch's record in one zip file, for a data repository."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from typing import IO, Any
from zipfile import ZIP_DEFLATED, ZipFile

from . import exports, methods, transcripts
from .prompts import prompts
from .tables import Record

Table = Callable[[exports.Chosen], Iterable[exports.Row]]
Parts = Iterable[str]


def write(
    file: IO[bytes],
    record: Record,
    code: str,
    manifest: dict[str, Any],
    now: exports.Now = exports.as_recorded,
    more: Mapping[str, str] = {},
) -> Iterator[str]:
    """Writes a launch's manifest, report, prompt files, personas, bots, steps, events and messages, each prompt as it
    was sent, and each bot's transcript; and whatever `more` files the caller has, by their names.

    It is written while one iterates, a bot's part of a file each time (the file's name is returned): a launch's prompts
    may be gigabytes, and the database may have other work to do between two of these parts.
    """
    with ZipFile(file, "w", ZIP_DEFLATED) as archive:
        for name, parts in _files(record, code, manifest, now, more):
            with archive.open(f"launch_{code}/{name}", "w", force_zip64=True) as entry:
                for part in parts:
                    entry.write(part.encode())
                    yield name


def _files(
    record: Record, code: str, manifest: dict[str, Any], now: exports.Now, more: Mapping[str, str]
) -> Iterator[tuple[str, Parts]]:
    launch = record.db.query(record.Launch).filter_by(code=code).one()
    chosen = [(launch, bot) for bot in record.bots_of(launch)]
    yield "manifest.json", [json.dumps(manifest, indent=2, ensure_ascii=False)]
    yield "report.md", [methods.markdown(manifest)]
    yield "report.tex", [methods.latex(manifest)]
    yield "personas.csv", _csv(transcripts.personas, chosen)
    yield "bots.csv", _csv(lambda one: exports.bots(record, one, now), chosen)
    yield "steps.csv", _csv(lambda one: exports.steps(record, one), chosen)
    yield "events.jsonl", (_lines(exports.as_dicts(exports.events(record, [one]))) for one in chosen)
    yield "messages.csv", _csv(lambda one: exports.messages(record, one), chosen)
    yield "sent.jsonl", (_lines(prompts(record, launch, [bot])) for _, bot in chosen)
    for _, bot in chosen:
        steps = transcripts.played(record, [bot.id])[bot.id]
        yield f"transcripts/P{bot.number}.jsonl", [_lines(transcripts.lines(steps))]
    yield from ((f"prompts/{name}.txt", [text]) for name, text in manifest["prompts"].items())
    yield from ((name, [text]) for name, text in more.items())


def _lines(values: Iterable[dict[str, Any]]) -> str:
    """Values as JSON Lines. What many readers take for the end of a line, too, is escaped."""
    text = "".join(f"{json.dumps(value, ensure_ascii=False)}\n" for value in values)
    return text.replace("\x85", "\\u0085").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _csv(table: Table, chosen: Iterable[tuple[Any, Any]]) -> Iterator[str]:
    """A table as CSV: its header, then the rows of one bot after the other."""
    buffer = io.StringIO()
    exports.write_csv(buffer, table([]))
    yield buffer.getvalue()
    for one in chosen:
        buffer = io.StringIO()
        csv.writer(buffer).writerows(exports.for_spreadsheets(islice(table([one]), 1, None)))
        yield buffer.getvalue()
