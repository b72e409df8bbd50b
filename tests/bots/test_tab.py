"""What a bot does on a page in Chromium, and what comes of it."""

from __future__ import annotations

import time

import pytest

from otree_botex.bots.actions import Action
from otree_botex.bots.chromium import settling
from otree_botex.bots.chromium.hands import Impossible
from otree_botex.bots.chromium.tab import ACT_MILLISECONDS, Moved

from ..servers import wait_until
from .loopback import redirect
from .test_looking import named

pytestmark = pytest.mark.browser

LOG = """<p id=out></p><script>const log = text => out.textContent += text + '; ';</script>"""


class Bot:
    """A tab, and what can be done in it, by the controls' names."""

    def __init__(self, tab):
        self.tab = tab

    @property
    def text(self):
        return self.scene.text

    @property
    def scene(self):
        return self.tab.look().scene

    def control(self, name):
        return named(self.scene, name)

    def do(self, do, name=None, value=None, to=None):
        scene = self.scene
        number, to = (named(scene, one).number if one else None for one in (name, to))
        self.tab.act(Action(do, number, value, to), scene)

    def answer(self, accept=True, text=None):
        self.do("answer", value={"accept": accept, "text": text})


@pytest.fixture
def bot(visit):
    return lambda html="", **options: Bot(visit(html, **options))


# ---- what can be done


def test_texts_are_typed_and_scripts_hear_each_key_and_one_change(bot):
    bot = bot(f"""{LOG}<input aria-label=Name value=old><textarea aria-label=Essay></textarea><button>Other</button>
        <script>const name = document.querySelector('input'), essay = document.querySelector('textarea');
        name.onkeydown = event => log('key ' + event.key); name.onchange = () => log('changed to ' + name.value);
        essay.oninput = () => document.title = essay.value; essay.onchange = () => log('essay');</script>""")
    bot.do("fill", "Name", "Ad")
    assert "key A; key d; changed to Ad;" in bot.text
    bot.do("click", "Other")
    assert bot.text.count("changed to") == 1 and bot.control("Name").value == "Ad"
    bot.do("fill", "Essay", "one\ntwo" + "x" * 1000)
    assert bot.scene.title.startswith("one two") and bot.control("Essay").value.endswith("x" * 1000)
    bot.do("click", "Other")
    assert bot.text.count("essay") == 1


def test_a_message_is_sent_with_enter(bot):
    bot = bot(f"""{LOG}<input aria-label=Say onkeydown="if (event.key == 'Enter') log('said ' + this.value)"
        onchange="log('changed')"><script>document.addEventListener('keydown', () => 0)</script>""")
    bot.do("fill", "Say", "hello")
    bot.do("press", value="Enter")
    assert "said hello" in bot.text and bot.text.count("changed") == 1


@pytest.mark.parametrize(
    ("html", "value", "shown"),
    [
        ("<input type=date aria-label=It>", "2026-02-28", "2026-02-28"),
        ("<input type=time aria-label=It>", "09:30", "09:30"),
        ("<input type=datetime-local aria-label=It>", "2026-02-28T09:30", "2026-02-28T09:30"),
        ("<input type=month aria-label=It>", "2026-02", "2026-02"),
        ("<input type=week aria-label=It>", "2026-W07", "2026-W07"),
        ("<input type=color aria-label=It>", "#0A0b0c", "#0a0b0c"),
        ("<input type=number aria-label=It min=0 max=9 step=0.5>", 2.5, "2.5"),
        ("<input type=email aria-label=It>", "a@b.org", "a@b.org"),
        ("<input type=password aria-label=It>", "x", "x"),
        ("<div contenteditable aria-label=It>old</div>", "new", "new"),
    ],
)
def test_fields_of_all_kinds_are_filled(bot, html, value, shown):
    bot = bot(f"<form>{html}</form>")
    bot.do("fill", "It", value)
    assert bot.control("It").value == shown


def test_options_are_chosen_in_lists(bot):
    options = "<option>A</option><option disabled>B</option><option value=c>C</option><option value=d>C</option>"
    bot = bot(f"""<select aria-label=One onchange="document.title = this.value">{options}</select>
        <select aria-label=Any multiple size=4>{options}</select>""")
    bot.do("choose", "One", "C (2)")
    bot.do("choose", "Any", ["A", "C"])
    assert bot.scene.title == "d" and bot.control("Any").chosen == ("A", "C")
    bot.do("choose", "Any", [])
    assert bot.control("Any").chosen == ()


def test_sliders_are_moved(bot):
    bot = bot("""<input type=range min=0 max=1 step=0.05 aria-label=Share oninput="document.title = this.value">
        <div id=s role=slider tabindex=0 aria-valuemin=-5 aria-valuemax=5 aria-valuenow=0 aria-label=Drawn
            style="height: 9px"></div><script>s.onkeydown = event => {
            const step = {ArrowRight: 1, ArrowLeft: -1}[event.key] || 0, now = +s.ariaValueNow;
            s.ariaValueNow = Math.max(-5, Math.min(5, now + step)); };</script>""")
    bot.do("set", "Share", 0.35)
    assert bot.scene.title == "0.35"
    bot.do("set", "Drawn", -3)
    assert bot.control("Drawn").value == "-3"
    with pytest.raises(Impossible, match="cannot be moved to 7; it stands at 5"):
        bot.do("set", "Drawn", 7)


