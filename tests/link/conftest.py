"""Handles on the fake engine, closed after each test."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from openalgo_lab.engine.config import EngineConfig
from openalgo_lab.engine.link.handle import Hosting, LinkedHandle
from tests.support.fake_engine import FakeEngine, start_fake

Opened = Callable[..., LinkedHandle]


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A home with a short path of its own."""
    path = Path(tempfile.mkdtemp(prefix="oal-"))
    monkeypatch.setenv("OPENALGO_LAB_HOME", str(path))
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def engines() -> list[FakeEngine]:
    """Engines started by ``opened`` handles, in order."""
    return []


@pytest.fixture
def opened(home: Path, engines: list[FakeEngine]) -> Iterator[Opened]:
    """Opens handles; several in one process stand for several processes (the lock is a file's, not a process's)."""
    handles: list[LinkedHandle] = []

    async def start(config: EngineConfig) -> Any:
        engines.append(await start_fake(config))
        return engines[-1]

    def open_one(hosting: Hosting = Hosting.AUTO, **options: Any) -> LinkedHandle:
        options.setdefault("start", start)
        handle = LinkedHandle(EngineConfig(), hosting, **options)
        handles.append(handle)
        return handle.open()

    yield open_one
    for handle in handles:
        handle.close()
