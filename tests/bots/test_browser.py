"""A bot's browser: redirects, errors, and a server that is away."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event

import pytest

from otree_botex.bots.browser import SERVER_ERRORS, Browser
from otree_botex.bots.patience import Stopped
from otree_botex.errors import PageError

PAGE = b'<form id="form"><button>Next</button></form>'


@pytest.fixture
def server():
    """Answers each path as `answers` says: a list of (status, location or body), the last of them for ever."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            length = int(self.headers.get("Content-Length") or 0)
            server.seen.append((self.command, self.path, self.rfile.read(length).decode()))
            script = server.answers[self.path]
            status, what = script.pop(0) if len(script) > 1 else script[0]
            self.send_response(status)
            body = what if isinstance(what, bytes) else b""
            if isinstance(what, str):
                self.send_header("Location", what)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.seen, server.answers = [], {"/InitializeParticipant/abc": [(302, "/p/abc/app/One/1")]}
    server.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, args=[0.02], daemon=True).start()
    yield server
    server.shutdown()


def browser(server, stop=None):
    return Browser(f"{server.url}/InitializeParticipant/abc", stop or Event())


def test_open_and_submit(server):
    server.answers["/p/abc/app/One/1"] = [(200, PAGE), (302, "/p/abc/app/Two/2")]
    server.answers["/p/abc/app/Two/2"] = [(302, "/OutOfRangeNotification/abc")]
    server.answers["/OutOfRangeNotification/abc"] = [(200, b"No more pages left")]
    bot = browser(server)
    page = bot.open()
    assert (page.app, page.name, page.number) == ("app", "One", 1)
    assert bot.submit(page, [("a", "ä b"), ("a", "2")]).is_end
    assert server.seen[2] == ("POST", "/p/abc/app/One/1", "a=%C3%A4+b&a=2")
    assert bot.requests == 5


def test_the_experiments_own_host_is_never_left(server):
    server.answers["/p/abc/app/One/1"] = [(302, "https://app.prolific.com/submissions/complete?cc=1")]
    end = browser(server).open()
    assert end.is_end and "app.prolific.com" in end.text


def test_a_page_that_answers_with_errors_is_tried_again_and_then_named(server):
    server.answers["/p/abc/app/One/1"] = [(500, b""), (200, PAGE)]
    assert browser(server).open().name == "One"
    server.answers["/p/abc/app/One/1"] = [(500, b"")]
    server.seen.clear()
    with pytest.raises(PageError, match="/p/abc/app/One/1 answers with the error 500"):
        browser(server).open()
    assert len(server.seen) == 1 + SERVER_ERRORS


def test_a_participant_that_does_not_exist(server):
    server.answers["/InitializeParticipant/abc"] = [(404, b"")]
    with pytest.raises(PageError, match="Was the session deleted"):
        browser(server).open()


def test_a_server_that_is_not_ready_is_waited_for(server):
    server.answers["/p/abc/app/One/1"] = [(503, b""), (502, b""), (200, PAGE)]
    assert browser(server).open().name == "One"


def test_redirects_in_a_circle_end(server):
    server.answers["/p/abc/app/One/1"] = [(302, "/p/abc/app/One/1")]
    with pytest.raises(PageError, match="circle"):
        browser(server).open()


def test_a_bot_that_is_told_to_stop_waits_no_longer_for_a_server_that_is_away():
    stop = Event()
    bot = Browser("http://127.0.0.1:9/InitializeParticipant/abc", stop)
    threading.Timer(0.5, stop.set).start()
    with pytest.raises(Stopped):
        bot.open()
