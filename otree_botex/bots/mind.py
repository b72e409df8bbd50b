"""What decides: reads pages, asks the model, checks its replies. One per bot.

What the check of the reply, the form or oTree refuses goes back to the model in words, a bounded number of times.
Nothing is ever answered on its behalf.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any

from ..llm import ACT, ACT_AGAIN, LLM, Completion, Schema
from ..passing import lasting
from ..records import Memory, MemoryMode
from . import actions
from .actions import Action
from .chat import Line, as_text
from .conversation import Conversation
from .decision import TIMED_OUT, Decision
from .gate import Gate
from .journal import BotJournal
from .page import Page
from .pictures import Picture
from .refusals import FORM, REPLY, SERVER, Refusals
from .replies import (
    Turn,
    Unusable,
    json_object,
    read_answers,
    read_notes,
    read_reason,
    read_remark,
    read_turn,
    talk_schema,
    with_notes,
    with_remark,
)
from .scene import Scene
from .waiting import says_nothing
from .wording import Prompts

TURNS_SHOWN = 12
"""A page that is acted on is shown anew after so many turns: what was said on it grows longer than the page."""


class Mind:
    """Decides for one bot.

    `seed` makes a model's replies repeatable where it honours one; `attempts` is how many replies to one page may be
    refused; `memory` says what is remembered of earlier pages, `seat` for whom the model is asked, `persona` who the
    bot is to be. In a `pretest` it is asked for remarks on the pages. Each question passes the bot's `gate`.
    """

    def __init__(
        self,
        llm: LLM,
        journal: BotJournal,
        gate: Gate,
        *,
        seed: int | None = None,
        attempts: int = 5,
        memory: MemoryMode = "full",
        seat: int = 0,
        persona: str = "",
        pretest: bool = False,
        prompts: Prompts | None = None,
    ) -> None:
        self._prompts = prompts = prompts or Prompts()
        system = prompts.first(memory, persona, pretest)
        self._conversation = Conversation(
            llm, journal, gate, seed, memory=memory, seat=seat, prompts=prompts, system=system
        )
        self._refusals = Refusals(self._conversation, journal, attempts, prompts)
        self._journal, self._takes_notes, self._remarks_on_pages = journal, memory == "summary", pretest
        self._waited = ""
        self._page: Page | None = None
        self._said: Mapping[str, Any] = {}
        self._reason = ""
        self._remarks: list[str] = []
        self._demanded: set[str] = set()
        self._memory = Memory()
        self._turn = 0
        self._deeds: list[str] = []

    @property
    def cost(self) -> float:
        """US dollars for all replies so far, as far as prices are known."""
        return self._conversation.cost

    def restore(self, memory: Memory) -> None:
        """Goes on from what an earlier runner recorded."""
        self._conversation.restore(memory)
        self._memory = memory

    def read(self, page: Page, pictures: Sequence[Picture] = ()) -> None:
        """Takes note of a page on which there is nothing to decide: it is shown to the model with the next one.

        Of wait pages only those are noted that differ from the one before and have more than oTree's own words.
        """
        if page.is_wait:
            if page.text == self._waited or says_nothing(page.text):
                return
            self._waited = page.text
        self._conversation.read(page.text, pictures)

    def decide(
        self,
        page: Page,
        *,
        heard: Sequence[Line] | None = None,
        deadline: float | None = None,
        pictures: Sequence[Picture] = (),
    ) -> Decision:
        """One decision that the form takes: after talking, of which `heard` is the end, else on a page as it comes.
        Called again with the same page, the model is told what oTree refused of the last.

        Raises Refused when too many replies were refused, ModelError when the model cannot answer, TimeUp when it has
        not answered by the `deadline` (of time.monotonic()), and Stopped.
        """
        if self._memory.page == page.number and not page.errors and self._asks_the_same(page):
            return self._take_up(page)
        is_new = self._see(page, pictures)
        if heard is not None:
            name = "talked_summary" if self._takes_notes else "talked"
            self._conversation.say(self._prompts(name, heard=as_text(heard)), again=as_text(heard))
        elif not is_new:
            self._hear_of_refusal(page)
        self._page, form = page, page.form.requiring(self._demanded)
        schema = self._asked_for(form.schema())
        while True:
            self._refusals.attempt += 1
            completion = self._ask(schema, "decision", deadline, form.questions)
            try:
                reply = read_answers(completion)
            except Unusable as error:
                self._refusals.tell(REPLY, {"": str(error)}, completion.text, cause=error.cause)
                continue
            self._reason, self._said = reply.reason, reply.answers
            self._remarks.append(reply.remark)
            filled = form.fill(self._said)
            if filled.refused:
                self._refusals.tell(FORM, filled.refused, self._said)
                continue
            self._conversation.keep_notes(reply.notes)
            return self._decided(page, Decision(self._said, self._reason, tuple(filled.entries), filled.action))

    def talk(
        self, page: Page, heard: Sequence[Line], deadline: float | None = None, pictures: Sequence[Picture] = ()
    ) -> Turn:
        """What a bot says in the chats of a page, after what was `heard` there since its last turn.

        Raises as `decide` does.
        """
        self._see(page, pictures)
        self._conversation.say(self._prompts("talk", heard=as_text(heard)), again=as_text(heard))
        completion = self._ask(talk_schema(page.chats), "talk", deadline)
        try:
            return read_turn(completion, page.chats)
        except Unusable as error:
            # a bot that cannot bring out a message stays silent; what it decides is another matter
            self._refusals.write(REPLY, {"": str(error)}, completion.text)
            return Turn()

    def act(
        self,
        page: Page,
        scene: Scene,
        news: str,
        *,
        anew: bool = False,
        deadline: float | None = None,
        pictures: Sequence[Picture] = (),
    ) -> list[Action]:
        """A few actions on a page that stands in a browser as this `scene`; `news` is what happened there since the
        last ones, with which it is shown `anew` if that is wanted. Raises as `decide` does."""
        now = self._as_text(scene)
        if self._see(replace(page, text=f"{now}\n\n{self._prompts('act')}"), pictures):
            self._turn, self._deeds = 0, []
        elif anew or self._turn % TURNS_SHOWN == 0:
            shown = self._prompts("so_far", deeds=_listed(self._deeds), news=news, page=now)
            self._conversation.show_anew(f"{shown}\n\n{self._prompts('act')}", pictures)
        else:
            self._conversation.say(self._prompts("acted", news=news))
        self._turn += 1
        self._refusals.begin_again()
        schema, purpose = self._asked_for(actions.schema(scene)), ACT if self._turn == 1 else ACT_AGAIN
        while True:
            self._refusals.attempt += 1
            completion = self._ask(schema, purpose, deadline)
            try:
                data = json_object(completion)
                plan = actions.read_actions(data, scene)
            except Unusable as error:
                self._refusals.tell(REPLY, {"": str(error)}, completion.text, cause=error.cause)
                continue
            self._reason = read_reason(data)
            self._remarks.append(read_remark(data))
            self._conversation.keep_notes(read_notes(completion.text))
            what = {"actions": [one.as_json() for one in plan], "words": [one.describe(scene) for one in plan]}
            what |= {"attempt": self._turn, "reason": self._reason}
            self._journal.write("event", what="actions", data=what)
            self._journal.settle()
            return plan

    def look_again(self) -> None:
        """The page at hand has to be shown anew: it was opened again."""
        self._page = None

    def start_over(self, page: Page) -> None:
        """oTree refused the last decision for what is not in the form: the page has to be shown anew, in a browser."""
        self._refusals.write(SERVER, page.errors, None)
        self.look_again()

    def did(self, scene: Scene, done: Sequence[Action]) -> None:
        """Which of the last actions were done, for when the page is shown anew."""
        self._deeds += [action.describe(scene) for action in done]

    def did_not(self, scene: Scene, actions: Sequence[Action]) -> None:
        """Which of them could not be done because the page was left. The model is told with its next page."""
        what = "\n".join(f"- {action.describe(scene)}" for action in actions)
        self._conversation.read(self._prompts("not_done", actions=what))

    def time_is_up(self) -> None:
        """The page's time was up before it was said what to do. The model is told with its next page."""
        self._tell_later(self._prompts("time_up"))

    def acted(self, calls: int, posted: Sequence[Sequence[str]]) -> None:
        """Writes down what the page sent in the end: what was decided there, by the names of the form."""
        values: dict[str, list[str]] = {}
        for name, value in posted:
            if name != TIMED_OUT[0]:
                values.setdefault(name, []).append(value)
        answers = {name: some[0] if len(some) == 1 else some for name, some in values.items()}
        self._write_decision(calls, answers, self._reason, posted)

    def run_out(self, page: Page) -> Decision:
        """What a browser sends when a page's time is up: those of the last answers here that the form takes, and what
        stands in the other fields. The model is told with its next page."""
        said = self._said if self._is_here(page) else {}
        refused = page.form.fill(said).refused
        kept = {key: value for key, value in said.items() if key not in refused}
        self.time_is_up()
        entries = (*page.form.partly(kept), TIMED_OUT)
        self._refusals.attempt += 1
        return self._decided(page, Decision(kept, self._reason if kept else "", entries))

    def repeat(self, page: Page, decision: Decision) -> Decision:
        """The same decision again, which oTree refused only because it came too early. No model is asked."""
        self._refusals.write(SERVER, page.errors, None)
        return self._decided(page, decision)

    def moved_on(self) -> None:
        """Somebody else (the experimenter, oTree's timer) took the participant off the page before its answers were
        sent. The model is told with its next page."""
        self._tell_later(self._prompts("moved_on"))

    def _ask(
        self, schema: Schema, purpose: str, deadline: float | None, questions: Callable[[], str] = str
    ) -> Completion:
        return self._conversation.ask(
            schema, purpose, refused=self._refusals.answers, deadline=deadline, questions=questions
        )

    def _asked_for(self, schema: Schema) -> Schema:
        """A decision's schema with all else that a reply has to have."""
        if self._remarks_on_pages:
            schema = with_remark(schema)
        return with_notes(schema) if self._takes_notes else schema

    def _is_here(self, page: Page) -> bool:
        return self._page is not None and self._page.number == page.number

    def _see(self, page: Page, pictures: Sequence[Picture]) -> bool:
        """Shows a page that is new, after those read since the last. False if it is not."""
        if self._is_here(page):
            return False
        self._page = page
        self._said, self._reason, self._remarks, self._demanded = {}, "", [], set()
        self._refusals.begin(page.form.names())
        self._conversation.show(page.number, page.text, pictures)
        return True

    def _as_text(self, scene: Scene) -> str:
        """A page as a model is shown it, with the dialog that stands in front of it."""
        if scene.dialog is None:
            return scene.text
        dialog = self._prompts("dialog", kind=scene.dialog.kind, message=scene.dialog.message)
        return f"{scene.text}\n\n{dialog}"

    def _tell_later(self, what: str) -> None:
        """What was said on this page and not replied to is said again with the next, and how this page ended."""
        self._conversation.take_back()
        self._conversation.read(what)

    def _asks_the_same(self, page: Page) -> bool:
        """Whether the recorded answers are to the questions of this page, which may have changed when loaded again."""
        answers = self._memory.answers
        return answers is not None and set(answers) == set(page.form.names().values())

    def _take_up(self, page: Page) -> Decision:
        """The decision that was made here before the runner was interrupted, perhaps without being sent."""
        memory, self._memory = self._memory, Memory()
        keys = {name: key for key, name in page.form.names().items()}
        self._said = {keys.get(name, name): answer for name, answer in (memory.answers or {}).items()}
        self._page, self._reason = page, memory.reason
        self._refusals.begin(page.form.names())
        self._refusals.attempt = 1
        entries = tuple((name, value) for name, value in memory.entries)
        return self._decided(page, Decision(self._said, memory.reason, entries, page.form.fill(self._said).action))

    def _decided(self, page: Page, decision: Decision) -> Decision:
        """Writes a decision down. When this returns it may be sent."""
        names = page.form.names()
        answers = {names[key]: answer for key, answer in decision.answers.items()}
        self._write_decision(self._refusals.attempt, answers, decision.reason, decision.entries)
        self._journal.settle()
        return decision

    def _write_decision(
        self, attempt: int, answers: Mapping[str, Any], reason: str, entries: Sequence[Sequence[str]]
    ) -> None:
        remark = "\n".join(dict.fromkeys(filter(None, self._remarks))) if self._remarks_on_pages else ""
        sent = [list(entry) for entry in entries]
        self._journal.write("decision", attempt=attempt, answers=answers, reason=reason, entries=sent, remark=remark)

    def _hear_of_refusal(self, page: Page) -> None:
        errors = _by_key(page, page.errors)
        # forms do not always say in their HTML what may not be left empty; oTree does when it was
        self._demanded |= {key for key in errors if key in self._said and self._said[key] is None}
        before = self._page.text if self._page else ""
        changed = lasting(page.text) != lasting(before)
        self._refusals.tell(SERVER, errors, self._said, self._prompts("changed", text=page.text) if changed else "")


def _listed(deeds: Sequence[str]) -> str:
    """What was done, a line each; what was done several times on end stands there once."""
    times = [(deed, len(list(same))) for deed, same in groupby(deeds)]
    return "\n".join(f"- {deed} ({number} times)" if number > 1 else f"- {deed}" for deed, number in times)


def _by_key(page: Page, errors: Mapping[str, str]) -> dict[str, str]:
    """What oTree refused, by field key; a page that comes back without saying why is refused as a whole."""
    keys = {field.name: field.key for field in page.form.fields}
    return {keys.get(name, name): text for name, text in errors.items()} or {"": "the page came back unchanged"}
