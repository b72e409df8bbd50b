"""What a paper must disclose of a launch, filled in from its manifest: a methods section and the 14 core items of the
GUIDE-LLM checklist (https://llm-checklist.com/checklist), in Markdown or LaTeX.

What only its author can say is left visibly open. Pure: a manifest in, text out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from ..words import count
from . import about_model as model
from . import about_study as study
from .about_model import Manifest, kind
from .manifests import by_row
from .markup import (
    Author,
    Block,
    Code,
    Heading,
    Paragraph,
    Pieces,
    Points,
    Verbatim,
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
    views = by_row(manifest)
    by_model = any(kind(view) == "llm" for view in views)
    yield Heading("Language models in this study" if by_model else "Bots in this study", level=1)
    yield Paragraph(
        say(
            "Filled in by otree-botex from its record of the launch {}. What only the author can say is marked {}.",
            Code(manifest["launch"]),
            Author("like this"),
        )
    )
    yield Heading("Methods")
    playing = _of_rows(study.how_bots_play, views)
    yield Paragraph(
        joined(study.seats(manifest), study.mix(manifest), playing, study.what_became(manifest), study.limits(manifest))
    )
    for view in views:
        if len(views) > 1:
            yield Heading(study.row(view), level=3)
        of_model = kind(view) == "llm"
        about = (model.model, model.access, study.dates, model.usage) if of_model else (model.no_model, study.dates)
        yield Paragraph(joined(*(statement(view) for statement in about)))
        kept = (model.memory, model.cache) if of_model else ()
        yield Paragraph(joined(*(statement(view) for statement in (model.parameters, model.repeatable, *kept))))
    yield Paragraph(joined(_of_rows(study.refusals, views), study.software(manifest)))
    if manifest["seats"]:
        yield Heading("What became of every seat")
        yield Points(study.attrition(manifest))
    yield Heading("GUIDE-LLM checklist: the core items")
    answers = {**_about_the_study(manifest, views), **(_about_the_model(manifest, views) if by_model else {})}
    yield Points([(f"{item} {name}.", answers.get(item) or _not_applicable(views)) for item, name in ITEMS.items()])
    if by_model:
        yield from _appendix(manifest)


def _of_rows(statement: Callable[[Manifest], Pieces], views: Sequence[Manifest]) -> Pieces:
    """What a statement says of each row of the mix; once, if it says the same of all."""
    said = [statement(view) for view in views]
    if all(one == said[0] for one in said):
        return said[0]
    return joined(*(joined([f"{study.row(view)}:"], one) for view, one in zip(views, said, strict=True) if one))


def _about_the_study(manifest: Manifest, views: Sequence[Manifest]) -> dict[str, Pieces]:
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
        "A.1": joined(study.seats(manifest), study.mix(manifest)),
        "A.2": study.automation(manifest),
        "D.1": _of_rows(study.data, views),
        "E.1": [checked],
        "E.2": joined(_of_rows(study.refusals, views), study.dropouts(manifest)),
        "F.1": joined(study.record(manifest), study.software(manifest)),
        "G.1": [],
    }
    return {item: joined(said, [Author(left[item])] if item in left else []) for item, said in known.items()}


def _about_the_model(manifest: Manifest, views: Sequence[Manifest]) -> dict[str, Pieces]:
    size = "its size, if it is known, and a link to its source"
    runs = say("This launch had {}.", count(len(manifest["seats"]), "bot"))
    kept = ["Nothing was passed on from one bot to another."]

    def told(*statements: Callable[[Manifest], Pieces]) -> Pieces:
        return _of_rows(
            lambda view: joined(*(one(view) for one in statements)) if kind(view) == "llm" else model.no_model(view),
            views,
        )

    return {
        "B.1": joined(told(model.model), study.dates(manifest), [Author(size)]),
        "B.2": told(model.access),
        "B.3": joined(told(model.parameters, model.repeatable), runs, [Author("how many launches there were")]),
        "B.4": joined(model.personas(manifest), [Author("whether the model itself is a fine-tuned or customized one")]),
        "B.5": joined(told(model.memory), kept, _of_rows(model.cache, views)),
        "C.1": model.prompts(manifest),
        "C.2": model.system(manifest),
    }


def _not_applicable(views: Sequence[Manifest]) -> Pieces:
    return joined(["N/A."], _of_rows(model.no_model, views))


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
