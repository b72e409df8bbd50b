"""All our addresses in the oTree server, and who may open each.

Ping         anybody                        tells that the app is here, for `otree-botex doctor`
Journal      a launch's token               records in, commands out; what bots remember
Rest*        oTree's REST key               launch, status, stop and check from a shell
LLMBots*     whoever may see oTree's admin  the tab, its live data, transcripts, downloads
"""

from __future__ import annotations

import json
from typing import Any

from otree.database import db
from otree.models import Session
from otree.views.cbv import BaseRESTView
from starlette.endpoints import HTTPEndpoint
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from .. import __version__
from ..assignment import counted
from ..errors import BotexError
from ..models import Bot, Launch
from ..plans import plan
from ..record import tokens
from ..record.memories import memory, recorded
from ..record.rows import row_of
from . import (
    add_page,
    answers_page,
    check,
    compare,
    intake,
    launch_page,
    launches,
    overview,
    pages,
    personas_page,
    prompts_page,
    report,
    room_page,
    seats,
    seats_page,
    settings_page,
    status,
    ticker,
    transcript_page,
)
from .own import record
from .plots import views as plots_views
from .pretest import views as pretest_views


class Ping(HTTPEndpoint):
    """Says that the app is installed in this server, and which version."""

    async def get(self, request: Request) -> Response:
        return JSONResponse({"otree_botex": __version__})


class Journal(HTTPEndpoint):
    """The runner's end of the journal."""

    async def post(self, request: Request) -> Response:
        bots = self._bots(request)
        if isinstance(bots, Response):
            return bots
        try:
            body = json.loads(await request.body())
            reply = intake.take(bots, body["bots"], body["records"])
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            db.rollback()
            return Response(f"This is no journal: {error!r}", status_code=400)
        return JSONResponse(reply)

    async def get(self, request: Request) -> Response:
        bots = self._bots(request)
        if isinstance(bots, Response):
            return bots
        return JSONResponse({str(bot.id): vars(memory(record(), bot)) for bot in bots})

    def _bots(self, request: Request) -> list[Bot] | Response:
        """The bots that whoever asks is playing, by its token."""
        launch = db.query(Launch).filter_by(code=request.path_params["launch"]).first()
        if launch is None:
            return Response("There is no such launch; was its session deleted?", status_code=404)
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        bots = tokens.played_with(launches.bots_of(launch), token) if scheme == "Bearer" else []
        return bots or Response("The token of this launch is missing, wrong, or no longer valid.", status_code=403)


class Replay(Journal):
    """What was said in the launch that a runner's launch plays again."""

    async def get(self, request: Request) -> Response:
        bots = self._bots(request)
        if isinstance(bots, Response):
            return bots
        code = row_of(launches.of_bot(bots[0]), bots[0]).parameters.replayed
        launch = db.query(Launch).filter_by(code=code).first()
        if launch is None:
            return Response(f"There is no launch {code!r} to be replayed.", status_code=404)
        said = recorded(record(), launch)
        return JSONResponse({str(seat): [vars(one) for one in ones] for seat, ones in said.items()})


class RestLaunch(BaseRESTView):
    """POST: starts bots, by all that `plans.plan` takes; random ones if no model is named. The reply names the launch,
    to ask for its status."""

    def post(self, session_code: str, bots: int | None = None, **asked: Any) -> Response:
        session = db.query(Session).filter_by(code=session_code).first()
        if session is None:
            return Response(f"There is no session {session_code}.", status_code=404)
        try:
            wanted = plan(asked if asked.get("model") or asked.get("rows") else {**asked, "model": "random"})
            taken = seats.some(session, counted(wanted.rows) if bots is None else bots)
            launch = launches.launch(session, taken, wanted, "REST API")
        except BotexError as error:
            return Response(str(error), status_code=400)
        return JSONResponse({"launch": launch.code})


class RestStatus(BaseRESTView):
    """GET: what the bots of a launch are doing. POST: stops them."""

    def get(self) -> Response:
        launch = _launch(self.request)
        return JSONResponse({"bots": status.of_bots(launches.bots_of(launch))}) if launch else NO_LAUNCH

    def post(self) -> Response:
        launch = _launch(self.request)
        if launch is not None:
            launches.stop(launches.bots_of(launch))
        return self.get()


class RestManifest(BaseRESTView):
    """GET: all that shaped the answers of a launch, and what became of each seat."""

    def get(self) -> Response:
        launch = _launch(self.request)
        return JSONResponse(launches.manifest(launch)) if launch else NO_LAUNCH


NO_LAUNCH = Response("There is no such launch.", status_code=404)


def _launch(request: Request) -> Launch | None:
    return db.query(Launch).filter_by(code=request.path_params["launch"]).first()


class RestCheck(BaseRESTView):
    """POST: checks a session config in a session of its own. The reply names it, and the launch of its bots."""

    def post(self, config: str, bots: int | None = None, **more: Any) -> Response:
        try:
            launch = check.start(config, bots, {}, "check by REST API", more)
        except BotexError as error:
            return Response(str(error), status_code=400)
        return JSONResponse({"session": launch.session.code, "launch": launch.code})


class RestReport(BaseRESTView):
    """GET: what the bots of a session could do, page by page."""

    def get(self) -> Response:
        session = db.query(Session).filter_by(code=self.request.path_params["session"]).first()
        if session is None:
            return Response("There is no such session.", status_code=404)
        return JSONResponse(report.of_session(session))


routes = [
    Route("/otree_botex/ping", Ping, name="LLMBotsPing"),
    Route("/otree_botex/journal/{launch}", Journal, name="LLMBotsJournal"),
    Route("/otree_botex/journal/{launch}/replay", Replay, name="LLMBotsReplay"),
    Route("/api/llm_bots/launch", RestLaunch, name="LLMBotsRestLaunch"),
    Route("/api/llm_bots/launch/{launch}", RestStatus, name="LLMBotsRestStatus"),
    Route("/api/llm_bots/launch/{launch}/manifest", RestManifest, name="LLMBotsRestManifest"),
    Route("/api/llm_bots/check", RestCheck, name="LLMBotsRestCheck"),
    Route("/api/llm_bots/check/{session}", RestReport, name="LLMBotsRestReport"),
    Route("/LLMBots/{code}", pages.LLMBots, name="LLMBots"),
    Route("/LLMBots/{code}/status", pages.LLMBotsStatus, name="LLMBotsStatus"),
    *add_page.routes,
    Route("/LLMBots/{code}/check", check.LLMBotsCheck, name="LLMBotsCheck"),
    *transcript_page.routes,
    *compare.routes,
    *answers_page.routes,
    Route("/LLMBots/{code}/launch/{launch}", launch_page.LLMBotsLaunch, name="LLMBotsLaunch"),
    Route("/LLMBots/{code}/launch/{launch}/{file}", launch_page.LLMBotsLaunchFile, name="LLMBotsLaunchFile"),
    Route("/LLMBots/{code}/export/{table}", pages.LLMBotsExport, name="LLMBotsExport"),
    *overview.routes,
    *personas_page.routes,
    *prompts_page.routes,
    *plots_views.routes,
    *pretest_views.routes,
    *settings_page.routes,
    *seats_page.routes,
    *room_page.routes,
    *ticker.routes,
]
