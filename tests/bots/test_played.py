"""A bot's story on pages that need Chromium, from its start link to the end, with models that are functions."""

from __future__ import annotations

import threading
import time
from threading import Event

import psutil
import pytest

from otree_botex.bots import window
from otree_botex.bots.acting import IN_VAIN, NOTHING, SHORT_PATIENCE
from otree_botex.bots.browser import Browser
from otree_botex.bots.chromium import settling
from otree_botex.bots.drivers import Drivers
from otree_botex.bots.gate import Gate
from otree_botex.bots.journal import BotJournal
from otree_botex.bots.limits import PageLimits
from otree_botex.bots.mind import Mind
from otree_botex.bots.pace import Pace
from otree_botex.bots.player import CRASHES, Player
from otree_botex.bots.window import Window

from .loopback import redirect
from .test_engine import name_of
from .test_player import Model, Records

pytestmark = pytest.mark.browser

OFFER, NEXT = "/p/abc/shop/Offer/1", "/p/abc/shop/Thanks/2"
REACTION = """<p id=task></p><button type=button id=hit onclick="answer('hit')">Hit</button>
    <button id=next hidden>Next</button><script>
    const socket = new WebSocket(location.origin.replace('http', 'ws') + '/live?x');
    let trial = 0, timer;
    function show() {
        task.textContent = `Trial ${trial += 1} of 3: hit within a second`;
        timer = setTimeout(() => answer(null), trial == 2 ? 30000 : 1000);
    }
    function answer(given) {
        clearTimeout(timer);
        socket.send(JSON.stringify({trial, given}));
        if (trial < 3) show(); else { task.textContent = 'Over'; hit.hidden = true; next.hidden = false; }
    }
    socket.onopen = show;
    </script>"""
GOOD = "<p>What do you offer?</p><input type=number name=offer aria-label=Offer><button>Next</button>"
BY_SCRIPT = """<input type=hidden name=choice id=choice><button type=button onclick="choice.value = 'red'">Red</button>
    <button>Next</button>"""


@pytest.fixture
def kill_browser():
    """Kills the browser of the bot; others may have been open before, for other tests."""
    before = set(psutil.Process().children(recursive=True))

    def kill():
        ours = (one for one in psutil.Process().children(recursive=True) if one not in before)
        next(process for process in ours if name_of(process).startswith("chrom")).kill()

    return kill


@pytest.fixture
def play(home, monkeypatch):
    """Plays a page with this form with a model that is a function; returns what was recorded, and what was sent."""
    drivers = []

    def play(form, think, after=None, **options):
        stop, records = Event(), Records()
        page = f"<!DOCTYPE html><title>Offer</title><body><form method=post>{form}</form>"
        home.pages["/InitializeParticipant/abc"] = redirect(OFFER)
        home.pages[OFFER] = lambda visit: (
            (after or redirect(NEXT))(visit) if visit.command == "POST" else visit.answer(page)
        )
        home.pages[NEXT] = redirect("/OutOfRangeNotification/abc")
        home.pages["/OutOfRangeNotification/abc"] = "<p>No more pages left</p>"
        drivers.append(Drivers("auto", home.url))
        browser = Browser(f"{home.url}/InitializeParticipant/abc", stop)
        window = Window(drivers[-1], stop, options.get("images", False))
        journal = BotJournal(records, 1)
        model = Model(think)
        while not home.posted.empty():
            home.posted.get()
        play.gate = gate = Gate(journal, stop)
        done = Player(browser, window, Mind(model, journal, gate), journal, gate, **options).play()
        records.model, records.done = model, done
        records.sent = [home.posted.get() for _ in range(home.posted.qsize())]
        return records

    yield play
    for each in drivers:
        each.close()


def press(request, *names):
    """Clicks on controls by their names."""
    import re

    page = "\n".join(message["content"] for message in request.messages)
    found = [re.findall(rf'\[(\d+)\] button "{name}"', page) for name in names]
    return {"reason": "So.", "actions": [{"do": "click", "control": int(numbers[-1])} for numbers in found]}


def answer(request):
    """Answers a form's questions."""
    return {"reason": "Fair.", "answers": {name: 5 for name in request.schema["properties"]["answers"]["properties"]}}


def submit(request):
    return {"reason": "Done.", "actions": [{"do": "submit"}]}


def test_a_decision_that_only_a_script_takes_down_is_made(play):
    def think(request):
        return press(request, "Red") if len(records) == 0 and not records.append(1) else submit(request)

    records = []
    played = play(BY_SCRIPT, think)
    assert played.done, played.state
    assert played.sent == [(OFFER, "choice=red")]
    assert played.outcomes()[0] == ("Offer", "submitted")


def test_a_paused_bot_does_nothing_on_a_page_in_the_browser(play):
    """It has said what it wants done, and is paused then; its time on the page does not count meanwhile."""

    def think(request):
        if not shut:
            shut.append(True)
            play.gate.is_shut = True
            threading.Timer(3, setattr, (play.gate, "is_shut", False)).start()
            return press(request, "Red")
        return submit(request)

    def after(visit):
        shut.append(play.gate.is_shut)
        redirect(NEXT)(visit)

    shut = []
    played = play(BY_SCRIPT, think, after, page_limits=PageLimits(seconds=20))
    assert played.done, played.state
    assert shut == [True, False] and played.sent == [(OFFER, "choice=red")]
    assert [state["state"] for state in played.of("state")] == ["thinking", "paused", "thinking", "finished"]


