"""A page as a browser has written it down: what a bot is told of it. The HTML and the lists of controls are written by
hand as chromium/page.js writes them."""

from __future__ import annotations

from decimal import Decimal

import pytest
from bs4 import BeautifulSoup

from otree_botex.bots.control import Control
from otree_botex.bots.html.visibility import Rendered
from otree_botex.bots.html.visible import plain_text, see
from otree_botex.bots.scene import Scene, read_scene


def known(n, kind, name="", **more):
    """One control as page.js describes it."""
    usual = {"value": "", "checked": None, "disabled": False, "readonly": False, "options": [], "multiple": False}
    usual |= {"min": "", "max": "", "step": "", "type": "", "drag": False, "drop": False, "submits": False}
    return {"n": n, "kind": kind, "name": name, **usual, "opens": False, "outer": False, **more}


def options(*labels, chosen=(), disabled=()):
    return [{"label": label, "chosen": label in chosen, "disabled": label in disabled} for label in labels]


def scene(body, *controls, **more):
    html = f"<!DOCTYPE html><html><head><title>T</title></head><body>{body}</body></html>"
    return read_scene(html, controls, **more)


# ---- what is to be seen


def test_only_what_the_browser_marked_is_unseen():
    """Classes, styles and closed parts have been judged by the browser."""
    seen = scene(
        """<p>One</p><p data-botex-unseen>secret</p><div data-botex-unseen><p>secret <b>too</b></p></div>
        <div class="modal d-none" style="display: none" hidden><p>Two</p></div>
        <div class="collapse" id="c"><p>Three</p></div><a data-bs-toggle="collapse" href="#c">More</a>
        <p class="visually-hidden">Four</p><details><summary>Five</summary>Six</details><dialog>Seven</dialog>
        <style>p {display: none}</style><script>secret()</script><noscript>secret</noscript><template>secret</template>
        <div class="debug-info">secret</div><p class="powered-by-otree">secret</p>
        <input type="hidden" value="secret">"""
    )
    assert "secret" not in seen.text and "opens with" not in seen.text
    lines = [line for line in seen.text.splitlines() if line]
    assert lines == ["One", "Two", "Three", "More", "Four", "Five", "Six", "Seven"]


def test_rendered_answers_as_visibility_does():
    soup = BeautifulSoup("<div><p data-botex-unseen>a <i>b</i></p><p>c</p></div>", "lxml")
    rendered = Rendered(soup)
    assert [rendered.sees(soup.find(name)) for name in ("div", "p", "i")] == [True, False, False]
    assert plain_text(soup.body, rendered) == "c" and see(soup, rendered).text == "c"
    assert rendered.opener(soup.p) is None and not rendered.is_closed(soup.p)


def test_pictures_are_told_in_their_order():
    seen = scene(
        """<img src="/a.png" alt="A"><div data-botex="1"><img src="b.png" alt="Bee"></div>
        <img data-botex-unseen src="c.png">""",
        known(1, "area", "Bee"),
    )
    assert seen.text == "[image: A (a.png)]\n[1] thing to click: [image: Bee (b.png)]"
    assert [image.src for image in seen.images] == ["/a.png", "b.png"]


# ---- what stands at a control

MARKS = [
    (
        known(7, "slider", "Your offer", min="0", max="100", value="50", type="range"),
        'slider "Your offer" 0–100, at 50',
    ),
    (known(7, "slider", "x", min="0", max="1", step="0.1", value="0.5"), 'slider "x" 0–1 in steps of 0.1, at 0.5'),
    (known(7, "button", "Accept", disabled=True), 'button "Accept" (disabled)'),
    (known(7, "button", "Next", submits=True), 'button "Next" (sends the page)'),
    (known(7, "radio", "Yes", checked=False), '( ) "Yes"'),
    (known(7, "radio", "Yes", checked=True, disabled=True), '(x) "Yes" (disabled)'),
    (known(7, "checkbox", "I agree", checked=True), '[x] "I agree"'),
    (known(7, "text", "Name", value='Ada "L"', type="text"), 'text field "Name", now "Ada \\"L\\""'),
    (known(7, "text", "Name", value="5", readonly=True), 'text field "Name" (cannot be changed), now "5"'),
    (known(7, "text", "Mail", type="email"), 'text field "Mail" (email address)'),
    (
        known(7, "text", "Day", type="date", min="2024-01-01"),
        'text field "Day" at least 2024-01-01 (date, written YYYY-MM-DD)',
    ),
    (known(7, "textarea", "Why", value="a\nb"), 'text area "Why", now "a\\nb"'),
    (known(7, "number", "Bid", min="0", max="20", value="3", type="number"), 'number field "Bid" 0–20, now "3"'),
    (known(7, "number", "Bid", max="20", step="0.5", type="number"), 'number field "Bid" at most 20 in steps of 0.5'),
    (
        known(7, "select", "Country", options=options("Austria", "Spain", chosen=["Austria"])),
        'list "Country", now "Austria": "Austria"; "Spain"',
    ),
    (
        known(7, "select", "Two", multiple=True, options=options("a", "a", "b", chosen=["b"], disabled=["b"])),
        'list "Two" (choose any), now "b": "a"; "a (2)"',
    ),
    (known(7, "link", "Rules"), 'link "Rules"'),
    (known(7, "area", "Apple", drag=True), 'item "Apple" (can be dragged)'),
    (known(7, "area", "Basket", drop=True), 'place "Basket" (things can be dropped here)'),
    (known(7, "area", "Apple", drag=True, drop=True), 'item "Apple" (can be dragged)'),
    (known(7, "area", "B2"), 'thing to click "B2"'),
    (known(7, "area"), "thing to click"),
    (known(7, "file", "CV"), 'file "CV" (cannot be uploaded)'),
]


