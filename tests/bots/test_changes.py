"""What is different on a page a moment later, as a person would notice it."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from otree_botex.bots.changes import MOST_LINES, changes
from otree_botex.bots.control import Control
from otree_botex.bots.scene import Dialog, Scene


def differ(before, after, elapsed=10.0):
    return changes(Scene(before), Scene(after), elapsed)


def told(before, after, elapsed=10.0):
    """The same without the place."""
    return re.sub(r"^Below .*:\n", "", differ(before, after, elapsed))


# ---- time runs on

CLOCKS = [
    ("{}:{:02d}", 60),
    ("Time: 00:{:02d}:{:02d}", 60),
    ("Time left to complete this page: **{}:{:02d}**", 60),
    ("{} min {} s", 60),
    ("You have {} minutes and {} seconds", 60),
    ("Noch {} Minuten, {} Sekunden", 60),
    ("**{}** min **{}** s", 60),
    ("{} seconds left", 1),
    ("**{}** s", 1),
    ("{}", 1),
    ("# {}", 1),
    ("{}.3 s", 1),
    ("Remaining time {},5", 1),
    ("Time left: {}", 1),
    ("Noch {} Sekunden", 1),
    ("Il reste {} secondes", 1),
    ("剩余时间：{}秒", 1),
    ('[8] button "Next ({})" (disabled)', 1),
    ('x [8] button "Send the code again in {} s"', 1),
    ("Round 3 of 10, {} seconds left", 1),
    ("Price: 12 | {} s", 1),
    ("{}:{:02d} of 10:00", 60),
]


def clock(form, unit, seconds):
    return form.format(*divmod(seconds, 60)) if unit == 60 else form.format(seconds)


@given(st.sampled_from(CLOCKS), st.integers(0, 3000), st.integers(0, 600), st.floats(-1, 1), st.booleans())
def test_a_clock_that_runs_is_no_change(form, start, seconds, off, down):
    """Up or down, however much time goes by, and a little before or behind ours."""
    ends = (start + seconds, start) if down else (start, start + seconds)
    before, after = (f"Offer\n\n{clock(*form, end)}\nPlease decide." for end in ends)
    assert differ(before, after, max(seconds + off, 0.0)) == ""


@given(st.sampled_from(CLOCKS), st.integers(0, 3000), st.integers(0, 600), st.integers(3, 600))
def test_a_clock_that_jumped_or_stopped_is_one(form, start, seconds, jump):
    before, after = (f"Offer\n{clock(*form, end)}" for end in (start, start + seconds + jump))
    for elapsed in (seconds, seconds + 2 * jump):
        assert told(before, after, elapsed).endswith(after[6:])


def test_minutes_alone_tick_rarely():
    assert differ("x\n5 minutes left", "x\n4 minutes left", 7) == ""
    assert differ("x\n5 minutes left", "x\n2 minutes left", 7) != ""


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("Price: 12", "Price: 13"),
        ("Price: 12, time left: 0:43", "Price: 13, time left: 0:42"),
        ("Price: 12 Time left: 43", "Price: 13 Time left: 42"),
        ("Bid | 12", "Bid | 13"),
        ("12 €", "13 €"),
        ("12 points", "13 points"),
        ("12 | 13", "12 | 14"),
        ("Round 3", "Round 4"),
        ("1,000", "1,001"),
        ("Offer 12.50", "Offer 13.50"),
        ("3. Runde", "4. Runde"),
        ("B3", "B4"),
        ("12%", "13%"),
        ("[3 of 10]", "[4 of 10]"),
    ],
)
def test_a_number_that_is_no_time_is_noticed_at_once(before, after):
    assert told(f"x\n{before}", f"x\n{after}", 1.0) == f"Gone: {before}\nNew: {after}"


def test_a_lone_number_is_noticed_when_it_is_seen_to_be_no_clock():
    assert differ("x\n12", "x\n13", 1) == ""
    assert differ("x\n12", "x\n13", 4) == "Below “x”:\nGone: 12\nNew: 13"
    assert differ("x\n12", "x\n19", 1) != ""


def test_a_price_moves_while_a_clock_runs():
    before = "Time: 0:43\n\nPrice: 12\nYou have 3 units"
    assert differ(before, before.replace("0:43", "0:41"), 2) == ""
    assert differ(before, before.replace("0:43", "0:41").replace("12", "14"), 2) == "Gone: Price: 12\nNew: Price: 14"
    assert differ(f"0:43\n{before}", f"New here\n0:42\n{before}", 1) == "New: New here"


# ---- what came and went

LINE = st.text("abcdefgh ", min_size=1, max_size=12).map(str.strip).filter(bool)
LINES = st.lists(LINE, min_size=1, max_size=12, unique=True)


@given(LINES, st.floats(0, 100))
def test_nothing_changed(lines, elapsed):
    text = "\n".join(lines)
    assert differ(text, text, elapsed) == ""
    assert differ(text, text.replace("\n", "\n\n"), elapsed) == ""  # what stands between is no news


@given(LINES, st.lists(LINE, max_size=8, unique=True), st.data())
def test_lines_that_came_are_told_in_reading_order(lines, more, data):
    assume(not set(lines) & set(more))
    after, place = list(lines), 0
    for line in more:
        place = data.draw(st.integers(place, len(after)))
        after.insert(place, line)
        place += 1
    assert differ("\n".join(lines), "\n".join(after)) == "\n".join(f"New: {line}" for line in more)
    if more:
        assert differ("\n".join(after), "\n".join(lines)) == "\n".join(f"Gone: {line}" for line in more)


def test_lines_are_appended_to_a_chat():
    before = '### Chat\n**Anna** hi\n[3] text field "Message"\n[4] button "Send"'
    after = before.replace("hi\n", "hi\n**Ben** hello\n**Anna** 12:30:05 how about 5?\n")
    assert differ(before, after) == "New: **Ben** hello\nNew: **Anna** 12:30:05 how about 5?"


HEAD = "\n\nPrice | Quantity\n--- | ---\n"
BOOK = f"# Trade\n\n### Bids{HEAD}11 | 2\n10 | 5\n\n### Asks{HEAD}14 | 1"


def test_rows_of_numbers_are_told_with_what_stands_above_them():
    after = BOOK.replace("11 | 2\n", "12 | 4\n11 | 2\n").replace("14 | 1", "13 | 3\n14 | 1")
    assert differ(BOOK, after) == (
        "Below “### Bids”, “Price | Quantity”:\nNew: 12 | 4\nBelow “### Asks”, “Price | Quantity”:\nNew: 13 | 3"
    )
    assert differ(BOOK, BOOK.replace("11 | 2\n", "")) == "Below “### Bids”, “Price | Quantity”:\nGone: 11 | 2"
    assert differ(BOOK, BOOK.replace("### Asks", "Last price: 12\n\n### Asks")) == "New: Last price: 12"


def test_a_table_gets_its_first_row():
    empty = "### Bids\n\nPrice | Who\n--- | ---\n\nEnd"
    assert differ(empty, empty.replace("---\n\n", "---\n12 | Anna\n\n")) == "New: 12 | Anna"


def test_a_word_or_two_are_told_with_what_stands_above_them():
    before = "### Bids\nnone\n### Asks\nnone\n### Trades\nnone yet"
    after = "### Bids\nnone\n### Asks\n4 (yours)\n### Trades\nNo. 1 at 67"
    asks, trades = (
        "Below “### Asks”:\nGone: none\nNew: 4 (yours)",
        "Below “### Trades”:\nGone: none yet\nNew: No. 1 at 67",
    )
    assert differ(before, after) == f"{asks}\n{trades}"
    assert (
        differ("Your choice:\nyou have none", "Your choice:\nyou took one") == "Gone: you have none\nNew: you took one"
    )


def test_a_line_that_moved_is_told_once():
    assert differ("a\nb\nc\nd", "b\nc\na\nd") == "Below “c”:\nMoved: a"


def test_much_that_changed_is_shown_whole():
    before, after = "same\nold", "\n".join(["same", *(f"line {n}x" for n in range(MOST_LINES))])
    assert differ(before, after) == f"Much has changed. The page is now:\n\n{after}"
    shorter = after.rpartition("\n")[0]
    assert differ(before, shorter).count("\n") == MOST_LINES - 1
    assert differ("a\nb", "c\nd") == "Much has changed. The page is now:\n\nc\nd"
    assert differ("a\nb", "") == "Nothing is left of what stood on the page."
    assert differ("", "a\nb") == "New: a\nNew: b" and differ("", "") == ""


# ---- controls

RED, BLUE = Control(1, "radio", "Red"), Control(2, "radio", "Blue", checked=True)
OFFER = Control(3, "slider", "Offer", value="50")
NOTE = Control(4, "textarea", "Note", value="")
LIST = Control(5, "select", "List", options=("a", "b"), chosen=("a",))
SEND = Control(6, "button", "Send", disabled=True)
TILE = Control(7, "area", "Pie", outer=True)


def page(*controls, extra=""):
    marks = [f"{control.unnamed}: text" if control.outer else f"Here: {control.text}" for control in controls]
    return Scene("\n".join(["Top", *marks, extra]), controls)


FORM = (RED, BLUE, OFFER, NOTE, LIST, SEND, TILE)


def test_what_the_bot_did_to_controls_is_no_news_to_it():
    now = (
        replace(RED, checked=True),
        replace(BLUE, checked=False),
        replace(OFFER, value="70"),
        replace(NOTE, value="two\nlines"),
        replace(LIST, chosen=("b",)),
        SEND,
        TILE,
    )
    assert changes(page(*FORM), page(*now), 5, {1, 3, 4, 5}) == ""
    assert changes(page(*FORM), page(*now, extra="Sum: 70"), 5, {1, 3, 4, 5}) == "New: Sum: 70"
    assert changes(page(*FORM), page(*now), 5, {1, 4, 5}) == ('Now: Here: [3] slider "Offer", at 70')


def test_a_radio_button_that_was_let_go_by_a_script_is_news():
    off = (RED, replace(BLUE, checked=False))
    assert 'Now: Here: [2] ( ) "Blue"' == changes(page(*FORM[:2]), page(*off), 5, {3})
    assert 'Now: Here: [2] ( ) "Blue"' == changes(page(*FORM[:2]), page(*off), 5, {1})


def test_what_the_page_did_to_a_control_is_news_also_if_it_was_touched():
    enabled = page(*FORM[:5], replace(SEND, disabled=False), TILE)
    told = 'Now: Here: [6] button "Send"'
    assert changes(page(*FORM), enabled, 5) == changes(page(*FORM), enabled, 5, {6}) == told
    renamed = page(*FORM[:2], replace(OFFER, value="60", name="Bid"), *FORM[3:])
    assert changes(page(*FORM), renamed, 5, {3}) == 'Now: Here: [3] slider "Bid", at 60'
    assert differ('x\n[7] button "Buy at 12"', 'x\n[7] button "Buy at 13"', 1) == 'Now: [7] button "Buy at 13"'


def test_a_line_with_other_controls_is_another_line():
    assert differ('x\n[1] button "a"\ny', 'x\n[1] button "a" [2] button "b"\ny') == (
        'Gone: [1] button "a"\nNew: [1] button "a" [2] button "b"'
    )


ITEMS = [Control(n, "area", name, draggable=True) for n, name in enumerate(("Apple", "Pear", "Plum", "Fig"), 1)]


def ranking(*order):
    lines = [f"{place}. {ITEMS[number - 1].text}" for place, number in enumerate(order, 1)]
    return Scene("\n".join(["Rank them", *lines, "End"]), tuple(ITEMS))


def test_what_the_bot_dragged_is_no_news_where_it_is_now():
    assert changes(ranking(1, 2, 3, 4), ranking(2, 3, 4, 1), 1, {1, 4}) == ""
    assert changes(ranking(1, 2, 3, 4), ranking(2, 1, 3, 4), 1, {1, 2}) == ""
    moved = changes(ranking(1, 2, 3, 4), ranking(2, 3, 4, 1), 1, {3})
    assert moved.endswith(':\nMoved: 4. [1] item "Apple" (can be dragged)') and moved.startswith("Below “3. [4] item")
    assert changes(ranking(1, 2, 3, 4), ranking(2, 3, 4), 1, {1}).startswith("Gone: 1. [1] item")


@given(st.permutations([1, 2, 3, 4]), st.permutations([1, 2, 3, 4]))
def test_only_what_moved_is_told(before, after):
    told = changes(ranking(*before), ranking(*after), 1)
    assert (told == "") == (before == after) and all(
        line.startswith(("Moved: ", "Below ")) for line in told.splitlines()
    )
    assert changes(ranking(*before), ranking(*after), 1, {1, 2, 3, 4}) == ""


# ---- echoes


def test_what_the_page_says_again_of_what_the_bot_did_is_no_news():
    before = Scene("Top\nYour offer: nothing yet\nPie")
    after = Scene("Top\nYour offer: 70\nPie")
    assert changes(before, after, 1, (), "set [3] slider “Offer” to 70") == ""
    assert changes(before, after, 1, (), "set [3] slider “Offer” to 60") != "" != changes(before, after, 1)
    more = Scene("Top\nYour offer: 70\n70\nPie")
    assert changes(before, more, 1, (), "set [3] slider “Offer” to 70") != ""  # a line more is noticed


# ---- dialogs


def test_a_dialog_opens():
    still = Scene("Top\nText")
    asked = replace(still, dialog=Dialog("confirm", "Really?"))
    assert changes(still, asked, 1) == "A dialog has opened (confirm): Really?"
    assert changes(asked, asked, 1) == changes(asked, still, 1) == ""
    again = Scene("Top\nText\nMore", dialog=Dialog("alert", "Too low."))
    assert changes(asked, again, 1) == "A dialog has opened (alert): Too low.\nNew: More"


def test_a_modal_opens():
    after = 'Top\nText\n### Rules\nNever give up.\n[9] button "Close"'
    assert differ("Top\nText", after) == 'New: ### Rules\nNew: Never give up.\nNew: [9] button "Close"'
