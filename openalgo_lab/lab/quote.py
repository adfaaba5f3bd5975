"""Live market data: a quote, several, and a book of five levels. They follow the board by themselves."""

from __future__ import annotations

import math
import weakref
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from openalgo_lab.lab.frames import frame_of, ist_times
from openalgo_lab.lab.shown import Cell, Shown, amount, text_table
from openalgo_lab.model.instruments import Instrument, InstrumentKey
from openalgo_lab.model.market import Depth, DepthLevel, Quote
from openalgo_lab.model.times import format_ist, from_ns
from openalgo_lab.model.vocabulary import FeedMode

if TYPE_CHECKING:
    import pandas as pd

    from openalgo_lab.lab.core import LabCore

__all__ = ["LiveDepth", "LiveQuote", "LiveQuotes"]


class LiveQuote(Shown):
    """One instrument's market, now. Fields are NaN where they are not known (never 0 instead)."""

    def __init__(self, lab: LabCore, instrument: Instrument, first: Quote) -> None:
        self._lab = lab
        self._first = first
        self.instrument = instrument
        owner = lab._owner("quote")
        lab.handle.subscribe((instrument.key,), FeedMode.QUOTE, owner)
        weakref.finalize(self, lab.handle.unsubscribe, owner)

    @property
    def key(self) -> InstrumentKey:
        """Its instrument."""
        return self.instrument.key

    @property
    def now(self) -> Quote:
        """All fields as one immutable value."""
        found = self._lab._handle.board.quote(self.key)
        return found if found is not None and found.time_ns >= self._first.time_ns else self._first

    @property
    def ltp(self) -> float:
        """Last traded price, rupees."""
        return self.now.ltp

    @property
    def bid(self) -> float:
        """Best bid, rupees."""
        return self.now.bid

    @property
    def ask(self) -> float:
        """Best ask, rupees."""
        return self.now.ask

    @property
    def open(self) -> float:
        """First price of the day."""
        return self.now.open

    @property
    def high(self) -> float:
        """Highest price of the day."""
        return self.now.high

    @property
    def low(self) -> float:
        """Lowest price of the day."""
        return self.now.low

    @property
    def prev_close(self) -> float:
        """Yesterday's close."""
        return self.now.prev_close

    @property
    def volume(self) -> float:
        """Units traded today."""
        return self.now.volume

    @property
    def oi(self) -> float:
        """Open interest, units."""
        return self.now.oi

    @property
    def change(self) -> float:
        """Rupees against the previous close."""
        return self.now.change

    @property
    def change_pct(self) -> float:
        """Per cent against the previous close."""
        return self.now.change_pct

    @property
    def time(self) -> datetime | None:
        """When it last changed, on the Indian clock; None before the first tick."""
        at = self.now.time_ns
        return from_ns(at) if at else None

    def __repr__(self) -> str:
        now = self.now
        at = f", {format_ist(now.time_ns)}" if now.time_ns else ""
        return f"<Quote {self.key} {amount(now.ltp)} ({now.change:+.2f}, {now.change_pct:+.2f} %){at}>"

    def _table(self) -> tuple[str, Sequence[str], Sequence[Sequence[Cell]]]:
        return "", _HEADERS, [_row(self.now)]


class LiveQuotes(Shown, Sequence[LiveQuote]):
    """Several live quotes, in the order asked for; also by symbol: ``quotes["SBIN"]``."""

    def __init__(self, quotes: Sequence[LiveQuote]) -> None:
        self._quotes = tuple(quotes)

    def __len__(self) -> int:
        return len(self._quotes)

    def __getitem__(self, index: int | str | slice) -> LiveQuote:  # type: ignore[override]  # by symbol as well
        if isinstance(index, str):
            for quote in self._quotes:
                if index.upper() in (quote.key.symbol, str(quote.key)):
                    return quote
            raise KeyError(index)
        return self._quotes[index]  # type: ignore[return-value]  # a slice gives a tuple of them

    def __iter__(self) -> Iterator[LiveQuote]:
        return iter(self._quotes)

    @property
    def frame(self) -> pd.DataFrame:
        """All fields now, one row a symbol."""
        now = [quote.now for quote in self._quotes]
        names = [name for name in Quote.__struct_fields__ if name not in ("exchange", "symbol", "time_ns")]
        columns: dict[str, Sequence[object]] = {
            "symbol": [quote.symbol for quote in now],
            "exchange": [quote.exchange.value for quote in now],
            **{name: [getattr(quote, name) for quote in now] for name in names},
            "change_pct": [quote.change_pct for quote in now],
        }
        frame = frame_of(columns, "symbol")
        frame["time"] = ist_times([quote.time_ns for quote in now])
        return frame

    def __repr__(self) -> str:
        return text_table(_HEADERS, [_row(quote.now) for quote in self._quotes])

    def _table(self) -> tuple[str, Sequence[str], Sequence[Sequence[Cell]]]:
        return "", _HEADERS, [_row(quote.now) for quote in self._quotes]


class LiveDepth(Shown):
    """Five levels a side, best first."""

    def __init__(self, lab: LabCore, instrument: Instrument, first: Depth) -> None:
        self._lab = lab
        self._first = first
        self.instrument = instrument
        owner = lab._owner("depth")
        lab.handle.subscribe((instrument.key,), FeedMode.DEPTH, owner)
        weakref.finalize(self, lab.handle.unsubscribe, owner)

    @property
    def key(self) -> InstrumentKey:
        """Its instrument."""
        return self.instrument.key

    @property
    def now(self) -> Depth:
        """Both sides as one immutable value."""
        found = self._lab._handle.board.depth(self.key)
        return found if found is not None and found.time_ns >= self._first.time_ns else self._first

    @property
    def bids(self) -> tuple[DepthLevel, ...]:
        """Who buys, highest price first."""
        return self.now.bids

    @property
    def asks(self) -> tuple[DepthLevel, ...]:
        """Who sells, lowest price first."""
        return self.now.asks

    @property
    def frame(self) -> pd.DataFrame:
        """bid_qty, bid, ask, ask_qty by level; NaN where a side is shorter."""
        rows = _ladder(self.now)
        return frame_of({name: [row[index] for row in rows] for index, name in enumerate(_LADDER)})

    def __repr__(self) -> str:
        return f"{self.key}\n{text_table(_LADDER, _ladder(self.now))}"

    def _table(self) -> tuple[str, Sequence[str], Sequence[Sequence[Cell]]]:
        return str(self.key), _LADDER, _ladder(self.now)


_HEADERS = ("symbol", "ltp", "change", "change %", "bid", "ask", "volume", "oi", "time (IST)")
_LADDER = ("bid_qty", "bid", "ask", "ask_qty")


def _row(quote: Quote) -> tuple[Cell, ...]:
    return (
        f"{quote.exchange}:{quote.symbol}",
        quote.ltp,
        quote.change,
        quote.change_pct,
        quote.bid,
        quote.ask,
        amount(quote.volume, 0),
        amount(quote.oi, 0),
        format_ist(quote.time_ns)[11:] if quote.time_ns else "",
    )


def _ladder(depth: Depth) -> list[tuple[float, float, float, float]]:
    none = DepthLevel(math.nan, 0)
    levels = max(len(depth.bids), len(depth.asks))
    bids = (*depth.bids, *[none] * (levels - len(depth.bids)))
    asks = (*depth.asks, *[none] * (levels - len(depth.asks)))
    return [
        (float(bid.quantity), bid.price, ask.price, float(ask.quantity)) for bid, ask in zip(bids, asks, strict=True)
    ]
