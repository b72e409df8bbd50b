"""One Chromium for many bots: what breaks one bot's page breaks no other's, what crashes begins anew, all ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from threading import Event

import psutil
import pytest

from otree_botex.bots.chromium import settling
from otree_botex.bots.chromium import tab as tabs
from otree_botex.bots.chromium.engine import Chromium
from otree_botex.bots.chromium.tab import Impossible, Tab
from otree_botex.bots.patience import Stopped
from otree_botex.errors import Crashed, PageError, SetupError

from ..servers import wait_until
from .test_looking import named

pytestmark = pytest.mark.browser

GOOD = "<p id=out>0</p><script>setInterval(() => out.textContent = +out.textContent + 1, 50)</script>"
ENDLESS = "<p>here</p><button onclick='for (;;);'>Loop</button>"


def programs():
    """What this process has started that still runs, or was not buried."""
    found = psutil.Process().children(recursive=True)
    return [process for process in found if name_of(process).startswith(("chrom", "node", "headless"))]


def wait_until_gone(before):
    """Waits until of what was started since `before` nothing runs: what is ended takes its time on a busy machine."""
    wait_until(lambda: not set(programs()) - set(before), 20, "its programs have ended")


def name_of(process):
    """The name of a program; none if it has ended meanwhile."""
    try:
        return process.name()
    except psutil.Error:
        return ""


def renderers():
    return [p for p in programs() if "--type=renderer" in " ".join(_command(p))]


def _command(process):
    try:
        return process.cmdline()
    except psutil.Error:
        return []


@pytest.fixture
def short(monkeypatch, visit):
    """Limits that a test can wait for; Chromium has started before."""
    visit("<p>here</p>").close()
    for module, name, seconds in ((settling, "LOAD", 2), (tabs, "LOOK", 6), (tabs, "WORK", 6)):
        monkeypatch.setattr(module, f"{name}_SECONDS", float(seconds))


@contextmanager
def another(visit):
    """Another bot's page, which goes on all the while."""
    tab = visit(GOOD, path="/good")
    before = int(tab.look().scene.text)
    yield
    began = time.monotonic()
    assert int(tab.look().scene.text) > before
    assert time.monotonic() - began < 10


def test_a_page_in_an_endless_loop_fails_its_bot_alone_and_is_ended(visit, short):
    with another(visit):
        tab = visit(ENDLESS)
        scene = tab.look().scene
        before = renderers()
        with pytest.raises(Impossible, match="within three seconds"):
            tab.press(named(scene, "Loop").number)
        with pytest.raises(PageError, match="keeps the browser busy"):
            tab.look()
        tab.close()
        wait_until(lambda: len([p for p in renderers() if p in before]) < len(before), 30, "its process is ended")


def test_a_page_that_never_gets_further_than_its_scripts_fails_too(visit, short):
    with another(visit), pytest.raises(PageError, match="keeps the browser busy"):
        visit("<p>here</p><script>for (;;);</script>").look()


def test_a_page_that_allocates_without_end_crashes_alone(visit):
    with another(visit):
        tab = visit("<button onclick='const all = []; for (;;) all.push({at: all.length})'>Eat</button>")
        with pytest.raises((Impossible, Crashed)):
            tab.press(named(tab.look().scene, "Eat").number)
        with pytest.raises(Crashed):
            tab.watch(60)


def test_a_page_that_changes_for_ever_is_played(visit):
    with another(visit):
        tab = visit(
            GOOD
            + """<button onclick="document.title = 'pressed'">Press</button><script>
            const more = () => { out.className = Math.random(); requestAnimationFrame(more) }; more()</script>"""
        )
        tab.press(named(tab.look().scene, "Press").number)
        assert tab.look().scene.title == "pressed"
        woken, end = 0, time.monotonic() + 4
        while time.monotonic() < end:
            tab.watch(1)
            woken += 1
        assert woken < 12


def test_a_page_that_never_finishes_loading_is_played(visit, home, short):
    done = Event()
    home.pages["/never.png"] = lambda visit: done.wait(60)
    with another(visit):
        assert "here" in visit("<p>here</p><img src=/never.png>").look().scene.text
    done.set()


def test_a_page_whose_process_dies_says_so_and_the_next_one_works(visit):
    with another(visit):
        tab = visit("<p>here</p>")
        with pytest.raises(Crashed):
            tab.open("chrome://crash")
        with pytest.raises(Crashed):
            tab.look()
        tab.close()
    assert "here" in visit("<p>here</p>").look().scene.text


@pytest.mark.parametrize("who", ["chrom", "node"])
def test_a_browser_that_dies_is_started_again(home, who):
    before = programs()
    chromium = Chromium(home.url)
    home.pages["/page"] = "<p>here</p>"
    first, second = Tab(chromium, Event()), Tab(chromium, Event())
    for tab in (first, second):
        tab.open(home.url + "/page")
    ours = [process for process in programs() if process not in before]
    next(process for process in ours if name_of(process).startswith(who)).kill()
    for tab in (first, second):
        with pytest.raises(Crashed):
            wait_until(lambda tab=tab: tab.look() and False, 30, "the crash is noticed")
        tab.close()
    third = Tab(chromium, Event())
    third.open(home.url + "/page")
    assert "here" in third.look().scene.text
    third.close()
    chromium.close()
    wait_until_gone(before)


