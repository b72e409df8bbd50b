"""The tab “LLM bots”: watching bots, downloading their record."""

from __future__ import annotations

import io
from collections.abc import Callable, Collection
from typing import Any

from otree.database import db
from otree.views.cbv import AdminSessionPage
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from ..errors import BotexError, SetupError
from ..models import Bot, Launch
from ..plans import budget
from ..record.exports import write_csv
from . import exports, launches, status
from .escaping import escaped

ACTIONS: dict[str, Callable[[list[Bot]], None]] = {
    "pause": launches.pause,
    "go_on": launches.go_on,
    "stop": launches.stop,
    "again": launches.start_again,
}
"""What can be done with bots that play or have played."""


class LLMBots(AdminSessionPage):
    """The tab: GET shows it; POST does something with bots or sets a launch's budget, and goes back."""

    error = ""

    def get_template_name(self) -> str:
        return "otree_botex/LLMBots.html"

    def vars_for_template(self) -> dict[str, Any]:
        return escaped({"error": self.error})

    def post(self, request: Request, code: str) -> Response:
        data = self.get_post_data()
        try:
            self._act(str(data.get("action")), data)
        except BotexError as error:
            if "application/json" in request.headers.get("accept", ""):
                return JSONResponse({"error": str(error)}, status_code=400)
            self.error = str(error)
            return self.get(request, code=code)
        if "application/json" in request.headers.get("accept", ""):
            return JSONResponse(status.of_session(self.session.id))
        return RedirectResponse(request.url_for("LLMBots", code=code), status_code=302)

    def _act(self, action: str, data: Any) -> None:
        if action in ACTIONS:
            ACTIONS[action](self._bots(data.getlist("bot")))
        elif action == "budget":
            launch = db.get_or_404(Launch, code=str(data.get("launch")), session_id=self.session.id)
            launches.set_budget(launch, budget(data))
        else:
            raise SetupError("This page does not know what to do. Reload it and try again.")

    def _bots(self, which: Collection[str]) -> list[Bot]:
        """The bots of these numbers, all of them if there are none."""
        return [bot for bot in status.latest_bots(self.session.id) if not which or str(bot.id) in which]


class LLMBotsStatus(AdminSessionPage):
    """What the tab asks for once a second."""

    def get(self, request: Request, code: str) -> Response:
        return JSONResponse(status.of_session(self.session.id))


class LLMBotsExport(AdminSessionPage):
    """A session's record as CSV: the three exports of the Data page, also where oTree offers only one per app."""

    def get(self, request: Request, code: str, table: str) -> Response:
        export = {"bots": exports.bots, "steps": exports.steps, "messages": exports.messages}.get(table)
        if export is None:
            return Response("There is no such table.", status_code=404)
        buffer = io.StringIO()
        with exports.of_session(code):
            write_csv(buffer, export([]))
        name = f"llm_bots_{table}_{code}.csv"
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        return Response(buffer.getvalue(), media_type="text/csv; charset=utf-8", headers=headers)
