"""Real oTree servers for the tests, each in a folder of its own.

OTREE6_PYTHON and OTREE5_PYTHON name the interpreters of the two oTree environments (`make test` sets them).
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from .servers import Server

# litellm fetches a list of prices from the web on import, and waits for it, unless it is told not to.
os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
# Dask's profiler may hang a process that starts threads, for ever, before Python 3.11.9 (its issue 106883).
os.environ.setdefault("DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED", "False")

# A busy machine is no fault.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")

ROOT = Path(__file__).parents[1]
OTREE = {"6": os.environ.get("OTREE6_PYTHON"), "5": os.environ.get("OTREE5_PYTHON")}

StartServer = Callable[..., Server]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Twice as many workers as there are processors: servers, bots and browsers are waited for most of the time."""
    return min(2 * (os.cpu_count() or 1), 8)


def copy_demo(folder: Path, settings: str = "") -> Path:
    """A copy of the demo project, with more lines at the end of its settings."""
    shutil.copytree(ROOT / "demo_project", folder, ignore=shutil.ignore_patterns("db.sqlite3", ".otree_botex"))
    if settings:
        with (folder / "settings.py").open("a", encoding="utf-8") as file:
            file.write(f"\n{settings}\n")
    return folder


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees keys or settings of the machine it runs on."""
    for name in list(os.environ):
        if name.startswith("OTREE_") or name.endswith("_API_KEY") or name in ("DATABASE_URL", "PORT"):
            monkeypatch.delenv(name)


@pytest.fixture
def start_server(tmp_path: Path) -> Iterator[StartServer]:
    """Starts oTree servers on copies of the demo project; they end with the test."""
    servers: list[Server] = []

    def start(otree: str = "6", *, python: str | None = None, settings: str = "", **options: object) -> Server:
        interpreter = python or OTREE[otree]
        if interpreter is None:
            pytest.skip(f"OTREE{otree}_PYTHON is not set; run the tests with `make test`")
        folder = copy_demo(tmp_path / f"project{len(servers)}", settings)
        server = Server(Path(interpreter), folder, **options)  # type: ignore[arg-type]
        servers.append(server)
        server.start()
        return server

    yield start
    for server in servers:
        server.end()


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """A headless Chromium, driven by Playwright; each test opens pages of its own."""
    playwright = pytest.importorskip("playwright.sync_api")
    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if path is None:
        pytest.skip("Chromium is not installed (Debian: apt install chromium)")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


@pytest.fixture
def page(chromium: Any) -> Iterator[Any]:
    """A page in a browser, in which no script may break."""
    page, problems = chromium.new_page(viewport={"width": 1280, "height": 900}), []
    page.set_default_timeout(90_000)
    page.on("pageerror", lambda error: problems.append(str(error)))
    yield page
    page.close()
    assert problems == []


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Where nothing may be left out (continuous integration), a skipped test is a failure."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("OTREE_BOTEX_NOTHING_SKIPPED") and reporter and reporter.stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