HTML_DRAG = """<div id=a draggable=true style="width: 90px">Apple</div><div style="height: 1500px"></div>
    <div id=basket aria-label=Basket style="height: 90px">Basket</div><script>
    a.ondragstart = event => event.dataTransfer.setData('text/plain', 'apple');
    basket.ondragover = event => event.preventDefault();
    basket.ondrop = event => basket.append(' has ' + event.dataTransfer.getData('text/plain'));</script>"""


def test_things_are_dragged_into_places_even_far_ones(bot):
    bot = bot(HTML_DRAG)
    bot.do("drag", "Apple", to="Basket")
    assert "has apple" in bot.text


LIST = "<ul id=list>" + "".join(f"<li style='height: 40px'>{word}</li>" for word in ("one", "two", "three")) + "</ul>"
SORTS = {
    "jQuery UI": """let held; list.addEventListener('mousedown', event => {
        held = event.target.closest('li'); event.preventDefault(); });
        document.addEventListener('mousemove', event => { if (!held) return; held.style.position = 'relative';
            const all = document.elementsFromPoint(event.clientX, event.clientY);
            const over = all.find(each => each != held && each.matches('li'));
            if (!over) return; const box = over.getBoundingClientRect();
            list.insertBefore(held, event.clientY < box.top + box.height / 2 ? over : over.nextSibling); });
        document.addEventListener('mouseup', () => { if (held) held.style.position = ''; held = null; });""",
    "SortableJS": """let held; list.addEventListener('pointerdown', event => {
        held = event.target.closest('li'); held.draggable = true; });
        list.addEventListener('dragstart', event => event.dataTransfer.setData('text', 'x'));
        list.addEventListener('dragover', event => { event.preventDefault();
            const over = event.target.closest('li'); if (!over || over == held) return;
            const box = over.getBoundingClientRect();
            list.insertBefore(held, event.clientY < box.top + box.height / 2 ? over : over.nextSibling); });
        list.addEventListener('dragenter', event => event.preventDefault());
        list.addEventListener('dragend', () => held.draggable = false);""",
}


@pytest.mark.parametrize("kind", SORTS)
def test_lists_are_sorted_with_the_mouse(bot, kind):
    bot = bot(f"{LIST}<script>{SORTS[kind]}</script>")
    items = [control for control in bot.scene.controls if control.draggable and control.takes_drops]
    assert [control.name for control in items] == ["one", "two", "three"]
    bot.do("drag", "one", to="three")
    assert order(bot) == ["two", "three", "one"]
    bot.do("drag", "one", to="two")
    assert order(bot) == ["one", "two", "three"]


def order(bot):
    return [control.name for control in bot.scene.controls if control.name in ("one", "two", "three")]


def test_keys_are_pressed(bot):
    bot = bot(f"{LOG}<script>document.addEventListener('keydown', event => log(event.key))</script>")
    assert bot.scene.keys
    for key in ("f", "ArrowLeft", " ", "Enter"):
        bot.do("press", value=key)
    assert "f; ArrowLeft; ; Enter;" in bot.text


# ---- what cannot be done


HINDERED = {
    "something else on the page covers it": "<div style='position: fixed; inset: 0; background: white'></div>",
    "it is disabled": "<script>document.querySelector('button').disabled = true</script>",
    "it is not on the page any more": "<script>document.querySelector('button').remove()</script>",
    "it is not to be seen now": "<script>document.querySelector('button').style.display = 'none'</script>",
}


@pytest.mark.parametrize("why", HINDERED)
def test_what_cannot_be_used_says_why(visit, why):
    now = HINDERED[why].removeprefix("<script>").removesuffix("</script>")
    if "<div" in HINDERED[why]:
        now = f"document.body.insertAdjacentHTML('beforeend', `{now}`)"
    tab = visit(f"<button>Go</button><script>window.addEventListener('message', () => {{ {now} }})</script>")
    scene = tab.look().scene
    tab._run(tab._here.evaluate("() => new Promise(done => { postMessage(1); setTimeout(done, 50); })"))
    with pytest.raises(Impossible, match=why):
        tab.act(Action("click", named(scene, "Go").number), scene)


# ---- dialogs


def test_dialogs_are_shown_and_answered(bot, home):
    bot = bot(f"""{LOG}<button onclick="log(confirm('Sure?'))">Ask</button>
        <button onclick="log(prompt('Name?', 'Ada')); alert('Thanks'); log('end')">Name</button>""")
    bot.do("click", "Ask")
    assert (bot.scene.dialog.kind, bot.scene.dialog.message) == ("confirm", "Sure?")
    with pytest.raises(Impossible, match="dialog of the page has to be answered first"):
        bot.tab.act(Action("click", 1), bot.scene)
    bot.answer(False)
    assert bot.scene.dialog is None and "false;" in bot.text
    bot.do("click", "Name")
    assert (bot.scene.dialog.kind, bot.scene.dialog.default) == ("prompt", "Ada")
    bot.answer(True, "Bo")
    assert (bot.scene.dialog.kind, bot.scene.dialog.message) == ("alert", "Thanks")
    bot.answer()
    assert "Bo; end;" in bot.text
    noted = [data["message"] for what, data in bot.tab.noted() if what == "dialog"]
    assert noted == ["Sure?", "Name?", "Thanks"]


