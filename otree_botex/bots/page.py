"""One page of an experiment: HTML in, what a participant sees and can do out. Pure: nothing is fetched."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import parse_qsl, unquote, urlencode, urlparse

from bs4 import BeautifulSoup, Tag

from .chat import Chat, take_chats
from .controls import read_controls
from .form import Form
from .visible import plain_text, visible_text

WAIT_HEADER = "oTree-Wait-Page"
ERRORS_HEADER = "oTree-Redisplay-With-Errors"
END_PATH = "/OutOfRangeNotification/"
ROOM_PATH = "/room/"
PAGE_PATH = re.compile(r"/p/(?P<participant>[^/]+)/(?P<app>[^/]+)/(?P<page>[^/]+)/(?P<number>\d+)")
SOCKET = re.compile(r'makeReconnectingWebSocket\("([^"]+)"\)')
WELCOME = "welcome"
NAMED = ["input", "select", "textarea"]
DEBUG_INFO = re.compile(r'<div class="card debug-info">\s*<h5 class="card-header">Debug info</h5>')
"""Where oTree begins its debug info, the last thing on each page of a server that is not in production. No participant
sees it, and it takes as long to parse as the rest."""
TIMEOUT = re.compile(r"remainingTimeoutSeconds\s*=\s*([\d.]+)")


@dataclass(frozen=True)
class Page:
    """A page as its participant meets it.

    `number` is the page's place in the session's page sequence (oTree's page index); `text` what is to be seen, with
    the fields in their places; `errors` what oTree refused, by field name ("" for the form as a whole); `socket` the
    path of the websocket that tells when waiting is over; `timeout` the seconds left on the page's timer;
    `needs_script` why the page cannot be played without running its scripts; `chats` those that it shows.
    """

    url: str
    kind: Literal["form", "wait", "end"]
    app: str = ""
    name: str = ""
    number: int = 0
    title: str = ""
    text: str = ""
    form: Form = Form()
    errors: Mapping[str, str] = field(default_factory=dict)
    socket: str = ""
    timeout: float | None = None
    needs_script: str = ""
    chats: tuple[Chat, ...] = ()

    @property
    def is_wait(self) -> bool:
        return self.kind == "wait"

    @property
    def is_end(self) -> bool:
        return self.kind == "end"

    @property
    def is_welcome(self) -> bool:
        """Whether it is what a room shows before it lets in."""
        return self.kind == "form" and self.name == WELCOME

    @property
    def place(self) -> str:
        """Where the page is, as oTree's Monitor names it."""
        return f"{self.app}/{self.name}" if self.app else self.name


def read_page(html: str, url: str, headers: Mapping[str, str]) -> Page:
    """Reads one page. `url` is its own address, `headers` those of the response that brought it."""
    path = unquote(urlparse(url).path)
    if path.startswith(END_PATH):
        return Page(url, "end", name="end", text="No more pages left")
    if path.startswith(ROOM_PATH):
        return _room(html, url)
    where = PAGE_PATH.match(path)
    app, name, number = (where["app"], where["page"], int(where["number"])) if where else ("", path, 0)
    soup = BeautifulSoup(DEBUG_INFO.split(html, maxsplit=1)[0], "lxml")
    chats = take_chats(soup) if "otree-chat" in html else ()
    if WAIT_HEADER in headers:
        socket = SOCKET.search(html)
        text = visible_text(soup)
        return Page(url, "wait", app, name, number, _title(soup), text, socket=socket[1] if socket else "")
    timeout = TIMEOUT.search(html)
    seconds = float(timeout[1]) if timeout else None
    if seconds is not None:
        _write_timer(soup, seconds)
    errors = _errors(soup) if ERRORS_HEADER in headers else {}
    controls = read_controls(soup, url)
    text = visible_text(soup, controls.places if controls else {})
    needs_script = _needs_script(html) or (controls.needs_script if controls else "the page has no form")
    form = controls.form if controls else Form(url)
    if seconds is not None and not form.buttons:
        needs_script = _needs_script(html)  # a timed page may do without a button: it is left when its time is up
    return Page(url, "form", app, name, number, _title(soup), text, form, errors, "", seconds, needs_script, chats)


def _room(html: str, url: str) -> Page:
    """A room's page: it welcomes first, then waits for the session."""
    soup = BeautifulSoup(html, "lxml")
    socket = SOCKET.search(html)
    if socket:
        return Page(url, "wait", name="room", title=_title(soup), text=visible_text(soup), socket=socket[1])
    query = {**dict(parse_qsl(urlparse(url).query)), "welcome_page_ok": "1"}
    on = urlparse(url)._replace(query=urlencode(query)).geturl()
    return Page(url, "form", "", WELCOME, 0, _title(soup), visible_text(soup), Form(on, buttons=("Start",)))


def _title(soup: BeautifulSoup) -> str:
    title = soup.find(id="_otree-title") or soup.find(["h1", "h2", "h3"])
    return plain_text(title) if isinstance(title, Tag) else ""


def _write_timer(soup: BeautifulSoup, seconds: float) -> None:
    """Puts the time that is left where a browser's countdown would write it."""
    place = soup.find(class_="otree-timer__time-left")
    if isinstance(place, Tag):
        place.string = f"{int(seconds // 60)}:{int(seconds % 60):02d}"


def _errors(soup: BeautifulSoup) -> dict[str, str]:
    """What oTree refused of the form that was sent before, by field name."""
    errors: dict[str, str] = {}
    for message in soup.find_all(class_="form-control-errors"):
        errors[_field_name(message)] = plain_text(message)
    whole = soup.find(class_="otree-form-errors")
    if isinstance(whole, Tag) and not errors:  # else it only says that there are errors below
        errors[""] = plain_text(whole)
    return errors


def _field_name(message: Tag) -> str:
    """The field whose error this is: the only one in the block around the message, else the one just before it."""
    for parent in message.parents:
        names = {str(control["name"]) for control in parent.find_all(NAMED, attrs={"name": True})}
        if len(names) == 1:
            return names.pop()
        if names or parent.name == "form":
            break
    before = message.find_previous(NAMED, attrs={"name": True})
    return str(before["name"]) if isinstance(before, Tag) else ""


def _needs_script(html: str) -> str:
    """Kinds of page that oTree marks as living by their scripts."""
    if 'id="otree-live"' in html:
        return "its decisions are made over a live connection by scripts of the page"
    if 'id="_trials-submit-form"' in html:
        return "its trials are run by scripts of the page"
    return ""
