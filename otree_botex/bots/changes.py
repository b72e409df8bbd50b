"""What a person would notice that is different on a page in a browser, in words for a model. Pure: values in, text out.

Time runs on without being news: a clock that moved as much as the time that went by is no change.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher

from .control import Control
from .scene import Scene

MOST_LINES = 60
"""Where more is different, the page is shown anew."""
ALLOWANCE = 1.5
"""Seconds that a clock may differ from ours: it is drawn only so often, and read a moment later."""

_N = r"\d+(?:[.,]\d+)?"
_HOURS = r"h|hrs?|hours?|Std\.?|Stunden?|heures?|horas?|ore|小时|時間"
_MINUTES = r"m|mins?\.?|minutes?|Minuten?|minutos?|minut[io]|分钟|分"
_SECONDS = r"s|secs?\.?|seconds?|Sek\.?|Sekunden?|secondes?|segundos?|second[io]|秒"
_END, _AND = r"(?![^\W\d_])", r"[,*\s]*(?:and|und|et|y|e)?[\s*]*"
_IN_SECONDS = rf"{_N}\**\s*(?:{_SECONDS}){_END}"
_IN_MINUTES = rf"{_N}\**\s*(?:{_MINUTES}){_END}(?:{_AND}{_IN_SECONDS})?"
_IN_HOURS = rf"{_N}\**\s*(?:{_HOURS}){_END}(?:{_AND}{_IN_MINUTES})?"
_NUMBERS = re.compile(
    rf"(?P<mark>\[\d+\] )|(?<![\w.,:])(?:(?P<clock>\d+:\d\d(?::\d\d)?(?:[.,]\d+)?)(?![\w:])"
    rf"|(?P<span>{_IN_HOURS}|{_IN_MINUTES}|{_IN_SECONDS})|(?P<number>\d+(?:[.,]\d\d?)?)(?![\w.,:]*\d))",
    re.IGNORECASE,
)
_PARTS = re.compile(rf"({_N})\**\s*(?:({_HOURS})|({_MINUTES})|(?:{_SECONDS})){_END}", re.IGNORECASE)
_OF_TIME = re.compile(
    r"\b(?:time|timer|clock|countdown|left|remaining|remains|seconds|zeit|restzeit|verbleib\w*|noch|uhr|sekunden"
    r"|temps|restante?s?|tiempo|tempo|secondes|segundos)\b|时间|剩余|残り|倒计时",
    re.IGNORECASE,
)
"""What is said before a number that is a time."""
_ALONE = re.compile(rf"[\s#*_()]*{_N}[\s*_()]*")
_COUNTS_DOWN = re.compile(r'[^"]*" \((?:[^"]*; )?disabled\)')
"""What follows the number on a button that can be used only after some seconds."""
_WORD = re.compile(r"[^\W\d_]+")
_ITEM = re.compile(r"^\d+\. (?=\[\d+\] )")
_TICK = "\0"


@dataclass(frozen=True)
class _Time:
    """A time that stands in a line: its seconds, and how many seconds it moves at once."""

    seconds: float
    step: int = 1


@dataclass
class _Hunk:
    """Lines that went and lines that came at one place: before the line `at` of the page as it is now."""

    at: int
    gone: list[str]
    new: list[str]


def changes(before: Scene, after: Scene, elapsed: float, touched: Collection[int] = (), echo: str = "") -> str:
    """What is different on a page `elapsed` seconds later, a line each, in reading order; "" if nothing is that a
    person would notice.

    What stands in the controls that the bot `touched`, by their numbers, and where these stand, is no news to it, nor
    are lines in which only words of the `echo` are new: the page says again what the bot did.
    """
    told = []
    if after.dialog and after.dialog != before.dialog:
        told.append(f"A dialog has opened ({after.dialog.kind}): {after.dialog.message}")
    then, now = _lines(_as_touched(before, after, touched)), _lines(after.text)
    hunks = [hunk for hunk in _hunks(then, now, elapsed) if not (echo and _echoes(hunk, echo))]
    moved = _moved(hunks, touched)
    came = {line for hunk in hunks for line in hunk.new}
    lines = [line for hunk in hunks for line in _told(hunk, now, moved, came)]
    if then and hunks and not now:
        told.append("Nothing is left of what stood on the page.")
    elif len(lines) > MOST_LINES or (then and sum(len(hunk.gone) for hunk in hunks) == len(then)):
        told.append(f"Much has changed. The page is now:\n\n{after.text}")
    else:
        told += lines
    return "\n".join(told)


def _lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.strip() and set(line) - set("- |")]


# ---- what the bot did itself


def _as_touched(before: Scene, after: Scene, touched: Collection[int]) -> str:
    """The text as it was, but with the controls that were touched in the state in which they are now."""
    text = before.text
    now = {control.number: control for control in after.controls}
    chosen = any(c.kind == "radio" and c.checked for number in touched if (c := now.get(number)))
    for was in before.controls:
        control = now.get(was.number)
        if control is None or was == control:
            continue
        # where one radio button was chosen, the browser lets go of another
        let_go = chosen and was.kind == "radio" and was.checked and not control.checked
        if was.number in touched or let_go:
            text = _put(text, was, replace(was, value=control.value, checked=control.checked, chosen=control.chosen))
    return text


def _put(text: str, was: Control, now: Control) -> str:
    return text.replace(was.text, now.text).replace(f"{was.unnamed}:", f"{now.unnamed}:")


def _echoes(hunk: _Hunk, echo: str) -> bool:
    """Whether what is new stands in place of something else, and has only words of the echo."""
    if len(hunk.gone) != len(hunk.new):
        return False
    pairs = zip(hunk.gone, hunk.new, strict=True)
    return all(_words(new) - _words(gone) <= _words(echo) for gone, new in pairs)


def _words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text.lower()))


def _moved(hunks: Sequence[_Hunk], touched: Collection[int]) -> set[str]:
    """Lines that stand somewhere else now. Those of controls that the bot touched are taken out."""
    gone = [_key(line) for hunk in hunks for line in hunk.gone]
    new = [_key(line) for hunk in hunks for line in hunk.new]
    both = {line for line in gone if gone.count(line) == new.count(line)}
    own = {line for line in both if any(f"[{number}] " in line for number in touched)}
    for hunk in hunks:
        hunk.gone = [line for line in hunk.gone if _key(line) not in own]
        hunk.new = [line for line in hunk.new if _key(line) not in own]
    return both


def _key(line: str) -> str:
    """A line without the number of its control in a numbered list: this depends on the others."""
    return _ITEM.sub("", line)


# ---- what is different


def _hunks(then: Sequence[str], now: Sequence[str], elapsed: float) -> list[_Hunk]:
    matcher = SequenceMatcher(None, [_key(line) for line in then], [_key(line) for line in now], autojunk=False)
    hunks = []
    for kind, i, i_end, j, j_end in matcher.get_opcodes():
        if kind != "equal":
            gone, new = _without_clocks(then[i:i_end], now[j:j_end], elapsed)
            if gone or new:
                hunks.append(_Hunk(j, gone, new))
    return hunks


def _without_clocks(gone: Sequence[str], new: Sequence[str], elapsed: float) -> tuple[list[str], list[str]]:
    """The lines of a hunk but for those in which only time went on."""
    left, right = [_times(line) for line in gone], [_times(line) for line in new]
    matcher = SequenceMatcher(None, [text for text, _ in left], [text for text, _ in right], autojunk=False)
    went, came = dict(enumerate(gone)), dict(enumerate(new))
    for i, j, size in matcher.get_matching_blocks():
        for k in range(size):
            pairs = zip(left[i + k][1], right[j + k][1], strict=True)
            if all(_ran(was, now, elapsed) for was, now in pairs):
                del went[i + k], came[j + k]
    return list(went.values()), list(came.values())


def _ran(was: _Time, now: _Time, elapsed: float) -> bool:
    """Whether a clock moved as much as time went by, up or down, or stands still."""
    step = max(was.step, now.step)
    moved = abs(now.seconds - was.seconds)
    return moved == 0 or abs(moved - elapsed) <= ALLOWANCE + (step if step > 1 else 0)


def _times(line: str) -> tuple[str, list[_Time]]:
    """A line with its times left out, and these."""
    times: list[_Time] = []
    text, end = "", 0
    for found in _NUMBERS.finditer(line):
        time = _time(found, line, end)
        text += line[end : found.start()] + (found[0] if time is None else _TICK)
        times += [time] if time is not None else []
        end = found.end()
    return text + line[end:], times


def _time(found: re.Match[str], line: str, last: int) -> _Time | None:
    """The time that a number stands for; None if it is no time. `last` is where the number before it ends."""
    if found["clock"]:
        seconds = 0.0
        for part in found["clock"].split(":"):
            seconds = seconds * 60 + float(part.replace(",", "."))
        return _Time(seconds)
    if found["span"]:
        parts = [(_float(n), 3600 if hours else 60 if minutes else 1) for n, hours, minutes in _PARTS.findall(found[0])]
        return _Time(sum(number * unit for number, unit in parts), min(unit for _, unit in parts))
    if found["number"]:
        is_told = _OF_TIME.search(line[last : found.start()]) or _COUNTS_DOWN.match(line, found.end())
        return _Time(_float(found["number"])) if is_told or _ALONE.fullmatch(line) else None
    return None


def _float(text: str) -> float:
    return float(text.replace(",", "."))


# ---- in words


def _numbers(line: str) -> tuple[str, ...]:
    """The numbers of the controls in a line, by which it is known again when they have changed."""
    return tuple(re.findall(r"\[(\d+)\] ", line))


def _told(hunk: _Hunk, now: Sequence[str], moved: Collection[str], came: Collection[str]) -> list[str]:
    before, after = ({_numbers(line) for line in lines} - {()} for lines in (hunk.gone, hunk.new))
    lines = [f"Gone: {line}" for line in hunk.gone if _key(line) not in moved and _numbers(line) not in after]
    for line in hunk.new:
        word = "Moved" if _key(line) in moved else "Now" if _numbers(line) in before else "New"
        lines.append(f"{word}: {line}")
    above = [line for line in now[: hunk.at] if line not in came and any(map(str.isalpha, line))]
    has_moved = any(_key(line) in moved for line in hunk.new)
    if not lines or not (has_moved or _is_vague(hunk)) or not above:
        return lines
    # The heading of a table may be that of another one, too: then what stands above it says which it is.
    where = above[-2:] if " | " in above[-1] else above[-1:]
    return [f"Below {', '.join(f'“{line}”' for line in where)}:", *lines]


def _is_vague(hunk: _Hunk) -> bool:
    """Whether what is different could stand anywhere on the page: numbers alone, or a word or two instead of others."""
    words = [len(_WORD.findall(line)) + 3 * len(_numbers(line)) for line in (*hunk.gone, *hunk.new)]
    return min(words) == 0 or (len(hunk.gone) == len(hunk.new) and max(words) < 3)
