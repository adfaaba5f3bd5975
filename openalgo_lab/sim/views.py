"""The market source's columns as the integers that matching works with."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.market import TickBatch
from openalgo_lab.sim.market import MarketSource
from openalgo_lab.sim.matching import PRICE_SCALE, View

__all__ = ["last_price", "views"]

FloatArray = npt.NDArray[np.float64]


def _integers(values: FloatArray, scale: int = 1) -> list[int]:
    """Rounded; 0 for what is not known."""
    found: list[int] = np.nan_to_num(np.rint(values * scale)).astype(np.int64).tolist()
    return found


def views(market: MarketSource, tokens: Sequence[int], now_ns: int, *, depth: bool = True) -> list[View]:
    """The market of these tokens now, in the same order; without ``depth`` one level at most."""
    batch = market.snapshot(np.asarray(tokens, dtype=np.int64), now_ns, depth=depth)
    ltp = _integers(_column(batch, "ltp"), PRICE_SCALE)
    volume = _integers(_column(batch, "volume"))
    closes = _integers(_column(batch, "prev_close"), PRICE_SCALE)
    sides = [(_levels(batch, i, 0), _levels(batch, i, 2)) for i in range(len(ltp))]
    return [
        View(price, traded, bids, asks, close)
        for price, traded, close, (bids, asks) in zip(ltp, volume, closes, sides, strict=True)
    ]


def last_price(market: MarketSource, instrument: Instrument) -> int:
    """The last price of one instrument in ten-thousandths of a rupee; 0 when none is known."""
    batch = market.snapshot(np.asarray([instrument.token], dtype=np.int64), market.now_ns(), depth=False)
    return _integers(_column(batch, "ltp"), PRICE_SCALE)[0]


def _column(batch: TickBatch, name: str) -> FloatArray:
    found = batch.columns.get(name)
    return np.full(len(batch.tokens), np.nan) if found is None else found


def _levels(batch: TickBatch, row: int, first: int) -> tuple[tuple[int, int], ...]:
    """Levels of one side, best first; a source without depth shows its best bid and ask as the only level."""
    if batch.depth is None:
        names = ("bid", "bid_qty") if first == 0 else ("ask", "ask_qty")
        prices, quantities = (_column(batch, name)[row : row + 1] for name in names)
    else:
        prices, quantities = batch.depth[row, first], batch.depth[row, first + 1]
    pairs = zip(_integers(prices, PRICE_SCALE), _integers(quantities), strict=True)
    return tuple((price, quantity) for price, quantity in pairs if price > 0 and quantity > 0)
