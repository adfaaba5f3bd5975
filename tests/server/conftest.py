from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from openalgo_lab.server.places import places_of

sys.path.insert(0, str(Path(__file__).parent))
from running import Running


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One server for the tests of a module that only ask."""
    running = Running(tmp_path_factory.mktemp("server")).start()
    yield running
    running.stop()


@pytest.fixture
def start_server(tmp_path: Path) -> Iterator[Callable[..., Running]]:
    """Servers of one test, each with settings of its own."""
    started: list[Running] = []

    def start(**kwargs: Any) -> Running:
        started.append(Running(tmp_path / f"home{len(started)}", **kwargs).start())
        return started[-1]

    yield start
    for running in started:
        if running.process.poll() is None:
            running.stop()


@pytest.fixture
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A home of this test's own for code that runs in this process."""
    monkeypatch.setenv("OPENALGO_LAB_HOME", str(tmp_path / "home"))
    before = {name: os.environ.get(name) for name in ("JUPYTER_CONFIG_PATH", "JUPYTER_PATH", "JUPYTER_RUNTIME_DIR")}
    for name, value in before.items():
        monkeypatch.setenv(name, value or "")
    yield tmp_path / "home"
    for profile in (tmp_path / "home" / "profiles").glob("*"):
        shutil.rmtree(places_of(profile.name).runtime, ignore_errors=True)
