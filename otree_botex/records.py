"""What the oTree server and a runner must agree on: the description of a launch, and the journal's records.

Written down once, here; imports neither oTree nor any LLM library.

A runner reads one `Launch` as JSON from standard input. It sends back batches of records over HTTP:

    POST /otree_botex/journal/{launch}     Authorization: Bearer {token}
    {"bots": [1, 2], "records": [{"bot": 1, "seq": 7, "at": 1700000000.0, "kind": "state", …}]}
    -> {"acknowledged": {"1": 7}, "stop": [2]}

Records are numbered per bot (`seq`, from 1); one that was taken already is passed over. When a launch goes on after
an interruption, the runner asks where its bots were and what they remember, and for a replay what was said before:

    GET /otree_botex/journal/{launch}         ->  {"1": {"step": 4, "message": 9, "memory": [...], …}}   (see `Memory`)
    GET /otree_botex/journal/{launch}/replay  ->  {"1": [{"step": 1, "page": "…", "reply": "…"}, …]}  (see `Recorded`)
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, TypedDict

State = Literal["starting", "thinking", "waiting", "finished", "failed", "stopped"]
ENDED: tuple[State, ...] = ("finished", "failed", "stopped")

Cause = Literal["", "refused", "empty", "cut off", "model", "page", "server", "setup", "inside"]
"""Why a bot failed: its replies were refused, empty or cut off once too often; its model could not answer; a page could
not be played; the server was away; something was missing from the start; a fault of ours."""

MemoryMode = Literal["full", "summary", "none"]
"""What a bot remembers of earlier pages: the conversation, the notes that it keeps, or nothing."""

Outcome = Literal["submitted", "read", "waited", "timed out", "left", "interrupted", "end"]
"""How a page was left: answered, read and gone on, waited out, its timer ran out, moved on by somebody else, or not;
"end" is the last page, behind which there is none."""

JOURNAL_PATH = "/otree_botex/journal/{launch}"
REPLAY_PATH = "/otree_botex/journal/{launch}/replay"
START_PATH = "/InitializeParticipant/{participant}"


@dataclass(frozen=True)
class Seat:
    """One bot of a launch: its number in the record's database, its participant's code and number, its seed.

    `url` is the link that the participant starts with, where it is not the server's own for this code.
    """

    bot: int
    participant: str
    number: int
    seed: int | None = None
    url: str = ""


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
    cache: str = ""
    """A file of replies: a request that was answered before, to the letter, is given the same reply without asking
    again. Empty for none."""
    local: dict[str, Any] | None = None
    """How to run or reach the llama.cpp server of the model "local"."""
    goes_on: bool = False
    """Whether these bots played before, and are to go on from where they were."""
    folder: str = ""
    """Where the journal is kept until it is acknowledged; empty if nothing is acted upon before it is."""
    api_key: str | None = field(default=None, repr=False)

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Launch:
        """Raises ValueError or TypeError if the text is no launch."""
        data = json.loads(text)
        data["seats"] = tuple(Seat(**seat) for seat in data["seats"])
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


class PageRecord(TypedDict):
    """kind "page": a page as the bot sees it; opens step `step`."""

    step: int
    url: str
    app: str
    name: str
    number: int
    page_kind: str
    title: str
    text: str
    fields: list[dict[str, Any]]
    timeout: float | None
    """Seconds left on the page's timer; None if it has none."""
    needs_script: str
    """Why the page cannot be played without running its scripts; "" if it can."""


class MessageRecord(TypedDict, total=False):
    """kind "message": one message to the model, in the order of their numbers. `images` describes its pictures."""

    step: int
    number: int
    role: str
    content: str
    images: list[dict[str, Any]]


class PictureRecord(TypedDict):
    """kind "picture": a picture that a message to come will have, as a data: URL; once for each of a process."""

    sha256: str
    url: str


class RequestRecord(TypedDict):
    """kind "request": the model is about to be asked; the reply will be the message of this number. `sent` are the
    numbers of the messages it is sent, so that each request is on record in full, and each message stored once."""

    step: int
    number: int
    purpose: str
    sent: list[int]
    schema: dict[str, Any]
    seed: int | None


class ReplyRecord(TypedDict, total=False):
    """kind "reply": what came of a request: the text as received and what it took, or the `error` that came instead.

    `mode` says how the schema was imposed, `fingerprint` is what the provider says of its system, `prices` names the
    price list behind `cost`, `from_cache` marks a reply that was given before and not asked for again.
    """

    step: int
    number: int
    content: str
    error: str
    model: str
    fingerprint: str
    mode: str
    finish_reason: str
    request_id: str
    input_tokens: int
    output_tokens: int
    cached_tokens: int
    reasoning_tokens: int
    cost: float | None
    prices: str
    from_cache: bool
    seconds: float


class RunnerRecord(TypedDict):
    """kind "runner": a process begins to play some of a launch's bots; recorded by the first of them.

    `about` is what the model's backend says of itself (see `llm.LLM.about`), `versions` are those of the libraries that
    shape an answer, `prompts` the prompt files as they are.
    """

    seats: list[int]
    about: dict[str, Any]
    versions: dict[str, str]
    prompts: dict[str, str]


class DecisionRecord(TypedDict):
    """kind "decision": what the bot answers, by field name, and what is sent for it. Recorded before it is sent."""

    step: int
    attempt: int
    answers: dict[str, Any]
    reason: str
    entries: list[list[str]]


class RefusalRecord(TypedDict):
    """kind "refusal": what was refused, by field name ("" for the whole), and by whom: the check of the reply's shape
    ("reply"), of the form ("form"), or oTree ("server"). `said` is what was refused."""

    step: int
    attempt: int
    by: str
    messages: dict[str, str]
    said: Any


class ChatRecord(TypedDict):
    """kind "chat": a message as it stood in a chat of the page; `mine` if the bot wrote it."""

    step: int
    chat: str
    who: str
    text: str
    mine: bool


class LeftRecord(TypedDict):
    """kind "left": the page is behind the bot; `seconds` since it was first seen, None if not by this runner."""

    step: int
    outcome: Outcome
    seconds: float | None


class StateRecord(TypedDict):
    """kind "state": what the bot is doing now; `error` says in a sentence why it failed, `cause` in a word."""

    state: State
    error: str
    cause: Cause
