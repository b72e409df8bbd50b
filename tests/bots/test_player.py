"""A bot's story on real oTree pages: timers, pages that may not be left yet, chats, rooms, the end of a study.

The bots play in the test's own process, with models that are functions from a request to a reply.
"""

from __future__ import annotations

import base64
import hashlib
import json
import threading
import time
from collections.abc import Callable
from threading import Event

import pytest

from otree_botex.bots.browser import Browser
from otree_botex.bots.decision import TIMED_OUT
from otree_botex.bots.drivers import Drivers
from otree_botex.bots.gate import Gate
from otree_botex.bots.journal import BotJournal
from otree_botex.bots.mind import Mind
from otree_botex.bots.pace import Pace, is_not_yet, pause, reading_seconds
from otree_botex.bots.player import Player
from otree_botex.bots.talking import TalkLimits
from otree_botex.bots.window import Window
from otree_botex.bots.wording import Prompts
from otree_botex.errors import TransientModelError
from otree_botex.llm import Completion, Request
from otree_botex.llm.random import RandomAnswers

from ..servers import wait_until

prompt = Prompts()

pytestmark = pytest.mark.server

OTREES = pytest.mark.parametrize("otree", ["6", "5"])


class Records:
    """A journal that stays here."""

    def __init__(self):
        self.all = []
        self.silence = 0.0

    def record(self, bot, kind, **data):
        self.all.append({"kind": kind, **data})
        return len(self.all)

    def picture(self, bot, sha256, url):
        self.record(bot, "picture", sha256=sha256, url=url)

    def settle(self):
        """What stays here cannot be lost."""

    def of(self, kind):
        return [record for record in self.all if record["kind"] == kind]

    @property
    def state(self):
        return self.of("state")[-1]

    def outcomes(self):
        """How each page was left, by its name, in order."""
        left = {record["step"]: record["outcome"] for record in self.of("left")}
        return [(record["name"], left.get(record["step"])) for record in self.of("page")]


class Model:
    """A language model: `think` gives the reply to a request, as an object or as an exception."""

    context_tokens = None

    def __init__(self, think: Callable[[Request], object]):
        self.think = think
        self.requests: list[Request] = []

    def complete(self, request):
        self.requests.append(request)
        reply = self.think(request)
        if isinstance(reply, Exception):
            raise reply
        return Completion(json.dumps(reply), "scripted", cost=0.01)

    def count_tokens(self, text):
        return len(text) // 4

    def told(self):
        """All that the model was told with its last request."""
        return "\n".join(message["content"] for message in self.requests[-1].messages)


def draw(request):
    """A random answer, as an object."""
    return json.loads(RandomAnswers().complete(request).text)


def too_slow(request):
    """Thinks until nobody waits for it any more."""
    time.sleep(request.seconds_left())
    return TransientModelError("still thinking")


def player(start, model, **options):
    stop, records = Event(), Records()
    journal = BotJournal(records, 1)
    llm = Model(model) if callable(model) else model
    browser, window = Browser(start, stop), Window(Drivers("http", start), stop)
    gate = Gate(journal, stop)
    return Player(browser, window, Mind(llm, journal, gate, attempts=20), journal, gate, **options), records


def asks_for(request, text):
    return text in request.messages[-1]["content"]


@OTREES
def test_time_that_is_up_is_up(start_server, otree):
    """What had been answered and was fine is sent, as a browser sends what stands in the fields; the model is told."""
    server = start_server(
        otree,
        settings="SESSION_CONFIGS.append(dict(name='two', num_demo_participants=1, app_sequence=['memory', 'survey']))",
    )
    short = (server.folder / "memory/__init__.py").read_text().replace("RECALL_SECONDS = 30", "RECALL_SECONDS = 5")
    (server.folder / "memory/__init__.py").write_text(short)
    server.end()
    server.start()
    session = server.session("two", 1)

    def think(request):
        if len(model.requests) == 1:
            return {"reason": "First try.", "answers": {"q1": "no such word", "q2": "spoon"}}
        return too_slow(request) if request.deadline else draw(request)

    model = Model(think)
    bot, records = player(server.links(session)[0], model)
    assert bot.play(), records.state
    outcomes = dict(records.outcomes())
    assert outcomes["Words"] == outcomes["Recall"] == "timed out"
    decision = records.of("decision")[0]
    assert decision["answers"] == {"third_word": "spoon"} and decision["reason"] == "First try."
    assert ["third_word", "spoon"] in decision["entries"] and list(TIMED_OUT) in decision["entries"]
    assert prompt("time_up") in model.told() and "time_up" not in model.told().partition("About you")[2]
    data = server.wide(session)[0]
    assert data["memory.1.player.is_late"] == "1" and data["memory.1.player.new_word"] == ""
    seconds = next(left["seconds"] for left in records.of("left") if left["step"] == decision["step"])
    assert 4 < seconds < 9


