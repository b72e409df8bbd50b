"""The page that shows what all bots of a session answered on one page, and the same as a file."""

from __future__ import annotations

import io
from typing import Any
from urllib.parse import urlencode

from otree.views.cbv import AdminSessionPage
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ..record.exports import write_csv
from . import answers
from .escaping import escaped


class LLMBotsAnswers(AdminSessionPage):
    """`?page=APP.PAGE.ROUND` says which page (at first the first one), `?field=NAME` which of its fields (at first all
    of them)."""

    def get_template_name(self) -> str:
        return "otree_botex/LLMBotsAnswers.html"

    def vars_for_template(self) -> dict[str, Any]:
        pages, page, field = self._asked_for()
        all_rows = answers.rows(self.session.id, page)
        fields = answers.fields(all_rows)
        rows = [row for row in all_rows if field in ("", row["field"])]
        values = {
            "pages": [{**one, "here": one["value"] == page} for one in pages],
            "fields": [{**one, "here": one["value"] == field} for one in fields],
            "rows": [{**row, "given": row["answer"] is not None, "left": row["outcome"] == "left"} for row in rows],
            "choices": [
                {"name": name, "column": column, "options": sorted({row[column] for row in rows})}
                for name, column in (("Model", "model"), ("Persona", "persona_name"), ("Treatment", "treatment"))
            ],
            "has": {
                "field": len({row["field"] for row in rows}) > 1,
                **{column: any(row[column] for row in rows) for column in ("persona_name", "treatment", "remark")},
            },
            "place": page,
            "query": urlencode({"page": page, "field": field}),
        }
        return escaped(values)

    def _asked_for(self) -> tuple[list[dict[str, Any]], str, str]:
        """The pages there are, the one that is asked for, and the field."""
        pages = answers.pages(self.session.id)
        given = self.request.query_params
        return pages, given.get("page") or (pages[0]["value"] if pages else ""), given.get("field", "")


class LLMBotsAnswersFile(LLMBotsAnswers):
    """The same rows as CSV."""

    def get(self, request: Request, code: str) -> Response:
        _, page, field = self._asked_for()
        rows = [row for row in answers.rows(self.session.id, page) if field in ("", row["field"])]
        buffer = io.StringIO()
        write_csv(buffer, answers.table(rows))
        headers = {"Content-Disposition": f'attachment; filename="llm_bots_answers_{code}.csv"'}
        return Response(buffer.getvalue(), media_type="text/csv; charset=utf-8", headers=headers)


routes = [
    Route("/LLMBots/{code}/answers", LLMBotsAnswers, name="LLMBotsAnswers"),
    Route("/LLMBots/{code}/answers.csv", LLMBotsAnswersFile, name="LLMBotsAnswersFile"),
]
