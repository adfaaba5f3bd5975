"""Upstox's sockets: market data as protocol buffers, order updates as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
import numpy as np

from brokers.upstox import tables
from brokers.upstox.reports import BROKER, ROWS
from brokers.upstox.schema import feed_response
from openalgo_lab.broker import FrameContent
from openalgo_lab.broker.feeding import PlainFeed
from openalgo_lab.broker.record import Record, parsed
from openalgo_lab.model.errors import DecodeError
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.market import DEPTH_LEVELS, TickBatch
from openalgo_lab.model.reports import Evidence
from openalgo_lab.model.times import NS_PER_MS
from openalgo_lab.model.vocabulary import FeedMode

__all__ = ["MarketFeed", "PortfolioFeed", "decode_feed"]

Fields = dict[str, float]
Row = tuple[int, int, Fields, list[float] | None]
"""Token, time in milliseconds, the fields that it tells, the book of 20 numbers or None."""

_MOST_MS: Final = 10**14
_DECIMALS: Final = 4
"""Prices come as doubles with the traces of their making; no tick is finer."""
_NO_LEVELS: Final = [float("nan")] * DEPTH_LEVELS


class MarketFeed(PlainFeed):
    """One market-data socket: keeps which key is which token, and what was asked for already."""

    def __init__(self) -> None:
        self._tokens: dict[str, int] = {}
        self._sent = 0

    def subscribe(self, instruments: Sequence[Instrument], mode: FeedMode) -> Sequence[bytes]:
        """New keys are subscribed, known ones change their mode."""
        fresh = [i for i in instruments if i.broker_symbol not in self._tokens]
        known = [i for i in instruments if i.broker_symbol in self._tokens]
        self._tokens.update((i.broker_symbol, i.token) for i in fresh)
        asked = (("sub", fresh), ("change_mode", known))
        return [self._message(method, some, {"mode": tables.MODES[mode]}) for method, some in asked if some]

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


class PortfolioFeed(PlainFeed):
    """The socket of order updates; nothing is asked on it."""

    def received(self, frame: str | bytes) -> FrameContent:
        row = Record(parsed(frame, BROKER), BROKER)
        if row.text("update_type") != "order":
            return FrameContent()  # positions, holdings and GTTs are read from their books
        return FrameContent(reports=(ROWS.order(row, Evidence.STREAM),))


def decode_feed(frame: bytes, tokens: Mapping[str, int]) -> tuple[TickBatch, ...]:
    """The ticks of one frame, a batch for each set of fields that they tell; keys not in ``tokens`` are left out.

    What a frame does not hold says nothing: a price or size that is absent, or 0 on the wire, leaves the board's
    value. Raises DecodeError.
    """
    from google.protobuf.message import DecodeError as WireMisfit

    try:
        message = feed_response().FromString(frame)
    except WireMisfit as error:
        raise DecodeError(f"A market frame of {BROKER} is no message of its feed.") from error
    kinds: dict[tuple[Any, ...], list[Row]] = {}
    for entry in message.feeds:
        token = tokens.get(entry.key)
        if token is not None:
            row = _row(token, entry.value, message.currentTs)
            if row[2] or row[3] is not None:
                kinds.setdefault((row[3] is None, *row[2]), []).append(row)
    return tuple(map(_batch, kinds.values()))


def _row(token: int, feed: Any, now_ms: int) -> Row:
    """What one instrument's entry tells, in any of its modes."""
    whole = feed.fullFeed
    part = feed
    fields: Fields = {}
    book = None
    if feed.HasField("firstLevelWithGreeks"):
        part = feed.firstLevelWithGreeks
        fields |= {"volume": part.vtt, "oi": part.oi}
        if part.HasField("firstDepth"):
            fields |= _best(part.firstDepth)
    elif whole.HasField("marketFF"):
        part = whole.marketFF
        fields |= {"average": part.atp, "volume": part.vtt, "oi": part.oi}
        if part.HasField("marketLevel") and part.marketLevel.bidAskQuote:
            levels = part.marketLevel.bidAskQuote
            fields |= _best(levels[0])
            book = _book(levels)
    elif whole.HasField("indexFF"):
        part = whole.indexFF
    last = part.ltpc
    fields |= {"ltp": last.ltp, "ltq": last.ltq, "prev_close": last.cp}
    if part is not feed and part is not feed.firstLevelWithGreeks:
        for bar in part.marketOHLC.ohlc:
            if bar.interval == "1d":
                fields |= {"open": bar.open, "high": bar.high, "low": bar.low}
    return token, last.ltt or now_ms, {name: value for name, value in fields.items() if value}, book


def _best(level: Any) -> Fields:
    return {"bid": level.bidP, "bid_qty": level.bidQ, "ask": level.askP, "ask_qty": level.askQ}


def _book(levels: Sequence[Any]) -> list[float]:
    """Bid prices, bid quantities, ask prices, ask quantities of five levels; NaN where a price is 0."""
    columns: list[list[float]] = [list(_NO_LEVELS) for _ in range(4)]
    for at, level in enumerate(levels[:DEPTH_LEVELS]):
        if level.bidP:
            columns[0][at], columns[1][at] = level.bidP, level.bidQ
        if level.askP:
            columns[2][at], columns[3][at] = level.askP, level.askQ
    return [value for column in columns for value in column]


def _batch(rows: list[Row]) -> TickBatch:
    """Rows that tell the same fields."""
    times = [at for _, at, _, _ in rows]
    if not 0 <= min(times) <= max(times) < _MOST_MS:
        raise DecodeError(f"A market frame of {BROKER} holds a time that is none.")
    names = tuple(rows[0][2])
    table = np.array([list(fields.values()) for _, _, fields, _ in rows], dtype=np.float64).T.round(_DECIMALS)
    book = None
    if rows[0][3] is not None:
        book = np.array([row[3] for row in rows], dtype=np.float64).reshape(-1, 4, DEPTH_LEVELS).round(_DECIMALS)
    if np.isinf(table).any() or np.isnan(table).any() or (book is not None and np.isinf(book).any()):
        raise DecodeError(f"A market frame of {BROKER} holds a number that is none.")
    return TickBatch(
        np.array([token for token, *_ in rows], dtype=np.int64),
        np.array(times, dtype=np.int64) * NS_PER_MS,
        dict(zip(names, table, strict=True)),
        book,
    )