@pytest.mark.parametrize(("control", "mark"), MARKS, ids=[mark for _, mark in MARKS])
def test_marks(control, mark):
    seen = scene('<p>Before <input data-botex="7"> after</p>', control)
    assert seen.text == f"Before [7] {mark} after"
    assert seen.controls[0].text == f"[7] {mark}" and seen.find(7) is seen.controls[0] and seen.find(8) is None


def test_a_hint_stands_where_nothing_else_does():
    field = '<input data-botex="1" placeholder="in euros">'
    assert scene(field, known(1, "text", "Bid")).text == '[1] text field "Bid", hint "in euros"'
    assert scene(field, known(1, "text", "Bid", value="3")).text == '[1] text field "Bid", now "3"'
    assert scene(field, known(1, "text", "in euros")).text == '[1] text field "in euros"'


def test_controls_keep_their_lines_bullets_cells_and_headings():
    names = ["Top", "Apple pie", "Pear", "Up", "Two", "Take", "A1", "A2", "Board", "x"]
    seen = scene(
        """<h2 data-botex="1">Top</h2><ul><li data-botex="2"><b>Apple</b> pie</li><li data-botex="3">Pear</li></ul>
        <ol><li>One <button data-botex="4"><i class="icon"></i> Up</button></li><li data-botex="5">Two</li></ol>
        <table><tr><th>Price</th><th></th></tr><tr><td>3</td><td data-botex="6">Take</td></tr></table>
        <div data-botex="7"><span>A</span><span>1</span></div><div data-botex="8">A2</div>
        <canvas data-botex="9"></canvas><pre data-botex="10">x</pre>""",
        *[known(n, "area", name) for n, name in enumerate(names, 1)],
    )
    assert seen.text.splitlines() == [
        '## [1] thing to click "Top"',
        "",
        '- [2] thing to click "Apple pie"',
        '- [3] thing to click "Pear"',
        "",
        '1. One [4] thing to click "Up"',
        '2. [5] thing to click "Two"',
        "",
        "Price |",
        "--- | ---",
        '3 | [6] thing to click "Take"',
        "",
        '[7] thing to click "A1"',
        '[8] thing to click "A2"',
        '[9] thing to click "Board"',
        "",
        '[10] thing to click "x"',
    ]


def test_what_stands_in_an_outer_control_is_read_after_it():
    seen = scene(
        """<div data-botex="1">Basket <div data-botex="2">Apple</div></div>
        <ol><li data-botex="3">Offer <button data-botex="4">Accept</button></li></ol>
        <table><tr data-botex="5"><td>Anna</td><td>12</td></tr></table>
        <table data-botex="6"><tr><td data-botex="7">a</td><td>b</td></tr></table>
        <div data-botex="8" aria-label="Shelf">Books <p>and more</p></div>""",
        known(1, "area", "Basket Apple", drop=True, outer=True),
        known(2, "area", "Apple", drag=True),
        known(3, "area", "Offer Accept", outer=True),
        known(4, "button", "Accept"),
        known(5, "area", "Anna 12"),
        known(6, "area", "Board", outer=True),
        known(7, "area", "a"),
        known(8, "area", "Shelf", outer=True),
    )
    assert [line for line in seen.text.splitlines() if line] == [
        "[1] place (things can be dropped here): Basket",
        '[2] item "Apple" (can be dragged)',
        '1. [3] thing to click: Offer [4] button "Accept"',
        "[5] thing to click: Anna | 12",
        '[6] thing to click "Board"',
        '[7] thing to click "a" | b',
        '[8] thing to click "Shelf" Books',
        "and more",
    ]


