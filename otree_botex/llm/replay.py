"""The model `replay:LAUNCH`: the replies of an earlier launch, in their order, as long as the pages are the same."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from itertools import takewhile, zip_longest
from typing import Any

from ..errors import ModelError, SetupError, TransientModelError
from ..passing import lasting
from ..records import Recorded
from . import LLM, Completion, Request

ADVICE = "A replay needs the same experiment, session config, number of participants and seeds."
SHOWN = 160
"""How many characters of a line that differs are told."""


class Replay(LLM):
    """Answers each seat with what was recorded of it, one reply a request, from many threads.

    Of a page's requests the first is compared with the record; the rest follow from the replies. With `goes_on`, a
    seat's first request may come from the middle of its session.
    """

    context_tokens: int | None = None

    def __init__(self, model: str, recorded: Mapping[int, Sequence[Recorded]], *, goes_on: bool = False) -> None:
        """Takes a record by the seats' numbers. Raises SetupError if it is empty."""
        if not any(recorded.values()):
            raise SetupError(f"No model was asked anything in the launch {model.removeprefix('replay:')!r}.")
        self._model, self._goes_on = model, goes_on
        # Notes were made where a context was full. Here none is.
        self._records = {seat: [one for one in all_ if one.purpose != "notes"] for seat, all_ in recorded.items()}
        self._next: dict[int, int] = {}  # by seat, as the next; a seat is asked for by one thread at a time
        self._compared: dict[int, int] = {}  # the step whose page was seen to be the same

    def complete(self, request: Request) -> Completion:
        """The reply that is next on record. To one more turn of talk than there was then, it is empty.

        Raises ModelError where the page is not the recorded one, or the record ends; TransientModelError, at the
        deadline, where no reply came in time then.
        """
        records = self._records.get(request.seat)
        if not records:
            raise ModelError(f"Replay: the record has no replies of participant {request.seat}. {ADVICE}")
        place = self._place(records, request)
        if place == len(records):
            title = _title(_page(request))
            raise ModelError(f"Replay: the record ends here: {place} replies, and none to the page “{title}”. {ADVICE}")
        record = records[place]
        if self._compared.get(request.seat) != record.step and not _stands(record, request):
            raise ModelError(_difference(record.page, _page(request)))
        self._compared[request.seat] = record.step
        if request.purpose == "talk" and record.purpose != "talk":
            self._next[request.seat] = place
            return Completion("", self._model, cost=0.0, mode="replay")
        self._next[request.seat] = place + 1
        if record.reply is None:
            time.sleep(request.seconds_left() if request.deadline is not None else 0)
            raise TransientModelError(f"Replay: no reply came in time to the page “{_title(record.page)}” then.")
        return Completion(record.reply, self._model, cost=0.0, mode="replay")

    def count_tokens(self, text: str) -> int:
        """None are taken."""
        return 0

    def about(self) -> dict[str, Any]:
        return {
            "provider": "a replay",
            "host": "",
            "file": None,
            "sent": {},
            "dropped": {},
            "deterministic": "yes",
            "context_tokens": None,
        }

    def _place(self, records: Sequence[Recorded], request: Request) -> int:
        """The number of the record that is next."""
        place = self._next.get(request.seat, 0)
        if self._goes_on and request.seat not in self._next:
            place = _found(records, request)
        while request.purpose == "decision" and place < len(records) and records[place].purpose == "talk":
            place += 1  # there was more to talk about then
        return place


def _found(records: Sequence[Recorded], request: Request) -> int:
    """Where a conversation goes on that began in another process: at a page like the one that is shown. If there are
    several, it is the one before which the same was said; else the first of them."""
    said = [message["content"] for message in request.messages if message["role"] == "assistant"][::-1]

    def said_before(place: int) -> int:
        replies = [record.reply for record in records[:place] if record.reply is not None][::-1]
        return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(said, replies, strict=False)))

    steps = [record.step for record in records]
    firsts = [place for place, step in enumerate(steps) if step not in steps[:place]]
    return max((place for place in firsts if _stands(records[place], request)), key=said_before, default=0)


def _stands(record: Recorded, request: Request) -> bool:
    """Whether the recorded page is among what was said since the last reply."""
    return lasting(record.page) in lasting("\n".join(_said_since(request)))


def _said_since(request: Request) -> list[str]:
    said = takewhile(lambda message: message["role"] != "assistant", reversed(request.messages))
    return [message["content"] for message in said if message["role"] == "user"][::-1]


def _page(request: Request) -> str:
    """The page that a request is about, which stands at the end of the message that shows it."""
    return next(iter(_said_since(request)), "").split("\n\n---\n\n")[-1]


def _title(page: str) -> str:
    return _short(next(filter(None, map(str.strip, page.splitlines())), "(empty)"))


def _difference(recorded: str, now: str) -> str:
    pairs = zip_longest(recorded.splitlines(), now.splitlines(), fillvalue="")
    then, shown = next((pair for pair in pairs if lasting(pair[0]) != lasting(pair[1])), ("", ""))
    return (
        f"Replay: the page “{_title(now)}” differs from the record. "
        f"Recorded: {_quoted(then)}. Now: {_quoted(shown)}. {ADVICE}"
    )


def _quoted(line: str) -> str:
    return f"“{_short(line)}”" if line.strip() else "nothing"


def _short(line: str) -> str:
    line = " ".join(line.split())
    return line if len(line) <= SHOWN else line[: SHOWN - 1] + "…"
