"""One page of an experiment: HTML in, what a participant sees and can do out. Pure: nothing is fetched."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import parse_qsl, unquote, urlencode, urljoin, urlparse

from bs4 import BeautifulSoup, Tag

from .chat import Chat, take_chats
from .form import Button, Form
from .html.complaints import refused_fields, says_little, take_errors
from .html.controls import read_controls
from .html.ends import way_out
from .html.markup import parse
from .html.visibility import RenderedForm, Visibility
from .html.visible import Image, Seen, plain_text, see

WAIT_HEADER = "oTree-Wait-Page"
ERRORS_HEADER = "oTree-Redisplay-With-Errors"
END_PATH = "/OutOfRangeNotification/"
ROOM_PATH = "/room/"
PAGE_PATH = re.compile(r"/p/(?P<participant>[^/]+)/(?P<app>[^/]+)/(?P<page>[^/]+)/(?P<number>\d+)")
SOCKET = re.compile(r'makeReconnectingWebSocket\("([^"]+)"\)')
WELCOME = "welcome"
DEBUG_INFO = re.compile(r'<div class="card debug-info">\s*<h5 class="card-header">Debug info</h5>')
"""Where oTree begins its debug info, the last thing on each page of a server that is not in production. No participant
sees it, and it takes as long to parse as the rest."""
SCRIPT = re.compile(r"<script\b([^>]*)>(.*?)</script", re.IGNORECASE | re.DOTALL)
OTREES_SOURCE = re.compile(r"""\bsrc=["']?/static/(?:otree|bootstrap)""", re.IGNORECASE)
OTREES_SCRIPT = re.compile(
    r"\s*(?:$|let isDebug|var js_vars =|// Shows alert if)"
    r"|.*(?:remainingTimeoutSeconds|otree-chat|_hasJsErrors|_restart-link)",
    re.DOTALL,
)
"""Scripts that oTree itself puts into its pages."""
HANDLER = re.compile(r"\son[a-z]+\s*=", re.IGNORECASE)
LIVE = 'id="otree-live"'
TIMEOUT = re.compile(r"remainingTimeoutSeconds\s*=\s*([\d.]+)")


@dataclass(frozen=True)
class Page:
    """A page as its participant meets it.

    `number` is the page's place in the session's page sequence (oTree's page index); `text` what is to be seen, with
    the fields in their places; `errors` what oTree refused, by field name ("" for the form as a whole); `refused` the
    names of the fields that it refused without a word on the page, if its debug info has them; `socket` the path of the
    websocket that tells when waiting is over; `timeout` the seconds left on the page's timer;
    `needs_script` why the page cannot be played without running its scripts; `chats` those that it shows; `images` its
    pictures, in the order in which the text names them; `has_scripts` whether its author wrote scripts for it,
    `is_live` whether these speak with the server while the page is open; `numbers` those of its form's controls in a
    browser, by their places, if it stands in one.
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
    refused: tuple[str, ...] = ()
    socket: str = ""
    timeout: float | None = None
    needs_script: str = ""
    chats: tuple[Chat, ...] = ()
    images: tuple[Image, ...] = ()
    has_scripts: bool = False
    is_live: bool = False
    numbers: Mapping[int, int] = field(default_factory=dict)
    is_dead_end: bool = False
    """Whether nothing on the page leads on: no question, button or timer, and nothing that its author scripted. As the
    last page of an experiment it is where participants stay."""

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
    def lacks(self) -> str:
        """Why what oTree refused is likely to be for the page's scripts to mend, not for who fills it in; empty if
        nothing speaks for it."""
        shown = {field.name for field in self.form.fields}
        for name in (*self.errors, *self.refused):
            if name and name not in shown:
                return f"oTree asks for “{name}”, and there is no such field on the page"
        if self.has_scripts and not self.refused and set(self.errors) == {""} and says_little(self.errors[""]):
            return "oTree refuses it without saying why, and it has scripts of its own"
        return ""

    @property
    def place(self) -> str:
        """Where the page is, as oTree's Monitor names it."""
        return f"{self.app}/{self.name}" if self.app else self.name


