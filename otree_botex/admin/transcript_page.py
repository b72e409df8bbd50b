"""The page on which a person reads what one bot saw and said, and its raw messages, which are loaded when asked for."""

from __future__ import annotations

import json
from typing import Any

from otree.database import db
from otree.models import Participant
from otree.views.cbv import AdminSessionPage
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ..models import Bot, Launch, Message
from ..record.rows import row_of
from ..record.transcripts import played
from ..words import count, spent
from . import status, transcript
from .escaping import escaped
from .own import record

LONG = 100
"""With more steps than this a browser lays out only those that are in sight."""


class LLMBotsTranscript(AdminSessionPage):
    """All that a bot saw and said, page by page."""

    def get_template_name(self) -> str:
        return "otree_botex/LLMBotsTranscript.html"

    def vars_for_template(self) -> dict[str, Any]:
        bot = _bot(self)
        launch = db.query(Launch).filter_by(id=bot.launch_id).one()
        row = row_of(launch, bot)
        (now,) = status.of_bots([bot])
        steps = transcript.steps(played(record(), [bot.id])[bot.id], failed=now["state"] == "failed")
        bots = bots_of_session(self.session.id)
        others = [one for one in bots if one["bot"] != bot.id]
        values = {
            "bot": {
                **now,
                "calls": count(now["calls"], "call"),
                "tokens": count(now["tokens"], "token"),
                "refusals": count(now["refusals"], "refusal"),
                "cost": spent(now["cost"], now["unpriced"]),
                "persona": bot.persona or "",
                "persona_name": bot.persona_name or "",
                "treatment": bot.treatment or "",
            },
            "launch": {
                "code": launch.code,
                "model": row.model,
                "started_by": launch.started_by or "",
                "is_pretest": launch.is_pretest,
                "parameters": json.dumps(row.settings(), ensure_ascii=False),
            },
            "same_seat": [one for one in others if one["seat"] == bot.number],
            "before": [one for one in others if (one["seat"], one["bot"]) < (bot.number, bot.id)][-1:],
            "after": [one for one in others if (one["seat"], one["bot"]) > (bot.number, bot.id)][:1],
            "others": others,
            "steps": steps,
            "contents": transcript.contents(steps),
            "is_long": len(steps) > LONG,
            "troubles": sum(bool(step["trouble"]) for step in steps),
        }
        return escaped(values)


class LLMBotsMessages(AdminSessionPage):
    """The raw messages of one step of a bot, as JSON."""

    def get(self, request: Request, code: str, bot: str, step: str) -> Response:
        query = db.query(Message).filter_by(bot_id=_bot(self).id, step=int(step) if step.isdecimal() else 0)
        return JSONResponse({"messages": [transcript.message(one) for one in query.order_by(Message.number)]})


def bots_of_session(session_id: int) -> list[dict[str, Any]]:
    """Every bot that ever took a seat of a session, by seat and then in the order in which they came."""
    found = db.query(Bot.id, Bot.number, Participant.label, Launch.code).filter(
        Bot.session_id == session_id, Bot.participant_id == Participant.id, Bot.launch_id == Launch.id
    )
    return [
        {"bot": bot, "seat": seat, "label": label or "", "launch": launch}
        for bot, seat, label, launch in found.order_by(Bot.number, Bot.id)
    ]


def _bot(page: AdminSessionPage) -> Bot:
    """The bot that a page's address names. Answers 404 if the session has no such bot."""
    number = str(page.request.path_params["bot"])
    return db.get_or_404(Bot, id=int(number) if number.isdecimal() else 0, session_id=page.session.id)


routes = [
    Route("/LLMBots/{code}/bot/{bot}", LLMBotsTranscript, name="LLMBotsTranscript"),
    Route("/LLMBots/{code}/bot/{bot}/messages/{step}", LLMBotsMessages, name="LLMBotsMessages"),
]