def test_dialogs_while_a_page_loads_stand_in_its_way(bot):
    bot = bot("<p>before</p><script>alert('One'); alert('Two')</script><p>after</p>")
    assert bot.scene.dialog.message == "One"
    bot.answer()
    assert bot.scene.dialog.message == "Two"
    bot.answer()
    assert bot.scene.dialog is None and "after" in bot.text


def test_a_dialog_that_nobody_will_answer_is_no_reason_to_be_busy(visit):
    """A bot that only waits for the end of a page is not woken again and again, and the page goes on."""
    tab = visit("<p id=out></p><script>setTimeout(() => { alert('Time!'); out.textContent = 'over' }, 100)</script>")
    woken = 0
    end = time.monotonic() + 10
    while "over" not in tab.look().scene.text and time.monotonic() < end:
        tab.watch(1.0)
        woken += 1
    assert "over" in tab.look().scene.text and woken < 6


def test_who_goes_goes_although_the_page_asks_to_stay(bot, home):
    home.pages["/next"] = "<p>next</p>"
    bot = bot("""<button onclick="location = '/next'">Go</button><script>
        window.addEventListener('beforeunload', event => event.preventDefault())</script>""")
    bot.do("click", "Go")
    assert "next" in bot.text


# ---- pages that come


def slowly(html, seconds):
    def answer(visit):
        time.sleep(seconds)
        visit.answer(html)

    return answer


@pytest.mark.parametrize(
    "page",
    [
        "<form method=post action=/next><input name=x value=5><button>Go</button></form>",
        """<form method=post action=/send id=f><input name=x value=5><button>Go</button></form>
        <script>f.onsubmit = event => {
            event.preventDefault();
            fetch('/send', {method: 'POST', body: new URLSearchParams(new FormData(f))}).then(() => location = '/next');
        }</script>""",
        "<a href=/next>Go</a>",
        "<button onclick=\"setTimeout(() => location = '/next', 10)\">Go</button>",
    ],
)
def test_the_next_page_is_waited_for(bot, home, page):
    home.pages["/send"] = slowly("", 1.0)
    home.pages["/next"] = slowly("<p>next</p>", ACT_MILLISECONDS / 1000 + 0.5)  # longer than a click may take
    bot = bot(page)
    bot.do("click", "Go")
    assert bot.tab.loads == 2 and "next" in bot.text
    assert bot.tab.document().html == "<p>next</p>" and bot.tab.at == home.url + "/next"
    sent = [data["entries"] for what, data in bot.tab.noted() if what == "form"]
    assert sent in ([], [[["x", "5"]]])


def test_what_a_live_page_begins_with_is_waited_for(visit, monkeypatch):
    """Over a network the first message takes longer than a page needs to settle."""
    monkeypatch.setattr(settling, "LIVE_SECONDS", 20.0)
    tab = visit("""<p id=price>…</p><script>
        const socket = new WebSocket(location.origin.replace('http', 'ws') + '/live?x');
        socket.onopen = () => setTimeout(() => socket.send('57'), 1000);
        socket.onmessage = event => { price.textContent = `For ${event.data}`; };</script>""")
    assert "For 57" in tab.look().scene.text


def test_a_page_that_only_changes_its_address_is_the_same(bot, home):
    bot = bot("""<a href="#rules">Rules</a><button onclick="history.pushState({}, '', '/page?step=2')">Step</button>""")
    bot.do("click", "Rules")
    assert bot.tab.at == home.url + "/page"
    bot.do("click", "Step")
    assert bot.tab.loads == 1 and "Rules" in bot.text


def test_a_page_that_goes_away_while_it_is_looked_at_says_so(visit, home):
    home.pages["/page"] = "<script>location = '/page?' + Math.random()</script>"
    tab = visit()
    for _ in range(20):
        try:
            tab.look()
        except Moved:
            break
    home.pages["/page"] = "<p>at last</p>"
    wait_until(lambda: at_last(tab), 20, "the page stands still")


def at_last(tab):
    try:
        return "at last" in tab.look().scene.text
    except Moved:
        return False


def test_a_page_that_answers_nothing_is_not_left(bot, home):
    home.pages["/none"] = lambda visit: visit.answer("", status=204)
    home.pages["/there"] = "<p>there</p>"
    bot = bot("""<a href=/none>None</a><a href="#a">Here</a><a href=/moved>Moved</a>""")
    bot.do("click", "None")
    bot.do("click", "Here")
    assert bot.tab.loads == 1
    home.pages["/moved"] = redirect("/there")
    bot.do("click", "Moved")
    assert bot.tab.loads == 2 and "there" in bot.text
