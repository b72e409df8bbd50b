"""What a manifest tells of a launch, in sentences: who took part, how bots play, what became of them, what is kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from textwrap import shorten
from typing import Any

from ..words import count
from .about_model import Manifest, is_local, kind
from .manifests import by_row
from .markup import Code, Pieces, joined, listed, say

CAUSES = {
    "refused": "too many replies to a page were refused",
    "empty": "too many replies were empty",
    "cut off": "too many replies were cut off",
    "limit": "a limit of what a bot may do on one page was reached",
    "model": "the model could not answer",
    "page": "a page could not be played",
    "server": "the oTree server was away",
    "setup": "something was missing from the start",
    "inside": "a fault of otree-botex",
    "gone": "the process ended without a word",
}
FATES = {"playing": "still playing when this was written", "stopped": "stopped before the end"}


def seats(manifest: Manifest) -> Pieces:
    experiment, kinds = manifest["experiment"], {kind(view) for view in by_row(manifest)}
    who = kinds.pop() if len(kinds) == 1 else "llm" if kinds == {"llm"} else "mix"
    config = experiment["config"].get("name")
    facts: list[Pieces] = [
        *([say("oTree {}", experiment["otree"])] if experiment["otree"] else []),
        *([say("session config {}", Code(config))] if config else []),
        *([say("apps {}", listed(map(Code, experiment["apps"])))] if experiment["apps"] else []),
    ]
    played = {
        "mix": "by bots of several kinds",
        "random": "by bots that answer at random",
        "replay": "by bots that repeat recorded answers",
    }
    return say(
        "In the session {} of an oTree experiment{}, {}{} were taken {}. {} took part beside them.",
        Code(manifest["session"]),
        say(" ({})", listed(facts)) if facts else "",
        count(len(manifest["seats"]), "seat"),
        f" of {experiment['participants']:,}" if experiment["participants"] else "",
        played.get(who, "by bots for which a large language model answered"),
        count(experiment["humans"], "human") if experiment["humans"] else "No human",
    )


def mix(manifest: Manifest) -> Pieces:
    """How the seats were given to the rows of a mix; nothing where there is but one."""
    rows, assignment = manifest["rows"], manifest["assignment"]
    if len(rows) < 2:
        return []
    over, seed = Code(assignment["over"]), Code(str(assignment["seed"]))
    given = {
        "random": say("at random (seed {})", seed),
        "balanced": say("at random, in the same proportions for each value of {} (seed {})", over, seed),
        "by hand": ["by hand"],
    }
    return say(
        "They were given {} to the {} rows of a mix of models and parameters, before the first question was asked.",
        given[assignment["how"]],
        f"{len(rows):,}",
    )


def row(view: Manifest) -> str:
    """What a row of a mix is called."""
    return f"Row {view['row']} ({view['model']['asked']}, {count(len(view['seats']), 'seat')})"


def limits(manifest: Manifest) -> Pieces:
    """What a launch was not to go beyond, and what bots were asked beside the pages' own questions."""
    budget = {name: value for name, value in manifest["budget"].items() if name != "then" and value is not None}
    then = {"pause": "were to pause", "stop": "were to stop"}[manifest["budget"]["then"]]
    return joined(
        say("The launch had a budget ({}), at whose limits bots {}.", listed(_limits(budget)), then) if budget else [],
        ["For each page, bots were also asked what was unclear or wrong on it."] if manifest["pretest"] else [],
    )


def _limits(budget: Mapping[str, Any]) -> list[Code]:
    return [Code(f"{name} = {value}") for name, value in budget.items()]


def how_bots_play(manifest: Manifest) -> Pieces:
    images, pace = manifest["parameters"].get("images"), manifest["parameters"].get("human_pace")
    return say(
        "A bot opens its participant's link, reads each page as the text that a participant would see there, {} its "
        "pictures, and submits the answers to its form{}. {}Nothing in the experiment was changed for it.",
        "with" if images else "with the descriptions of",
        ", after about the time that people take" if pace else "",
        _in_browser(manifest),
    )


def _in_browser(manifest: Manifest) -> str:
    pages = _sum(manifest, "in_browser")
    if not pages:
        return ""
    return (
        f"{count(pages, 'page')} {'was' if pages == 1 else 'were'} opened in a browser (Chromium). Where a page there "
        "was more than a form, the bot named the actions that were to be taken on its controls, step by step, and was "
        "told what changed. "
    )


def what_became(manifest: Manifest) -> Pieces:
    """What became of all seats, in numbers."""
    found = Counter((seat["fate"], seat["cause"]) for seat in manifest["seats"])
    if not found:
        return ["No bot has played."]
    ordered = sorted(found.items(), key=lambda item: (item[0][0] != "finished", -item[1], item[0]))
    return say(
        "Of {}, {}.",
        count(len(manifest["seats"]), "bot"),
        listed(
            f"{number:,} {FATES.get(fate, fate)}" + (f" ({CAUSES.get(cause, cause)})" if cause else "")
            for (fate, cause), number in ordered
        ),
    )


