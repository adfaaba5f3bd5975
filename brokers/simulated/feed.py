"""The simulated exchange's feed: text messages about orders, binary frames about prices. Layouts: `tables`."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from brokers.simulated import tables
from brokers.simulated.rows import Count, OrderRow, TradeRow, fill_report, order_report, read
from brokers.simulated.tables import PRICE_SCALE, to_word
from openalgo_lab.broker import FrameContent
from openalgo_lab.broker.feeding import PlainFeed
from openalgo_lab.model.errors import DecodeError
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.market import QUOTE_FIELDS, TickBatch
from openalgo_lab.model.reports import Evidence
from openalgo_lab.model.vocabulary import FeedMode

__all__ = ["SimulatedFeed"]


class _Message(msgspec.Struct, frozen=True):
    """A text message of the feed; ``row`` waits until its kind is known."""

    k: str
    n: Count = 0
    row: msgspec.Raw = msgspec.Raw(b"")
    code: str = ""
    text: str = ""


class SimulatedFeed(PlainFeed):
    """Implements `openalgo_lab.broker.FeedSession`; it keeps nothing."""

    def subscribe(self, instruments: Sequence[Instrument], mode: FeedMode) -> Sequence[str | bytes]:
        body = {"op": "sub", "mode": to_word(tables.MODES, mode, "mode"), "toks": [i.token for i in instruments]}
        return (msgspec.json.encode(body).decode(),)

    def unsubscribe(self, instruments: Sequence[Instrument]) -> Sequence[str | bytes]:
        return (msgspec.json.encode({"op": "unsub", "toks": [i.token for i in instruments]}).decode(),)

    def received(self, frame: str | bytes) -> FrameContent:
        if isinstance(frame, bytes):
            return FrameContent(ticks=(_ticks(frame),))
        message = read(frame, _Message)
        match message.k:
            case "hello" | "hb":
                return FrameContent(sequence=message.n)
            case "ord":
                order = order_report(read(message.row, OrderRow), Evidence.STREAM)
                return FrameContent(reports=(order,), sequence=message.n)
            case "trd":
                fill = fill_report(read(message.row, TradeRow), Evidence.STREAM)
                return FrameContent(reports=(fill,), sequence=message.n)
            case "no":
                return FrameContent(notice=f"{message.code}: {message.text}")
            case _:
                raise DecodeError(f"The simulated exchange sent an unknown message: {message.k[:20]!r}.")


def _ticks(frame: bytes) -> TickBatch:
    if len(frame) < tables.HEADER.size:
        raise DecodeError("A market frame is shorter than its header.")
    magic, version, kind, count, _ = tables.HEADER.unpack_from(frame)
    record = _RECORDS.get(kind)
    if magic != tables.MAGIC or version != tables.VERSION or record is None:
        raise DecodeError(f"A market frame of an unknown kind came: {frame[:4].hex()}.")
    if len(frame) != tables.HEADER.size + count * record.itemsize:
        raise DecodeError(f"A market frame of {count} records has {len(frame)} bytes.")
    rows = np.frombuffer(frame, dtype=record, offset=tables.HEADER.size)
    columns = {name: _column(rows[name], name in tables.PRICE_FIELDS) for name in record.names or () if name in _FIELDS}
    depth = _book(rows["book"]) if record is tables.DEPTH_RECORD else None
    return TickBatch(rows["token"].astype(np.int64), rows["time"].astype(np.int64), columns, depth)


_FIELDS = frozenset(QUOTE_FIELDS)
_RECORDS = {1: tables.LTP_RECORD, 2: tables.QUOTE_RECORD, 3: tables.DEPTH_RECORD}
_BOOK_SCALE = np.array([PRICE_SCALE, 1, PRICE_SCALE, 1], dtype=np.float64)[:, None]


def _column(values: npt.NDArray[np.int64], price: bool) -> npt.NDArray[np.float64]:
    floats = values / PRICE_SCALE if price else values.astype(np.float64)
    floats[values == tables.UNKNOWN] = np.nan
    return floats


def _book(values: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    floats: npt.NDArray[np.float64] = values / _BOOK_SCALE
    floats[values == tables.UNKNOWN] = np.nan
    return floats
