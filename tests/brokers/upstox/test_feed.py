"""Upstox's market feed: the published dumps, absent fields, a subscription's messages, and bytes that are none."""

from __future__ import annotations

import json
import math
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from brokers.upstox.feed import MarketFeed, PortfolioFeed, decode_feed
from openalgo_lab.model.errors import DecodeError
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.market import QUOTE_FIELDS, TickBatch
from openalgo_lab.model.vocabulary import Exchange, FeedMode, InstrumentType
from tests.brokers.upstox.golden import FULL, GREEKS, INDEX, LTPC, MARKET_INFO, TOKENS, frames
from tests.conformance.simulators.upstox_rows import _bytes, _double, _int

LTT_NS = 1_740_729_552_723 * 10**6


def values(batch: TickBatch, row: int = 0) -> dict[str, float]:
    return {name: float(column[row]) for name, column in batch.columns.items()}


def test_market_information_is_no_tick() -> None:
    assert decode_feed(MARKET_INFO, TOKENS) == ()


def test_last_price() -> None:
    (batch,) = decode_feed(LTPC, TOKENS)
    assert (batch.tokens.tolist(), batch.time_ns.tolist()) == ([1], [LTT_NS])
    assert values(batch) == {"ltp": 219.3, "ltq": 75, "prev_close": 494.05}


def test_full() -> None:
    (batch,) = decode_feed(FULL, TOKENS)
    assert values(batch) == {
        "average": 811.75, "volume": 1234567, "bid": 812.45, "bid_qty": 100, "ask": 812.5, "ask_qty": 200,
        "ltp": 812.5, "ltq": 10, "prev_close": 810.0, "open": 811.0, "high": 815.0, "low": 808.1,
    }  # fmt: skip
    assert batch.depth is not None
    nan = math.nan
    np.testing.assert_equal(
        batch.depth[0].tolist(),
        [
            [812.45, 812.4, nan, nan, nan],
            [100, 101, nan, nan, nan],
            [812.5, 812.55, nan, nan, nan],
            [200, 201, nan, nan, nan],
        ],
    )


def test_first_level_with_greeks() -> None:
    (batch,) = decode_feed(GREEKS, TOKENS)
    assert batch.depth is None
    assert values(batch) == {
        "volume": 1500, "oi": 3500, "bid": 219.2, "bid_qty": 70, "ask": 219.35, "ask_qty": 105, "ltp": 219.3,
        "ltq": 35, "prev_close": 494.05,
    }  # fmt: skip


def test_an_index_has_no_day_of_its_own_in_a_minute_bar() -> None:
    (batch,) = decode_feed(INDEX, TOKENS)
    assert values(batch) == {"ltp": 22100.5, "prev_close": 22545.05}
    assert batch.time_ns.tolist() == [1_740_729_566_000 * 10**6]


def test_what_is_absent_is_not_told() -> None:
    """A frame with depth alone says nothing of price, volume or open interest."""
    level = _bytes(1, _int(1, 5) + _double(2, 99.5) + _int(3, 6) + _double(4, 100.5))
    feed = _bytes(2, _bytes(1, _bytes(2, level)))
    frame = _int(1, 1) + _bytes(2, _bytes(1, "NSE_FO|45450") + _bytes(2, feed)) + _int(3, 1_740_729_566_039)
    (batch,) = decode_feed(frame, TOKENS)
    assert values(batch) == {"bid": 99.5, "bid_qty": 5, "ask": 100.5, "ask_qty": 6}
    assert batch.time_ns.tolist() == [1_740_729_566_039 * 10**6]


def test_several_kinds_in_one_frame() -> None:
    batches = decode_feed(LTPC + FULL + GREEKS + INDEX, TOKENS)  # messages joined are one message
    assert sorted(token for batch in batches for token in batch.tokens.tolist()) == [1, 2, 3, 4]


def test_unknown_keys_are_left_out() -> None:
    assert decode_feed(LTPC, {}) == ()


@pytest.mark.parametrize("number", [math.inf, -math.inf, math.nan])
def test_a_number_that_is_none(number: float) -> None:
    entry = _bytes(2, _bytes(1, "NSE_FO|45450") + _bytes(2, _bytes(1, _double(1, number) + _int(2, 1))))
    with pytest.raises(DecodeError):
        decode_feed(entry, TOKENS)


@pytest.mark.parametrize("frame", [b"\xff" * 20, LTPC[:-9], FULL[:100], b"\x12\x05\x0a\x03\xff\xfe\xfd"])
def test_what_does_not_fit_is_refused(frame: bytes) -> None:
    with pytest.raises(DecodeError):
        decode_feed(frame, TOKENS)


def instrument(token: int) -> Instrument:
    return Instrument(
        f"S{token}", Exchange.NSE, InstrumentType.EQ, "S", token, 1, 0.05, broker_symbol=f"NSE_EQ|{token}"
    )


def test_messages() -> None:
    feed = MarketFeed()
    one, two = instrument(1), instrument(2)
    (first,) = feed.subscribe([one], FeedMode.LTP)
    sub, change = feed.subscribe([one, two], FeedMode.DEPTH)[::1]
    (drop,) = feed.unsubscribe([one])
    parts = [json.loads(message) for message in (first, sub, change, drop)]
    assert [(p["method"], p["data"]) for p in parts] == [
        ("sub", {"mode": "ltpc", "instrumentKeys": ["NSE_EQ|1"]}),
        ("sub", {"mode": "full", "instrumentKeys": ["NSE_EQ|2"]}),
        ("change_mode", {"mode": "full", "instrumentKeys": ["NSE_EQ|1"]}),
        ("unsub", {"instrumentKeys": ["NSE_EQ|1"]}),
    ]
    assert all(isinstance(message, bytes) for message in (first, sub, change, drop))
    assert len({p["guid"] for p in parts}) == 4
    assert all(len(p["guid"]) <= 36 for p in parts)


def test_an_error_in_text_is_a_notice() -> None:
    told = MarketFeed().received('{"status":"failed","error":"Too many keys","method":"sub"}')
    assert told.notice == "failed: Too many keys"


@pytest.mark.parametrize("kind", ["position", "holding", "gtt_order"])
def test_other_updates_are_no_reports(kind: str) -> None:
    assert PortfolioFeed().received(json.dumps({"update_type": kind})).reports == ()


# Fuzz ---------------------------------------------------------------------------------------------------------------


def survives(frame: bytes) -> None:
    try:
        batches = decode_feed(frame, TOKENS)
    except DecodeError:
        return
    for batch in batches:
        assert set(batch.columns) <= set(QUOTE_FIELDS)
        assert all(np.isfinite(column).all() for column in batch.columns.values())


@given(st.binary(max_size=300))
def test_any_bytes(frame: bytes) -> None:
    survives(frame)


@pytest.mark.parametrize("rounds", [4_000, pytest.param(1_000_000, marks=pytest.mark.long)])
def test_mutated_frames(rounds: int) -> None:
    source = random.Random(11)
    for _ in range(rounds):
        frame = bytearray(source.choice(frames()))
        for _ in range(source.randrange(1, 6)):
            place = source.randrange(len(frame))
            match source.randrange(4):
                case 0:
                    frame[place] = source.randrange(256)
                case 1:
                    frame[place] ^= 1 << source.randrange(8)
                case 2:
                    del frame[place : place + source.randrange(1, 9)]
                case _:
                    frame[place:place] = source.randbytes(source.randrange(1, 9))
            if not frame:
                break
        survives(bytes(frame))
