"""The recorder of file changes, compiled once a run."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from openalgo_lab.store.vault import bundle, unlocking
from openalgo_lab.store.vault.keys import FLOOR
from tests.store.vault.powercut import compiled


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    built = compiled(tmp_path_factory.mktemp("recorder"))
    if built is None:
        pytest.skip("recording file changes needs Linux and a C compiler (cc)")
    return built


@pytest.fixture(autouse=True)
def cheapest(monkeypatch: pytest.MonkeyPatch) -> None:
    """Passphrases at the floor's cost: the rest is measured at every creation, and would be most of the time here."""
    for module in (unlocking, bundle):
        monkeypatch.setattr(module, "calibrate", lambda: FLOOR)


@pytest.fixture
def quick_path() -> Iterator[Path]:
    """An empty folder in memory where the system has one: hundreds of synced files would wait for a real disk."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(prefix="oalv-", dir=memory if memory.is_dir() else None) as folder:
        yield Path(folder)
