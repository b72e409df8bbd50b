"""What a participant sees of a page, and what a bot is told of it."""

import pytest

from otree_botex.bots.page import read_page

URL = "http://host/p/abcdefgh/shop/Offer/7"


def page(body, headers=None, url=URL):
    return read_page(f"<!DOCTYPE html><html><body>{body}</body></html>", url, headers or {})


def form(body, headers=None):
    return page(f'<form id="form" method="post">{body}<button>Next</button></form>', headers)


def test_where_the_page_is():
    seen = page('<h2 id="_otree-title">Your  offer</h2>')
    assert (seen.kind, seen.app, seen.name, seen.number, seen.title) == ("form", "shop", "Offer", 7, "Your offer")
    assert seen.place == "shop/Offer"


@pytest.mark.parametrize(
    "hidden",
    [
        "<script>secret</script>",
        "<style>secret</style>",
        "<!-- secret -->",
        "<template>secret</template>",
        "<noscript>secret</noscript>",
        '<div style="display: none">secret</div>',
        '<div style="color:red;visibility:hidden">secret</div>',
        "<div hidden>secret</div>",
        '<p class="lead d-none">secret</p>',
        '<span class="visually-hidden">secret</span>',
        '<input type="hidden" name="x" value="secret">',
        '<div class="card debug-info"><b>secret</b></div>',
        '<a title="secret">link</a>',
        '<input type="text" name="secret">',
        '<input type="radio" name="secret" value="secret">',
        '<select name="secret"><option value="secret">Red</option></select>',
    ],
)
def test_what_cannot_be_seen_is_not_shown(hidden):
    seen = form(f"<p>before</p>{hidden}<p>after</p>")
    assert "secret" not in seen.text
    assert seen.text.startswith("before") and "after" in seen.text


def test_text_in_reading_order():
    seen = page(
        """<h2>Rules</h2><p>You  get <b>100</b>
        points.<br>Then:</p><ul><li>keep</li><li><p>give</p></li></ul><ol><li>one</li><li>two</li></ol>
        <table><tr><th>Choice</th><th>You</th></tr><tr><td>A</td><td>3 <i>points</i></td></tr></table>
        <img src="/static/wheel.png" alt="A wheel"><img src="/static/cards.png?v=1"><hr><pre>a
  b</pre>"""
    )
    assert seen.text.splitlines() == [
        "## Rules",
        "",
        "You get **100** points.",
        "Then:",
        "",
        "- keep",
        "- give",
        "",
        "1. one",
        "2. two",
        "",
        "Choice | You",
        "--- | ---",
        "A | 3 *points*",
        "",
        "[image: A wheel (wheel.png)] [image: cards.png]",
        "---",
        "",
        "a",
        "  b",
    ]


def test_fields_stand_where_they_stand_on_the_page():
    seen = form(
        """<p>First</p><label for="id_a">How much?</label>
        <input type="number" id="id_a" name="a" min="0" max="10" required>
        <p>Between</p><textarea name="b"></textarea><p>Last</p>"""
    )
    assert seen.text.splitlines() == [
        "First",
        "",
        "How much? [q1: whole number, 0 to 10]",
        "",
        "Between",
        "",
        "[q2: text, may be left empty (null)]",
        "",
        "Last",
        "",
        '[button "Next"]',
    ]


def test_options_keep_their_labels():
    seen = form(
        """<div id="id_a">
        <div><input type="radio" id="id_a-0" name="a" value="1" required> <label for="id_a-0">Yes</label></div>
        <div><input type="radio" id="id_a-1" name="a" value="0" required> <label for="id_a-1">No</label></div></div>"""
    )
    assert "[q1: choose one]\n( ) Yes\n( ) No" in seen.text
    assert [option.label for option in seen.form.fields[0].options] == ["Yes", "No"]


def test_a_grid_takes_its_labels_from_rows_and_columns():
    cells = "".join(f'<td><input type="radio" name="mood" value="{value}" required></td>' for value in (1, 2))
    seen = form(f"<table><tr><th></th><th>Sad</th><th>Glad</th></tr><tr><td>Today</td>{cells}</tr></table>")
    (mood,) = seen.form.fields
    assert mood.label == "Today"
    assert [(option.label, option.value) for option in mood.options] == [("Sad", "1"), ("Glad", "2")]


def test_a_slider_is_never_left_empty():
    (slider,) = form('<input type="range" name="s" min="0" max="10">').form.fields
    assert slider.required and slider.kind == "integer"


def test_several_buttons_are_a_choice_and_one_is_none():
    seen = page(
        '<form id="form"><button name="ok" value="1">Accept</button><button name="ok" value="0">Reject</button></form>'
    )
    assert seen.form.fields[0].kind == "button"
    assert seen.text == '[q1: press one] [button "Accept"] [button "Reject"]'
    one = page('<form id="form"><button name="go" value="on">Go</button></form>')
    assert one.form.fields == () and one.form.fixed == (("go", "on"),)


