"""Plain oTree servers and models on loopback, for the tests of scripts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ..conftest import OTREE, copy_demo
from . import plain
from .plain import PlainServer, Provider


def _start(otree: str, folder: Path, **environment: str) -> PlainServer:
    interpreter = OTREE[otree]
    if interpreter is None:
        pytest.skip(f"OTREE{otree}_PYTHON is not set; run the tests with `make test`")
    server = PlainServer(Path(interpreter), copy_demo(folder, plain.PLAIN), environment=environment)
    server.start()
    return server


@pytest.fixture(scope="module")
def shared_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PlainServer]:
    """One server without our app for all tests of a module."""
    server = _start("6", tmp_path_factory.mktemp("shared") / "project")
    yield server
    server.end()


@pytest.fixture
def start_plain(tmp_path: Path) -> Iterator[Callable[..., PlainServer]]:
    """Starts servers without our app; they end with the test."""
    servers: list[PlainServer] = []

    def start(otree: str = "6", **environment: str) -> PlainServer:
        servers.append(_start(otree, tmp_path / f"project{len(servers)}", **environment))
        return servers[-1]

    yield start
    for server in servers:
        server.end()


@pytest.fixture
def provider() -> Iterator[Provider]:
    with plain.provider() as found:
        yield found


@pytest.fixture
def server(shared_server: PlainServer, monkeypatch: pytest.MonkeyPatch) -> PlainServer:
    """The shared server, which scripts find by the environment."""
    monkeypatch.setenv("OTREE_SERVER_URL", shared_server.url)
    return shared_server


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A record that does not exist yet, which scripts find by the environment."""
    monkeypatch.setenv("BOTEX_DB", str(tmp_path / "bots.sqlite3"))
    return tmp_path / "bots.sqlite3"


@pytest.fixture
def openai(provider: Provider, monkeypatch: pytest.MonkeyPatch) -> Provider:
    """The model on loopback, which this process takes for OpenAI."""
    pytest.importorskip("litellm", reason="litellm is not installed")
    for name, value in provider.environment.items():
        monkeypatch.setenv(name, value)
    return provider
