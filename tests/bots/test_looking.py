"""What a bot sees of a page in Chromium: what the browser shows, and all that can be used, by number."""

from __future__ import annotations

import re
import time

import pytest

from otree_botex.bots.pictures import fetch

from .loopback import serving
from .test_chromium import static_folder

pytestmark = pytest.mark.browser


@pytest.fixture
def see(visit):
    """The scene of a page with this HTML."""
    return lambda html, **options: visit(html, **options).look().scene


@pytest.mark.parametrize(
    "hidden",
    [
        '<p style="display: none">secret</p>',
        "<style>.x p { display: none }</style><div class=x><p>secret</p></div>",
        '<p style="visibility: hidden">secret</p>',
        '<div style="opacity: 0"><p>secret</p></div>',
        '<p style="position: absolute; left: -9999px">secret</p>',
        '<p style="position: fixed; top: -500px">secret</p>',
        '<p style="position: absolute; width: 1px; height: 1px; overflow: hidden">secret</p>',
        '<p style="position: absolute; clip: rect(0, 0, 0, 0)">secret</p>',
        '<div style="max-height: 0; overflow: hidden"><p>secret</p></div>',
        "<details><summary>More</summary><p>secret</p></details>",
        "<dialog><p>secret</p></dialog>",
        "<div popover><p>secret</p></div>",
        "<p hidden>secret</p>",
        "<template><p>secret</p></template>",
        "<noscript>secret</noscript>",
        "<script>const secret = 1;</script>",
        '<div id=d>secret</div><script>document.getElementById("d").remove()</script>',
    ],
)
def test_what_is_not_shown_is_not_told(see, hidden):
    text = see(f"<p>before</p>{hidden}<p>after</p>").text
    assert "before" in text and "after" in text and "secret" not in text


@pytest.mark.parametrize(
    "shown",
    [
        '<div style="visibility: hidden">not this<p style="visibility: visible">news</p></div>',
        '<div style="display: contents"><p>news</p></div>',
        "<details open><summary>More</summary><p>news</p></details>",
        '<dialog id=d><p>news</p></dialog><script>document.getElementById("d").showModal()</script>',
        '<div style="margin-top: 5000px">news</div>',
        '<div style="height: 0">news</div>',
        '<div style="height: 50px; overflow: auto" id=log><p>news</p><div style="height: 900px"></div></div>'
        "<script>log.scrollTop = 900</script>",
        "<div id=d></div><script>setTimeout(() => d.innerHTML = '<p>news</p>', 30)</script>",
    ],
)
def test_what_is_shown_is_told(see, shown):
    text = see(f"<p>before</p>{shown}<p>after</p>").text
    assert "news" in text and "not this" not in text


def test_shadow_trees_stand_in_place_and_can_be_used(visit):
    tab = visit("""
        <x-open><i slot=name>Ada</i></x-open><x-closed></x-closed>
        <script>
        customElements.define('x-open', class extends HTMLElement { connectedCallback() {
            this.attachShadow({mode: 'open'}).innerHTML = '<p>Hello <slot name="name">nobody</slot>!</p><slot></slot>';
        }});
        customElements.define('x-closed', class extends HTMLElement { connectedCallback() {
            const root = this.attachShadow({mode: 'closed'});
            root.innerHTML = '<button>Deep</button><p>unpressed</p>';
            root.querySelector('button').onclick = () => root.querySelector('p').textContent = 'pressed';
        }});
        </script>""")
    scene = tab.look().scene
    assert re.search("Hello \\W?Ada\\W?!", scene.text) and "nobody" not in scene.text and "unpressed" in scene.text
    tab.press(named(scene, "Deep").number)
    assert "unpressed" not in (text := tab.look().scene.text) and "pressed" in text


