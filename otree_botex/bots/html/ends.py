"""Pages on which an experiment ends by sending its participants elsewhere, to a panel's completion page for example."""

from __future__ import annotations

import re
from urllib.parse import urljoin, urlparse

from bs4 import BeautifulSoup, Tag

from .visibility import Visibility

GOES_AWAY = re.compile(r"\blocation(\.href)?\s*=[^=]|\blocation\.(assign|replace)\s*\(")
# Where studies send their participants when they are done. A link to anywhere else may be one to read more.
COMPLETION = re.compile(
    r"complet|screen_?out|prolific|mturk|cloudresearch|sona-systems|qualtrics|limesurvey|respondi|bilendi|cint\.|lucid|dynata"
    r"|\bcc=",
    re.IGNORECASE,
)
ADDRESS = re.compile(r"https?://[^\s\"'<>\\]+")


def way_out(soup: BeautifulSoup, url: str, visibility: Visibility) -> str:
    """The address on another site that a page without any button leads to: by a link that looks like a button or like
    a completion link, or by a script that goes there by itself. Empty if there is none."""
    for link in soup.find_all("a", href=True):
        address = urljoin(url, str(link["href"]))
        if _is_elsewhere(address, url) and visibility.sees(link) and _completes(link, address):
            return address
    scripts = "\n".join(script.get_text() for script in soup.find_all("script", src=False))
    if GOES_AWAY.search(scripts):
        return next((found for found in ADDRESS.findall(scripts.replace("\\/", "/")) if _is_elsewhere(found, url)), "")
    return ""


def _completes(link: Tag, address: str) -> bool:
    return "btn" in (link.get("class") or ()) or bool(COMPLETION.search(address))


def _is_elsewhere(address: str, url: str) -> bool:
    there = urlparse(address)
    return there.scheme in ("http", "https") and there.netloc != urlparse(url).netloc
