"""What bots found unclear or wrong, with equal and near-equal remarks put together."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

ALIKE = 0.7
"""Remarks are put together if they share so much of their words, without those that say little …"""
LITTLE = frozenset(
    (
        *(
            "a",
            "an",
            "and",
            "are",
            "be",
            "been",
            "i",
            "in",
            "is",
            "it",
            "me",
            "my",
            "of",
            "on",
            "one",
            "s",
            "so",
            "that",
        ),
        *("the", "there", "they", "this", "to", "was", "were", "das", "der", "die", "ein", "eine", "es", "ich", "im"),
        *("ist", "mir", "sind", "und", "war", "zu"),
    )
)
OPPOSITE = frozenset(
    (
        *(
            "no",
            "not",
            "never",
            "t",
            "cannot",
            "without",
            "unclear",
            "wrong",
            "nicht",
            "kein",
            "keine",
            "keinen",
            "nie",
        ),
        *("ohne", "unklar", "falsch", "ne", "pas", "sans", "non", "sin"),
    )
)
"""… but not if one of these stands in one of them alone, or a number."""
NOTHING = frozenset(
    (
        *(
            "",
            "none",
            "no",
            "nothing",
            "na",
            "n a",
            "nil",
            "null",
            "no remark",
            "no remarks",
            "no comment",
            "no comments",
        ),
        *("nothing unclear", "nothing was unclear", "nothing is unclear", "nothing was unclear or wrong", "all clear"),
        *("nothing is unclear or wrong", "nothing unclear or wrong", "everything is clear", "everything was clear"),
        *("nothing to remark", "no issues", "no problems", "keine", "nichts", "nein", "alles klar"),
    )
)
"""How models say that they have nothing to say."""


@dataclass(frozen=True)
class Remark:
    """One remark and where it was made."""

    bot: int
    step: int
    round_number: int | None
    text: str


def says_nothing(text: str) -> bool:
    """Whether a remark only says that there is nothing to remark."""
    return " ".join(_words(text)) in NOTHING


def groups(remarks: Iterable[Remark]) -> list[list[Remark]]:
    """Remarks that say nearly the same together, in the order in which they were made; what most bots say first."""
    found: list[list[Remark]] = []
    heads: list[frozenset[str]] = []
    with_word: dict[str, list[int]] = defaultdict(list)
    known: dict[str, int] = {}
    for remark in remarks:
        words = " ".join(_words(remark.text))
        if words not in known:
            own = frozenset(words.split()) - LITTLE or frozenset(words.split())
            shared = Counter(number for word in own for number in with_word[word])
            close = (number for number in sorted(shared) if shared[number] >= ALIKE * len(own))
            known[words] = next((number for number in close if _alike(own, heads[number])), len(found))
            if known[words] == len(found):
                found.append([])
                heads.append(own)
                for word in own:
                    with_word[word].append(known[words])
        found[known[words]].append(remark)
    return sorted(found, key=lambda group: -len({remark.bot for remark in group}))


def wordings(group: Sequence[Remark]) -> list[tuple[str, list[Remark]]]:
    """A group's remarks by how they are worded, the most frequent wording first."""
    same: dict[str, list[Remark]] = {}
    for remark in group:
        same.setdefault(remark.text.strip(), []).append(remark)
    return sorted(same.items(), key=lambda one: -len(one[1]))


def _alike(one: frozenset[str], other: frozenset[str]) -> bool:
    if len(one & other) < ALIKE * len(one | other):
        return False
    return not any(word in OPPOSITE or word.isdigit() for word in one ^ other)


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.casefold())
