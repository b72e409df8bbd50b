"""What the oTree server and a runner must agree on: the description of a launch, and the journal's records.

Written down once, here; imports neither oTree nor any LLM library.

A runner reads one `Launch` as JSON from standard input. It sends back batches of records over HTTP:

    POST /otree_botex/journal/{launch}     Authorization: Bearer {token}
    {"bots": [1, 2], "records": [{"bot": 1, "seq": 7, "at": 1700000000.0, "kind": "state", …}]}
    -> {"acknowledged": {"1": 7}, "stop": [2]}

Records are numbered per bot (`seq`, from 1); one that was taken already is passed over. When a launch goes on after
an interruption, the runner asks where its bots were and what they remember:

    GET /otree_botex/journal/{launch}  ->  {"1": {"step": 4, "message": 9, "memory": [...], …}}   (see `Memory`)
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, TypedDict

State = Literal["starting", "thinking", "waiting", "finished", "failed", "stopped"]
ENDED: tuple[State, ...] = ("finished", "failed", "stopped")

Outcome = Literal["submitted", "read", "waited", "timed out", "left", "interrupted", "end"]
"""How a page was left: answered, read and gone on, waited out, its timer ran out, moved on by somebody else, or not;
"end" is the last page, behind which there is none."""

JOURNAL_PATH = "/otree_botex/journal/{launch}"
START_PATH = "/InitializeParticipant/{participant}"


@dataclass(frozen=True)
class Seat:
    """One bot of a launch: its number in the server's database, its participant's code and number, its seed."""

    bot: int
    participant: str
    number: int
    seed: int | None = None


@dataclass(frozen=True)
class Launch:
    """All a runner must know. API keys are not part of it: they come through the environment."""

    code: str
    server: str
    token: str
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
    goes_on: bool = False
    """Whether these bots played before, and are to go on from where they were."""
    folder: str = ""
    """Where the journal is kept until the server has acknowledged it."""

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
    """The page it had decided on but perhaps not submitted; 0 if there is none."""
    entries: list[list[str]] = field(default_factory=list)
    """What it had decided to send there."""
    answers: dict[str, Any] = field(default_factory=dict)
    reason: str = ""


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
    """kind "message": one message of the conversation. A reply also has what it took, and `sent`: the numbers of the
    messages it answers, so that each request is on record in full, and stored once."""

    step: int
    number: int
    role: str
    content: str
    sent: list[int]
    images: list[dict[str, Any]]
    purpose: str
    model: str
    mode: str
    seed: int | None
    finish_reason: str
    request_id: str
    error: str
    input_tokens: int
    output_tokens: int
    cached_tokens: int
    reasoning_tokens: int
    cost: float | None
    seconds: float


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
    """kind "left": the page is behind the bot; `seconds` since it was first seen."""

    step: int
    outcome: Outcome
    seconds: float


class StateRecord(TypedDict):
    """kind "state": what the bot is doing now; `error` says in a sentence why it failed."""

    state: State
    error: str
