"""The launch page: everything that is set before bots start, and what will happen then."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

from otree import settings as otree_settings
from otree.models import Participant, Session
from otree.views.cbv import AdminSessionPage
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from .. import project_files
from ..errors import BotexError
from . import add_fields, casting, launches, preview, seats
from .asked import entered, plan_of, rows_shown, seats_of
from .choices import look_for_models, model_choices
from .escaping import escaped
from .outlook import as_script, outlook

LIMITS = (("cost", "US dollars", "any"), ("calls", "calls to models", "1"), ("tokens", "tokens, in and out", "1"))
NOT_OURS = ("app_sequence", "display_name", "name", "num_demo_participants", "doc")
"""Fields of a session config over which nothing is balanced."""


class LLMBotsAdd(AdminSessionPage):
    """GET shows the page; POST launches and leads to the tab, or comes back with what is wrong and all that was
    entered."""

    error = ""

    def get_template_name(self) -> str:
        return "otree_botex/LLMBotsAdd.html"

    def vars_for_template(self) -> dict[str, Any]:
        look_for_models()
        data = self.get_post_data() or self.request.query_params  # a link may lead here with something entered
        form, picked = entered(data), data.getlist("seat")
        choices, ready = model_choices()
        names = [choice.name for choice in choices]
        rows = rows_shown(form)
        other = rows[0].get("model", "") if rows[0].get("model") not in [None, *names] else ""
        values = {
            "error": self.error,
            "choices": [vars(choice) | {"chosen": choice.name == rows[0].get("model")} for choice in choices],
            "choices_ready": ready,
            "other_model": other,
            "personas": _options(project_files.persona_sets(Path.cwd()), rows[0].get("personas", "")),
            "prompts": _options(project_files.prompt_sets(Path.cwd()), form.get("prompts", "")),
            "which_seats": form.get("which_seats") or "all",
            "number": form.get("number", ""),
            "seats": _seats(self.session, picked),
            "free_seats": len(seats.free(self.session)),
            "how": form.get("how") or "random",
            # drawn when the page is opened, so that what it shows is what happens
            "mix_seed": form.get("mix_seed") or str(random.randrange(2**31)),
            "over": _options(_fields(self.session), form.get("over", "")),
            "pretest": bool(form.get("pretest")),
            "limits": [_limit(*limit, form) for limit in LIMITS],
            "budget_then": form.get("budget_then") or "pause",
            "has_budget": any(form.get(f"budget_{whose}{name}") for name, *_ in LIMITS for whose in ("", "bot_")),
            "sections": add_fields.sections(form),
            "has_more": add_fields.differs(form),
        }
        script = {
            "rows": rows,
            "by_hand": form.get("by_hand", ""),
            "fields": [field for section in add_fields.sections({}) for field in section["fields"]],
            "models": [{"name": choice.name, "usable": choice.usable} for choice in choices],
        }
        return escaped(values) | {"script": as_script(script)}

    def post(self, request: Request, code: str) -> Response:
        try:
            taken, plan = _asked(self)
            launches.launch(self.session, taken, plan, "admin")
        except BotexError as error:
            self.error = str(error)
            return self.get(request, code=code)
        return RedirectResponse(request.url_for("LLMBots", code=code), status_code=302)


class LLMBotsExpect(AdminSessionPage):
    """POST: what will happen with the form as it is, as JSON; `error` says what is wrong with it."""

    def get(self, request: Request, **_: Any) -> Response:
        return Response("What will happen depends on the launch page's form: send it.", status_code=405)

    def post(self, request: Request, code: str) -> Response:
        choices, ready = model_choices()
        found: dict[str, Any] = {
            "models": [{"name": one.name, "usable": one.usable, "reason": one.reason} for one in choices],
            "models_ready": ready,
            "error": "",
        }
        try:
            taken, plan = _asked(self)
            if plan.how == "by hand":
                plan = casting.filled(taken, plan)
            found |= outlook(self.session, taken, plan)
        except BotexError as error:
            found["error"] = str(error)
        return JSONResponse(found)


class LLMBotsPreview(AdminSessionPage):
    """POST: begins a preview of the first prompt and tells its `key`; with a `key`, what was found so far."""

    def get(self, request: Request, **_: Any) -> Response:
        return Response("A preview depends on the launch page's form: send it.", status_code=405)

    def post(self, request: Request, code: str) -> Response:
        key = str(self.get_post_data().get("key") or "")
        try:
            return JSONResponse(preview.result(key) if key else {"key": preview.begin(self.session, *_asked(self))})
        except BotexError as error:
            return JSONResponse({"error": str(error), "done": True})


def _asked(page: AdminSessionPage) -> tuple[list[Participant], Any]:
    data = page.get_post_data()
    form = entered(data)
    plan = plan_of(form)
    return seats_of(page.session, form, data.getlist("seat"), plan), plan


def _options(names: list[str], chosen: str) -> list[dict[str, Any]]:
    """The options of a select box; what was chosen is among them even if it is not there any more."""
    return [{"name": name, "chosen": name == chosen} for name in dict.fromkeys([*names, *([chosen] if chosen else [])])]


def _seats(session: Session, picked: list[str]) -> list[dict[str, Any]]:
    with_bots = seats.with_bots(session)
    return [
        {
            "code": seat.code,
            "number": seat.id_in_session,
            "label": seat.label or "",
            "visited": seat.visited,
            "bot": seat.id in with_bots,
            "chosen": seat.code in picked,
        }
        for seat in seats.of_session(session)
    ]


def _fields(session: Session) -> list[str]:
    """What a mix may be balanced over: fields of participants, and those of the session's config that are its own."""
    of_seats = [name for seat in seats.of_session(session) for name in seat.vars]
    config: dict[str, Any] = next(
        (one for one in otree_settings.SESSION_CONFIGS if one["name"] == session.config["name"]), {}
    )
    own = [name for name in config if name not in NOT_OURS and not name.startswith("llm_bots")]
    return [*dict.fromkeys(map(str, (*otree_settings.PARTICIPANT_FIELDS, *of_seats, *own)))]


def _limit(name: str, label: str, step: str, form: dict[str, str]) -> dict[str, str]:
    whole, each = (form.get(f"budget_{whose}{name}", "") for whose in ("", "bot_"))
    return {"name": name, "label": label, "step": step, "whole": whole, "each": each}


routes = [
    Route("/LLMBots/{code}/add", LLMBotsAdd, name="LLMBotsAdd"),
    Route("/LLMBots/{code}/expect", LLMBotsExpect, name="LLMBotsExpect"),
    Route("/LLMBots/{code}/preview", LLMBotsPreview, name="LLMBotsPreview"),
]
