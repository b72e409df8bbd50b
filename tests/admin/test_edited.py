"""Reports of an experiment that was edited after bots had played it: its pages moved, went, or changed their app."""

from __future__ import annotations

import csv
import io

import pytest

from ..servers import edit
from .fed import feed
from .pretested import ALSO, seats

pytestmark = pytest.mark.server

FILE = "quiz/__init__.py"
SAME = ("reached", "passed", "state", "left_submitted", "seconds_median", "refused", "remarks", "fields", "alike")


def pages(server, session):
    """What the report tells of each page, by its title."""
    rows = csv.DictReader(io.StringIO(server.get(f"/LLMBots/{session}/report/pages.csv").removeprefix("\ufeff")))
    return {row["title"]: [row[name] for name in SAME] for row in rows}


@pytest.mark.parametrize("otree", ["6", "5"])
def test_answers_stay_with_their_pages(start_server, otree):
    server = start_server(otree)
    session = feed(server, "quiz", seats(), ALSO)
    before = pages(server, session)
    assert before["quiz / Split"][:3] == ["6", "5", "failed"]

    edit(server, FILE, r"page_sequence = \[", "class Consent(Page):\n    pass\n\n\npage_sequence = [Consent, ")
    after = pages(server, session)
    assert list(after) == ["quiz / Consent", *before] and after.items() >= before.items()
    assert after["quiz / Consent"][:3] == ["0", "0", "not shown"]

    edit(server, FILE, r"\[Consent, Instructions, Questions, Split, ", "[Instructions, Questions, ")
    assert pages(server, session) == before
    for path in ("check", "plots", "add", "report", "report/report.html"):
        assert server.get(f"/LLMBots/{session}/{path}")

    server.end()
    (server.folder / "quiz").rename(server.folder / "rules")
    settings = server.folder / "settings.py"
    settings.write_text(settings.read_text("utf-8").replace(", 'quiz'", ", 'rules'"), "utf-8")
    server.start()
    assert pages(server, session) == before
    launch = server.bots(session)[0]["launch"]
    for path in ("check", "plots", "report/report.html", f"launch/{launch}/archive.zip"):
        assert server.http.get(f"{server.url}/LLMBots/{session}/{path}", timeout=60).ok, path
    assert server.tracebacks() == []
