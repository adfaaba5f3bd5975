"""Strategies that other processes can import."""

from __future__ import annotations

from typing import Any

import numpy as np

from openalgo_lab.indicators import sma
from openalgo_lab.model.market import Bars
from openalgo_lab.strategy import EXIT, SignalStrategy, Strategy, crossed_above, crossed_below


class Cross(SignalStrategy):
    fast = 5
    slow = 20

    def signals(self, bars: Bars) -> Any:
        fast, slow = self.shared(sma, bars.close, self.fast), self.shared(sma, bars.close, self.slow)
        return np.where(crossed_above(fast, slow), 1, np.where(crossed_below(fast, slow), EXIT, 0)).astype(np.int8)


class SlowCross(Strategy):
    """The same, bar by bar."""

    fast = 5
    slow = 20

    def init(self) -> None:
        self.quick = self.indicator(sma, self.data.close, self.fast)
        self.calm = self.indicator(sma, self.data.close, self.slow)

    def on_bar(self, bar: Any) -> None:
        if len(self.data) < 2:
            return
        if self.quick[-1] > self.calm[-1] and self.quick[-2] <= self.calm[-2]:
            self.target(100)
        elif self.quick[-1] < self.calm[-1] and self.quick[-2] >= self.calm[-2]:
            self.close()