def test_a_bot_whose_browser_dies_goes_on_where_its_participant_is(kill_browser, play):
    asked = []

    def think(request):
        asked.append(request)
        if len(asked) == 1:
            kill_browser()
        return press(request, "Red") if len(asked) < 3 else submit(request)

    played = play(BY_SCRIPT, think)
    assert played.done, played.state
    assert [outcome for name, outcome in played.outcomes() if name == "Offer"] == ["interrupted", "submitted"]
    assert played.sent == [(OFFER, "choice=red")]


def test_a_page_that_kills_each_browser_fails_its_bot_in_the_end(kill_browser, play):
    def think(request):
        kill_browser()
        return press(request, "Red")

    played = play(BY_SCRIPT, think)
    assert not played.done and "crashed" in played.state["error"]
    assert [name for name, _ in played.outcomes()] == ["Offer"] * (CRASHES + 1)


def test_a_page_is_not_sent_in_vain_again_and_again(play):
    """What comes back ends a list of actions; after two times something else has to be done first. Where nothing has
    changed, the page is shown anew."""

    def after(visit):
        if visit.server.posted.queue[-1][1] != "choice=":
            return redirect(NEXT)(visit)
        error = "<div class=otree-form-errors>Please fix the errors.</div>"
        visit.answer(f"<body><form method=post>{error}{BY_SCRIPT}</form>", oTree_Redisplay_With_Errors="1")

    def think(request):
        variants = request.schema["properties"]["actions"]["items"]["anyOf"]
        can = {variant["properties"]["do"]["enum"][0] for variant in variants}
        asked.append(("submit" in can, request.messages[-1]["content"]))
        return {"reason": "On.", "actions": [{"do": "submit"}] * 3} if "submit" in can else press(request, "Red")

    asked = []
    played = play(BY_SCRIPT, think, after)
    assert played.done, played.state
    assert [body for _, body in played.sent] == ["choice=", "choice=", "choice=red"]
    assert [can for can, _ in asked] == [True, True, False, True]
    assert "Your last 2 actions were not done" in asked[1][1] and IN_VAIN not in asked[1][1]
    news = asked[2][1]
    assert NOTHING in news and IN_VAIN in news and 'button "Red"' in news and "with [2] button “Next” (2 times)" in news
    done = [data["data"] for data in played.of("event") if data["what"] == "done"]
    assert [(each["done"], each["of"]) for each in done] == [(1, 3), (1, 3), (1, 1), (1, 3)]
    assert done[0]["surprise"] == done[1]["surprise"] == "The page was sent and came back:\n- Please fix the errors."


def test_after_its_waiting_time_a_bot_is_asked_again(play):
    """It is not made to wait twice in a row, nor to do what it wanted to do after a change that it has not seen."""

    def think(request):
        properties = [v["properties"] for v in request.schema["properties"]["actions"]["items"]["anyOf"]]
        asked.append(
            (next(p["seconds"] for p in properties if "seconds" in p)["maximum"], request.messages[-1]["content"])
        )
        wait, click = {"do": "wait", "seconds": 1}, press(request, "Red")["actions"]
        actions = [[wait, wait, *click], [*click, {**wait, "seconds": 20}, *click], [*click, {"do": "submit"}]]
        return {"reason": "So.", "actions": actions[len(asked) - 1]}

    asked = []
    later = "<p id=late></p><script>addEventListener('click', () => setTimeout(sell, 2500))"
    later += "\nfunction sell() { late.innerHTML = 'Sold <button type=button>Thank the buyer</button>'; }</script>"
    played = play(BY_SCRIPT + later, think)
    assert played.done, played.state
    done = [data["data"] for data in played.of("event") if data["what"] == "done"]
    assert [(each["done"], each["of"], each["surprise"]) for each in done] == [
        (1, 3, NOTHING),
        (2, 3, 'New: Sold [3] button "Thank the buyer"'),
        (2, 2, ""),
    ]
    assert [most for most, _ in asked] == [SHORT_PATIENCE] * 3
    assert [field["label"] for record in played.of("controls") for field in record["fields"]] == ["Thank the buyer"]
    assert 'button "Red"' in asked[1][1] and asked[2][1].count("button") == 1  # told anew, told what changed


def test_a_form_that_asks_back_is_answered_by_the_model(play):
    """It is a plain form, and what its script wants to know when it is sent is for the bot to say."""

    def think(request):
        if "answers" in request.schema["properties"]:
            return answer(request)
        assert "Really?" in request.messages[-1]["content"]
        return {"reason": "Yes.", "actions": [{"do": "answer", "accept": True}]}

    played = play(f"{GOOD}<script>document.forms[0].onsubmit = () => confirm('Really?')</script><p id=late></p>"
                  "<script>late.textContent = 'Made by a script'</script>", think)  # fmt: skip
    assert played.done, played.state
    assert played.sent == [(OFFER, "offer=5")]
    assert [data["data"]["message"] for data in played.of("event") if data["what"] == "dialog"] == ["Really?"]


