"""The page of what bots do in a room by themselves: what they are doing now, off and on, and what is set."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from otree.room import ROOM_DICT, BaseRoom
from otree.views.cbv import AdminView
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from .. import project_files
from ..errors import BotexError, SetupError
from ..policies import KNOWN, NUMBERS, Policy, policy
from . import rooms, ticker
from .choices import look_for_models, model_choices
from .escaping import escaped
from .settings import bot_settings

FIELDS = (*NUMBERS, "model", "personas", "prompts", "budget_cost", "budget_calls", "budget_tokens", "budget_then")
"""What the form has. What else settings.py says of a room, a temperature for instance, stays as it is."""


class _RoomView(AdminView):
    room: BaseRoom

    def intercept_dispatch(self, room: str) -> Response | None:
        if room not in ROOM_DICT:
            return Response("There is no such room.", status_code=404)
        self.room = ROOM_DICT[room]
        return None


class LLMBotsRoom(_RoomView):
    """GET shows it. POST sets a policy (`action` "save"), goes back to that of settings.py ("reset"), or switches it
    off, with or without stopping its bots ("off", "off_and_stop"), and on again ("on")."""

    error = ""

    def get_template_name(self) -> str:
        return "otree_botex/LLMBotsRoom.html"

    def vars_for_template(self) -> dict[str, Any]:
        look_for_models()
        sent = self.get_post_data() or {}
        try:
            known = rooms.policy_of(self.room.name)
        except BotexError as error:
            known, self.error = None, self.error or str(error)
        values = {name: sent.get(name, _value(known, name)) for name in FIELDS}
        usable = [choice.name for choice in model_choices()[0] if choice.usable]
        values = {name: "" if value is None else str(value) for name, value in values.items()}
        choices = {
            "models": list(dict.fromkeys([*usable, *filter(None, [values["model"]])])),
            "persona_sets": project_files.persona_sets(Path.cwd()),
            "prompt_sets": project_files.prompt_sets(Path.cwd()),
        }
        is_own = rooms.row_of(self.room.name).policy_json is not None
        named = {"room_name": self.room.name, "display_name": self.room.display_name}
        has_settings = not self.error and self.room.name in bot_settings().rooms
        about = {
            "error": self.error,
            "is_own": is_own,
            "has_settings": has_settings,
            "has_labels": self.room.has_participant_labels,
        }
        return {"room": self.room, **escaped({**choices, **about, **named, "values": values})}

    def post(self, request: Request, room: str) -> Response:
        wants_json = "application/json" in request.headers.get("accept", "")
        try:
            self._act(self.get_post_data())
        except BotexError as error:
            if wants_json:
                return JSONResponse({"error": str(error)}, status_code=400)
            self.error = str(error)
            return self.get(request, room=room)
        ticker.wake()
        if wants_json:
            return JSONResponse(rooms.described(self.room.name))
        return RedirectResponse(f"/LLMBotsRoom/{self.room.name}", status_code=302)

    def _act(self, data: Any) -> None:
        row, action = rooms.row_of(self.room.name), data.get("action")
        if action == "save":
            row.policy_json, row.is_off = self._asked(data).as_json(), False
        elif action == "reset":
            row.policy_json, row.is_off = None, False
        elif action in ("off", "off_and_stop"):
            row.is_off = True
            session = rooms.session_in(self.room.name)
            if action == "off_and_stop" and session is not None:
                rooms.stop_bots(self.room.name, session)
        elif action == "on":
            row.is_off = False
        else:
            raise SetupError("This page does not know what to do. Reload it and try again.")
        row.error = ""

    def _asked(self, data: Any) -> Policy:
        known = rooms.policy_of(self.room.name)
        kept = {name: value for name, value in (known.given if known else {}).items() if name not in FIELDS}
        return policy({**kept, **{name: data.get(name) for name in KNOWN if name in data}})


class LLMBotsRoomNow(_RoomView):
    """What the panel of a room asks for once a second."""

    def get(self, request: Request, room: str) -> Response:
        return JSONResponse(rooms.described(self.room.name))


def _value(known: Policy | None, name: str) -> Any:
    if known is None:
        return None
    return getattr(known, name) if name in NUMBERS else known.given.get(name)


routes = [
    Route("/LLMBotsRoom/{room}", LLMBotsRoom, name="LLMBotsRoom"),
    Route("/LLMBotsRoom/{room}/now", LLMBotsRoomNow, name="LLMBotsRoomNow"),
]
