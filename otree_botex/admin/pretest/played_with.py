"""What a launch was played with, from its manifest, as much of it as a reader of the report wants to know."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from ...parameters import Parameters
from ...words import count
from .words import seats

USUAL = asdict(Parameters(""))
HASH = 12
"""So many digits of a hash tell two apart."""


def of_launch(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Each row of the mix with its model and what is not as usual about it; prompts, seeds, experiment, versions."""
    experiment, server = manifest["experiment"], manifest["versions"]["server"]
    config = experiment["config"].get("name", "")
    prompts = manifest["prompt_set"] or "the usual ones"
    return {
        "code": manifest["launch"],
        "started": manifest["started_utc"][:19].replace("T", " "),
        "by": manifest["started_by"],
        "pretest": manifest["pretest"],
        "rows": [_row(row) for row in manifest["rows"]],
        "facts": [
            {"name": name, "value": value}
            for name, value in {
                "Prompts": f"{prompts}, SHA-256 {_hash(manifest['prompts_sha256'])}",
                "Seeds": _seeds(manifest["seats"]),
                "Session config": f"{config}, SHA-256 {_hash(experiment['config_sha256'])}",
                "Code of the apps": f"{', '.join(experiment['apps'])}, SHA-256 {_hash(experiment['code_sha256'])}",
                "Versions": _versions([server, *manifest["versions"]["runners"]]),
                "People beside the bots": str(experiment["humans"]),
            }.items()
        ],
    }


def _row(row: Mapping[str, Any]) -> dict[str, Any]:
    model = row["model"]
    given = row["parameters"]
    unusual = {name: value for name, value in given.items() if name not in ("seed", "model") and _differs(name, value)}
    return {
        "model": model["asked"],
        "answered": ", ".join(
            one["model"] for one in model["answered"] if one["model"] and one["model"] != model["asked"]
        ),
        "bots": count(len(row["seats"]), "bot"),
        "seats": seats(row["seats"]),
        "personas": row["persona_set"],
        "settings": ", ".join(f"{name}: {_said(value)}" for name, value in unusual.items()),
    }


def _differs(name: str, value: Any) -> bool:
    usual = USUAL.get(name)
    return bool(value != usual and (value or usual))


def _seeds(of: Sequence[Mapping[str, Any]]) -> str:
    seeds = sorted({seat["seed"] for seat in of if seat["seed"] is not None})
    if len(seeds) > 3:
        return f"{len(seeds)} different ones, a seat each"
    return ", ".join(map(str, seeds)) or "none"


def _versions(of: Sequence[Mapping[str, str]]) -> str:
    """Of server and runners, each once."""
    return ", ".join(dict.fromkeys(f"{name} {version}" for some in of for name, version in some.items() if version))


def _hash(digest: str | None) -> str:
    return f"{digest[:HASH]}…" if digest else "not known"


def _said(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
