"""Indicators: arrays in, arrays of the same length out; NaN where a value is not known yet.

Everything here takes lists, arrays or pandas Series. In a strategy: ``self.indicator(sma, self.data.close, 20)``.
"""

from __future__ import annotations

from openalgo_lab.indicators.averages import dema, ema, hma, kama, rma, sma, t3, tema, trima, vwma, wma, zlema
from openalgo_lab.indicators.strength import rsi

__all__ = ["dema", "ema", "hma", "kama", "rma", "rsi", "sma", "t3", "tema", "trima", "vwma", "wma", "zlema"]