def test_a_page_that_may_not_be_left_yet_is_not_hammered(start_server):
    server = start_server()
    bot, records = player(server.links(server.session("memory", 1))[0], draw)
    assert bot.play(), records.state
    assert 1 <= len([refusal for refusal in records.of("refusal") if "cannot pass" in refusal["messages"][""]]) <= 3
    assert ("Pause", "read") in records.outcomes()


def test_answers_that_come_too_early_are_sent_again_as_they_are(start_server):
    """No model is asked again, and the record has what was accepted."""
    server = start_server()
    code = server.folder / "memory/__init__.py"
    server.end()
    early = """
    @staticmethod
    def error_message(player, values):
        if time.time() < player.participant.vars['pause_began'] + 10:
            return 'Please wait 4 more seconds'
"""
    code.write_text(code.read_text().replace("    timeout_seconds = C.RECALL_SECONDS\n", early))
    server.start()
    session = server.play("memory", 1)
    rows = {row["field"]: row for row in server.export(session, "steps") if row["page"] == "Recall"}
    (saved,) = server.wide(session)
    assert rows["new_word"]["answer"] == saved["memory.1.player.new_word"] != ""
    assert rows["third_word"]["answer"] == saved["memory.1.player.third_word"] != ""
    refusals = json.loads(rows["new_word"]["refusals"])
    assert 1 <= len(refusals) <= 4 and {refusal["messages"][""] for refusal in refusals} == {
        "Please wait 4 more seconds"
    }
    assert rows["new_word"]["outcome"] == "submitted" and server.bots(session)[0]["calls"] == 1


def test_a_page_that_somebody_else_takes_the_participant_off(start_server):
    server = start_server()
    session = server.session("memory", 2)
    start = server.links(session)[0]

    def think(request):
        if len(model.requests) == 1:
            time.sleep(1.1)
            server.post_form(f"/AdvanceSession/{session}", session, selected_participant=start[-8:])
        return draw(request)

    model = Model(think)
    bot, records = player(start, model)
    assert bot.play(), records.state
    assert ("Recall", "left") in records.outcomes()
    assert server.wide(session)[0]["memory.1.player.is_late"] == "1"  # what it had decided was not sent


def test_what_stands_on_wait_pages_is_read_once(start_server):
    server = start_server()
    session = server.session("trust", 2)

    def think(request):
        if asks_for(request, "How much do you send"):  # the sender decides while the receiver reads
            wait_until(lambda: any(("SendWaitPage", None) in r.outcomes() for _, r in bots), 30, "the receiver waits")
        return draw(request)

    models = [Model(think), Model(think)]
    bots = [player(start, model) for start, model in zip(server.links(session), models, strict=True)]
    _play_together(bots)
    receiver = next(model for model in models if asks_for(model.requests[-1], "The sender sent you"))
    assert receiver.told().count("senders sent about half of what they had") == 1
    assert receiver.told().index("senders sent about half") < receiver.told().index("The sender sent you")


@OTREES
def test_two_bots_talk_in_a_chat_and_come_to_an_end(start_server, otree):
    """One makes an offer, the other takes it; what both said is on record, once, and both go on."""
    server = start_server(otree)
    session = server.session("bargaining", 2)

    def talks(request):
        return "say" in request.schema["properties"]

    def buyer(request):
        if not talks(request):
            return {"reason": "Agreed.", "answers": {"q1": 30}}
        if asks_for(request, "Seller: Agreed"):
            return {"reason": "We agree.", "say": {"chat1": None}, "done": True}
        silent = "Nobody has written" in request.messages[-1]["content"] and len(request.messages) > 3
        return {"reason": "", "say": {"chat1": None if silent else "30 <b>euros</b>, ja? 🙂"}, "done": False}

    def seller(request):
        if not talks(request):
            return {"reason": "Agreed.", "answers": {"q1": 30}}
        heard = asks_for(request, "Buyer: 30 <b>euros</b>, ja? 🙂")
        return {"reason": "", "say": {"chat1": "Agreed." if heard else None}, "done": heard}

    bots = [player(start, think) for start, think in zip(server.links(session), (buyer, seller), strict=True)]
    _play_together(bots)
    for (_, records), me in zip(bots, ("Buyer (Me)", "Seller (Me)"), strict=True):
        said = [(line["who"].removesuffix(" (Me)"), line["text"]) for line in records.of("chat")]
        assert said == [("Buyer", "30 <b>euros</b>, ja? 🙂"), ("Seller", "Agreed.")]
        assert [line["who"] for line in records.of("chat") if line["mine"]] == [me]
        assert ("Talk", "submitted") in records.outcomes()
        (page,) = [page for page in records.of("page") if page["name"] == "Talk"]
        assert f"[chat1: a chat, in which you are {me}]" in page["text"] and "Send" not in page["text"]
    assert {float(row["bargaining.1.player.price"]) for row in server.wide(session)} == {30}


