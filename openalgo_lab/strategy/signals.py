"""Strategies that are a function from bars to signals: the same one runs bar by bar and through the vector kernel."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from openalgo_lab.model.market import Bars
from openalgo_lab.strategy.host import Indicator
from openalgo_lab.strategy.series import COLUMNS, Bar
from openalgo_lab.strategy.strategy import Strategy

__all__ = ["ENTER_LONG", "ENTER_SHORT", "EXIT", "HOLD", "SignalStrategy", "crossed_above", "crossed_below"]

HOLD: Final = 0
ENTER_LONG: Final = 1
ENTER_SHORT: Final = -1
EXIT: Final = 2

SignalArray = npt.NDArray[np.int8]
BoolArray = npt.NDArray[np.bool_]
FloatArray = npt.NDArray[np.float64]


def crossed_above(left: FloatArray, right: FloatArray | float) -> BoolArray:
    """Where ``left`` is above ``right`` and was not one bar before (both known there)."""
    out = np.zeros(len(left), dtype=np.bool_)
    before = right[:-1] if isinstance(right, np.ndarray) else right
    now = right[1:] if isinstance(right, np.ndarray) else right
    np.logical_and(left[1:] > now, left[:-1] <= before, out=out[1:])  # comparisons with NaN are false
    return out


def crossed_below(left: FloatArray, right: FloatArray | float) -> BoolArray:
    """Where ``left`` is below ``right`` and was not one bar before (both known there)."""
    out = np.zeros(len(left), dtype=np.bool_)
    before = right[:-1] if isinstance(right, np.ndarray) else right
    now = right[1:] if isinstance(right, np.ndarray) else right
    np.logical_and(left[1:] < now, left[:-1] >= before, out=out[1:])
    return out


class SignalStrategy(Strategy):
    """A strategy that is one pure function, :meth:`signals`; sweeps run it through the compiled kernel.

    A signal at a bar's close becomes a market order for the next bar's open. ``size`` units an entry, or if 0 the
    share ``exposure`` of the equity. ``stop_pct``, ``target_pct`` and ``trail_pct`` are per cent of the entry, 0 =
    none.
    """

    size = 0
    exposure = 0.95
    stop_pct = 0.0
    target_pct = 0.0
    trail_pct = 0.0

    def signals(self, bars: Bars) -> SignalArray:
        """One of HOLD, ENTER_LONG, ENTER_SHORT, EXIT for each bar. Value i may rest on bars up to i only."""
        raise NotImplementedError(f"{type(self).__name__} must say its signals: define signals(self, bars).")

    def shared(self, function: Indicator, *inputs: Any, **options: Any) -> Any:
        """``function(*inputs, **options)`` of the bars' columns, for use in :meth:`signals`: a sweep computes it once
        for all runs that ask for the same.
        """
        return self._host.shared(function, inputs, options)

    def init(self) -> None:
        columns = (self.data.start, *(getattr(self.data, name) for name in COLUMNS))
        self._signals = self.indicator(self._derived, *columns)

    def on_bar(self, bar: Bar) -> None:  # noqa: ARG002
        """Turn this bar's signal into an order."""
        signal = int(self._signals[-1])
        if signal == HOLD:
            return
        held = self.position.quantity
        if signal == EXIT:
            self.close()
        elif signal == ENTER_LONG and held <= 0:
            self._enter(1)
        elif signal == ENTER_SHORT and held >= 0:
            self._enter(-1)

    def entry_size(self) -> int:
        """Units of an entry now, in whole lots."""
        if self.size == 0:
            return self._host.units_for(self.data.symbol, self.exposure)
        lot = self.data.instrument.lot_size
        return self.size // lot * lot

    def _enter(self, sign: int) -> None:
        units = self.entry_size()
        if units == 0:
            self.close()
            return
        self.target(sign * units, stop_pct=self.stop_pct, target_pct=self.target_pct, trail_pct=self.trail_pct)

    def _derived(self, *columns: npt.NDArray[Any]) -> SignalArray:
        return self.signals(Bars(*columns))
