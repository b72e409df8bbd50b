"""Ways to get a completion. `bots/` knows them only through this module: messages and a JSON Schema in,
text, usage and cost out."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from ..errors import SetupError
from ..records import Recorded

Message = Mapping[str, Any]
"""One message of a conversation: {"role": "system" | "user" | "assistant", "content": text}; one of a user's may also
have "images", a list of data: URLs, in the order in which the text names them."""

Schema = Mapping[str, Any]


ACT, ACT_AGAIN = "act", "act again"
"""The purposes of asking what to do on a page in a browser: for the first time, and after something was done there."""


def object_schema(**properties: Schema) -> dict[str, Any]:
    """The JSON Schema of an object with exactly these properties, in this order."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


@dataclass(frozen=True)
class ModelOptions:
    """What an experimenter may set for a model. None means: the backend's own default."""

    temperature: float | None = None
    max_tokens: int | None = None
    timeout: float = 120.0
    api_base: str | None = None
    api_key: str | None = field(default=None, repr=False)
    """Where it is not to come from the environment."""
    images: bool = False
    """Whether the model will be shown pictures."""
    seeded: bool = False
    """Whether requests will have a seed: what a model says of itself depends on it."""
    local: Mapping[str, Any] | None = None
    """How to run or reach the llama.cpp server of the model "local": see `llama_server.LocalConfig`."""
    cache: Path | None = None
    """A file of replies: a request that was answered before, to the letter, is not asked again."""
    goes_on: bool = False
    """Whether bots may go on from the middle of their session: a replay then looks for the place."""


@dataclass(frozen=True)
class Request:
    """One question to a model.

    `schema` is the JSON Schema that the reply must follow. `seed` makes the reply repeatable where the backend
    honours it. `refused` names the answers to this page that were refused so far, by field: a language model reads
    of them in the messages, `random` needs to be told. `deadline` is the time.monotonic() after which nobody waits for
    the reply any more.
    """

    messages: Sequence[Message]
    schema: Schema
    seed: int | None = None
    refused: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    deadline: float | None = None
    seat: int = 0
    """Whose request it is: a replay needs to be told."""
    purpose: str = "decision"
    """What is asked for ("decision", "talk", "notes", ACT, ACT_AGAIN). A replay needs to be told that, too."""

    def seconds_left(self) -> float:
        """The time until the deadline, never less than nothing; infinite if there is none."""
        return float("inf") if self.deadline is None else max(self.deadline - time.monotonic(), 0.0)


@dataclass(frozen=True)
class Usage:
    """Tokens of one completion. `cached` is part of `input`, `reasoning` part of `output`."""

    input: int = 0
    output: int = 0
    cached: int = 0
    reasoning: int = 0


@dataclass(frozen=True)
class Completion:
    """A model's reply: its text as received, and what it took.

    `model` is the model that answered, as the backend names it; `cost` is in US dollars, None where no price is
    known, and `prices` names the list it was reckoned with; `mode` says how the schema was imposed ("json_schema",
    "json_object", "prompt", "grammar", "random", "replay"); `fingerprint` is what the provider says of its system.
    """

    text: str
    model: str
    usage: Usage = Usage()
    cost: float | None = None
    finish_reason: str = "stop"
    mode: str = ""
    request_id: str = ""
    fingerprint: str = ""
    prices: str = ""
    from_cache: bool = False
    """Whether this reply was given before, to the same request, and not asked for again."""


class LLM(Protocol):
    """A model that is ready to answer. One instance serves all bots of a runner, from many threads."""

    context_tokens: int | None
    """The most tokens a request and its reply may have together; None where there is no limit."""

    def complete(self, request: Request) -> Completion:
        """Answers one request.

        Raises TransientModelError when asking again later may help (so also when the request's deadline has come),
        ModelError when it would not. It never retries by itself: the caller does, and records each try.
        """

    def count_tokens(self, text: str) -> int:
        """The tokens of a text, exactly or as a cautious estimate."""

    def about(self) -> dict[str, Any]:
        """What a launch's manifest must say of this model, in plain JSON and without any secret:

        `provider`; `host` of the endpoint, with its port; `file`, the facts of a GGUF file, or None; `sent`, each
        parameter by its name where it is sent, with those that are left to a known default; `dropped`, parameters that
        were asked for and are not passed on, and why; `deterministic`: "yes" if the same session comes out twice, else
        a sentence that says why not; `context_tokens`. A llama.cpp server also tells its version, as `server`.
        """

    def close(self) -> None:
        """Ends what was started for this model. It is not asked anything afterwards."""
        return


def load(
    model: str, options: ModelOptions, recorded: Callable[[], Mapping[int, Sequence[Recorded]]] | None = None
) -> LLM:
    """Makes the model of this name ready: `random`, `smollm2`, `llama.cpp:/path/to/model.gguf`, `local` (a llama.cpp
    server, see `ModelOptions.local`), `replay:LAUNCH`, or any name litellm knows (`openai/gpt-4.1-mini`,
    `anthropic/…`, `ollama/…`). A replay answers with what was `recorded`, by the seats' numbers.

    Raises SetupError if a library, a file, a key or a record it needs is missing, and says how to get it.
    """
    if model == "random":
        from .random import RandomAnswers

        return RandomAnswers(options)
    if model.startswith("replay:"):
        from .replay import Replay

        if recorded is None:
            raise SetupError(f"{model} needs the record of that launch, and none is kept here.")
        return Replay(model, recorded(), goes_on=options.goes_on)
    llm = _load(model, options)
    if options.cache:
        from .cache import Cached

        return Cached(llm, model, options.cache)
    return llm


def _load(model: str, options: ModelOptions) -> LLM:
    if model == "smollm2" or model.startswith("llama.cpp:"):
        from .llamacpp import LlamaCpp

        return LlamaCpp(model, options)
    if model == "local":
        from .llama_server import LlamaServer

        return LlamaServer(options)
    from .litellm_api import LiteLLM

    return LiteLLM(model, options)
