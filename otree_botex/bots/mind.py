"""What decides: reads pages, asks the model, checks its replies. One per bot.

What the check of the reply, the form or oTree refuses goes back to the model in words, a bounded number of times.
Nothing is ever answered on its behalf.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from threading import Event
from typing import Any

from ..errors import Refused
from ..llm import LLM, Completion, Schema
from ..passing import lasting
from ..records import Cause, Memory, MemoryMode
from .chat import Line, as_text
from .conversation import Conversation, prompt
from .journal import BotJournal
from .page import Page
from .pictures import Picture
from .replies import Turn, Unusable, read_answers, read_turn, talk_schema, with_notes
from .waiting import says_nothing

TIMED_OUT = ("timeout_happened", "1")
"""What oTree's own script adds to the form that it sends when a page's time is up."""


@dataclass(frozen=True)
class Decision:
    """What a bot decided on a page: its answers by field key, why, and what a browser would send for them and where
    (`action` is empty for the form's own address)."""

    answers: Mapping[str, Any] = field(default_factory=dict)
    reason: str = ""
    entries: tuple[tuple[str, str], ...] = ()
    action: str = ""


class Mind:
    """Decides for one bot.

    `seed` makes a model's replies repeatable where it honours one; `attempts` is how many replies to one page may be
    refused; `memory` says what is remembered of earlier pages, `seat` for whom the model is asked; `stop` ends waiting
    for a model that is out of reach.
    """

    def __init__(
        self,
        llm: LLM,
        journal: BotJournal,
        stop: Event,
        *,
        seed: int | None = None,
        attempts: int = 5,
        memory: MemoryMode = "full",
        seat: int = 0,
    ) -> None:
        self._conversation = Conversation(llm, journal, stop, seed, memory=memory, seat=seat)
        self._journal, self._attempts, self._takes_notes = journal, attempts, memory == "summary"
        self._waited = ""
        self._page: Page | None = None
        self._attempt = 0
        self._said: Mapping[str, Any] = {}
        self._reason = ""
        self._refused: dict[str, list[Any]] = {}
        self._causes: list[Cause] = []
        self._demanded: set[str] = set()
        self._memory = Memory()

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
            self._conversation.say(prompt(name, heard=as_text(heard)), again=as_text(heard))
        elif not is_new:
            self._hear_of_refusal(page)
        self._page, form = page, page.form.requiring(self._demanded)
        schema = with_notes(form.schema()) if self._takes_notes else form.schema()
        while True:
            self._attempt += 1
            completion = self._ask(schema, "decision", deadline, form.questions)
            try:
                reply = read_answers(completion)
            except Unusable as error:
                self._refuse("reply", {"": str(error)}, completion.text, cause=error.cause)
                continue
            self._reason, self._said = reply.reason, reply.answers
            filled = form.fill(self._said)
            if filled.refused:
                self._refuse("form", filled.refused, self._said)
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
        self._conversation.say(prompt("talk", heard=as_text(heard)), again=as_text(heard))
        completion = self._ask(talk_schema(page.chats), "talk", deadline)
        try:
            return read_turn(completion, page.chats)
        except Unusable as error:
            # a bot that cannot bring out a message stays silent; what it decides is another matter
            self._write_refusal("reply", {"": str(error)}, completion.text)
            return Turn()

    def run_out(self, page: Page) -> Decision:
        """What a browser sends when a page's time is up: those of the last answers here that the form takes, and what
        stands in the other fields. The model is told with its next page."""
        said = self._said if self._is_here(page) else {}
        refused = page.form.fill(said).refused
        kept = {key: value for key, value in said.items() if key not in refused}
        self._tell_later(prompt("time_up"))
        entries = (*page.form.partly(kept), TIMED_OUT)
        self._attempt += 1
        return self._decided(page, Decision(kept, self._reason if kept else "", entries))

    def repeat(self, page: Page, decision: Decision) -> Decision:
        """The same decision again, which oTree refused only because it came too early. No model is asked."""
        self._write_refusal("server", page.errors, None)
        return self._decided(page, decision)

    def moved_on(self) -> None:
        """Somebody else (the experimenter, oTree's timer) took the participant off the page before its answers were
        sent. The model is told with its next page."""
        self._tell_later(prompt("moved_on"))

    def _ask(
        self, schema: Schema, purpose: str, deadline: float | None, questions: Callable[[], str] = str
    ) -> Completion:
        return self._conversation.ask(schema, purpose, refused=self._refused, deadline=deadline, questions=questions)

    def _is_here(self, page: Page) -> bool:
        return self._page is not None and self._page.number == page.number

    def _see(self, page: Page, pictures: Sequence[Picture]) -> bool:
        """Shows a page that is new, after those read since the last. False if it is not."""
        if self._is_here(page):
            return False
        self._page = page
        self._attempt, self._said, self._reason = 0, {}, ""
        self._refused, self._causes, self._demanded = {}, [], set()
        self._conversation.show(page.number, page.text, pictures)
        return True

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
        self._page, self._attempt, self._reason = page, 1, memory.reason
        entries = tuple((name, value) for name, value in memory.entries)
        return self._decided(page, Decision(self._said, memory.reason, entries, page.form.fill(self._said).action))

    def _decided(self, page: Page, decision: Decision) -> Decision:
        """Writes a decision down. When this returns it may be sent."""
        names = page.form.names()
        answers = {names[key]: answer for key, answer in decision.answers.items()}
        entries = [list(entry) for entry in decision.entries]
        self._journal.write("decision", attempt=self._attempt, answers=answers, reason=decision.reason, entries=entries)
        self._journal.settle()
        return decision

    def _hear_of_refusal(self, page: Page) -> None:
        errors = _by_key(page, page.errors)
        # forms do not always say in their HTML what may not be left empty; oTree does when it was
        self._demanded |= {key for key in errors if key in self._said and self._said[key] is None}
        before = self._page.text if self._page else ""
        changed = lasting(page.text) != lasting(before)
        self._refuse("server", errors, self._said, prompt("changed", text=page.text) if changed else "")

    def _write_refusal(self, by: str, messages: Mapping[str, str], said: Any) -> None:
        names = self._page.form.names() if self._page else {}
        by_name = {names.get(key, key): text for key, text in messages.items()}
        on_record = {names.get(key, key): value for key, value in said.items()} if isinstance(said, Mapping) else said
        self._journal.write("refusal", attempt=self._attempt, by=by, messages=by_name, said=on_record)

    def _refuse(
        self, by: str, messages: Mapping[str, str], said: Any, news: str = "", cause: Cause = "refused"
    ) -> None:
        """Records a refusal and tells the model, with other news. Raises Refused when it was one too many."""
        self._write_refusal(by, messages, said)
        self._causes.append(cause)
        lines = [f"- {key}: {text}" if key else f"- {text}" for key, text in messages.items()]
        if self._attempt >= self._attempts:
            raise self._give_up(by, "; ".join(line[2:] for line in lines))
        if isinstance(said, Mapping):
            for key in messages or said:
                for refused in [key] if key in said else list(said):
                    self._refused.setdefault(refused, []).append(said[refused])
        told = prompt("refused", errors="\n".join(lines))
        self._conversation.say(f"{told}\n\n{news}" if news else told)

    def _give_up(self, by: str, last: str) -> Refused:
        """Why no more replies to this page are asked for."""
        every = set(self._causes)
        if every == {"empty"}:
            return Refused(f"All {self._attempt} replies to this page were empty.", "empty")
        if every == {"cut off"}:
            why = "were cut off before their end. Let the model write more (max_tokens), or choose another one."
            return Refused(f"All {self._attempt} replies to this page {why}", "cut off")
        whom = {"reply": ", which had not the form that is asked for", "form": " by the form", "server": " by oTree"}
        return Refused(f"{self._attempt} replies to this page were refused. The last one{whom[by]}: {last}")


def _by_key(page: Page, errors: Mapping[str, str]) -> dict[str, str]:
    """What oTree refused, by field key; a page that comes back without saying why is refused as a whole."""
    keys = {field.name: field.key for field in page.form.fields}
    return {keys.get(name, name): text for name, text in errors.items()} or {"": "the page came back unchanged"}
