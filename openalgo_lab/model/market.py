"""Market data: quotes, depth, candles, and batches of ticks in columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import msgspec

from openalgo_lab.model.vocabulary import Exchange

if TYPE_CHECKING:
    # The columns are made elsewhere: who only speaks of quotes and orders need not wait for NumPy.
    import numpy as np
    import numpy.typing as npt

__all__ = ["DEPTH_LEVELS", "QUOTE_FIELDS", "Bars", "Candle", "Depth", "DepthLevel", "Quote", "TickBatch"]

DEPTH_LEVELS = 5

QUOTE_FIELDS = (
    "ltp",
    "bid",
    "ask",
    "bid_qty",
    "ask_qty",
    "open",
    "high",
    "low",
    "prev_close",
    "volume",
    "oi",
    "prev_oi",
    "ltq",
    "average",
)
"""The board's float64 columns, in this order everywhere. NaN = not known (never 0 for "not known")."""

FloatArray: TypeAlias = "npt.NDArray[np.float64]"


class Quote(msgspec.Struct, frozen=True):
    """One instrument's market now. Rupees and units; NaN = not known; ``time_ns`` UTC of the last change, 0 = none."""

    exchange: Exchange
    symbol: str
    ltp: float
    bid: float
    ask: float
    bid_qty: float
    ask_qty: float
    open: float
    high: float
    low: float
    prev_close: float
    volume: float
    oi: float
    prev_oi: float
    ltq: float
    average: float
    time_ns: int

    @property
    def change(self) -> float:
        """Rupees against the previous close."""
        return self.ltp - self.prev_close

    @property
    def change_pct(self) -> float:
        """Per cent against the previous close; NaN without one."""
        return self.change / self.prev_close * 100 if self.prev_close else float("nan")


class DepthLevel(msgspec.Struct, frozen=True):
    """One price level of the book."""

    price: float
    quantity: int
    orders: int = 0


class Depth(msgspec.Struct, frozen=True):
    """Five levels a side, best first; fewer where the book is thin."""

    exchange: Exchange
    symbol: str
    bids: tuple[DepthLevel, ...]
    asks: tuple[DepthLevel, ...]
    time_ns: int


class Candle(msgspec.Struct, frozen=True):
    """One bar; ``start_ns`` is the UTC ns of its first moment."""

    start_ns: int
    open: float
    high: float
    low: float
    close: float
    volume: float
    oi: float = 0.0


class Bars(msgspec.Struct, frozen=True):
    """Candles in columns: ``start_ns`` int64 ascending and unique (UTC ns), the rest float64 of the same length."""

    start_ns: npt.NDArray[np.int64]
    open: FloatArray
    high: FloatArray
    low: FloatArray
    close: FloatArray
    volume: FloatArray
    oi: FloatArray

    def __len__(self) -> int:
        return len(self.start_ns)


class TickBatch(msgspec.Struct, frozen=True):
    """Ticks of one frame, in columns.

    ``tokens`` int64 (n,) are the broker's instrument tokens. ``columns`` maps a name of :data:`QUOTE_FIELDS` to
    float64 (n,); a missing name leaves the board's value. ``depth``, if given, is float64 (n, 4, 5): bid price,
    bid quantity, ask price, ask quantity by level, NaN where the book is thin. ``time_ns`` int64 (n,) is the
    exchange's time, in UTC; a codec puts 0 where the broker tells none, and the feed then the moment of arrival.
    A token may stand more than once: later rows win.
    """

    tokens: npt.NDArray[np.int64]
    time_ns: npt.NDArray[np.int64]
    columns: dict[str, FloatArray]
    depth: FloatArray | None = None
