"""An order that went in slices reads as one."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openalgo_lab.model.errors import InputError
from openalgo_lab.model.order_groups import combine, find_order
from openalgo_lab.model.orders import Order, OrderStatus
from openalgo_lab.model.vocabulary import Exchange, Mode, PriceType, Product, Side, Validity

S = OrderStatus


def part(number: int, status: OrderStatus, filled: int = 0, quantity: int = 100, price: float = 10.0) -> Order:
    return Order(
        order_id=f"S{number}", account="A", mode=Mode.SIMULATED, exchange=Exchange.NFO, symbol="X", side=Side.BUY,
        quantity=quantity, product=Product.NRML, price_type=PriceType.MARKET, price=0.0, trigger_price=0.0,
        disclosed_quantity=0, validity=Validity.DAY, strategy="", status=status, filled_quantity=filled,
        average_price=price if filled else 0.0, broker_order_id=f"B{number}", version=number, parent="P",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("slices", "status"),
    [
        ([part(1, S.COMPLETE, 100), part(2, S.COMPLETE, 100)], S.COMPLETE),
        ([part(1, S.COMPLETE, 100), part(2, S.OPEN)], S.PARTIALLY_FILLED),
        ([part(1, S.OPEN), part(2, S.OPEN)], S.OPEN),
        ([part(1, S.ACCEPTED), part(2, S.TRIGGER_PENDING)], S.TRIGGER_PENDING),
        ([part(1, S.UNKNOWN), part(2, S.COMPLETE, 100)], S.UNKNOWN),
        ([part(1, S.REJECTED), part(2, S.REJECTED)], S.REJECTED),
        ([part(1, S.REJECTED), part(2, S.COMPLETE, 100)], S.CANCELLED),
        ([part(1, S.CANCELLED), part(2, S.REJECTED)], S.CANCELLED),
        ([part(1, S.EXPIRED), part(2, S.EXPIRED)], S.EXPIRED),
    ],
)
def test_the_state_of_the_whole(slices: list[Order], status: OrderStatus) -> None:
    assert combine(slices).status is status


def test_sums_and_the_weighted_average() -> None:
    whole = combine([part(1, S.COMPLETE, 100, price=10.0), part(2, S.PARTIALLY_FILLED, 50, price=13.0)])
    assert (whole.order_id, whole.quantity, whole.filled_quantity, whole.average_price) == ("P", 200, 150, 11.0)
    assert whole.broker_order_id == "B1, B2"
    assert whole.version == 3


@given(st.lists(st.tuples(st.integers(1, 1000), st.integers(0, 1000)), min_size=1, max_size=20))
def test_quantity_is_conserved(pairs: list[tuple[int, int]]) -> None:
    slices = [
        part(n, S.COMPLETE if filled >= quantity else S.OPEN, min(filled, quantity), quantity)
        for n, (quantity, filled) in enumerate(pairs)
    ]
    whole = combine(slices)
    assert whole.quantity == sum(quantity for quantity, _ in pairs)
    assert whole.filled_quantity + whole.remaining == whole.quantity


def test_finding() -> None:
    alone = msgspec.structs.replace(part(9, S.OPEN), parent="")
    orders = [part(1, S.OPEN), part(2, S.OPEN), alone]
    assert find_order(orders, "S9") == alone
    assert find_order(orders, "B2") == orders[1]
    whole = find_order(orders, "P")
    assert whole is not None and whole.quantity == 200
    assert find_order(orders, "nobody") is None
    with pytest.raises(InputError):
        combine([])
