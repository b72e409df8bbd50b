"""The bare client that bots are compared with: fixed answers, nothing read, recorded or thought about.

    python bare.py http://127.0.0.1:8000 CODE CODE …

One thread a participant. Prints as JSON how many participants got to the end, and the CPU seconds it took.
"""

from __future__ import annotations

import json
import re
import sys
import threading
import time

import requests

ANSWERS = {"guess": "42"}
FIELD = re.compile(r'<(?:input|select|textarea)[^>]*\sname="([^"]+)"')
WAIT_SECONDS = 0.2

finished: list[str] = []


def play(server: str, participant: str) -> None:
    """One participant, from the start link to the end."""
    with requests.Session() as session:
        page = session.get(f"{server}/InitializeParticipant/{participant}")
        while "/OutOfRangeNotification/" not in page.url:
            page.raise_for_status()
            if "oTree-Wait-Page" in page.headers:
                time.sleep(WAIT_SECONDS)
                page = session.get(page.url)
            else:
                page = session.post(page.url, {name: ANSWERS[name] for name in FIELD.findall(page.text)})
    finished.append(participant)


def main() -> None:
    server, *participants = sys.argv[1:]
    before = time.process_time()
    threads = [threading.Thread(target=play, args=(server, participant)) for participant in participants]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(json.dumps({"finished": len(finished), "cpu": time.process_time() - before}))


if __name__ == "__main__":
    main()