def test_nothing_is_left_when_it_is_closed(home):
    threads, before = threading.active_count(), programs()
    chromium = Chromium(home.url)
    home.pages["/page"] = ENDLESS
    tab = Tab(chromium, Event())
    tab.open(home.url + "/page")
    chromium.close()
    wait_until_gone(before)
    wait_until(lambda: threading.active_count() <= threads, 20, "its threads end")
    tab.close()
    Chromium(home.url).close()


RUNNER = """
import sys, time
from threading import Event
from otree_botex.bots.chromium.engine import Chromium
from otree_botex.bots.chromium.tab import Impossible, Tab
tab = Tab(Chromium(sys.argv[1]), Event())
tab.open(sys.argv[1] + "/page")
print("open", flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_a_runner_that_is_killed_leaves_no_browser_behind(home, how):
    home.pages["/page"] = "<p>here</p>"
    with subprocess.Popen([sys.executable, "-c", RUNNER, home.url], stdout=subprocess.PIPE, text=True) as runner:
        assert runner.stdout.readline() == "open\n"
        started = psutil.Process(runner.pid).children(recursive=True)
        assert any(name_of(process).startswith("chrom") for process in started)
        runner.send_signal(how)
        _, alive = psutil.wait_procs(started, timeout=15)
        assert [p for p in alive if p.is_running() and p.status() != psutil.STATUS_ZOMBIE] == []


def test_only_so_many_have_a_page_open_and_who_waits_can_be_stopped(home):
    home.pages["/page"] = "<p>here</p>"
    chromium = Chromium(home.url, most=1)
    first, stop, opened, stopped = Tab(chromium, Event()), Event(), Event(), Event()

    def wait(stop, then):
        try:
            Tab(chromium, stop).close()
        except Stopped:
            stopped.set()
        else:
            then.set()

    waiting = [threading.Thread(target=wait, args=(each, opened)) for each in (stop, Event())]
    for thread in waiting:
        thread.start()
    stop.set()
    assert stopped.wait(30) and not opened.is_set()
    first.open(home.url + "/page")
    assert not opened.is_set()
    first.close()
    first.close()
    assert opened.wait(30)
    for thread in waiting:
        thread.join(10)
    chromium.close()


def test_a_bot_that_is_told_to_stop_stops_whatever_it_is_doing(home):
    home.pages["/page"] = ENDLESS
    chromium, stop = Chromium(home.url), Event()
    tab = Tab(chromium, stop)
    tab.open(home.url + "/page")
    tab.look()
    threading.Timer(1.0, stop.set).start()
    began = time.monotonic()
    with pytest.raises(Stopped):
        tab.watch(60)
    assert time.monotonic() - began < 5
    tab.close()
    chromium.close()


def test_nothing_is_begun_for_a_bot_that_was_told_to_stop():
    begun, stop = Event(), Event()

    async def click():
        begun.set()

    stop.set()
    with pytest.raises(Stopped):
        Chromium("http://localhost").run(click(), stop)
    assert not begun.is_set()


@pytest.fixture
def program(tmp_path, monkeypatch):
    """A program in Chromium's place: it writes down how it was started, and does what it is told."""

    def write(does):
        path, log = tmp_path / "chromium", tmp_path / "log"
        path.write_text(f'#!/bin/sh\necho "$@" >> {log}\n{does}\n')
        path.chmod(0o755)
        monkeypatch.setenv("OTREE_BOTEX_CHROMIUM", str(path))
        return lambda: ["--no-sandbox" in line.split() for line in log.read_text().splitlines()]

    return write


def test_the_sandbox_is_on_unless_the_system_does_not_allow_it(home, program, caplog):
    from otree_botex.chromium_path import needed_chromium

    caplog.set_level("INFO")
    real = needed_chromium()
    tried = program(f'exec {real} "$@"')
    chromium = Chromium(home.url)
    Tab(chromium, Event()).close()
    chromium.close()
    assert tried()[0] is False
    if os.geteuid() == 0:
        assert tried() == [False, True] and "without its sandbox" in caplog.text


def test_a_browser_that_does_not_start_says_why(home, program):
    before = programs()
    tried = program("echo 'libnss3.so: cannot open shared object file' >&2; exit 127")
    chromium = Chromium(home.url)
    for _ in range(2):
        with pytest.raises(SetupError, match=r"cannot be started: .*libnss3.so: cannot open shared object file"):
            Tab(chromium, Event())
    assert tried() == [False, True] * 2
    chromium.close()
    wait_until_gone(before)
