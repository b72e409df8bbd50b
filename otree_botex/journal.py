"""The journal's records, kind by kind: what a runner tells of its bots. See records.py."""

from __future__ import annotations

from typing import Any, Literal, TypedDict

from .records import Cause, Outcome, State


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
    """Why the page cannot be played without running its scripts, or is played in a browser; "" if it need not be."""
    driver: str
    """How the page was loaded: "http" or "browser". Where it is no plain form there, `fields` are its controls ("[7]"),
    each with the name under which a form posts it, and whether it `decides` something."""


class ControlsRecord(TypedDict):
    """kind "controls": controls that have come to a page in a browser since it was first seen, as in its `fields`."""

    step: int
    fields: list[dict[str, Any]]


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
    """kind "decision": what the bot answers, by field name, and what is sent for it. Recorded before it is sent. In a
    pre-test `remark` is what the bot found unclear or wrong."""

    step: int
    attempt: int
    answers: dict[str, Any]
    reason: str
    entries: list[list[str]]
    remark: str


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


What = Literal["actions", "done", "changed", "form", "live out", "live in", "dialog", "window", "refused", "limit"]
"""What happens on a page in a browser, and the data that say more:

"actions"   {"attempt", "reason", "actions", "words"}   what the model wants done, and the same for people to read; on
                                               record before it is done
"done"      {"done", "of", "surprise", "failed"}   how many of them were done, and what stopped it, "" if nothing did
"changed"   {"text"}                           what changed on the page since, as the model is told
"form"      {"url", "entries", "asked", "by"}  form data that it sent: [name, value] …; the names that its controls had
"live out"  {"message", "by"}                  a message over the live websocket, parsed if it is JSON, sent by what the
                                               bot did or by the page itself: "bot", "page"
"live in"   {"message"}                        the same from the server
"dialog"    {"kind", "message", "answer"}      an alert, confirm or prompt
"window"    {"url", "text"}                    a window that it opened, which was read and closed
"refused"   {"what", "url"}                    something the page wanted and may not have
"limit"     {"which", "of"}                    a limit of the page was reached: "calls", "actions", "seconds"
"""


class EventRecord(TypedDict):
    """kind "event": one thing that happened on a page in a browser, in order; for `data` see `What`."""

    step: int
    what: What
    data: dict[str, Any]


class LeftRecord(TypedDict):
    """kind "left": the page is behind the bot; `seconds` since it was first seen, None if not by this runner.

    `untouched` if the page had controls to decide with and the bot touched none of them.
    """

    step: int
    outcome: Outcome
    seconds: float | None
    untouched: bool


class StateRecord(TypedDict):
    """kind "state": what the bot is doing now; `error` says in a sentence why it failed, was paused or stopped, if it
    was not by the experimenter; `cause` says in a word why it failed."""

    state: State
    error: str
    cause: Cause
