"""The bots' interpreter, what it can do, and the models that can be used."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

import otree_botex
from otree_botex import environment
from otree_botex.environment import Probe, bots_python, models, probe
from otree_botex.setup_command import own_requirements

MAIN = str(Path(otree_botex.__file__).with_name("__main__.py"))
SERVER = Probe("/server/python", "3.11.7", {"otree": "6.0.15"})
BOTS = Probe("/bots/python", "3.11.7", {"litellm": "1.106.2"}, True, "/x.gguf", keys=["GOOGLE_API_KEY"])


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """An interpreter with nothing installed."""
    venv.create(tmp_path / "bare", with_pip=False, symlinks=os.name != "nt")
    return environment.venv_python(tmp_path / "bare")


def test_the_interpreter_is_named_in_the_environment_or_the_settings_or_made_by_setup(tmp_path, monkeypatch):
    assert bots_python(tmp_path, None) is None
    made = environment.venv_python(tmp_path / ".otree_botex" / "venv")
    made.parent.mkdir(parents=True)
    made.touch()
    assert bots_python(tmp_path, None) == made
    assert bots_python(tmp_path, "other/python") == tmp_path / "other" / "python"
    assert bots_python(tmp_path, ".otree_botex/venv") == made
    monkeypatch.setenv("OTREE_BOTEX_PYTHON", "/usr/bin/python")
    assert bots_python(tmp_path, "other/python") == Path("/usr/bin/python")


@pytest.mark.parametrize("way", [["-m", "otree_botex"], [MAIN], ["-I", MAIN]])
def test_the_command_line_starts_as_a_module_and_by_path(way, tmp_path):
    done = subprocess.run(
        [sys.executable, *way, "--version"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(MAIN).parents[1])},
    )
    assert done.stdout.strip() == otree_botex.__version__, done.stderr


def test_an_interpreter_without_the_package_runs_it_and_nothing_else_of_ours(bare):
    found = probe(bare)
    assert found.executable == str(bare)
    assert found.python == ".".join(map(str, sys.version_info[:3]))
    assert found.versions == {} and not found.llama_cpp and found.smollm2 is None
    assert found.errors[0] == "The library requests is missing."


def test_our_own_interpreter_has_what_the_package_requires():
    found = environment.probe_this_process()
    assert found.errors == []
    assert set(environment.NEEDED) <= set(found.versions)
    assert {name.split("<")[0].split(">")[0] for name in own_requirements()} == set(environment.NEEDED)


def test_keys_are_told_by_name_only(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    found = probe(Path(sys.executable))
    assert "OPENAI_API_KEY" in found.keys
    assert "sk-secret" not in repr(found)


@pytest.mark.parametrize(
    "script, said",
    [
        (None, "cannot be started: No such file"),
        ("echo not json", "cannot play bots: not json"),
        ("echo broken >&2; exit 3", "cannot play bots: broken"),
        ("exit 3", "cannot play bots: it ended with code 3"),
        ("sleep 60", "did not answer for"),
    ],
)
@pytest.mark.skipif(os.name == "nt", reason="the interpreters here are shell scripts")
def test_what_is_wrong_with_an_interpreter_is_told(script, said, tmp_path, monkeypatch):
    monkeypatch.setattr(environment, "PROBE_SECONDS", 2)
    python = tmp_path / "python"
    if script is not None:
        python.write_text(f"#!/bin/sh\n{script}\n")
        python.chmod(0o755)
    (error,) = probe(python).errors
    assert str(python) in error and said in error


def test_models_without_a_bots_environment():
    choices = models({"openai/gpt-4.1-mini": None, "random": None}, SERVER, None)
    assert [(choice.name, choice.usable, choice.python) for choice in choices] == [
        ("random", True, "/server/python"),
        ("smollm2", False, ""),
        ("openai/gpt-4.1-mini", False, ""),
    ]
    assert choices[1].reason == "Run `otree-botex setup --local` in the project folder."
    assert choices[2].reason == "Run `otree-botex setup` in the project folder."


@pytest.mark.parametrize(
    "name, reason",
    [
        ("smollm2", ""),
        ("gemini/gemini-2.5-flash", ""),  # either of its two keys will do
        ("ollama/llama3", ""),
        ("hosted_vllm/x", ""),
        ("some_new_provider/x", ""),
        ("openai/gpt-4.1-mini", "Set OPENAI_API_KEY in the environment the server is started in."),
        ("gpt-4.1-mini", "Set OPENAI_API_KEY in the environment the server is started in."),
        ("claude-sonnet-4-5", "Set ANTHROPIC_API_KEY in the environment the server is started in."),
        ("openrouter/openai/gpt-4.1", "Set OPENROUTER_API_KEY in the environment the server is started in."),
        ("llama.cpp:/no/such.gguf", "There is no model file /no/such.gguf."),
        ("llama.cpp:" + __file__, f"{__file__} is not a GGUF model file."),
    ],
)
def test_models_with_a_bots_environment(name, reason):
    choice = models({name: None}, SERVER, BOTS)[-1]
    assert (choice.name, choice.usable, choice.reason) == (name, not reason, reason)
    assert choice.python == ("" if reason else "/bots/python")


def test_a_bots_interpreter_that_is_named_but_lacks_libraries_is_told_of():
    broken = Probe("/opt/python", errors=["The interpreter /opt/python cannot be started: No such file."])
    reason = models({}, SERVER, broken)[1].reason
    assert reason.startswith("The interpreter /opt/python cannot be started")
    assert "for /opt/python, which OTREE_BOTEX_PYTHON or LLM_BOTS['python'] names; or name none and run" in reason


def test_libraries_beside_otree_are_used_where_the_bots_have_no_environment():
    both = Probe("/server/python", "3.11.7", {"otree": "6.0.15", "litellm": "1.106.2"}, keys=["OPENAI_API_KEY"])
    assert models({"openai/x": None}, both, None)[-1].python == "/server/python"
