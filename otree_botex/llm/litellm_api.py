"""Models behind an API, commercial or on one's own machine, through litellm."""

from __future__ import annotations

import json
import logging
import os
import re
import threading
from collections.abc import Mapping
from typing import Any

from ..errors import ModelError, SetupError, TransientModelError
from . import Completion, Message, ModelOptions, Request, Schema, Usage

DEFAULT_CONTEXT = 8192
"""The context assumed for a model that litellm's price list does not know: small, so that a prompt surely fits."""

MODES = ("json_schema", "json_object", "prompt")
"""Ways to ask for a reply that follows a schema, from the strictest to the one that every model understands."""

INSTRUCTION = "Reply with one JSON object and nothing else. It must satisfy this JSON Schema:\n"

# Limits that OpenAI's strict mode does not take or did not always take; they are said in words instead, and checked
# by whoever reads the reply. litellm does the same for Anthropic, with the limits of numbers as well.
SAID_IN_WORDS = {
    "minLength": "At least {} characters.",
    "maxLength": "At most {} characters.",
    "uniqueItems": "Each item at most once.",
    "title": "Title: {}.",
}

# What a 400 that is about the way of asking for JSON (and not about the conversation) talks of.
ABOUT_FORMAT = re.compile(r"response.?format|json.?(object|mode)|structured.?output|output_config|schema|grammar", re.I)

FAILURES = {
    401: "did not accept the API key",
    402: "wants to be paid first",
    403: "refused access",
    404: "was not found",
    408: "did not answer in time",
    429: "asks to slow down",
}


