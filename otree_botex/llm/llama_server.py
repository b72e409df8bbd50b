"""The model `local`: a llama.cpp server, started for the bots or already running, that answers several at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests

from ..errors import ModelError, SetupError
from . import LLM, Completion, ModelOptions, Request
from .gguf import facts, metadata, template_hash
from .litellm_api import OPEN, LiteLLM, host_of, quiet_litellm
from .llama_process import LlamaProcess, find_program, is_ready

MAX_CONTEXT = 8192
"""The most tokens that a slot has if nothing else is said, whatever the model could take: their memory is reserved."""
SLOTS = 4
REPLY_SECONDS = 3600.0
"""How long a reply may take, waiting for a free slot included: a slow machine is no reason to ask it again."""
SETTINGS = "default_generation_settings"
LOOPBACK = ("127.0.0.1", "localhost", "::1")
NOT_SAMPLING = ("seed", "n_ctx", "stream", "model", "prompt", "grammar", "generation_prompt", "chat_format", "lora")
"""What stands among the server's parameters and is none, or is another for each request."""


@dataclass(frozen=True)
class LocalConfig:
    """How to run a llama.cpp server, or reach one (`server_url`). None means: the server's own default.

    `path_to_llama_server` may be left out if llama-server is on the PATH. `context_length` is the number of tokens that
    a prompt and its reply may have together. There are four slots, each for one bot at a time, unless replies are to be
    repeatable, which they are only if one bot is answered after the other.
    """

    path_to_llama_server: str | None = None
    local_llm_path: str | None = None
    server_url: str | None = None
    context_length: int | None = None
    number_of_layers_to_offload_to_gpu: int | None = None
    temperature: float | None = None
    maximum_tokens_to_predict: int | None = None
    top_p: float | None = None
    top_k: int | None = None
    num_slots: int | None = None

    @classmethod
    def of(cls, given: Mapping[str, Any] | None) -> LocalConfig:
        """Raises SetupError, in words, for a name or a value that is none of these."""
        known = {each.name: str(each.type).split(" ")[0] for each in fields(cls)}
        unknown = set(given or ()) - set(known)
        if unknown:
            raise SetupError(f"local_model_cfg has no {', '.join(sorted(unknown))}. Known are {', '.join(known)}.")
        kinds = {"str": str, "int": int, "float": float}
        checked = {}
        for name, value in (given or {}).items():
            try:
                checked[name] = None if value is None else kinds[known[name]](value)
            except (ValueError, TypeError):
                raise SetupError(f"In local_model_cfg, {name} must be a number, not {value!r}.") from None
        config = cls(**checked)
        if config.server_url and config.path_to_llama_server:
            raise SetupError("In local_model_cfg, name a server to start (path_to_llama_server) or one that is running "
                             "(server_url), not both.")  # fmt: skip
        if not config.server_url and not config.local_llm_path:
            raise SetupError("In local_model_cfg, name the model's GGUF file as local_llm_path.")
        if any(number is not None and number < 1 for number in (config.num_slots, config.context_length)):
            raise SetupError("In local_model_cfg, num_slots and context_length must be at least 1.")
        return config


