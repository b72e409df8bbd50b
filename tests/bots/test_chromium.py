"""Chromium as the judge: it is given the same answers on the same pages, and must send the same bytes and show the
same words."""

from __future__ import annotations

import os
import queue
import re
import subprocess
import threading
from collections.abc import Iterator
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urljoin, urlparse

import pytest
import requests

from otree_botex.bots.form import Field, urlencoded

from .saved import NAMES, PLACE, SENDING, Saved

pytestmark = pytest.mark.browser

OTREE = os.environ.get("OTREE6_PYTHON")
OPEN_ALL = """() => {
    for (const closed of document.querySelectorAll('.modal, .collapse, .tab-pane, details, dialog')) {
        closed.classList.add('show', 'active');
        closed.open = true;
        if (closed.classList.contains('modal')) closed.style.display = 'block';
    }
}"""
NOT_SHOWN = """() => {
    const unread = '.powered-by-otree, .debug-info, .otree-form-errors, .form-control-errors';
    for (const element of document.querySelectorAll('body *')) {
        const box = element.getBoundingClientRect(), style = getComputedStyle(element);
        const tiny = box.width > 0 && box.width <= 1 && style.position === 'absolute';
        if (element.matches(unread) || (element.localName !== 'input' &&
            (style.opacity === '0' && !element.closest('.fade') || box.right < 0 || tiny))) element.remove();
    }
}"""
"""Takes away what innerText holds although nobody can see it, and what is not told on purpose."""


@cache
def static_folder() -> Path:
    """oTree's static files: pages look as they do only with its style sheets."""
    if OTREE is None:
        pytest.skip("OTREE6_PYTHON is not set; run the tests with `make test`")
    where = "import importlib.util; print(importlib.util.find_spec('otree').submodule_search_locations[0])"
    folder = subprocess.run([OTREE, "-c", where], capture_output=True, text=True, check=True).stdout.strip()
    return Path(folder) / "static"


