"""Options through the facade: Greeks of one and many, strategies from templates and by hand, the book."""

from __future__ import annotations

import asyncio
import math

import numpy as np
import pytest

from openalgo_lab import Lab
from openalgo_lab.lab.strategy_legs import SavedBook, StrategyLeg, legs_of_positions
from openalgo_lab.model.errors import InputError, LabError, StoreError
from openalgo_lab.model.instruments import InstrumentKey
from openalgo_lab.model.option_conventions import EXCHANGE
from openalgo_lab.model.portfolio import Position
from openalgo_lab.model.profile import profile_dir
from openalgo_lab.model.vocabulary import Exchange, PriceType, Product, Side
from openalgo_lab.options.templates import TEMPLATES
from tests.support.waiting import eventually


def test_greeks_of_one_and_many(lab: Lab) -> None:
    chain = lab.option_chain("NIFTY")
    call, put = chain.option(chain.atm, "CE"), chain.option(chain.atm, "PE")
    one = lab.option_greeks(call)
    assert len(one) == 1
    assert one[0].figures.iv == pytest.approx(chain.atm_iv, rel=0.2)
    many = asyncio.run(lab.option_greeks_async([call, put]))
    assert list(many.frame.index) == [call.symbol, put.symbol]
    assert many[1].figures.delta is not None
    assert many[1].figures.delta < 0
    assert call.symbol in repr(many)
    assert "<table" in many._repr_html_()
    published = lab.option_greeks(call, conventions=EXCHANGE)[0]
    assert published.forward_source == "spot with carry"


def test_synthetic_future_and_strikes(lab: Lab) -> None:
    found = lab.synthetic_future("nifty")
    assert found.strike in lab.strikes("NIFTY")
    assert found.price == pytest.approx(lab.option_chain("NIFTY").forward, rel=0.002)


def test_chain_says_how_it_was_computed(lab: Lab) -> None:
    chain = lab.option_chain("NIFTY", conventions=EXCHANGE)
    assert chain.now.conventions == EXCHANGE
    assert chain.frame.attrs["conventions"].startswith("Black-Scholes on the spot, rate 10 %")
    assert chain.forward_source == "spot with carry"
    assert chain.expected_move > 0
    smile = lab.option_chain("NIFTY").smile
    assert smile is not None
    assert smile.error < 1.0
    level = float(smile.smile.volatility(np.array([chain.spot]))[0])
    assert level * 100 == pytest.approx(lab.option_chain("NIFTY").atm_iv, rel=0.1)


def test_an_iron_condor_from_its_template(lab: Lab) -> None:
    condor = lab.option_strategy("iron condor", "NIFTY")
    now = condor.now
    assert now.complete
    assert [leg.lots for leg in now.legs] == [1, -1, -1, 1]
    strikes = [leg.item.strike for leg in now.legs]
    assert strikes == sorted(strikes)
    found = condor.outcome
    assert 0 < found.max_profit < -found.max_loss
    assert len(found.break_evens) == 2
    assert 0.05 < found.probability < 0.95
    margin = condor.margin
    assert margin.benefit > 0
    assert margin.total < 400_000
    assert condor.greeks.theta > 0
    frame = condor.payoff()
    assert frame["expiry"].max() == pytest.approx(found.max_profit, rel=0.05)
    assert abs(frame["then"].iloc[100]) < 2_000
    table = condor.scenarios(days=1.0)
    assert table.shape == (5, 9)
    assert condor.value_at_risk().value > 0
    assert condor.frame.shape == (4, 7)
    assert "Short Iron Condor on NIFTY" in repr(condor)


@pytest.mark.parametrize("key", TEMPLATES)
def test_every_template_can_be_had(lab: Lab, key: str) -> None:
    expiry = lab.expiries("NIFTY", "FUT")[0]
    strategy = lab.option_strategy(key, "NIFTY", expiry)
    now = strategy.now
    assert now.complete
    assert len(now.legs) == len(TEMPLATES[key].legs)
    found = strategy.outcome
    assert math.isfinite(found.probability)
    assert strategy.margin.total > 0


