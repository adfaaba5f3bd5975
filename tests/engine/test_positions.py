"""Positions from fills: averages, realised money, flips; the same from any order of arrival."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openalgo_lab.engine.positions import PositionBook, PositionKey, opening_before
from openalgo_lab.model.orders import Fill
from openalgo_lab.model.reports import PositionReport
from openalgo_lab.model.vocabulary import Exchange, Product, Side

KEY = PositionKey("A", Exchange.NSE, "SBIN", Product.MIS)


def fill(number: int, signed: int, price: float) -> Fill:
    side = Side.BUY if signed > 0 else Side.SELL
    return Fill(f"T{number:03}", "O", "B", "A", Exchange.NSE, "SBIN", side, Product.MIS, abs(signed), price, number)


@pytest.mark.parametrize(
    ("trades", "quantity", "average", "realised"),
    [
        ([(10, 100.0)], 10, 100.0, 0),
        ([(10, 100.0), (10, 110.0)], 20, 105.0, 0),
        ([(10, 100.0), (-4, 110.0)], 6, 100.0, 4000),
        ([(10, 100.0), (-10, 90.0)], 0, 0.0, -10000),
        ([(10, 100.0), (-15, 110.0)], -5, 110.0, 10000),
        ([(-10, 100.0), (4, 90.0)], -6, 100.0, 4000),
        ([(-10, 100.0), (25, 105.0)], 15, 105.0, -5000),
    ],
)
def test_average_cost(trades: list[tuple[int, float]], quantity: int, average: float, realised: int) -> None:
    book = PositionBook()
    for number, (signed, price) in enumerate(trades):
        position = book.put(fill(number, signed, price))
    assert (position.quantity, position.average_price, position.realised_paise) == (quantity, average, realised)


trades = st.lists(
    st.tuples(st.integers(-50, 50).filter(bool), st.integers(1, 4000).map(lambda n: n * 0.05)), min_size=1, max_size=20
)


@given(trades, st.randoms(use_true_random=False))
def test_arrival_does_not_matter(trades: list[tuple[int, float]], random: object) -> None:
    fills = [fill(number, signed, price) for number, (signed, price) in enumerate(trades)]
    straight, mixed = PositionBook(), PositionBook()
    for one in fills:
        straight.put(one)
    shuffled = list(fills)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    for one in shuffled:
        mixed.put(one)
    assert straight.all() == mixed.all()


@given(trades)
def test_money_is_conserved(trades: list[tuple[int, float]]) -> None:
    """Sold minus bought is what was realised minus what the open position cost (to a paisa a trade)."""
    book = PositionBook()
    for number, (signed, price) in enumerate(trades):
        position = book.put(fill(number, signed, price))
    flow = position.sell_value_paise - position.buy_value_paise
    cost = position.average_price * position.quantity * 100
    assert abs(flow - (position.realised_paise - cost)) <= len(trades) * 2
    assert position.quantity == sum(signed for signed, _ in trades)
    assert position.buy_quantity - position.sell_quantity == position.quantity


@given(trades, st.integers(-30, 30))
def test_an_opening_makes_the_broker_right(trades: list[tuple[int, float]], carried: int) -> None:
    book = PositionBook()
    for number, (signed, price) in enumerate(trades):
        book.put(fill(number, signed, price))
    net = carried + sum(signed for signed, _ in trades)
    report = PositionReport(Exchange.NSE, "SBIN", Product.MIS, net, 100.0)
    opening = opening_before(report, book.fills(KEY))
    if opening is None:
        assert carried == 0
    else:
        assert book.open_with("A", opening).quantity == net
