"""Packets of the wide layout, put together field by field as the sheet lists the offsets."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any

__all__ = ["wide_1501", "wide_1502"]

Level = tuple[int, float, int]


def _head(code: int) -> bytes:
    return struct.pack("<HHHQQihiQ", code, 4, 0, 0, 1001, 0, 1, 2885, 1455185730)


def _row(level: Level) -> bytes:
    size, price, orders = level
    return struct.pack("<qdih", size, price, orders, 0)


def _rest(touch: dict[str, Any]) -> bytes:
    counts = struct.pack(
        "<qqqq",
        touch["LastTradedQunatity"], touch["TotalBuyQuantity"], touch["TotalSellQuantity"],
        touch["TotalTradedQuantity"],
    )  # fmt: skip
    prices = struct.pack("<d", touch["AverageTradedPrice"]) + struct.pack("<q", touch["LastTradedTime"])
    names = ("PercentChange", "Open", "High", "Low", "Close")
    day = b"".join(struct.pack("<d", touch[name]) for name in names) + struct.pack("<d", 0.0)
    last = struct.pack("<Q", touch["LastUpdateTime"]) + struct.pack("<d", touch["LastTradedPrice"])
    return last + counts + prices + day + struct.pack("<hhhh", 0, 0, 1, 1)


def _packet(code: int, body: bytes) -> bytes:
    return struct.pack("<BHhihhH", 0, code, 1, 2885, 1, 1, len(body)) + body


def wide_1501(touch: dict[str, Any], bid: Level, ask: Level) -> bytes:
    body = _head(1501) + _row(bid) + _row(ask) + _rest(touch)
    assert len(body) == 204
    return _packet(1501, body)


def wide_1502(touch: dict[str, Any], bids: Sequence[Level], asks: Sequence[Level]) -> bytes:
    sides = b"".join(struct.pack("<i", len(side)) + b"".join(map(_row, side)) for side in (bids, asks))
    body = _head(1502) + sides + _row(bids[0]) + _row(asks[0]) + _rest(touch)
    assert len(body) == 432
    return _packet(1502, body)
