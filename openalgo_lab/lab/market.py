"""Market data: live quotes and depth, instruments."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from functools import partial

from openalgo_lab.lab.core import LabCore
from openalgo_lab.lab.outcome import Matches
from openalgo_lab.lab.pairs import Ask, awaited, blocking
from openalgo_lab.lab.quote import LiveDepth, LiveQuote, LiveQuotes
from openalgo_lab.lab.words import SymbolLike, word
from openalgo_lab.model.commands import GetDepth, GetQuotes
from openalgo_lab.model.errors import InputError
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.market import Depth, Quote
from openalgo_lab.model.vocabulary import Exchange, InstrumentType

__all__ = ["MarketCalls"]


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

    def _book_of(
        self, symbol: SymbolLike, exchange: Exchange | str | None = None, levels: int = 20
    ) -> Ask[Depth, Depth]:
        """The book as it is now, up to ``levels`` deep: beyond five where the broker streams deeper books.

        The first call of a symbol takes as long as its first book; further ones within a minute are answered at once.
        Raises NotSupported where the broker has none.
        """
        return Ask(GetDepth(self.instrument(symbol, exchange).key, levels), lambda depth: depth)

    quote, quote_async = blocking(_quote), awaited(_quote)
    quotes, quotes_async = blocking(_quotes), awaited(_quotes)
    depth_of, depth_of_async = blocking(_depth_of), awaited(_depth_of)
    book_of, book_of_async = blocking(_book_of), awaited(_book_of)

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
