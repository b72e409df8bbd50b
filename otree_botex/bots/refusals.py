"""What was refused of a bot's replies to the page at hand, by whom, and when it was too much."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import Refused
from ..records import Cause
from .conversation import Conversation
from .journal import BotJournal
from .wording import Prompts

REPLY, FORM, SERVER = "reply", "form", "server"
"""Who refuses: the check of a reply's shape, that of the form, or oTree."""
WHOM = {REPLY: ", which had not the form that is asked for", FORM: " by the form", SERVER: " by oTree"}


class Refusals:
    """One per bot. `most` is how many replies to one page may be refused."""

    def __init__(self, conversation: Conversation, journal: BotJournal, most: int, prompts: Prompts) -> None:
        self._conversation, self._journal, self._most, self._prompts = conversation, journal, most, prompts
        self._names: Mapping[str, str] = {}
        self._causes: list[Cause] = []
        self.attempt = 0
        """The number of the reply at hand to the page."""
        self.answers: dict[str, list[Any]] = {}
        """The answers that were refused, by field key."""

    def begin(self, names: Mapping[str, str]) -> None:
        """From now on it is about another page, whose fields have these names by their keys."""
        self._names, self._causes = names, []
        self.attempt, self.answers = 0, {}

    def begin_again(self) -> None:
        """It is the same page, but asked for something new: what was refused before counts no more."""
        self.attempt, self._causes = 0, []

    def write(self, by: str, messages: Mapping[str, str], said: Any) -> None:
        """Puts on record that what was `said` is refused, with messages by field key ("" for the whole)."""
        by_name = {self._names.get(key, key): text for key, text in messages.items()}
        on_record = self._named(said) if isinstance(said, Mapping) else said
        self._journal.write("refusal", attempt=self.attempt, by=by, messages=by_name, said=on_record)

    def tell(self, by: str, messages: Mapping[str, str], said: Any, news: str = "", cause: Cause = "refused") -> None:
        """The same, and tells the model, with other news. Raises Refused when it was one too many."""
        self.write(by, messages, said)
        self._causes.append(cause)
        lines = [f"- {key}: {text}" if key else f"- {text}" for key, text in messages.items()]
        if self.attempt >= self._most:
            raise self._too_many(by, "; ".join(line[2:] for line in lines))
        if isinstance(said, Mapping):
            for key in messages or said:
                for refused in [key] if key in said else list(said):
                    self.answers.setdefault(refused, []).append(said[refused])
        told = self._prompts("refused", errors="\n".join(lines))
        self._conversation.say(f"{told}\n\n{news}" if news else told)

    def _named(self, said: Mapping[str, Any]) -> dict[str, Any]:
        return {self._names.get(key, key): value for key, value in said.items()}

    def _too_many(self, by: str, last: str) -> Refused:
        """Why no more replies to this page are asked for."""
        every = set(self._causes)
        if every == {"empty"}:
            return Refused(f"All {self.attempt} replies to this page were empty.", "empty")
        if every == {"cut off"}:
            why = "were cut off before their end. Let the model write more (max_tokens), or choose another one."
            return Refused(f"All {self.attempt} replies to this page {why}", "cut off")
        return Refused(f"{self.attempt} replies to this page were refused. The last one{WHOM[by]}: {last}")
