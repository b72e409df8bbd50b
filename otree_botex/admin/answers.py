"""What all bots of a session answered on one page: a row for each bot, round and field.

Plain values: who puts them into a template escapes them.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from otree.database import db
from otree.models import Participant
from sqlalchemy import func

from ..models import Bot, Launch, Step
from ..record.exports import Row, asked
from ..record.rows import rows_of
from ..record.transcripts import Place, place_of
from .transcript import name_of, text_of

EVERY_ROUND = ".all"
"""Ends the name of a page where all its rounds are meant: APP.PAGE.all."""
KEPT = func.coalesce(Step.outcome, "") != "interrupted"
"""A page that a bot had to begin anew is told once, as it was in the end."""
NEEDED = (
    *(Step.bot_id, Step.number, Step.app, Step.page, Step.round_number, Step.driver, Step.fields_json),
    *(Step.answers_json, Step.reason, Step.remark, Step.refusals_json, Step.outcome),
)
COLUMNS = (
    *("seat", "label", "bot", "launch", "model", "persona_name", "treatment", "step", "app", "page", "round"),
    *("field", "question", "answer", "reason", "remark", "refusals", "outcome"),
)


def pages(session_id: int) -> list[dict[str, Any]]:
    """The pages of a session on which bots were asked something, in the order of the experiment, with how many times
    bots were there; a page of several rounds also as a whole."""
    columns = Step.app, Step.page, Step.round_number
    found = (
        db.query(*columns, func.count(Step.id), func.max(Step.page_number))
        .filter(
            Step.bot_id == Bot.id, Bot.session_id == session_id, Step.kind == "form", Step.fields_json != "[]", KEPT
        )
        .group_by(*columns)
    )
    listed: list[dict[str, Any]] = []
    rounds: dict[tuple[str, str], list[Any]] = {}
    for app, page, number, times, _ in sorted(found, key=lambda row: row[4] or 0):
        rounds.setdefault((app, page), []).append((number, times))
    for (app, page), some in rounds.items():
        name = f"{app} / {page}"
        if len(some) > 1:
            times = sum(times for _, times in some)
            listed.append({"value": f"{app}.{page}{EVERY_ROUND}", "name": f"{name}, all rounds", "times": times})
        listed += [
            {"value": str(Place(app, page, number)), "name": f"{name}, round {number}", "times": times}
            for number, times in some
        ]
    return listed


def rows(session_id: int, page: str) -> list[dict[str, Any]]:
    """What each bot answered there, by seat: COLUMNS, where an answer that was not given is None."""
    who = _bots(session_id)
    steps = db.query(*NEEDED).filter(Step.bot_id == Bot.id, Bot.session_id == session_id, KEPT)
    place = place_of(page)
    if place is None:
        return []
    steps = steps.filter(Step.app == place.app, Step.page == place.page)
    if not page.endswith(EVERY_ROUND):
        steps = steps.filter(Step.round_number == place.round)
    return [row for step in steps.order_by(Bot.number, Bot.id, Step.number) for row in _of_step(step, who[step.bot_id])]


def fields(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The fields of these rows, with how many answers each has; those that were never sent do not count."""
    times = Counter(row["field"] for row in rows if row["answer"] is not None and row["outcome"] != "left")
    names = {row["field"]: row["question"] for row in rows}
    return [{"value": field, "name": name, "times": times[field]} for field, name in names.items()]


def table(rows: Sequence[dict[str, Any]]) -> Iterator[Row]:
    """The same rows for a CSV file; the first is the header."""
    yield list(COLUMNS)
    for row in rows:
        yield [row[name] for name in COLUMNS]


def _of_step(step: Any, who: dict[str, Any]) -> Iterator[dict[str, Any]]:
    answers = json.loads(step.answers_json) if step.answers_json else {}
    common = {
        **who,
        "step": step.number,
        "app": step.app,
        "page": step.page,
        "round": step.round_number,
        "reason": step.reason or "",
        "remark": step.remark or "",
        "refusals": len(json.loads(step.refusals_json)),
        "outcome": step.outcome or "",
    }
    for field in asked(step, answers):
        name = field["name"]
        answer = text_of(answers[name]) if name in answers else None
        yield {**common, "field": name, "question": name_of(field), "answer": answer}


def _bots(session_id: int) -> dict[int, dict[str, Any]]:
    """Who each bot of a session is."""
    launches = db.query(Launch).filter_by(session_id=session_id)
    of_launch = {launch.id: (launch.code, [row.model for row in rows_of(launch)]) for launch in launches}
    columns = Bot.id, Bot.number, Bot.launch_id, Bot.row, Bot.persona_name, Bot.treatment, Participant.label
    found = db.query(*columns).filter(Bot.session_id == session_id, Bot.participant_id == Participant.id)
    who = {}
    for bot, seat, launch, row, persona, treatment, label in found:
        code, models = of_launch[launch]
        about = {"persona_name": persona or "", "treatment": treatment or "", "label": label or ""}
        who[bot] = {"bot": bot, "seat": seat, "launch": code, "model": models[row or 0], **about}
    return who
