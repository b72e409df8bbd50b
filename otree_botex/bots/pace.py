"""How much time things take: a person's pace for sessions with people, and pages that may not be left yet."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from random import Random

WORDS_PER_MINUTE = 238
"""Silent reading of English non-fiction by adults, on average (Brysbaert 2019, Journal of Memory and Language 109)."""
CHARACTERS_PER_MINUTE = 255
"""The same for Chinese (Wang et al. 2019), used for all scripts without spaces between words."""
THINKING_MEDIAN, THINKING_SPREAD = 4.0, 0.6
"""Seconds for one question, and the standard deviation of their logarithm: response times are close to log-normal
(van der Linden 2006, Journal of Educational and Behavioral Statistics 31)."""
WITHOUT_SPACES = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\u0e00-\u0eff\U00020000-\U0003ffff]")

# What pages that may not be left yet say, in several languages. One that says it otherwise is only asked less often.
NOT_YET = re.compile(
    r"\b(yet|wait|too (fast|early|soon|quick\w*)|take your time|noch nicht|warten?|zu (früh|schnell)"
    r"|pas encore|attend(re|ez)|patient(er|ez)|todavía|aún no|espere|esperar?"
    r"|non ancora|aspett(a|are|i)|attend(ere|i)|nog niet|wacht(en)?)\b|还没|等|まだ|お待ち|아직|подожд|ещё не|еще не",
    re.IGNORECASE,
)
SECONDS = re.compile(r"(\d+)\s*(?:more |weitere )?(?:s\b|sec|sek|seg|秒|초|сек)", re.IGNORECASE)
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0
PATIENCE_SECONDS, SHORT_PATIENCE_SECONDS = 900.0, 60.0
"""How long a bot tries to leave a page that has nothing to answer and does not let it go on: if the page says that it
is too early, and if it says anything else."""


class Pace:
    """A person's pace. The same seed and pages give the same seconds."""

    def __init__(self, seed: int | None) -> None:
        self._random = Random(seed)

    def seconds(self, text: str, questions: int) -> float:
        """The time to read a page and to think about its questions."""
        return reading_seconds(text) + sum(
            self._random.lognormvariate(math.log(THINKING_MEDIAN), THINKING_SPREAD) for _ in range(questions)
        )


def reading_seconds(text: str) -> float:
    """The time that an adult takes to read a text."""
    characters = len(WITHOUT_SPACES.findall(text))
    words = len(re.findall(r"\w+", WITHOUT_SPACES.sub(" ", text)))
    return 60 * (words / WORDS_PER_MINUTE + characters / CHARACTERS_PER_MINUTE)


def is_not_yet(errors: Mapping[str, str]) -> bool:
    """Whether oTree refused a page only because it was sent too early: nothing is wrong with its answers then."""
    return set(errors) == {""} and bool(NOT_YET.search(errors[""]))


def pause(before: float, errors: Mapping[str, str]) -> float:
    """How long to wait until the page is sent again: as long as it says, else twice as long as the time `before`."""
    said = SECONDS.search(" ".join(errors.values()))
    return min(float(said[1]) if said else max(2 * before, FIRST_PAUSE), PATIENCE_SECONDS if said else LONGEST_PAUSE)
