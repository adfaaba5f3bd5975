"""``openalgo-lab engine`` on a Lab that only notes what is asked of it."""

from __future__ import annotations

import os
import signal
import sys
import threading
import types
from collections.abc import Iterator

import pytest
from typer.testing import CliRunner

from openalgo_lab.cli.commands import app
from tests.support.waiting import eventually


class NotedLab:
    """Stands where Lab stands."""

    calls: list[str]

    def __init__(self, profile: str, *, host: str) -> None:
        self.calls.append(f"open {profile} {host}")

    def __repr__(self) -> str:
        return "the engine's sheet"

    def close(self) -> None:
        self.calls.append("close")


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    noted: list[str] = []
    module = types.ModuleType("openalgo_lab.lab")
    module.Lab = type("Lab", (NotedLab,), {"calls": noted})  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "openalgo_lab.lab", module)
    monkeypatch.delitem(sys.modules, "openalgo_lab.cli.headless", raising=False)
    before = {name: signal.getsignal(name) for name in (signal.SIGINT, signal.SIGTERM)}
    yield noted
    for name, handler in before.items():
        signal.signal(name, handler)
    sys.modules.pop("openalgo_lab.cli.headless", None)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_it_runs_until_asked_and_closes_the_lab(calls: list[str], how: signal.Signals) -> None:
    def ask() -> None:
        eventually(lambda: calls)  # by then it listens for signals, however busy the machine is
        signal.raise_signal(how)

    asking = threading.Thread(target=ask)
    asking.start()
    result = CliRunner().invoke(app, ["engine", "--profile", "night"])
    asking.join()
    assert result.exit_code == 0
    assert calls == ["open night always", "close"]
    assert "the engine's sheet" in result.output
    assert f"Process {os.getpid()}" in result.output
