"""What pages in Chromium may load and do: nothing that is not the experiment's own, or named by the launch."""

from __future__ import annotations

import time
from threading import Event

import pytest

from otree_botex.bots.chromium import ears

from ..servers import wait_until
from .loopback import redirect, serving
from .test_looking import named

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def other():
    """The same host, another port."""
    with serving() as site:
        site.pages["/"] = "<p>elsewhere</p>"
        yield site
        assert site.asked == []


def refusals(tab, number=1):
    """What was refused, when there is as much of it."""
    found = []

    def enough():
        found.extend((data["what"], data["url"]) for what, data in tab.noted() if what == "refused")
        return len(found) >= number

    wait_until(enough, 20, f"{number} things are refused, only {found}")
    return sorted(set(found))


LOADS = {
    "script": "<script src='{}'></script>",
    "image": "<img src='{}'>",
    "stylesheet": "<link rel=stylesheet href='{}'>",
    "frame": "<iframe src='{}'></iframe>",
    "fetch": "<script>fetch('{}').catch(() => 0)</script>",
    "ping": "<script>navigator.sendBeacon('{}')</script>",
    "xhr": "<script>x = new XMLHttpRequest(); x.open('GET', '{}'); x.send()</script>",
}


@pytest.mark.parametrize("what", LOADS)
def test_nothing_is_loaded_from_elsewhere(visit, other, what):
    there = f"{other.url}/{what}"
    tab = visit(LOADS[what].format(there) + LOADS[what].format("https://example.org/x"))
    assert refusals(tab, 2) == [(what, there), (what, "https://example.org/x")]
    assert tab.away == ""


def test_nothing_comes_by_way_of_a_redirect(visit, home, other):
    home.pages["/moved"] = redirect(f"{other.url}/moved")
    tab = visit("<img src=/moved><script>fetch('/moved').catch(() => 0)</script><iframe src=/moved></iframe>")
    assert {what for what, _ in refusals(tab, 3)} == {"image", "fetch", "frame"}


def test_no_websocket_leads_elsewhere_and_the_experiments_own_does(visit, home, other):
    own, there = home.url.replace("http", "ws"), other.url.replace("http", "ws")
    tab = visit(f"""<p id=out>nothing</p><script>
        new WebSocket('{there}/live'); new WebSocket('wss://example.org/live');
        const socket = new WebSocket('{own}/live/x');
        socket.onopen = () => socket.send('{{"bid": 5}}');
        socket.onmessage = message => out.textContent = 'got ' + message.data;</script>""")
    wait_until(lambda: "got" in tab.look().scene.text, 20, "the socket answers")
    noted = tab.noted()
    assert [(what, data) for what, data in noted if what.startswith("live")] == [
        ("live out", {"message": {"bid": 5}}),
        ("live in", {"message": {"bid": 5}}),
    ]
    refused = sorted(data["url"] for what, data in noted if what == "refused")
    assert refused == [f"{there}/live", "wss://example.org/live"]


def test_workers_reach_nothing_else_either(visit, home, other):
    home.pages["/worker.js"] = lambda visit: visit.answer(
        f"""fetch('{other.url}/').then(() => postMessage('reached'), () => {{
            const socket = new WebSocket('{other.url.replace("http", "ws")}/live');
            socket.onopen = () => postMessage('reached'); socket.onerror = () => postMessage('refused');
        }});""",
        "text/javascript",
    )
    tab = visit("<p id=out></p><script>new Worker('/worker.js').onmessage = m => out.textContent = m.data</script>")
    wait_until(lambda: "re" in tab.look().scene.text, 20, "the worker tells")
    assert "refused" in tab.look().scene.text


@pytest.mark.parametrize("scripted", ["location = '{}'", "document.forms[0].submit()", "window.open('{}', '_self')"])
def test_a_page_that_leads_elsewhere_is_left(visit, other, scripted):
    there = f"{other.url}/"
    tab = visit(f"""<form method=post action="{there}"></form><button onclick="{scripted.format(there)}">Go</button>""")
    tab.press(named(tab.look().scene, "Go").number)
    assert tab.away == there


@pytest.mark.parametrize("method", ["get", "post"])
def test_a_redirect_to_another_site_is_the_end(visit, home, other, method):
    home.pages["/end"] = redirect(f"{other.url}/paid?code=5", 303)
    tab = visit(f"<form method={method} action=/end><button>Next</button></form>")
    tab.press(named(tab.look().scene, "Next").number)
    assert tab.away == f"{other.url}/paid?code=5"
    home.pages["/page"] = redirect("https://example.org/")
    assert visit().away == "https://example.org/"


