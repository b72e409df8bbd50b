"""What a manifest tells of a launch's model, in sentences: which, reached how, asked with what, remembering what."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from ..words import count
from .markup import Code, Pieces, joined, listed, say

Manifest = Mapping[str, Any]

MEMORY = {
    "full": "Each request carried all that this bot had seen and said before. Only where that no longer fitted into "
    "the model's context did the bot write notes, which took the place of the earlier pages.",
    "summary": "Each request carried the page at hand and the notes that this bot had made for itself; earlier pages "
    "were not shown again.",
    "none": "Each request carried the page at hand and nothing of earlier pages.",
}
HERE = ("localhost", "127.0.0.1", "::1")


def kind(manifest: Manifest) -> str:
    """Who answered: a language model ("llm"), chance ("random"), or a record ("replay")."""
    asked = manifest["model"]["asked"]
    return "random" if asked == "random" else "replay" if asked.startswith("replay:") else "llm"


def is_local(manifest: Manifest) -> bool:
    """Whether the model ran on a computer of the study."""
    host = manifest["model"]["host"]
    return urlsplit(f"//{host}").hostname in HERE if host else bool(manifest["model"]["file"])


def no_model(manifest: Manifest) -> Pieces:
    if kind(manifest) == "random":
        return ["No language model was asked: answers were drawn at random from those that a page allows."]
    return say(
        "No language model was asked: the answers are those of the launch {}, played again from its record. What must "
        "be disclosed of its model stands in the report of that launch.",
        Code(manifest["model"]["asked"].removeprefix("replay:")),
    )


def model(manifest: Manifest) -> Pieces:
    about = manifest["model"]
    named = [answer for answer in about["answered"] if answer["model"]]
    asked = say(
        "The model asked for was {}{}{}.",
        Code(about["asked"]),
        say(" (provider: {})", Code(about["provider"])) if about["provider"] else "",
        say(", and the replies name {}", listed(map(_answered, named))) if named else "",
    )
    return joined(asked, _file(about["file"]) if about["file"] else [])


def _answered(answer: Mapping[str, Any]) -> Pieces:
    mark = say(", fingerprint {}", Code(answer["fingerprint"])) if answer["fingerprint"] else ""
    return say("{} ({}{})", Code(answer["model"]), _replies(answer["calls"]), mark)


def _file(file: Mapping[str, Any]) -> Pieces:
    hashes = {"SHA-256": "sha256", "SHA-256 of its chat template": "chat_template_sha256"}
    facts = [
        *([Code(file[name])] for name in ("architecture", "quantisation") if file.get(name)),
        *([count(file["bytes"], "byte")] if file.get("bytes") else []),
        *(say("{} {}", words, Code(file[name])) for words, name in hashes.items() if file.get(name)),
    ]
    return say("It was run from the file {} ({}).", Code(file["name"]), listed(facts))


def access(manifest: Manifest) -> Pieces:
    host = manifest["model"]["host"]
    at = say(" at {}", Code(host)) if host else []
    how = say("a server{} on the same machine", at) if host else ["the library llama.cpp, in the bots' own process"]
    return say(
        "{} Each call was a request of its own, with all the messages it needed; no web interface and no chat product "
        "was used.",
        say("The model ran locally, through {}.", how) if is_local(manifest) else say("Calls went to an API{}.", at),
    )


def usage(manifest: Manifest) -> Pieces:
    total = manifest["totals"]
    took = say(
        "{} took {} ({} of them cached) and {} ({} of them for reasoning); {} brought no reply.",
        count(total["calls"], "call"),
        count(total["input_tokens"], "input token"),
        f"{total['cached_tokens']:,}",
        count(total["output_tokens"], "output token"),
        f"{total['reasoning_tokens']:,}",
        f"{total['errors']:,}",
    )
    if total["cost"] is None:
        return joined(took, [] if is_local(manifest) else ["What they cost is not known."])
    dollars = f"{total['cost']:,.2f}" if total["cost"] >= 1 else f"{total['cost']:.4g}"
    prices = say(" by the prices of {}", listed(map(Code, manifest["prices"]))) if manifest["prices"] else ""
    unpriced = say(" (that of {} of the calls is not known)", f"{total['unpriced']:,}") if total["unpriced"] else ""
    return joined(took, say("They cost US$ {}{}{}.", dollars, prices, unpriced))


def parameters(manifest: Manifest) -> Pieces:
    given = {name: value for name, value in manifest["parameters"].items() if value not in (None, [])}
    unset = [Code(name) for name in manifest["parameters"] if name not in given]
    modes = (say("{} ({})", Code(mode), _replies(number)) for mode, number in manifest["modes"].items())
    seeded = any(seat["seed"] is not None for seat in manifest["seats"])
    return joined(
        say("Set for this launch: {}.", listed(_pairs(given))) if given else [],
        say("Not set: {}.", listed(unset)) if unset else [],
        ["Each bot had a seed of its own, which the manifest tells."] if seeded else [],
        say("Sent with each request: {}.", listed(_pairs(manifest["sent"]))) if manifest["sent"] else [],
        *(say("Asked for, but not sent: {} ({}).", Code(name), why) for name, why in manifest["dropped"].items()),
        say("The form of the replies, a JSON schema made from each page's questions, was imposed by {}.", listed(modes))
        if manifest["modes"] and kind(manifest) == "llm"
        else [],
    )


def _replies(number: int) -> str:
    return "1 reply" if number == 1 else f"{number:,} replies"


def _pairs(values: Mapping[str, Any]) -> list[Code]:
    texts = {name: value if isinstance(value, str) else json.dumps(value) for name, value in values.items()}
    return [Code(f"{name} = {text}") for name, text in texts.items()]


def memory(manifest: Manifest) -> Pieces:
    mode = manifest["parameters"].get("memory", "full")
    return say("Memory: {}. {}", Code(mode), MEMORY.get(mode, ""))


def cache(manifest: Manifest) -> Pieces:
    if not manifest["parameters"].get("cache"):
        return []
    hits = _replies(manifest["totals"]["from_cache"])
    return say("{} came from a cache: the same request, to the letter, had been answered before.", hits)


def repeatable(manifest: Manifest) -> Pieces:
    promise = manifest["model"]["deterministic"]
    same = "With the same settings and seeds the same requests bring the same replies."
    return say("Repeatability: {}", same if promise == "yes" else f"{promise.rstrip('.')}.")


def personas(manifest: Manifest) -> Pieces:
    if not manifest["personas"]:
        return ["otree-botex changed nothing in the model, and no bot had a persona."]
    given = count(len(manifest["personas"]), "bot")
    return say("otree-botex changed nothing in the model; {} had a persona, a text that the appendix has.", given)


def prompts(manifest: Manifest) -> Pieces:
    if not manifest["prompts"]:
        return ["No bot had asked the model yet when this was written."]
    return say(
        "All are in the appendix, as templates: a name after a dollar sign stands for what is put in there, such as a "
        "page's text. The SHA-256 of them all is {}. The record has each request as it was sent.",
        Code(manifest["prompts_sha256"]),
    )


def system(manifest: Manifest) -> Pieces:
    if "system" not in manifest["prompts"]:
        return ["None by otree-botex."]
    return say("Every request began with the text {} of the appendix.", Code("system"))
