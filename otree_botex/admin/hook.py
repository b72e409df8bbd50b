"""All we attach to oTree, in one place. Each part fails soft: if oTree changed, it says so in the log and leaves
oTree as it was.

oTree imports `otree_botex.models`, which calls `attach()`, before it collects its routes (otree.urls) and before it
compiles a template; what is attached here relies on that order, which is the same in oTree 5.11 and 6.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import otree

logger = logging.getLogger("otree_botex")

IS_OTREE_6 = int(otree.__version__.split(".")[0]) >= 6
TEMPLATES = Path(__file__).parent / "templates"
TAB = """
    <li class="nav-item">
      <a class="nav-link LLMBots" href="{% url 'LLMBots' session.code %}">🤖 LLM bots</a>
    </li>
  """
NAVIGATION = """
    <li class="nav-item"><a class="nav-link" href="/LLMBotsOverview">LLM bots</a></li>
  """
BEHIND_NAVIGATION = "{% if view._is_logged_in() %}"

MONITOR = """
    <div id="llm-bots-monitor" data-seats="{% url 'LLMBotsSeat' session.code %}" hidden>{{ csrftoken }}</div>
    <link rel="stylesheet" href="{% static 'otree_botex/seats.css' %}">
    <script src="{% static 'otree_botex/live.js' %}" defer></script>
    <script src="{% static 'otree_botex/seating.js' %}" defer></script>
    <script src="{% static 'otree_botex/monitor.js' %}" defer></script>
    """
ROOM = '{% include "otree_botex/RoomPanel.html" %}\n'
BEHIND_ROOM = '{% include "otree/includes/RoomParticipantLinks.html" %}'

_server_address: tuple[str, int] | None = None
_server_loop: asyncio.AbstractEventLoop | None = None


def attach() -> None:
    """Attaches our pages, templates, tab and triggers to this oTree process."""
    parts = (
        *(_add_routes, _add_templates, _add_navigation, _add_tab, _add_to_monitor, _add_to_rooms),
        *(_watch_server, _watch_visitors, _watch_new_sessions, _watch_rooms, _tell_exports, _mend_notices),
        *(_make_sessions_alone, _keep_page_times, _upgrade_database),
    )
    for part in parts:
        try:
            part()
        except Exception as error:
            logger.error(
                "otree-botex could not attach itself to oTree %s (%s: %s). The experiments are not affected, "
                "LLM bots may not be available.",
                otree.__version__,
                part.__name__,
                error,
            )


def server_url() -> str | None:
    """The address this server really listens on, whatever proxy stands before it; None before its first request."""
    if _server_address is None:
        return None
    host, port = _server_address
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _add_routes() -> None:
    """oTree adds everything in this list to its routes, and protects it as OTREE_AUTH_LEVEL says."""
    from otree.channels.routing import websocket_routes

    from .routes import routes

    websocket_routes.extend(routes)


def _add_templates() -> None:
    from otree.templating.loader import ibis_loader

    ibis_loader.dirs = (*ibis_loader.dirs, TEMPLATES)


def _add_navigation() -> None:
    """Puts one more entry into the navigation at the top of all admin pages. A template takes what it extends in when
    it is compiled, so this comes before `_add_tab`."""
    name = "otree/includes/navbar.html" if IS_OTREE_6 else "otree/BaseAdmin.html"
    _insert(name, NAVIGATION, BEHIND_NAVIGATION)


def _add_tab() -> None:
    """Puts one more tab on every page of a session, at the end of the menu."""
    _insert("otree/Session.html", TAB, "</ul>")


def _add_to_monitor() -> None:
    """Puts a control into each row of a session's Monitor."""
    _insert("otree/SessionMonitor.html", MONITOR, '<table id="monitor-table"')


def _add_to_rooms() -> None:
    """Puts a panel into the page of each room."""
    for name in ("otree/RoomWithSession.html", "otree/RoomWithoutSession.html"):
        _insert(name, ROOM, BEHIND_ROOM)


def _insert(name: str, item: str, behind: str) -> None:
    """Has one of oTree's templates compiled with something of ours, before what stands `behind` it."""
    from otree.templating.loader import FileReloader, ibis_loader
    from otree.templating.template import Template

    path = ibis_loader.search_template(name)
    before, found, after = path.read_text("utf-8").partition(behind)
    if not found:
        raise ValueError(f"the place for it was not found in {name}")
    template = Template(before + item + found + after, name)
    is_reloader = isinstance(ibis_loader, FileReloader)
    ibis_loader.cache[name] = (os.path.getmtime(path), path, template) if is_reloader else template


def _watch_server() -> None:
    """Bots need the server's address also when a session starts them without anybody's click; and see _mend_notices."""
    from otree.middleware import CommitTransactionMiddleware

    original = CommitTransactionMiddleware.dispatch

    @functools.wraps(original)
    async def dispatch(self: Any, request: Any, call_next: Callable[..., Any]) -> Any:
        global _server_address, _server_loop
        _server_address = request.scope.get("server") or _server_address
        _server_loop = asyncio.get_running_loop()
        return await original(self, request, call_next)

    CommitTransactionMiddleware.dispatch = dispatch