def test_hidden_inputs_go_back_as_they_came():
    assert form('<input type="hidden" name="token" value="abc">').form.fixed == (("token", "abc"),)


@pytest.mark.parametrize(
    "body",
    [
        '<form id="form"><input type="hidden" name="ranking"><button>Next</button></form>',
        '<form id="form"><input type="text" name="x"></form>',
        '<form id="form"><button>Next</button></form><script id="otree-live" data-socket-url="/live?x"></script>',
        '<form id="form"><button type="button" onclick="go()">Go</button></form>',
        "<p>No form at all</p>",
    ],
)
def test_a_page_that_needs_its_scripts_is_recognised(body):
    assert page(body).needs_script


def test_a_plain_page_does_not_need_its_scripts():
    assert form("<p>Read this</p>").needs_script == ""


def test_wait_page_and_its_socket():
    script = '<script>socket = makeReconnectingWebSocket("/wait_page?session_pk=1&page_index=3");</script>'
    seen = page(f"<p>Please wait</p>{script}", {"oTree-Wait-Page": "1"})
    assert seen.is_wait and seen.socket == "/wait_page?session_pk=1&page_index=3" and seen.text == "Please wait"


def test_the_end():
    assert read_page("<p>No more pages left</p>", "http://host/OutOfRangeNotification/abc", {}).is_end


REFUSED = {"oTree-Redisplay-With-Errors": "1"}


def test_errors_by_field_and_for_the_whole_form():
    seen = form(
        """<div class="mb-3"><label for="id_a">A</label><div class="controls"><input id="id_a" name="a" value="5"></div>
        <div class="form-control-errors">Too high<br/></div></div>""",
        REFUSED,
    )
    assert seen.errors == {"a": "Too high"}
    error = '<div class="form-control-errors">Too low</div>'
    below = form(f'<p><input name="a"></p><p>x <input name="b"></p>{error}', REFUSED)
    assert below.errors == {"b": "Too low"}
    row = '<tr><th>{0} {1}</th><td><input type="radio" name="{0}" value="1"></td></tr>'
    assert form(f"<table>{row.format('a', '')}{row.format('b', error)}</table>", REFUSED).errors == {"b": "Too low"}
    whole = '<div class="otree-form-errors">Must sum to 10</div><form id="form"><button>Next</button></form>'
    assert page(whole, REFUSED).errors == {"": "Must sum to 10"}
    assert page(whole).errors == {}  # shown for the first time, it refuses nothing


def test_the_timer_shows_the_time_that_is_left():
    seen = page(
        """<p>Time left: <span class="otree-timer__time-left"></span></p>
        <script>var remainingTimeoutSeconds = 75.8;</script><form id="form"><button>Next</button></form>"""
    )
    assert seen.timeout == 75.8 and seen.text.startswith("Time left: 1:15")


def test_any_language():
    text = "Grüße, 你好, שלום, 🙂"
    assert page(f"<p>{text}</p>").text == text


@pytest.mark.parametrize(
    ("html", "address"),
    [
        ('<p>Thanks</p><a href="https://app.prolific.com/done?cc=A1">Go</a>', "https://app.prolific.com/done?cc=A1"),
        (
            '<script>let js_vars = {"link": "https:\\/\\/sona.example\\/x"};</script>'
            "<script>window.location.href = js_vars.link;</script>",
            "https://sona.example/x",
        ),
        ('<a href="/static/rules.pdf">Rules</a>', None),
        ('<p hidden><a href="https://app.prolific.com/done">Go</a></p>', None),
        ('<a href="https://en.wikipedia.org/">More</a><p id="a-button-comes-here"></p>', None),
        ('<a href="https://app.prolific.com/done">Go</a><button>Next</button>', None),
        ('<a href="https://en.wikipedia.org/">More</a><input name="x"><p>', None),
    ],
)
def test_the_end_may_be_a_way_to_another_site(html, address):
    page = read_page(f'<form id="form" method="post">{html}</form>', "http://host/p/x/app/End/9", {})
    assert page.is_end == (address is not None)
    if address:
        assert page.text.endswith(f"[The experiment ends here and leads to {address}]")


def test_an_error_of_the_whole_form_stands_beside_those_of_fields_if_it_says_more():
    field = '<p><input name="a"></p><div class="form-control-errors">Too low</div>'
    more = f'<div class="otree-form-errors">The sum is wrong</div><form id="form">{field}<button>Next</button></form>'
    assert page(more, REFUSED).errors == {"a": "Too low", "": "The sum is wrong"}
    standard = more.replace("The sum is wrong", "\n  Bitte korrigieren Sie die Fehler.\n")
    assert page(standard, REFUSED).errors == {"a": "Too low"}


