"""Pictures of a page, for models that take them: fetched from the experiment's own server only."""

from __future__ import annotations

import base64
import hashlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import unquote_to_bytes, urlparse

from ..errors import PageError

logger = logging.getLogger(__name__)

TYPES = ("image/png", "image/jpeg", "image/gif", "image/webp")
"""What the providers' models take."""
MOST_BYTES = 5_000_000
MOST_PICTURES = 10
"""So many pictures of one page are sent at most, none larger than that: the limits of the strictest providers."""


@dataclass(frozen=True)
class Picture:
    """One picture as it was received: its address, its media type, its bytes; or why it is not sent."""

    address: str
    type: str = ""
    data: bytes = b""
    why_not: str = ""

    @cached_property
    def url(self) -> str:
        """The picture itself, as a data: URL."""
        return f"data:{self.type};base64,{base64.b64encode(self.data).decode()}"

    @property
    def about(self) -> dict[str, Any]:
        """What is recorded of it."""
        if self.why_not:
            return {"address": self.address, "not_sent": self.why_not}
        digest = hashlib.sha256(self.data).hexdigest()
        return {"address": self.address, "type": self.type, "bytes": len(self.data), "sha256": digest}


def fetch(addresses: Sequence[str], server: str, get: Callable[[str], tuple[str, bytes]]) -> list[Picture]:
    """The pictures at these addresses, in this order. `get` gives the media type and the bytes of an address on the
    server, and raises PageError where it cannot."""
    pictures = [_picture(address, server, get) for address in addresses[:MOST_PICTURES]]
    left_out = [Picture(_short(address), why_not="too many pictures") for address in addresses[MOST_PICTURES:]]
    for picture in (*pictures, *left_out):
        if picture.why_not:
            logger.warning("A picture is not shown to the model (%s): %s", picture.why_not, picture.address)
    return pictures + left_out


def _picture(address: str, server: str, get: Callable[[str], tuple[str, bytes]]) -> Picture:
    short = _short(address)
    if address.startswith("data:"):
        kind, data = _inline(address)
    elif urlparse(address).netloc != urlparse(server).netloc:
        return Picture(short, why_not="it is on another host")
    else:
        try:
            kind, data = get(address)
        except PageError as error:
            return Picture(short, why_not=str(error))
    if kind not in TYPES:
        return Picture(short, why_not=f"models do not take {kind or 'files without a type'}")
    if len(data) > MOST_BYTES:
        return Picture(short, why_not=f"it has {len(data)} bytes, more than {MOST_BYTES}")
    return Picture(short, kind, data)


def _inline(address: str) -> tuple[str, bytes]:
    """Media type and bytes of a data: URL (RFC 2397)."""
    head, _, body = address.removeprefix("data:").partition(",")
    kind = head.partition(";")[0].strip().lower()
    try:
        return kind, base64.b64decode(body) if head.endswith(";base64") else unquote_to_bytes(body)
    except ValueError:
        return "", b""


def _short(address: str) -> str:
    return address if len(address) <= 300 else address[:60] + "…"
