"""The page of the prompts: the default ones to be read, and sets of the project's own to be changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any
from urllib.parse import quote

from otree.views.cbv import AdminView
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from .. import project_files, prompt_check
from ..errors import SetupError
from ..persona_sets import placeholders
from ..record.exports import sha256_of
from .escaping import escaped

USED = {
    "system": "The first message to a model: what it takes part in, and how to reply.",
    "persona": "Part of the first message where a bot has a persona: who it is to be.",
    "remark": "Part of the first message in a pre-test: asks what is unclear or wrong on a page.",
    "summary": "Part of the first message where bots keep notes in place of the whole conversation.",
    "refused": "When an answer was not accepted, by the form or by oTree.",
    "changed": "After a refusal, when the page has come back with another text.",
    "time_up": "With the next page, when a page's time was up before the bot had answered.",
    "moved_on": "With the next page, when a bot was moved on before its answers were sent.",
    "talk": "On a page with a chat, before the decision: what was said there, and whether to say something.",
    "talked": "When a talk is over: what was said last, and that the decision is due.",
    "talked_summary": "The same, where bots keep notes.",
    "act": "Below a page that is played in a browser: how to act on it.",
    "acted": "After actions on a page in a browser: what came of them.",
    "so_far": "In place of what was said on a page in a browser, when a bot has been there for a while.",
    "dialog": "When a page in a browser has opened a dialog in front of itself.",
    "not_done": "With the next page, when a page in a browser was left before all actions were done.",
    "notes": "When the conversation has become too long for the model: asks for notes on it.",
    "remember": "Above a page: the bot's own notes on the pages before.",
    "part": "Above each part of a page that is too long to be shown at once.",
    "questions": "Below the last of such parts: all that the page asks.",
    "replied": "A bot's own reply, told again with the next page when it was not the end of the page before.",
}
"""When each prompt is used, in the order in which they are shown."""


class LLMBotsPrompts(AdminView):
    """GET: the sets, and the default prompts. POST: makes a set of the project's own, as a copy of another one."""

    error = ""

    def get_template_name(self) -> str:
        return "otree_botex/LLMBotsPrompts.html"

    def vars_for_template(self) -> dict[str, Any]:
        given = self.get_post_data() or {}
        values = {
            "sets": [_about(name) for name in project_files.prompt_sets(Path.cwd())],
            "prompts": [_shown(name, {}) for name in _in_order()],
            "sha256": sha256_of(prompt_check.defaults()),
            "error": self.error,
            "name": str(given.get("name") or ""),
            "copied": str(given.get("copied") or ""),
        }
        return escaped(values)

    def post(self, request: Request) -> Response:
        data = self.get_post_data()
        name, copied = str(data.get("name") or "").strip(), str(data.get("copied") or "")
        try:
            project_files.add_prompts(Path.cwd(), name, project_files.prompts(Path.cwd(), copied) if copied else {})
        except SetupError as error:
            self.error = str(error)
            return self.get(request)
        return RedirectResponse(_link(name), status_code=302)


class LLMBotsPromptSet(AdminView):
    """GET: a set of the project's own. POST: saves the prompts that are sent, each `text` under its `prompt`, and puts
    the default one back for `reset`."""

    refused: Mapping[str, tuple[str, str]] = {}
    """Prompts that were not saved, by name: the text, and why."""
    errors: Sequence[str] = ()
    """What else is wrong."""

    def get_template_name(self) -> str:
        return "otree_botex/LLMBotsPromptSet.html"

    def vars_for_template(self) -> dict[str, Any]:
        about = _about(self.request.path_params["set"])
        prompts = [_shown(name, about["own"]) for name in _in_order()]
        for prompt in prompts:
            if prompt["name"] in self.refused:
                text, error = self.refused[prompt["name"]]
                prompt.update(text=text, error=error, open=True)
        return escaped({**about, "prompts": prompts, "errors": list(self.errors)})

    def get(self, request: Request, **_: Any) -> Response:
        if request.path_params["set"] not in project_files.prompt_sets(Path.cwd()):
            return Response("There is no such set of prompts.", status_code=404)
        return super().get(request)

    def post(self, request: Request, **_: Any) -> Response:
        name, data = request.path_params["set"], self.get_post_data()
        reset, refused, errors = str(data.get("reset") or ""), {}, []
        for prompt, text in zip(data.getlist("prompt"), data.getlist("text"), strict=False):
            if prompt == reset:
                continue
            try:
                project_files.save_prompt(Path.cwd(), name, prompt, text)
            except SetupError as error:
                refused[prompt] = text, str(error)
        try:
            project_files.reset_prompt(Path.cwd(), name, reset)
        except SetupError as error:
            errors = [str(error)]
        if refused or errors:
            unknown = [why for prompt, (_, why) in refused.items() if prompt not in prompt_check.defaults()]
            self.refused, self.errors = refused, [*errors, *unknown]
            return self.get(request)
        return RedirectResponse(f"{_link(name)}#{quote(reset or str(data.get('save') or ''))}", status_code=302)


def _about(name: str) -> dict[str, Any]:
    """A set as the pages show it; `problem` says why it cannot be used."""
    about: dict[str, Any] = {"name": name, "link": _link(name), "own": {}, "sha256": "", "problem": ""}
    try:
        about["own"] = project_files.stored_prompts(Path.cwd(), name)
        about["sha256"] = sha256_of(prompt_check.completed(project_files.prompts(Path.cwd(), name)))
    except SetupError as error:
        about["problem"] = str(error)
    return {**about, "changed": list(about["own"])}


def _shown(name: str, own: Mapping[str, str]) -> dict[str, Any]:
    """One prompt of a set, with what it leaves open and how it differs from the default one."""
    default = prompt_check.defaults()[name]
    text = own.get(name, default)
    return {
        "name": name,
        "used": USED.get(name, ""),
        "placeholders": [f"${one}" for one in placeholders(default)],
        "text": text.strip(),
        "changed": name in own,
        "open": name in own,
        "differences": _differences(default, text) if name in own else [],
        "error": "",
    }


def _differences(default: str, text: str) -> list[dict[str, str]]:
    """The lines of both texts in order, each with whether it is gone, new, or the same."""
    before, after = default.strip().splitlines(), text.strip().splitlines()
    lines = []
    for _, start, end, new_start, new_end in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if before[start:end] == after[new_start:new_end]:
            lines += [("same", line) for line in before[start:end]]
        else:
            lines += [("gone", line) for line in before[start:end]] + [
                ("new", line) for line in after[new_start:new_end]
            ]
    return [{"kind": kind, "text": line} for kind, line in lines]


def _in_order() -> list[str]:
    known = list(USED)
    return sorted(prompt_check.defaults(), key=lambda name: known.index(name) if name in known else len(known))


def _link(name: str) -> str:
    return f"/LLMBotsPrompts/{quote(name, safe='')}"


routes = [
    Route("/LLMBotsPrompts", LLMBotsPrompts, name="LLMBotsPrompts"),
    Route("/LLMBotsPrompts/{set}", LLMBotsPromptSet, name="LLMBotsPromptSet"),
]
