"""Market orders as limit orders: the bands, the tick, the side."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openalgo_lab.broker.protection import protected, protection_pct
from openalgo_lab.model.errors import InputError
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.money import is_on_tick
from openalgo_lab.model.orders import OrderIntent
from openalgo_lab.model.vocabulary import Exchange, InstrumentType, PriceType, Product, Side


def listed(kind: InstrumentType = InstrumentType.EQ, tick: float = 0.05) -> Instrument:
    return Instrument("X", Exchange.NSE, kind, "X", 1, 1, tick)


def an_intent(kind: PriceType = PriceType.MARKET, side: Side = Side.BUY, trigger: float = 0.0) -> OrderIntent:
    return OrderIntent("T", "A", Exchange.NSE, "X", side, 1, Product.MIS, kind, trigger_price=trigger)


@pytest.mark.parametrize(
    ("price", "share", "option"),
    [(9.95, 2, 5), (10, 2, 3), (99.95, 2, 3), (100, 1, 3), (100.05, 1, 2), (500, 1, 2), (500.05, 0.5, 1)],
)
def test_bands(price: float, share: float, option: float) -> None:
    assert (protection_pct(price, option=False), protection_pct(price, option=True)) == (share, option)


@given(
    last=st.floats(0.05, 90_000),
    tick=st.sampled_from([0.01, 0.05, 0.1, 1.0, 0.0025]),
    side=st.sampled_from(Side),
    kind=st.sampled_from([InstrumentType.EQ, InstrumentType.CE, InstrumentType.FUT]),
)
def test_the_limit_is_on_the_tick_and_on_the_right_side(
    last: float, tick: float, side: Side, kind: InstrumentType
) -> None:
    sent = protected(an_intent(side=side), listed(kind, tick), last)
    band = last * protection_pct(last, option=kind.is_option) / 100
    assert sent.price_type is PriceType.LIMIT
    assert is_on_tick(sent.price, tick)
    assert sent.price >= tick
    if side is Side.BUY:
        assert last + band - 1e-6 <= sent.price <= last + band + tick + 1e-6
    else:
        assert sent.price <= max(last - band + 1e-6, tick)
        assert sent.price >= last - band - tick - 1e-6


def test_a_stop_is_measured_from_its_trigger() -> None:
    sent = protected(an_intent(PriceType.SL_M, Side.SELL, 200.0), listed(), 0.0)
    assert (sent.price_type, sent.price, sent.trigger_price) == (PriceType.SL, 198.0, 200.0)


@pytest.mark.parametrize("last", [0.0, -1.0, float("nan")])
def test_without_a_price_there_is_no_limit(last: float) -> None:
    with pytest.raises(InputError, match="give a limit price"):
        protected(an_intent(), listed(), last)
