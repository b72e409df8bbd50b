"""The report of a check as text for a terminal of 80 to 100 columns. Pure: values in, lines out."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import Any

from .words import count

WIDTH = 96
MOST_TITLE = 44
MOST_REFUSALS = 5
"""So many of a page's refusals are shown, those that came most often."""
MOST_CONTROLS = 12


def in_full(report: dict[str, Any]) -> Iterator[str]:
    """Every page with what became of it, then what went wrong, then one line that sums it up."""
    bots = len(report["bots"])
    yield f"\n{report['config']}: what {count(bots, 'random bot')} could do\n"
    width = min(max((len(page["title"]) for page in report["pages"]), default=0), MOST_TITLE)
    for number, page in enumerate(report["pages"], start=1):
        yield from _wrap(f"{number:3}. {page['title']:<{width}}  {page['kind']}, {_outcome(page)}", " " * 9)
        for line in _details(page):
            yield from _wrap(f"       {line}", "         ")
    for end in report["ends"]:
        yield from _wrap(f"     The end, for {end['times']} of {bots} bots: {end['text']}", "         ")
    yield ""
    for problem in report["problems"]:
        yield from _wrap(problem, "  ")
    yield from _wrap(report["summary"], "  ")


def in_short(result: dict[str, Any]) -> Iterator[str]:
    """One config among several: one line, and what went wrong below it."""
    if "error" in result:
        yield from _wrap(f"{result['config']}: could not be checked. {result['error']}", "  ")
        return
    yield from _wrap(f"{result['config']}: {result['summary']}", "  ")
    for problem in result["problems"]:
        yield from _wrap(f"  {problem}", "    ")


def _outcome(page: dict[str, Any]) -> str:
    if page["state"] == "not shown":
        return "not shown to any bot (is_displayed)"
    if page["state"] == "not reached":
        return "not reached"
    outcome = "" if page["state"] == "passed" else f"{page['state']}, "
    outcome += f"passed by {page['passed']} of {page['reached']} bots"
    outcome += f", not shown to {page['skipped']}" if page["skipped"] else ""
    return outcome + (f", {page['waited']} had to wait" if page["waited"] else "")


def _details(page: dict[str, Any]) -> Iterator[str]:
    if page["needs_browser"]:
        yield f"needs a browser: {page['needs_browser']}"
    if page["in_browser"]:
        yield f"played in a browser: {page['in_browser']}"
    if page["timer"] is not None:
        yield f"timer: {page['timer']} seconds"
    for question in page["questions"]:
        options = f" of: {', '.join(question['options'])}" if question["options"] else ""
        varies = " (not the same for all)" if question["varies"] else ""
        yield f"{question['label']} [{question['what']}{options}]{varies}"
    yield from decided(page)
    if page["untouched"]:
        seats = ", ".join(f"P{one['seat']}" for one in page["untouched"])
        yield f"left by {seats} without touching any of its controls"
    for refusal in page["refusals"][:MOST_REFUSALS]:
        yield f"refused by {refusal['by']} {_times(refusal['times'])}: {refusal['text']}"
    if len(page["refusals"]) > MOST_REFUSALS:
        yield f"refused for {len(page['refusals']) - MOST_REFUSALS} more reasons"


def decided(page: dict[str, Any]) -> Iterator[str]:
    """What decisions on a page in a browser were made with, a line for each way."""
    used = [control for control in page["controls"] if control["times"]]
    never = [control for control in page["controls"] if not control["times"]]
    if used:
        yield f"controls used: {_named(used)}"
    if never:
        yield f"never touched by any bot: {_named(never)}"
    if page["set_by_scripts"]:
        yield f"set by scripts: {', '.join(page['set_by_scripts'])}"
    if page["left_empty"]:
        yield f"sent, but always empty: {', '.join(page['left_empty'])}"
    if page["live_sent"]:
        own = page["live_sent_by_page"]
        yield f"live messages sent: {page['live_sent']}" + (f", {own} of them by the page itself" if own else "")
    for limit in page["limits"]:
        yield f"limit of {limit['limit']} reached {_times(limit['times'])}"


def _named(controls: list[dict[str, Any]]) -> str:
    names = [f"“{control['label']}”" if control["label"] else control["kind"] for control in controls]
    more = len(names) - MOST_CONTROLS
    return ", ".join(names[:MOST_CONTROLS]) + (f" and {more} more" if more > 0 else "")


def _times(number: int) -> str:
    return "once" if number == 1 else f"{number} times"


def _wrap(line: str, indent: str) -> list[str]:
    return textwrap.wrap(line, WIDTH, subsequent_indent=indent, break_on_hyphens=False) or [""]
