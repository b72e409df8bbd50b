"""Which pictures of a page are sent to a model."""

from __future__ import annotations

import base64

from otree_botex.bots.pictures import MOST_BYTES, MOST_PICTURES, fetch
from otree_botex.errors import PageError

SERVER = "http://host:8000"
FILES = {
    f"{SERVER}/static/urn.png": ("image/png", b"urn"),
    f"{SERVER}/static/large.png": ("image/png", b"x" * (MOST_BYTES + 1)),
    f"{SERVER}/static/logo.svg": ("image/svg+xml", b"<svg/>"),
}


def get(address):
    if address not in FILES:
        raise PageError(f"{address} does not exist on this server.")
    return FILES[address]


def test_pictures_of_this_server_are_sent_and_others_named_with_the_reason():
    inline = "data:image/gif;base64," + base64.b64encode(b"GIF").decode()
    asked = [*FILES, "http://elsewhere/urn.png", "http://host:1/urn.png", f"{SERVER}/gone.png", inline, "data:,x"]
    found = fetch(asked, SERVER, get)
    assert [picture.data for picture in found if not picture.why_not] == [b"urn", b"GIF"]
    assert found[0].url == "data:image/png;base64,dXJu" and found[6].type == "image/gif"
    reasons = [picture.why_not for picture in found]
    expected = [
        "",
        "bytes, more than",
        "do not take image/svg+xml",
        "another host",
        "another host",
        "does not exist",
        "",
    ]
    assert all(part in reason for part, reason in zip([*expected, "without a type"], reasons, strict=True))


def test_not_more_than_providers_take():
    found = fetch([f"{SERVER}/static/urn.png"] * (MOST_PICTURES + 2), SERVER, get)
    assert sum(not picture.why_not for picture in found) == MOST_PICTURES
    assert [picture.why_not for picture in found[-2:]] == ["too many pictures"] * 2
