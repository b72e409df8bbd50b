"""What the bots of a launch may still spend. One purse for all bots of a process, used from many threads.

Spent is what the server knows, of all of the launch's processes, and what this process has recorded and the server
has not acknowledged yet. What a question will take is put aside before it is asked, as far as it can be known. Of
other processes' questions one learns when the server tells of them, about a second later.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from threading import Lock
from typing import Any

ROUNDING = 1 + 1e-9
"""Sums of prices are a little off."""


@dataclass(frozen=True)
class Amount:
    """What something took, or may take: US dollars, calls to the model, tokens of requests and replies; and the replies
    among these whose price nobody knows, so that their dollars are missing."""

    cost: float = 0.0
    calls: int = 0
    tokens: int = 0
    unpriced: int = 0


KINDS = ("cost", "calls", "tokens")
"""What may have a limit."""


@dataclass(frozen=True)
class Hindrance:
    """Why a bot may do nothing now. It has to wait, or, if that `ends` it, to stop. If it `passes` by itself, as soon
    as others have their replies, the bot does not count as paused."""

    why: str = ""
    ends: bool = False
    passes: bool = False


@dataclass
class _Spent:
    """What a bot has spent: what the server knows of, up to the record that it has `acknowledged`; what it does not,
    by the numbers of the records; and what is put aside for a question that is on its way, if one is."""

    known: Amount = Amount()
    acknowledged: int = 0
    unknown: dict[int, Amount] = field(default_factory=dict)
    aside: Amount | None = None


class Purse:
    """The money of a launch. `reply_tokens` is the most that a reply may have; 0 if there is no limit to it."""

    def __init__(self, reply_tokens: int = 0) -> None:
        self._reply_tokens = reply_tokens
        self._lock = Lock()
        self._limits: Mapping[str, Any] = {}
        self._known = Amount()
        self._bots: dict[int, _Spent] = {}

    @property
    def counts_tokens(self) -> bool:
        """Whether it matters how many tokens a question has."""
        return any(self._limits.get(name) is not None for name in ("tokens", "bot_tokens"))

    def heed(self, reply: Mapping[str, Any]) -> None:
        """Takes note of the server's reply to a batch of records (see `records`)."""
        with self._lock:
            for bot, number in reply["acknowledged"].items():
                spent = self._of(int(bot))
                spent.acknowledged = number
                spent.unknown = {seq: amount for seq, amount in spent.unknown.items() if seq > number}
            budget = reply["budget"] or {"limits": {}, "spent": {}, "bots": {}}
            self._limits, self._known = budget["limits"], Amount(**budget["spent"])
            for bot, amount in budget["bots"].items():
                self._of(int(bot)).known = Amount(**amount)

    def put_aside(self, bot: int, tokens: int) -> Hindrance | None:
        """Puts aside what a bot's next question will take, whose messages have so many tokens; or says why it may not
        be asked."""
        with self._lock:
            needed, hindrance = Amount(calls=1), None
            if self._limits:
                needed = Amount(self._usual_cost(), 1, tokens + self._reply_tokens)
                hindrance = self._over(needed, bot) or self._over(needed)
            if hindrance is None:
                self._of(bot).aside = needed
            return hindrance

    def spend(self, bot: int, seq: int, amount: Amount) -> None:
        """What a bot spent by its record of this number, which is to be put aside no more."""
        with self._lock:
            spent = self._of(bot)
            if spent.aside is not None:
                left = {kind: 0 if getattr(amount, kind) else getattr(spent.aside, kind) for kind in KINDS}
                spent.aside = Amount(**left)
            if seq > spent.acknowledged:
                spent.unknown[seq] = amount

    def give_back(self, bot: int) -> None:
        """The bot's question is done with: nothing is put aside for it any more."""
        with self._lock:
            self._of(bot).aside = None

    def _of(self, bot: int) -> _Spent:
        return self._bots.setdefault(bot, _Spent())

    def _spent(self, bot: int | None = None) -> Amount:
        """What a bot, or the launch, has spent."""
        if bot is not None:
            return _sum([self._of(bot).known, *self._of(bot).unknown.values()])
        return _sum([self._known, *(amount for one in self._bots.values() for amount in one.unknown.values())])

    def _replied(self) -> int:
        """How many calls of the launch are over."""
        on_their_way = [one for one in self._bots.values() if one.aside is not None and not one.aside.calls]
        return self._spent().calls - len(on_their_way)

    def _usual_cost(self) -> float:
        return self._spent().cost / max(self._replied(), 1)

    def _over(self, needed: Amount, bot: int | None = None) -> Hindrance | None:
        """A limit, of a bot or of the launch, that would be exceeded by what is needed."""
        whose, spent = "" if bot is None else "bot_", self._spent(bot)
        limits = {kind: limit for kind in KINDS if (limit := self._limits.get(whose + kind)) is not None}
        ends = bool(self._limits) and self._limits["then"] == "stop"
        if "cost" in limits and spent.unpriced:
            return Hindrance(
                f"{_unpriced(whose, limits['cost'])} {_advice(ends, 'Limit calls or tokens instead')}", ends
            )
        for kind, limit in limits.items():
            if getattr(spent, kind) + getattr(needed, kind) > limit * ROUNDING:
                said = _said(whose, kind, getattr(spent, kind), getattr(needed, kind), limit)
                return Hindrance(f"{said} {_advice(ends, 'Raise it')}", ends=ends)
        aside = [one.aside for one in self._bots.values() if one.aside is not None] if bot is None else []
        together = _sum([spent, needed, *aside])
        is_over = any(getattr(together, kind) > limit * ROUNDING for kind, limit in limits.items())
        # the first question is asked alone: after it one knows what they cost
        is_first = bool(aside) and "cost" in limits and self._replied() < 1
        return Hindrance(passes=True) if is_over or is_first else None


def _sum(amounts: Iterable[Amount]) -> Amount:
    every = list(amounts)
    return Amount(**{one.name: sum(getattr(amount, one.name) for amount in every) for one in fields(Amount)})


def _said(whose: str, kind: str, spent: float, needed: float, limit: float) -> str:
    """That a limit is reached, in words."""
    what = "This bot’s budget" if whose else "The launch’s budget"
    said = f"{what} of {_told(kind, limit)} is used up: {_told(kind, spent)} so far"
    return f"{said}." if spent * ROUNDING >= limit else f"{said}, and the next call takes about {_told(kind, needed)}."


def _unpriced(whose: str, limit: float) -> str:
    """That a limit of dollars cannot be kept, in words."""
    what = "This bot’s budget" if whose else "The launch’s budget"
    return f"{what} of {_told('cost', limit)} cannot be kept: what the replies cost is not known."


def _advice(ends: bool, what: str) -> str:
    return f"{what} on the tab “LLM bots” and " + ("start the bot again." if ends else "the bots go on.")


def _told(kind: str, amount: float) -> str:
    """An amount in words; of dollars below one with as many decimals as it takes for small sums to differ."""
    if kind == "cost":
        return f"${amount:,.2f}" if amount >= 1 else f"${amount:.6f}".rstrip("0").rstrip(".")
    return f"{amount:,.0f} {kind if amount != 1 else kind[:-1]}"
