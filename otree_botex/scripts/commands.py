"""What `otree-botex play`, `session`, `run`, `export` and `report` do."""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any

from ..errors import SetupError
from ..parameters import PARAMETERS
from ..record.sqlite import ENVIRONMENT
from ..rest import Rest
from . import otree_data, reading
from .env_file import load_env
from .running import Run, run_bots_on_session, run_single_bot
from .sessions import init_otree_session

DATABASE = "botex.sqlite3"
"""The record of the shell's commands, unless another is named."""
TABLES = {
    "participants": reading.export_participant_data,
    "responses": reading.export_response_data,
    "conversations": reading.export_conversation_data,
}


def play(arguments: argparse.Namespace) -> int:
    """Plays one participant's link."""
    load_env()
    started = run_single_bot(
        arguments.url,
        arguments.session,
        _database(arguments),
        already_started=arguments.again,
        wait=False,
        **_model(arguments),
        **given(arguments),
    )
    return _wait(started)


def session(arguments: argparse.Namespace) -> int:
    """Makes a session, and prints who is to sit where."""
    load_env()
    made = init_otree_session(
        arguments.config,
        arguments.participants,
        arguments.humans,
        room_name=arguments.room,
        botex_db=_database(arguments),
        otree_server_url=arguments.server,
        modified_session_config_fields=dict(map(_field, arguments.set)),
    )
    if arguments.json:
        print(json.dumps(made, indent=2))
        return 0
    print(
        f"Session {made['session_id']}: {len(made['bot_urls'])} seats for bots, {len(made['human_urls'])} for people."
    )
    for url in made["human_urls"]:
        print(f"  for a person: {url}")
    if made["bot_urls"]:
        print(f"Start the bots with: otree-botex run {made['session_id']} --model MODEL")
    return 0


def run(arguments: argparse.Namespace) -> int:
    """Starts the bots of a session, or goes on with them."""
    load_env()
    started = run_bots_on_session(
        arguments.session,
        botex_db=_database(arguments),
        already_started=arguments.again,
        wait=False,
        **_model(arguments),
        **given(arguments),
    )
    return _wait(started)


def export(arguments: argparse.Namespace) -> int:
    """Writes data to a file."""
    load_env()
    output = arguments.output or Path(f"{arguments.what}.csv")
    if arguments.what in TABLES:
        TABLES[arguments.what](output, _database(arguments), arguments.session)
    elif arguments.what == "otree":
        otree_data.export_otree_data(output, arguments.server, session_id=arguments.session)
    else:
        if arguments.input is None:
            raise SetupError("Name the wide file that is to be taken apart: --input FILE.")
        output = arguments.output or Path()
        otree_data.normalize_otree_data(arguments.input, None, True, output, arguments.input.stem)
    print(f"Written to {output}")
    return 0


def report(arguments: argparse.Namespace) -> int:
    """Prints what a paper must disclose of a launch, or the launch's manifest."""
    from ..record import methods

    load_env()
    manifest = _manifest(arguments)
    if arguments.json:
        text = json.dumps(manifest, indent=2, ensure_ascii=False)
    else:
        text = methods.latex(manifest) if arguments.latex else methods.markdown(manifest)
    if arguments.output is None:
        print(text)
    else:
        arguments.output.write_text(text, encoding="utf-8")
        print(f"Written to {arguments.output}")
    return 0


def given(arguments: argparse.Namespace) -> dict[str, Any]:
    """The parameters of a launch that were given in a shell."""
    return {name: value for name in PARAMETERS if (value := getattr(arguments, name)) is not None}


def _manifest(arguments: argparse.Namespace) -> dict[str, Any]:
    if arguments.server:
        return dict(Rest(arguments.server).get(f"/api/llm_bots/launch/{arguments.launch}/manifest"))
    return reading.read_manifest_from_botex_db(arguments.launch, _database(arguments))


def _database(arguments: argparse.Namespace) -> Path:
    return Path(arguments.db or os.environ.get(ENVIRONMENT) or DATABASE)


def _model(arguments: argparse.Namespace) -> dict[str, Any]:
    local = dict(map(_field, arguments.local)) or None
    return {"model": arguments.model or "", "api_base": arguments.api_base, "local_model_cfg": local}


def _field(text: str) -> tuple[str, Any]:
    """Name and value of NAME=VALUE; a value that is JSON (a number, true, null) is taken as such."""
    name, equals, value = text.partition("=")
    if not equals:
        raise SetupError(f"“{text}” is not of the form NAME=VALUE.")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def _wait(run: Run) -> int:
    print(f"Launch {run.launch}; its record is {run.database.path}", file=sys.stderr)
    all_finished = run.wait()
    print(run.summary())
    return 0 if all_finished else 1