def test_a_refused_answer_does_not_open_the_talk_again(start_server):
    """What was said stands in the record once, and the limits on talking hold for the page."""
    server = start_server()
    session = server.session("bargaining", 2)

    def think(request):
        if "say" in request.schema["properties"]:
            return {"reason": "", "say": {"chat1": "Good day"}, "done": True}
        return {"reason": "", "answers": {"q1": 7 if asks_for(request, "Not that") else 5}}

    code = server.folder / "bargaining/__init__.py"
    refuse = "\n\ndef price_error_message(player, value):\n    if value == 5:\n        return 'Not that'\n"
    server.end()
    code.write_text(code.read_text().replace("\n\nclass Introduction", f"{refuse}\n\nclass Introduction"))
    server.start()
    bots = [player(start, think) for start in server.links(session)]
    _play_together(bots)
    for _, records in bots:
        assert [refusal["messages"] for refusal in records.of("refusal")] == [{"price": "Not that"}]
        own = [line["text"] for line in records.of("chat") if line["mine"]]
        assert own == ["Good day"] and len(records.of("chat")) <= 2


def test_several_channels_are_several_chats(start_server):
    server = start_server()
    page = server.folder / "bargaining/Talk.html"
    more = "{{ chat nickname=player.role }}<p>With yourself:</p>{{ chat channel=participant.code nickname='Diary' }}"
    page.write_text(page.read_text().replace("{{ chat nickname=player.role }}", more))
    session = server.session("bargaining", 2)

    def think(request):
        if "say" not in request.schema["properties"]:
            return draw(request)
        assert list(request.schema["properties"]["say"]["properties"]) == ["chat1", "chat2"]
        return {"reason": "", "say": {"chat1": "To all", "chat2": "To me"}, "done": True}

    bots = [player(start, think) for start in server.links(session)]
    _play_together(bots)
    for _, records in bots:
        said = {(line["chat"], line["text"], line["mine"]) for line in records.of("chat")}
        assert ("chat2", "To me", True) in said and ("chat2", "To me", False) not in said
        assert ("chat1", "To all", True) in said


def test_two_bots_do_not_talk_for_ever(start_server):
    server = start_server()
    session = server.session("bargaining", 2)

    def chatterbox(request):
        if "say" in request.schema["properties"]:
            return {"reason": "", "say": {"chat1": "And another thing."}, "done": False}
        return draw(request)

    limits = [TalkLimits(messages=3), TalkLimits(cost=0.05)]
    bots = [player(s, chatterbox, limits=limit) for s, limit in zip(server.links(session), limits, strict=True)]
    _play_together(bots)
    written = [sum(line["mine"] for line in records.of("chat")) for _, records in bots]
    assert written[0] == 3 and 3 <= written[1] <= 5  # a cent a reply


def test_a_chat_does_not_use_up_the_time_for_the_decision(start_server):
    server = start_server()
    session = server.session("bargaining", 2, talk_seconds=8)

    def listener(request):
        if "say" in request.schema["properties"]:
            return {"reason": "", "say": {"chat1": None}, "done": False}
        return draw(request)

    def slow_talker(request):
        return too_slow(request) if "say" in request.schema["properties"] else draw(request)

    bots = [player(start, think) for start, think in zip(server.links(session), (listener, slow_talker), strict=True)]
    _play_together(bots)
    assert all(("Talk", "submitted") in records.outcomes() for _, records in bots)


@OTREES
def test_through_a_room(start_server, otree):
    """With labels, before the session exists; the same label leads to the same participant."""
    server = start_server(otree)
    room = f"{server.url}/room/class?participant_label=Ada"
    bot, records = player(room, draw)
    thread = threading.Thread(target=bot.play)
    thread.start()
    wait_until(lambda: ("room", None) in records.outcomes(), 20, "the bot waits in the room")
    session = server.session("survey", 2, room="class")
    thread.join(60)
    assert records.state["state"] == "finished", records.state
    row = next(row for row in server.wide(session) if row["participant.label"] == "Ada")
    assert row["survey.1.player.age"]
    again, records = player(room, draw)
    assert again.play() and records.outcomes()[-1] == ("end", "end")
    assert len([row for row in server.wide(session) if row["participant.label"] == "Ada"]) == 1


