"""What a strategy needs of whoever runs it: backtest, replay, sandbox and live each are such a host."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import time
from typing import Any, Protocol

import numpy.typing as npt

from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.vocabulary import OptionType, PriceType, Side
from openalgo_lab.strategy.orders import Protection, StrategyOrder
from openalgo_lab.strategy.series import BarData, Series

__all__ = ["Indicator", "StrategyHost"]

Indicator = Callable[..., "npt.NDArray[Any] | tuple[npt.NDArray[Any], ...]"]
"""Arrays in, an array of the same length out, or several. Value i must rest on inputs up to i only."""


class StrategyHost(Protocol):
    """Supplies the clock, the bars and the fills. Money in rupees, quantities in units, times UTC ns."""

    @property
    def data(self) -> Mapping[str, BarData]:
        """The bars of every instrument that is followed, by symbol, in the order of the universe."""
        ...

    @property
    def now_ns(self) -> int:
        """The present."""
        ...

    @property
    def cash(self) -> float:
        """Money that is not in positions."""
        ...

    @property
    def equity(self) -> float:
        """Cash and positions at the last prices."""
        ...

    @property
    def working(self) -> Sequence[StrategyOrder]:
        """Orders that may still be filled, oldest first."""
        ...

    def units_for(self, symbol: str, exposure: float) -> int:
        """Units, in whole lots, that a share of the equity carries at the last price and the account's margin."""
        ...

    def submit(
        self,
        symbol: str,
        side: Side,
        quantity: int,
        price_type: PriceType,
        *,
        price: float,
        trigger: float,
        protection: Protection,
        good_till_cancelled: bool,
        tag: str,
    ) -> StrategyOrder:
        """Give an order. What cannot be an order at all raises InputError; a refusal is a status."""
        ...

    def cancel(self, order: StrategyOrder) -> None:
        """Take an order back; one that is done stays as it is."""
        ...

    def protect(self, symbol: str, protection: Protection) -> None:
        """Replace the levels that guard the present position."""
        ...

    def derive(self, function: Indicator, inputs: Sequence[Series]) -> tuple[Series, ...]:
        """Columns computed from columns, kept up to date bar by bar."""
        ...

    def shared(self, function: Indicator, inputs: tuple[Any, ...], options: Mapping[str, Any]) -> Any:
        """What a function of columns gives; runs on the same bars may share it."""
        ...

    def call_daily(self, at: time, name: str) -> None:
        """Call ``on_timer(name)`` on every trading day at this time of day in India."""
        ...

    def option(self, underlying: str, kind: OptionType, offset: int, expiry: int) -> Instrument:
        """A listed contract: ``offset`` strikes out of the money (negative: in), ``expiry`` 0 the nearest. It is
        followed from now on. Raises InputError when that day's list has none.
        """
        ...
