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
from openalgo_lab.broker.feeding import ModalFeed, PlainFeed
from openalgo_lab.broker.record import Record, parsed
from openalgo_lab.model.errors import DecodeError
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.market import TickBatch
from openalgo_lab.model.reports import Evidence
from openalgo_lab.model.vocabulary import FeedMode

__all__ = ["MarketFeed", "OrderFeed"]

_PRICES = ("ltp", "average", "open", "high", "low", "prev_close")
_COUNTS = ("ltq", "volume", "oi")
_BEST = ("bid", "bid_qty", "ask", "ask_qty")
_LATEST_MS = 4_102_444_800_000  # the year 2100
Floats = npt.NDArray[np.float64]


class MarketFeed(ModalFeed):
    """One SmartStream socket. A token in two modes would come twice, so each has one."""

    def messages(self, instruments: Sequence[Instrument], mode: FeedMode, *, on: bool) -> Sequence[str]:
        listed: dict[int, list[str]] = {}
        for instrument in instruments:
            listed.setdefault(tables.STREAM[tables.HOMES[instrument.exchange]], []).append(instrument.broker_token)
        tokens = [{"exchangeType": number, "tokens": found} for number, found in listed.items()]
        body = {"action": int(on), "params": {"mode": tables.MODES[mode], "tokenList": tokens}}
        return (msgspec.json.encode({"correlationID": "lab", **body}).decode(),)

    def ping(self) -> str:
        return "ping"

    def received(self, frame: str | bytes) -> FrameContent:
        if isinstance(frame, bytes):
            return FrameContent(ticks=(_batch(frame),))
        if frame == "pong":
            return FrameContent()
        row = Record(parsed(frame, NAME), NAME)
        return FrameContent(notice=f"{row.text('errorCode')}: {row.text('errorMessage', '')}"[:200])


def _batch(frame: bytes) -> TickBatch:
    fields, names = tables.PACKETS.get(frame[0] if frame else 0, (None, ()))
    if fields is None or len(frame) != fields.size:
        raise DecodeError(f"A market frame of Angel One does not fit: {frame[:2].hex()} with {len(frame)} bytes.")
    _, exchange, raw, _, *values = fields.unpack(frame)
    name, row = raw.rstrip(b"\x00"), dict(zip(names, values, strict=True))
    if exchange not in tables.STREAM.values() or not (name.isdigit() and len(name) <= 12):
        raise DecodeError(f"Angel One's feed names an instrument that cannot be: {exchange}, {name[:12]!r}.")
    if not 0 <= row["time"] < _LATEST_MS:
        raise DecodeError("Angel One's feed sent a time that is none.")
    divisor = 10_000_000 if exchange == tables.CURRENCY else 100
    found = {column: row[column] / divisor if row[column] else math.nan for column in _PRICES if column in row}
    found |= {column: float(row[column]) for column in _COUNTS if column in row}
    depth = None
    if "oi" in row:
        depth = _book(frame, divisor)
        found |= {column: float(depth[side, 0]) for side, column in enumerate(_BEST)}
    return shapes.tick(exchange << 40 | int(name), found, row["time"] * 1_000_000, depth)


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