class LlamaServer(LLM):
    """A model behind a llama.cpp server. Replies follow the schema as those of `LlamaCpp` do, by the same grammar."""

    context_tokens: int | None

    def __init__(self, options: ModelOptions) -> None:
        """Starts the server, or asks the running one what it is. Raises SetupError if that does not work."""
        quiet_litellm()  # before anything is started
        self._config = config = LocalConfig.of(options.local)
        temperature = options.temperature if config.temperature is None else config.temperature
        max_tokens = config.maximum_tokens_to_predict or options.max_tokens
        self._options = replace(
            options, temperature=temperature, max_tokens=max_tokens, timeout=REPLY_SECONDS, images=False, cache=None
        )
        self._headers = {"Authorization": f"Bearer {options.api_key}"} if options.api_key else {}
        self._process = None if config.server_url else self._start()
        self._url = self._process.url if self._process else _root(str(config.server_url))
        try:
            self._connect(options.images)
        except BaseException:
            self.close()
            raise

    def complete(self, request: Request) -> Completion:
        """Answers one request. Raises as `LlamaCpp` does, and TransientModelError if the server cannot be reached."""
        try:
            return replace(self._llm.complete(request), cost=0.0, prices="")
        except ValueError as error:
            raise ModelError(f"No reply to this page is valid: {error}") from error

    def count_tokens(self, text: str) -> int:
        """The tokens of a text, by the model's own tokenizer; an estimate while the server cannot be reached."""
        return self._count(text)

    def about(self) -> dict[str, Any]:
        about = self._llm.about()
        sent = {name: value for name, value in about["sent"].items() if value != OPEN and name != "response_format"}
        loaded = {"slots": self._slots, "n_ctx": self.context_tokens, "grammar": "made from each request's schema"}
        layers = self._config.number_of_layers_to_offload_to_gpu
        return {
            **about,
            "provider": "llama.cpp server",
            "server": self._process.version if self._process else self._props.get("build_info", ""),
            "host": "localhost" if self._process else host_of(self._url),
            "file": self._file(),
            "sent": {**self._defaults(), **sent, **loaded, **({} if layers is None else {"n_gpu_layers": layers})},
            "deterministic": self._promise(),
            "context_tokens": self.context_tokens,
        }

    def close(self) -> None:
        """Ends the server, if it was started here."""
        if self._process:
            self._process.close()
            self._process = None

    def _start(self) -> LlamaProcess:
        config, path = self._config, Path(str(self._config.local_llm_path)).expanduser()
        head = metadata(path)
        trained = head.get(f"{head.get('general.architecture')}.context_length", MAX_CONTEXT)
        context = config.context_length or min(trained, MAX_CONTEXT)
        slots = config.num_slots or (1 if self._should_repeat else SLOTS)
        arguments = ["-m", str(path), "--alias", path.stem, "-c", str(context * slots), "-np", str(slots)]
        if config.number_of_layers_to_offload_to_gpu is not None:
            arguments += ["-ngl", str(config.number_of_layers_to_offload_to_gpu)]
        return LlamaProcess(find_program(config.path_to_llama_server), arguments)

    def _connect(self, images: bool) -> None:
        """Learns what the server is, and how to ask it."""
        if not is_ready(self._url):
            raise SetupError(f"No llama.cpp server answers at {host_of(self._url)}, or it is still loading its model.")
        self._props = self._get_props()
        if images and not self._props.get("modalities", {}).get("vision"):
            raise SetupError("This local model takes no pictures. Start the bots without them, or with another model.")
        self._repeats = self._should_repeat and self._slots == 1
        name = Path(self._props.get("model_alias") or self._props.get("model_path") or "model").name
        options = replace(
            self._options, api_base=f"{self._url}/v1", api_key=self._options.api_key or "none", cache=None
        )
        chosen = {"top_p": self._config.top_p, "top_k": self._config.top_k}
        self._llm = LiteLLM(
            f"openai/{name}",
            options,
            modes=("grammar",),
            # What is kept of the prompt before changes the last digits of the results, and so now and then a reply.
            cache_prompt=not self._repeats,
            reasoning_format="none",  # whatever is written is part of the reply
            **{name: value for name, value in chosen.items() if value is not None},
        )
        self._count = lru_cache(maxsize=4096)(self._tokenize)

    @property
    def _should_repeat(self) -> bool:
        return self._options.seeded or self._options.temperature == 0

    def _get_props(self) -> dict[str, Any]:
        try:
            reply = requests.get(f"{self._url}/props", headers=self._headers, timeout=30)
            reply.raise_for_status()
            props = reply.json()
            self._slots, self.context_tokens = int(props["total_slots"]), int(props[SETTINGS]["n_ctx"])
            return dict(props)
        except (requests.RequestException, ValueError, KeyError, TypeError):
            where = host_of(self._url)
            raise SetupError(
                f"What answers at {where} is no llama.cpp server, or too old, or asks for a key."
            ) from None

    def _tokenize(self, text: str) -> int:
        try:
            asked = {"content": text, "add_special": False, "parse_special": False}
            reply = requests.post(f"{self._url}/tokenize", json=asked, headers=self._headers, timeout=30)
            return len(reply.json()["tokens"])
        except (requests.RequestException, ValueError, KeyError, TypeError):
            return self._llm.count_tokens(text)

    def _file(self) -> dict[str, Any]:
        """What is known of the model's file, which may be on another machine."""
        path = Path(self._props.get("model_path") or self._config.local_llm_path or "").expanduser()
        if urlsplit(self._url).hostname in LOOPBACK and path.is_file():
            return facts(path)
        template = self._props.get("chat_template")
        return {"name": path.name, "chat_template_sha256": template_hash(template) if template else ""}

    def _defaults(self) -> dict[str, Any]:
        """The server's own parameters, for requests that do not say otherwise."""
        settings = self._props[SETTINGS]
        return {name: value for name, value in settings.get("params", settings).items() if name not in NOT_SAMPLING}

    def _promise(self) -> str:
        if self._repeats:
            return "yes"
        if self._should_repeat:
            return (
                f"The server has {self._slots} slots: what else is answered at the same time changes the last digits "
                "of the results, and so now and then a reply. With num_slots 1 the same session comes out twice."
            )
        return "No seed was set, and the temperature is not 0, so the replies are drawn anew each time."


def _root(address: str) -> str:
    """The address of a server, as people write it: with or without http:// and /v1."""
    return (address if "://" in address else f"http://{address}").rstrip("/").removesuffix("/v1")
