"""Market data of XTS in its three forms: JSON messages, partial texts, binary packets. Prices are rupees."""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Iterator, Mapping
from typing import Final

import numpy as np
import numpy.typing as npt

from brokers.xts import tables
from brokers.xts.instruments import token_of
from openalgo_lab.broker.columns import Bar, Level, book, tick
from openalgo_lab.broker.reading import number, whole
from openalgo_lab.broker.record import Record
from openalgo_lab.model.errors import DecodeError
from openalgo_lab.model.market import DEPTH_LEVELS, TickBatch
from openalgo_lab.model.times import NS_PER_SECOND

__all__ = ["candles", "json_tick", "levels", "packets", "partial_tick", "quoted", "tick_ns"]

_MOST: Final = 1e15
_IST_S: Final = 19_800
_DAY_S: Final = 86_400
_EPOCH_1980_S: Final = 315_513_000
"""1980-01-01 00:00 IST in unix seconds."""
_NSE: Final = frozenset({1, 2, 3, 4})
_OLDEST_1970: Final = 1_600_000_000
"""A time below this is no count from 1970 (it would be 2020): some servers count BSE from 1980 as well."""
_PRICES: Final = (
    ("LastTradedPrice", "ltp"), ("Open", "open"), ("High", "high"), ("Low", "low"), ("Close", "prev_close"),
    ("AverageTradedPrice", "average"),
)  # fmt: skip
_COUNTS: Final = (("TotalTradedQuantity", "volume"), ("LastTradedQunatity", "ltq"), ("LastTradedQuantity", "ltq"))
_PARTIAL: Final = {
    "ltp": "ltp", "o": "open", "h": "high", "l": "low", "c": "prev_close", "ap": "average", "v": "volume", "ltq": "ltq",
}  # fmt: skip


def tick_ns(segment: int, seconds: float) -> int:
    """UTC ns of a tick's time: seconds on the Indian clock since 1980 (NSE) or since 1970; 0 for none."""
    if seconds <= 0:
        return 0
    if seconds >= 2**32:
        raise DecodeError("A tick has a time that is none.")
    since_1980 = segment in _NSE or seconds < _OLDEST_1970
    return (int(seconds) + (_EPOCH_1980_S if since_1980 else -_IST_S)) * NS_PER_SECOND


def quoted(row: Record) -> tuple[int, dict[str, float], int]:
    """(token, fields, time) of a touchline, depth, last-price or open-interest message; older builds do not nest."""
    segment, code = row.whole("ExchangeSegment"), row.whole("ExchangeInstrumentID")
    touch = row.record("Touchline") if "Touchline" in row else row
    found = {ours: touch.number(name) for name, ours in (*_PRICES, *_COUNTS) if name in touch}
    for name, side in (("BidInfo", "bid"), ("AskInfo", "ask")):
        if name in touch:
            best = touch.record(name)
            found |= {side: best.number("Price", 0.0), f"{side}_qty": best.number("Size", 0.0)}
    if "OpenInterest" in row:
        found["oi"] = row.number("OpenInterest")
    when = row.number("ExchangeTimeStamp", touch.number("LastUpdateTime", 0.0))
    return token_of(segment, code), _known(found), tick_ns(segment, when)


def _known(fields: Mapping[str, float]) -> dict[str, float]:
    """A price of 0 is none; a count of 0 is a count."""
    counts = ("volume", "ltq", "oi")
    if not all(-_MOST < value < _MOST or math.isnan(value) for value in fields.values()):
        raise DecodeError("A tick has a value that is none.")
    return {name: value if value or name in counts else math.nan for name, value in fields.items()}


def levels(row: Record, name: str) -> list[Level]:
    """One side of a depth message, best first."""
    return [(x.number("Price", 0.0), x.number("Size", 0.0), x.count("TotalOrders", 0)) for x in row.records(name)]


def json_tick(row: Record) -> TickBatch:
    """The tick of a full message."""
    token, fields, when = quoted(row)
    depth = book(levels(row, "Bids"), levels(row, "Asks")) if "Bids" in row and "Asks" in row else None
    return tick(token, fields, when, depth)


def partial_tick(code: int, text: str, books: dict[int, npt.NDArray[np.float64]]) -> TickBatch | None:
    """The tick of a partial text `key:value,…`, where blank means unchanged; ``books`` keeps the depth so far."""
    parts = dict(part.partition(":")[::2] for part in text.split(","))
    segment, _, number_text = parts.get("t", "").partition("_")
    token = token_of(whole(segment), whole(number_text))
    if code == tables.INTEREST:
        fields = {"oi": number(parts["o"])} if parts.get("o") else {}
    else:
        fields = {ours: number(parts[key]) for key, ours in _PARTIAL.items() if parts.get(key)}
    seen = books.setdefault(token, np.full((4, DEPTH_LEVELS), math.nan))
    for key, row, side in (("bi", 0, "bid"), ("ai", 2, "ask")):
        groups = [number(value) for value in parts.get(key, "").split("|") if value]
        for start in range(0, len(groups) - 3, 4):
            level, size, price, _ = groups[start : start + 4]
            if 0 <= level < DEPTH_LEVELS:
                seen[row : row + 2, int(level)] = (price or math.nan), size
        if groups:
            fields |= {side: seen[row, 0], f"{side}_qty": seen[row + 1, 0]}
    when = tick_ns(whole(segment), number(parts.get("lut", "")))
    depth = seen if code == tables.DEPTH else None
    return tick(token, _known(fields), when, depth) if fields else None


