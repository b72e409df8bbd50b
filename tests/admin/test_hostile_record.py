"""Whatever a participant, a page, a persona or a model wrote is shown as text, where people read what bots saw."""

from __future__ import annotations

import pytest

from ..hostile import ALL_OF_THEM, HOSTILE, harmless, harmless_csv
from ..record.journal import control, decision, event, left
from .fed import feed
from .story import asked, plain, refused

pytestmark = [pytest.mark.server, pytest.mark.browser]


def spoken(text: str, step: int):
    """One page on which everything is this text, and what a browser would tell of it."""
    fields = [{**control(1, text, text, text), "name": name} for name in ("answer", text)]
    yield plain(step, "Contribute", 2, text, fields=fields, title=text)
    yield from asked(step, 2 * step, text, text)
    yield refused(step, 1, "reply", {"": text}, text)
    yield refused(step, 2, "form", {"answer": text, text: text}, {"answer": text, text: text})
    yield {"kind": "chat", "step": step, "chat": text, "who": text, "text": text, "mine": False}
    yield event(step, "changed", text=text)
    yield event(step, "dialog", kind="prompt", message=text, answer={"accept": True, "text": text})
    yield event(step, "live in", message={text: text})
    yield {**decision(step, {"answer": text, text: text}, text), "attempt": 3, "remark": text}
    yield left(step)


def everything():
    for step, text in enumerate(HOSTILE.values(), start=1):
        yield from spoken(text, step)
    yield plain(len(HOSTILE) + 1, HOSTILE["script"], 9999, ALL_OF_THEM, app=HOSTILE["image"])
    yield {"kind": "state", "state": "failed", "error": ALL_OF_THEM, "cause": "page"}


def as_parsed(text: str) -> str:
    """A text as the parser of HTML takes it: with one kind of line end."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def test_hostile_texts_are_shown_as_texts(start_server, page):
    server = start_server()
    who = {"persona": ALL_OF_THEM, "persona_name": HOSTILE["svg"], "treatment": HOSTILE["details"]}
    about = {1: {**who, "label": HOSTILE["image"]}, 2: {**who, "label": HOSTILE["long_word"]}}
    session = feed(server, "public_goods", {1: everything(), 2: everything(), 3: []}, about=about)
    bots = [str(bot["bot"]) for bot in server.bots(session)]
    tab = f"{server.url}/LLMBots/{session}"
    compare = f"{tab}/compare?bots={','.join(bots)}&page="
    for width in (1280, 800):
        page.set_viewport_size({"width": width, "height": 900})
        page.goto(f"{tab}/bot/{bots[0]}")
        for fold in page.locator("#transcript > header details").all():
            fold.evaluate("one => { one.open = true }")
        harmless(page)
        for address in (f"{compare}public_goods.Contribute.1", f"{compare}{HOSTILE['image']}.{HOSTILE['script']}."):
            page.goto(address)
            harmless(page)
        page.goto(f"{tab}/answers?page=public_goods.Contribute.1")
        harmless(page)

    texts = {as_parsed(text) for text in HOSTILE.values()}
    shown = page.locator(".llm-bots-answers .answer b").all_text_contents()
    assert set(shown) == texts
    page.goto(f"{tab}/bot/{bots[0]}")
    for kind in (".llm-bots-decision b", ".llm-bots-decision blockquote", ".llm-bots-attempt .llm-bots-told"):
        assert texts <= set(page.locator(kind).all_text_contents()), kind
    raw = page.locator(".llm-bots-raw").first
    raw.locator("summary").click()
    raw.locator("pre").nth(1).wait_for()
    assert raw.locator("pre").nth(1).text_content() == HOSTILE["script"]
    page.get_by_label("Search in this transcript").fill(HOSTILE["script"])
    page.locator("#found", has_text="1 of ").wait_for()
    assert page.locator("mark.at").text_content() == HOSTILE["script"]
    harmless(page)

    file = server.http.get(f"{tab}/answers.csv?page=public_goods.Contribute.1", timeout=60).content.decode("utf-8")
    rows = harmless_csv(file)
    assert {row["answer"].removeprefix("'") for row in rows} == {text.removeprefix("'") for text in HOSTILE.values()}
    assert server.tracebacks() == []
