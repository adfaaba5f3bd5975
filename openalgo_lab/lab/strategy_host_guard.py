"""What guards a running strategy's position: the backtest's levels, looked at with every price."""

from __future__ import annotations

import math
from typing import Final

from openalgo_lab.backtest.kernel import REASONS, stop_level, target_level, to_tick, trail_level
from openalgo_lab.backtest.market import tick_parts
from openalgo_lab.lab.strategy_host_state import SavedLevels
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.strategy.orders import Position, Protection, StrategyOrder
from openalgo_lab.strategy.series import BarData

__all__ = ["Guard", "cannot_order", "on_tick"]

_STOP: Final = REASONS.index("stop")
_TARGET: Final = REASONS.index("target")
_TRAIL: Final = REASONS.index("trail")


class Guard:
    """Levels of one position. A price at or beyond one asks for a market order; ``exit`` is the one that was given.

    A trailing stop moves when a bar is complete, as in the backtest. An exit that was refused is asked for again with
    the next bar, not with every price.
    """

    def __init__(self, position: Position, unit: float, step: float) -> None:
        self._position = position
        self._unit = unit
        self._step = step
        self.clear()

    def clear(self) -> None:
        """Nothing is guarded."""
        self.levels = Protection()
        self.stop = self.target = self.best = math.nan
        self.trailed = False
        self.exit: StrategyOrder | None = None

    def set(self, levels: Protection) -> None:
        """Guard the present position: prices as given, percentages from its average price."""
        self.clear()
        if not self._position.quantity or levels == Protection():
            return
        entry, sign, unit, step = self._position.average, self._sign, self._unit, self._step
        self.levels = levels
        self.stop = levels.stop or stop_level(entry, sign, levels.stop_pct, unit, step)
        self.target = levels.target or target_level(entry, sign, levels.target_pct, unit, step)
        if levels.trail_pct:
            self.best = entry
            self._tighten()

    def reached(self, price: float) -> int | None:
        """Why the position must be left at this price (a number of REASONS); None while it may stay."""
        if not self._position.quantity or self.exit is not None or math.isnan(price):
            return None
        sign = self._sign
        if not math.isnan(self.stop) and sign * (price - self.stop) <= 0:
            return _TRAIL if self.trailed else _STOP
        return _TARGET if not math.isnan(self.target) and sign * (price - self.target) >= 0 else None

    def bar(self, data: BarData) -> None:
        """A bar is complete: the trailing stop follows its best price, and a refused exit may be asked for again."""
        if self.exit is not None and self.exit.is_done:
            self.exit = None
        if not self._position.quantity or not self.levels.trail_pct:
            return
        high, low = data.high[-1], data.low[-1]
        self.best = max(self.best, high) if self._sign > 0 else min(self.best, low)
        self._tighten()

    @property
    def armed(self) -> bool:
        """Whether there is a level."""
        return self.levels != Protection()

    def kept(self) -> SavedLevels:
        """The levels, for keeping."""
        return SavedLevels(self.levels, _known(self.stop), _known(self.target), _known(self.best), self.trailed)

    def take(self, kept: SavedLevels) -> None:
        """The levels again."""
        self.levels, self.trailed = kept.levels, kept.trailed
        self.stop, self.target, self.best = (
            math.nan if level is None else level for level in (kept.stop, kept.target, kept.best)
        )

    @property
    def _sign(self) -> int:
        return 1 if self._position.quantity > 0 else -1

    def _tighten(self) -> None:
        level = trail_level(self.best, self._sign, self.levels.trail_pct, self._unit, self._step)
        if not level * self._sign <= self.stop * self._sign:
            self.stop, self.trailed = level, True


def _known(level: float) -> float | None:
    return None if math.isnan(level) else level


def cannot_order(instrument: Instrument, quantity: int) -> str:
    """Why such an order can never be; empty when it can."""
    if not instrument.tradable:
        return f"{instrument.symbol} is an index and cannot be ordered."
    if quantity % instrument.lot_size:
        lot = instrument.lot_size
        return f"{quantity} is not a whole number of lots: {instrument.symbol} trades in lots of {lot}."
    return ""


def on_tick(instrument: Instrument, price: float, toward: int) -> float:
    """A price that a strategy has computed, rounded to the tick: towards -1 down, 1 up, 0 the nearest; 0 stays 0."""
    unit, step = tick_parts(instrument.tick_size)
    return to_tick(price, unit, step, toward) if price > 0 else 0.0
