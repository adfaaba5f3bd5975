"""Market data: live quotes and depth, candles, instruments."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from functools import partial
from typing import TYPE_CHECKING

from openalgo_lab.lab.core import LabCore
from openalgo_lab.lab.frames import bars_frame
from openalgo_lab.lab.outcome import Matches
from openalgo_lab.lab.pairs import Ask, awaited, blocking
from openalgo_lab.lab.quote import LiveDepth, LiveQuote, LiveQuotes
from openalgo_lab.lab.words import Moment, SymbolLike, moment_ns, word
from openalgo_lab.model.commands import BarsReply, GetDepth, GetHistory, GetQuotes
from openalgo_lab.model.errors import InputError
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.market import Depth, Quote
from openalgo_lab.model.vocabulary import Exchange, InstrumentType

if TYPE_CHECKING:
    import pandas as pd


__all__ = ["MarketCalls"]

HISTORY_S = 60.0
"""Years of candles from a slow broker take their time."""


class MarketCalls(LabCore):
    """The part of :class:`~openalgo_lab.lab.Lab` that looks at the market."""

    def _quote(self, symbol: SymbolLike, exchange: Exchange | str | None = None) -> Ask[tuple[Quote, ...], LiveQuote]:
        """A live quote: ``lab.quote("SBIN").ltp``. It keeps following the market for as long as it is held."""
        instrument = self.instrument(symbol, exchange)
        return Ask(GetQuotes((instrument.key,)), partial(self._live_quote, instrument))

    def _quotes(
        self, symbols: Iterable[SymbolLike], exchange: Exchange | str | None = None
    ) -> Ask[tuple[Quote, ...], LiveQuotes]:
        """Several live quotes in one go; ``.frame`` for pandas."""
        if isinstance(symbols, str):
            raise InputError(f"Give a list of symbols, [{symbols!r}], or ask lab.quote({symbols!r}).", field="symbols")
        instruments = [self.instrument(symbol, exchange) for symbol in symbols]
        return Ask(GetQuotes(tuple(item.key for item in instruments)), partial(self._live_quotes, instruments))

    def _depth_of(self, symbol: SymbolLike, exchange: Exchange | str | None = None) -> Ask[Depth, LiveDepth]:
        """Five live levels of the book, as an object (``lab.depth`` is the widget)."""
        instrument = self.instrument(symbol, exchange)
        return Ask(GetDepth(instrument.key), partial(LiveDepth, self, instrument))

    def _history(
        self,
        symbol: SymbolLike,
        interval: str,
        start: Moment,
        end: Moment | None = None,
        *,
        exchange: Exchange | str | None = None,
    ) -> Ask[BarsReply, pd.DataFrame]:
        """Candles as a DataFrame: open, high, low, close, volume, oi by the candle's first moment (IST).

        Args:
            interval: ``"1m"``, ``"5m"``, ``"15m"``, ``"1h"``, ``"D"`` …
            start: first candle: ``"2026-01-31"``, ``"2026-01-31 09:15"`` (Indian time), a date or an aware datetime.
            end: a moment that candles start before; a day without a time is included whole. None = up to now.
        """
        instrument = self.instrument(symbol, exchange)
        start_ns = moment_ns(start, "start")
        end_ns = self.handle.status.market_ns + 1 if end is None else moment_ns(end, "end", day_end=True)
        if end_ns <= start_ns:
            raise InputError(f"The history would end ({end or 'now'}) before it starts ({start}): swap them.", "end")
        shown = partial(bars_frame, symbol=str(instrument.key))
        return Ask(GetHistory(instrument.key, interval, start_ns, end_ns), shown, HISTORY_S)

    quote, quote_async = blocking(_quote), awaited(_quote)
    quotes, quotes_async = blocking(_quotes), awaited(_quotes)
    depth_of, depth_of_async = blocking(_depth_of), awaited(_depth_of)
    history, history_async = blocking(_history), awaited(_history)

    # ---- instruments: read straight from their file, no waiting

    def search(self, text: str, exchange: Exchange | str | None = None, limit: int = 20) -> Matches:
        """Instruments by words, best first: ``"nifty 24000 ce"``, ``"bank fut"``, ``"relience"``."""
        where = None if exchange is None else word(Exchange, exchange, "exchange")
        return Matches(self.handle.instruments.search(text, where, limit))

    def expiries(self, underlying: str, kind: InstrumentType | str | None = None) -> Sequence[date]:
        """Expiry dates listed, nearest first: of options, or of ``kind`` (``"FUT"``)."""
        only = None if kind is None else word(InstrumentType, kind, "kind")
        found = self.handle.instruments.expiries(underlying.strip().upper(), only)
        if not found:
            near = ", ".join(sorted(self.handle.instruments.underlyings())[:8])
            raise InputError(f"{underlying!r} has no listed {only or 'options'}: try one of {near} …", "underlying")
        return found

    def _live_quote(self, instrument: Instrument, quotes: Sequence[Quote]) -> LiveQuote:
        return LiveQuote(self, instrument, quotes[0])

    def _live_quotes(self, instruments: Sequence[Instrument], quotes: Sequence[Quote]) -> LiveQuotes:
        return LiveQuotes([LiveQuote(self, *pair) for pair in zip(instruments, quotes, strict=True)])
