"""A small site on loopback for tests in Chromium: pages by their paths, and a websocket that echoes."""

from __future__ import annotations

import base64
import hashlib
import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlparse

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class Site(ThreadingHTTPServer):
    """`pages` has the HTML of each path, or what answers there; `asked` what was asked for; `posted` what was sent."""

    daemon_threads = True

    def __init__(self, host: str = "127.0.0.1") -> None:
        super().__init__((host, 0), Visit)
        self.url = f"http://{host}:{self.server_port}"
        self.pages: dict[str, str | bytes | Callable[[Visit], None]] = {}
        self.asked: list[str] = []
        self.posted: queue.Queue[tuple[str, str]] = queue.Queue()


class Visit(BaseHTTPRequestHandler):
    """One request."""

    protocol_version = "HTTP/1.1"
    server: Site

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        if self.headers.get("Upgrade", "").lower() == "websocket":
            self._echo()
            return
        page = self.server.pages.get(urlparse(self.path).path)
        if page is None:
            self.answer("nothing here", status=404)
        elif callable(page):
            page(self)
        else:
            self.answer(page)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        self.server.posted.put((self.path, body))
        self.do_GET()

    def answer(self, body: str | bytes, kind: str = "text/html; charset=utf-8", status: int = 200, **more: str) -> None:
        """Answers with a body; `more` are headers."""
        data = body.encode() if isinstance(body, str) else body
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(data)), **more}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(data)

    def _echo(self) -> None:
        key = hashlib.sha1(self.headers["Sec-WebSocket-Key"].encode() + GUID).digest()
        self.send_response(101)
        for name, value in (("Upgrade", "websocket"), ("Connection", "Upgrade")):
            self.send_header(name, value)
        self.send_header("Sec-WebSocket-Accept", base64.b64encode(key).decode())
        self.end_headers()
        while head := self.rfile.read(2):  # short texts are all that is sent here
            if head[0] & 15 != 1:
                break
            mask = self.rfile.read(4)
            text = bytes(byte ^ mask[place % 4] for place, byte in enumerate(self.rfile.read(head[1] & 127)))
            self.wfile.write(bytes([129, len(text)]) + text)
        self.close_connection = True

    def log_message(self, *args: object) -> None:
        pass


@contextmanager
def serving(host: str = "127.0.0.1") -> Iterator[Site]:
    """A site, while it is needed."""
    site = Site(host)
    threading.Thread(target=site.serve_forever, daemon=True).start()
    yield site
    site.shutdown()
    site.server_close()


def redirect(to: str, status: int = 302) -> Callable[[Visit], None]:
    """A page that leads elsewhere."""
    return lambda visit: visit.answer("", status=status, Location=to)
