"""oTree's chat ({{ chat }}): finding it on a page, and taking part in it over its websockets."""

from __future__ import annotations

import json
import logging
import queue
import re
import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from threading import Event
from typing import Any

import websocket
from bs4 import BeautifulSoup, Tag

from .patience import Stopped

logger = logging.getLogger(__name__)

# oTree writes what its script must know about a chat as one JSON object, beside the chat's own block.
VARIABLES = re.compile(r"\bvarsFromDjango\s*=\s*(\{.*?\});\s*\n")
TOGETHER_SECONDS = 1.0
"""Messages that come within so short a time are heard together: people write in bursts."""
CONNECT_SECONDS = 60.0


@dataclass(frozen=True)
class Chat:
    """One chat of a page. `key` is what the model calls it (chat1, chat2 …), `me` its own name as it sees it there."""

    key: str
    me: str
    socket: str
    participant: int
    nickname_signed: str


@dataclass(frozen=True)
class Line:
    """One message of a chat: where, by whom as the bot sees it, what, and whether it is the bot's own."""

    chat: str
    who: str
    text: str
    mine: bool


def take_chats(soup: BeautifulSoup) -> tuple[Chat, ...]:
    """The chats of a page. In the page itself a line of text takes the place of each."""
    found: list[Chat] = []
    for block in soup.find_all(class_="otree-chat"):
        script = block.find_next("script")
        variables = VARIABLES.search(script.get_text()) if isinstance(script, Tag) else None
        if variables is None:
            continue
        values = json.loads(variables[1])
        chat = Chat(
            f"chat{len(found) + 1}",
            values["nickname_i_see_for_myself"],
            values["socket_path"],
            values["participant_id"],
            values["nickname_signed"],
        )
        found.append(chat)
        block.replace_with(soup.new_string(f" [{chat.key}: a chat, in which you are {chat.me}] "))
    return tuple(found)


def as_text(lines: Sequence[Line]) -> str:
    """What was said, as the chats show it."""
    return "\n".join(f"{line.chat}: {line.who}: {line.text}" for line in lines) or "Nobody has written anything new."


class TalkError(Exception):
    """A chat cannot be opened."""


class Talk:
    """The chats of a page, open at once. A context manager: they are closed when it is left.

    `server` is the address that the websockets' paths belong to, `cookies` what a browser would send along; `stop`
    ends all waiting, with Stopped.
    """

    def __init__(self, chats: Iterable[Chat], server: str, stop: Event) -> None:
        self._chats, self._stop = tuple(chats), stop
        self._server = server.replace("http", "ws", 1)
        self._heard: queue.Queue[Line] = queue.Queue()
        self._sockets: dict[str, websocket.WebSocket] = {}
        self._closing = False

    def __enter__(self) -> Talk:
        """Opens the chats and hears what was said there before. Raises TalkError if it cannot."""
        for chat in self._chats:
            try:
                socket = websocket.create_connection(
                    self._server + chat.socket, timeout=CONNECT_SECONDS, enable_multithread=True, http_no_proxy=["*"]
                )
                self._hear(chat, socket.recv())  # what was said before; it comes in any case
            except (OSError, websocket.WebSocketException) as error:
                self.__exit__()
                raise TalkError(str(error)) from None
            socket.settimeout(None)
            self._sockets[chat.key] = socket
            threading.Thread(target=self._listen, args=(chat, socket), daemon=True, name=f"chat {chat.key}").start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing = True
        for socket in self._sockets.values():
            socket.shutdown()

    def say(self, key: str, text: str) -> None:
        """Writes into a chat. What is written is heard there as what others write."""
        chat = next(chat for chat in self._chats if chat.key == key)
        try:
            self._sockets[key].send(json.dumps({"body": text, "nickname_signed": chat.nickname_signed}))
        except (OSError, websocket.WebSocketException) as error:
            logger.warning("A message could not be sent to a chat (%s).", error)

    def heard(self) -> list[Line]:
        """What was said since it was last asked for."""
        lines = []
        while not self._heard.empty():
            lines.append(self._heard.get())
        return lines

    def listen(self, seconds: float) -> list[Line]:
        """The same, once somebody else has said something, or so many seconds have passed."""
        end, lines = time.monotonic() + seconds, self.heard()
        while all(line.mine for line in lines) and (left := end - time.monotonic()) > 0:
            if self._stop.is_set():
                raise Stopped
            try:
                lines.append(self._heard.get(timeout=min(left, 0.5)))
            except queue.Empty:
                continue
        if any(not line.mine for line in lines):
            if self._stop.wait(min(TOGETHER_SECONDS, max(end - time.monotonic(), 0))):
                raise Stopped
            lines += self.heard()
        return lines

    def _listen(self, chat: Chat, socket: websocket.WebSocket) -> None:
        try:
            while True:
                self._hear(chat, socket.recv())
        except (OSError, ValueError, websocket.WebSocketException) as error:
            if not self._closing:
                logger.warning("A chat's connection broke (%s).", error)

    def _hear(self, chat: Chat, message: Any) -> None:
        for line in json.loads(message or "[]"):
            mine = line["participant_id"] == chat.participant
            self._heard.put(Line(chat.key, chat.me if mine else line["nickname"], line["body"], mine))
