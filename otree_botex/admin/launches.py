"""Starts bots, stops them, and starts them again."""

from __future__ import annotations

import json
import logging
import random
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from otree.common import random_chars_8
from otree.database import db
from otree.models import Participant, Session

from .. import plans, project_files
from ..errors import BotexError, SetupError
from ..models import Bot, Launch
from ..plans import Budget, Plan
from ..record import manifests
from ..record.memories import as_replayed
from ..record.rows import as_stored, budget_of, rows_of
from ..records import ENDED
from . import casting, columns, experiment, guard, hook, own, runners, seats
from .settings import bot_settings

logger = logging.getLogger("otree_botex")

IN_CONFIGS = ("personas", "prompts", "budget_cost", "budget_calls", "budget_tokens", "budget_then")
"""What a session config may set of a launch beside its model, after "llm_bots_"."""
GONE = (
    "Its runner has ended without a word (was it killed, or the machine restarted?). What it reported is on record. "
    "Click “Start again”: the bot goes on from where it was."
)


def launch(
    session: Session,
    taken: Sequence[Participant],
    plan: Plan,
    started_by: str,
    stand_in: Sequence[Participant] = (),
) -> Launch:
    """Puts bots on these seats and starts them. Some `stand_in`: they play only as long as their person does not come.

    Raises SetupError if the plan cannot be carried out here; nothing is recorded then and no seat is taken. A runner
    that cannot be started all the same is told by its bots, which have failed then.
    """
    plan = completed(plan)
    guard.check(plan.rows, plan.budget)
    if plan.prompts:
        project_files.prompts(Path.cwd(), plan.prompts)
    interpreters = [runners.interpreter(row.model) for row in plan.rows]
    server = runners.server()
    with seats.choosing:
        seats.refuse_busy(session, taken)
        earlier = db.query(Bot).filter(Bot.participant_id.in_([seat.id for seat in taken])).all()
        record = _record(session, taken, plan, started_by)
        bots = {bot.number: bot for bot in bots_of(record)}
        stop(earlier)  # those whose runner was given up, should it turn up again
        for seat in taken:
            # as if its link had been opened: nobody else is given this seat from now on
            seat.initialize(None)
            bot = bots[seat.id_in_session]
            bot.stands_in = seat in stand_in
            columns.taken_by_bot(session, seat, plan.rows[bot.row].model, bot.persona)
        _start(record, list(bots.values()), interpreters, server)
    return record


def completed(plan: Plan) -> Plan:
    """A plan with what only this server knows: the models' addresses, what a replay repeats, a seed for its draws.

    Raises SetupError if there is no such launch to be replayed.
    """
    addresses = bot_settings().models
    rows = tuple(
        replace(
            row,
            parameters=as_replayed(own.record(), row.parameters) if row.parameters.replayed else row.parameters,
            api_base=addresses.get(row.model),
        )
        for row in plan.rows
    )
    return replace(plan, rows=rows, seed=random.randrange(2**31) if plan.seed is None else plan.seed)


def _start(
    record: Launch, bots: Sequence[Bot], interpreters: Sequence[str], server: str, goes_on: bool = False
) -> None:
    """Starts a process for each row of the mix."""
    for row, interpreter in enumerate(interpreters):
        some = [bot for bot in bots if (bot.row or 0) == row]
        try:
            if some:
                runners.start(record, some, interpreter, server, goes_on)
        except SetupError as error:
            fail(some, str(error))


def _record(session: Session, taken: Sequence[Participant], plan: Plan, started_by: str) -> Launch:
    """Writes a launch and its bots down, with who plays where if the plan is complete. Raises SetupError if it does not
    fit the seats, or if there are no such personas."""
    rows, personas = casting.cast(taken, plan) if plan.seed is not None else ({}, {})
    record = Launch(
        session=session,
        session_code=session.code,
        server=hook.server_url() or "",
        code=random_chars_8(),
        rows_json=as_stored(plan.rows),
        assignment_json=_assignment(plan),
        prompts=plan.prompts,
        is_pretest=plan.pretest,
        budget_json=json.dumps(plan.budget.as_json()),
        experiment_json=json.dumps(experiment.facts(session), ensure_ascii=False),
        versions_json=json.dumps(experiment.versions()),
        runners_json="[]",
        started_by=started_by,
        started_at=time.time(),
    )
    db.add(record)
    db._db.flush()
    of_people = seats.of_people(session.id)
    for seat in taken:
        number = seat.id_in_session
        row, persona = rows.get(number, 0), personas.get(number)
        bot = Bot(
            session=session,
            launch_id=record.id,
            participant_id=seat.id,
            participant_code=seat.code,
            number=number,
            row=row,
            persona=persona.text if persona else "",
            persona_name=persona.name if persona else "",
            seed=plan.rows[row].parameters.seed_of(number),
            treatment=experiment.treatment(seat),
            with_person=seat.id in of_people,
            state="starting",
            started_at=time.time(),
            heard_at=time.time(),
        )
        db.add(bot)
    db._db.flush()
    return record


def _assignment(plan: Plan) -> str:
    return json.dumps({"how": plan.how, "seed": plan.seed, "over": plan.over})


