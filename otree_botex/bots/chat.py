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
"""How long a server may be away before a chat is given up."""
AGAIN_SECONDS = 1.0


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

    `server` is the address that the websockets' paths belong to; `stop` ends all waiting, with Stopped. A connection
    that breaks is opened again, as a browser does.
    """

    def __init__(self, chats: Iterable[Chat], server: str, stop: Event) -> None:
        self._chats, self._stop = tuple(chats), stop
        self._server = server.replace("http", "ws", 1)
        self._heard: queue.Queue[Line] = queue.Queue()
        self._own: queue.Queue[Line] = queue.Queue()
        self._number = dict.fromkeys((chat.key for chat in self._chats), 0)
        self._sockets: dict[str, websocket.WebSocket] = {}
        self._closing = Event()

    def __enter__(self) -> Talk:
        """Opens the chats and hears what was said there before. Raises TalkError if it cannot."""
        for chat in self._chats:
            try:
                self._connect(chat)
            except (OSError, websocket.WebSocketException) as error:
                self.__exit__()
                raise TalkError(str(error)) from None
            threading.Thread(target=self._listen, args=(chat,), daemon=True, name=f"chat {chat.key}").start()
        while not self._own.empty():
            self._own.get()  # said before
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        for socket in self._sockets.values():
            socket.shutdown()

    def say(self, key: str, text: str) -> None:
        """Writes into a chat, and returns when it stands there. Raises TalkError if it does not get there."""
        chat = next(chat for chat in self._chats if chat.key == key)
        message = json.dumps({"body": text, "nickname_signed": chat.nickname_signed})
        end = time.monotonic() + CONNECT_SECONDS
        while True:
            try:
                self._sockets[key].send(message)
                break
            except (OSError, websocket.WebSocketException) as error:
                if time.monotonic() > end:
                    raise TalkError(str(error)) from None
                self._sleep(AGAIN_SECONDS)
        while True:
            try:
                self._own.get(timeout=0.5)
                return
            except queue.Empty:
                self._sleep(0)
                if time.monotonic() > end:
                    raise TalkError("a message was sent and never shown") from None

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
            self._sleep(0)
            try:
                lines.append(self._heard.get(timeout=min(left, 0.5)))
            except queue.Empty:
                continue
        if any(not line.mine for line in lines):
            self._sleep(min(TOGETHER_SECONDS, max(end - time.monotonic(), 0)))
            lines += self.heard()
        return lines

    def _sleep(self, seconds: float) -> None:
        if self._stop.wait(seconds):
            raise Stopped

    def _connect(self, chat: Chat) -> None:
        """Opens a chat. It begins with all that was said there, of which only what is new counts."""
        socket = websocket.create_connection(
            self._server + chat.socket, timeout=CONNECT_SECONDS, enable_multithread=True, http_no_proxy=["*"]
        )
        self._hear(chat, json.loads(socket.recv())[self._number[chat.key] :])
        socket.settimeout(None)
        self._sockets[chat.key] = socket

    def _listen(self, chat: Chat) -> None:
        while not self._closing.is_set():
            try:
                self._hear(chat, json.loads(self._sockets[chat.key].recv()))
                continue
            except (OSError, ValueError, websocket.WebSocketException) as error:
                if self._closing.is_set():
                    return
                logger.info("A chat's connection broke (%s); it is opened again.", error)
            try:
                self._connect(chat)
            except (OSError, ValueError, websocket.WebSocketException):
                self._closing.wait(AGAIN_SECONDS)

    def _hear(self, chat: Chat, lines: list[dict[str, Any]]) -> None:
        for line in lines:
            mine = line["participant_id"] == chat.participant
            heard = Line(chat.key, chat.me if mine else line["nickname"], line["body"], mine)
            self._number[chat.key] += 1
            self._heard.put(heard)
            if mine:
                self._own.put(heard)
