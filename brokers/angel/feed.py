"""Angel One's sockets: SmartStream's binary packets and the order updates, as protocol state without a socket."""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from brokers.angel import tables
from brokers.angel.orders import order_report
from brokers.angel.tables import NAME
from openalgo_lab.broker import FrameContent, reading
from openalgo_lab.broker import columns as shapes
from openalgo_lab.broker.deep import packed_levels
from openalgo_lab.broker.feeding import ModalFeed, PlainFeed
from openalgo_lab.broker.record import Record, parsed
from openalgo_lab.broker.spec import DeepBook
from openalgo_lab.model.errors import DecodeError
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.market import TickBatch
from openalgo_lab.model.reports import Evidence
from openalgo_lab.model.vocabulary import FeedMode

__all__ = ["BookFeed", "MarketFeed", "OrderFeed"]

_PRICES = ("ltp", "average", "open", "high", "low", "prev_close")
_COUNTS = ("ltq", "volume", "oi")
_BEST = ("bid", "bid_qty", "ask", "ask_qty")
_LATEST_MS = 4_102_444_800_000  # the year 2100
Floats = npt.NDArray[np.float64]


class MarketFeed(ModalFeed):
    """One SmartStream socket. A token in two modes would come twice, so each has one."""

    def messages(self, instruments: Sequence[Instrument], mode: FeedMode, *, on: bool) -> Sequence[str]:
        return (_asked(tables.MODES[mode], instruments, on=on),)

    def ping(self) -> str:
        return "ping"

    def received(self, frame: str | bytes) -> FrameContent:
        if isinstance(frame, bytes):
            return FrameContent(ticks=(_batch(frame),))
        if frame == "pong":
            return FrameContent()
        row = Record(parsed(frame, NAME), NAME)
        return FrameContent(notice=f"{row.text('errorCode')}: {row.text('errorMessage', '')}"[:200])


class BookFeed(MarketFeed):
    """The same socket, for books of twenty levels and nothing else."""

    def messages(self, instruments: Sequence[Instrument], mode: FeedMode, *, on: bool) -> Sequence[str]:
        return (_asked(tables.BOOK_MODE, instruments, on=on),)

    def received(self, frame: str | bytes) -> FrameContent:
        if isinstance(frame, str):
            return super().received(frame)
        if len(frame) != tables.BOOK_SIZE or frame[0] != tables.BOOK_MODE:
            raise DecodeError(f"A book of Angel One does not fit: {frame[:2].hex()} with {len(frame)} bytes.")
        _, exchange, raw, time_ms = tables.BOOK_HEAD.unpack_from(frame)
        sides = (
            packed_levels(frame[at : at + tables.BOOK_SIDE], tables.BOOK_LEVEL, _unit(exchange), NAME)
            for at in (43, 43 + tables.BOOK_SIDE)
        )
        return FrameContent(books=(DeepBook(_token(exchange, raw), _time_ns(time_ms), *sides),))


def _batch(frame: bytes) -> TickBatch:
    fields, names = tables.PACKETS.get(frame[0] if frame else 0, (None, ()))
    if fields is None or len(frame) != fields.size:
        raise DecodeError(f"A market frame of Angel One does not fit: {frame[:2].hex()} with {len(frame)} bytes.")
    _, exchange, raw, _, *values = fields.unpack(frame)
    token, row, divisor = _token(exchange, raw), dict(zip(names, values, strict=True)), _unit(exchange)
    found = {column: row[column] / divisor if row[column] else math.nan for column in _PRICES if column in row}
    found |= {column: float(row[column]) for column in _COUNTS if column in row}
    depth = None
    if "oi" in row:
        depth = _book(frame, divisor)
        found |= {column: float(depth[side, 0]) for side, column in enumerate(_BEST)}
    return shapes.tick(token, found, _time_ns(row["time"]), depth)


def _asked(mode: int, instruments: Sequence[Instrument], *, on: bool) -> str:
    listed: dict[int, list[str]] = {}
    for instrument in instruments:
        listed.setdefault(tables.STREAM[tables.HOMES[instrument.exchange]], []).append(instrument.broker_token)
    tokens = [{"exchangeType": number, "tokens": found} for number, found in listed.items()]
    body = {"action": int(on), "params": {"mode": mode, "tokenList": tokens}}
    return msgspec.json.encode({"correlationID": "lab", **body}).decode()


def _token(exchange: int, raw: bytes) -> int:
    name = raw.rstrip(b"\x00")
    if exchange not in tables.STREAM.values() or not (name.isdigit() and len(name) <= 12):
        raise DecodeError(f"Angel One's feed names an instrument that cannot be: {exchange}, {name[:12]!r}.")
    return exchange << 40 | int(name)


def _time_ns(time_ms: int) -> int:
    if not 0 <= time_ms < _LATEST_MS:
        raise DecodeError("Angel One's feed sent a time that is none.")
    return time_ms * 1_000_000


def _unit(exchange: int) -> int:
    """What a rupee of its prices counts."""
    return 10_000_000 if exchange == tables.CURRENCY else 100


def _book(frame: bytes, divisor: int) -> Floats:
    """Five levels a side; each entry says itself which side it is of."""
    bids: list[tuple[float, float, int]] = []
    asks: list[tuple[float, float, int]] = []
    for place in range(10):
        buy, quantity, price, orders = tables.LEVEL.unpack_from(frame, tables.BOOK_AT + place * tables.LEVEL.size)
        if quantity > 0:
            (bids if buy == 1 else asks).append((price / divisor, quantity, orders))
    return shapes.book(bids, asks)


class OrderFeed(PlainFeed):
    """The order-update socket of one account; there is nothing to subscribe."""

    def ping(self) -> str:
        return "ping"

    def received(self, frame: str | bytes) -> FrameContent:
        if frame == "pong":
            return FrameContent()
        message = Record(parsed(frame, NAME), NAME)
        row = message.record("orderData")
        if not row.text("orderid", ""):
            return FrameContent(notice=message.text("error-message", "")[:200])  # the greeting holds an empty order
        word = row.text("orderstatus", "") or row.text("status", "")
        if not word:
            word = reading.from_word(tables.CODES, message.text("order-status", ""), "order state", NAME)
        return FrameContent(reports=(order_report(row, word, Evidence.STREAM),))
