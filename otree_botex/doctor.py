"""`otree-botex doctor`: checks all that a launch needs, and says how to mend what is missing."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from . import __version__, environment
from .environment import Probe

USUAL_SERVER = "http://127.0.0.1:8000"
SETTINGS_SECONDS = 60

READ_SETTINGS = """
import json, sys
sys.path.insert(0, "")
import settings
configs = getattr(settings, "SESSION_CONFIGS", [])
found = {"configs": {c.get("name", "?"): "otree_botex" in c.get("app_sequence", []) for c in configs}}
from otree_botex.admin.settings import bot_settings
from otree_botex.errors import BotexError
try:
    bots = bot_settings()
    found.update(models=bots.models, python=bots.python)
except BotexError as error:
    found["problem"] = str(error)
print("\\n" + json.dumps(found))
"""
"""Run in the project's folder, with the server's interpreter, apart from this process: settings.py may do anything."""


@dataclass
class Report:
    """Prints the findings, and counts those that stop every launch."""

    stops: int = 0
    marks: tuple[str, str, str] = field(default_factory=lambda: _marks(sys.stdout.encoding))

    def head(self, text: str) -> None:
        print(f"\n{text}")

    def good(self, text: str) -> None:
        print(f"  {self.marks[0]} {text}")

    def warn(self, text: str) -> None:
        """Something does not work, but bots can be launched without it."""
        print(f"  {self.marks[1]} {text}")

    def stop(self, text: str) -> None:
        """No bot can be launched, whatever its model."""
        self.stops += 1
        print(f"  {self.marks[2]} {text}")


def doctor(project: Path, server: str | None) -> int:
    """Prints what was found. Returns 1 if something stops the launch of any bot, even of a random one, else 0."""
    report = Report()
    own = environment.probe_this_process()
    _check_own(report, own)
    settings = _check_project(report, project, own)
    bots = _check_bots(report, project, settings.get("python"))
    _check_browser(report, bots or own)
    _check_models(report, settings.get("models", {}), own, bots)
    _check_server(report, server)
    mended = f"No bots can be launched before {report.marks[2]} is mended."
    report.head(mended if report.stops else "Bots can be launched.")
    return 1 if report.stops else 0


def _check_own(report: Report, own: Probe) -> None:
    report.head("The oTree server's environment")
    report.good(f"Python {own.python or sys.version.split()[0]}: {own.executable}")
    if "otree" in own.versions:
        report.good(f"oTree {own.versions['otree']}")
    else:
        report.stop("oTree is not installed here. Run this with the Python that runs your oTree server.")
    report.good(f"otree-botex {__version__}")
    for error in own.errors:
        report.stop(f"{error} Run: pip install otree-botex")


def _check_project(report: Report, project: Path, own: Probe) -> dict[str, Any]:
    report.head("The project's settings.py")
    if not (project / "settings.py").is_file():
        report.stop(f"There is none in {project.absolute()}. Go to your project's folder, or name it with --project.")
        return {}
    settings = read_settings(project, sys.executable) if "otree" in own.versions else {}
    if "failure" in settings:
        report.stop(f"It cannot be read: {settings['failure']}")
        return {}
    configs = settings.get("configs", {})
    if any(configs.values()):
        report.good(f"otree_botex is in the app_sequence of {sum(configs.values())} of {len(configs)} session configs")
    elif settings:
        report.stop("otree_botex is in no app_sequence. Put 'otree_botex' first in those of SESSION_CONFIGS.")
    if "problem" in settings:
        report.stop(settings["problem"])
    elif settings:
        report.good(f"LLM_BOTS names {len(settings['models'])} models: {', '.join(settings['models']) or 'none'}")
    return settings


def read_settings(project: Path, python: str) -> dict[str, Any]:
    """`configs` (whether each session config has otree_botex), `models` (by name, with their addresses) and `python` of
    LLM_BOTS, or the `problem` with it; only `failure` if settings.py cannot be read."""
    try:
        done = subprocess.run(
            [python, "-c", READ_SETTINGS], cwd=project, capture_output=True, encoding="utf-8", timeout=SETTINGS_SECONDS
        )
        return dict(json.loads(done.stdout.splitlines()[-1]))
    except subprocess.TimeoutExpired:
        return {"failure": f"it did not end within {SETTINGS_SECONDS} seconds."}
    except (ValueError, IndexError):
        return {"failure": (done.stderr.strip() or f"it ended Python with code {done.returncode}").splitlines()[-1]}


def _check_bots(report: Report, project: Path, setting: str | None) -> Probe | None:
    report.head("The bots' environment")
    python = environment.bots_python(project, setting)
    if python is None:
        report.warn("There is none yet, so only random bots can play. Run `otree-botex setup` in the project folder.")
        return None
    bots = environment.probe(python)
    for error in bots.errors:
        report.warn(error)
    if bots.python:
        report.good(f"Python {bots.python}: {bots.executable}")
        report.good(", ".join(f"{name} {version}" for name, version in bots.versions.items()) or "no libraries")
    return bots


def _check_browser(report: Report, player: Probe) -> None:
    """For pages that live by their scripts, with the interpreter that random bots are played with as well."""
    report.head("A browser, for pages that need one")
    if player.chromium:
        report.good(f"Chromium {player.chromium_version}: {player.chromium}")
    else:
        report.warn(player.no_browser or "Not before the bots' interpreter is mended.")


def _check_models(report: Report, named: dict[str, str | None], own: Probe, bots: Probe | None) -> None:
    report.head("Models")
    for choice in environment.models(named, own, bots):
        if choice.usable:
            report.good(choice.name)
        else:
            report.warn(f"{choice.name}: {choice.reason}")
    keys = ", ".join(own.keys) or "none"
    print(f"    API keys set here: {keys}. (The server has those of the shell that it is started in.)")


def _check_server(report: Report, server: str | None) -> None:
    report.head("The running oTree server")
    address = (server or USUAL_SERVER).rstrip("/")
    bad = report.stop if server else report.warn
    version = ping(address)
    if version is None:
        bad(f"None answers at {address}." + (" Is it running?" if server else " Start it, or name it with --server."))
    elif not version:
        bad(f"The server at {address} does not have otree_botex. Put it into an app_sequence and start it again.")
    elif version != __version__:
        report.warn(f"The server at {address} still runs otree_botex {version}. Start it again to have {__version__}.")
    else:
        report.good(f"{address} answers and has otree_botex {version}")


def ping(address: str) -> str | None:
    """The version of otree_botex in a server, "" if it does not have it, None if no server answers there."""
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    opener = direct if "://127." in address or "://localhost" in address else urllib.request.build_opener()
    try:
        with opener.open(f"{address}/otree_botex/ping", timeout=10) as response:
            return str(json.load(response)["otree_botex"])
    except urllib.error.HTTPError:
        return ""
    except (OSError, ValueError) as error:  # ValueError: what answered is no JSON, or this is no address
        return "" if isinstance(error, json.JSONDecodeError) else None
    except (KeyError, TypeError):
        return ""


def _marks(encoding: str | None) -> tuple[str, str, str]:
    try:
        "✓✗".encode(encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return "ok  ", "--  ", "STOP"
    return "✓", "–", "✗"
