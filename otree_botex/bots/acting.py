"""How a bot acts on a page that lives by its scripts: it looks, decides on a few actions, does them one by one until
something unexpected happens, and looks again, until the page is behind it.

The model is asked when something that a person would notice has changed, or when the time is over that it wanted to
wait, and never more often than the limits of the launch allow.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ..errors import PageError, TimeUp
from ..records import Outcome
from .actions import Action
from .browser import left_for
from .changes import changes
from .decision import TIMED_OUT
from .gate import Gate
from .journal import BotJournal
from .limits import PageLimits, Spent
from .mind import Mind
from .pace import Pace
from .page import Page, read_page
from .pictures import Picture
from .scene import Scene
from .traces import Traces
from .window import MOVING_SECONDS, OVERTIME_SECONDS

if TYPE_CHECKING:
    from .chromium.tab import Tab

NOTHING = "Nothing on the page has changed."
SHORT_PATIENCE = 30
"""So many seconds at a time a bot may wait on a page that has neither a timer nor a live connection."""
VAIN = 2
"""So often a page may be sent in vain one after the other, with nothing else done between."""
IN_VAIN = "It came back each time. Do something else before you send it again."


@dataclass
class Actor:
    """One bot on one page, which its tab shows as this scene. The page's time is up at the `deadline` (of
    time.monotonic()); a `pace` holds the bot up as a person would be. Before each thing that it does it passes its
    `gate`, and looks again if it was paused there."""

    tab: Tab
    mind: Mind
    journal: BotJournal
    gate: Gate
    page: Page
    scene: Scene
    limits: PageLimits
    deadline: float | None
    pictures: Sequence[Picture] = ()
    pace: Pace | None = None

    def __post_init__(self) -> None:
        self.spent = Spent(self.limits, self.journal, self.gate)
        self.loads, self.shown = self.tab.loads, self.scene
        self.seen_at = self.shown_at = time.monotonic()
        self.traces = Traces(self.tab, self.journal, self.page, self.scene)
        self.touched: set[int] = set()
        self.is_stuck = False
        self.in_vain = 0
        self.after: Page | None = None

    def play(self) -> Page:
        """Plays the page, writes down what happens there, and returns the page that comes then.

        Raises LimitReached if it was not left within the limits, what `Mind.act` raises, and what the tab raises.
        """
        try:
            after = self._play()
        finally:
            self.traces.note(self.scene)
        self._leave()
        return after

    # ---- the story

    def _play(self) -> Page:
        news = ""
        while not self._is_left():
            if self.gate.enter():
                self._look()
                continue
            if not self.spent.may_ask():
                self._sit_out()
                break
            try:
                plan = self.mind.act(
                    self.page, self._offered(), news, anew=self.is_stuck, deadline=self._until(), pictures=self.pictures
                )
            except TimeUp:
                self.mind.time_is_up()
                self._sit_out()
                break
            self.spent.calls += 1
            self.shown, self.shown_at, self.touched, self.traces.said = self.scene, self.seen_at, set(), []
            self._take_time(news or self.scene.text, plan)
            self._do(plan)
            if not self._is_left():
                news = self._news(plan)
        assert self.after is not None
        return self.after

    def _leave(self) -> None:
        """Writes down what was decided here in the end, and how the page was left."""
        outcome: Outcome = "submitted" if self.traces.was_sent else "left"
        if list(TIMED_OUT) in self.traces.posted:
            outcome = "timed out"
        self.mind.acted(self.spent.calls, self.traces.posted)
        self.journal.left(outcome, self.traces.is_untouched)

    def _offered(self) -> Scene:
        """The page as it stands, with what it is of any use to do there."""
        patience = self.scene.patience if self._runs_on else SHORT_PATIENCE
        return replace(self.scene, sends=self.in_vain < VAIN, patience=patience)

    @property
    def _runs_on(self) -> bool:
        """Whether the page is one that changes without the bot's doing."""
        return self.page.is_live or self.deadline is not None

    # ---- what is done

    def _do(self, plan: Sequence[Action]) -> None:
        """Does what was planned, one after the other, as long as the page stays as it was seen to be."""
        done, surprise, failed = 0, "", ""
        self._look()
        for action in plan:
            if self.gate.enter():
                self._look()
            has_waited = done > 0 and action.do == plan[done - 1].do == "wait"
            surprise = surprise or (NOTHING if has_waited else self._differs(action))
            if surprise or self._is_left() or not self.spent.may_act():
                break
            before, began, said = self.scene, time.monotonic(), len(self.traces.said)
            self.in_vain = self.in_vain if action.do == "submit" else 0
            failed = self._try(action, before)
            self.spent.actions += 1
            if failed:
                break
            done += 1
            self._touch(action, before)
            self._look()
            if self._is_left():
                break
            if len(self.traces.said) > said:
                surprise = self.traces.said[-1]
            else:
                echo = action.describe(before) if action.do != "wait" else ""
                surprise = changes(before, self.scene, time.monotonic() - began, self.touched, echo)
        if failed:
            self.traces.said.append(f"“{plan[done].describe(self.shown)}” could not be done: {failed}.")
        if done < len(plan) and not self._is_left():
            left_out = len(plan) - done - bool(failed)
            if left_out:
                last = "action was" if left_out == 1 else f"{left_out} actions were"
                self.traces.said.append(f"Your last {last} not done, because of what happened before.")
        surprise = surprise if done < len(plan) else ""
        what = {"done": done, "of": len(plan), "surprise": surprise, "failed": failed}
        self.journal.write("event", what="done", data=what)
        self.mind.did(self.shown, plan[:done])
        if done < len(plan) and self._is_left():
            self.mind.did_not(self.shown, plan[done:])

    def _take_time(self, read: str, plan: Sequence[Action]) -> None:
        """At a person's pace, what is left of the time passes that a person would take to read this, which the model
        was shown, and to think about each of the controls that it uses."""
        if self.pace is not None:
            used = {action.control for action in plan if action.control is not None}
            end = min(self.seen_at + self.pace.seconds(read, len(used)), self._until() or self.spent.end)
            self.tab.sleep(max(end - time.monotonic(), 0))

    def _try(self, action: Action, scene: Scene) -> str:
        """Does one thing. Returns why it could not be done; "" if it was."""
        from .chromium.tab import Impossible, Moved

        if action.do == "wait":
            self._wait(float(action.value))
            return ""
        self.traces.note(self.scene)
        try:
            self.tab.act(action, scene)
        except Impossible as error:
            return str(error)
        except Moved:
            pass
        finally:
            self.traces.note(scene, by="bot")
        return ""

    def _differs(self, action: Action) -> str:
        """What is different about the controls that an action is about from what the model was shown."""
        for number in (action.control, action.to):
            if number is None or number in self.touched:
                continue
            was, now = self.shown.find(number), self.scene.find(number)
            if was is not None and now is None:
                return f"{was.text} is not there any more."
            if was is not None and now is not None and (was.name, was.uses) != (now.name, now.uses):
                return f"{was.text} is now {now.text}."
        if action.do == "submit" and self.scene.submit is None:
            return "The button that submits the page cannot be used any more."
        return ""

    def _touch(self, action: Action, scene: Scene) -> None:
        numbers = [number for number in (action.control, action.to) if number is not None]
        controls = [control for number in numbers if (control := scene.find(number)) is not None]
        self.touched |= {control.number for control in controls}
        self.traces.touch(controls, decides=action.do in ("press", "answer"))

    def _wait(self, seconds: float) -> None:
        """Until something changes that a person would notice, or the time is over."""
        began, before = time.monotonic(), self.scene
        end = min(began + seconds, self._until() or began + seconds, self.spent.end)
        self.journal.state("waiting")
        while (left := end - time.monotonic()) > 0 and not self._is_left():
            if self.tab.watch(min(left, 60.0)):
                self._look()
                if not self._is_left() and changes(before, self.scene, time.monotonic() - began):
                    break
        self.journal.state("thinking")

    def _sit_out(self) -> None:
        """Nothing more is done here: the page is left by its own scripts, or by the experiment."""
        if self.deadline is None and not self.page.is_live:
            raise self.spent.too_much(self.page.place)
        end = self.spent.end
        if self.deadline is not None:
            end = max(min(end, self.deadline + OVERTIME_SECONDS), time.monotonic() + 1)
        self.journal.state("waiting")
        while not self._is_left():
            left = end - time.monotonic()
            if left <= 0:
                raise self.spent.too_much(self.page.place)
            if self.tab.watch(min(left, 60.0)):
                self._look()

    # ---- what is seen

    def _look(self) -> None:
        """The page as it stands now, or the one that has come instead."""
        from .chromium.tab import Moved

        end = time.monotonic() + MOVING_SECONDS
        while not self._is_left():
            try:
                view = self.tab.look()
            except Moved:
                if time.monotonic() > end:
                    raise PageError(f"{self.page.place} keeps going away while it is looked at.") from None
                self.tab.watch(1.0)
                continue
            if not self._is_left():  # else it is the next page that was seen
                self.scene, self.seen_at = view.scene, time.monotonic()
                self.traces.notice(view.scene)
            break
        self.traces.note(self.scene)

    def _is_left(self) -> bool:
        """Whether another page has come; one that comes back with errors is the same."""
        from .chromium.tab import Moved

        if self.after is None and self.tab.away:
            self.after = left_for(self.tab.away)
        elif self.after is None and self.tab.loads != self.loads:
            try:
                loads, document = self.tab.loads, self.tab.document()
            except Moved:
                return False
            self.loads = loads
            page = read_page(document.html, document.url, document.headers)
            if (page.url, page.kind) != (self.page.url, self.page.kind):
                self.after = page
            elif page.errors:
                self.traces.came_back(page.errors, self.spent.calls)
                self.in_vain += 1
            else:
                self.traces.said.append("The page was loaded anew.")
            if page.timeout is not None:
                self.deadline = time.monotonic() + page.timeout
        return self.after is not None

    def _news(self, plan: Sequence[Action]) -> str:
        """What happened since the model saw the page and had this plan, for the model. If nothing did, and this was not
        what it waited for, it is stuck: the page is shown to it anew."""
        changed = changes(self.shown, self.scene, time.monotonic() - self.shown_at)
        news = "\n\n".join([*self.traces.said, changed or NOTHING, *[IN_VAIN] * (self.in_vain >= VAIN)])
        only_waited = all(action.do == "wait" for action in plan)
        self.is_stuck = not changed and not (only_waited and self._runs_on)
        self.journal.write("event", what="changed", data={"text": news})
        return news

    def _until(self) -> float | None:
        """Until when there is time to think and act, by time.monotonic()."""
        return None if self.deadline is None else self.deadline - 1.0
