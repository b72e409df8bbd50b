"""What is played: the facts about an experiment that shape its participants' answers."""

from __future__ import annotations

import hashlib
import json
import platform
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import otree
from otree.models import Participant, Session

from .. import __version__

PASSED_OVER = ("__pycache__", ".git")


def facts(session: Session) -> dict[str, Any]:
    """Config, apps and participants of a session, with hashes of what could change unnoticed."""
    config = json.loads(json.dumps(dict(session.config), default=str))
    apps = list(config.get("app_sequence", []))
    return {
        "config": config,
        "config_sha256": _hash(json.dumps(config, sort_keys=True, ensure_ascii=False).encode()),
        "apps": apps,
        "code_sha256": code_hash(apps),
        "participants": session.num_participants,
        "otree": otree.__version__,
    }


def versions() -> dict[str, str]:
    """Of what runs in the server."""
    return {"otree_botex": __version__, "otree": otree.__version__, "python": platform.python_version()}


def treatment(seat: Participant) -> str:
    """The treatment of a participant, where the experiment tells it: as `participant.treatment`, or in the config."""
    return value(seat, "treatment")


def value(seat: Participant, name: str) -> str:
    """What a participant's field or the session config's has of this name; empty if neither knows it."""
    # not seat.vars: oTree writes a participant anew whose vars were asked for
    known = (seat._vars.get(name), seat.session.config.get(name))
    return next((str(one)[:200] for one in known if one not in (None, "")), "")


def code_hash(apps: list[str]) -> str:
    """The SHA-256 of all files of these apps and of the project's shared folders, by name and content."""
    folders = [(app, _folder(app)) for app in apps] + [(name, Path(name)) for name in ("_templates", "_static")]
    whole = hashlib.sha256()
    for name, folder in folders:
        if folder is None:
            continue
        for path in sorted(folder.rglob("*")):
            if path.is_file() and not set(PASSED_OVER) & set(path.parts):
                whole.update(f"{name}/{path.relative_to(folder).as_posix()}\0{_hash(path.read_bytes())}\n".encode())
    return whole.hexdigest()


def _folder(app: str) -> Path | None:
    """Where an app's files lie: in the project, or where it is installed."""
    if Path(app).is_dir():
        return Path(app)
    spec = find_spec(app)
    return Path(spec.submodule_search_locations[0]) if spec and spec.submodule_search_locations else None


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
