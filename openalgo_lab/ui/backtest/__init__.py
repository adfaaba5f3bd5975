"""Backtests to look at: the tear sheet, the map of a sweep, the explorer."""

from openalgo_lab.ui.backtest.explorer import BacktestExplorer
from openalgo_lab.ui.backtest.page import show_backtest
from openalgo_lab.ui.backtest.sheet import TearSheet
from openalgo_lab.ui.backtest.sweep_map import SweepMap

__all__ = ["BacktestExplorer", "SweepMap", "TearSheet", "show_backtest"]
