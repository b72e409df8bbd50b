"""The page of settings and health: what can be used on this server, what is missing and how to mend it, and what is
running now. Nothing can be set here, and no secret is shown."""

from __future__ import annotations

import os
import shutil
import sys
import time
from pathlib import Path
from typing import Any

from otree import settings as otree_settings
from otree.database import db
from otree.session import SESSION_CONFIGS_DICT
from otree.views.cbv import AdminView
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from .. import environment, health, project_files
from ..errors import SetupError
from ..health import Section
from ..models import Bot, Launch
from ..paid import host_of, is_loopback
from ..record.rows import models_of
from ..records import ENDED
from . import choices, guard, hook, prices, runners
from .escaping import escaped
from .settings import bot_settings

GIGABYTE = 1e9
LITTLE_SPACE = 1.0
MARKS = {"good": "✓", "warn": "–", "stop": "✗"}


class LLMBotsSettings(AdminView):
    """GET: what is known now; what takes long is looked for meanwhile. POST: looks for it again."""

    def get_template_name(self) -> str:
        return "otree_botex/LLMBotsSettings.html"

    def vars_for_template(self) -> dict[str, Any]:
        choices.look_for_models()
        found, looking = choices.found()
        sections = [_server(), _files(), health.project(_project())]
        if found.server:
            player = found.bots or found.server
            sections += [health.server_environment(found.server), health.bots_environment(found.bots)]
            sections += [health.browser(player), health.models(found.models)]
        values = {
            "looking": looking,
            "looked_at": _when(found.at) if found.at else "",
            "stopped": any(finding.level == "stop" for section in sections for finding in section.findings),
            "sections": [_shown(section) for section in sections],
            "models": _models(),
            "python": _python(),
            "keys": environment.keys_here(),
            "known_keys": ", ".join(dict.fromkeys(k for keys in environment.PROVIDER_KEYS.values() for k in keys)),
            "runners": _runners(),
        }
        return escaped(values)

    def post(self, request: Request) -> Response:
        choices.look_for_models(again=True)
        prices.forget()
        return RedirectResponse("/LLMBotsSettings", status_code=302)


def _server() -> Section:
    """Where this server listens, and who may open its admin."""
    section = Section("This server")
    host, level = guard.listens_on(sys.argv), otree_settings.AUTH_LEVEL
    section.good(f"It listens on {hook.server_url()}, where bots reach it.")
    if level:
        section.good(f"OTREE_AUTH_LEVEL is {level}: the admin asks for a password.")
    elif is_loopback(host):
        section.good("OTREE_AUTH_LEVEL is not set: the admin is open, but only this machine can reach the server.")
    else:
        section.warn(
            "OTREE_AUTH_LEVEL is not set, and other machines may reach the server: whoever does can start bots and "
            "change personas and prompts. Set OTREE_AUTH_LEVEL=STUDY and a password."
        )
    section.good("It runs for development." if otree_settings.DEBUG else "It runs for production.")
    return section


def _files() -> Section:
    """Where this package writes, and whether there is room."""
    section = Section("Files")
    project = Path.cwd()
    own, kept = project / environment.FOLDER, project / project_files.FOLDER
    section.good(f"Logs of runners: {own / 'logs'}")
    section.good(f"Journals, until the server has taken them: {own / 'journal'}")
    left = _left_behind(own / "journal")
    if left:
        some = f"{', '.join(left[:5])}{' …' if left[5:] else ''}"
        section.warn(
            f"{len(left)} journals were left by runners that are gone: {some}. What the server lacks of them is "
            "delivered when these bots are started again."
        )
    for folder, needs in ((own, section.stop), (kept, section.warn)):
        if not os.access(folder if folder.exists() else project, os.W_OK):
            needs(f"{folder} cannot be written by this server. Change its permissions, or do this in your own copy.")
    free = shutil.disk_usage(project).free / GIGABYTE
    (section.good if free > LITTLE_SPACE else section.warn)(f"{free:.1f} GB are free on the disk of the project.")
    return section


def _left_behind(folder: Path) -> list[str]:
    """The journal files whose runner is gone. One that is alive deletes its own when all of its bots have ended."""
    if not folder.is_dir():
        return []
    alive = {(bot.launch_id, bot.row) for bot in _playing()}
    bots = db.query(Bot.id, Bot.launch_id, Bot.row).filter(Bot.launch_id.in_([launch for launch, _ in alive]))
    used = {str(number) for number, *runner in bots if tuple(runner) in alive}
    return sorted(path.name for path in folder.glob("*.jsonl") if used.isdisjoint(path.stem.split("-")))


def _project() -> dict[str, Any]:
    """What the server knows of settings.py, as `doctor` reads it."""
    configs = {name: "otree_botex" in config["app_sequence"] for name, config in SESSION_CONFIGS_DICT.items()}
    try:
        return {"configs": configs, "models": bot_settings().models}
    except SetupError as error:
        return {"configs": configs, "problem": str(error)}


def _models() -> list[dict[str, str]]:
    """The models of LLM_BOTS, each with the host that it is asked at. All else of an address may be secret."""
    try:
        named = bot_settings().models
    except SetupError:
        return []
    return [{"name": name, "host": host_of(address) if address else ""} for name, address in named.items()]


def _python() -> str:
    """What names the bots' interpreter, if something does."""
    if os.environ.get("OTREE_BOTEX_PYTHON"):
        return f"OTREE_BOTEX_PYTHON: {os.environ['OTREE_BOTEX_PYTHON']}"
    try:
        named = bot_settings().python
    except SetupError:
        return ""
    return f"LLM_BOTS['python']: {named}" if named else ""


def _runners() -> list[dict[str, Any]]:
    """The processes that play bots now: first those that this server started, then those that it found playing."""
    bots = {bot.id: bot for bot in _playing()}
    shown = []
    for runner in runners.running():
        of_runner = [bots.pop(bot) for bot in runner.bots if bot in bots]
        if of_runner:
            shown.append({**_launch(of_runner[0].launch_id), "pid": runner.pid, "since": _when(runner.since)})
            shown[-1]["bots"] = len(of_runner)
    for launch in dict.fromkeys(bot.launch_id for bot in bots.values()):
        count = sum(bot.launch_id == launch for bot in bots.values())
        shown.append({**_launch(launch), "pid": "", "since": "", "bots": count})
    return shown


def _playing() -> list[Bot]:
    """The bots that have not ended, and whose runner is alive."""
    return [bot for bot in db.query(Bot).filter(Bot.state.notin_(ENDED)) if runners.is_running(bot)]


def _launch(number: int) -> dict[str, Any]:
    launch = db.query(Launch).filter_by(id=number).one()
    return {"launch": launch.code, "session": launch.session_code, "models": models_of(launch)}


def _shown(section: Section) -> dict[str, Any]:
    findings = [{"level": one.level, "mark": MARKS[one.level], "text": one.text} for one in section.findings]
    return {"title": section.title, "findings": findings}


def _when(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))


routes = [Route("/LLMBotsSettings", LLMBotsSettings, name="LLMBotsSettings")]
