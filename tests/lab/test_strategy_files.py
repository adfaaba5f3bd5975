"""What hosting stands on: sources, logs, schedules, and a run that is taken up where it was cut."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from openalgo_lab.backtest.settings import BacktestSettings
from openalgo_lab.engine.strategies.book import book_of
from openalgo_lab.engine.strategies.logs import last_lines
from openalgo_lab.engine.strategies.timing import due_now, next_start_ns
from openalgo_lab.lab.backtest import dated_tables, terms
from openalgo_lab.lab.strategy_host import LiveHost
from openalgo_lab.lab.strategy_host_log import FILES, ROOM, BoundedLog
from openalgo_lab.lab.strategy_host_source import load_strategy
from openalgo_lab.lab.strategy_host_state import load_state, save_state, saved_of
from openalgo_lab.lab.strategy_host_steps import run_steps
from openalgo_lab.lab.strategy_host_ticks import TickGate, interval_ns
from openalgo_lab.model.calendar import TradingCalendar
from openalgo_lab.model.errors import InputError
from openalgo_lab.model.secret import Secret, SecretMasker
from openalgo_lab.model.strategy_commands import StrategySchedule
from openalgo_lab.model.times import IST, from_ns, to_ns
from openalgo_lab.strategy import Strategy
from tests.lab.recordings import write_recording
from tests.lab.test_strategy_parity import CASES, TERMS

SETTINGS: BacktestSettings = terms(**TERMS)


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_recording(tmp_path_factory.mktemp("recording") / "walk.csv")


def rows(host: LiveHost) -> list[Any]:
    orders = [(o.number, o.symbol, o.side, o.quantity, o.status, o.filled, o.average, o.tag) for o in host.orders]
    return [host.book.account.trades, host.book.account.cash, orders]


@pytest.mark.parametrize(("strategy", "symbol"), CASES[:4], ids=lambda case: getattr(case, "__name__", ""))
@pytest.mark.parametrize("cut", [17, 41])
def test_a_run_goes_on_where_its_process_was_cut(
    recording: Path, tmp_path: Path, strategy: type[Strategy], symbol: str, cut: int
) -> None:
    """Whatever the strategy keeps itself must stand in ``state``; these four keep nothing."""
    whole = host_on(gate := TickGate(recording, "1m", SETTINGS.product, dated_tables()), symbol)
    whole.start(strategy)
    run_steps(whole, gate)
    gate.close()

    gate = TickGate(recording, "1m", SETTINGS.product, dated_tables())
    first = host_on(gate, symbol)
    first.start(strategy)
    steps = iter(range(cut))
    run_steps(first, gate, stopped=lambda: next(steps, None) is None)
    save_state(tmp_path / "state.json", saved_of(first, "it", 1, {}))

    saved = load_state(tmp_path / "state.json")
    assert saved is not None
    second = host_on(gate, symbol)
    second.restore(saved, gate.instrument)
    second.start(strategy, state=saved.state)
    second.take_up_groups(saved)
    run_steps(second, gate)
    gate.close()
    assert rows(second) == rows(whole)
    assert len(whole.book.account.trades) >= 3
    kept = book_of(tmp_path / "state.json")
    assert kept is not None and kept.orders == len(first.orders)
    assert kept.profit == pytest.approx(first.equity - SETTINGS.cash, abs=0.005)


def host_on(gate: TickGate, symbol: str) -> LiveHost:
    return LiveHost(gate, [gate.instrument(symbol)], interval_ns("1m"), SETTINGS, dated_tables(), run_id="same")


def notebook(path: Path, cells: Sequence[str]) -> Path:
    made = [{"cell_type": "code", "source": cell.splitlines(keepends=True)} for cell in cells]
    path.write_text(json.dumps({"cells": [{"cell_type": "markdown", "source": ["# Words"]}, *made]}))
    return path


def test_a_notebook_gives_its_definitions_and_runs_nothing(tmp_path: Path) -> None:
    path = notebook(
        tmp_path / "n.ipynb",
        [
            "%matplotlib inline\nfrom openalgo_lab.strategy import Strategy\nSIZE = 7",
            "class Mine(Strategy):\n    size = SIZE",
            "raise SystemExit('a cell was run')",
            "lab = Lab()\n!ls",
        ],
    )
    found = load_strategy(path)
    assert found.__name__ == "Mine" and found.parameters() == {"size": 7}


@pytest.mark.parametrize(
    ("body", "name", "words"),
    [
        ("import nothing_like_it", "", "ModuleNotFoundError"),
        ("x = 1", "", "no subclass of Strategy"),
        (
            "from openalgo_lab.strategy import Strategy\nclass A(Strategy): pass\nclass B(Strategy): pass",
            "",
            "name one",
        ),
        ("from openalgo_lab.strategy import Strategy\nclass A(Strategy): pass", "C", "it has A"),
    ],
)
def test_a_file_that_is_no_strategy(tmp_path: Path, body: str, name: str, words: str) -> None:
    path = tmp_path / "s.py"
    path.write_text(body)
    with pytest.raises(InputError, match=words):
        load_strategy(path, name)
    with pytest.raises(InputError, match="neither"):
        load_strategy(path.with_suffix(".txt").resolve() if path.with_suffix(".txt").write_text("x") else path)


def test_the_log_is_masked_and_never_outgrows_its_room(tmp_path: Path) -> None:
    masker = SecretMasker()
    masker.add(Secret("hunter2hunter2"))
    log = BoundedLog(tmp_path, masker)
    log.write("begin hunter2hun")
    log.write("ter2\n")
    assert "hunter2" not in last_lines(tmp_path, 5)[0] and "begin" in last_lines(tmp_path, 5)[0]
    line = "x" * 1000
    for number in range(FILES * ROOM // 1000 + 700):
        log.write(f"{number} {line}\n")
    log.write("no end")
    log.finish()
    sizes = [path.stat().st_size for path in tmp_path.glob("log*.txt")]
    assert len(sizes) == FILES and max(sizes) <= ROOM
    assert last_lines(tmp_path, 1)[0].endswith("no end")
    assert len(last_lines(tmp_path, 900)) == 900


def moment(text: str) -> int:
    return to_ns(datetime.fromisoformat(text).replace(tzinfo=IST))


@pytest.mark.parametrize(
    ("now", "due", "start"),
    [
        ("2026-11-25 09:09", False, "2026-11-25 09:10"),  # a Wednesday
        ("2026-11-25 09:10", True, "2026-11-26 09:10"),
        ("2026-11-25 15:30", False, "2026-11-26 09:10"),
        ("2026-11-27 16:00", False, "2026-11-30 09:10"),  # over the weekend
        ("2026-08-14 16:00", False, "2026-08-17 09:10"),  # Independence Day is a Saturday
        ("2026-10-01 16:00", False, "2026-10-05 09:10"),  # Gandhi's birthday is a Friday
        ("2026-10-02 10:00", False, "2026-10-05 09:10"),
    ],
)
def test_a_schedule_follows_weekdays_and_holidays(now: str, due: bool, start: str) -> None:
    calendar, plan = TradingCalendar.load(), StrategySchedule()
    assert due_now(calendar, plan, moment(now)) is due
    assert f"{from_ns(next_start_ns(calendar, plan, moment(now))):%Y-%m-%d %H:%M}" == start


@pytest.mark.parametrize(
    ("start", "stop", "days"), [("10:00", "09:00", (0,)), ("9", "10:00", (0,)), ("09:00", "10:00", ())]
)
def test_no_schedule(start: str, stop: str, days: tuple[int, ...]) -> None:
    with pytest.raises(InputError):
        next_start_ns(TradingCalendar.load(), StrategySchedule(start, stop, days), 0)
