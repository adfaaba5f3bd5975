"""Pages of candles with ISO times: either order, each start once, and what is no candle."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import pytest

from openalgo_lab.broker.candles import iso_candles
from openalgo_lab.model.errors import DecodeError
from openalgo_lab.model.times import IST, to_ns

START = datetime(2026, 1, 5, 9, 15, tzinfo=IST)


def row(minute: int, zone: str = "+05:30", **change: Any) -> list[Any]:
    start = (START + timedelta(minutes=minute)).strftime("%Y-%m-%dT%H:%M:%S") + zone
    return list(({"t": start, "o": 2, "h": 4, "l": 1, "c": 3, "v": 100 + minute, "oi": 7} | change).values())


def page(*rows: list[Any]) -> bytes:
    return json.dumps({"status": "success", "data": {"candles": rows}}).encode()


@pytest.mark.parametrize("zone", ["+0530", "+05:30"])
def test_the_newest_may_stand_first(zone: str) -> None:
    end = to_ns(START + timedelta(minutes=3))
    bars = iso_candles(page(row(3, zone), row(2, zone), row(1, zone), row(0, zone)), to_ns(START), end, "Broker")
    assert bars.start_ns.tolist() == [to_ns(START + timedelta(minutes=m)) for m in range(3)]
    assert (bars.volume.tolist(), bars.high.tolist()) == ([100, 101, 102], [4, 4, 4])


def test_each_start_stands_once() -> None:
    bars = iso_candles(page(row(0), row(0), row(1)), 0, 2**62, "Broker")
    assert len(bars) == 2
    assert len(iso_candles(page(), 0, 2**62, "Broker")) == 0


@pytest.mark.parametrize(
    "rows",
    [
        [row(0, "Z")],
        [row(0, "")],
        [row(0, t="2026-13-05T09:15:00+05:30")],
        [row(0, t="tomorrow at the opening+05:30")],
        [row(0, h=0.5)],
        [row(0, o="2")],
        [row(0)[:6]],
        [None],
    ],
)
def test_what_is_no_candle(rows: list[Any]) -> None:
    with pytest.raises(DecodeError):
        iso_candles(page(*rows), 0, 2**62, "Broker")
