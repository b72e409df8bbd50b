"""The page of all launches of this server: what each plays, has played and has spent, and who plays now."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from typing import Any

from otree.database import db
from otree.models import Participant, Session
from otree.views.cbv import AdminView
from sqlalchemy import func
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from ..errors import BotexError, SetupError
from ..models import Bot, Launch
from ..record.rows import budget_of, models_of
from ..records import ENDED
from . import launches
from .escaping import escaped
from .status import now

MOST = 50
"""So many launches are shown, the newest ones and all that play, unless all are asked for."""
SPENT = ("cost", "calls", "tokens", "unpriced")
ACTIONS: dict[str, Callable[[list[Bot]], None]] = {
    "pause": launches.pause,
    "go_on": launches.go_on,
    "stop": launches.stop,
}


class LLMBotsOverview(AdminView):
    """GET shows it; POST pauses, lets go on or stops the bots of one launch, or all that play."""

    error = ""

    def get_template_name(self) -> str:
        return "otree_botex/LLMBotsOverview.html"

    def vars_for_template(self) -> dict[str, Any]:
        return escaped({"error": self.error, "all": "?all=1" if _wants_all(self.request) else ""})

    def post(self, request: Request) -> Response:
        wants_json = "application/json" in request.headers.get("accept", "")
        data = self.get_post_data()
        try:
            action = ACTIONS.get(str(data.get("action")))
            if action is None:
                raise SetupError("This page does not know what to do. Reload it and try again.")
            action(_playing(str(data.get("launch") or "")))
        except BotexError as error:
            if wants_json:
                return JSONResponse({"error": str(error)}, status_code=400)
            self.error = str(error)
            return self.get(request)
        if wants_json:
            return JSONResponse(of_all(_wants_all(request)))
        return RedirectResponse(request.url_for("LLMBotsOverview"), status_code=302)


class LLMBotsOverviewStatus(AdminView):
    """What the page asks for, once a second while bots play."""

    def get(self, request: Request) -> Response:
        return JSONResponse(of_all(_wants_all(request)))


def of_all(everything: bool) -> dict[str, Any]:
    """The launches, newest first: `MOST` of them and those that play now, or really all. With how many there are, and
    what all of them have cost."""
    playing = _states_of_playing()
    columns = (Launch.id, Launch.code, Launch.session_code, Launch.rows_json, Launch.budget_json, Launch.started_by)
    found = db.query(*columns, Launch.started_at, Session.config).join(Session, Session.id == Launch.session_id)
    found = found.order_by(Launch.id.desc())
    if not everything:
        newest = [number for (number,) in db.query(Launch.id).order_by(Launch.id.desc()).limit(MOST)]
        play_now = [number for number, states in playing.items() if set(states) - set(ENDED)]
        found = found.filter(Launch.id.in_([*newest, *play_now]))
    rows = list(found)
    parts = _parts([row.id for row in rows])
    cost, unpriced = db.query(func.sum(Bot.cost), func.sum(Bot.unpriced)).one()
    return {
        "launches": [_described(row, parts[row.id], playing.get(row.id, {})) for row in rows],
        "number": db.query(func.count(Launch.id)).scalar(),
        "cost": cost or 0.0,
        "unpriced": unpriced or 0,
    }


def _playing(code: str) -> list[Bot]:
    """The bots that have not ended, of one launch or of all."""
    bots = db.query(Bot).filter(Bot.state.notin_(ENDED))
    return list(bots.join(Launch, Launch.id == Bot.launch_id).filter(Launch.code == code) if code else bots)


def _states_of_playing() -> dict[int, Counter[str]]:
    """How many bots are in which state, by launch, of those that have not ended by their own account."""
    columns = (Bot.id, Bot.launch_id, Bot.state, Bot.error, Bot.heard_at, Bot.stop_wanted, Bot.pause_wanted)
    states: dict[int, Counter[str]] = defaultdict(Counter)
    for bot in db.query(*columns).filter(Bot.state.notin_(ENDED)):
        states[bot.launch_id][now(bot)] += 1
    return states


def _parts(numbers: list[int]) -> dict[int, list[Any]]:
    """What the bots of these launches have done and spent, summed up by state."""
    sums = (
        *(Bot.launch_id, Bot.state, func.count(Bot.id).label("bots"), func.sum(Bot.calls).label("calls")),
        *(func.sum(Bot.input_tokens + Bot.output_tokens).label("tokens"), func.sum(Bot.cost).label("cost")),
        func.sum(Bot.unpriced).label("unpriced"),
        func.sum(Participant._index_in_pages).label("at_page"),
        func.sum(Participant._max_page_index).label("pages"),
    )
    parts: dict[int, list[Any]] = defaultdict(list)
    joined = db.query(*sums).join(Participant, Participant.id == Bot.participant_id)
    for row in joined.filter(Bot.launch_id.in_(numbers)).group_by(Bot.launch_id, Bot.state):
        parts[row.launch_id].append(row)
    return parts


def _described(launch: Any, parts: list[Any], playing: Counter[str] | dict[str, int]) -> dict[str, Any]:
    states = Counter({part.state: part.bots for part in parts if part.state in ENDED})
    states.update(playing)
    pages = sum(part.pages or 0 for part in parts)
    done = sum(part.pages if part.state == "finished" else part.at_page - part.bots for part in parts)
    return {
        "launch": launch.code,
        "session": launch.session_code,
        "config": str(launch.config.get("display_name") or launch.config.get("name") or ""),
        "models": models_of(launch),
        "seats": sum(part.bots for part in parts),
        "started_by": launch.started_by or "",
        "started_at": launch.started_at,
        "states": states,
        "playing": sum(number for state, number in playing.items() if state not in ENDED),
        "progress": min(max(done / pages, 0), 1) if pages else 0,
        "spent": {name: sum(getattr(part, name) or 0 for part in parts) for name in SPENT},
        "budget": budget_of(launch).as_json(),
    }


def _wants_all(request: Request) -> bool:
    return request.query_params.get("all") == "1"


routes = [
    Route("/LLMBotsOverview", LLMBotsOverview, name="LLMBotsOverview"),
    Route("/LLMBotsOverview/status", LLMBotsOverviewStatus, name="LLMBotsOverviewStatus"),
]
