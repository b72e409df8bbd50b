"""The plots of a session: how its bots answered, how people did, how fast the bots were, and what they took."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, cast

from otree.database import db
from otree.models import Session
from otree.views.cbv import AdminSessionPage
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ...errors import SetupError
from ...record.exports import write_csv
from ..escaping import escaped
from . import answers as of_answers
from . import fields as of_fields
from . import rows as of_rows
from . import spent as of_spending
from .charts import By, Chart, Row, stacked, summaries

BY = {"none": "all together", "model": "model", "persona": "persona", "treatment": "treatment", "round": "round"}
TITLES = {
    "answers": "Answers of bots",
    "comparison": "Bots and people",
    "progress": "Progress over time",
    "spending": "Tokens and cost",
}
ABOUT = {
    "answers": "How bots answered. Percent are of all answers of a group, n is how many these are. Rounds are taken "
    "together unless they are the groups.",
    "comparison": "How bots and people answered, rounds taken together. Percent are of all answers of a group, n is "
    "how many these are. Differences are bots less people: of means, and of shares in percentage points.",
    "progress": "How many pages bots had left so long after their launch; n is how many bots a group has.",
    "spending": "What each page took of the models, in the order of the page sequence; n is how many bots a group has.",
}
NOTHING = {
    "answers": "No bot has answered a question of this session yet.",
    "comparison": "Neither bots nor people have answered a question yet.",
    "progress": "No bot has left a page of this session yet.",
    "spending": "No bot of this session has asked its model yet.",
}
NO_FIELDS = (
    "No page of this experiment asks for a field that could be drawn (form_fields: choices, numbers). What bots decide "
    "on live pages stands in their transcripts, and what it came to in oTree's data."
)
IN_SCRIPTS = {ord(char): f"\\u{ord(char):04x}" for char in "<>&"}
"""What JSON must not have as it is where it stands in a page."""


@dataclass(frozen=True)
class View:
    """What somebody asked to see of a session: which plots, how bots are grouped, and the session of the people."""

    session: Session
    show: str
    by: By
    people: Session

    @property
    def is_of_answers(self) -> bool:
        return self.show in ("answers", "comparison")

    @property
    def measures(self) -> tuple[str, str]:
        return of_answers.MEASURES if self.is_of_answers else of_spending.MEASURES


class LLMBotsPlots(AdminSessionPage):
    """GET shows the plots named by `show`, grouped as `by` says, with the people of the session `people`."""

    def get_template_name(self) -> str:
        return "otree_botex/LLMBotsPlots.html"

    def vars_for_template(self) -> dict[str, Any]:
        try:
            view, error = _view(self, self.request.query_params.get("show") or "answers"), ""
            charts, texts = _charts(view)
        except SetupError as problem:
            view, error = View(self.session, "answers", "none", self.session), str(problem)
            charts, texts = [], []
        data = {"charts": [chart.as_json() for chart in charts], "measures": view.measures}
        values = {
            "error": error,
            "show": view.show,
            "title": TITLES[view.show],
            "about": ABOUT[view.show],
            "nothing": "" if charts or error else _nothing(view),
            "no_people": view.show == "comparison" and charts and not _has_people(charts),
            "texts": ", ".join(texts),
            "sections": [{"name": name, "title": title} for name, title in TITLES.items()],
            "groups": [{"name": name, "title": title} for name, title in BY.items()],
            "by": view.by,
            "sessions": of_rows.sessions_alike(self.session) if view.show == "comparison" else [],
            "people": view.people.code,
            "query": f"by={view.by}&people={view.people.code}",
            "measures": list(view.measures),
            "has_summary": view.is_of_answers,
            "has_charts": bool(charts),
        }
        return {**escaped(values), "data": json.dumps(data, allow_nan=False).translate(IN_SCRIPTS)}


class LLMBotsPlotsFile(AdminSessionPage):
    """The numbers of the plots of a name as CSV, with the same `by` and `people`: those of all charts below each other,
    or, with `chart`, the table of one; for `answers_summary` and `comparison_summary` what the answers come to."""

    def get(self, request: Request, code: str, name: str) -> Response:
        show, _, what = name.partition("_")
        try:
            view = _view(self, show)
            rows = _rows(view, what, request.query_params.get("chart"))
        except SetupError as error:
            return Response(str(error), status_code=404)
        buffer = io.StringIO()
        write_csv(buffer, rows)
        headers = {"Content-Disposition": f'attachment; filename="llm_bots_{name}_{code}.csv"'}
        return Response(buffer.getvalue(), media_type="text/csv; charset=utf-8", headers=headers)


def _view(page: AdminSessionPage, show: str) -> View:
    """What a page was asked for. Raises SetupError if there is no such thing."""
    asked = page.request.query_params
    by, code = asked.get("by") or "none", asked.get("people") or page.session.code
    if show not in TITLES or by not in BY:
        raise SetupError(f"There are no such plots. There are {', '.join(TITLES)}, by {', '.join(BY)}.")
    people = db.query(Session).filter_by(code=code).first()
    if people is None or people.config["name"] != page.session.config["name"]:
        raise SetupError(f"There is no session {code} of this config. Choose one from the list.")
    return View(page.session, show, cast(By, by), people)


def _charts(view: View) -> tuple[list[Chart], list[str]]:
    """The charts of a view, and the fields that have none since they take texts."""
    if not view.is_of_answers:
        bots = of_rows.bots(view.session).values()
        if view.show == "progress":
            return of_spending.progress(of_rows.left(view.session), bots, view.by), []
        return of_spending.spending(of_rows.spent(view.session), bots, view.by), []
    asked = of_fields.asked(view.session)
    fields, answers = asked.fields.values(), list(of_rows.answers(view.session, asked))
    if view.show == "answers":
        return of_answers.distributions(fields, answers, view.by), asked.texts
    if view.people.id != view.session.id:
        others = of_rows.answers(view.people, of_fields.asked(view.people))
        answers = [one for one in answers if one.who] + [one for one in others if not one.who]
    return of_answers.comparison(fields, answers, view.by), asked.texts


def _nothing(view: View) -> str:
    """Why there are no charts."""
    return NO_FIELDS if view.is_of_answers and not of_fields.asked(view.session).fields else NOTHING[view.show]


def _has_people(charts: Iterable[Chart]) -> bool:
    return any(series.is_people and series.n for chart in charts for series in chart.series)


def _rows(view: View, what: str, name: str | None) -> Iterable[Row]:
    """A view's numbers. Raises SetupError if it has no such chart, or no summary."""
    charts = _charts(view)[0]
    if what == "summary" and view.is_of_answers:
        return summaries(charts)
    if what:
        raise SetupError("There is no such table.")
    if name is None:
        return stacked(charts, view.measures)
    chart = next((chart for chart in charts if chart.name == name), None)
    if chart is None:
        raise SetupError(f"There is no plot of {name}.")
    return chart.table


routes = [
    Route("/LLMBots/{code}/plots", LLMBotsPlots, name="LLMBotsPlots"),
    Route("/LLMBots/{code}/plots/{name}.csv", LLMBotsPlotsFile, name="LLMBotsPlotsFile"),
]
