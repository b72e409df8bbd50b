"""The pages of the tab “LLM bots”: adding bots, watching them, reading what they saw and said."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Collection
from typing import Any

from otree.database import db
from otree.views.cbv import AdminSessionPage
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from ..errors import BotexError, SetupError
from ..models import Bot, Launch
from ..plans import KNOWN, budget, plan
from ..record.exports import write_csv
from ..record.rows import row_of
from . import exports, launches, seats, status, transcript
from .choices import look_for_models, model_choices
from .escaping import escaped

ACTIONS: dict[str, Callable[[list[Bot]], None]] = {
    "pause": launches.pause,
    "go_on": launches.go_on,
    "stop": launches.stop,
    "again": launches.start_again,
}
"""What can be done with bots that play or have played."""


class LLMBots(AdminSessionPage):
    """The tab: GET shows it; POST launches bots, does something with them or sets a launch's budget, and goes back."""

    error = ""

    def get_template_name(self) -> str:
        return "otree_botex/LLMBots.html"

    def vars_for_template(self) -> dict[str, Any]:
        look_for_models()  # when the page is opened, and not with each of its questions how the bots are doing
        choices, ready = model_choices()
        taken = seats.with_bots(self.session)
        values = {
            "choices": [vars(choice) for choice in choices],
            "choices_ready": ready,
            "error": self.error,
            "free_seats": len(seats.free(self.session)),
            "seats": [
                {
                    "code": seat.code,
                    "number": seat.id_in_session,
                    "label": seat.label or "",
                    "visited": seat.visited,
                    "bot": seat.id in taken,
                }
                for seat in seats.of_session(self.session)
            ],
        }
        return escaped(values)

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
        if action == "launch":
            given = {name: data.get(name) for name in KNOWN}
            given["model"] = data.get("other_model") or given["model"]
            launches.launch(self.session, self._seats(data), plan(given), "admin")
        elif action in ACTIONS:
            ACTIONS[action](self._bots(data.getlist("bot")))
        elif action == "budget":
            launch = db.get_or_404(Launch, code=str(data.get("launch")), session_id=self.session.id)
            launches.set_budget(launch, budget(data))
        else:
            raise SetupError("This page does not know what to do. Reload it and try again.")

    def _seats(self, data: Any) -> list[Any]:
        which = data.get("which_seats", "all")
        if which == "picked":
            return seats.picked(self.session, data.getlist("seat"))
        if which == "number":
            number = str(data.get("number") or "")
            if not number.isdigit():
                raise SetupError("Say how many seats the bots should take.")
            return seats.some(self.session, int(number))
        return seats.some(self.session, None)

    def _bots(self, which: Collection[str]) -> list[Bot]:
        """The bots of these numbers, all of them if there are none."""
        return [bot for bot in status.latest_bots(self.session.id) if not which or str(bot.id) in which]


class LLMBotsStatus(AdminSessionPage):
    """What the tab asks for once a second."""

    def get(self, request: Request, code: str) -> Response:
        choices, ready = model_choices()
        return JSONResponse(
            {
                **status.of_session(self.session.id),
                "models": [{"name": c.name, "usable": c.usable, "reason": c.reason} for c in choices],
                "models_ready": ready,
            }
        )


class LLMBotsTranscript(AdminSessionPage):
    """All that a bot saw and said, page by page."""

    def get_template_name(self) -> str:
        return "otree_botex/LLMBotsTranscript.html"

    def vars_for_template(self) -> dict[str, Any]:
        number = str(self.request.path_params["bot"])
        bot = db.get_or_404(Bot, id=int(number) if number.isdigit() else 0, session_id=self.session.id)
        launch = db.query(Launch).filter_by(id=bot.launch_id).one()
        row = row_of(launch, bot)
        (now,) = status.of_bots([bot])
        described = {
            "code": launch.code,
            "model": row.model,
            "started_by": launch.started_by,
            "parameters": json.dumps(row.settings(), ensure_ascii=False),
        }
        return escaped({"bot": now, "launch": described, "steps": transcript.steps(bot)})


class LLMBotsExport(AdminSessionPage):
    """A session's record as CSV: the three exports of the Data page, also where oTree offers only one per app."""

    def get(self, request: Request, code: str, table: str) -> Response:
        export = {"bots": exports.bots, "steps": exports.steps, "messages": exports.messages}.get(table)
        if export is None:
            return Response("There is no such table.", status_code=404)
        buffer = io.StringIO()
        write_csv(buffer, export([], self.session.id))
        name = f"llm_bots_{table}_{code}.csv"
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        return Response(buffer.getvalue(), media_type="text/csv; charset=utf-8", headers=headers)
