"""`make screenshots`: plays a study with a scripted model and takes a picture of each page for experimenters, 1280 and
800 pixels wide, into docs/screenshots/ and its folder narrow/."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import requests
from playwright.sync_api import sync_playwright

from . import study
from .benchmarks import stub
from .conftest import ROOT, copy_demo
from .servers import Server, wait_until

FOLDER = ROOT / "docs" / "screenshots"
HEIGHT = 1400
"""A page is shown as far down as this; what is further down is of the same kind."""
CONTRIBUTE = "public_goods.Contribute.1"
ROOMS = "LLM_BOTS['rooms'] = dict(lab=dict(model='random', seats=2, fill_after=600, stand_in_after=120))\n"


def main() -> int:
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if chromium is None:
        print("Chromium is not installed (Debian: apt install chromium).", file=sys.stderr)
        return 1
    with stub.running(study.think) as model, tempfile.TemporaryDirectory() as folder:
        project = copy_demo(Path(folder) / "project", study.settings(model.api_base) + ROOMS)
        keys = {"OPENAI_API_KEY": "none", "OTREE_BOTEX_PYTHON": sys.executable}
        server = Server(Path(os.environ["OTREE6_PYTHON"]), project, environment=keys)
        server.start()
        try:
            with sync_playwright() as driver:
                browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
                take(browser, server)
        finally:
            server.end()
    return 0


def take(browser: Any, server: Server) -> None:
    """Takes all pictures."""
    played, launch = played_study(server)
    playing = study_at_play(server)
    waiting = server.session("public_goods", 6, room="lab")
    first, second, third = [bot["bot"] for bot in server.bots(played) if bot["model"] == study.MODEL][:3]
    of = f"/LLMBots/{played}"
    pages = {
        "add": f"/LLMBots/{waiting}/add",
        "bots": f"/LLMBots/{playing}",
        "seats": f"/LLMBots/{playing}/seats",
        "monitor": f"/SessionMonitor/{playing}",
        "room": "/room_with_session/lab",
        "room_policy": "/LLMBotsRoom/lab",
        "launches": "/LLMBotsOverview",
        "personas": "/LLMBotsPersonas/townspeople",
        "prompts": "/LLMBotsPrompts",
        "settings": "/LLMBotsSettings",
        "launch": f"{of}/launch/{launch}",
        "transcript": f"{of}/bot/{first}",
        "compare": f"{of}/compare?bots={first},{second},{third}&page={CONTRIBUTE}",
        "answers": f"{of}/answers?page={CONTRIBUTE}",
        "plots": f"{of}/plots?by=model",
        "report": f"{of}/report",
        "check": f"{of}/check",
    }
    for width, folder in ((1280, FOLDER), (800, FOLDER / "narrow")):
        folder.mkdir(parents=True, exist_ok=True)
        page = browser.new_page(viewport={"width": width, "height": 900})
        for name, path in pages.items():
            page.goto(server.url + path)
            page.wait_for_load_state("networkidle") if name in QUIET else page.wait_for_timeout(2500)
            if name == "add":
                fill(page)
            whole = page.evaluate("document.documentElement.scrollHeight")
            page.set_viewport_size({"width": width, "height": min(max(whole, 400), HEIGHT)})
            page.evaluate("window.scrollTo(0, 0)")
            page.evaluate(REPLACE, [[str(server.folder), "/home/you/project"], [str(ROOT), "/home/you/otree-botex"]])
            page.screenshot(path=folder / f"{name}.png")
            page.set_viewport_size({"width": width, "height": 900})
            print(f"{folder.relative_to(ROOT)}/{name}.png", flush=True)
        page.close()


REPLACE = """pairs => {
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (texts.nextNode())
        for (const [old, now] of pairs) texts.currentNode.data = texts.currentNode.data.replaceAll(old, now);
}"""
"""Puts other words in the place of some on a page: where a picture was taken is nothing to its readers."""


def fill(page: Any) -> None:
    """Fills in the form of a launch."""
    page.locator("[data-row]").first.get_by_label("Model", exact=True).select_option(study.MODEL)
    page.locator("[data-row]").first.get_by_label("Personas").select_option("townspeople")
    page.get_by_role("button", name="Add another model or setting").click()
    page.locator("[data-row]").nth(1).get_by_label("Model", exact=True).select_option("random")
    page.get_by_label("Ask bots what was unclear or wrong on each page").check()
    page.get_by_text("Budget", exact=True).click()
    page.locator("[name=budget_cost]").fill("2")
    page.get_by_text("Who sits where", exact=True).last.click()
    page.locator("#outlook-seating").get_by_text(study.MODEL).first.wait_for()
    page.evaluate("window.scrollTo(0, 0)")


QUIET = ("personas", "prompts", "transcript", "compare", "answers", "plots", "report", "launch")
"""Pages that do not go on asking the server."""


def played_study(server: Server) -> tuple[str, str]:
    """A pre-test by a mix of the scripted model, with personas, and chance: its session and its launch."""
    session = server.session(study.CONFIG, 12)
    rows = [{"model": study.MODEL, "personas": "townspeople", "share": 2}, {"model": "random", "share": 1}]
    launch = server.launch(session, rows=rows, attempts=20, pretest=True, budget_cost=1, mix_seed=3)
    server.wait_for_end(session, 300)
    return session, launch


def study_at_play(server: Server) -> str:
    """A session of three groups. In the first two bots wait for a person, the second has finished; in the third one bot
    plays at a person's pace, one is paused, and one has reached the limit of its budget."""
    session = server.session(study.CONFIG, 9)
    requests.get(server.links(session)[0], timeout=30).raise_for_status()
    server.launch(session, "random", bots=1, budget_bot_calls=2)
    scripted = {"model": study.MODEL, "personas": "townspeople"}
    rows = [scripted, {"model": "random"}, {**scripted, "human_pace": True}]
    by_hand = {"2": 0, "3": 0, "4": 0, "5": 0, "6": 1, "7": 2, "8": 2}
    server.launch(session, rows=rows, by_hand=by_hand, attempts=20, budget_cost=2)

    def eighth() -> dict[str, Any]:
        return next(bot for bot in server.bots(session) if bot["seat"] == 8)

    wait_until(lambda: eighth()["calls"], 120, "the bot that is to be paused has decided something")
    server.post_form(f"/LLMBots/{session}", session, action="pause", bot=eighth()["bot"])
    expected = ["waiting"] * 2 + ["finished"] * 3 + ["thinking", "paused", "paused"]
    wait_until(lambda: [bot["state"] for bot in server.bots(session)] == expected, 120, "all are where they should be")
    return session


if __name__ == "__main__":
    sys.exit(main())
