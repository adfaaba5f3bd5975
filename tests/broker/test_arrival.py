"""Ticks without a time bear the moment of their arrival."""

from __future__ import annotations

import numpy as np

from openalgo_lab.broker.arrival import timed
from openalgo_lab.model.market import TickBatch


def batch(*times: int) -> TickBatch:
    return TickBatch(np.arange(len(times)), np.array(times, dtype=np.int64), {"ltp": np.ones(len(times))})


def test_only_ticks_without_a_time_are_stamped() -> None:
    found = timed(batch(5, 0, 7), 99)
    assert (found.time_ns.tolist(), found.time_ns.dtype) == ([5, 99, 7], np.int64)
    assert found.tokens.tolist() == [0, 1, 2]


def test_a_batch_with_all_its_times_is_handed_on() -> None:
    whole = batch(5, 6)
    assert timed(whole, 99) is whole
