"""A live board as the market of a venue: prices and depth as they are shown, with the sandbox's slippage."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from openalgo_lab.model.errors import InputError
from openalgo_lab.model.instruments import Instrument, InstrumentKey
from openalgo_lab.model.market import DEPTH_LEVELS, Bars, Depth, Quote, TickBatch
from openalgo_lab.model.sandbox import SandboxSettings
from openalgo_lab.model.vocabulary import Exchange
from openalgo_lab.sim.sandbox.names import LazyCatalogue

__all__ = ["BoardMarket", "Prices"]

PLENTY = 10**9
"""Units behind a price whose quantity the source does not tell."""

_COLUMNS = ("ltp", "volume", "prev_close", "bid", "ask", "bid_qty", "ask_qty")


class Prices(Protocol):
    """Where prices are read: the engine's board."""

    def quote(self, key: InstrumentKey) -> Quote | None:
        """The newest quote; None when no tick has come."""

    def depth(self, key: InstrumentKey) -> Depth | None:
        """The newest five levels; None when none has come."""


class BoardMarket:
    """A :class:`~openalgo_lab.sim.market.MarketSource` over a board. ``is_open`` answers for an exchange and moment."""

    def __init__(
        self,
        prices: Prices,
        settings: SandboxSettings,
        now_ns: Callable[[], int],
        is_open: Callable[[Exchange, int], bool],
    ) -> None:
        self._prices = prices
        self._settings = settings
        self._now_ns = now_ns
        self._is_open = is_open
        self.catalogue: LazyCatalogue | None = None

    def instruments(self) -> Sequence[Instrument]:
        """None ahead: they are looked up as they are met."""
        return ()

    def now_ns(self) -> int:
        """The engine's market clock."""
        return self._now_ns()

    def is_open(self, exchange: Exchange, now_ns: int) -> bool:
        """Whether continuous trading runs."""
        return self._is_open(exchange, now_ns)

    def snapshot(self, tokens: npt.NDArray[np.int64], now_ns: int, *, depth: bool) -> TickBatch:  # noqa: ARG002
        """What the board shows of these now; NaN where it shows nothing."""
        count = len(tokens)
        columns = {name: np.full(count, np.nan) for name in _COLUMNS}
        levels = np.full((count, 4, DEPTH_LEVELS), np.nan)
        times = np.zeros(count, dtype=np.int64)
        for row, token in enumerate(tokens.tolist()):
            assert self.catalogue is not None
            key = self.catalogue.name(token)
            quote = self._prices.quote(key)
            if quote is None:
                continue
            times[row] = quote.time_ns
            for name in _COLUMNS:
                columns[name][row] = getattr(quote, name)
            levels[row] = self._levels(quote, self._prices.depth(key), self._tick(token))
            for name, side in (("bid", 0), ("ask", 2)):
                columns[name][row], columns[f"{name}_qty"][row] = levels[row, side, 0], levels[row, side + 1, 0]
        return TickBatch(tokens, times, columns, levels if depth else None)

    def history(self, instrument: Instrument, _interval: str, _start_ns: int, _end_ns: int) -> Bars:
        """None of its own: candles come from the data source."""
        raise InputError(
            f"The sandbox keeps no candles: those of {instrument.key} come from the account of the prices."
        )

    def _levels(self, quote: Quote, depth: Depth | None, tick: float) -> npt.NDArray[np.float64]:
        found = np.full((4, DEPTH_LEVELS), np.nan)
        for side, sign in ((0, -1), (2, 1)):
            shown = (depth.bids if side == 0 else depth.asks) if depth is not None else ()
            pairs = [(level.price, level.quantity) for level in shown if level.price > 0 and level.quantity > 0]
            if not pairs:
                pairs = self._one_level(quote, side)
            worse = sign * tick * self._settings.slippage_ticks
            for at, (price, quantity) in enumerate(pairs[:DEPTH_LEVELS]):
                found[side, at] = max(price + worse, tick)
                found[side + 1, at] = max(math.floor(quantity * self._settings.depth_factor), 1)
        return found

    @staticmethod
    def _one_level(quote: Quote, side: int) -> list[tuple[float, int]]:
        """Without depth: the best price, or the last one where the source tells no best."""
        price, quantity = (quote.bid, quote.bid_qty) if side == 0 else (quote.ask, quote.ask_qty)
        if not price > 0:
            price, quantity = quote.ltp, math.nan
        if not price > 0:
            return []
        return [(price, int(quantity) if quantity > 0 else PLENTY)]

    def _tick(self, token: int) -> float:
        assert self.catalogue is not None
        listed = self.catalogue.get(token)
        return listed.tick_size if listed is not None else 0.05
