"""A page's form without its HTML: its fields as a JSON Schema, and a model's answers as the data a browser would send.

Pure: values in, values out. What a form refuses is said in words, so that it can be given back to the model. What is
sent follows the HTML standard, 4.10.21 "Form control infrastructure": "Constraints", "Constructing the entry list".
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote_plus

from ..llm import object_schema
from .answers import Refusal
from .entries import Button, Entry, Option
from .field import Field, Kind

__all__ = ["Button", "Entry", "Field", "Filled", "Form", "Kind", "Option", "Refusal", "urlencoded"]

REASON_LENGTH = 400


@dataclass(frozen=True)
class Form:
    """What a page lets a participant send.

    `action` is where it goes; `kept` are the entries that go with it whatever is answered; `buttons` the ways to send
    it. Several are also a field, by which one is chosen. Where a page has several forms, all their fields are here,
    and the button says which of them is sent.
    """

    action: str = ""
    fields: tuple[Field, ...] = ()
    kept: tuple[Entry, ...] = ()
    buttons: tuple[Button, ...] = ()

    def field(self, key: str) -> Field:
        """The field of this key. Raises KeyError."""
        for candidate in self.fields:
            if candidate.key == key:
                return candidate
        raise KeyError(key)

    def names(self) -> dict[str, str]:
        """The names of the fields by key, for the record: those that share one are numbered."""
        names: dict[str, str] = {}
        for candidate in self.fields:
            name, times = candidate.name or "button", 1
            while name in names.values():
                times += 1
                name = f"{candidate.name or 'button'} ({times})"
            names[candidate.key] = name
        return names

    def requiring(self, keys: Collection[str]) -> Form:
        """The same form, in which these fields may not be left empty."""
        return replace(self, fields=tuple(replace(f, required=f.required or f.key in keys) for f in self.fields))

    def schema(self) -> dict[str, Any]:
        """The JSON Schema of one decision: the reason first, then the answers. The fields that go with one of several
        buttons only may be left empty; `fill` asks for those of the button that was pressed."""
        answers = {
            candidate.key: (replace(candidate, required=False) if candidate.only_with else candidate).schema()
            for candidate in self.fields
        }
        return object_schema(reason={"type": "string", "maxLength": REASON_LENGTH}, answers=object_schema(**answers))

    def questions(self) -> str:
        """What the form asks for, a line each."""
        lines = []
        for candidate in self.fields:
            label = f" ({candidate.label})" if candidate.label else ""
            options = "; ".join(f'"{option.label}"' for option in candidate.options if option.label)
            lines.append(f"{candidate.key}{label}: {candidate.describe()}{options and ': '}{options}")
        return "\n".join(lines)

    def fill(self, answers: Mapping[str, Any]) -> Filled:
        """The data a browser would send for these answers, or what is wrong with them, by key."""
        refused = {key: "there is no such field" for key in answers if key not in {f.key for f in self.fields}}
        refused |= {f.key: "the answer is missing" for f in self.fields if f.key not in answers}
        button = self._pressed(answers, refused)
        owner, checks = (button.owner, button.checks) if button else (0, True)
        entries = list(button.entries if button else ())
        for candidate in self.fields:
            if candidate.key in refused or candidate.owner != owner:
                continue
            try:
                entries += candidate.entries(answers[candidate.key], checks)
            except Refusal as refusal:
                refused[candidate.key] = str(refusal)
        if refused:
            return Filled(refused=refused)
        return Filled(self._sent(entries, owner), action=button.action if button else "")

    def _pressed(self, answers: Mapping[str, Any], refused: dict[str, str]) -> Button | None:
        """The button that was chosen, or the only one."""
        choice = next((candidate for candidate in self.fields if candidate.kind == "button"), None)
        if choice is None or choice.key in refused:
            return self.buttons[0] if self.buttons else None
        try:
            chosen = choice.option(answers[choice.key])
        except Refusal as refusal:
            refused[choice.key] = str(refusal)
            return None
        return next(button for button in self.buttons if button is chosen)

    @property
    def fixed(self) -> tuple[tuple[str, str], ...]:
        """What is sent of a form without fields by its button, if there is one."""
        return tuple(self.fill({}).entries) if not self.fields else tuple(self._sent([], 0))

    def untouched(self) -> list[tuple[str, str]]:
        """What a browser would send if the participant had touched nothing, and pressed no button."""
        return self.partly({})

    def partly(self, answers: Mapping[str, Any]) -> list[tuple[str, str]]:
        """The same with those of the answers filled in that the form takes."""
        entries: list[Entry] = []
        for candidate in self.fields:
            try:
                entries += candidate.entries(answers[candidate.key])
            except (KeyError, Refusal):
                entries += candidate.untouched()
        return self._sent(entries, 0)

    def _sent(self, entries: Iterable[Entry], owner: int) -> list[tuple[str, str]]:
        """The entry list of one of the forms: all entries in the order of their controls in the document."""
        of_form = [entry for entry in (*self.kept, *entries) if entry.owner == owner]
        return [(_sendable(e.name), _sendable(e.value)) for e in sorted(of_form, key=lambda entry: entry.place)]


@dataclass(frozen=True)
class Filled:
    """A filled-in form: `entries` to send, or `refused` reasons by field key. `action` is where to, if not where the
    form itself says."""

    entries: list[tuple[str, str]] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    action: str = ""


def urlencoded(entries: Iterable[tuple[str, str]]) -> str:
    """Entries as a browser writes them into the body of a request, byte for byte.

    URL standard, "application/x-www-form-urlencoded serializing".
    """
    return "&".join(f"{_quoted(name)}={_quoted(value)}" for name, value in entries)


def _quoted(text: str) -> str:
    return quote_plus(text, safe="*").replace("~", "%7E")


def _sendable(text: str) -> str:
    """Line ends as CRLF, and no halves of surrogate pairs."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\n", "\r\n")
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
