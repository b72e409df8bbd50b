"""The page of one launch: its manifest to be read, and its files to be taken along."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import closing
from tempfile import TemporaryFile
from typing import Any

from otree.database import DBSession, db
from otree.middleware import lock2
from otree.views.cbv import AdminSessionPage
from starlette.responses import Response, StreamingResponse

from ..models import Bot, Launch, Step
from ..record import archive, manifests, methods
from ..record.rows import models_of
from . import launches, own
from .escaping import escaped
from .pretest.views import pretest_html
from .transcript import place

logger = logging.getLogger("otree_botex")

PIECE = 1 << 20
"""Bytes of the archive that are handed over at once."""


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
        headers = {"Content-Disposition": f'attachment; filename="launch_{launch.code}_{name}"'}
        if name == "manifest.json":
            content, kind = json.dumps(manifest, indent=2, ensure_ascii=False).encode(), "application/json"
        elif name == "report.md":
            content, kind = methods.markdown(manifest).encode(), "text/markdown; charset=utf-8"
        elif name == "report.tex":
            content, kind = methods.latex(manifest).encode(), "application/x-tex; charset=utf-8"
        elif name == "archive.zip":
            pieces = _archive(launch.code, manifest, _pretest(launch))
            return StreamingResponse(pieces, media_type="application/zip", headers=headers)
        else:
            return Response("There is no such file.", status_code=404)
        return Response(content, media_type=kind, headers=headers)


def _launch(page: AdminSessionPage) -> Launch:
    return db.get_or_404(Launch, code=page.request.path_params["launch"], session_id=page.session.id)


async def _archive(code: str, manifest: dict[str, Any], more: Mapping[str, str]) -> AsyncIterator[bytes]:
    """The archive of a launch. It is made while oTree answers others: each part of it takes oTree's lock, as a request
    does, and after it others have as much time as it took."""
    with TemporaryFile() as file, closing(DBSession()) as session:
        parts = archive.write(file, own.record(session), code, manifest, launches.state, more)
        is_whole = False
        while not is_whole:
            async with lock2:
                began = time.monotonic()
                is_whole = next(parts, None) is None
                session.commit()
            await asyncio.sleep(time.monotonic() - began)
        file.seek(0)
        while piece := file.read(PIECE):
            yield piece


def _pretest(launch: Launch) -> dict[str, str]:
    """The report for the archive. The archive is worth more than it: if it cannot be made, a file says why."""
    try:
        return {"pretest.html": pretest_html(launch.session, launch)}
    except Exception as error:
        logger.exception("The pre-test report of launch %s could not be made.", launch.code)
        return {"pretest.txt": f"The pre-test report could not be made: {type(error).__name__}: {error}\n"}


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
