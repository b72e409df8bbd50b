"""What a launch will take: calls, tokens and US dollars, each as a range, from what bots took before. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add

from ..parameters import REPLAY, Parameters
from ..records import MemoryMode
from ..words import count, money

PROMPT_TOKENS, PAGE_TOKENS = (450, 900), (100, 700)
"""What the instructions with a page's questions, and what a page itself may take, at least and at most."""
REPLY_TOKENS = (40, 300)
"""What a reply with its reason may take."""
CHARACTERS = 4
"""Of a token, about."""


@dataclass(frozen=True)
class Span:
    """From the least to the most that something may be."""

    low: float
    high: float

    def __add__(self, other: Span) -> Span:
        return Span(self.low + other.low, self.high + other.high)

    def times(self, number: float) -> Span:
        return Span(self.low * number, self.high * number)


NOTHING = Span(0, 0)


@dataclass(frozen=True)
class Took:
    """What one bot took from the first page to the last: calls, tokens in and out, and US dollars if they are known;
    and what it remembered and was shown, on which that depends."""

    model: str
    calls: Span
    input: Span
    output: Span
    cost: float | None = None
    memory: MemoryMode = "full"
    images: bool = False


@dataclass(frozen=True)
class Earlier:
    """Bots that finished this experiment before, and what a language model would have taken on the pages that random
    bots were asked about. `same_code` says whether they played the code as it is now."""

    bots: Sequence[Took] = ()
    asked: Sequence[Took] = ()
    same_code: bool = True


@dataclass(frozen=True)
class Pages:
    """How many pages a participant may see at most, wait pages apart, and how many of these have a form."""

    all: int
    forms: int


@dataclass(frozen=True)
class Price:
    """US dollars for a token in and for a token out."""

    input: float
    output: float


@dataclass(frozen=True)
class Expected:
    """What the bots of a row will take; without a `cost` no price is known. `source` tells what the numbers rest on."""

    calls: Span
    tokens: Span
    cost: Span | None
    source: str
    is_free: bool = False


def expected(
    row: Parameters, seats: int, earlier: Earlier, pages: Pages, price: Price | None, is_free: bool
) -> Expected:
    """What so many bots of a row will take: as its model took before, else as others did, both with the row's memory
    and pictures; else by the pages that random bots were asked about, else by the number of pages."""
    model = row.model
    alike = [one for one in earlier.bots if model == "random" or (one.memory, one.images) == (row.memory, row.images)]
    own = [one for one in alike if one.model == model]
    others = [one for one in alike if one.model != "random"]
    asked = [one for one in earlier.asked if one.memory == row.memory]
    basis = own or others or asked or [by_pages(pages, row.memory)]
    calls, taken, given = (_range([getattr(one, what) for one in basis]) for what in ("calls", "input", "output"))
    if model == "random" or model.startswith(REPLAY):  # nothing is read or written by a model
        taken = given = NOTHING
    costs = [one.cost for one in own if one.cost]
    cost = None
    if is_free:
        cost = NOTHING
    elif costs:
        cost = Span(min(costs), max(costs))
    elif price:
        cost = taken.times(price.input) + given.times(price.output)
    return Expected(
        calls.times(seats),
        (taken + given).times(seats),
        cost and cost.times(seats),
        " ".join([_source(model, own, others, asked, earlier.same_code), *_left_out(row, own, others, earlier)]),
        is_free,
    )


def total(rows: Sequence[Expected]) -> Expected:
    """All rows together. The cost is known if it is for each of them."""
    costs = [row.cost for row in rows if row.cost is not None]
    cost = reduce(add, costs, NOTHING) if len(costs) == len(rows) else None
    calls, tokens = (reduce(add, (getattr(row, what) for row in rows), NOTHING) for what in ("calls", "tokens"))
    source = " ".join(dict.fromkeys(row.source for row in rows))
    return Expected(calls, tokens, cost, source, all(row.is_free for row in rows))


def by_pages(pages: Pages, memory: MemoryMode) -> Took:
    """What a bot may take by the number of pages alone: one call for each form, or two for each page."""
    calls = Span(pages.forms, pages.all + pages.forms)
    before = [0 if memory != "full" else number * (number - 1) / 2 for number in (calls.low, calls.high)]
    read = [
        number * (prompt + page) + earlier * (page + reply)
        for number, prompt, page, reply, earlier in zip(
            (calls.low, calls.high), PROMPT_TOKENS, PAGE_TOKENS, REPLY_TOKENS, before, strict=True
        )
    ]
    return Took("", calls, Span(*read), replies(calls))


def by_asked(first: Sequence[int], memory: MemoryMode) -> Took:
    """What a language model with this memory would take where a random bot was asked: `first` has the characters that
    it would be sent with the first question of each page. One call for each, or two."""
    tokens = sum(first) / CHARACTERS
    calls = Span(len(first), 2 * len(first))
    return Took("random", calls, Span(tokens, 2 * tokens), replies(calls), memory=memory)


def replies(calls: Span) -> Span:
    """The tokens of so many replies."""
    return Span(calls.low * REPLY_TOKENS[0], calls.high * REPLY_TOKENS[1])


def _range(spans: Sequence[Span]) -> Span:
    return Span(min(span.low for span in spans), max(span.high for span in spans))


def _source(model: str, own: Sequence[Took], others: Sequence[Took], asked: Sequence[Took], same_code: bool) -> str:
    code = "with the code as it is now" if same_code else "with other code than it has now"
    if own:
        return f"{model}: from {count(len(own), 'bot')} of this model that finished this experiment before, {code}."
    if others:
        return (
            f"{model}: from {count(len(others), 'bot')} of other models that finished this experiment before, {code}."
        )
    if asked:
        return f"{model}: from the pages that {count(len(asked), 'bot')} with random answers had to decide on, {code}."
    return f"{model}: very roughly, from the number of pages alone. “Check this experiment” first makes it more exact."


def _left_out(row: Parameters, own: Sequence[Took], others: Sequence[Took], earlier: Earlier) -> list[str]:
    """What the numbers do not rest on, and do not have in them."""
    found = []
    unlike = [one for one in earlier.bots if one.model != "random" and one not in others]
    if unlike and not own:
        found.append(f"Not counted: {count(len(unlike), 'bot')} with another setting of memory or pictures.")
    if row.images and not (own or others):
        found.append("Pictures come on top.")
    return found


def said(span: Span) -> str:
    """A range of whole numbers, as far as its figures mean something."""
    low, high = _rounded(span.low), _rounded(span.high)
    return f"{low:,}" if low == high else f"{low:,}–{high:,}"


def said_cost(span: Span | None) -> str:
    """A range of US dollars."""
    if span is None:
        return "not known"
    low, high = money(span.low), money(span.high)
    return low if low == high else f"{low}–{high}"


def _rounded(value: float) -> int:
    """To three figures."""
    whole = round(value)
    return int(float(f"{whole:.2e}")) if whole > 999 else whole
