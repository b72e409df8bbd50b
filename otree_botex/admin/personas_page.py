"""The page of the project's personas: its sets, the template of each with a preview, and a form for a new one."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import quote

from otree.views.cbv import AdminView
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from .. import persona_sets, project_files
from ..errors import SetupError
from .escaping import escaped

PREVIEWED = 5
EXAMPLE = """name,age,occupation,trait
Anna,34,a baker,think twice before you decide
Bo,51,a bus driver,trust people easily
"""
EXAMPLE_TEMPLATE = "You are $name, $age years old, and $occupation. You $trait."


class LLMBotsPersonas(AdminView):
    """GET: the sets of personas. POST: makes one of a CSV file that was uploaded or pasted."""

    error = ""

    def get_template_name(self) -> str:
        return "otree_botex/LLMBotsPersonas.html"

    def vars_for_template(self) -> dict[str, Any]:
        given = self.get_post_data() or {}
        values = {
            "sets": [_about(name) for name in project_files.persona_sets(Path.cwd())],
            "example": EXAMPLE,
            "example_template": EXAMPLE_TEMPLATE,
            "error": self.error,
            "name": str(given.get("name") or ""),
            "pasted": str(given.get("pasted") or ""),
            "most_bytes": persona_sets.MOST_BYTES // 1_000_000,
        }
        return escaped(values)

    def post(self, request: Request) -> Response:
        try:
            name = _add(self.get_post_data())
        except SetupError as error:
            self.error = str(error)
            return self.get(request)
        return RedirectResponse(_link(name), status_code=302)


class LLMBotsPersonaSet(AdminView):
    """GET: a set with its template and the first texts that come of it. POST: writes the template."""

    error, typed = "", ""

    def get_template_name(self) -> str:
        return "otree_botex/LLMBotsPersonaSet.html"

    def vars_for_template(self) -> dict[str, Any]:
        about = _about(self.request.path_params["set"])
        template = self.typed or about["template"]
        return escaped({**about, "template": template, "error": self.error, **_preview(about["name"], template)})

    def get(self, request: Request, **_: Any) -> Response:
        if request.path_params["set"] not in project_files.persona_sets(Path.cwd()):
            return Response("There is no such set of personas.", status_code=404)
        return super().get(request)

    def post(self, request: Request, **_: Any) -> Response:
        name, template = request.path_params["set"], str(self.get_post_data().get("template") or "")
        try:
            project_files.save_persona_template(Path.cwd(), name, template)
        except SetupError as error:
            self.error, self.typed = str(error), template
            return self.get(request)
        return RedirectResponse(_link(name), status_code=302)


class LLMBotsPersonaPreview(AdminView):
    """POST: the first texts that a template would make of a set's rows. Nothing is written."""

    def get(self, request: Request, **_: Any) -> Response:
        return Response("Send a template to see what it makes of the rows.", status_code=405)

    def post(self, request: Request, **_: Any) -> Response:
        return JSONResponse(_preview(request.path_params["set"], str(self.get_post_data().get("template") or "")))


class LLMBotsPersonaFile(AdminView):
    """A set's CSV file, or its template, as it is: what is changed elsewhere comes back through the form."""

    def get(self, request: Request, **_: Any) -> Response:
        name, kind = request.path_params["set"], request.path_params["kind"]
        try:
            path = project_files.persona_file(Path.cwd(), name).with_suffix(f".{kind}")
        except SetupError as error:
            return Response(str(error), status_code=404)
        if kind not in ("csv", "txt") or not path.is_file():
            return Response("There is no such file.", status_code=404)
        headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(path.name)}"}
        media_type = "text/csv; charset=utf-8" if kind == "csv" else "text/plain; charset=utf-8"
        return Response(path.read_bytes(), media_type=media_type, headers=headers)


def _about(name: str) -> dict[str, Any]:
    """A set as the pages show it; `problem` says why it cannot be used."""
    about: dict[str, Any] = {"name": name, "link": _link(name), "template": "", "rows": 0, "columns": [], "problem": ""}
    try:
        about["template"] = project_files.persona_template(Path.cwd(), name)
        table = project_files.persona_table(Path.cwd(), name)
        about["columns"] = [{"title": title, "placeholder": one} for title, one in table.placeholders.items()]
        about["rows"] = len(table.rows)
        persona_sets.check(about["template"], table)
    except SetupError as error:
        about["problem"] = str(error)
    return about


def _preview(name: str, template: str) -> dict[str, Any]:
    try:
        table = project_files.persona_table(Path.cwd(), name)
        first = persona_sets.personas(name, table, template, most=PREVIEWED)
    except SetupError as error:
        return {"personas": [], "more": 0, "wrong": str(error)}
    return {"personas": [vars(one) for one in first], "more": len(table.rows) - len(first), "wrong": ""}


def _add(data: Any) -> str:
    """Makes the set that a form describes, and returns its name. Raises SetupError if that cannot be done."""
    file, pasted = data.get("file"), str(data.get("pasted") or "")
    uploaded = bool(getattr(file, "filename", ""))
    if uploaded and pasted.strip():
        raise SetupError("Choose a file or paste its text, not both.")
    if uploaded:
        content = file.file.read(persona_sets.MOST_BYTES + 1)
    else:
        content = pasted.replace("\r\n", "\n").encode()
    if not content.strip():
        raise SetupError("Choose a CSV file, or paste its text. It must not be empty.")
    name = str(data.get("name") or "").strip() or (Path(file.filename).stem if uploaded else "")
    project_files.add_personas(Path.cwd(), name, content, replace=bool(data.get("replace")))
    return name


def _link(name: str) -> str:
    return f"/LLMBotsPersonas/{quote(name, safe='')}"


routes = [
    Route("/LLMBotsPersonas", LLMBotsPersonas, name="LLMBotsPersonas"),
    Route("/LLMBotsPersonas/{set}", LLMBotsPersonaSet, name="LLMBotsPersonaSet"),
    Route("/LLMBotsPersonas/{set}/preview", LLMBotsPersonaPreview, name="LLMBotsPersonaPreview"),
    Route("/LLMBotsPersonas/{set}/file/{kind}", LLMBotsPersonaFile, name="LLMBotsPersonaFile"),
]
