"""The terms of a backtest: money, product, costs, how orders are filled."""

from __future__ import annotations

from datetime import time
from typing import Final

import msgspec

from openalgo_lab.model.errors import InputError
from openalgo_lab.model.vocabulary import Product

__all__ = ["NO_CHARGES", "NO_SLIPPAGE", "BacktestSettings", "FlatCharges", "PlanCharges", "Slippage"]


class Slippage(msgspec.Struct, frozen=True):
    """What orders that take the market (market, stop, square-off) lose against the price they aim at.

    ``percent`` of the price, ``rupees`` a unit, and ``impact``: per cent that an order as large as the bar's whole
    volume moves the price, by the square root of its share of it. Added up, then rounded to the tick
    against the trader.
    """

    percent: float = 0.0
    rupees: float = 0.0
    impact: float = 0.0

    def __post_init__(self) -> None:
        if min(self.percent, self.rupees, self.impact) < 0:
            raise InputError("Slippage is a loss: give numbers that are not negative.", field="slippage")


class FlatCharges(msgspec.Struct, frozen=True, tag="flat"):
    """Charges without a market's rules: ``percent`` of an order's value and ``rupees`` an order."""

    percent: float = 0.0
    rupees: float = 0.0


class PlanCharges(msgspec.Struct, frozen=True, tag="plan"):
    """India's taxes, fees and stamp of the trade date, and a broker's fee by the name of its plan in brokerage.json."""

    plan: str = "discount.zero-delivery"


NO_SLIPPAGE: Final = Slippage()
NO_CHARGES: Final = FlatCharges()


class BacktestSettings(msgspec.Struct, frozen=True):
    """Terms of a run.

    ``cash`` in rupees. ``leverage`` divides the value that positions must be covered by (derivatives are margined by
    their own rules where ``derivative_margin`` is on). ``volume_share`` is the largest part of a bar's volume that is
    filled, 0 = all at once. ``product`` CNC sells no share that is not held; MIS is squared off: at ``square_off``
    (India), or by the dated table. ``tick_rounding`` off keeps prices as computed (data of other markets). ``guard``
    checks every indicator for values that rest on the future.
    """

    cash: float = 10_00_000.0
    product: Product = Product.CNC
    leverage: float = 1.0
    charges: PlanCharges | FlatCharges = msgspec.field(default_factory=PlanCharges)
    slippage: Slippage = NO_SLIPPAGE
    volume_share: float = 0.0
    square_off: time | None = None
    tick_rounding: bool = True
    derivative_margin: bool = True
    guard: bool = True

    def __post_init__(self) -> None:
        if not self.cash > 0:
            raise InputError(f"A run cannot start with {self.cash} rupees: give a positive sum.", field="cash")
        if not self.leverage >= 1:
            raise InputError(f"A leverage of {self.leverage} is none: give 1 or more.", field="leverage")
        if not 0 <= self.volume_share <= 1:
            raise InputError("The share of a bar's volume lies between 0 and 1.", field="volume_share")
