"""A span of candles cut into pages, and pages joined again."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from brokers.simulated import SPEC
from openalgo_lab.broker import HistoryLimits
from openalgo_lab.broker.history import fetch_history, joined, pages
from openalgo_lab.model.market import Bars
from openalgo_lab.model.times import IST, ManualClock, to_ns

DAY = 86_400 * 10**9
MOMENT = st.integers(0, 400 * DAY)


@given(MOMENT, MOMENT, st.integers(0, 30), MOMENT)
def test_pages_cover_the_span_once_and_never_span_the_cut(start: int, end: int, days: int, cut: int) -> None:
    found = list(pages(start, end, days, cut))
    assert [a for a, _ in found[1:]] == [b for _, b in found[:-1]]
    if start < end:
        assert (found[0][0], found[-1][1]) == (start, end)
    else:
        assert found == []
    assert all(a < b and (not days or b - a <= days * DAY) and not a < cut < b for a, b in found)


async def test_today_is_a_page_of_its_own() -> None:
    asked: list[tuple[int, int]] = []

    async def fetch(start: int, end: int) -> Bars:
        asked.append((start, end))
        return joined([], start, end)

    now = datetime(2026, 1, 5, 11, 30, tzinfo=IST)
    limits = HistoryLimits({"1m": 28}, today_apart=True)
    spec = msgspec.structs.replace(SPEC, history=limits)
    start = now - timedelta(days=3)
    bars = await fetch_history(spec, "1m", to_ns(start), to_ns(now), fetch, clock=ManualClock(to_ns(now)))
    midnight = to_ns(datetime(2026, 1, 5, tzinfo=IST))
    assert asked == [(to_ns(start), midnight), (midnight, to_ns(now))]
    assert len(bars) == 0


def test_where_pages_overlap_the_later_one_counts() -> None:
    def page(*starts: int, close: float) -> Bars:
        column = np.full(len(starts), close)
        return Bars(np.array(starts, dtype=np.int64), column, column, column, column, column, column)

    found = joined([page(10, 20, 30, close=1.0), page(30, 40, close=2.0)], 20, 40)
    assert (found.start_ns.tolist(), found.close.tolist()) == ([20, 30], [1.0, 2.0])
