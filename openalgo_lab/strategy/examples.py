"""Strategies to begin with: read them, run them, change them. None of them is advice."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from openalgo_lab.indicators import rsi, sma
from openalgo_lab.indicators.loops import first_known, rolling_max, rolling_min
from openalgo_lab.model.market import Bars
from openalgo_lab.strategy.series import Bar
from openalgo_lab.strategy.signals import ENTER_LONG, ENTER_SHORT, EXIT, SignalStrategy, crossed_above, crossed_below
from openalgo_lab.strategy.strategy import Strategy

__all__ = ["EXAMPLES", "ChannelBreakout", "OpeningRange", "RsiReversal", "SmaCross"]

SignalArray = npt.NDArray[np.int8]


class SmaCross(SignalStrategy):
    """Long while the fast average lies above the slow one."""

    fast = 10
    slow = 30

    def signals(self, bars: Bars) -> SignalArray:
        """Enter and leave where the averages cross."""
        fast, slow = self.shared(sma, bars.close, self.fast), self.shared(sma, bars.close, self.slow)
        out = np.zeros(len(bars), dtype=np.int8)
        out[crossed_above(fast, slow)] = ENTER_LONG
        out[crossed_below(fast, slow)] = EXIT
        return out


class ChannelBreakout(SignalStrategy):
    """Long above the highest, short below the lowest price of ``length`` bars (Donchian's channel)."""

    length = 20

    def signals(self, bars: Bars) -> SignalArray:
        """A close beyond the channel of the bars before."""
        start = first_known(bars.high, bars.low)
        top = self.shared(rolling_max, bars.high, self.length, start)
        bottom = self.shared(rolling_min, bars.low, self.length, start)
        out = np.zeros(len(bars), dtype=np.int8)
        out[1:][bars.close[1:] > top[:-1]] = ENTER_LONG
        out[1:][bars.close[1:] < bottom[:-1]] = ENTER_SHORT
        return out


class RsiReversal(SignalStrategy):
    """Buys what has fallen too fast, leaves when it has recovered."""

    length = 14
    low = 30.0
    high = 55.0

    def signals(self, bars: Bars) -> SignalArray:
        """Enter as the RSI comes back over ``low``, leave as it passes ``high``."""
        strength = self.shared(rsi, bars.close, self.length)
        out = np.zeros(len(bars), dtype=np.int8)
        out[crossed_above(strength, self.low)] = ENTER_LONG
        out[crossed_above(strength, self.high)] = EXIT
        return out


class OpeningRange(Strategy):
    """Trades the first break of the day's opening range, once a day, with a stop and a target."""

    minutes = 30
    quantity = 100
    stop_pct = 0.5
    target_pct = 1.0

    def init(self) -> None:
        self._day = ""
        self._top = self._bottom = 0.0
        self._traded = False

    def on_bar(self, bar: Bar) -> None:
        """Build the range, then wait for a close beyond it."""
        day = f"{bar.time:%Y-%m-%d}"
        if day != self._day:
            self._day, self._traded = day, False
            self._top, self._bottom = bar.high, bar.low
            self._until = bar.start_ns + self.minutes * 60 * 10**9
        elif bar.start_ns < self._until:
            self._top, self._bottom = max(self._top, bar.high), min(self._bottom, bar.low)
        elif not self._traded and not self.position and not self._bottom <= bar.close <= self._top:
            self._traded = True
            enter = self.buy if bar.close > self._top else self.sell
            enter(self.quantity, stop_pct=self.stop_pct, target_pct=self.target_pct)


EXAMPLES: tuple[type[Strategy], ...] = (SmaCross, ChannelBreakout, RsiReversal, OpeningRange)