def attrition(manifest: Manifest) -> list[tuple[str, Pieces]]:
    """What became of the seats of each model, persona and treatment, and why."""
    points: list[tuple[str, Pieces]] = []
    for group in manifest["attrition"]:
        names = [group[name] for name in ("model", "persona", "treatment")]
        titles = [f"{title}{name}" for title, name in zip(("", "persona ", "treatment "), names, strict=True) if name]
        fates = (f"{number:,} {_failed(fate)}" for fate, number in group["fates"].items())
        points.append((shorten(", ".join(titles), 150), say("– {}: {}.", count(group["seats"], "seat"), listed(fates))))
    errors = Counter(seat["error"] for seat in manifest["seats"] if seat["error"])
    return points + [
        ("Told of failures", say("– {} ({})", Code(error), count(n, "seat"))) for error, n in errors.most_common()
    ]


def _failed(fate: str) -> str:
    return f"failed ({CAUSES[fate]})" if fate in CAUSES else FATES.get(fate, fate)


def dates(manifest: Manifest) -> Pieces:
    begin = _time(manifest["started_utc"])
    if manifest["ended_utc"] is None:
        return say("The bots were started on {} UTC and had not all ended when this was written.", begin)
    return say("The bots played from {} to {} UTC.", begin, _time(manifest["ended_utc"]))


def _time(iso: str) -> str:
    return iso[:16].replace("T", " ")


def refusals(manifest: Manifest) -> Pieces:
    refused, attempts = manifest["totals"]["refusals"], manifest["parameters"].get("attempts")
    again = "drawn anew" if kind(manifest) == "random" else "asked for again, with what was wrong with it"
    return say(
        "No reply was repaired or completed: one that broke the rules of the page's form, or that oTree refused, was {}"
        "{}. That happened {}.",
        again,
        f", up to {attempts:,} times for a page" if attempts else "",
        count(refused, "time"),
    )


def dropouts(manifest: Manifest) -> Pieces:
    late, left, untouched = (_sum(manifest, name) for name in ("timed_out", "left", "untouched"))
    return say(
        "{} The record leaves none of them out. On {} the time was up before the bot had answered, and {} left "
        "by others' doing.{}",
        what_became(manifest),
        count(late, "page"),
        "1 page was" if left == 1 else f"{left:,} pages were",
        f" {_untouched(untouched)}" if untouched else "",
    )


def _untouched(pages: int) -> str:
    were, its = ("was", "its") if pages == 1 else ("were", "their")
    return f"{count(pages, 'page')} in a browser {were} left without any of {its} controls having been touched."


def _sum(manifest: Manifest, name: str) -> int:
    return sum(seat[name] for seat in manifest["seats"])


def software(manifest: Manifest) -> Pieces:
    server, runners = manifest["versions"]["server"], manifest["versions"]["runners"]
    return joined(
        say("The server ran with {}.", listed(_versions(server))) if _versions(server) else [],
        *(say("The bots ran with {}.", listed(_versions(runner))) for runner in runners),
    )


def _versions(versions: Mapping[str, Any]) -> list[Code]:
    return [Code(f"{name} {version}") for name, version in versions.items() if version]


def record(manifest: Manifest) -> Pieces:
    experiment = manifest["experiment"]
    hashes = {"session config": experiment["config_sha256"], "experiment's code": experiment["code_sha256"]}
    known = (say(f"the {name} has the SHA-256 {{}}", Code(value)) for name, value in hashes.items() if value)
    return say(
        "All calls were made by otree-botex, which is open source. Its record of the launch {} has a manifest and each "
        "request and reply in full. Of what was played, {}.",
        Code(manifest["launch"]),
        listed(known) or "no hash is known",
    )


def automation(manifest: Manifest) -> Pieces:
    stopped = sum(seat["fate"] == "stopped" for seat in manifest["seats"])
    return say(
        "Fully automated: once started ({}), bots decided and submitted by themselves, and no person saw or changed a "
        "reply before it was submitted. {} stopped before the end. {}",
        Code(manifest["started_by"] or "by whom is not known"),
        count(stopped, "bot was", "bots were"),
        f"{count(manifest['experiment']['humans'], 'human')} played in the same session."
        if manifest["experiment"]["humans"]
        else "No human played in the same session.",
    )


def data(manifest: Manifest) -> Pieces:
    host = manifest["model"]["host"]
    sent = say("sent to the model's API{}", say(" at {}", Code(host)) if host else "")
    local = kind(manifest) != "llm" or is_local(manifest)
    return say(
        "The texts of the pages, with what others had written there, were {}. They stand in the record, where "
        "participants go by their codes; API keys do not.",
        "not sent to any provider" if local else sent,
    )