def test_a_form_that_its_script_does_not_send_is_acted_on(play):
    """A script checks what was filled in and says what it wants; only the page as it stands then tells."""
    asked = []

    def think(request):
        asked.append(request)
        if "answers" in request.schema["properties"]:
            return answer(request)
        assert "Rather more" in "\n".join(message["content"] for message in request.messages)
        return {"reason": "More.", "actions": [{"do": "fill", "control": 1, "value": 8}, {"do": "submit"}]}

    played = play(f"""{GOOD}<p id=late></p><script>late.textContent = 'Made by a script';
        document.forms[0].onsubmit = () => {{ const fine = document.forms[0].offer.value > 7;
            if (!fine) late.textContent = 'Rather more, please.'; return fine; }}</script>""", think)  # fmt: skip
    assert played.done, played.state
    assert played.sent == [(OFFER, "offer=8")]


def test_a_server_that_takes_its_time_has_got_what_was_sent(play, monkeypatch):
    """Longer than a click may take, and longer than the browser is asked to wait for a page."""

    def after(visit):
        time.sleep(5)
        redirect(NEXT)(visit)

    monkeypatch.setattr(settling, "LOAD_SECONDS", 1.0)
    monkeypatch.setattr(window, "OVERTIME_SECONDS", 0.0)
    played = play(f"{GOOD}<p id=late></p><script>late.textContent = 'Made by a script'</script>", answer, after)
    assert played.done, played.state
    assert played.sent == [(OFFER, "offer=5")]
    assert played.outcomes()[0] == ("Offer", "submitted") and not played.of("refusal")


def test_drawings_are_shown_to_models_that_take_pictures(play):
    canvas = """<canvas aria-label=Chart width=30 height=20></canvas>
        <script>document.querySelector('canvas').getContext('2d').fillRect(0, 0, 9, 9)</script>"""
    played = play(canvas + BY_SCRIPT, submit, images=True)
    assert played.done, played.state
    (picture,) = [image for message in played.model.requests[0].messages for image in message.get("images", ())]
    assert picture.startswith("data:image/png;base64,")
    assert play(canvas + BY_SCRIPT, submit).of("picture") == []


def test_where_no_browser_starts_a_page_that_may_do_without_is_played_over_http(play, monkeypatch, tmp_path, caplog):
    broken = tmp_path / "chromium"
    broken.write_text("#!/bin/sh\necho out of order >&2\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setenv("OTREE_BOTEX_CHROMIUM", str(broken))

    played = play(f"{GOOD}<script>document.title = 'Offer'</script>", answer)
    assert played.done, played.state
    assert played.sent == [(OFFER, "offer=5")] and played.of("page")[0]["driver"] == "http"
    assert sum("played over HTTP" in message and "cannot be started" in message for message in caplog.messages) == 1
    played = play(BY_SCRIPT, answer)  # this one may not
    assert not played.done and "cannot be started" in played.state["error"] and not played.sent


class Slow(Pace):
    """Takes a second for all it reads, and notes what that was."""

    def __init__(self):
        super().__init__(1)
        self.read = []

    def seconds(self, text, questions):
        self.read.append((text, questions))
        return 1.0


def test_on_a_page_with_scripts_a_bot_takes_its_time_too(play):
    def think(request):
        asked.append(time.monotonic())
        return submit(request) if NOTHING in request.messages[-1]["content"] else press(request, "Red", "Blue")

    asked, slow, blue = [], Slow(), "<button type=button onclick=''>Blue</button>"
    played = play(blue + BY_SCRIPT, think, pace=slow)
    asked.append(time.monotonic())
    assert played.done, played.state
    (shown, used), (news, none) = slow.read[:2]
    assert 'button "Red"' in shown and used == 2 and news == NOTHING and none == 0
    assert asked[1] - asked[0] >= 1 and asked[2] - asked[1] >= 1


def test_trials_that_were_too_fast_for_a_bot_can_be_told_from_those_that_it_answered(play):
    """The second trial is slow enough for it."""

    def think(request):
        told = request.messages[-1]["content"]
        if 'button "Next"' in told:
            return submit(request)
        is_slow = "Trial 2" in told and "Trial 3" not in told
        return press(request, "Hit") if is_slow else {"reason": "?", "actions": [{"do": "wait", "seconds": 9}]}

    played = play(REACTION, think)
    assert played.done, played.state
    sent = [data["data"] for data in played.of("event") if data["what"] == "live out"]
    assert [(each["message"]["trial"], each["message"]["given"], each["by"]) for each in sent] == [
        (1, None, "page"),
        (2, "hit", "bot"),
        (3, None, "page"),
    ]


def test_a_page_that_sends_to_another_site_is_the_end(play):
    played = play(BY_SCRIPT, submit, after=redirect("https://example.org/paid?code=5", 303))
    assert played.done, played.state
    assert "https://example.org/paid?code=5" in played.of("page")[-1]["text"]
