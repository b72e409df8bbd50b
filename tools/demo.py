"""`make demo`: starts the demo project, lets bots play a public goods game, and shows what they decided and why."""

from __future__ import annotations

import argparse
import csv
import io
import os
import socket
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import Any

import requests

from otree_botex.errors import BotexError
from otree_botex.launch_command import launch

PROJECT = Path(__file__).parents[1] / "demo_project"
LOG = PROJECT / ".otree_botex" / "logs" / "server.log"
PLAYERS = 3
START_SECONDS = 60


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="smollm2")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--exit", action="store_true", help="stop the server when the bots have ended")
    arguments = parser.parse_args()
    url = f"http://127.0.0.1:{arguments.port}"
    if _is_taken(arguments.port):
        print(
            f"Port {arguments.port} is taken by another program. Choose another: make demo PORT=8001", file=sys.stderr
        )
        return 1
    print(f"Starting the demo project at {url} …", flush=True)
    server = _start(arguments.port)
    try:
        _wait_for(server, url)
        code = play(url, arguments.model)
        if not arguments.exit:
            print("\nThe server goes on until you press Ctrl-C.", flush=True)
            server.wait()
        return code
    except BotexError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print()
        return 0
    finally:
        server.terminate()
        server.wait(20)


def play(url: str, model: str) -> int:
    """Plays one session and prints its decisions. Returns 0 if all bots finished."""
    body = {"session_config_name": "public_goods", "num_participants": PLAYERS}
    response = requests.post(f"{url}/api/sessions", json=body, timeout=60)
    response.raise_for_status()
    session = response.json()["code"]
    print(f"A public goods game for {PLAYERS} players, all of them played by {model}.", flush=True)
    code = launch(url, session, {"model": model})
    for row in _answers(url, session):
        print(f"\nP{row['seat']} on {row['page']}: {row['label']} {row['answer']}")
        print(textwrap.indent(textwrap.fill(row["reason"], 100), "    "))
    print(f"\nSee what they saw, and add bots to other experiments: {url}/LLMBots/{session}")
    return code


def _answers(url: str, session: str) -> list[dict[str, Any]]:
    text = requests.get(f"{url}/LLMBots/{session}/export/steps", timeout=60).content.decode("utf-8-sig")
    return [row for row in csv.DictReader(io.StringIO(text)) if row["field"] and row["answer"] != ""]


def _start(port: int) -> subprocess.Popen[bytes]:
    otree = Path(sys.executable).with_name("otree")
    # the demo is open to everybody on this machine, whatever is set for other projects
    kept = {name: value for name, value in os.environ.items() if not name.startswith("OTREE_AUTH")}
    environment = {**kept, "PATH": f"{otree.parent}{os.pathsep}{os.environ['PATH']}"}
    LOG.parent.mkdir(parents=True, exist_ok=True)
    with LOG.open("wb") as log:
        command = [str(otree), "devserver_inner", str(port)]
        return subprocess.Popen(command, cwd=PROJECT, env=environment, stdout=log, stderr=log)


def _wait_for(server: subprocess.Popen[bytes], url: str) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and server.poll() is None:
        try:
            if requests.get(f"{url}/otree_botex/ping", timeout=5).ok:
                return
        except requests.RequestException:
            time.sleep(0.2)
    said = LOG.read_text(errors="replace").strip().splitlines()[-5:]
    raise BotexError("The oTree server did not start. It said:\n" + "\n".join(said))


def _is_taken(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


if __name__ == "__main__":
    sys.exit(main())
