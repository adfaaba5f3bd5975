"""Orders that become several, through the facade on the simulated exchange."""

from __future__ import annotations

import pytest

from openalgo_lab import Lab
from openalgo_lab.model.errors import InputError, SymbolError
from openalgo_lab.model.instruments import Instrument
from tests.support.waiting import eventually


@pytest.fixture
def call(lab: Lab) -> Instrument:
    """An option near the money."""
    expiry = lab.handle.instruments.expiries("NIFTY")[1]
    found = lab.option_symbol("NIFTY", "ATM", "CE", expiry=expiry)
    assert abs(found.instrument.strike - found.underlying_ltp) <= 50
    return found.instrument


def test_smart_order(lab: Lab) -> None:
    smart = lab.place_smart_order("WIPRO", 12, strategy="smart")
    assert smart and smart.order is not None
    smart.order.wait()
    eventually(lambda: lab.open_position("WIPRO") == 12)
    assert not lab.place_smart_order("WIPRO", 12)
    assert "Already Matched" in repr(lab.place_smart_order("WIPRO", 12))
    assert lab.open_position("WIPRO", strategy="smart") == 12
    lab.close_position("WIPRO", strategy="smart")
    eventually(lambda: lab.open_position("WIPRO") == 0)


def test_a_large_order_reads_as_one(lab: Lab, call: Instrument) -> None:
    quantity = (call.freeze_quantity // call.lot_size + 1) * call.lot_size
    price = round(lab.quote(call).ltp * 0.8 / call.tick_size) * call.tick_size
    order = lab.place_order(call, "BUY", quantity, price=round(price, 2), product="NRML")
    assert order.quantity == quantity and len(order.slices) == 2
    assert sum(part.quantity for part in order.slices) == quantity
    assert lab.order_status(order).status in ("open", "rejected")
    order.cancel()
    eventually(lambda: order.is_done)


def test_split_basket_and_options(lab: Lab, call: Instrument) -> None:
    children = lab.split_order("INFY", "BUY", 25, 10, strategy="split")
    assert [leg.quantity for leg in children] == [10, 10, 5] and children.ok
    assert "INFY" in repr(children) and list(children.frame["quantity"]) == [10, 10, 5]
    basket = lab.place_basket(
        [{"symbol": "TCS", "side": "SELL", "quantity": 3}, {"symbol": "TCS", "side": "BUY", "quantity": 4}],
        policy="hold",
    )
    assert basket.ok and all(order.is_done for order in basket.orders)
    assert "TCS" in basket._repr_html_()
    option = lab.place_options_order(
        "NIFTY", "ATM", "CE", "BUY", call.lot_size, expiry=call.expiry, product="NRML", strategy="opt"
    )
    assert option.ok and option.underlying == "NIFTY" and option.underlying_ltp > 0
    spread = lab.place_options_multiorder(
        "NIFTY",
        [
            {"offset": "OTM2", "option_type": "CE", "side": "BUY", "quantity": call.lot_size, "product": "NRML"},
            {"offset": "ATM", "option_type": "CE", "side": "SELL", "quantity": call.lot_size, "product": "NRML"},
        ],
        expiry=call.expiry,
        policy="unwind",
    )
    assert len(spread) == 2 and len(spread.orders) >= 1
    lab.close_position(product="NRML")


def test_margins_of_a_basket(lab: Lab) -> None:
    one = lab.margin("SBIN", "BUY", 10).margin
    both = lab.basket_margin([{"symbol": "SBIN", "side": "BUY", "quantity": 10}] * 2)
    assert both.margin >= one


def test_wrong_words(lab: Lab) -> None:
    with pytest.raises(InputError, match="lacks side, quantity"):
        lab.place_basket([{"symbol": "SBIN"}])
    with pytest.raises(InputError, match="no policy"):
        lab.place_basket([], policy="perhaps")
    with pytest.raises(SymbolError, match="not a strike offset"):
        lab.option_symbol("NIFTY", "OTM", "CE", expiry=lab.handle.instruments.expiries("NIFTY")[0])
    with pytest.raises(InputError, match="Expiry date required"):
        lab.option_symbol("NIFTY", "ATM", "CE")


async def test_the_twins(lab: Lab) -> None:
    smart = await lab.place_smart_order_async("HDFCBANK", 5)
    assert smart.order is not None
    await smart.order.done(10)
    assert await lab.open_position_async("HDFCBANK") == 5