@pytest.mark.parametrize(
    "html",
    [
        '<input type="radio" data-botex="1"> <label>Yes</label>',
        '<label><input type="radio" data-botex="1"> Yes</label>',
        '<label>Yes <input type="radio" data-botex="1"></label>',
        '<label data-botex="1"><input type="radio" data-botex-unseen>Yes</label>',
        '<div><input type="radio" data-botex="1"></div><div><label>Yes</label></div>',
        '<input type="radio" data-botex="1">&nbsp;Yes',
    ],
)
def test_a_label_beside_its_box_is_not_written_twice(html):
    assert scene(html, known(1, "radio", "Yes", checked=False)).text == '[1] ( ) "Yes"'
    assert scene(html, known(1, "checkbox", "Yes", checked=True)).text == '[1] [x] "Yes"'


def test_labels_of_several_boxes_in_a_line_and_texts_that_go_on():
    box = '<input type="radio" data-botex="{}">'.format
    two = (known(1, "radio", "Yes", checked=False), known(2, "radio", "No", checked=True))
    assert scene(f"{box(1)} Yes {box(2)} No", *two).text == '[1] ( ) "Yes" [2] (x) "No"'
    assert scene(f"{box(1)} Yes, please<br>{box(2)} No", *two).text == '[1] ( ) "Yes" Yes, please\n[2] (x) "No"'
    assert scene(f"<p>Yes</p><p>Say: {box(1)}</p>", two[0]).text == 'Yes\n\nSay: [1] ( ) "Yes"'
    row = f"<table><tr><td>{box(1)} Yes</td><td>{box(2)} No</td></tr></table>"
    assert scene(row, *two).text == '[1] ( ) "Yes" | [2] (x) "No"'


def test_a_control_that_is_not_in_the_html_is_named_at_the_end():
    seen = scene("<p>Text</p>", known(1, "button", "Buy"), known(2, "button", "Sell"))
    assert seen.text == 'Text\n[1] button "Buy"\n[2] button "Sell"'


# ---- what is known of controls


def test_numbers_steps_and_dates():
    controls = scene(
        "",
        known(1, "number", type="number"),
        known(2, "number", min="x", max="1e2", step="any", type="number"),
        known(3, "slider", min="-1", max="2.5"),
        known(4, "slider", min="0", max="9"),
        known(5, "text", type="date", min="1970-01-11", max="soon"),
        known(6, "text", min="3", max="4", step="2", type="text", maxlength=20),
        known(7, "number", step="-1", max=".5"),
    ).controls
    assert [(c.minimum, c.maximum, c.step) for c in controls] == [
        (None, None, Decimal(1)),
        (None, Decimal(100), None),
        (Decimal(-1), Decimal("2.5"), None),
        (Decimal(0), Decimal(9), Decimal(1)),
        (Decimal(10), None, Decimal(1)),
        (None, None, None),
        (None, Decimal("0.5"), Decimal(1)),
    ]
    assert [c.max_length for c in controls] == [None] * 5 + [20, None]


def test_options_are_found_among_all_of_a_list():
    listed = options("Choose", "a", "b", "a", disabled=["Choose"])
    (control,) = scene("", known(1, "select", options=listed)).controls
    assert control.options == ("a", "b", "a (2)")
    assert [control.index(label) for label in control.options] == [1, 2, 3]


@pytest.mark.parametrize(
    ("control", "decides"),
    [
        (Control(1, "slider"), True),
        (Control(1, "area"), True),
        (Control(1, "button"), True),
        (Control(1, "button", disabled=True), False),
        (Control(1, "text", readonly=True), False),
        (Control(1, "link"), False),
        (Control(1, "file"), False),
        (Control(1, "button", opens=True), False),
        (Control(1, "button", submits=True), False),
        (Control(1, "button", submits=True, chooses=True), True),
    ],
)
def test_what_decides(control, decides):
    assert control.decides == decides


def test_what_can_be_done_with_it():
    assert scene("", known(1, "area", drag=True, click=False)).controls[0].uses == ("drag",)
    assert scene("", known(1, "area", drag=True)).controls[0].uses == ("click", "drag")
    assert scene("", known(1, "text", readonly=True)).controls[0].uses == ("click",)  # a calendar, perhaps
    assert scene("", known(1, "file")).controls[0].uses == ()


def test_what_sends_the_page():
    one = scene("", known(1, "button", "Buy"), known(2, "button", "Next", submits=True))
    assert one.submit is one.controls[1]
    assert scene("", known(2, "button", "Next", submits=True, disabled=True)).submit is None
    two = scene("", known(1, "button", "Accept", submits=True), known(2, "button", "Reject", submits=True))
    assert two.submit is None and all(control.chooses and control.decides for control in two.controls)


def test_what_else_is_known():
    assert scene("<p>Hi</p>", title="Trade", keys=True) == Scene("Hi", (), "Trade", True)