@OTREES
@pytest.mark.parametrize("query", ["", "?participant_label=Nobody"])
def test_a_room_that_does_not_know_a_bot_says_how_to_enter(start_server, otree, query):
    server = start_server(otree)
    server.session("survey", 2, room="class")
    bot, records = player(f"{server.url}/room/class{query}", draw)
    assert not bot.play()
    assert "/room/class" in records.state["error"] and "participant_label=" in records.state["error"]


@OTREES
def test_through_a_room_without_labels_a_secure_one_and_a_session_wide_link(start_server, otree):
    server = start_server(otree)
    session = server.session("survey", 2, room="lab")
    assert all(player(f"{server.url}/room/lab", draw)[0].play() for _ in range(2))
    assert [row["participant.visited"] for row in server.wide(session)] == ["1", "1"]

    session = server.session("survey", 2, room="class_secure")
    signature = hashlib.sha224(b"Ada" + b"for-demonstration-only").hexdigest()[:8]  # as oTree makes it
    room = f"{server.url}/room/class_secure?participant_label=Ada&hash="
    assert player(room + signature, draw)[0].play()
    bot, records = player(room + "wrong", draw)
    assert not bot.play() and "hash" in records.state["error"]

    session = server.session("survey", 2)
    link = server.get(f"/api/sessions/{session}")["session_wide_url"]
    bots = [player(link, draw) for _ in range(2)]
    assert all(bot.play() for bot, _ in bots)
    assert [row["participant.visited"] for row in server.wide(session)] == ["1", "1"]


def test_pictures_of_a_page_are_shown_to_a_model_that_takes_them(start_server):
    server = start_server()
    model = Model(draw)
    bot, records = player(server.links(server.session("lottery", 1))[0], model, images=True)
    assert bot.play(), records.state
    (sent,) = next(message["images"] for message in model.requests[0].messages if "images" in message)
    picture = base64.b64decode(sent.removeprefix("data:image/png;base64,"))
    (file,) = [path for path in (server.folder / "_static").rglob("*.png") if path.read_bytes() == picture]
    (about,) = next(record["images"] for record in records.of("message") if "images" in record)
    assert about["address"].endswith(file.name) and about["sha256"] == hashlib.sha256(picture).hexdigest()


@pytest.mark.parametrize("experiment", ["attitudes", "price_list"])  # by a redirect, by a link
def test_the_end_on_another_site_is_recorded_and_not_gone_to(start_server, experiment):
    server = start_server()
    bot, records = player(server.links(server.session(experiment, 1))[0], draw)
    assert bot.play(), records.state
    end = records.of("page")[-1]
    assert end["page_kind"] == "end" and records.of("left")[-1]["outcome"] == "end"
    assert "leads to https://app.prolific.com/submissions/complete?cc=DEMO1234" in end["text"]


def test_a_persons_pace():
    text = "word " * 238
    assert reading_seconds(text) == pytest.approx(60) and reading_seconds("你好" * 255) == pytest.approx(120)
    some = [Pace(1).seconds(text, 2) for _ in range(2)]
    assert some[0] == some[1] > 60 and Pace(1).seconds(text, 0) == pytest.approx(60)
    assert Pace(2).seconds(text, 2) != some[0]


def test_a_bot_at_a_persons_pace_takes_its_time_but_never_too_much(start_server):
    server = start_server()
    pages = server.links(server.session("memory", 1))
    bot, records = player(pages[0], draw, pace=Pace(1))
    assert bot.play(), records.state
    texts = {page["step"]: page["text"] for page in records.of("page") if page["page_kind"] == "form"}
    took = {left["step"]: left["seconds"] for left in records.of("left")}
    assert all(took[step] >= min(reading_seconds(text), 4) - 0.1 for step, text in texts.items())
    assert "Recall" in [name for name, outcome in records.outcomes() if outcome == "submitted"]


def test_which_refusals_only_ask_for_patience():
    for words in ("You cannot pass this page yet", "Please wait 5 more seconds", "Bitte warten Sie noch", "请等待"):
        assert is_not_yet({"": words})
    for words in ("The sum must be 100 minutes", "Must be at least 30 seconds", "Wrong answer"):
        assert not is_not_yet({"": words})
    assert not is_not_yet({"field": "not yet"}) and not is_not_yet({"": "not yet", "field": "wrong"})
    assert pause(0, {"": "Please wait 5 more seconds"}) == 5
    assert [pause(held, {"": "Not yet"}) for held in (0, 1, 2, 16, 30)] == [1, 2, 4, 30, 30]


def _play_together(bots):
    threads = [threading.Thread(target=bot.play) for bot, _ in bots]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert [records.state["state"] for _, records in bots] == ["finished"] * len(bots), [r.state for _, r in bots]
