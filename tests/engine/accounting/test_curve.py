"""The day's curve against a slow oracle, and the short remainder that must not be lost."""

from __future__ import annotations

from datetime import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openalgo_lab.engine.accounting.curve import MINUTE_NS, Carried, Minutes, day_curve
from openalgo_lab.engine.positions import PositionKey
from openalgo_lab.model.instruments import InstrumentKey
from openalgo_lab.model.times import at_ist, to_ns
from openalgo_lab.model.vocabulary import Exchange, Product
from tests.engine.accounting.fills import DAY, fill

OPEN = to_ns(at_ist(DAY, time(9, 15)))
SBIN = InstrumentKey(Exchange.NSE, "SBIN")
KEY = PositionKey("A", Exchange.NSE, "SBIN", Product.MIS)


def bars(*closes: float) -> Minutes:
    return Minutes(OPEN + np.arange(len(closes)) * MINUTE_NS, np.array(closes))


def test_by_hand() -> None:
    fills = [fill("BUY", 10, 100.0, minute=0.5), fill("SELL", 15, 104.0, minute=2.5)]
    curve = day_curve(fills, {}, {SBIN: bars(101.0, 103.0, 104.0, 101.0)})
    # The sale is 5 larger than what was held: 5 are short from there.
    assert curve.total.tolist() == [10.0, 30.0, 40.0, 55.0]
    assert curve.drawdown.tolist() == [0.0, 0.0, 0.0, 0.0]
    assert not curve.missing


def test_carried_positions_and_drawdown() -> None:
    curve = day_curve([], {KEY: Carried(-10, 100.0)}, {SBIN: bars(99.0, 101.0, 98.0)})
    assert curve.total.tolist() == [10.0, -10.0, 20.0]
    assert curve.drawdown.tolist() == [0.0, -20.0, 0.0]


def test_what_has_no_price_is_named() -> None:
    curve = day_curve([fill("BUY", 1, 1.0), fill("BUY", 1, 1.0, "NSE:INFY")], {}, {SBIN: bars(2.0)})
    assert curve.missing == ("INFY",)
    assert curve.total.tolist() == [1.0]
    assert not len(day_curve([], {}, {}).total)
    nothing = day_curve([fill("BUY", 1, 1.0)], {}, {})
    assert nothing.missing == ("SBIN",) and not len(nothing.total)


@given(
    st.lists(st.tuples(st.sampled_from(["BUY", "SELL"]), st.integers(1, 50), st.integers(1, 9)), max_size=12),
    st.lists(st.integers(50, 150), min_size=1, max_size=10),
    st.integers(-20, 20),
)
def test_against_the_oracle(rows: list[tuple[str, int, int]], closes: list[int], held: int) -> None:
    fills = [fill(side, quantity, 100.0 + n, minute=n + 0.5) for side, quantity, n in rows]
    curve = day_curve(fills, {KEY: Carried(held, 90.0)}, {SBIN: bars(*map(float, closes))})
    for index, end in enumerate(curve.time_ns.tolist()):
        done = [f for f in fills if f.time_ns < end]
        cash = sum(-f.quantity * f.side.sign * f.price for f in done)
        units = held + sum(f.quantity * f.side.sign for f in done)
        assert curve.total[index] == pytest.approx(cash + units * closes[index] - held * 90.0)
    assert (curve.drawdown <= 1e-9).all()
