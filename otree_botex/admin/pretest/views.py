"""The pre-test report as a page of the admin, as one HTML file that needs nothing else, and as tables."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from otree.database import db
from otree.models import Session
from otree.templating.loader import ibis_loader
from otree.views.cbv import AdminSessionPage
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ...models import Launch
from ...record.exports import write_csv
from ..escaping import escaped
from . import tables
from .data import report
from .lookup import gathered
from .told import told

STYLE = Path(__file__).parents[2] / "static" / "otree_botex" / "report.css"


def pretest_report(session: Session, launch: Launch | None = None) -> dict[str, Any]:
    """The report of a launch, or without one of the latest bot on each seat of the session, as plain values."""
    return report(gathered(session, launch))


def pretest_html(session: Session, launch: Launch | None = None) -> str:
    """The same as one HTML document that needs no server, no script and no other file."""
    style = STYLE.read_text("utf-8")
    values = escaped({"report": told(pretest_report(session, launch)), "links": False})
    template = ibis_loader.load("otree_botex/LLMBotsReportFile.html")
    return str(template.render({**values, "style": style}, strict_mode=True))


class LLMBotsReport(AdminSessionPage):
    """What bots found out about an experiment; `?launch=CODE` takes those of one launch."""

    def get_template_name(self) -> str:
        return "otree_botex/LLMBotsReport.html"

    def vars_for_template(self) -> dict[str, Any]:
        known = db.query(Launch).filter_by(session_id=self.session.id).order_by(Launch.id)
        chosen = _chosen(self)
        values = {
            "report": told(pretest_report(self.session, chosen)),
            "links": True,
            "known": [{"code": one.code, "by": one.started_by, "pretest": bool(one.is_pretest)} for one in known],
            "query": f"?launch={chosen.code}" if chosen else "",
        }
        return escaped(values)


class LLMBotsReportFile(AdminSessionPage):
    """The report as one HTML file, its pages or its remarks as CSV."""

    def get(self, request: Request, code: str, **_: Any) -> Response:
        name, chosen = request.path_params["file"], _chosen(self)
        if name == "report.html":
            content, kind = pretest_html(self.session, chosen), "text/html"
        elif name in ("pages.csv", "remarks.csv"):
            rows = tables.pages if name == "pages.csv" else tables.remarks
            buffer = io.StringIO()
            write_csv(buffer, rows(pretest_report(self.session, chosen)))
            content, kind = buffer.getvalue(), "text/csv"
        else:
            return Response("There is no such file.", status_code=404)
        of = f"{code}_{chosen.code}" if chosen else code
        headers = {"Content-Disposition": f'attachment; filename="pretest_{of}_{name}"'}
        return Response(content, media_type=f"{kind}; charset=utf-8", headers=headers)


def _chosen(page: AdminSessionPage) -> Launch | None:
    """The launch that the address names; None if it names none."""
    code = page.request.query_params.get("launch")
    return db.get_or_404(Launch, code=code, session_id=page.session.id) if code else None


routes = [
    Route("/LLMBots/{code}/report", LLMBotsReport, name="LLMBotsReport"),
    Route("/LLMBots/{code}/report/{file}", LLMBotsReportFile, name="LLMBotsReportFile"),
]
