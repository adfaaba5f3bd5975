"""One strategy object, from backtest to live: what it is told, what it may ask, and the orders it gives."""

from __future__ import annotations

from openalgo_lab.strategy.legs import Leg, LegGroup
from openalgo_lab.strategy.orders import Position, StrategyOrder
from openalgo_lab.strategy.series import Bar, BarData, Series
from openalgo_lab.strategy.signals import (
    ENTER_LONG,
    ENTER_SHORT,
    EXIT,
    HOLD,
    SignalStrategy,
    crossed_above,
    crossed_below,
)
from openalgo_lab.strategy.strategy import Strategy

__all__ = [
    "ENTER_LONG",
    "ENTER_SHORT",
    "EXIT",
    "HOLD",
    "Bar",
    "BarData",
    "Leg",
    "LegGroup",
    "Position",
    "Series",
    "SignalStrategy",
    "Strategy",
    "StrategyOrder",
    "crossed_above",
    "crossed_below",
]
