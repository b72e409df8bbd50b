"""Who has which seat of a session, and giving seats to bots and taking them back."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from otree.common import participant_start_url
from otree.database import db
from otree.models import Participant
from otree.views.cbv import AdminSessionPage
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from ..errors import BotexError, SetupError
from ..plans import KNOWN, plan
from . import guard, handover
from .choices import look_for_models, model_choices

OF_MIXES = ("rows", "by_hand", "seats", "share")


class LLMBotsSeats(AdminSessionPage):
    """The page; what stands in its table comes from LLMBotsSeat."""

    def get_template_name(self) -> str:
        return "otree_botex/LLMBotsSeats.html"

    def get(self, request: Request, code: str) -> Response:
        look_for_models()
        return super().get(request, code=code)


class LLMBotsSeat(AdminSessionPage):
    """GET: all seats, and the models that can be chosen, which are looked for anew with `?look`: a page asks for the
    seats each second, and for that only when somebody is about to choose. POST: gives a `seat`, by its participant's
    code, to a bot (`action` "give", with `model` and what else plans.plan takes; with nothing else, as that model was
    launched last) or takes it back ("take")."""

    def get(self, request: Request, code: str) -> Response:
        if "look" in request.query_params:
            look_for_models()
        return self._seats()

    def post(self, request: Request, code: str) -> Response:
        data = self.get_post_data()
        wants_json = "application/json" in request.headers.get("accept", "")
        try:
            said = self._act(data)
        except guard.LimitMissing as error:
            more = urlencode({"which_seats": "picked", "seat": data.get("seat"), "model": data.get("model")})
            return JSONResponse({"error": str(error), "add": f"/LLMBots/{code}/add?{more}"}, status_code=400)
        except BotexError as error:
            return JSONResponse({"error": str(error)}, status_code=400)
        return self._seats(said=said) if wants_json else RedirectResponse(f"/LLMBots/{code}/seats", status_code=302)

    def _act(self, data: Any) -> str:
        seat = db.query(Participant).filter_by(session_id=self.session.id, code=str(data.get("seat"))).first()
        if seat is None:
            raise SetupError("This seat is not in this session. Reload the page and try again.")
        if data.get("action") == "take":
            return handover.take_back(seat)
        if data.get("action") != "give":
            raise SetupError("This page does not know what to do. Reload it and try again.")
        given = {name: data[name] for name in KNOWN if data.get(name) and name not in OF_MIXES}
        asked = plan(given)
        if given.keys() == {"model"}:
            asked = handover.as_launched(self.session, asked)
        handover.give(self.session, seat, asked, "admin")
        return f"A bot has taken the seat P{seat.id_in_session}. It goes on where the participant is."

    def _seats(self, **more: Any) -> Response:
        address = str(self.request.base_url).rstrip("/")
        seats = handover.of_session(self.session)
        for seat in seats:
            seat["link"] = address + participant_start_url(seat["code"])
        choices, ready = model_choices()
        models = [choice.name for choice in choices if choice.usable]
        return JSONResponse({"seats": seats, "models": models, "models_ready": ready, **more})


routes = [
    Route("/LLMBots/{code}/seats", LLMBotsSeats, name="LLMBotsSeats"),
    Route("/LLMBots/{code}/seat", LLMBotsSeat, name="LLMBotsSeat"),
]