def test_errors_are_no_part_of_the_text():
    seen = form('<p>Offer <input name="a"></p><div class="form-control-errors">Too low</div>')
    again = form('<p>Offer <input name="a"></p><div class="form-control-errors">Too low</div>', REFUSED)
    assert "Too low" in seen.text and "Too low" not in again.text and again.errors == {"a": "Too low"}


def test_pictures_in_the_order_of_the_text():
    seen = form('<img src="b.png"><p><img src="/a.svg" alt="A"><img hidden src="no.png"></p>')
    assert [(image.src, image.name) for image in seen.images] == [
        ("http://host/p/abcdefgh/shop/Offer/b.png", "b.png"),
        ("http://host/a.svg", "A"),
    ]


@pytest.mark.parametrize(
    ("script", "checks"),
    [
        ("this.form.submit()", False),
        ("document.forms[0].submit(); return false;", False),
        ("document.getElementById('form').submit()", False),
        ('document.querySelector("#form").submit();', False),
        ("$('#form').submit();", False),
        ("event.preventDefault(); form.submit()", False),
        ("this.closest('form').requestSubmit()", True),
    ],
)
def test_buttons_that_send_by_a_plain_script(script, checks):
    script = script.replace('"', "&quot;")
    button = f'<button type="button" name="b" value="1" onclick="{script}">Go</button>'
    seen = page(f'<form id="form" method="post"><input name="x" required>{button}</form>')
    assert seen.needs_script == "" and [button.checks for button in seen.form.buttons] == [checks]
    assert seen.form.fill({"q1": "y"}).entries == [("x", "y")]
    assert bool(seen.form.fill({"q1": None}).refused) == checks


@pytest.mark.parametrize(
    "script", ["go()", "this.form.choice.value = 'A'; this.form.submit()", "if (ok) this.form.submit()", "back_button"]
)
def test_buttons_that_do_more_are_no_ways_to_send(script):
    seen = page(f'<form id="form" method="post"><button type="button" onclick="{script}">Go</button></form>')
    assert "no button" in seen.needs_script


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ('<input type="hidden" name="rank"><button>Next</button>', 'hidden field "rank"'),
        ('<p hidden><input name="why"></p><button>Next</button>', 'hidden field "why"'),
        ('<select name="town"><option value="">?</option></select><button>Next</button>', 'list "town"'),
        ('<input type="file" name="cv" required><button>Next</button>', "a file"),
        ('<button class="d-none">Next</button>', "until a script shows it"),
        ("<button disabled>Next</button>", "until a script enables it"),
    ],
)
def test_why_a_page_needs_its_scripts(body, why):
    assert why in page(f'<form id="form" method="post">{body}</form>').needs_script


def test_a_timed_page_may_do_without_a_button_but_not_without_its_hidden_fields():
    timer = "<script>var remainingTimeoutSeconds = 5;</script>"
    assert page(f'{timer}<form id="form" method="post"><p>Wait.</p></form>').needs_script == ""
    assert page(f'{timer}<form id="form" method="post"><input type="hidden" name="x"></form>').needs_script


def test_names_and_values_never_reach_a_model():
    seen = form(
        """<table><tr><td></td><td><input type="radio" name="zz1" value="zz2"></td></tr></table>
        <select name="zz3"><option value="zz4">A</option></select><input name="zz5" id="zz6">
        <input type="checkbox" name="zz7" value="zz8">"""
    )
    assert "zz" not in seen.text + seen.form.questions() + str(seen.form.schema())


def test_pictures_that_a_script_makes_a_choice_of_are_recognised():
    choice = '<input type="radio" name="x" value="{}" style="display: none"><img src="{}.png">'
    seen = form(choice.format("a", "a") + choice.format("b", "b"))
    assert 'choose in the hidden field "x"' in seen.needs_script
    labelled = form('<label><input type="radio" name="x" style="display: none"><img src="a.png" alt="A"></label>')
    assert labelled.needs_script == "" and labelled.form.fields[0].options[0].label == "[image: A (a.png)]"


def test_the_value_of_a_button_is_not_its_label():
    seen = page(
        """<form id="form" method="post"><button name="a" value="secret" aria-label="Thumb up"></button>
        <input type="image" name="b" value="secret" alt="Thumb down"></form>"""
    )
    assert [button.label for button in seen.form.buttons] == ["Thumb up", "Thumb down"] and "secret" not in seen.text


def test_a_page_on_which_nothing_leads_on_is_a_dead_end():
    last = '<form id="form" method="post"><p>You keep 40 points.</p>{}</form>'
    assert page(last.format("")).is_dead_end and page("<p>You keep 40 points.</p>").is_dead_end
    for more in (
        '<button class="otree-btn-next">Next</button>',
        '<button type="button" onclick="go()">Next</button>',
        '<label>Age <input name="age"></label>',
        '<p onclick="go()">Next</p>',
        "<script>document.body.onclick = () => document.forms[0].submit()</script>",
        '<script src="/static/my.js"></script>',
    ):
        assert not page(last.format(more)).is_dead_end, more
