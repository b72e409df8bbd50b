"""Bots side by side: the same page as several of them saw it, and what each made of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from otree.database import db
from otree.views.cbv import AdminSessionPage
from sqlalchemy import func
from starlette.routing import Route

from ..models import Bot, Step
from ..record.transcripts import Place, place_of, played
from . import status, transcript
from .escaping import escaped
from .own import record
from .transcript_page import bots_of_session

AT_FIRST = 4
"""So many bots stand side by side where none were chosen."""


class LLMBotsCompare(AdminSessionPage):
    """`?bots=1,2,3` says which bots, `?page=APP.PAGE.ROUND` at which page; at first, the first that any of them saw."""

    def get_template_name(self) -> str:
        return "otree_botex/LLMBotsCompare.html"

    def vars_for_template(self) -> dict[str, Any]:
        bots = self._bots()
        places = _places([bot.id for bot in bots])
        at = _at(places, place_of(self.request.query_params.get("page", "")))
        columns = _columns(bots, places[at]) if places else []
        texts = {step["text"] for column in columns for step in column["steps"]}
        chosen = {bot.id for bot in bots}

        def link(number: int) -> list[dict[str, str]]:
            if not 0 <= number < len(places):
                return []
            query = {"bots": ",".join(str(bot.id) for bot in bots), "page": str(places[number])}
            return [{"name": _name(places[number]), "query": urlencode(query)}]

        values = {
            "columns": columns,
            "same": list(texts) if len(texts) == 1 else [],
            "places": [
                {"value": str(place), "name": _name(place), "here": number == at} for number, place in enumerate(places)
            ],
            "previous": link(at - 1),
            "next": link(at + 1),
            "all": [{**one, "chosen": one["bot"] in chosen} for one in bots_of_session(self.session.id)],
        }
        return escaped(values)

    def _bots(self) -> list[Bot]:
        named = ",".join(self.request.query_params.getlist("bots")).split(",")
        ids = {int(text) for text in named if text.isdecimal()}
        if not ids:
            return status.latest_bots(self.session.id)[:AT_FIRST]
        found = db.query(Bot).filter(Bot.id.in_(ids), Bot.session_id == self.session.id)
        return list(found.order_by(Bot.number, Bot.id))


def _places(bots: Sequence[int]) -> list[Place]:
    """The pages that these bots saw, in the order of the experiment; the end, which has no number, comes last."""
    columns = Step.app, Step.page, Step.round_number
    found = db.query(*columns, func.max(Step.page_number), func.min(Step.number)).filter(Step.bot_id.in_(bots))
    rows = sorted(found.group_by(*columns), key=lambda row: (not row[3], row[3] or 0, row[4]))
    return [Place(app or "", page, number) for app, page, number, _, _ in rows]


def _at(places: Sequence[Place], asked_for: Place | None) -> int:
    """Which of the pages is asked for; the first of its rounds if these bots did not see that one."""
    names = [(place.app, place.page) for place in places]
    rounds = [number for number, name in enumerate(names) if asked_for and name == (asked_for.app, asked_for.page)]
    exact = [number for number in rounds if places[number] == asked_for]
    return [*exact, *rounds, 0][0]


def _columns(bots: Sequence[Bot], place: Place) -> list[dict[str, Any]]:
    """One column a bot: who it is, and its steps at this place, with the lines that are not in all of their texts."""
    of_bots = played(record(), [bot.id for bot in bots], place)
    steps = {bot: [transcript.step(one) for one in some] for bot, some in of_bots.items()}
    lines = [set(_lines(step["text"])) for some in steps.values() for step in some]
    common = set.intersection(*lines) if lines else set()
    personas = {bot.id: bot.persona_name or "" for bot in bots}
    return [
        {
            **now,
            "persona_name": personas[now["bot"]],
            "steps": [{**step, "differs": _differing(step["text"], common)} for step in steps[now["bot"]]],
        }
        for now in status.of_bots(list(bots))
    ]


def _differing(text: str, common: set[str]) -> str:
    """The numbers of the lines of a text that are not common to all, from 0."""
    return " ".join(str(number) for number, line in enumerate(_lines(text)) if line not in common)


def _lines(text: str) -> list[str]:
    """The lines of a text as a browser counts them."""
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def _name(place: Place) -> str:
    page = f"{place.app} / {place.page}" if place.app else place.page
    return f"{page}, round {place.round}" if place.round else page


routes = [Route("/LLMBots/{code}/compare", LLMBotsCompare, name="LLMBotsCompare")]
