"""The command `otree-botex`."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, get_args

from . import __version__
from .errors import BotexError
from .parameters import CHOICES, HOSTS, NUMBERS, PARAMETERS, SWITCHES
from .plans import BUDGET, OF_PLANS, Then

MODELS = "random, smollm2, llama.cpp:/path.gguf, replay:LAUNCH, or a name litellm knows (openai/gpt-4.1-mini)"
HELP = {
    "temperature": "how far replies may stray",
    "max_tokens": "the longest reply, in tokens",
    "seed": "makes replies repeatable where the model honours it",
    "attempts": "how many replies to one page may be refused",
    "chat_messages": "what a bot may write at most in the chats of a page",
    "chat_cost": "US dollars that talking on one page may cost a bot",
    "human_pace": "take as much time as people do",
    "images": "show pictures to a model that takes them",
    "cache": "give a request that was answered before the same reply, without asking again",
    "memory": "what a bot remembers: the conversation, the notes that it keeps, or nothing",
    "driver": "open pages in a browser where they need one (auto), never, or always",
    "hosts": "other hosts that pages in a browser may load from, with commas between them",
    "page_calls": "how often the model is asked on one page in a browser",
    "page_actions": "what a bot may do on one page in a browser, in actions",
    "page_seconds": "how long a bot stays on one page in a browser",
    "browsers": "how many bots may have a page open in the browser at a time",
}
DESCRIPTION = "Lets large language models take part in oTree experiments as participants."


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit code. What goes wrong is told in a sentence, never as a traceback."""
    arguments = _parser().parse_args(argv)
    try:
        return int(arguments.run(arguments))
    except BotexError as error:
        print(f"otree-botex: {error}", file=sys.stderr)
        return int(arguments.error_code)
    except OSError as error:  # a file that was named cannot be written
        if error.filename is None:
            raise
        print(f"otree-botex: {error.filename}: {error.strerror}.", file=sys.stderr)
        return int(arguments.error_code)
    except KeyboardInterrupt:
        print("\nStopped.", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("otree-botex", description=DESCRIPTION)
    parser.add_argument("--version", action="version", version=__version__)
    parser.set_defaults(error_code=1)
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    setup = commands.add_parser("setup", help="make the bots' environment beside the project (.otree_botex/)")
    setup.add_argument("--local", action="store_true", help="also llama.cpp and a small model, to run on this machine")
    setup.add_argument("--browser", action="store_true", help="also a browser, for pages that live by their scripts")
    setup.add_argument("--project", type=Path, default=Path(), help="the oTree project's folder (default: this one)")
    setup.add_argument("--requirements", type=Path, help="install exactly what this file pins")
    setup.set_defaults(run=_setup)

    doctor = commands.add_parser("doctor", help="check all that a launch needs, and say how to mend what is missing")
    doctor.add_argument("--project", type=Path, default=Path(), help="the oTree project's folder (default: this one)")
    doctor.add_argument("--server", help="address of a running oTree server")
    doctor.set_defaults(run=_doctor)

    launch = commands.add_parser("launch", help="start bots in a session of a running server and watch them")
    launch.add_argument("--server", default="http://127.0.0.1:8000", help="its address (default: %(default)s)")
    launch.add_argument("--session", required=True, help="the session's code")
    launch.add_argument("--model", help=MODELS)
    launch.add_argument("--bots", type=int, help="how many seats (default: all free ones)")
    _add_plan(launch)
    _add_parameters(launch)
    launch.set_defaults(run=_launch)

    check = commands.add_parser("check", help="send random bots through a session config and report page by page")
    check.add_argument("config", nargs="?", metavar="CONFIG", help="a session config's name (default: all, in short)")
    check.add_argument("--bots", type=int, help="how many (default: as many as its demo has participants)")
    check.add_argument("--driver", choices=CHOICES["driver"], help=HELP["driver"])
    check.add_argument(_option(HOSTS), metavar="HOST,…", help=HELP[HOSTS])
    check.add_argument("--json", action="store_true", help="print the report as JSON")
    check.add_argument("--project", type=Path, default=Path(), help="the oTree project's folder (default: this one)")
    check.add_argument("--server", help="use the running oTree server at this address instead of one of its own")
    check.set_defaults(run=_check, error_code=2)  # 1 says that a bot did not finish

    _add_scripts(commands)
    commands.add_parser("runner").set_defaults(run=_runner)  # this and the next are for the server's use
    commands.add_parser("first").set_defaults(run=_first)
    commands.add_parser("preview").set_defaults(run=_preview)
    probe = commands.add_parser("probe")
    probe.add_argument("--priced", action="append", default=[])
    probe.set_defaults(run=_probe)
    return parser


def _add_scripts(commands: Any) -> None:
    """The commands for any oTree server, with or without this package in it."""
    play = commands.add_parser("play", help="play one participant's link on any oTree server")
    play.add_argument("url", metavar="URL", help="a start link, a room's address, or a session-wide link")
    play.add_argument("--session", default="", help="what the record is to call the session")
    session = commands.add_parser(
        "session", help="make a session over oTree's REST API, with seats for bots and people"
    )
    session.add_argument("config", metavar="CONFIG", help="the session config's name")
    session.add_argument("--participants", type=int, required=True, help="how many seats")
    session.add_argument("--humans", type=int, default=0, help="how many of them are for people, drawn at random")
    session.add_argument("--room", help="the room that the session is put into")
    session.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a field of the config")
    session.add_argument("--json", action="store_true", help="print it as JSON")
    run = commands.add_parser("run", help="start the bots of such a session, or go on with them")
    run.add_argument("session", metavar="SESSION", help="the session's code")
    export = commands.add_parser("export", help="write data to CSV")
    what = "of the bots' record; oTree's data of a server; or a wide file of oTree taken apart"
    export.add_argument("what", choices=("participants", "responses", "conversations", "otree", "tables"), help=what)
    export.add_argument("--session", help="of this session only")
    export.add_argument("--input", type=Path, metavar="FILE", help="the wide file for “tables”")
    report = commands.add_parser("report", help="what a paper must disclose of a launch, filled in from its record")
    report.add_argument("launch", metavar="LAUNCH", help="the launch's code")
    report.add_argument("--latex", action="store_true", help="as LaTeX (default: Markdown)")
    report.add_argument("--json", action="store_true", help="the launch's manifest instead")
    for parser in (play, run):
        parser.add_argument("--model", help=MODELS)
        parser.add_argument("--again", action="store_true", help="go on with bots that began and have not finished")
        parser.add_argument("--api-base", metavar="URL", help="where the model is reached, if not at its provider")
        parser.add_argument("--local", action="append", default=[], metavar="NAME=VALUE", help="for the model “local”")
        _add_parameters(parser)
    for parser in (session, export):
        parser.add_argument("--server", metavar="URL", help="the oTree server (default: OTREE_SERVER_URL)")
    report.add_argument("--server", metavar="URL", help="the oTree server whose admin started the launch, if one did")
    for parser in (export, report):
        parser.add_argument("--output", "-o", type=Path, metavar="FILE")
    for parser in (play, session, run, export, report):
        parser.add_argument("--db", type=Path, help="the bots' record (default: BOTEX_DB, else botex.sqlite3)")
    for name, parser in (("play", play), ("session", session), ("run", run), ("export", export), ("report", report)):
        parser.set_defaults(run=partial(_script, name))


def _add_plan(parser: argparse.ArgumentParser) -> None:
    """What a launch in a server takes beside its bots' parameters: see `plans.plan`."""
    parser.add_argument("--plan", type=Path, metavar="FILE", help="JSON with all of this, and with rows for a mix")
    parser.add_argument("--personas", metavar="NAME", help="a set of the project's personas")
    parser.add_argument("--prompts", metavar="NAME", help="a set of the project's prompts")
    parser.add_argument(
        "--pretest", action="store_true", default=None, help="ask what was unclear or wrong on each page"
    )
    for name, (kind, _) in BUDGET.items():
        whose = "each bot" if name.startswith("bot_") else "all bots together"
        what = "US dollars" if name.endswith("cost") else name.removeprefix("bot_")
        parser.add_argument(_option(f"budget_{name}"), type=kind, metavar="N", help=f"what {whose} may take, in {what}")
    parser.add_argument("--budget-then", choices=get_args(Then), help="what bots do when a limit is reached")


def _add_parameters(parser: argparse.ArgumentParser) -> None:
    for name, (kind, least, most) in NUMBERS.items():
        parser.add_argument(
            _option(name), type=kind, metavar="N", help=f"{HELP.get(name, '')} ({least} to {most})".strip()
        )
    for name in SWITCHES:
        parser.add_argument(_option(name), action="store_true", default=None, help=HELP[name])
    for name, choices in CHOICES.items():
        parser.add_argument(_option(name), choices=choices, help=HELP[name])
    parser.add_argument(_option(HOSTS), metavar="HOST,…", help=HELP[HOSTS])


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _script(name: str, arguments: argparse.Namespace) -> int:
    from .scripts import commands

    return int(getattr(commands, name)(arguments))


def _setup(arguments: argparse.Namespace) -> int:
    from .setup_command import setup

    return setup(arguments.project, arguments.requirements, local=arguments.local, browser=arguments.browser)


def _doctor(arguments: argparse.Namespace) -> int:
    from .doctor import doctor

    return doctor(arguments.project, arguments.server)


def _launch(arguments: argparse.Namespace) -> int:
    from .launch_command import launch, read_plan

    names = ("model", "bots", "personas", *OF_PLANS, *PARAMETERS)
    options = {name: getattr(arguments, name, None) for name in names}
    given = {name: value for name, value in options.items() if value is not None}
    return launch(arguments.server, arguments.session, {**read_plan(arguments.plan), **given})


def _check(arguments: argparse.Namespace) -> int:
    from .check_command import check

    asked = {name: getattr(arguments, name) for name in ("bots", "driver", HOSTS)}
    asked = {name: value for name, value in asked.items() if value is not None}
    return check(arguments.project, arguments.server, arguments.config, asked, arguments.json)


def _runner(_: argparse.Namespace) -> int:
    from .bots.runner import main as run

    return run()


def _first(_: argparse.Namespace) -> int:
    from .bots.first import main as first

    return first()


def _preview(_: argparse.Namespace) -> int:
    from .preview_command import main as preview

    return preview()


def _probe(arguments: argparse.Namespace) -> int:
    from .environment import probe_here

    print(json.dumps(probe_here(arguments.priced)))
    return 0
