"""The page of one launch: its manifest to be read, and its files to be taken along."""

from __future__ import annotations

import json
from typing import Any

from otree.database import db
from otree.views.cbv import AdminSessionPage
from starlette.responses import Response

from ..models import Bot, Launch, Step
from ..record import archive, manifests, methods
from ..record.rows import models_of
from . import launches, own
from .escaping import escaped
from .pretest.views import pretest_html
from .transcript import place


class LLMBotsLaunch(AdminSessionPage):
    """Everything that shaped a launch's answers, and what became of its seats."""

    def get_template_name(self) -> str:
        return "otree_botex/LLMBotsLaunch.html"

    def vars_for_template(self) -> dict[str, Any]:
        launch = _launch(self)
        manifest = launches.manifest(launch)
        groups, sections = manifest.pop("attrition"), _sections(manifest)
        fates = [fate for fate in manifests.FATES if any(fate in group["fates"] for group in groups)]
        values = {
            "launch": manifest["launch"],
            "model": models_of(launch),
            "groups": [{**group, "numbers": [group["fates"].get(fate, 0) for fate in fates]} for group in groups],
            "fates": fates,
            "prompts": [{"name": name, "text": text} for name, text in manifest.pop("prompts").items()],
            "failed": [seat for seat in manifest.pop("seats") if seat["error"]],
            "untouched": _untouched(launch),
            "sections": sections,
        }
        return escaped(values)


class LLMBotsLaunchFile(AdminSessionPage):
    """A launch's manifest as JSON, its report as Markdown or LaTeX, or all of its record as a zip file."""

    def get(self, request: Any, code: str, **_: Any) -> Response:
        launch = _launch(self)
        manifest, name = launches.manifest(launch), request.path_params["file"]
        if name == "manifest.json":
            content, kind = json.dumps(manifest, indent=2, ensure_ascii=False).encode(), "application/json"
        elif name == "report.md":
            content, kind = methods.markdown(manifest).encode(), "text/markdown; charset=utf-8"
        elif name == "report.tex":
            content, kind = methods.latex(manifest).encode(), "application/x-tex; charset=utf-8"
        elif name == "archive.zip":
            more = {"pretest.html": pretest_html(self.session, launch)}
            content, kind = archive.zipped(own.record(), launch, manifest, launches.state, more), "application/zip"
        else:
            return Response("There is no such file.", status_code=404)
        headers = {"Content-Disposition": f'attachment; filename="launch_{launch.code}_{name}"'}
        return Response(content, media_type=kind, headers=headers)


def _launch(page: AdminSessionPage) -> Launch:
    return db.get_or_404(Launch, code=page.request.path_params["launch"], session_id=page.session.id)


def _untouched(launch: Launch) -> list[dict[str, Any]]:
    """The steps of a launch in which bots left a page without touching any of its controls."""
    steps = db.query(Bot.number, Bot.id, Step).filter(Bot.launch_id == launch.id, Step.bot_id == Bot.id)
    found = steps.filter(Step.untouched.is_(True)).order_by(Bot.number, Step.number)
    return [{"seat": seat, "bot": bot, "step": step.number, "place": place(step)} for seat, bot, step in found]


ELSEWHERE = ("rows", "seats", "attrition", "prompts", "personas")
"""What of a manifest is not shown as one of its tables."""


def _sections(manifest: dict[str, Any]) -> list[dict[str, Any]]:
    """A manifest as tables: what stands on its own first, then each of its parts, those of the mix row by row."""
    shown = {name: value for name, value in manifest.items() if name not in ELSEWHERE}
    sections = _tables("launch", shown)
    for row in manifest["rows"]:
        mix = f"row {row['row']}: " if len(manifest["rows"]) > 1 else ""
        own = _tables("seats", {name: value for name, value in row.items() if name != "totals" or mix})
        sections += [{**section, "title": f"{mix}{section['title']}"} for section in own]
    return sections


def _tables(name: str, values: dict[str, Any]) -> list[dict[str, Any]]:
    """A table of the values that stand on their own, and one for each that has parts."""
    plain = {key: value for key, value in values.items() if not isinstance(value, dict)}
    parts = {name: plain, **{key: value for key, value in values.items() if isinstance(value, dict)}}
    return [
        {
            "title": title.replace("_", " "),
            "rows": [{"name": key, "value": _said(value)} for key, value in part.items()],
        }
        for title, part in parts.items()
        if part
    ]


def _said(value: Any) -> str:
    if value is None or value == "":
        return "–"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
