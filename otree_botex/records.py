"""What the oTree server and a runner must agree on: the description of a launch, and how its journal is kept.

Written down once, here and in journal.py, which has the journal's records; imports neither oTree nor any LLM library.

A runner reads one `Launch` as JSON from standard input. It sends back batches of records over HTTP:

    POST /otree_botex/journal/{launch}     Authorization: Bearer {token}
    {"bots": [1, 2], "records": [{"bot": 1, "seq": 7, "at": 1700000000.0, "kind": "state", …}]}
    -> {"acknowledged": {"1": 7}, "stop": [2], "pause": [], "budget": {"limits": {…}, "spent": {…}}}

Records are numbered per bot (`seq`, from 1); one that was taken already is passed over. `pause` names the bots that
are to be paused, as long as they are in it. `budget` has the limits of the launch, as `plans.Budget` names them, what
the whole launch has spent as far as the server knows ("cost", "calls", "tokens", and in "unpriced" how many replies
have no price that is known), and the same for each bot of this runner, by its number, in "bots"; without limits it is
null. When a launch goes on after an interruption, the runner asks where its bots were and what they remember, and for a
replay what was said before:

    GET /otree_botex/journal/{launch}         ->  {"1": {"step": 4, "message": 9, "memory": [...], …}}   (see `Memory`)
    GET /otree_botex/journal/{launch}/replay  ->  {"1": [{"step": 1, "page": "…", "reply": "…"}, …]}  (see `Recorded`)
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

State = Literal["starting", "thinking", "waiting", "paused", "finished", "failed", "stopped"]
ENDED: tuple[State, ...] = ("finished", "failed", "stopped")

Cause = Literal["", "refused", "empty", "cut off", "limit", "model", "page", "server", "setup", "inside"]
"""Why a bot failed: its replies were refused, empty or cut off once too often; a limit of the page was reached; its
model could not answer; a page could not be played; the server was away; something was missing from the start; a fault
of ours."""

Driver = Literal["auto", "http", "browser"]
"""How bots load and send pages: over HTTP and in a browser only what needs one, always over HTTP, or always in a
browser."""

MemoryMode = Literal["full", "summary", "none"]
"""What a bot remembers of earlier pages: the conversation, the notes that it keeps, or nothing."""

Outcome = Literal["submitted", "read", "waited", "timed out", "left", "interrupted", "end"]
"""How a page was left: answered, read and gone on, waited out, its timer ran out, moved on by somebody else, or not;
"end" is the last page, behind which there is none."""

JOURNAL_PATH = "/otree_botex/journal/{launch}"
REPLAY_PATH = "/otree_botex/journal/{launch}/replay"
START_PATH = "/InitializeParticipant/{participant}"

BOT_COOKIE = "otree_botex_bot"
"""The cookie by which a server with this package tells a bot's requests from a person's: the launch's code and the
bot's number. No page sees it."""
STOPPED_HEADER = "otree-botex-stopped"
"""What the reply to a request has that was not let through, because its bot was told to stop."""


@dataclass(frozen=True)
class Seat:
    """One bot of a launch: its number in the record's database, its participant's code and number, its seed, and who
    it is to be, in words.

    `url` is the link that the participant starts with, where it is not the server's own for this code.
    """

    bot: int
    participant: str
    number: int
    seed: int | None = None
    url: str = ""
    persona: str = ""


@dataclass(frozen=True)
class Launch:
    """All a runner must know. API keys come through the environment, except for one that a script named."""

    code: str
    server: str
    token: str = field(repr=False)
    model: str
    seats: tuple[Seat, ...]
    api_base: str | None = None
    temperature: float | None = None
    max_tokens: int | None = None
    attempts: int = 5
    """How many replies to one page may be refused before the bot fails there."""
    human_pace: bool = False
    """Whether bots take as much time for a page as people do."""
    images: bool = False
    """Whether a page's pictures are sent to the model with its text."""
    chat_messages: int = 10
    """How many messages a bot may write in the chats of one page."""
    chat_cost: float | None = None
    """How many US dollars talking on one page may cost a bot; None for no limit."""
    memory: MemoryMode = "full"
    """What bots remember of earlier pages."""
    driver: Driver = "auto"
    """Whether pages are played over HTTP or in a browser."""
    hosts: tuple[str, ...] = ()
    """Other hosts than the experiment's own that a page in a browser may load from."""
    page_calls: int = 40
    """How many times the model may be asked what to do on one page in a browser."""
    page_actions: int = 200
    """How many actions a bot may take on one page in a browser."""
    page_seconds: int = 900
    """How long a bot may stay on one page in a browser."""
    browsers: int = 12
    """How many of a process's bots may have a page open in the browser at a time; the others wait for their turn."""
    cache: str = ""
    """A file of replies: a request that was answered before, to the letter, is given the same reply without asking
    again. Empty for none."""
    prompts: dict[str, str] = field(default_factory=dict)
    """Prompts of the project's own, by the names of those that they replace."""
    pretest: bool = False
    """Whether bots are asked what was unclear or wrong on each page."""
    local: dict[str, Any] | None = None
    """How to run or reach the llama.cpp server of the model "local"."""
    last_page: int | None = None
    """The number of the experiment's last page, where it is known."""
    goes_on: bool = False
    """Whether these bots played before, and are to go on from where they were."""
    folder: str = ""
    """Where the journal is kept until it is acknowledged; empty if nothing is acted upon before it is."""
    api_key: str | None = field(default=None, repr=False)

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    def name_of(self, seat: Seat) -> str:
        """By which one of its bots is known to the server."""
        return f"{self.code}-{seat.bot}"

    @classmethod
    def from_json(cls, text: str) -> Launch:
        """Raises ValueError or TypeError if the text is no launch."""
        data = json.loads(text)
        data["seats"] = tuple(Seat(**seat) for seat in data["seats"])
        data["hosts"] = tuple(data.get("hosts", ()))
        return cls(**data)


@dataclass
class Memory:
    """Where a bot was when its runner ended, and what it remembers."""

    step: int = 0
    """Number of its last step."""
    message: int = 0
    """Number of its last message."""
    memory: list[dict[str, Any]] = field(default_factory=list)
    """The conversation so far: {"number", "role", "content"}."""
    unread: str = ""
    """Texts of pages it has read since, which are not yet part of the conversation."""
    page: int = 0
    """The number of the page it was on, which it had not left by its own account."""
    kind: str = ""
    """Whether that was a form, a wait page, or the end; empty if there is no such page."""
    text: str = ""
    answers: dict[str, Any] | None = None
    """What it had decided there, and perhaps not submitted; None if it had not."""
    entries: list[list[str]] = field(default_factory=list)
    reason: str = ""


@dataclass(frozen=True)
class Recorded:
    """One question to a model in an earlier launch, and what came: the `reply`, or None if no reply came in time.

    `page` is the text of the page it was about, `purpose` what was asked for ("decision", "talk", "notes").
    """

    step: int
    page: str
    purpose: str
    reply: str | None
