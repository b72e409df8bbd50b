"""The tutorial of the documentation, step by step: its files, commands and clicks, and what it says will be seen."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from .benchmarks import stub
from .conftest import OTREE, ROOT
from .servers import Server, edit, wait_until

pytestmark = [pytest.mark.server, pytest.mark.browser, pytest.mark.slow]

PAGE = (ROOT / "docs" / "tutorial.md").read_text("utf-8")
FILES = dict(
    re.findall(r"^```(?:python|html)\n(?:# |<!-- )([\w./]+\.\w+)(?: -->)?\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
)
MENDED = re.search(r"^# instead of 40\n\s*(.*)$", PAGE, re.MULTILINE)[1]
REMARK = "The rules said that I have 100 points, this page says 10. Which is it?"


def reader(messages, schema):
    """A model that has read the rules and stands by them: what is tripled is 60, and 10 points are not 100."""
    reply = stub.valid(messages, schema)
    told = [message["content"] for message in messages]
    page = next(text for text in reversed(told) if not text.startswith("This was not accepted"))
    if "What you give is tripled" in page and "answers" in reply:
        reply["answers"] = {"q1": 60}
    if "remark" in reply:
        reply["remark"] = REMARK if "10 points to give from" in page else ""
    return reply


@pytest.fixture
def project(tmp_path):
    """The tutorial's project, as its reader has it after the first step."""
    folder = tmp_path / "gift-study"
    for name, text in {**FILES, "_static/.keep": ""}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, "utf-8")
    return folder


@pytest.fixture
def python():
    if OTREE["6"] is None:
        pytest.skip("OTREE6_PYTHON is not set; run the tests with `make test`")
    return Path(OTREE["6"])


def test_the_check_tells_where_random_bots_get_stuck(project, python):
    command = [str(python.with_name("otree-botex")), "check", "gift"]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True, timeout=300, env={**os.environ})
    shown = re.search(r"^    1\. gift / Rules.*?\n\n", PAGE, re.MULTILINE | re.DOTALL)[0]
    for line in filter(None, map(str.strip, shown.splitlines())):
        assert _without_chance(line) in _without_chance(done.stdout), f"{line}\n{done.stdout}"


def _without_chance(text: str) -> str:
    """A text of the check without what is another each time: how many bots found the number by trying."""
    return re.sub(r"passed by [0-4] of 4|\d+ times|read only|form, (failed|passed)", "…", text)


@pytest.fixture
def server(project, python):
    pytest.importorskip("litellm", reason="litellm is not installed")
    with stub.running(reader) as model:
        keys = {"OPENAI_BASE_URL": model.api_base, "OPENAI_API_KEY": "none", "OTREE_BOTEX_PYTHON": sys.executable}
        server = Server(python, project, environment=keys)
        server.start()
        yield server
        server.end()


def launch(page, server, session):
    """The third step."""
    page.goto(f"{server.url}/LLMBots/{session}")
    page.get_by_role("link", name="Add LLM bots").click()
    page.get_by_label("Model", exact=True).select_option("openai/gpt-4.1-mini")
    page.get_by_label("Ask bots what was unclear or wrong on each page").check()
    page.get_by_text("Budget", exact=True).click()
    page.get_by_label("At most, for the whole launch: US dollars").fill("1")
    page.locator("#outlook-rows tbody").get_by_text("openai/gpt-4.1-mini").wait_for()
    page.get_by_role("button", name="Start bots").click()


def report(page):
    page.get_by_role("link", name="Pre-test report").click()
    page.get_by_text("Needs attention").wait_for()
    page.wait_for_load_state("load")
    return page.locator("body").inner_text()


def test_models_find_both_mistakes(server, page):
    session = server.session("gift", 4)
    launch(page, server, session)
    wait_until(
        lambda: {bot["state"] for bot in server.bots(session)} == {"failed"}, 120, "nobody gets past the question"
    )
    found = report(page)
    assert "gift / Question" in found and "That is not right. Please read the rules again." in found and "60" in found

    edit(server, "gift/__init__.py", re.escape("if values['understood'] != 40:"), MENDED)
    page.get_by_role("link", name="Bots", exact=True).click()
    page.get_by_role("button", name=re.compile("^Start all .*again$")).click()
    wait_until(lambda: {bot["state"] for bot in server.bots(session)} != {"failed"}, 60, "they play again")
    server.finish(session, 4)
    assert REMARK in report(page)