def read_page(html: str, url: str, headers: Mapping[str, str], rendered: bool = False) -> Page:
    """Reads one page. `url` is its own address, `headers` those of the response that brought it; `rendered` says that
    this is the page as it stands in a browser (see chromium/page.js), not as the server sent it."""
    path = unquote(urlparse(url).path)
    if path.startswith(END_PATH):
        return Page(url, "end", name="end", text="No more pages left")
    if path.startswith(ROOM_PATH):
        return _room(html, url)
    where = PAGE_PATH.match(path)
    app, name, number = (where["app"], where["page"], int(where["number"])) if where else ("", path, 0)
    shown, *debug_info = DEBUG_INFO.split(html, maxsplit=1)
    soup = parse(shown)
    chats = take_chats(soup) if "otree-chat" in html else ()
    visibility = RenderedForm(soup) if rendered else Visibility(soup)
    title = _title(soup, visibility)
    if WAIT_HEADER in headers:
        socket, seen = SOCKET.search(html), see(soup, visibility)
        images, path = _absolute(seen, url), socket[1] if socket else ""
        return Page(url, "wait", app, name, number, title, seen.text, socket=path, images=images)
    timeout = TIMEOUT.search(html)
    seconds = float(timeout[1]) if timeout else None
    if seconds is not None:
        _write_timer(soup, seconds)
    errors = take_errors(soup, visibility) if ERRORS_HEADER in headers else {}
    controls = read_controls(soup, url, visibility)
    seen = see(soup, visibility, controls.places if controls else {})
    form = controls.form if controls else Form(url)
    needs_script = _needs_script(html) or (controls.needs_script if controls else "")
    if seconds is None and not needs_script:  # a timed page may do without a button: it is left when its time is up
        needs_script = controls.no_button if controls else "the page has no form"
        address = "" if form.fields or not needs_script else way_out(soup, url, visibility)
        if address:
            text = f"{seen.text}\n\n[The experiment ends here and leads to {address}]"
            return Page(url, "end", app, name, number, title, text)
    images = _absolute(seen, url)
    return Page(
        url,
        "form",
        *(app, name, number, title, seen.text, form, errors),
        refused=refused_fields("".join(debug_info)),
        timeout=seconds,
        needs_script=needs_script,
        chats=chats,
        images=images,
        has_scripts=_has_scripts(html),
        is_live=LIVE in html,
        numbers=controls.numbers if controls else {},
        is_dead_end=not (form.fields or chats or seconds is not None or soup.button or _is_scripted(shown)),
    )


def _room(html: str, url: str) -> Page:
    """A room's page: it welcomes first, then waits for the session."""
    soup = parse(html)
    visibility = Visibility(soup)
    socket, title, text = SOCKET.search(html), _title(soup, visibility), see(soup, visibility).text
    if socket:
        return Page(url, "wait", name="room", title=title, text=text, socket=socket[1])
    query = {**dict(parse_qsl(urlparse(url).query)), "welcome_page_ok": "1"}
    on = urlparse(url)._replace(query=urlencode(query)).geturl()
    return Page(url, "form", "", WELCOME, 0, title, text, Form(on, buttons=(Button("Start", ""),)))


def _title(soup: BeautifulSoup, visibility: Visibility) -> str:
    title = soup.find(id="_otree-title") or soup.find(["h1", "h2", "h3"])
    return plain_text(title, visibility) if isinstance(title, Tag) else ""


def _absolute(seen: Seen, url: str) -> tuple[Image, ...]:
    return tuple(Image(urljoin(url, image.src), image.name) for image in seen.images)


def _write_timer(soup: BeautifulSoup, seconds: float) -> None:
    """Puts the time that is left where a browser's countdown would write it."""
    place = soup.find(class_="otree-timer__time-left")
    if isinstance(place, Tag):
        place.string = f"{int(seconds // 60)}:{int(seconds % 60):02d}"


def _has_scripts(html: str) -> bool:
    """Whether a page's author wrote scripts for it. What one of them does, only a browser can tell."""
    return any(
        not OTREES_SOURCE.search(attributes) and ("src=" in attributes or not OTREES_SCRIPT.match(script))
        for attributes, script in SCRIPT.findall(html)
    )


def _is_scripted(html: str) -> bool:
    """Whether anything on a page may do something by a script of its author."""
    return _has_scripts(html) or LIVE in html or bool(HANDLER.search(html))


def _needs_script(html: str) -> str:
    """Kinds of page that oTree marks as living by their scripts."""
    if LIVE in html:
        return "its decisions are made over a live connection by scripts of the page"
    if 'id="_trials-submit-form"' in html:
        return "its trials are run by scripts of the page"
    return ""