def test_hosts_that_the_launch_names_are_loaded_but_pages_do_not_lead_there(home):
    from otree_botex.bots.chromium.engine import Chromium
    from otree_botex.bots.chromium.tab import Tab

    with serving("localhost") as cdn:
        cdn.pages["/x.js"] = lambda visit: visit.answer("out.textContent = 'from there'", "text/javascript")
        cdn.pages["/survey"] = "<p>A survey</p>"
        home.pages["/page"] = f"""<p id=out></p><script src="{cdn.url}/x.js"></script>
            <button onclick="location = '{cdn.url}/survey'">Leave</button>"""
        home.pages["/moved"] = redirect(f"{cdn.url}/survey")
        chromium = Chromium(home.url, ["localhost"])
        tab = Tab(chromium, Event())
        tab.open(f"{home.url}/page")
        scene = tab.look().scene
        assert "from there" in scene.text and tab.noted() == []
        tab.press(named(scene, "Leave").number)
        assert tab.away == f"{cdn.url}/survey" and "/survey" not in cdn.asked
        tab.close()
        tab = Tab(chromium, Event())
        tab.open(f"{home.url}/moved")
        assert tab.away == f"{cdn.url}/survey"
        tab.close()
        chromium.close()


WANTS = {
    "file": ("location = 'file:///etc/passwd'", "file:///etc/passwd"),
    "data": ("location = 'data:text/html,x'", "data:text/html,x"),
    "download": ("location = '/file'", "{}/file"),
    "service worker": ("navigator.serviceWorker.register('/sw.js')", ""),
    "geolocation": ("navigator.geolocation.getCurrentPosition(yes, no)", "{}/page"),
    "notifications": ("Notification.requestPermission().then(p => p == 'granted' ? yes() : no())", "{}/page"),
    "clipboard": ("navigator.clipboard.readText().then(yes, no)", "{}/page"),
    "camera or microphone": ("navigator.mediaDevices.getUserMedia({video: true}).then(yes, no)", "{}/page"),
    "RTCPeerConnection": ("try { new RTCPeerConnection(); yes() } catch (error) { no() }", "{}/page"),
}


@pytest.mark.parametrize("what", WANTS)
def test_what_is_not_a_participants_to_give_is_refused_and_noted(visit, home, what):
    home.pages["/file"] = lambda visit: visit.answer("x", "application/zip", Content_Disposition="attachment")
    wanted, url = WANTS[what]
    tab = visit(f"""<p id=out>waiting</p><button onclick="{wanted}">Try</button>
        <script>const yes = () => out.textContent = 'granted', no = () => out.textContent = 'denied'</script>""")
    tab.press(named(tab.look().scene, "Try").number)
    assert refusals(tab) == [(what, url.format(home.url))]
    asks = "no" in wanted.replace("navigator", "")
    if asks:
        wait_until(lambda: "waiting" not in tab.look().scene.text, 20, "the page has its answer")
    text = tab.look().scene.text
    assert ("denied" if asks else "waiting") in text
    assert tab.loads == 1 and tab.away == ""


def test_windows_of_the_site_are_read_and_closed_and_others_refused(visit, home, other, monkeypatch):
    monkeypatch.setattr(ears, "WINDOW_MILLISECONDS", 20_000)
    home.pages["/rules"] = "<title>Rules</title><p>The rules</p>"
    tab = visit(f"""<a href=/rules target=_blank>Rules</a><button onclick="window.open('{other.url}/')">Away</button>
        <button onclick="window.open().document.write('<p>Written</p>')">Write</button>""")
    scene = tab.look().scene
    windows = []

    def noted():
        windows.extend((what, data) for what, data in tab.noted())
        return windows

    for name, event in (
        ("Rules", ("window", {"url": f"{home.url}/rules", "text": "The rules"})),
        ("Write", ("window", {"url": "about:blank", "text": "Written"})),
        ("Away", ("refused", {"what": "window", "url": f"{other.url}/"})),
    ):
        windows.clear()
        tab.press(named(scene, name).number)
        wait_until(noted, 40, f"the window of {name} is noted")
        assert windows == [event]
    wait_until(lambda: len(tab._here.context.pages) == 1, 20, "the windows are closed")
    assert tab.loads == 1 and tab.away == ""


def test_static_files_are_fetched_once_for_all_bots_and_others_each_time(visit, home):
    home.pages["/static/a.js"] = lambda visit: visit.answer("out.textContent = 'a'", "text/javascript")
    home.pages["/b.js"] = lambda visit: visit.answer("out.textContent += 'b'", "text/javascript")
    html = "<p id=out></p><script src=/static/a.js></script><script src=/b.js></script><img src=/static/none.png>"
    for asked in (["/page", "/static/a.js", "/b.js", "/static/none.png"], ["/page", "/b.js", "/static/none.png"]):
        tab = visit(html)
        assert "ab" in tab.look().scene.text
        assert sorted(path for path in home.asked if path != "/favicon.ico") == sorted(asked)


def test_a_file_that_cannot_be_had_holds_up_no_page(visit, home):
    def breaks_off(visit):
        visit.close_connection = True
        visit.connection.close()

    home.pages["/static/broken.js"] = breaks_off
    began = time.monotonic()
    tab = visit("<p>here</p><script src=/static/broken.js></script><p>after</p>")
    assert "after" in tab.look().scene.text and time.monotonic() - began < 20