# Binary packets -----------------------------------------------------------------------------------------------------

_HEAD: Final = struct.Struct("<BHhihhH")
_BODY: Final = struct.Struct("<HHHQQihiQ")
_INTEREST: Final = struct.Struct("<hi")
_VERSION: Final = 4
Layout = tuple[struct.Struct, struct.Struct]
_LAYOUTS: Final[tuple[Layout, ...]] = (
    (struct.Struct("<idih"), struct.Struct("<QdiIIIdqddddddhhhh")),
    (struct.Struct("<qdih"), struct.Struct("<Qdqqqqdqddddddhhhh")),
)
"""A row of the book, and what follows the two best rows of a touchline: narrow, and wide where counts have 8 bytes."""


def packets(payload: bytes) -> Iterator[TickBatch]:
    """The ticks of a binary event: packets one after the other, each plain or deflated. Raises DecodeError."""
    at = 0
    try:
        while at < len(payload):
            packed, code, _, _, _, _, size = _HEAD.unpack_from(payload, at)
            at += _HEAD.size
            length = size
            if packed:
                (length,) = struct.unpack_from("<H", payload, at)
                at += 2
            body = payload[at : at + length]
            at += length
            if len(body) != length:
                raise DecodeError("A packet ends before its length.")
            yield from _packet(code, _inflated(body, size) if packed else body)
    except struct.error as error:
        raise DecodeError(f"A packet is shorter than its layout: {error}.") from None


def _inflated(body: bytes, size: int) -> bytes:
    try:
        found = zlib.decompressobj(-15).decompress(body, size + 1)
    except zlib.error as error:
        raise DecodeError(f"A packet cannot be inflated: {error}.") from None
    if len(found) != size:
        raise DecodeError(f"A packet inflates to {len(found)} bytes instead of {size}.")
    return found


def _packet(code: int, body: bytes) -> Iterator[TickBatch]:
    inner, version, _, _, _, _, segment, number_, when = _BODY.unpack_from(body)
    if inner != code or version < _VERSION:
        raise DecodeError(f"A packet of code {code} holds code {inner} of version {version}, which is not known.")
    time_ns, token = tick_ns(segment, when), token_of(segment, number_)
    if code == tables.INTEREST:
        yield tick(token, {"oi": float(_INTEREST.unpack_from(body, _BODY.size)[1])}, time_ns, None)
    elif code == tables.QUOTE:
        layout = next((x for x in _LAYOUTS if _BODY.size + _touch_size(x) == len(body)), None)
        yield tick(token, _touch(body, _BODY.size, layout), time_ns, None)
    elif code == tables.DEPTH:
        yield _deep(body, token, time_ns)


def _touch_size(layout: Layout) -> int:
    return 2 * layout[0].size + layout[1].size


def _touch(body: bytes, at: int, layout: Layout | None) -> dict[str, float]:
    if layout is None:
        raise DecodeError(f"A touchline of {len(body)} bytes has no known layout.")
    row, rest = layout
    bid_qty, bid, _, _ = row.unpack_from(body, at)
    ask_qty, ask, _, _ = row.unpack_from(body, at + row.size)
    _, ltp, ltq, _, _, volume, average, _, _, first, high, low, close, *_ = rest.unpack_from(body, at + 2 * row.size)
    return _known(
        {"ltp": ltp, "bid": bid, "ask": ask, "open": first, "high": high, "low": low, "prev_close": close}
        | {"average": average, "bid_qty": bid_qty, "ask_qty": ask_qty, "volume": volume, "ltq": ltq}
    )


def _deep(body: bytes, token: int, time_ns: int) -> TickBatch:
    """Two counted sides, then a touchline; the layout is the one that fills the packet."""
    for layout in _LAYOUTS:
        at, sides, row = _BODY.size, [], layout[0]
        for _ in range(2):
            (count,) = struct.unpack_from("<i", body, at)
            if not 0 <= count * row.size <= len(body) - at - 4:
                break
            rows = row.iter_unpack(body[at + 4 : at + 4 + count * row.size])
            sides.append([(price, size, orders) for size, price, orders, _ in rows])
            at += 4 + count * row.size
        if len(sides) == 2 and at + _touch_size(layout) == len(body):
            return tick(token, _touch(body, at, layout), time_ns, book(*sides))
    raise DecodeError(f"A depth packet of {len(body)} bytes has no known layout.")


def candles(text: str, interval: str, opening_s: int) -> Iterator[Bar]:
    """Rows `time|open|high|low|close|volume|oi|`: the time is the bar's last second on the Indian clock.

    Bars are counted from ``opening_s``, seconds after midnight. Of a day's row only the date counts.
    """
    length = tables.INTERVALS[interval]
    for row in text.split(","):
        if not row:
            continue
        parts = row.split("|")
        if len(parts) < 7:
            raise DecodeError("A candle has too few parts.")
        shown, *values = (number(part) for part in parts[:7])
        day, second = divmod(int(shown), _DAY_S)
        second = 0 if length == "D" else opening_s + (second - opening_s) // int(length) * int(length)
        first, high, low, last, volume, interest = values
        yield (day * _DAY_S + second - _IST_S) * NS_PER_SECOND, first, high, low, last, volume, interest
