"""History and live ticks as one series of candles, without a seam between them."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from openalgo_lab.model.commands import BarsReply
from openalgo_lab.model.market import Bars, Quote
from openalgo_lab.ui.chart.intervals import Interval

__all__ = ["Series", "bars_of", "sane"]

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

MOST_BARS = 1500
"""So many candles of one answer are kept."""


def bars_of(reply: BarsReply) -> Bars:
    """The candles of an answer, sanitised."""
    start = np.frombuffer(reply.start_ns, dtype="<i8").astype(np.int64)
    names = ("open", "high", "low", "close", "volume", "oi")
    return sane(Bars(start, *(np.frombuffer(getattr(reply, name), dtype="<f8").astype(np.float64) for name in names)))


def sane(bars: Bars) -> Bars:
    """Ascending, one candle a start (the later wins), none with a missing price, high and low clamped to hold
    open and close: a single bad candle blanks a whole chart.
    """
    prices = np.stack([bars.open, bars.high, bars.low, bars.close])
    good = np.isfinite(prices).all(axis=0) & (prices > 0).all(axis=0)
    order = np.flatnonzero(good)[np.argsort(bars.start_ns[good], kind="stable")]
    start = bars.start_ns[order]
    last_of_start = np.append(start[1:] != start[:-1], True) if len(start) else np.empty(0, dtype=bool)
    order = order[last_of_start]
    opened, high, low, close = prices[:, order]
    return Bars(
        start_ns=bars.start_ns[order],
        open=opened,
        high=np.maximum(high, np.maximum(opened, close)),
        low=np.minimum(low, np.minimum(opened, close)),
        close=close,
        volume=np.nan_to_num(bars.volume[order]),
        oi=bars.oi[order],
    )


class Series:
    """Candles of one contract and interval; the last one grows with the ticks. Not thread-safe: its owner holds a lock.

    Candles are numbered: the first that was loaded is 0, older ones that come later are negative.
    """

    def __init__(self, interval: Interval) -> None:
        self.interval = interval
        self.first = 0
        """Number of the oldest candle."""
        self.loaded = False
        self._start: IntArray = np.empty(0, dtype=np.int64)
        self._table: FloatArray = np.empty((5, 0))
        self._volume_before = math.nan
        """The day's volume before the last candle began, by the feed's count."""

    def __len__(self) -> int:
        return len(self._start)

    @property
    def end(self) -> int:
        """Number after the newest candle."""
        return self.first + len(self)

    @property
    def start_ns(self) -> IntArray:
        """First moments, UTC ns."""
        return self._start

    @property
    def table(self) -> FloatArray:
        """Open, high, low, close, volume: float64 (5, n)."""
        return self._table

    @property
    def last_close(self) -> float:
        """The newest price; NaN without a candle."""
        return float(self._table[3, -1]) if len(self) else math.nan

    def number_of(self, time_ns: int) -> int | None:
        """Number of the candle that holds a moment; None when it lies before the first."""
        at = int(np.searchsorted(self._start, time_ns, side="right")) - 1
        return self.first + at if at >= 0 else None

    def load(self, bars: Bars, quote: Quote | None) -> None:
        """Begin with history; ``quote`` of that moment joins the live volume to the last candle's."""
        self.first, self.loaded = 0, True
        self._start, self._table = _cut(bars)
        self._volume_before = math.nan
        if quote is not None and len(self):
            current = self.interval.start_of(quote.time_ns, int(self._start[-1])) == self._start[-1]
            self._volume_before = quote.volume - (self._table[4, -1] if current else 0.0)

    def prepend(self, bars: Bars) -> int:
        """Older candles in front; answers with how many were new."""
        end = int(np.searchsorted(bars.start_ns, self._start[0])) if len(self) else len(bars)
        start, table = _cut(bars, end)
        self._start = np.concatenate([start, self._start])
        self._table = np.concatenate([table, self._table], axis=1)
        self.first -= len(start)
        return len(start)

    def amend(self, bars: Bars) -> bool:
        """Replace finished candles by what history says of them; the growing one stays. True if any differed."""
        changed = False
        for at, start in enumerate(bars.start_ns.tolist()):
            here = int(np.searchsorted(self._start, start))
            if here >= len(self) - 1 or self._start[here] != start:
                continue
            row = [column[at] for column in (bars.open, bars.high, bars.low, bars.close, bars.volume)]
            if not np.array_equal(self._table[:, here], row):
                self._table[:, here] = row
                changed = True
        return changed

    def tick(self, quote: Quote) -> bool | None:
        """Take a tick: True when it began a new candle, False when it changed the last, None when neither."""
        price = quote.ltp
        if not self.loaded or not price > 0 or not quote.time_ns:
            return None
        anchor = int(self._start[-1]) if len(self) else None
        start = self.interval.start_of(quote.time_ns, anchor)
        if anchor is None or start > anchor:
            self._begin(start, quote)
            return True
        if start < anchor:
            return None  # a late tick of a candle that history has settled
        return False if self._grow(quote) else None

    def _begin(self, start: int, quote: Quote) -> None:
        # Without a feed's count before this candle, what was traded in it until now is not known: begin at nothing.
        known = not math.isnan(self._volume_before) and len(self)
        if self.interval.seconds == 0:
            self._volume_before = 0.0  # the feed counts by day
        else:
            self._volume_before = self._volume_before + self._table[4, -1] if known else quote.volume
        volume = max(quote.volume - self._volume_before, 0.0)
        if math.isnan(volume) or (known and quote.volume < self._volume_before):  # a new day's count
            volume = 0.0
            self._volume_before = quote.volume
        column = np.array([[quote.ltp]] * 4 + [[volume]])
        self._start = np.append(self._start, start)
        self._table = np.concatenate([self._table, column], axis=1)

    def _grow(self, quote: Quote) -> bool:
        last = self._table[:, -1]
        before = last.copy()
        last[1], last[2], last[3] = max(last[1], quote.ltp), min(last[2], quote.ltp), quote.ltp
        if math.isnan(self._volume_before):
            self._volume_before = quote.volume - last[4]
        elif quote.volume >= self._volume_before:
            last[4] = max(quote.volume - self._volume_before, last[4])
        return not np.array_equal(before, last)


def _cut(bars: Bars, end: int | None = None) -> tuple[IntArray, FloatArray]:
    """The newest candles before place ``end``, as copies."""
    table = np.stack([bars.open, bars.high, bars.low, bars.close, bars.volume])[:, :end]
    return bars.start_ns[:end][-MOST_BARS:].copy(), table[:, -MOST_BARS:].copy()
