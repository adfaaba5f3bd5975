"""Open interest over time: totals only of whole chains, rows a quarter of a minute, replays that go back."""

from __future__ import annotations

from datetime import date
from types import SimpleNamespace
from typing import Any

import numpy as np

from openalgo_lab.ui.options.tracker import OiTracker

EXPIRY = date(2026, 12, 1)


def look(calls: float, puts: float, *, known: int = 10) -> Any:
    def side(value: float) -> dict[str, np.ndarray]:
        return {"oi": np.where(np.arange(10) < known, value, np.nan)}

    contracts = SimpleNamespace(underlying="NIFTY", expiry=EXPIRY, calls=[object()] * 10, puts=[object()] * 10)
    return SimpleNamespace(contracts=contracts, reading=SimpleNamespace(calls=side(calls), puts=side(puts)))


def test_rows_are_a_quarter_of_a_minute_apart_and_the_last_is_the_present() -> None:
    tracker = OiTracker()
    for second in range(0, 61, 5):
        tracker.note(look(100.0 + second, 200.0), float(second))
    times, columns = tracker.columns(EXPIRY)
    assert times.tolist() == [0.0, 15e3, 30e3, 45e3, 60e3]
    assert columns["calls"][-1] == 10 * 160.0
    assert columns["pcr"][0] == 2.0


def test_half_a_chain_is_no_total() -> None:
    tracker = OiTracker()
    tracker.note(look(1.0, 1.0, known=4), 0.0)
    assert len(tracker.columns(EXPIRY)[0]) == 0


def test_a_replay_that_goes_back_begins_anew() -> None:
    tracker = OiTracker()
    for second in (100.0, 120.0, 10.0):
        tracker.note(look(1.0, 1.0), second)
    assert tracker.columns(EXPIRY)[0].tolist() == [10e3]
    assert len(tracker.columns(date(2030, 1, 1))[0]) == 0
