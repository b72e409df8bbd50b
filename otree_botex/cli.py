"""The command `otree-botex`."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from . import __version__
from .errors import BotexError

DESCRIPTION = "Lets large language models take part in oTree experiments as participants."


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit code. What goes wrong is told in a sentence, never as a traceback."""
    arguments = _parser().parse_args(argv)
    try:
        return int(arguments.run(arguments))
    except BotexError as error:
        print(f"otree-botex: {error}", file=sys.stderr)
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
    launch.add_argument("--model", required=True, help="random, smollm2, llama.cpp:/path.gguf, or a name litellm knows")
    launch.add_argument("--bots", type=int, help="how many seats (default: all free ones)")
    for name, kind in (("temperature", float), ("max-tokens", int), ("seed", int), ("attempts", int)):
        launch.add_argument(f"--{name}", type=kind)
    launch.add_argument("--human-pace", action="store_true", default=None, help="take as much time as people do")
    launch.add_argument("--images", action="store_true", default=None, help="show pictures to a model that takes them")
    launch.add_argument("--chat-messages", type=int, help="what a bot may write at most in the chats of a page")
    launch.add_argument("--chat-cost", type=float, help="US dollars that talking on one page may cost a bot")
    launch.set_defaults(run=_launch)

    check = commands.add_parser("check", help="send random bots through a session config and report page by page")
    check.add_argument("config", nargs="?", metavar="CONFIG", help="a session config's name (default: all, in short)")
    check.add_argument("--bots", type=int, help="how many (default: as many as its demo has participants)")
    check.add_argument("--json", action="store_true", help="print the report as JSON")
    check.add_argument("--project", type=Path, default=Path(), help="the oTree project's folder (default: this one)")
    check.add_argument("--server", help="use the running oTree server at this address instead of one of its own")
    check.set_defaults(run=_check, error_code=2)  # 1 says that a bot did not finish

    for name, run in (("runner", _runner), ("probe", _probe)):  # for the server's use, not for people's
        commands.add_parser(name).set_defaults(run=run)
    return parser


def _setup(arguments: argparse.Namespace) -> int:
    from .setup_command import setup

    return setup(arguments.project, arguments.local, arguments.requirements)


def _doctor(arguments: argparse.Namespace) -> int:
    from .doctor import doctor

    return doctor(arguments.project, arguments.server)


def _launch(arguments: argparse.Namespace) -> int:
    from .launch_command import launch

    names = (
        *("temperature", "max_tokens", "seed", "attempts"),
        *("human_pace", "images", "chat_messages", "chat_cost"),
    )
    parameters = {name: getattr(arguments, name) for name in names if getattr(arguments, name) is not None}
    return launch(arguments.server, arguments.session, arguments.model, arguments.bots, parameters)


def _check(arguments: argparse.Namespace) -> int:
    from .check_command import check

    return check(arguments.project, arguments.server, arguments.config, arguments.bots, arguments.json)


def _runner(_: argparse.Namespace) -> int:
    from .bots.runner import main as run

    return run()


def _probe(_: argparse.Namespace) -> int:
    from .environment import probe_here

    print(json.dumps(probe_here()))
    return 0
