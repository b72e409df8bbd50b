"""Checks an experiment: a new session of its config, random bots on all seats, and the page that shows how they do."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import otree.session
from otree.models import Session
from otree.views.cbv import AdminSessionPage
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from .. import check_text
from ..errors import BotexError, SetupError
from ..models import Launch
from ..parameters import parameters
from ..plans import simple
from . import launches, report, seats
from .escaping import escaped

logger = logging.getLogger("otree_botex")

LABEL = "Check by otree-botex"
"""Tells these sessions from an experimenter's own, in the list of sessions and in the exports."""
MOST_BOTS = 1000


def start(
    name: str, bots: int | None, fields: Mapping[str, Any], started_by: str, given: Mapping[str, Any] | None = None
) -> Launch:
    """Makes a session of a config, with `fields` of it changed, and starts random bots on all of its seats.

    There are as many as the config has for a demo, or `bots`, rounded up to what its groups take; `given` are further
    parameters. Raises SetupError, in words, if one is not valid, or if there is no such config or no session of it can
    be made.
    """
    asked = parameters({**(given or {}), "model": "random"})
    config = otree.session.SESSION_CONFIGS_DICT.get(name)
    if config is None:
        known = ", ".join(otree.session.SESSION_CONFIGS_DICT) or "none"
        raise SetupError(f"There is no session config “{name}”. In settings.py there are: {known}.")
    wanted = config["num_demo_participants"] if bots is None else bots
    if not isinstance(wanted, int) or not 1 <= wanted <= MOST_BOTS:
        raise SetupError(f"The number of bots must be from 1 to {MOST_BOTS}, not “{wanted}”.")
    of_groups = config.get_lcm()
    session = _session(name, -(-wanted // of_groups) * of_groups, fields)
    return launches.launch(session, seats.some(session, None), simple(asked), started_by)


def _session(name: str, number: int, fields: Mapping[str, Any]) -> Session:
    try:
        return otree.session.create_session(
            name,
            num_participants=number,
            label=LABEL,
            modified_session_config_fields={**fields, "llm_bots_start": False},  # the check starts its own
        )
    except Exception as error:  # the experiment's creating_session may do anything
        logger.exception("No session of %s can be made.", name)
        raise SetupError(
            f"No session of “{name}” can be made: {type(error).__name__}: {error}. "
            "Most likely this is an error in creating_session; the server's log says where."
        ) from None


def changed_fields(session: Session) -> dict[str, Any]:
    """The fields of a session's config as they are, those that can be changed on the “Create session” form."""
    config = otree.session.SESSION_CONFIGS_DICT.get(session.config["name"], {})
    names = config.editable_fields() if config else []
    return {name: session.config[name] for name in names if name in session.config}


class LLMBotsCheck(AdminSessionPage):
    """POST checks the experiment of a session in a new one and leads there; GET shows what its bots could do."""

    error = ""

    def get_template_name(self) -> str:
        return "otree_botex/LLMBotsCheck.html"

    def vars_for_template(self) -> dict[str, Any]:
        found = report.of_session(self.session)
        for page in found["pages"]:
            page["decided"] = list(check_text.decided(page))
        return escaped({"error": self.error, "report": found})

    def post(self, request: Request, code: str) -> Response:
        try:
            launch = start(self.session.config["name"], None, changed_fields(self.session), "check in the admin")
        except BotexError as error:
            self.error = str(error)
            return self.get(request, code=code)
        return RedirectResponse(request.url_for("LLMBotsCheck", code=launch.session.code), status_code=302)