def _complete(record: Launch) -> None:
    """Draws who plays where in a launch that could not be started, if that was not done. Raises as `launch` does."""
    if json.loads(record.assignment_json)["seed"] is not None:
        return
    plan = completed(Plan(tuple(rows_of(record)), prompts=record.prompts, budget=budget_of(record)))
    bots = bots_of(record)
    taken = db.query(Participant).filter(Participant.id.in_([bot.participant_id for bot in bots]))
    _, personas = casting.cast(taken.order_by(Participant.id_in_session).all(), plan)
    record.rows_json, record.assignment_json = as_stored(plan.rows), _assignment(plan)
    for bot in bots:
        persona = personas.get(bot.number)
        bot.persona, bot.persona_name = (persona.text, persona.name) if persona else ("", "")


def start_from_config(session: Session) -> None:
    """Starts the bots that a new session's config asks for. What goes wrong is recorded for the tab to show."""
    config = session.config
    if not config.get("llm_bots_start"):
        return
    number = int(config.get("llm_bots") or 0)
    if number < 1:
        logger.warning("Session %s: llm_bots_start is set, but llm_bots names no number of seats.", session.code)
        return
    given = {name: config.get(f"llm_bots_{name}") for name in IN_CONFIGS}
    given["model"] = config.get("llm_bots_model") or "random"
    try:
        asked = plans.plan(given)
    except BotexError as error:
        logger.error("Session %s: its config does not say how to start bots. %s", session.code, error)
        return
    try:
        with seats.choosing:
            launch(session, seats.some(session, number), asked, "session config")
    except BotexError as error:
        logger.error("Session %s: the bots could not be started. %s", session.code, error)
        # as they were asked for: what is missing is looked for when they are started again
        fail(bots_of(_record(session, seats.free(session)[-number:], asked, "session config")), str(error))
    db.commit()


def start_again(bots: Sequence[Bot]) -> None:
    """Lets bots that failed, were stopped or lost their runner go on from where their participants are.

    Those are left out whose seat a person has meanwhile. Raises SetupError if that is so of all, or if their model
    cannot be played with now, or must not without a limit.
    """
    from . import ticker

    ended = [bot for bot in bots if state(bot)[0] in ("failed", "stopped")]
    of_ended = db.query(Participant).filter(Participant.id.in_([bot.participant_id for bot in ended]))
    seat_of = {seat.id: seat for seat in of_ended}
    waiting = [bot for bot in ended if not seats.has_person(seat_of[bot.participant_id]._last_request_timestamp, bot)]
    if ended and not waiting:
        people = ", ".join(f"P{bot.number}" for bot in ended)
        raise SetupError(f"A person plays on {people} by now. To have a bot play there all the same, use “Seats”.")
    for launch_id in {bot.launch_id for bot in waiting}:
        record = db.query(Launch).filter_by(id=launch_id).one()
        again = [bot for bot in waiting if bot.launch_id == launch_id]
        _complete(record)
        guard.check(rows_of(record), budget_of(record))
        interpreters, server = [runners.interpreter(row.model) for row in rows_of(record)], runners.server()
        for bot in again:
            bot.state, bot.error, bot.cause, bot.stop_wanted, bot.ended_at = "starting", "", "", False, None
            bot.pause_wanted = False
            seat_of[bot.participant_id].initialize(None)
            columns.settle(seat_of[bot.participant_id])
        _start(record, again, interpreters, server, goes_on=True)
    ticker.wake()  # some may stand in for people


def pause(bots: Sequence[Bot]) -> None:
    """Asks bots to do nothing more until they are asked to go on."""
    for bot in bots:
        bot.pause_wanted = bot.state not in ENDED


def go_on(bots: Sequence[Bot]) -> None:
    """Lets bots that were asked to pause go on."""
    for bot in bots:
        bot.pause_wanted = False


def set_budget(record: Launch, budget: Budget) -> None:
    """Gives a launch other limits. Raises SetupError if it must not be without."""
    guard.check(rows_of(record), budget)
    record.budget_json = json.dumps(budget.as_json())


def stop(bots: Sequence[Bot]) -> None:
    """Asks bots to stop. Those whose runner is gone have failed and remain so; should it turn up again, it is told."""
    for bot in bots:
        if bot.state not in ENDED:
            bot.stop_wanted = True


def fail(bots: Sequence[Bot], error: str) -> None:
    """Ends bots that could not be started."""
    for bot in bots:
        bot.state, bot.error, bot.cause, bot.ended_at = "failed", error, "setup", time.time()


def state(bot: Bot) -> tuple[str, str]:
    """What a bot is doing, and why it failed if it did. A bot that still plays but whose runner is gone has failed."""
    if bot.state not in ENDED and not runners.is_running(bot):
        return "failed", GONE
    return bot.state, bot.error or ""


def bots_of(record: Launch) -> list[Bot]:
    """The bots of a launch, by seat."""
    return list(db.query(Bot).filter_by(launch_id=record.id).order_by(Bot.number))


def of_bot(bot: Bot) -> Launch:
    """The launch of a bot."""
    return db.query(Launch).filter_by(id=bot.launch_id).one()


def manifest(record: Launch) -> dict[str, Any]:
    """All that shaped the answers of a launch, and what became of each seat."""
    return manifests.manifest(own.record(), record, humans=len(seats.of_people(record.session_id)), now=state)
