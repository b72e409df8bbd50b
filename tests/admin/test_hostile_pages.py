"""Hostile texts wherever somebody else may write: on all pages for experimenters they are text, in files harmless."""

from __future__ import annotations

import io
import json
from zipfile import ZipFile

import pytest

from ..hostile import ALL_OF_THEM, HOSTILE, harmless, harmless_csv
from .fed import feed
from .test_hostile_record import everything

pytestmark = [pytest.mark.server, pytest.mark.browser]

MODEL = "".join(HOSTILE[name] for name in ("image", "end_of_script", "double_quoted_attribute", "end_of_pre"))
PAGES = ("", "/seats", "/add", "/answers", "/plots", "/plots?by=persona", "/plots?show=spending", "/report", "/check")
FILES = (
    *("/export/bots", "/export/steps", "/export/messages", "/report/pages.csv", "/report/remarks.csv", "/answers.csv"),
    *("/plots/answers.csv?by=persona", "/plots/spending.csv"),
)


@pytest.fixture
def session(start_server):
    """A server, and a session on it whose bots, all their words, their launch and its model are hostile."""
    server = start_server()
    about = {"persona": ALL_OF_THEM, "persona_name": HOSTILE["svg"], "treatment": HOSTILE["formula"]}
    model, by = (text.replace("'", "''") for text in (json.dumps(MODEL), HOSTILE["details"]))
    also = [
        f"update otree_botex_launch set rows_json = replace(rows_json, '\"random\"', '{model}')",
        f"update otree_botex_launch set started_by = '{by}', is_pretest = 1",
    ]
    labels = {1: HOSTILE["image"], 2: HOSTILE["end_of_script"], 3: HOSTILE["right_to_left"]}
    seats = {seat: everything() for seat in labels}
    return server, feed(
        server, "public_goods", seats, also, {seat: {**about, "label": label} for seat, label in labels.items()}
    )


def test_all_pages_show_text_as_text(session, page):
    server, code = session
    tab = f"{server.url}/LLMBots/{code}"
    launch = server.bots(code)[0]["launch"]
    addresses = [f"{tab}{path}" for path in (*PAGES, f"/launch/{launch}")]
    for width in (1280, 800):
        page.set_viewport_size({"width": width, "height": 900})
        for address in [*addresses, f"{server.url}/LLMBotsOverview"]:
            page.goto(address)
            page.wait_for_load_state("load")
            if address in (tab, f"{tab}/seats", f"{server.url}/LLMBotsOverview"):  # which are filled by their scripts
                page.locator("tbody tr").first.wait_for()
            page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")
            try:
                harmless(page)
            except AssertionError as error:
                raise AssertionError(f"{address} at {width}: {error}") from None
    assert server.tracebacks() == []


def test_all_files_are_harmless(session, page, tmp_path):
    server, code = session
    tab = f"{server.url}/LLMBots/{code}"
    launch = server.bots(code)[0]["launch"]
    for path in FILES:
        harmless_csv(server.http.get(f"{tab}{path}", timeout=60).content.decode("utf-8"))
    archive = server.http.get(f"{tab}/launch/{launch}/archive.zip", timeout=60).content
    with ZipFile(io.BytesIO(archive)) as files:
        for name in files.namelist():
            assert name.startswith(f"launch_{launch}/") and ".." not in name
            if name.endswith(".csv"):
                harmless_csv(files.read(name).decode("utf-8"))
        (tmp_path / "pretest.html").write_bytes(files.read(f"launch_{launch}/pretest.html"))
    page.goto((tmp_path / "pretest.html").as_uri())
    harmless(page)
