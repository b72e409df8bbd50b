"""A proxy on this machine that breaks connections: each form gets through to the server, but not each reply back."""

from __future__ import annotations

import random
import re
import selectors
import socket
import struct
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

WAYS = ("before the reply", "instead of it", "in its head", "in its body")
"""Where a connection is cut off: while the server is still at work, before the reply's first byte, and so on."""


class CuttingProxy:
    """Stands before the server at `port`, and cuts off the replies to a `share` of the forms, drawn by a `seed`, some
    with a reset, some as if the reply ended there. `cuts` counts them by the form's path and the way."""

    def __init__(self, port: int, share: float, seed: int) -> None:
        self._port, self._share, self._rng, self._lock = port, share, random.Random(seed), threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.cuts: Counter[tuple[str, str]] = Counter()

    def serve(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:  # closed
                return
            threading.Thread(target=self._pass_on, args=(client,), daemon=True).start()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _pass_on(self, client: socket.socket) -> None:
        with client, socket.create_connection(("127.0.0.1", self._port)) as server, selectors.DefaultSelector() as both:
            for side in (client, server):
                side.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                both.register(side, selectors.EVENT_READ)
            asked, answered, way = b"", b"", ""
            while True:
                for key, _ in both.select():
                    try:
                        data = key.fileobj.recv(65536)  # type: ignore[union-attr]
                    except OSError:
                        return
                    if not data:
                        return
                    if key.fileobj is client:
                        if answered:
                            asked, answered = b"", b""
                        asked += data
                        server.sendall(data)
                        if is_whole(asked):
                            way = self._draw(asked)
                        if way == WAYS[0]:
                            self._cut(client, b"")
                            both.unregister(client)
                    else:
                        answered += data
                        if not way:
                            client.sendall(data)
                        elif is_whole(answered):
                            if way != WAYS[0]:
                                self._cut(client, self._part(answered, way))
                            return

    def _draw(self, asked: bytes) -> str:
        form = re.match(rb"POST (/p/\S+) ", asked)
        with self._lock:
            if form is None or self._rng.random() >= self._share:
                return ""
            way = self._rng.choice(WAYS)
            self.cuts[form[1].decode(), way] += 1
            return way

    def _part(self, answered: bytes, way: str) -> bytes:
        """What is let through of a reply."""
        head = answered.index(b"\r\n\r\n") + 4
        with self._lock:
            if way == WAYS[1]:
                return b""
            end = self._rng.randrange(1, head - 1) if way == WAYS[2] else self._rng.randrange(head, len(answered))
            return answered[:end]

    def _cut(self, client: socket.socket, part: bytes) -> None:
        with self._lock:
            resets = self._rng.random() < 0.5
        client.sendall(part)
        if resets:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()


def is_whole(message: bytes) -> bool:
    """Whether this is all of a request or of a reply. (What has no length here has no body, or is a websocket's.)"""
    head, end, body = message.partition(b"\r\n\r\n")
    if not end:
        return False
    if re.search(rb"\r\ntransfer-encoding: *chunked", head, re.I):
        return body.endswith(b"0\r\n\r\n")
    length = re.search(rb"\r\ncontent-length: *(\d+)", head, re.I)
    return length is None or len(body) >= int(length[1])


@contextmanager
def cutting(port: int, share: float, seed: int) -> Iterator[CuttingProxy]:
    """A proxy that runs until the block ends."""
    proxy = CuttingProxy(port, share, seed)
    threading.Thread(target=proxy.serve, name="proxy", daemon=True).start()
    yield proxy
    proxy.close()
