"""Tests of fetching write the lake in a thread; ``test_writing`` has the process that does it elsewhere."""

from __future__ import annotations

import pytest

from tests.support.thread_writer import ThreadWriter


@pytest.fixture(autouse=True)
def in_a_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("openalgo_lab.engine.history.keeper.HandWriter", ThreadWriter)
