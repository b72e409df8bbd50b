"""The process of `start_otree_server`: oTree's development server, which ends when its standard input does.

It runs by the path of this file in the project's folder, with a Python that has oTree and need not have this package:
it may import nothing but the standard library and oTree.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time

PATIENCE_SECONDS = 5.0


def main(port: str) -> None:
    # Python puts the folder of a script there, where the modules beside this one would hide others of their name
    sys.path[0] = os.getcwd()
    threading.Thread(target=_end_with_the_script, daemon=True).start()
    # not `devserver`, which starts the server anew whenever a file is edited
    sys.argv = ["otree", "devserver_inner", f"127.0.0.1:{port}"]
    from otree.main import execute_from_command_line

    execute_from_command_line()


def _end_with_the_script() -> None:
    """Ends as Ctrl-C would, for then oTree writes its database, which it keeps in memory, to db.sqlite3."""
    os.read(0, 1)  # a byte, or the end of standard input
    runners = sys.modules.get("otree_botex.admin.runners")
    if runners is not None:
        runners.kill_all()
    if "otree.asgi" not in sys.modules:  # it is still starting, and there is nothing to save
        os._exit(1)
    for _ in range(3):  # the first asks; the others do not wait for connections that stay open
        signal.raise_signal(signal.SIGINT)
        time.sleep(PATIENCE_SECONDS)
    # a page that never ends keeps it up: what that page has done so far is undone, and all else is saved
    database = sys.modules["otree.database"]
    database.sqlite_mem_conn.rollback()
    database.save_sqlite_db()
    os._exit(1)


if __name__ == "__main__":
    main(sys.argv[1])