def test_frames_of_the_same_site_stand_in_place_and_can_be_used(visit, home):
    home.pages["/inner"] = "<p>inner</p><iframe src=/innermost></iframe>"
    home.pages["/innermost"] = "<input aria-label=Deep><output></output>" + (
        "<script>document.querySelector('input').oninput = e => document.querySelector('output').value = e.target.value"
        "</script>"
    )
    tab = visit("""<p>before</p><iframe src=/inner></iframe><p>after</p><div id=host></div>
        <iframe src=/inner style="display: none"></iframe><iframe sandbox srcdoc="<p>cut off</p>"></iframe>
        <script>host.attachShadow({mode: 'open'}).innerHTML = '<iframe srcdoc="<button>In a shadow</button>"></iframe>'
        </script>""")
    scene = tab.look().scene
    assert re.search(r"before.*inner.*Deep.*after.*In a shadow", scene.text, re.DOTALL), scene.text
    assert scene.text.count("inner") == 1 and "cut off" not in scene.text
    tab.fill(named(scene, "Deep").number, "down here")
    assert 'now "down here"' in tab.look().scene.text
    assert named(scene, "In a shadow").number != named(scene, "Deep").number


def test_a_frame_of_another_site_is_not_read(visit, home):
    with serving() as other:
        other.pages["/"] = "<p>secret</p><button>Not ours</button>"
        tab = visit(f'<p>ours</p><iframe src="{other.url}/"></iframe><iframe src="/moved"></iframe>')
        scene = tab.look().scene
    assert "ours" in scene.text and "secret" not in scene.text and scene.controls == ()
    assert other.asked == []


def named(scene, name):
    found = [control for control in scene.controls if control.name == name]
    assert len(found) == 1, f"{name}: {scene.text}"
    return found[0]


def test_canvases_and_images_are_named(see):
    text = see("""<canvas aria-label="Your path"></canvas><canvas onclick="1"></canvas>
        <img alt="A red square" src="data:image/gif;base64,R0lGODlhAQABAAAAACwAAAAAAQABAAA=" width=20 height=20>
        <svg width=20 height=20><title>A circle</title><circle r=9 /></svg>
        <button><img alt="Go" src="data:," width=20 height=20></button>""").text
    for part in (
        "[drawing: Your path]",
        "thing to click",
        "[image: A red square]",
        "[drawing: A circle]",
        "button: [image: Go]",
    ):
        assert part in text


CANVAS = """<canvas aria-label="A bar" width=30 height=20></canvas><canvas style="display: none"></canvas><script>
    document.querySelector('canvas').getContext('2d').fillRect(0, 0, 10, 20)</script>"""


def test_canvases_are_pictures_for_bots_that_look_at_pictures(see):
    assert see(CANVAS).images == ()
    scene = see(CANVAS, images=True)
    assert "[image: A bar]" in scene.text and len(scene.images) == 1
    (picture,) = fetch([image.src for image in scene.images], "http://127.0.0.1", lambda address: ("", b""))
    assert picture.type == "image/png" and picture.data.startswith(b"\x89PNG")


def test_widgets_made_by_scripts_are_what_they_say_they_are(see):
    scene = see("""
        <div role=button tabindex=0>Press</div><span role=checkbox aria-checked=true>Agree</span>
        <div role=radio aria-checked=false>Left</div>
        <div role=switch aria-checked=false aria-label=Sound style="height: 9px"></div>
        <div role=slider aria-valuemin=0 aria-valuemax=10 aria-valuenow=4 aria-label=Risk style="height: 9px"></div>
        <div contenteditable aria-label=Essay>So far</div><div role=button aria-disabled=true>Not now</div>""")
    for part in (
        'button "Press"', '[x] "Agree"', '( ) "Left"', '[ ] "Sound"', 'slider "Risk" 0–10, at 4',
        'text area "Essay", now "So far"', 'button "Not now" (disabled)',
    ):  # fmt: skip
        assert part in scene.text


DRAWN = """<style>
    .gone {position: absolute; opacity: 0} .clipped {position: absolute; clip: rect(0, 0, 0, 0); pointer-events: none}
    label {border: 1px solid; padding: 5px}</style><form method=post>
    <input class=gone type=radio name=a value=1 id=a1><label for=a1>One</label>
    <input class=gone type=radio name=a value=2 id=a2><label for=a2>Two</label>
    <input class=clipped type=radio name=b value=1 id=b1><label for=b1>Red</label>
    <input class=clipped type=radio name=b value=2 id=b2><label for=b2>Blue</label>
    <label><input class=gone type=checkbox name=c>Agree</label>
    <label><input style="display: none" type=checkbox name=d>Disagree</label></form>"""


