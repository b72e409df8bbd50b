"""What of a page is to be seen, on a screen as wide as a desktop's, and what a person can open on it.

Known are the HTML standard's hidden elements, inline styles, the classes of Bootstrap (which oTree's pages come with),
and rules of the page's own style sheets that hide elements by a class or an id.
"""

from __future__ import annotations

import re

from bs4 import BeautifulSoup, Tag

from .markup import CONTROLS, inside

UNSEEN = {
    *("script", "style", "template", "noscript", "head", "datalist", "title", "meta", "link", "rp", "param", "source"),
}
# No participant has the first on a server in production. The second is a participant's to see but no part of any
# experiment, and would stand in every page.
OTREES_OWN = {"debug-info", "powered-by-otree"}
UNSEEN_CLASSES = {
    *OTREES_OWN,
    *("visually-hidden", "visually-hidden-focusable", "sr-only", "sr-only-focusable", "btn-check", "opacity-0"),
}
UNSEEN_MARK = "data-botex-unseen"
"""The attribute by which a browser says that it shows nothing of an element."""
DISPLAY = re.compile(r"(?:^|;)\s*display\s*:\s*([\w-]+)", re.IGNORECASE)
VISIBILITY = re.compile(r"(?:^|;)\s*visibility\s*:\s*(\w+)", re.IGNORECASE)
GONE = re.compile(r"(?:^|;)\s*(?:opacity\s*:\s*0(?:\.0*)?\s*(?:;|!|$)|(?:left|top|text-indent)\s*:\s*-\d{4,}px)", re.I)
# Bootstrap's display utilities by the width they begin at: those for 1400 pixels and more do not apply.
DISPLAY_CLASS = re.compile(r"d-(?:(sm|md|lg|xl)-)?(none|inline|inline-block|block|grid|flex|inline-flex|table\S*)")
WIDTHS = (None, "sm", "md", "lg", "xl")
# Bootstrap's closed elements, with the class that opens each.
CLOSED = {
    **{"modal": "show", "collapse": "show", "tab-pane": "active", "offcanvas": "show", "dropdown-menu": "show"},
    "toast": "show",
}
OPENERS = ("data-bs-target", "data-target", "popovertarget", "commandfor")
TOGGLES = ("data-bs-toggle", "data-toggle")
COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
AT_RULE = re.compile(r"@[^{};]*(?:;|\{(?:[^{}]*\{[^{}]*\})*[^{}]*\})")
RULE = re.compile(r"([^{}]+)\{([^{}]*)\}")
SIMPLE = re.compile(r"(?:[a-z][\w-]*)?([.#][\w-]+)", re.IGNORECASE)


class Visibility:
    """Answers what is to be seen of one document."""

    def __init__(self, soup: BeautifulSoup) -> None:
        self._shown, self._visible = _style_rules(soup)
        self._openers: dict[str, Tag] = {}
        for opener in (tag for tag in soup.descendants if isinstance(tag, Tag) and _opens(tag)):
            for target in _targets(opener):
                self._openers.setdefault(target, opener)
        self._displayed: dict[int, bool] = {id(soup): True}

    def sees(self, tag: Tag) -> bool:
        """Whether an element is to be seen, at once or after opening what holds it."""
        return self._is_displayed(tag) and self.is_visible(tag, self._inherited(tag))

    def _is_displayed(self, tag: Tag) -> bool:
        known = self._displayed.get(id(tag))
        if known is None:
            parent = tag.parent
            known = not self.hides(tag) and (parent is None or self._is_displayed(parent))
            self._displayed[id(tag)] = known
        return known

    def _inherited(self, tag: Tag) -> bool:
        for parent in tag.parents:
            own = self._own_visibility(parent)
            if own is not None:
                return own
        return True

    def is_visible(self, tag: Tag, inherited: bool) -> bool:
        """The CSS property visibility, which a child may set again where its parent is not visible."""
        own = self._own_visibility(tag)
        return inherited if own is None else own

    def _own_visibility(self, tag: Tag) -> bool | None:
        classes = tag.get("class") or ()
        if "invisible" in classes:
            return False
        if style := tag.get("style"):
            if found := VISIBILITY.search(str(style)):
                return found[1].lower() not in ("hidden", "collapse")
        return _by_rule(self._visible, tag, classes)

    def hides(self, tag: Tag) -> bool:
        """Whether an element and all it holds cannot be seen, nor opened."""
        attrs = tag.attrs
        if tag.name in UNSEEN or "hidden" in attrs:
            return True
        if not attrs and tag.name != "dialog":
            return False
        if tag.name == "input" and str(attrs.get("type", "")).lower() == "hidden":
            return True
        classes, style = attrs.get("class") or (), str(attrs.get("style") or "")
        if (classes and not UNSEEN_CLASSES.isdisjoint(classes)) or (style and GONE.search(style)):
            return True
        shown = _by_class(classes) if classes else None
        if shown is None and style and (found := DISPLAY.search(style)):
            shown = found[1].lower() != "none"
        if shown is None:
            shown = _by_rule(self._shown, tag, classes)
        if shown is False:
            return not (self.is_closed(tag) and self.opener(tag) is not None)
        return not shown and self.is_closed(tag) and self.opener(tag) is None and not _holds_controls(tag)

    def is_closed(self, tag: Tag) -> bool:
        """Whether a browser shows an element only after it was opened."""
        if (tag.name == "dialog" and not tag.has_attr("open")) or tag.has_attr("popover"):
            return True
        classes = tag.get("class") or ()
        return any(name in classes and opened not in classes for name, opened in CLOSED.items())

    def opener(self, tag: Tag) -> Tag | None:
        """What a person presses to open an element."""
        for target in _selectors(tag, tag.get("class") or ()):
            opener = self._openers.get(target)
            if opener is not None and all(parent is not tag for parent in opener.parents):
                return opener
        if "dropdown-menu" in (tag.get("class") or ()):
            beside = tag.find_previous_sibling(attrs={"data-bs-toggle": "dropdown"})
            return beside if isinstance(beside, Tag) else None
        return None


