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
from otree_botex.environment import Probe, bots_python, has_playwright, models, probe
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
    assert found.chromium == "" and found.no_browser.startswith(
        f"Playwright is not installed for {bare}. Run “otree-botex"
    )


@pytest.mark.browser
def test_the_browser_is_found_with_its_version(chromium):
    found = environment.probe_this_process()
    assert Path(found.chromium).is_file() and found.chromium_version == chromium.version
    assert found.versions["playwright"] and found.no_browser == ""


@pytest.mark.skipif(os.name == "nt", reason="the browser here is a shell script")
def test_a_browser_that_does_not_start_is_told_of(tmp_path, monkeypatch):
    pytest.importorskip("playwright")
    broken = tmp_path / "chromium"
    broken.write_text("#!/bin/sh\necho no libnss3.so >&2\nexit 127\n")
    broken.chmod(0o755)
    monkeypatch.setenv("OTREE_BOTEX_CHROMIUM", str(broken))
    found = environment.probe_this_process()
    assert found.chromium == "" and found.no_browser.startswith(f"{broken} does not start: no libnss3.so. Install")
    assert found.errors == []  # other pages can be played


def test_whether_an_interpreter_has_playwright_is_told_at_once(bare, tmp_path, monkeypatch):
    pytest.importorskip("playwright")
    assert has_playwright(Path(sys.executable))
    assert not has_playwright(bare)
    assert not has_playwright(tmp_path / "none")


@pytest.mark.skipif(os.name == "nt", reason="the interpreter here is a shell script")
def test_an_interpreter_that_hangs_is_not_waited_for(tmp_path, monkeypatch):
    monkeypatch.setattr(environment, "QUICK_SECONDS", 0.2)
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\nexec sleep 60\n")
    python.chmod(0o755)
    assert not has_playwright(python)


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
    if script == "sleep 60":
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


def test_random_bots_play_with_the_bots_environment_where_that_has_playwright():
    able = Probe("/bots/python", "3.11.7", {"playwright": "1.65.2"})
    players = [models({}, SERVER, bots)[0].python for bots in (None, BOTS, able)]
    assert players == ["/server/python", "/server/python", "/bots/python"]


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


@pytest.mark.server
def test_random_bots_and_replays_run_where_a_browser_can_be_opened(start_server, bare):
    """The libraries on record tell with which interpreter a runner ran: oTree's environment has no Playwright."""
    pytest.importorskip("playwright")
    pytest.importorskip("litellm")
    with_it = start_server(environment={"OTREE_BOTEX_PYTHON": sys.executable})
    session = with_it.play("survey", 1)
    replayed = with_it.bots(session)[0]["launch"]
    without = start_server(environment={"OTREE_BOTEX_PYTHON": str(bare)})
    played = [(with_it, session), (with_it, with_it.play("survey", 1, f"replay:{replayed}"))]
    played += [(without, without.play("survey", 1))]
    launches = [(server, server.bots(session)[0]["launch"]) for server, session in played]
    told = [server.get(f"/api/llm_bots/launch/{launch}/manifest") for server, launch in launches]
    assert ["litellm" in manifest["versions"]["runners"][0] for manifest in told] == [True, True, False]