class LiteLLM:
    """A model that litellm knows how to reach. One call is one request to the provider, never repeated here; only a
    way of asking for JSON that the provider rejects is followed by the next one, and the one that worked is kept."""

    context_tokens: int | None

    def __init__(self, model: str, options: ModelOptions) -> None:
        """Looks the model up, without asking its provider.

        Raises SetupError if litellm is not installed, does not know such a provider, or misses a key.
        """
        self._litellm = _quiet_litellm()
        self._model = model
        self._options = options
        self._mode = 0  # index into MODES
        self._lock = threading.Lock()
        try:
            _, provider, _, _ = self._litellm.get_llm_provider(model, api_base=options.api_base)
        except Exception:
            raise SetupError(
                f"litellm knows no provider for the model {model!r}. Names look like openai/gpt-4.1-mini, "
                "anthropic/claude-sonnet-4-5, gemini/gemini-2.5-flash or ollama/llama3.2: the provider, a slash, its "
                "name of the model. They are listed on https://docs.litellm.ai/docs/providers."
            ) from None
        given = {name: getattr(options, name) for name in ("api_base", "temperature", "max_tokens", "timeout")}
        self._arguments: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
        self._arguments |= {"model": model, "num_retries": 0, "max_retries": 0}
        self._check_keys(provider)
        if options.images and self._takes_no_pictures():
            raise SetupError(f"{model} takes no pictures. Start the bots without them, or with another model.")
        self._takes_seed = "seed" in (self._litellm.get_supported_openai_params(model) or ())
        self.context_tokens = self._find_context()

    def complete(self, request: Request) -> Completion:
        """Asks the model once (see the class). `cost` is litellm's, from the price list it was published with.

        A seed is passed on, modulo 2**31, where litellm says that the provider takes one. Raises TransientModelError
        for rate limits, timeouts (the request's deadline is one), failures of the server or the connection; ModelError
        for all else.
        """
        arguments = {**self._arguments, "timeout": min(self._options.timeout, request.seconds_left())}
        if request.seed is not None and self._takes_seed:
            arguments["seed"] = request.seed % 2**31
        for index in range(self._mode, len(MODES)):
            try:
                reply = self._litellm.completion(
                    **arguments, **_ask_for(MODES[index], request, own=bool(self._options.api_base))
                )
            except Exception as error:
                if index + 1 < len(MODES) and self._is_about_format(error):
                    continue
                raise self._translate(error) from None
            with self._lock:
                self._mode = max(self._mode, index)
            return self._completion(reply, MODES[index])
        raise AssertionError("the last mode either answers or raises")

    def count_tokens(self, text: str) -> int:
        """An estimate on the safe side for most languages; exact counts differ between providers."""
        return len(text) // 3 + 4

    def _check_keys(self, provider: str) -> None:
        missing = self._litellm.validate_environment(self._model, api_base=self._options.api_base)["missing_keys"]
        # litellm finds a local ollama without being told where it is.
        missing = [name for name in missing if name != "OLLAMA_API_BASE"]
        own_server = self._options.api_base or os.environ.get("OPENAI_BASE_URL") or os.environ.get("OPENAI_API_BASE")
        if provider == "openai" and missing == ["OPENAI_API_KEY"] and own_server:
            self._arguments["api_key"] = "none"  # servers that speak OpenAI's protocol mostly ask for no key
        elif missing:
            names = (" or " if provider == "gemini" else " and ").join(missing)
            raise SetupError(f"The model {self._model} needs {names} in the environment of the bots.")

    def _takes_no_pictures(self) -> bool:
        """Whether litellm knows the model, and that it takes none."""
        try:
            return not self._litellm.get_model_info(self._model).get("supports_vision")
        except Exception:  # see _find_context
            return False

    def _find_context(self) -> int:
        try:
            return self._litellm.get_model_info(self._model)["max_input_tokens"] or DEFAULT_CONTEXT
        except Exception:  # litellm raises a plain Exception for a model that is not on its list
            return DEFAULT_CONTEXT

    def _is_about_format(self, error: Exception) -> bool:
        others = (self._litellm.ContextWindowExceededError, self._litellm.ContentPolicyViolationError)
        refused = (self._litellm.BadRequestError, self._litellm.UnprocessableEntityError)
        if isinstance(error, self._litellm.InternalServerError):  # how llama-cpp-python's server refuses a format
            return "response_format" in str(error)
        return isinstance(error, refused) and not isinstance(error, others) and bool(ABOUT_FORMAT.search(str(error)))

    def _completion(self, reply: Any, mode: str) -> Completion:
        used = getattr(reply, "usage", None)
        usage = Usage(
            input=_count(used, "prompt_tokens"),
            output=_count(used, "completion_tokens"),
            cached=_count(getattr(used, "prompt_tokens_details", None), "cached_tokens"),
            reasoning=_count(getattr(used, "completion_tokens_details", None), "reasoning_tokens"),
        )
        choice = reply.choices[0]
        return Completion(
            text=choice.message.content or "",
            model=reply.model or self._model,
            usage=usage,
            cost=self._cost(reply) if usage.input or usage.output else None,
            finish_reason=choice.finish_reason or "stop",
            mode=mode,
            request_id=reply.id or "",
        )

    def _cost(self, reply: Any) -> float | None:
        try:
            return float(self._litellm.completion_cost(completion_response=reply, model=self._model))
        except Exception:  # no price is known
            return None

    def _translate(self, error: Exception) -> ModelError:
        """What went wrong as one of our errors: who, what, and the provider's own words."""
        status = getattr(error, "status_code", None)
        status = status if isinstance(status, int) else 0
        words = _provider_words(error)
        if isinstance(error, self._litellm.ContextWindowExceededError):
            return ModelError(f"The prompt is longer than {self._model} can take: {words}")
        no_quota = "insufficient_quota" in str(getattr(error, "body", ""))  # a 429 too, but waiting will not help
        if no_quota or isinstance(error, self._litellm.BudgetExceededError):
            return ModelError(f"{self._model} has no credit left: {words}")
        what = FAILURES.get(status, "failed or could not be reached" if status >= 500 else "refused the request")
        message = f"{self._model} {what}: {words}"
        if status >= 500 or status in (408, 409, 425, 429):
            return TransientModelError(message, _retry_after(error))
        return ModelError(message)


