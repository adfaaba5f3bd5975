"""Compiled code is loaded in a notebook's idle moments, once, and only where strategies are."""

from __future__ import annotations

import sys
import threading
from types import ModuleType, SimpleNamespace

import IPython
import pytest
from IPython.core.events import EventManager, post_run_cell

from openalgo_lab.backtest import run
from openalgo_lab.lab.warming import THREAD, load_when_idle
from openalgo_lab.options import bulk

STRATEGIES = "openalgo_lab.strategy.signals"


class Shell:
    """As much of IPython's shell as cells' events need."""

    def __init__(self) -> None:
        self.events = EventManager(self, {"post_run_cell": post_run_cell})

    def run_cell(self) -> None:
        self.events.trigger("post_run_cell", SimpleNamespace())


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    done: list[str] = []
    monkeypatch.setattr(run, "warm_up", lambda: done.append("backtests"))
    monkeypatch.setattr(bulk, "load", lambda: done.append("options"))
    return done


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch) -> Shell:
    made = Shell()
    monkeypatch.setattr(IPython, "get_ipython", lambda: made)
    return made


def loaded() -> None:
    for thread in threading.enumerate():
        if thread.name == THREAD:
            thread.join()


def test_after_the_first_cell_with_strategies_and_never_again(
    shell: Shell, loads: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, STRATEGIES, raising=False)
    load_when_idle()
    load_when_idle()
    shell.run_cell()
    loaded()
    assert loads == []
    monkeypatch.setitem(sys.modules, STRATEGIES, ModuleType(STRATEGIES))
    for _ in range(2):
        shell.run_cell()
        loaded()
    assert loads == ["backtests", "options"]


def test_a_script_is_left_alone(loads: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(IPython, "get_ipython", lambda: None)
    load_when_idle()
    monkeypatch.delitem(sys.modules, "IPython")
    load_when_idle()
    assert loads == []


def test_what_cannot_be_loaded_is_left_to_the_first_backtest(
    shell: Shell, loads: list[str], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fails() -> None:
        raise OSError("no space left")

    monkeypatch.setattr(run, "warm_up", fails)
    monkeypatch.setitem(sys.modules, STRATEGIES, ModuleType(STRATEGIES))
    caplog.set_level("INFO")
    load_when_idle()
    shell.run_cell()
    loaded()
    assert "no space left" in caplog.text
    assert loads == []
