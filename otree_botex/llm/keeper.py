"""Runs a command for as long as somebody holds the other end of standard input: when that process dies, in whatever
way, so does the command. A program of its own, run by its path; ends with the command's exit code."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

END_SECONDS = 10


def main(command: list[str]) -> int:
    try:
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    except OSError as error:
        print(f"{command[0]} cannot be started: {error.strerror}.", flush=True)
        return 127
    threading.Thread(target=_end_with_input, args=[child], daemon=True).start()
    return child.wait()


def _end_with_input(child: subprocess.Popen[bytes]) -> None:
    while os.read(0, 1):
        pass
    child.terminate()
    try:
        child.wait(END_SECONDS)
    except subprocess.TimeoutExpired:
        child.kill()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
