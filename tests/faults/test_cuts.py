"""Replies to forms that are cut off: no form counts twice, every bot gets to the end, nothing is lost."""

from __future__ import annotations

import socket
import threading
from collections import Counter
from threading import Event

import pytest
from tenacity import wait_none

from otree_botex import run_bots_on_session
from otree_botex.bots import browser

from . import checks
from .conftest import FULL
from .proxy import WAYS, cutting, is_whole

BOTS = 10
CUTS = 200 if FULL else 25
SHARE = 0.4
"""Of the forms' replies that are cut off."""


@pytest.mark.server
@pytest.mark.slow
def test_replies_that_are_cut_off(server, tmp_path):
    cuts: Counter[str] = Counter()
    rounds = 5 if FULL else 3
    for seed in range(20):
        with cutting(server.port, SHARE, seed) as proxy:
            session = server.session("ten_pages", BOTS, rounds=rounds)
            links = [link.replace(server.url, proxy.url) for link in server.links(session)]
            record = tmp_path / f"{seed}.sqlite3"
            run = run_bots_on_session(session, links, record, "random")
        assert [bot["state"] for bot in run.bots()] == ["finished"] * BOTS, [bot["error"] for bot in run.bots()]
        steps, messages = checks.script_record(record, session)
        checks.everything_was_played_once(server, session, steps, BOTS, rounds)
        checks.every_call_is_on_record(messages, [], unsent=len(messages))
        cuts.update(way for _, way in proxy.cuts.elements())
        if cuts.total() >= CUTS and set(cuts) == set(WAYS):
            return
    raise AssertionError(f"only so many replies were cut off: {cuts}")


REDIRECT = b"HTTP/1.1 302 Found\r\nlocation: /p/abc/app/One/1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
BODY = b'<form id="form"><p>You</p><button>Next</button></form>'
HEAD = f"HTTP/1.1 200 OK\r\ncontent-length: {len(BODY)}\r\ncontent-type: text/html\r\n\r\n".encode()


@pytest.fixture
def replies():
    """What a server replies to one request after the other, each on a connection of its own that ends with it."""

    class Replies(list):
        url = ""

    replies = Replies()
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                asked = b""
                while not is_whole(asked) and (more := connection.recv(65536)):
                    asked += more
                connection.sendall(replies.pop(0))

    threading.Thread(target=serve, daemon=True).start()
    replies.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    yield replies
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()


@pytest.mark.parametrize("cut", [REDIRECT, HEAD + BODY], ids=["redirect", "page"])
def test_a_reply_that_is_cut_off_at_any_byte_is_no_reply(replies, monkeypatch, cut):
    monkeypatch.setattr(browser, "wait_random_exponential", lambda **_: wait_none())
    for end in range(len(cut)):
        whole = [REDIRECT, HEAD + BODY]
        place = whole.index(cut)
        replies[:] = [*whole[:place], cut[:end], *whole[place:]]
        page = browser.Browser(f"{replies.url}/InitializeParticipant/abc", Event()).open()
        assert (page.name, page.number, page.text.split()[0]) == ("One", 1, "You"), cut[:end]
        assert replies == [], f"taken for a reply: {cut[:end]}"
