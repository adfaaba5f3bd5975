"""Random books for property tests."""

from __future__ import annotations

import msgspec
from hypothesis import strategies as st

from openalgo_lab.model.events import Books
from openalgo_lab.model.orders import Fill, Order, OrderStatus
from openalgo_lab.model.portfolio import Funds, Holding, Position
from openalgo_lab.model.vocabulary import Exchange, Mode, PriceType, Product, Side, Validity

SYMBOLS = ("SBIN", "INFY", "M&M")


def order(number: int, status: OrderStatus, filled: int, version: int) -> Order:
    return Order(
        order_id=f"o{number}", account="a", mode=Mode.SIMULATED, exchange=Exchange.NSE, symbol=SYMBOLS[number % 3],
        side=Side.BUY, quantity=100, product=Product.MIS, price_type=PriceType.MARKET, price=0.0, trigger_price=0.0,
        disclosed_quantity=0, validity=Validity.DAY, strategy="", status=status, filled_quantity=filled,
        version=version,
    )  # fmt: skip


def fill(number: int) -> Fill:
    return Fill(
        trade_id=f"t{number}", order_id=f"o{number % 5}", broker_order_id="b", account="a", exchange=Exchange.NSE,
        symbol=SYMBOLS[number % 3], side=Side.SELL, product=Product.CNC, quantity=number + 1, price=99.5,
        time_ns=number,
    )  # fmt: skip


orders = st.builds(order, st.integers(0, 9), st.sampled_from(OrderStatus), st.integers(0, 100), st.integers(0, 9))
fills = st.builds(fill, st.integers(0, 30))
positions = st.builds(
    Position, st.just("a"), st.just(Exchange.NSE), st.sampled_from(SYMBOLS), st.sampled_from(Product),
    st.integers(-50, 50), st.floats(0, 1000),
)  # fmt: skip
holdings = st.builds(
    Holding, st.just("a"), st.just(Exchange.NSE), st.sampled_from(SYMBOLS), st.integers(1, 9), st.just(1.5)
)
funds = st.builds(Funds, st.sampled_from(("a", "b")), st.integers(-(10**9), 10**9), st.integers(0, 10**9))


def books(version: int) -> st.SearchStrategy[Books]:
    """Books of one version; sections of any length, so that they grow, shrink and change in the middle."""
    return st.builds(
        Books,
        st.just(version),
        st.lists(orders, max_size=6, unique_by=lambda item: item.order_id).map(tuple),
        st.lists(fills, max_size=6, unique_by=lambda item: item.trade_id).map(tuple),
        st.lists(positions, max_size=4).map(tuple),
        st.lists(holdings, max_size=3).map(tuple),
        st.lists(funds, max_size=2).map(tuple),
    )


@st.composite
def histories(draw: st.DrawFn) -> list[Books]:
    """Books one after the other; sections that do not change are the same objects, as the engine's are."""
    past = [draw(books(0))]
    for version in range(1, draw(st.integers(1, 6)) + 1):
        fresh, last = draw(books(version)), past[-1]
        kept = {
            name: getattr(last, name)
            for name in ("orders", "fills", "positions", "holdings", "funds")
            if draw(st.booleans())
        }
        past.append(msgspec.structs.replace(fresh, **kept))
    return past
