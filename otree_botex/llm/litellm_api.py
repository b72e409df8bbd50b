"""Models behind an API, commercial or on one's own machine, through litellm."""

from __future__ import annotations

import logging
import os
import re
import threading
from collections.abc import Sequence
from importlib.metadata import version
from typing import Any
from urllib.parse import urlsplit

from ..errors import SetupError
from ..paid import is_paid
from . import LLM, Completion, ModelOptions, Request, Usage
from .litellm_errors import is_about_format, provider_words, translated
from .rendering import MODES, rendered

DEFAULT_CONTEXT = 8192
"""The context assumed for a model that litellm's price list does not know: small, so that a prompt surely fits."""

HOSTS = {
    "anthropic": "api.anthropic.com",
    "cohere": "api.cohere.com",
    "gemini": "generativelanguage.googleapis.com",
    "openai": "api.openai.com",
    "openrouter": "openrouter.ai",
}
"""Where providers are whose address litellm knows but does not tell."""

ASKED_FOR = ("temperature", "max_tokens")
OPEN = "provider's default"


class LiteLLM(LLM):
    """A model that litellm knows how to reach. One call is one request to the provider, never repeated here; only a
    way of asking for JSON that the provider rejects is followed by the next one, and the one that worked is kept."""

    context_tokens: int | None

    def __init__(self, model: str, options: ModelOptions, modes: Sequence[str] = MODES, **more: Any) -> None:
        """Looks the model up, without asking its provider. `modes` are the ways to ask for JSON that are tried, `more`
        are parameters that this endpoint takes beside those of `options`.

        Raises SetupError if litellm is not installed, does not know such a provider, misses a key, or knows that the
        model does not take a temperature or a limit that is set.
        """
        self._litellm = quiet_litellm()
        self._model, self._options, self._modes, self._more = model, options, modes, more
        self._mode = 0  # index into the modes
        self._lock = threading.Lock()
        try:
            self._name, self._provider, _, self._address = self._litellm.get_llm_provider(
                model, api_base=options.api_base
            )
        except Exception:
            raise SetupError(
                f"litellm knows no provider for the model {model!r}. Names look like openai/gpt-4.1-mini, "
                "anthropic/claude-sonnet-4-5, gemini/gemini-2.5-flash or ollama/llama3.2: the provider, a slash, its "
                "name of the model. They are listed on https://docs.litellm.ai/docs/providers."
            ) from None
        given = {name: getattr(options, name) for name in ("api_base", "api_key", *ASKED_FOR, "timeout")}
        self._arguments: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
        self._arguments |= {"model": model, "num_retries": 0, "max_retries": 0, **more}
        self._check_keys()
        if options.images and self._takes_no_pictures():
            raise SetupError(f"{model} takes no pictures. Start the bots without them, or with another model.")
        self._check_parameters()
        self._takes_seed = self._passes_on("seed", 1)
        self._without_price = None if is_paid(model, options.api_base) else 0.0  # what a reply costs then
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
        for index in range(self._mode, len(self._modes)):
            asked = rendered(request, self._modes[index], own=bool(self._options.api_base))
            try:
                reply = self._litellm.completion(**arguments, **asked)
            except Exception as error:
                if index + 1 < len(self._modes) and is_about_format(error):
                    continue
                raise translated(error, self._model, self._options.api_key) from None
            with self._lock:
                self._mode = max(self._mode, index)
            return self._completion(reply, self._modes[index])
        raise AssertionError("the last mode either answers or raises")

    def count_tokens(self, text: str) -> int:
        """An estimate on the safe side for most languages; exact counts differ between providers."""
        return len(text) // 3 + 4

    def about(self) -> dict[str, Any]:
        dropped = [name for name in ASKED_FOR if name in self._arguments and not self._passes_on(name)]
        if self._options.seeded and not self._takes_seed:
            dropped.append("seed")
        return {
            "provider": self._provider,
            "host": self._host(),
            "file": None,
            "sent": self._sent(),
            "dropped": {name: f"litellm does not pass it on to {self._provider}" for name in dropped},
            "deterministic": self._promise(),
            "context_tokens": self.context_tokens,
        }

    def _host(self) -> str:
        """Where requests go, as far as it is known; an address may hold a key, so no more of it is told."""
        names = [f"{self._provider.upper()}_{name}" for name in ("API_BASE", "BASE_URL")]
        named = next(filter(None, map(os.environ.get, names)), None)
        return host_of(self._options.api_base or named or self._address or f"//{HOSTS.get(self._provider, '')}")

    def _sent(self) -> dict[str, Any]:
        asked = {name: self._arguments[name] for name in ASKED_FOR if name in self._arguments}
        seed = {"seed": "each request's own"} if self._options.seeded and self._takes_seed else {}
        sent = {**self._defaults(), **self._mapped(**asked), **seed, **self._more}
        formats = {"response_format": f"{self._modes[0]}, or what each reply's mode says"}
        return {"temperature": OPEN, "top_p": OPEN, **sent, **formats}

    def _promise(self) -> str:
        if self._options.seeded and not self._takes_seed:
            return f"{self._provider} takes no seed, and promises no two equal replies at any temperature."
        if not self._options.seeded and self._options.temperature != 0:
            return "No seed was set, and the temperature is not 0, so the replies are drawn anew each time."
        return f"{self._provider} does not promise the same reply to the same request, seed or not."

    def _defaults(self) -> dict[str, Any]:
        """What litellm sends of its own accord: some providers will not do without a limit of tokens."""
        try:
            from litellm.types.utils import LlmProviders
            from litellm.utils import ProviderConfigManager

            provider = LlmProviders(self._provider)
            config = ProviderConfigManager.get_provider_chat_config(model=self._name, provider=provider)
            return {"max_tokens": config.get_config(model=self._name)["max_tokens"]}
        except Exception:  # not litellm's public interface; most providers have no such defaults
            return {}

    def _mapped(self, **asked: Any) -> dict[str, Any]:
        """What litellm makes of parameters for this provider. Raises litellm's errors for those that it refuses."""
        made = self._litellm.get_optional_params(model=self._name, custom_llm_provider=self._provider, **asked)
        made = {**made, **made.get("extra_body", {})}
        return {name: value for name, value in made.items() if name not in ("stream", "extra_body")}

    def _passes_on(self, name: str, value: Any = None) -> bool:
        try:
            return self._mapped(**{name: self._arguments[name] if value is None else value}) != self._mapped()
        except self._litellm.UnsupportedParamsError:
            return False

    def _check_parameters(self) -> None:
        for name in ASKED_FOR:
            if name in self._arguments:
                try:
                    self._mapped(**{name: self._arguments[name]})
                except self._litellm.UnsupportedParamsError as error:
                    words = re.split(r"\s*To drop ", provider_words(error, self._options.api_key))[0]
                    raise SetupError(
                        f"The model {self._model} does not take {name}={self._arguments[name]}: {words} "
                        "Leave it open, or choose another model."
                    ) from None

    def _check_keys(self) -> None:
        if self._options.api_key:
            return
        missing = self._litellm.validate_environment(self._model, api_base=self._options.api_base)["missing_keys"]
        # litellm finds a local ollama without being told where it is.
        missing = [name for name in missing if name != "OLLAMA_API_BASE"]
        own_server = self._options.api_base or os.environ.get("OPENAI_BASE_URL") or os.environ.get("OPENAI_API_BASE")
        if self._provider == "openai" and missing == ["OPENAI_API_KEY"] and own_server:
            self._arguments["api_key"] = "none"  # servers that speak OpenAI's protocol mostly ask for no key
        elif missing:
            names = (" or " if self._provider == "gemini" else " and ").join(missing)
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

    def _completion(self, reply: Any, mode: str) -> Completion:
        used = getattr(reply, "usage", None)
        usage = Usage(
            input=_count(used, "prompt_tokens"),
            output=_count(used, "completion_tokens"),
            cached=_count(getattr(used, "prompt_tokens_details", None), "cached_tokens"),
            reasoning=_count(getattr(used, "completion_tokens_details", None), "reasoning_tokens"),
        )
        choice = reply.choices[0] if reply.choices else None
        cost = self._cost(reply) if usage.input or usage.output else None
        return Completion(
            text=(choice.message.content if choice and choice.message else None) or "",
            model=reply.model or self._model,
            usage=usage,
            cost=cost,
            finish_reason=(choice.finish_reason if choice else None) or "stop",
            mode=mode,
            request_id=reply.id or "",
            fingerprint=getattr(reply, "system_fingerprint", None) or "",
            prices=f"litellm {version('litellm')}" if cost else "",
        )

    def _cost(self, reply: Any) -> float | None:
        try:
            return float(self._litellm.completion_cost(completion_response=reply, model=self._model))
        except Exception:  # no price is known
            return self._without_price


def host_of(address: str) -> str:
    """The host of an address, with its port if that is named: nothing that may be a secret."""
    try:
        parts = urlsplit(address)
        return (parts.hostname or "") + (f":{parts.port}" if parts.port else "")
    except ValueError:  # no address
        return ""


def quiet_litellm() -> Any:
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


def _count(usage: Any, name: str) -> int:
    return int(getattr(usage, name, None) or 0)