class Rendered(Visibility):
    """The same for a page that a browser has written down as it stands: what it shows is known, and what is closed can
    be opened there."""

    def __init__(self, soup: BeautifulSoup) -> None:
        self._displayed = {id(soup): True}

    def hides(self, tag: Tag) -> bool:
        if tag.name in UNSEEN or tag.has_attr(UNSEEN_MARK):
            return True
        if tag.name == "input" and str(tag.get("type", "")).lower() == "hidden":
            return True
        return not OTREES_OWN.isdisjoint(tag.get("class") or ())

    def _own_visibility(self, tag: Tag) -> bool | None:
        return None

    def is_closed(self, tag: Tag) -> bool:
        return False

    def opener(self, tag: Tag) -> Tag | None:
        return None


class RenderedForm(Visibility):
    """The same for such a page that is read as the form that it is: what can be opened counts as seen, as it does on
    the page that the server sent."""

    def hides(self, tag: Tag) -> bool:
        if super().hides(tag):
            return True
        return tag.has_attr(UNSEEN_MARK) and not any(map(self._can_be_opened, (tag, *tag.parents)))

    def _can_be_opened(self, tag: Tag) -> bool:
        return tag.name == "details" or (self.is_closed(tag) and self.opener(tag) is not None)


def _selectors(tag: Tag, classes: object) -> list[str]:
    """An element's id and classes, as selectors."""
    own = [f"#{tag['id']}"] if tag.has_attr("id") else []
    return own + [f".{name}" for name in (classes if isinstance(classes, list) else ())]


def _by_rule(rules: dict[str, bool], tag: Tag, classes: object) -> bool | None:
    """What the page's own style sheets say of an element, if anything."""
    return next((rules[name] for name in _selectors(tag, classes) if name in rules), None) if rules else None


def _by_class(classes: object) -> bool | None:
    """What Bootstrap's display utilities say, if there are any: the one for the widest screen rules."""
    found = [match for name in classes if (match := DISPLAY_CLASS.fullmatch(name))]  # type: ignore[attr-defined]
    if not found:
        return None
    return max(found, key=lambda match: WIDTHS.index(match[1]))[2] != "none"


def _opens(tag: Tag) -> bool:
    return any(name in tag.attrs for name in (*OPENERS, *TOGGLES))


def _targets(opener: Tag) -> list[str]:
    """What an element opens, as selectors."""
    targets = []
    for name in OPENERS:
        value = str(opener.get(name) or "")
        if value:
            targets.append(value if value[0] in "#." else f"#{value}")
    if not targets and any(opener.has_attr(name) for name in TOGGLES):
        targets.append(str(opener.get("href") or ""))
    return targets


def _holds_controls(tag: Tag) -> bool:
    """Whether an element holds controls of a form: it must be possible to open it."""
    for control in inside(tag, CONTROLS):
        kind = str(control.get("type") or "").lower()
        if control.has_attr("name") and kind != "hidden" or control.name == "button" and kind in ("", "submit"):
            return True
    return False


def _style_rules(soup: BeautifulSoup) -> tuple[dict[str, bool], dict[str, bool]]:
    """By class or id, whether the page's own style sheets let elements be displayed, and be visible."""
    shown: dict[str, bool] = {}
    visible: dict[str, bool] = {}
    for sheet in soup.find_all("style"):
        for selectors, body in RULE.findall(AT_RULE.sub("", COMMENT.sub("", sheet.string or ""))):
            display, gone, visibility = DISPLAY.search(body), GONE.search(body), VISIBILITY.search(body)
            for selector in selectors.split(","):
                simple = SIMPLE.fullmatch(selector.strip())
                if simple and (display or gone):
                    shown[simple[1]] = not gone and (display is None or display[1].lower() != "none")
                if simple and visibility:
                    visible[simple[1]] = visibility[1].lower() not in ("hidden", "collapse")
    return shown, visible
