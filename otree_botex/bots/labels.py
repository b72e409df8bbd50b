"""What a participant takes for the label of a control, wherever it stands on the page."""

from __future__ import annotations

from bs4 import BeautifulSoup, Tag

from .visible import plain_text

CONTROLS = ("input", "select", "textarea", "button")


class Labels:
    """Finds the labels of a page's controls. Values of options and names of fields are never taken for one: they are
    not to be seen."""

    def __init__(self, soup: BeautifulSoup) -> None:
        self._by_id = {str(label["for"]): label for label in soup.find_all("label", attrs={"for": True})}

    def of_field(self, tag: Tag) -> str:
        """The question that a single control answers."""
        return self._own(tag) or _aria(tag) or _row_header(tag) or str(tag.get("placeholder") or "")

    def of_group(self, tags: list[Tag]) -> str:
        """The question that a group of radio buttons or check boxes answers."""
        stem = str(tags[0].get("id") or "").rpartition("-")[0]
        label = self._by_id.get(stem)
        if isinstance(label, Tag):
            return plain_text(label)
        fieldset = tags[0].find_parent("fieldset")
        legend = fieldset.find("legend") if isinstance(fieldset, Tag) else None
        return plain_text(legend) if isinstance(legend, Tag) else _row_header(tags[0])

    def of_option(self, tag: Tag) -> str:
        """What one radio button or check box of a group stands for."""
        return self.shown(tag) or _aria(tag) or _column_header(tag)

    def shown(self, tag: Tag) -> str:
        """An option's label if it stands beside it as text of its own."""
        following = tag.next_sibling
        return self._own(tag) or (following.strip() if isinstance(following, str) else "")

    def _own(self, tag: Tag) -> str:
        for candidate in (self._by_id.get(str(tag.get("id") or "")), tag.find_parent("label")):
            if isinstance(candidate, Tag) and (text := plain_text(candidate)):
                return text
        return ""


def button_label(tag: Tag) -> str:
    """What stands on a button."""
    return plain_text(tag) or str(tag.get("value") or tag.get("alt") or "") or _aria(tag) or "Submit"


def _aria(tag: Tag) -> str:
    return str(tag.get("aria-label") or "")


def _row_header(tag: Tag) -> str:
    """What stands first in the table row of a control."""
    row = tag.find_parent("tr")
    first = row.find(["th", "td"]) if isinstance(row, Tag) else None
    if not isinstance(first, Tag) or first.find(CONTROLS):
        return ""
    return plain_text(first)


def _column_header(tag: Tag) -> str:
    """What stands over a control in the first row of its table."""
    cell, table = tag.find_parent(["td", "th"]), tag.find_parent("table")
    if not isinstance(cell, Tag) or not isinstance(table, Tag):
        return ""
    column = sum(_span(before) for before in cell.find_previous_siblings(["td", "th"]))
    first_row = table.find("tr")
    if not isinstance(first_row, Tag) or first_row is cell.parent:
        return ""
    position = 0
    for header in first_row.find_all(["td", "th"], recursive=False):
        if position <= column < position + _span(header):
            return plain_text(header)
        position += _span(header)
    return ""


def _span(cell: Tag) -> int:
    span = str(cell.get("colspan") or "1")
    return int(span) if span.isdigit() else 1
