"""The pre-test report as tables: a row a page, and a row a remark. Each yields rows; the first is the header."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ...record.exports import Row
from .page import HOW
from .words import short

COUNTED = (
    *("number", "app", "page", "title", "kind", "state", "reached", "passed", "stuck", "skipped", "waited", "visits"),
    *("timed_out", "moved_on"),
)
TOOK = ("calls", "calls_mean", "tokens", "cost")


def pages(report: dict[str, Any]) -> Iterator[Row]:
    """One row a page, in the order of the page sequence."""
    ways = [words for words, _ in HOW.values()]
    yield [
        *("session", *COUNTED),
        *(f"left_{way.replace(' ', '_')}" for way in ways),
        *("seconds_median", "seconds_min", "seconds_max", *TOOK),
        *("refused", "refused_by_otree", "bots_refused_by_otree", "remarks", "bots_with_remarks"),
        *("fields", "alike", "unfilled", "unchosen", "untouched"),
    ]
    for page in report["pages"]:
        left = {one["how"]: one["times"] for one in page["left"]}
        seconds = page["seconds"] or {}
        yield [
            *(report["session"], *(page[name] for name in COUNTED)),
            *(left.get(way, 0) for way in ways),
            *(seconds.get(name, "") for name in ("median", "min", "max")),
            *(page[name] for name in TOOK),
            sum(one["times"] for one in page["refused"]),
            sum(one["times"] for one in page["quiz"]),
            max((one["bots"] - one["at_once"] for one in page["quiz"]), default=0),
            *(len(page["remarks"]), page["remarked"], len(page["fields"])),
            *(_labels(page, "alike"), _labels(page, "unfilled"), _unchosen(page), len(page["untouched"])),
        ]


def remarks(report: dict[str, Any]) -> Iterator[Row]:
    """One row a remark, those that say nearly the same under one number."""
    yield ["session", "page_number", "app", "page", "alike", "seat", "model", "persona", "round", "step", "remark"]
    for page in report["pages"]:
        for number, group in enumerate(page["remarks"], start=1):
            for one in group["every"]:
                yield [
                    *(report["session"], page["number"], page["app"], page["page"], number),
                    *(one[name] for name in ("seat", "model", "persona", "round", "step")),
                    one["text"],
                ]


def _unchosen(page: dict[str, Any]) -> str:
    return " | ".join(f"{short(one['label'])}: {one['unchosen_said']}" for one in page["fields"] if one["unchosen"])


def _labels(page: dict[str, Any], what: str) -> str:
    return " | ".join(short(one["label"]) for one in page["fields"] if one[what])
