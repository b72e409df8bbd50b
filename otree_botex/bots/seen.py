"""A page as it goes on record when a bot sees it: see journal.PageRecord."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .control import Control
from .page import Page
from .scene import Scene


def as_recorded(page: Page, why: str = "", scene: Scene | None = None) -> dict[str, Any]:
    """A page that is played over HTTP or, if there is a reason `why`, in a browser, where it is asked for as a form, or
    acted on as this `scene`."""
    return {
        "url": page.url,
        "app": page.app,
        "name": page.name,
        "number": page.number,
        "page_kind": page.kind,
        "title": page.title,
        "text": scene.text if scene else page.text,
        "fields": controls_as_recorded(scene.controls) if scene else _fields(page),
        "timeout": page.timeout,
        "needs_script": why or page.needs_script,
        "driver": "browser" if why else "http",
    }


def _fields(page: Page) -> list[dict[str, Any]]:
    """What a form asks for, for the record."""
    names = page.form.names()
    return [
        {
            "key": field.key,
            "name": names[field.key],
            "kind": field.kind,
            "label": field.label,
            "required": field.required,
            "options": [option.label for option in field.options],
            "what": field.describe(),
        }
        for field in page.form.fields
    ]


def controls_as_recorded(controls: Iterable[Control]) -> list[dict[str, Any]]:
    """What can be used on a page in a browser."""
    return [
        {
            "key": f"[{control.number}]",
            "name": control.sent_as,
            "kind": control.kind,
            "label": control.name,
            "required": False,
            "options": list(control.options),
            "what": control.text,
            "decides": control.decides,
        }
        for control in controls
    ]
