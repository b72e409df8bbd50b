"""A page's notice to others, who wait, never holds up the server: see `_mend_notices` in admin/hook.py."""

from __future__ import annotations

import subprocess

import pytest

from ..conftest import OTREE, ROOT

SCRIPT = """
import asyncio, sys
from otree.channels.utils import ChannelLayer
from otree_botex.admin import hook

class ConnectingSocket:
    "A websocket of the server's whose handshake is not over yet: sending to it waits for that."

    def __init__(self):
        self.connected, self.sent = asyncio.Event(), []

    async def send_text(self, text):
        await self.connected.wait()
        self.sent.append(text)

async def server():
    layer, socket = ChannelLayer(), ConnectingSocket()
    layer.add("group", socket)
    hook._server_loop = loop = asyncio.get_running_loop()
    page = loop.run_in_executor(None, layer.sync_send, "group", {"status": "ready"})
    await asyncio.sleep(2)  # the page has come to its notice by now
    socket.connected.set()
    await asyncio.wait_for(page, 10)
    while not socket.sent:
        await asyncio.sleep(0.01)
    print(socket.sent)

if "mended" in sys.argv:
    hook._mend_notices()
asyncio.run(server())
"""


def _run(python: str, *arguments: str, seconds: float) -> subprocess.CompletedProcess[str]:
    command = [python, "-c", SCRIPT, *arguments]
    return subprocess.run(command, cwd=ROOT / "demo_project", capture_output=True, text=True, timeout=seconds)


@pytest.mark.parametrize("otree", ["6", "5"])
def test_a_notice_to_a_wait_page_that_is_just_connecting_does_not_hang_the_server(otree):
    python = OTREE[otree]
    if python is None:
        pytest.skip(f"OTREE{otree}_PYTHON is not set; run the tests with `make test`")
    assert _run(python, "mended", seconds=60).stdout.strip() == '[\'{"status": "ready"}\']'
    with pytest.raises(subprocess.TimeoutExpired):  # should this fail, oTree has mended it, and ours can go
        _run(python, seconds=15)
