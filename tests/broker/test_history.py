"""Histories in pages: every candle once, none outside the span, no page longer than the broker allows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openalgo_lab.broker import HistoryLimits
from openalgo_lab.broker.history import fetch_history, joined, pages
from openalgo_lab.model.errors import NotSupported
from openalgo_lab.model.market import Bars
from tests.broker.tiny import spec

DAY = 86_400 * 10**9
MINUTE = 60 * 10**9


def bars(starts: list[int], close: float = 1.0) -> Bars:
    values = np.full(len(starts), close)
    return Bars(np.array(starts, dtype=np.int64), values, values, values, values, values, values)


@given(st.integers(0, 400 * DAY), st.integers(0, 400 * DAY), st.integers(0, 90))
def test_pages_cover_the_span_without_gap_or_overlap(start: int, length: int, days: int) -> None:
    found = list(pages(start, start + length, days))
    assert all(0 < end - begin <= (days * DAY or length) for begin, end in found)
    assert [begin for begin, _ in found[1:]] == [end for _, end in found[:-1]]
    if length:
        assert (found[0][0], found[-1][1]) == (start, start + length)


@given(st.lists(st.lists(st.integers(0, 50), max_size=20), max_size=5), st.integers(0, 25), st.integers(25, 60))
def test_what_is_joined_is_ascending_unique_and_within(parts: list[list[int]], start: int, end: int) -> None:
    made = joined([bars(part) for part in parts], start, end)
    expected = sorted({moment for part in parts for moment in part if start <= moment < end})
    assert made.start_ns.tolist() == expected
    assert made.start_ns.dtype == np.int64 and len(made.close) == len(expected)


def test_where_pages_overlap_the_later_one_counts() -> None:
    made = joined([bars([1, 2], 10.0), bars([2, 3], 20.0)], 0, 10)
    assert made.close.tolist() == [10.0, 20.0, 20.0]


async def test_as_many_calls_as_it_takes() -> None:
    asked: list[tuple[int, int]] = []

    async def fetch(start: int, end: int) -> Bars:
        asked.append((start, end))
        return bars(list(range(start, end + MINUTE, DAY)))  # some brokers give the end's candle as well

    limits = spec(history=HistoryLimits({"1m": 30, "D": 2000}))
    made = await fetch_history(limits, "1m", 0, 100 * DAY, fetch)
    assert len(asked) == 4
    assert made.start_ns.tolist() == [n * DAY for n in range(100)]
    asked.clear()
    await fetch_history(limits, "D", 0, 100 * DAY, fetch)
    assert len(asked) == 1
    with pytest.raises(NotSupported, match="no candles of '7m'; it has 1m, D"):
        await fetch_history(limits, "7m", 0, DAY, fetch)