def test_boxes_that_their_labels_draw_are_pressed_there(visit):
    tab = visit(DRAWN)
    scene = tab.look().scene
    for name in ("Two", "Blue", "Agree"):
        tab.fill(named(scene, name).number, True)
    tab.press(named(scene, "Disagree").number)
    scene = tab.look().scene
    assert {control.name for control in scene.controls if control.checked} == {"Two", "Blue", "Agree", "Disagree"}
    assert scene.text.count("Two") == 1


TILES = "".join(f"<div class=tile style='width: 90px; height: 50px; float: left'>{name}</div>" for name in "ABCDEF")
PRESSED = "<p id=out></p>"
SHOW = "event => { if (event.target.className == 'tile') out.textContent = 'pressed ' + event.target.textContent }"


@pytest.mark.parametrize(
    "page",
    [
        f"<div id=board style='height: 200px'>{TILES}</div>{PRESSED}"
        f"<script>board.addEventListener('click', {SHOW})</script>",
        f"<div id=board style='height: 200px; cursor: pointer'>{TILES}</div>{PRESSED}"
        f"<script>document.addEventListener('click', {SHOW})</script>",
        f"<style>.tile {{ cursor: pointer }}</style><div>{TILES}</div>{PRESSED}"
        f"<script>document.addEventListener('click', {SHOW})</script>",
        f"<script src=/static/otree/js/jquery-3.2.1.min.js></script><div>{TILES}</div>{PRESSED}"
        f"<script>$(document).on('click', '.tile', {SHOW})</script>",
        f"<script src=/static/otree/js/jquery-3.2.1.min.js></script><div id=board>{TILES}</div>{PRESSED}"
        f"<script>$('#board').on('click', '.tile', {SHOW})</script>",
    ],
)
def test_tiles_are_things_to_click_wherever_the_listener_is(visit, home, page):
    jquery = "/static/otree/js/jquery-3.2.1.min.js"
    home.pages[jquery] = (static_folder() / jquery.removeprefix("/static/")).read_bytes()
    tab = visit(page)
    scene = tab.look().scene
    assert [(control.kind, control.name) for control in scene.controls] == [("area", name) for name in "ABCDEF"]
    tab.press(named(scene, "C").number)
    assert "pressed C" in tab.look().scene.text


def test_elements_that_are_made_again_keep_their_numbers(visit):
    offers = "offers => list.innerHTML = offers.map(n => `<li>Offer ${n} <button>Accept ${n}</button>`).join('')"
    tab = visit(f"""<ul id=list></ul><button onclick="make([5, 6, 7])">More</button>
        <button onclick="make([7, 6])">Fewer</button><script>const make = {offers}; make([5, 6]);</script>""")
    before = numbers(tab.look().scene)
    tab.press(before["More"])
    more = numbers(tab.look().scene)
    assert more == {**before, "Accept 7": more["Accept 7"]} and len(set(more.values())) == 5
    tab.press(before["Fewer"])
    assert numbers(tab.look().scene) == {name: number for name, number in more.items() if name != "Accept 5"}


def test_a_page_of_two_thousand_elements_is_looked_at_in_a_moment(visit):
    cells = "".join(f"<tr><td>{row}</td><td><b>{row * 7}</b></td><td>x</td></tr>" for row in range(450))
    tiles = "".join(f"<div class=tile onclick='1' style='float: left; width: 20px'>{n}</div>" for n in range(200))
    tab = visit(f"<table>{cells}</table><div>{tiles}</div>")
    began = time.monotonic()
    scene = tab.look().scene
    print(f"looked at in {time.monotonic() - began:.2f} s")
    assert len(scene.controls) == 200 and "3143" in scene.text


def numbers(scene):
    return {control.name: control.number for control in scene.controls}
