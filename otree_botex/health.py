"""What a launch needs, what of it is missing, and how to mend that: the same words for `otree-botex doctor` and for the
admin's page."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from . import __version__
from .environment import ModelChoice, Probe

Level = Literal["good", "warn", "stop"]
"""warn: something does not work, but bots can be launched without it; stop: no bot can be launched."""


@dataclass(frozen=True)
class Finding:
    """One thing that was found out, in a sentence for the user."""

    level: Level
    text: str


@dataclass
class Section:
    """What was found out about one thing."""

    title: str
    findings: list[Finding] = field(default_factory=list)

    def good(self, text: str) -> None:
        self.findings.append(Finding("good", text))

    def warn(self, text: str) -> None:
        self.findings.append(Finding("warn", text))

    def stop(self, text: str) -> None:
        self.findings.append(Finding("stop", text))


def server_environment(own: Probe) -> Section:
    """The environment of the oTree server, as it was probed."""
    section = Section("The oTree server's environment")
    section.good(f"Python {own.python or sys.version.split()[0]}: {own.executable}")
    if "otree" in own.versions:
        section.good(f"oTree {own.versions['otree']}")
    else:
        section.stop("oTree is not installed here. Run this with the Python that runs your oTree server.")
    section.good(f"otree-botex {__version__}")
    for error in own.errors:
        section.stop(f"{error} Run: pip install otree-botex")
    return section


def project(settings: Mapping[str, Any]) -> Section:
    """What settings.py says: `configs` (whether each session config has otree_botex), and of LLM_BOTS the `models` or
    the `problem` with it; or the `failure` to read the file."""
    section = Section("The project's settings.py")
    if "failure" in settings:
        section.stop(f"It cannot be read: {settings['failure']}")
        return section
    configs = settings.get("configs", {})
    if any(configs.values()):
        section.good(f"otree_botex is in the app_sequence of {sum(configs.values())} of {len(configs)} session configs")
    elif settings:
        section.stop("otree_botex is in no app_sequence. Put 'otree_botex' first in those of SESSION_CONFIGS.")
    if "problem" in settings:
        section.stop(settings["problem"])
    elif settings:
        section.good(f"LLM_BOTS names {len(settings['models'])} models: {', '.join(settings['models']) or 'none'}")
    return section


def bots_environment(bots: Probe | None) -> Section:
    """The environment of the bots, as it was probed; None if there is none."""
    section = Section("The bots' environment")
    if bots is None:
        section.warn("There is none yet, so only random bots can play. Run `otree-botex setup` in the project folder.")
        return section
    for error in bots.errors:
        section.warn(error)
    if bots.python:
        section.good(f"Python {bots.python}: {bots.executable}")
        section.good(", ".join(f"{name} {version}" for name, version in bots.versions.items()) or "no libraries")
    return section


def browser(player: Probe) -> Section:
    """The browser for pages that live by their scripts. `player` is the interpreter that plays random bots, too."""
    section = Section("A browser, for pages that need one")
    if player.chromium:
        section.good(f"Chromium {player.chromium_version}: {player.chromium}")
    else:
        section.warn(player.no_browser or "Not before the bots' interpreter is mended.")
    return section


def models(choices: Iterable[ModelChoice]) -> Section:
    """The models that can be used, and why the others cannot."""
    section = Section("Models")
    for choice in choices:
        if choice.usable:
            section.good(choice.name)
        else:
            section.warn(f"{choice.name}: {choice.reason}")
    return section