class Site(ThreadingHTTPServer):
    """Serves one page at a time, and keeps what is posted."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Visit)
        self.html = ""
        self.posted: queue.Queue[tuple[str, str, bytes]] = queue.Queue()
        self.url = f"http://127.0.0.1:{self.server_port}"


class Visit(BaseHTTPRequestHandler):
    server: Site

    def do_GET(self) -> None:
        path = urlparse(self.path).path
        if path == PLACE:
            self._answer(200, "text/html; charset=utf-8", self.server.html.encode())
        elif path.startswith("/static/") and (file := static_folder() / path.removeprefix("/static/")).is_file():
            kind = {".css": "text/css", ".js": "text/javascript"}.get(file.suffix, "application/octet-stream")
            self._answer(200, kind, file.read_bytes())
        else:
            self._answer(404, "text/plain", b"")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.posted.put((self.path, self.headers["Content-Type"], body))
        self._answer(200, "text/html", b"received")

    def _answer(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    site = Site()
    threading.Thread(target=site.serve_forever, daemon=True).start()
    yield site
    site.shutdown()
    site.server_close()


@pytest.fixture(scope="module")
def tab(chromium):
    tab = chromium.new_page(viewport={"width": 1280, "height": 900})
    tab.set_default_timeout(10_000)
    yield tab
    tab.close()


@pytest.fixture
def visit(site, tab):
    """Opens a saved page in Chromium, and reads it as a bot does."""
    static_folder()

    def visit(name):
        saved = Saved(name)
        site.html = saved.html
        tab.goto(site.url + PLACE)
        return saved, saved.read(site.url), tab

    return visit


@pytest.mark.parametrize("name", SENDING)
def test_the_same_bytes_are_sent(name, visit, site):
    saved, page, tab = visit(name)
    answers = saved.about["answers"]
    filled = page.form.fill(answers)
    action = urljoin(page.url, filled.action or page.form.action)
    form_type = {"Content-Type": "application/x-www-form-urlencoded"}
    requests.post(action, data=urlencoded(filled.entries), headers=form_type, timeout=10)
    ours = site.posted.get(timeout=10)

    tab.evaluate(OPEN_ALL)
    for field in page.form.fields:
        if field.kind != "button" and answers[field.key] is not None:
            give(tab, field, answers[field.key], number_of_its_name(page.form.fields, field))
    with tab.expect_navigation():
        press(tab, saved.about.get("press"))
    assert site.posted.get(timeout=10) == ours


@pytest.mark.parametrize("name", NAMES)
def test_a_form_that_nobody_touched_is_the_same(name, visit):
    _, page, tab = visit(name)
    theirs = tab.evaluate("[...new FormData(document.getElementById('form') || document.forms[0])]")
    assert [[name, value.replace("\r\n", "\n")] for name, value in page.form.untouched()] == theirs


def test_what_is_refused_is_not_sent_by_a_browser_either(visit):
    saved, page, tab = visit("every_input")
    wrong = {"q1": "x" * 41, "q2": 7, "q4": "555", "q5": "nobody", "q6": "example.org", "q7": "abc", "q8": "2025-05-05"}
    wrong |= {"q9": "09:10", "q16": 11, "q17": 0.3}
    for key, answer in wrong.items():
        field = page.form.field(key)
        assert page.form.fill({**saved.about["answers"], key: answer}).refused.keys() == {key}
        box = tab.locator(f"[name={field.name}]")
        if field.name in ("warm", "fine", "name"):  # the control takes nothing else
            continue
        box.press_sequentially(str(answer)) if field.name == "secret" else box.fill(str(answer))
        assert not box.evaluate("box => box.checkValidity()"), key


@pytest.mark.parametrize("name", NAMES)
def test_the_same_words_are_seen(name, visit):
    saved, page, tab = visit(name)
    tab.evaluate(NOT_SHOWN)
    at_once = words(tab.evaluate("document.body.innerText"))
    tab.evaluate(OPEN_ALL)
    opened = words(tab.evaluate("document.body.innerText"))
    opened |= words(tab.evaluate("[...document.querySelectorAll('optgroup')].map(group => group.label).join(' ')"))
    read = words(page.text)
    bare = words(without_brackets(page.text).replace("(x)", ""))
    assert at_once - read == set(), "seen in the browser, but not told"
    assert bare - opened - list_numbers(page.text) == set(), "told, but not to be seen"


def give(tab, field: Field, answer: object, number: int) -> None:
    """Answers one field in the browser, as a person would."""
    controls = tab.locator(f'[name="{field.name}"]:enabled:not([type=hidden])')
    if field.kind in ("integer", "number"):
        controls.nth(number).fill(field.entries(answer, checks=False)[0].value)
    elif field.kind == "text":
        controls.nth(number).fill(str(answer).lower() if field.format == "color" else str(answer))
    elif controls.first.evaluate("control => control.localName") == "select":
        labels = answer if isinstance(answer, list) else [answer]
        controls.first.select_option([option.value for option in field.options if option.label in labels])
    else:
        chosen = answer if isinstance(answer, list) else [field.options[0].label] if answer is True else [answer]
        for option in field.options:
            box = tab.locator(f'[name="{field.name}"][value="{option.value}"], [name="{field.name}"]:not([value])')
            if box.first.evaluate("box => box.checked") != (option.label in chosen) and (
                field.kind != "choice" or option.label in chosen
            ):
                box.first.evaluate("box => box.click()")


def number_of_its_name(fields: tuple[Field, ...], field: Field) -> int:
    return [other for other in fields if other.name == field.name].index(field)


def press(tab, selector: str | None) -> None:
    """Presses the button named, or the only one."""
    found = tab.locator(selector or "button:not([type=button]):not([type=reset]):not([disabled])")
    found.first.evaluate("button => button.click()")


def words(text: str) -> set[str]:
    text = re.sub(r"[\u00ad\u200b^_()]", "", text)
    return set(re.findall(r"[^\W_]+", text.casefold()))


def without_brackets(text: str) -> str:
    while (shorter := re.sub(r"\[[^\[\]]*\]", " ", text)) != text:
        text = shorter
    return text


def list_numbers(text: str) -> set[str]:
    return {number.casefold() for number in re.findall(r"^\s*(\w+)\. ", text, re.MULTILINE)}
