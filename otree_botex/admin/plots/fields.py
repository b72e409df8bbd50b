"""Which fields the pages of a session ask for, from oTree's own description of its apps."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from otree.common import expand_choice_tuples, get_models_module
from otree.database import OTreeColumn
from otree.i18n import core_gettext
from otree.models import Session
from sqlalchemy.sql import sqltypes
from sqlalchemy.types import TypeDecorator

from .. import sequence
from .answers import Field

OF_GROUP = "group."
"""Before the name of a field that is the group's, and not its player's."""
MOST = 1e100
"""Numbers beyond are no answers that could be counted with."""


@dataclass(frozen=True)
class PageFields:
    """The fields that a page asks for; one that chooses them itself (`get_form_fields`) may ask for any of its app."""

    names: tuple[str, ...]
    is_sure: bool


@dataclass
class Asked:
    """What the pages of a session ask for. `texts` are the fields that take texts, or several answers at once, which
    are not drawn; `numbers` has those of the pages that ask for a field, by app, name and round."""

    fields: dict[tuple[str, str], Field] = field(default_factory=dict)
    texts: list[str] = field(default_factory=list)
    pages: dict[tuple[str, str], PageFields] = field(default_factory=dict)
    numbers: dict[tuple[str, str, int], list[int]] = field(default_factory=lambda: defaultdict(list))

    def apps(self) -> list[str]:
        return list(dict.fromkeys(app for app, _ in self.fields))

    def of_app(self, app: str) -> list[list[Field]]:
        """The fields of an app, those of its players and those of its groups, each as far as there are any."""
        own = [one for one in self.fields.values() if one.app == app]
        parts = [[one for one in own if one.name.startswith(OF_GROUP) is is_group] for is_group in (False, True)]
        return [part for part in parts if part]


def asked(session: Session) -> Asked:
    """What the pages of a session ask for, in the order of its page sequence."""
    found = Asked()
    for number, page in sequence.pages(session).items():
        app, key = page.app_name, (page.app_name, page.page_class.__name__)
        if key not in found.pages:
            _add_page(found, app, page.page_class)
        for name in found.pages[key].names:
            found.numbers[app, name, page.round_number].append(number)
    return found


def model_of(app: str, name: str) -> tuple[Any, str]:
    """The table that has a field, and its name there."""
    models = get_models_module(app)
    return (models.Group, name[len(OF_GROUP) :]) if name.startswith(OF_GROUP) else (models.Player, name)


def _add_page(found: Asked, app: str, page: Any) -> None:
    """Adds a page, and those of its fields that were not asked for before."""
    prefix = OF_GROUP if getattr(page, "form_model", None) in ("group", get_models_module(app).Group) else ""
    is_sure = not hasattr(page, "get_form_fields")
    own = list(getattr(page, "form_fields", None) or []) if is_sure else _own_fields(model_of(app, prefix)[0])
    names = []
    for full in (prefix + name for name in own):
        described = _described(app, full, is_sure)
        if described:
            names.append(full)
            known = found.fields.get((app, full))
            found.fields[app, full] = known if known and known.is_sure else described
        elif is_sure and f"{app} / {full}" not in found.texts:
            found.texts.append(f"{app} / {full}")
    found.pages[app, page.__name__] = PageFields(tuple(names), is_sure)


def _own_fields(model: Any) -> list[str]:
    return [column.name for column in model.__table__.columns if isinstance(column, OTreeColumn)]


def _described(app: str, full: str, is_sure: bool) -> Field | None:
    """A field as it is drawn; None if it takes texts."""
    model, name = model_of(app, full)
    column = model.__table__.columns[name]
    about = column.form_props
    label = str(about.get("label") or name).rstrip(" :")
    is_number = isinstance(column.type, sqltypes.Integer | sqltypes.Float | TypeDecorator)
    choices = about.get("choices") or []
    if isinstance(column.type, sqltypes.Boolean):
        stored: Callable[[Any], Any] = bool
        choices = choices or [(True, core_gettext("Yes")), (False, core_gettext("No"))]
    else:
        stored = as_number if is_number else str
        varies = hasattr(model.get_user_defined_target(), f"{name}_choices")
        if about.get("multiple") or not (is_number or choices or varies):
            return None
    pairs = [pair for pair in expand_choice_tuples(choices) or [] if pair[0] not in (None, "")]
    chosen = tuple((stored(value), str(label)) for value, label in pairs)
    return Field(app, full, label, is_number, chosen, bool(about.get("blank")), is_sure)


def as_number(value: Any) -> float | None:
    """A number of any kind, money included, to be counted with; a whole one stays whole."""
    if isinstance(value, int) and abs(value) < MOST:
        return int(value)
    number = float(value)
    if not math.isfinite(number) or abs(number) >= MOST:
        return None
    return int(number) if number.is_integer() else number
