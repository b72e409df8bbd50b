"""How a bot talks in the chats of a page: by turns, until it has finished, nobody answers, or a limit is reached."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from ..errors import PageError, TimeUp
from ..records import Launch
from .browser import Browser
from .chat import Line, Talk, TalkError
from .decision import Decision
from .gate import Gate
from .journal import BotJournal
from .mind import Mind
from .page import Page
from .pictures import Picture

SILENCE_SECONDS = 15.0
"""How long a bot waits for an answer before it is asked whether it has more to say."""
SILENCES = 2
"""So often in a row nobody answers before it takes the talk to be over; once if it has nothing to add itself."""
TURNS_PER_MESSAGE = 3
"""A bot may also listen without writing: it is asked at most so often for each message that it may write."""
RESERVE, LEAST_RESERVE_SECONDS = 2.0, 5.0
"""On a page with a timer so many times the longest reply so far is left for the decision, and at least so long."""
RECKONINGS = 3
"""How often a decision is thought over because somebody said something while it was made."""


@dataclass(frozen=True)
class TalkLimits:
    """How much one bot may talk on one page: messages, and US dollars (None: no limit in money)."""

    messages: int = Launch.chat_messages
    cost: float | None = Launch.chat_cost


def talk_and_decide(
    browser: Browser,
    mind: Mind,
    journal: BotJournal,
    gate: Gate,
    page: Page,
    limits: TalkLimits,
    deadline: float | None,
    pictures: Sequence[Picture],
) -> Decision:
    """A decision on a page with chats, made when the talk there is over. What is said passes the bot's `gate`.

    Raises what `Mind.decide` raises, and PageError if a chat cannot be opened.
    """
    try:
        with browser.talk(page) as talk:
            talker = _Talker(mind, journal, gate, page, talk, limits, deadline, pictures)
            for _ in range(RECKONINGS):
                heard = talker.talk()
                if not page.form.fields:
                    return Decision(entries=page.form.fixed)
                decision = mind.decide(page, heard=heard, deadline=deadline, pictures=pictures)
                if not talker.hears_more():
                    break
            return decision
    except TalkError as error:
        raise PageError(f"A chat of {page.place} cannot be reached: {error}") from None


def _others(lines: Sequence[Line]) -> bool:
    """Whether somebody else said something."""
    return any(not line.mine for line in lines)


class _Talker:
    """One bot in the chats of one page."""

    def __init__(
        self,
        mind: Mind,
        journal: BotJournal,
        gate: Gate,
        page: Page,
        talk: Talk,
        limits: TalkLimits,
        deadline: float | None,
        pictures: Sequence[Picture],
    ) -> None:
        self.mind, self.journal, self.gate, self.page, self.chats = mind, journal, gate, page, talk
        self.limits, self.deadline, self.pictures = limits, deadline, pictures
        self.messages = self.turns = 0
        self.cost_before, self.slowest = mind.cost, LEAST_RESERVE_SECONDS / RESERVE
        self.news: list[Line] = self._note(talk.heard())

    def talk(self) -> list[Line]:
        """Takes turns until the talk is over. Returns what was heard since the bot's last turn."""
        silences = 0
        while silences < SILENCES and self._may_go_on():
            heard, self.news = self.news, []
            self.turns += 1
            began = time.monotonic()
            try:
                turn = self.mind.talk(self.page, heard, self._end_of_talk(), self.pictures)
            except TimeUp:
                break  # what is left of the time is for the decision
            self.slowest = max(self.slowest, time.monotonic() - began)
            if turn.say:
                self.journal.settle()
            for chat, text in turn.say.items():
                self.gate.enter()  # its seat may have been taken back while its model thought
                self.chats.say(chat, text)
                self.messages += 1
            self.news += self._note(self.chats.heard())
            self.journal.state("thinking" if turn.done else "waiting")
            if turn.done or (silences and not turn.say):
                break
            if not _others(self.news):
                self.news += self._note(self.chats.listen(min(SILENCE_SECONDS, self._seconds_left())))
            silences = 0 if _others(self.news) else silences + 1
        self.journal.state("thinking")
        heard, self.news = self.news, []
        return heard

    def hears_more(self) -> bool:
        """Whether somebody else has said something that the bot may still answer."""
        self.news += self._note(self.chats.heard())
        return self._may_go_on() and _others(self.news)

    def _may_go_on(self) -> bool:
        limit = self.limits
        return (
            self.messages < limit.messages
            and self.turns < TURNS_PER_MESSAGE * limit.messages
            and (limit.cost is None or self.mind.cost - self.cost_before < limit.cost)
            and self._seconds_left() > 0
        )

    def _end_of_talk(self) -> float | None:
        """Until when there is time for talking: as much as a decision may take is left of the page's."""
        return None if self.deadline is None else self.deadline - RESERVE * self.slowest

    def _seconds_left(self) -> float:
        end = self._end_of_talk()
        return SILENCE_SECONDS if end is None else end - time.monotonic()

    def _note(self, lines: list[Line]) -> list[Line]:
        for line in lines:
            self.journal.write("chat", chat=line.chat, who=line.who, text=line.text, mine=line.mine)
        return lines
