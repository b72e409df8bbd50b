"""`otree-botex doctor`: checks all that a launch needs, and says how to mend what is missing."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

from . import __version__, environment, health
from .environment import Probe
from .health import Level, Section

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

    def show(self, section: Section) -> None:
        self.head(section.title)
        marks = dict(zip(get_args(Level), self.marks, strict=True))
        for finding in section.findings:
            print(f"  {marks[finding.level]} {finding.text}")
            self.stops += finding.level == "stop"


def doctor(project: Path, server: str | None) -> int:
    """Prints what was found. Returns 1 if something stops the launch of any bot, even of a random one, else 0."""
    report = Report()
    own = environment.probe_this_process()
    report.show(health.server_environment(own))
    settings = _settings(project, own)
    report.show(health.project(settings))
    python = environment.bots_python(project, settings.get("python"))
    bots = environment.probe(python) if python else None
    report.show(health.bots_environment(bots))
    report.show(health.browser(bots or own))
    report.show(health.models(environment.models(settings.get("models", {}), own, bots)))
    keys = ", ".join(own.keys) or "none"
    print(f"    API keys set here: {keys}. (The server has those of the shell that it is started in.)")
    report.show(_server(server))
    mended = f"No bots can be launched before {report.marks[2]} is mended."
    report.head(mended if report.stops else "Bots can be launched.")
    return 1 if report.stops else 0


def _settings(project: Path, own: Probe) -> dict[str, Any]:
    """What settings.py says, as far as this interpreter can read it."""
    if not (project / "settings.py").is_file():
        return {
            "failure": f"there is none in {project.absolute()}. Go to your project's folder, or name it with --project."
        }
    return read_settings(project, sys.executable) if "otree" in own.versions else {}


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


def _server(server: str | None) -> Section:
    """What answers at the address of a server that was named, or at the usual one."""
    section = Section("The running oTree server")
    address = (server or USUAL_SERVER).rstrip("/")
    bad = section.stop if server else section.warn
    version = ping(address)
    if version is None:
        bad(f"None answers at {address}." + (" Is it running?" if server else " Start it, or name it with --server."))
    elif not version:
        bad(f"The server at {address} does not have otree_botex. Put it into an app_sequence and start it again.")
    elif version != __version__:
        section.warn(f"The server at {address} still runs otree_botex {version}. Start it again to have {__version__}.")
    else:
        section.good(f"{address} answers and has otree_botex {version}")
    return section


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
