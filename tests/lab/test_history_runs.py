"""Backtests and sweeps take their candles from the lake; workers read it themselves."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from openalgo_lab import Lab
from tests.lab.strategies import Cross
from tests.support.lake_readers import check_readers

SPAN = ("15m", "2026-09-01", "2026-09-10")


def test_two_processes_read_while_a_third_appends(tmp_path: Path) -> None:
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        check_readers(pool, tmp_path)


def test_a_backtest_of_a_span_is_that_of_its_frame(lab: Lab) -> None:
    of_span = lab.backtest(Cross, SPAN, symbol="SBIN", fast=5, slow=20)
    of_frame = lab.backtest(Cross, lab.history("SBIN", *SPAN), fast=5, slow=20)
    assert len(of_span.trades)
    assert of_span.trades.equals(of_frame.trades)


def test_a_sweep_of_a_span_is_that_of_its_frame(lab: Lab) -> None:
    choices = {"fast": [3, 5, 8], "slow": [20, 30]}
    of_span = lab.sweep(Cross, SPAN, symbol="SBIN", progress=False, **choices)
    of_frame = lab.sweep(Cross, lab.history("SBIN", *SPAN), progress=False, **choices)
    assert of_span.frame.equals(of_frame.frame)