def test_by_hand_and_live(lab: Lab) -> None:
    chain = lab.option_chain("NIFTY")
    call = chain.option(chain.atm, "CE")
    strategy = lab.option_legs([(call, -call.lot_size)], name="Mine")
    assert strategy.now.legs[0].leg.side is Side.SELL
    first = strategy.now.engine_ns
    eventually(lambda: strategy.now.engine_ns > first)
    now = strategy.entered({call.symbol: 1.0}).now
    assert now.profit == pytest.approx(-call.lot_size * (now.legs[0].price - 1.0))


def test_placed_as_one_basket(lab: Lab) -> None:
    spread = lab.option_strategy("bull call spread", "NIFTY")
    limits = spread.orders(price_type=PriceType.LIMIT)
    assert all(order.price > 0 and order.price_type is PriceType.LIMIT for order in limits)
    legs = spread.place(product=Product.NRML)
    assert len(legs) == 2
    assert all(leg.ok for leg in legs), repr(legs)
    eventually(lambda: all(leg.order is not None and leg.order.status.value == "complete" for leg in legs))
    back = spread.close_out()
    assert [leg.side for leg in back] == [Side.SELL, Side.BUY]
    assert all(leg.ok for leg in back), repr(back)


def test_saved_and_marked_to_market(lab: Lab) -> None:
    fly = lab.option_strategy("iron butterfly", "NIFTY", lots=2)
    saved = fly.save("weekly fly")
    assert all(leg.entry is not None and leg.entry > 0 for leg in saved.legs)
    assert "weekly fly" in [one.name for one in lab.saved_strategies()]
    again = lab.saved_strategy("weekly fly")
    assert [leg.quantity for leg in again.legs] == [leg.quantity for leg in fly.legs]
    assert math.isfinite(again.profit)
    marked = lab.strategy_book()
    assert marked.loc["weekly fly", "legs"] == 4
    assert marked.loc["weekly fly", "margin"] > 0
    book = SavedBook(profile_dir(lab.profile))
    book.delete("weekly fly")
    assert "weekly fly" not in lab.strategy_book().index
    with pytest.raises(InputError, match="no saved strategy"):
        lab.saved_strategy("weekly fly")
    with pytest.raises(InputError, match="no saved strategy"):
        book.delete("weekly fly")


def test_a_damaged_book_says_so(lab: Lab) -> None:
    path = profile_dir("damaged") / "strategies.json"
    path.write_text("{")
    with pytest.raises(StoreError, match="repair or delete"):
        SavedBook(path.parent).load()


def test_positions_become_legs_by_underlying(lab: Lab) -> None:
    chain = lab.option_chain("NIFTY")
    call = chain.option(chain.atm, "CE")

    def position(key: InstrumentKey, quantity: int) -> Position:
        return Position("SIM", key.exchange, key.symbol, Product.NRML, quantity, 100.0)

    held = [position(call.key, -65), position(InstrumentKey(Exchange.NSE, "SBIN"), 10), position(call.key, 0)]
    found = legs_of_positions(lab.handle.instruments, held)
    assert list(found) == ["NIFTY", "SBIN"]
    assert found["NIFTY"][0][1] == StrategyLeg(call.key, -65, 100.0)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (lambda lab: lab.option_strategy("nonsense"), "no template"),
        (lambda lab: lab.option_strategy("iron condor", width=500), "make it narrower"),
        (lambda lab: lab.option_strategy("iron condor", lots=0), "at least 1"),
        (lambda lab: lab.option_strategy("covered call", "NIFTY"), "needs a future"),
        (lambda lab: lab.option_legs([]), "one underlying"),
        (lambda lab: lab.option_legs([("NSE:SBIN", 1), ("NSE_INDEX:NIFTY", 1)]), "one underlying"),
        (lambda lab: lab.option_greeks("NSE:SBIN"), "is no option"),
        (lambda lab: lab.option_chain("NOSUCH"), "No options are listed"),
    ],
)
def test_what_is_wrong_is_said(lab: Lab, wrong: object, sentence: str) -> None:
    with pytest.raises(LabError, match=sentence):
        wrong(lab)  # type: ignore[operator]
