"""Upstox's sockets: market data as protocol buffers, order updates as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar, Final

import msgspec

from brokers.upstox import tables
from brokers.upstox.reports import BROKER, ROWS
from openalgo_lab.broker import FrameContent
from openalgo_lab.broker.deep import book_side
from openalgo_lab.broker.feeding import PlainFeed
from openalgo_lab.broker.messages import reader
from openalgo_lab.broker.reading import unix_ns
from openalgo_lab.broker.record import Record, parsed
from openalgo_lab.broker.spec import DeepBook
from openalgo_lab.broker.told import Told, book_of, told_batches
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.market import TickBatch
from openalgo_lab.model.reports import Evidence
from openalgo_lab.model.vocabulary import FeedMode

__all__ = ["BookFeed", "MarketFeed", "PortfolioFeed", "decode_books", "decode_feed"]

_read: Final = reader(
    "upstox",
    {
        "LTPC": "ltp:1:double ltt:2:int64 ltq:3:int64 cp:4:double",
        "Quote": "bidQ:1:int64 bidP:2:double askQ:3:int64 askP:4:double",
        "Level": "bidAskQuote:1:Quote*",
        "OHLC": "interval:1:string open:2:double high:3:double low:4:double",
        "Bars": "ohlc:1:OHLC*",
        "Market": "ltpc:1:LTPC marketLevel:2:Level marketOHLC:4:Bars atp:5:double vtt:6:int64 oi:7:double",
        "Index": "ltpc:1:LTPC marketOHLC:2:Bars",
        "Full": "marketFF:1:Market indexFF:2:Index",
        "First": "ltpc:1:LTPC firstDepth:2:Quote vtt:4:int64 oi:5:double",
        "Feed": "ltpc:1:LTPC fullFeed:2:Full firstLevelWithGreeks:3:First",
        "Entry": "key:1:string value:2:Feed",
        "Response": "type:1:int32 feeds:2:Entry* currentTs:3:int64",
    },
    BROKER,
)


class MarketFeed(PlainFeed):
    """One market-data socket: keeps which key is which token, and what was asked for already."""

    modes: ClassVar[Mapping[str, str]] = tables.MODES

    def __init__(self) -> None:
        self._tokens: dict[str, int] = {}
        self._sent = 0

    def subscribe(self, instruments: Sequence[Instrument], mode: FeedMode) -> Sequence[bytes]:
        """New keys are subscribed, known ones change their mode."""
        fresh = [i for i in instruments if i.broker_symbol not in self._tokens]
        known = [i for i in instruments if i.broker_symbol in self._tokens]
        self._tokens.update((i.broker_symbol, i.token) for i in fresh)
        asked = (("sub", fresh), ("change_mode", known))
        return [self._message(method, some, {"mode": self.modes[mode]}) for method, some in asked if some]

    def unsubscribe(self, instruments: Sequence[Instrument]) -> Sequence[bytes]:
        for instrument in instruments:
            self._tokens.pop(instrument.broker_symbol, None)
        return [self._message("unsub", instruments, {})]

    def received(self, frame: str | bytes) -> FrameContent:
        if isinstance(frame, bytes):
            return FrameContent(ticks=decode_feed(frame, self._tokens))
        told = Record(parsed(frame, BROKER), BROKER)
        return FrameContent(notice=f"{told.text('status')}: {str(told.raw('error'))[:500]}")

    def _message(self, method: str, instruments: Sequence[Instrument], extra: Mapping[str, str]) -> bytes:
        """JSON in a binary frame: text frames are ignored."""
        self._sent += 1
        keys = [instrument.broker_symbol for instrument in instruments]
        body = {"guid": f"lab{self._sent:017d}", "method": method, "data": {**extra, "instrumentKeys": keys}}
        return msgspec.json.encode(body)


class BookFeed(MarketFeed):
    """The same socket for books of thirty levels, which accounts of Upstox Plus have; orders are not counted there."""

    modes = dict.fromkeys(tables.MODES, "full_d30")

    def received(self, frame: str | bytes) -> FrameContent:
        if isinstance(frame, str):
            return super().received(frame)
        return FrameContent(books=decode_books(frame, self._tokens))


class PortfolioFeed(PlainFeed):
    """The socket of order updates; nothing is asked on it."""

    def received(self, frame: str | bytes) -> FrameContent:
        row = Record(parsed(frame, BROKER), BROKER)
        if row.text("update_type") != "order":
            return FrameContent()  # positions, holdings and GTTs are read from their books
        return FrameContent(reports=(ROWS.order(row, Evidence.STREAM),))


def decode_feed(frame: bytes, tokens: Mapping[str, int]) -> tuple[TickBatch, ...]:
    """The ticks of one frame; keys not in ``tokens`` are left out.

    What a frame does not hold says nothing: a price or size that is absent, or 0 on the wire, leaves the board's
    value. Raises DecodeError.
    """
    message = _read(frame)
    known = ((tokens.get(entry.key), entry.value) for entry in message.feeds)
    return told_batches((_told(token, feed, message.currentTs) for token, feed in known if token is not None), BROKER)


def decode_books(frame: bytes, tokens: Mapping[str, int]) -> tuple[DeepBook, ...]:
    """The books of one frame; keys not in ``tokens``, and frames without a book, are left out. Raises DecodeError."""
    message, books = _read(frame), []
    for entry in message.feeds:
        levels, token = entry.value.fullFeed.marketFF.marketLevel.bidAskQuote, tokens.get(entry.key)
        if levels and token is not None:
            bids = book_side(((x.bidP, x.bidQ, 0) for x in levels), BROKER)
            asks = book_side(((x.askP, x.askQ, 0) for x in levels), BROKER)
            books.append(DeepBook(token, unix_ns(message.currentTs), bids, asks))
    return tuple(books)


def _told(token: int, feed: Any, now_ms: int) -> Told:
    """What one instrument's entry tells, in any of its modes."""
    whole, part = feed.fullFeed, feed
    bars: Iterable[Any] = ()
    fields: dict[str, float] = {}
    book = None
    if feed.HasField("firstLevelWithGreeks"):
        part = feed.firstLevelWithGreeks
        fields = {"volume": part.vtt, "oi": part.oi} | _best(part.firstDepth)
    elif whole.HasField("marketFF"):
        part = whole.marketFF
        bars, levels = part.marketOHLC.ohlc, part.marketLevel.bidAskQuote
        fields = {"average": part.atp, "volume": part.vtt, "oi": part.oi}
        if levels:
            fields |= _best(levels[0])
            book = book_of([(x.bidP, x.bidQ, x.askP, x.askQ) for x in levels[:5]])
    elif whole.HasField("indexFF"):
        part = whole.indexFF
        bars = part.marketOHLC.ohlc
    last = part.ltpc
    fields |= {"ltp": last.ltp, "ltq": last.ltq, "prev_close": last.cp}
    for bar in bars:
        if bar.interval == "1d":
            fields |= {"open": bar.open, "high": bar.high, "low": bar.low}
    return Told(token, last.ltt or now_ms, fields, book)


def _best(level: Any) -> dict[str, float]:
    return {"bid": level.bidP, "bid_qty": level.bidQ, "ask": level.askP, "ask_qty": level.askQ}