def _quiet_litellm() -> Any:
    """litellm, imported without a download of its price list, and kept from printing and logging what it is sent."""
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    try:
        import litellm
    except ImportError as error:
        raise SetupError("Models behind an API need litellm, which is not installed here. "
                         "Run `otree-botex setup` to install it.") from error  # fmt: skip
    litellm.telemetry = False
    litellm.suppress_debug_info = True
    logging.getLogger("LiteLLM").setLevel(logging.CRITICAL)
    logging.getLogger("httpx").setLevel(logging.WARNING)  # at INFO it logs addresses, which may carry a key
    return litellm


def _ask_for(mode: str, request: Request, own: bool) -> dict[str, Any]:
    """The messages and the response format that ask for a reply under the schema in this mode. A server of one's `own`
    is given the schema with "json_object" too: llama.cpp's and some others honour it there, and only there."""
    messages = [_in_parts(message) for message in request.messages]
    if mode == "json_schema":
        answer = {"name": "answer", "strict": True, "schema": _strict(request.schema)}
        return {"messages": messages, "response_format": {"type": mode, mode: answer}}
    messages = _with_instruction(messages, INSTRUCTION + json.dumps(request.schema, ensure_ascii=False))
    if mode == "prompt":
        return {"messages": messages}
    return {"messages": messages, "response_format": {"type": mode, **({"schema": request.schema} if own else {})}}


def _in_parts(message: Message) -> dict[str, Any]:
    """A message as litellm takes it: its pictures are parts of its content, after the text."""
    if not message.get("images"):
        return {"role": message["role"], "content": message["content"]}
    images = [{"type": "image_url", "image_url": {"url": url}} for url in message["images"]]
    return {"role": message["role"], "content": [{"type": "text", "text": message["content"]}, *images]}


def _with_instruction(messages: list[dict[str, Any]], text: str) -> list[dict[str, Any]]:
    for i in range(len(messages) - 1, -1, -1):
        if messages[i]["role"] == "user":
            content = messages[i]["content"]
            more = f"{content}\n\n{text}" if isinstance(content, str) else [*content, {"type": "text", "text": text}]
            last = {**messages[i], "content": more}
            return [*messages[:i], last, *messages[i + 1 :]]
    return [*messages, {"role": "user", "content": text}]


def _strict(schema: Schema) -> dict[str, Any]:
    """The schema with the keys that strict modes refuse turned into words of its description."""
    strict: dict[str, Any] = {key: value for key, value in schema.items() if key not in SAID_IN_WORDS}
    words = [text.format(schema[key]) for key, text in SAID_IN_WORDS.items() if schema.get(key)]
    if words:
        strict["description"] = " ".join([*([schema["description"]] if schema.get("description") else []), *words])
    if "properties" in schema:
        strict["properties"] = {name: _strict(field) for name, field in schema["properties"].items()}
    if "items" in schema:
        strict["items"] = _strict(schema["items"])
    if "anyOf" in schema:
        strict["anyOf"] = [_strict(branch) for branch in schema["anyOf"]]
    return strict


def _count(usage: Any, name: str) -> int:
    return int(getattr(usage, name, None) or 0)


def _provider_words(error: Exception) -> str:
    """The provider's message, short, in one line and without anything that looks like a key."""
    text = re.sub(r"^(?:(?:litellm\.)?\w*(?:Error|Timeout|Exception)(?:: | - ))+", "", str(error))
    names = [name for name in os.environ if name.upper().endswith(("_KEY", "_TOKEN", "_SECRET", "_PASSWORD"))]
    secrets = {os.environ[name] for name in names if len(os.environ[name]) >= 8}
    for secret in sorted(secrets, key=len, reverse=True):  # one may be a part of another
        text = text.replace(secret, "***")
    text = " ".join(re.sub(r"\bsk-[\w*.-]{8,}", "***", text).split())
    return text if len(text) <= 300 else text[:299] + "…"


def _retry_after(error: Exception) -> float | None:
    headers = getattr(error, "litellm_response_headers", None)
    try:
        seconds = float(headers["retry-after"]) if isinstance(headers, Mapping) else -1
    except (KeyError, ValueError):  # none, or a date instead of seconds
        return None
    return seconds if 0 <= seconds < float("inf") else None