def _watch_visitors() -> None:
    """Who asks for a participant's page is looked at; and with the first request begins what is done all the time."""
    from otree.middleware import CommitTransactionMiddleware

    from . import ticker, visitors

    original = CommitTransactionMiddleware.dispatch

    @functools.wraps(original)
    async def dispatch(self: Any, request: Any, call_next: Callable[..., Any]) -> Any:
        if _server_address is None:
            ticker.wake()
        return await original(self, request, functools.partial(visitors.let_in, call_next))

    CommitTransactionMiddleware.dispatch = dispatch


def _watch_new_sessions() -> None:
    """Every way to make a session (admin, demo page, room, REST API) goes through this one function."""
    import otree.session

    original = otree.session.create_session

    @functools.wraps(original)
    def create_session(*args: Any, **kwargs: Any) -> Any:
        session = original(*args, **kwargs)
        try:
            from .launches import start_from_config

            start_from_config(session)
        except Exception:
            logger.exception("otree-botex could not start the bots of session %s.", session.code)
        return session

    otree.session.create_session = create_session


def _watch_rooms() -> None:
    """Bots may have something to do as soon as a session takes place in a room."""
    from otree.room import BaseRoom

    original = BaseRoom.set_session

    @functools.wraps(original)
    def set_session(self: Any, session: Any) -> Any:
        from . import ticker

        ticker.wake()
        return original(self, session)

    BaseRoom.set_session = set_session


def _tell_exports() -> None:
    """Our exports have to know whether one session is meant (oTree 5 knows only exports of all)."""
    import otree.export

    from . import exports

    original = otree.export.custom_export_app

    @functools.wraps(original)
    def custom_export_app(*args: Any, **kwargs: Any) -> Any:
        with exports.of_session(kwargs.get("session_code")):
            return original(*args, **kwargs)

    otree.export.custom_export_app = custom_export_app


def _mend_notices() -> None:
    """Keeps oTree from hanging for ever when the last of a group arrives while another one's wait page connects.

    oTree plays pages in a thread of their own, and from there tells the wait pages' websockets that waiting is over
    in an event loop that it makes for this. These websockets belong to the server's loop: if one of them has not
    finished its handshake at this very moment, the thread waits for something that cannot happen in its loop, with
    the lock in hand that all requests need. People run into this rarely, quick bots in one session of some hundreds.
    The same notices, sent from the server's own loop, do no harm.
    """
    from otree.channels.utils import ChannelLayer

    original = ChannelLayer.sync_send

    @functools.wraps(original)
    def sync_send(self: Any, group: str, data: Any) -> None:
        if _server_loop is None or not _server_loop.is_running() or _in_event_loop():
            original(self, group, data)
        else:
            asyncio.run_coroutine_threadsafe(self.send(group, data), _server_loop)

    ChannelLayer.sync_send = sync_send


def _make_sessions_alone() -> None:
    """Keeps requests off the database while oTree makes a session.

    oTree 6 makes those of its admin in a thread, and answers requests meanwhile, all of them on its one connection to
    the database: what is committed or rolled back for one is so for the other, and either may fail. Where bots play,
    and pages of ours are open, there is a request at almost any moment. So a session is made with the lock in hand
    that all requests need, as those of the REST API are; oTree 5 does nothing else meanwhile, either.
    """
    if not IS_OTREE_6:
        return
    from otree.channels.consumers import BaseCreateSession
    from otree.middleware import lock2

    original = BaseCreateSession.create_session_then_send_start_link

    @functools.wraps(original)
    async def create_session_then_send_start_link(self: Any, *args: Any, **kwargs: Any) -> Any:
        async with lock2:
            return await original(self, *args, **kwargs)

    BaseCreateSession.create_session_then_send_start_link = create_session_then_send_start_link


def _keep_page_times() -> None:
    """oTree gathers the times at which pages were left, fifty in a row, and loses those when the server is stopped.
    The plots tell by them which pages people answered, so each is stored together with what it tells of."""
    import otree.common2

    otree.common2.BUFFER_SIZE = 0


def _upgrade_database() -> None:
    """oTree adds tables to a database when it starts. After that, ours are given the columns that they lack."""
    from otree.database import AnyModel
    from sqlalchemy import event

    from .upgrade import add_columns

    def upgrade(metadata: Any, connection: Any, **_: Any) -> None:
        try:
            add_columns(
                connection, [table for table in metadata.sorted_tables if table.name.startswith("otree_botex_")]
            )
        except Exception:
            logger.exception("The tables of otree-botex could not be looked at. LLM bots may not be available.")

    event.listen(AnyModel.metadata, "after_create", upgrade)


def _in_event_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
