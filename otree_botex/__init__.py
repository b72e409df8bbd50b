"""Puts large language models on the seats of oTree experiments.

Imported by the oTree server and by bot processes alike, so nothing is imported before it is asked for. What scripts
may use stands in `__all__`; see docs/scripts.md.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_WHERE = {
    "export_conversation_data": "reading",
    "export_otree_data": "otree_data",
    "export_participant_data": "reading",
    "export_response_data": "reading",
    "init_otree_session": "sessions",
    "load_env": "env_file",
    "normalize_otree_data": "otree_data",
    "read_conversations_from_botex_db": "reading",
    "read_events_from_botex_db": "reading",
    "read_manifest_from_botex_db": "reading",
    "read_participants_from_botex_db": "reading",
    "read_prompts_from_botex_db": "reading",
    "read_responses_from_botex_db": "reading",
    "run_bots_on_session": "running",
    "run_single_bot": "running",
    "start_otree_server": "otree_server",
    "stop_otree_server": "otree_server",
}
__all__ = [*sorted(_WHERE)]

if TYPE_CHECKING:
    from .scripts.env_file import load_env as load_env
    from .scripts.otree_data import export_otree_data as export_otree_data
    from .scripts.otree_data import normalize_otree_data as normalize_otree_data
    from .scripts.otree_server import start_otree_server as start_otree_server
    from .scripts.otree_server import stop_otree_server as stop_otree_server
    from .scripts.reading import export_conversation_data as export_conversation_data
    from .scripts.reading import export_participant_data as export_participant_data
    from .scripts.reading import export_response_data as export_response_data
    from .scripts.reading import read_conversations_from_botex_db as read_conversations_from_botex_db
    from .scripts.reading import read_events_from_botex_db as read_events_from_botex_db
    from .scripts.reading import read_manifest_from_botex_db as read_manifest_from_botex_db
    from .scripts.reading import read_participants_from_botex_db as read_participants_from_botex_db
    from .scripts.reading import read_prompts_from_botex_db as read_prompts_from_botex_db
    from .scripts.reading import read_responses_from_botex_db as read_responses_from_botex_db
    from .scripts.running import run_bots_on_session as run_bots_on_session
    from .scripts.running import run_single_bot as run_single_bot
    from .scripts.sessions import init_otree_session as init_otree_session


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".scripts.{_WHERE[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_WHERE])
