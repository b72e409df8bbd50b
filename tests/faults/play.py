"""A researcher's script, as far as tests need one: `python play.py play '{"bot_urls": …}'`.

Plays a session, or `links` one by one and at once; the other values are arguments of the function that does.
"""

import json
import sys
from typing import Any

import otree_botex


def main(given: dict[str, Any]) -> int:
    links = given.pop("links", None)
    if links is None:
        runs = [otree_botex.run_bots_on_session(**given, wait=False)]
    else:
        runs = [otree_botex.run_single_bot(link, **given, wait=False) for link in links]
    return 0 if all([run.wait() for run in runs]) else 1


if __name__ == "__main__":
    sys.exit(main(json.loads(sys.argv[2])))
