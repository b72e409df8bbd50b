"""What a paper must disclose of a launch, filled in from its manifest: a methods section and the 14 core items of the
GUIDE-LLM checklist (https://llm-checklist.com/checklist), in Markdown or LaTeX.

What only its author can say is left visibly open. Pure: a manifest in, text out.
"""

from __future__ import annotations

from collections.abc import Iterator

from . import about_model as model
from . import about_study as study
from .about_model import Manifest, kind
from .markup import (
    Author,
    Block,
    Code,
    Heading,
    Paragraph,
    Pieces,
    Points,
    Verbatim,
    count,
    joined,
    say,
    to_latex,
    to_markdown,
)

ITEMS = {
    "A.1": "LLMs were used in this project for",
    "A.2": "Human-in-the-loop vs. fully automated",
    "B.1": "Model name, provider, size, version/ID, date of access, source link",
    "B.2": "API/web/local access; chat vs. separate call mode",
    "B.3": "Relevant parameters (temperature, max tokens, seed, runs)",
    "B.4": "Describe any fine-tuning or customization",
    "B.5": "Whether the LLM session retained state across interactions",
    "C.1": "Exact prompt(s) reported",
    "C.2": "System-wide instructions (if any)",
    "D.1": "Handling of personal/sensitive data",
    "E.1": "Human validation of LLM outputs",
    "E.2": "Any filtering, reformatting, or other post-processing",
    "F.1": "Code/notebooks/scripts for LLM calls shared",
    "G.1": "Funding, support, or relevant relationships",
}


def markdown(manifest: Manifest) -> str:
    """The report of a launch as Markdown."""
    return to_markdown(_document(manifest))


def latex(manifest: Manifest) -> str:
    """The report of a launch as a LaTeX document that compiles as it is."""
    return to_latex(_document(manifest))


def _document(manifest: Manifest) -> Iterator[Block]:
    by_model = kind(manifest) == "llm"
    yield Heading("Language models in this study" if by_model else "Bots in this study", level=1)
    yield Paragraph(
        say(
            "Filled in by otree-botex from its record of the launch {}. What only the author can say is marked {}.",
            Code(manifest["launch"]),
            Author("like this"),
        )
    )
    yield Heading("Methods")
    yield Paragraph(joined(study.seats(manifest), study.how_bots_play(manifest), study.what_became(manifest)))
    about = (model.model, model.access, study.dates, model.usage) if by_model else (model.no_model, study.dates)
    yield Paragraph(joined(*(statement(manifest) for statement in about)))
    kept = (model.memory, model.cache) if by_model else ()
    yield Paragraph(joined(*(statement(manifest) for statement in (model.parameters, model.repeatable, *kept))))
    yield Paragraph(joined(study.refusals(manifest), study.software(manifest)))
    if manifest["seats"]:
        yield Heading("What became of every seat")
        yield Points(study.attrition(manifest))
    yield Heading("GUIDE-LLM checklist: the core items")
    answers = {**_about_the_study(manifest), **(_about_the_model(manifest) if by_model else {})}
    yield Points([(f"{item} {name}.", answers.get(item) or _not_applicable(manifest)) for item, name in ITEMS.items()])
    if by_model:
        yield from _appendix(manifest)


def _about_the_study(manifest: Manifest) -> dict[str, Pieces]:
    people = ", and what the human participants were told and agreed to" if manifest["experiment"]["humans"] else ""
    left = {
        "A.1": "what the bots were for, and all other uses of LLMs in this project (writing, coding, analysis)",
        "D.1": f"whether the pages hold personal or sensitive data, how these were protected{people}",
        "E.1": "who checked the bots' answers, how many of them, and with what result",
        "E.2": "what was left out, recoded or corrected in the analysis",
        "F.1": "where the experiment's code, this record and the data can be found",
        "G.1": "funding, credits or other support, and relationships to providers of models",
    }
    checked = "otree-botex checks whether a reply fits the page's form, and no more."
    known = {
        "A.1": study.seats(manifest),
        "A.2": study.automation(manifest),
        "D.1": study.data(manifest),
        "E.1": [checked],
        "E.2": joined(study.refusals(manifest), study.dropouts(manifest)),
        "F.1": joined(study.record(manifest), study.software(manifest)),
        "G.1": [],
    }
    return {item: joined(said, [Author(left[item])] if item in left else []) for item, said in known.items()}


def _about_the_model(manifest: Manifest) -> dict[str, Pieces]:
    size = "its size, if it is known, and a link to its source"
    runs = say("This launch had {}.", count(len(manifest["seats"]), "bot"))
    kept = ["Nothing was passed on from one bot to another."]
    return {
        "B.1": joined(model.model(manifest), study.dates(manifest), [Author(size)]),
        "B.2": model.access(manifest),
        "B.3": joined(
            model.parameters(manifest),
            model.repeatable(manifest),
            runs,
            [Author("how many launches there were")],
        ),
        "B.4": joined(model.personas(manifest), [Author("whether the model itself is a fine-tuned or customized one")]),
        "B.5": joined(model.memory(manifest), kept, model.cache(manifest)),
        "C.1": model.prompts(manifest),
        "C.2": model.system(manifest),
    }


def _not_applicable(manifest: Manifest) -> Pieces:
    return joined(["N/A."], model.no_model(manifest))


def _appendix(manifest: Manifest) -> Iterator[Block]:
    if manifest["prompts"]:
        yield Heading("Appendix: the prompts")
    for name, text in manifest["prompts"].items():
        yield Heading(name, level=3)
        yield Verbatim(text.removesuffix("\n"))  # which ends the file that it comes from
    seats_of: dict[str, list[str]] = {}
    for seat, text in manifest["personas"].items():
        seats_of.setdefault(text, []).append(seat)
    if seats_of:
        yield Heading("Appendix: the personas")
    for text, names in seats_of.items():
        yield Heading(", ".join(names), level=3)
        yield Verbatim(text)
