"""Strategies: legs' worth, payoffs, break-evens, extremes, probabilities, scenarios; every template in turn."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openalgo_lab.model.vocabulary import InstrumentType
from openalgo_lab.options.black import black_greeks, black_price
from openalgo_lab.options.legs import Leg, LegSheet
from openalgo_lab.options.normal import normal_cdf
from openalgo_lab.options.payoff import outcome
from openalgo_lab.options.scenarios import scenario_table, value_at_risk
from openalgo_lab.options.templates import TEMPLATES, Outlook, template

CE, PE, FUT = InstrumentType.CE, InstrumentType.PE, InstrumentType.FUT
SPOT, VOL, YEARS, LOT, WIDTH = 25_000.0, 0.13, 7 / 365, 65, 100.0


def option(kind: InstrumentType, lots: int, strike: float, years: float = YEARS, entry: float | None = None) -> Leg:
    fair = float(black_price(SPOT, strike, years, VOL, kind is CE))
    return Leg(kind, lots * LOT, strike, years, fair if entry is None else entry, VOL)


def of_template(key: str) -> LegSheet:
    legs = []
    for leg in TEMPLATES[key].legs:
        years = YEARS + 7 / 365 * leg.expiry
        if leg.kind is FUT:
            legs.append(Leg(FUT, leg.ratio * LOT, 0.0, years, SPOT))
        else:
            legs.append(option(leg.kind, leg.ratio, SPOT + WIDTH * leg.steps, years))
    return LegSheet(legs)


def test_a_bull_call_spread_by_hand() -> None:
    sheet = LegSheet([option(CE, 1, 25_000, entry=200.0), option(CE, -1, 25_200, entry=120.0)])
    found = outcome(sheet, SPOT, forward=SPOT, volatility=VOL)
    assert found.max_loss == pytest.approx(-80 * LOT)
    assert found.max_profit == pytest.approx(120 * LOT)
    assert found.break_evens == pytest.approx((25_080.0,), abs=0.01)
    assert found.reward_to_risk == pytest.approx(1.5)
    total = VOL * math.sqrt(YEARS)
    above = 1 - float(normal_cdf(np.array(math.log(25_080 / SPOT) / total + total / 2)))
    assert found.probability == pytest.approx(above, abs=1e-6)
    assert sheet.net_premium == -80 * LOT


def test_extremes_without_limit() -> None:
    straddle = outcome(of_template("short straddle"), SPOT, forward=SPOT, volatility=VOL)
    assert straddle.max_loss == -math.inf
    assert math.isnan(straddle.reward_to_risk)
    low, high = straddle.break_evens
    assert low < SPOT < high
    assert straddle.max_profit == pytest.approx((high - SPOT) * LOT, rel=1e-6)
    assert outcome(of_template("long call"), SPOT, forward=SPOT, volatility=VOL).max_profit == math.inf
    put = outcome(of_template("short put"), SPOT, forward=SPOT, volatility=VOL)
    assert put.max_loss == pytest.approx(
        put.max_profit - SPOT * LOT, rel=1e-9
    )  # at worst the underlying is worth nothing


@pytest.mark.parametrize("key", TEMPLATES)
def test_every_template(key: str) -> None:
    sheet = of_template(key)
    found = outcome(sheet, SPOT, forward=SPOT, volatility=VOL)
    assert found.max_profit > 0 > found.max_loss
    assert 0 < found.probability < 1
    assert found.break_evens
    assert sheet.at_expiry(np.array(found.break_evens)) == pytest.approx(np.zeros(len(found.break_evens)), abs=0.05)
    assert float(sheet.profit(SPOT)) == pytest.approx(0.0, abs=1e-6)  # entered at fair prices
    if sheet.one_expiry:
        assert found.expected == pytest.approx(0.0, abs=0.05 * LOT * len(sheet.legs))
    greeks, outlook = sheet.greeks(SPOT), TEMPLATES[key].outlook
    assert greeks.delta > 0 or outlook is not Outlook.BULLISH
    assert greeks.delta < 0 or outlook is not Outlook.BEARISH
    if not TEMPLATES[key].spans_expiries:
        assert greeks.gamma > 0 or outlook is not Outlook.VOLATILE or "fly" in key or "condor" in key


def test_there_are_enough_and_they_are_found_by_name() -> None:
    assert len(TEMPLATES) >= 38
    assert {one.outlook for one in TEMPLATES.values()} == set(Outlook)
    assert len({one.title for one in TEMPLATES.values()}) == len(TEMPLATES)
    assert template("Iron_Condor") is template("Short Iron Condor") is TEMPLATES["iron condor"]
    with pytest.raises(KeyError):
        template("no such thing")


@given(st.floats(23_000, 27_000), st.floats(0, 6.9), st.floats(-5, 20))
def test_what_if_is_the_model_at_that_moment(level: float, days: float, points: float) -> None:
    sheet = LegSheet([option(CE, -1, 25_100, entry=80.0), Leg(FUT, LOT, 0.0, YEARS, 25_010.0)])
    volatility = max(VOL + points / 100, 0.001)
    worth = float(black_price(level, 25_100.0, YEARS - days / 365, volatility, True))
    expected = -LOT * (worth - 80.0) + LOT * (level - 25_010.0)
    assert float(sheet.profit(level, days=days, volatility_points=points)) == pytest.approx(expected, abs=1e-4)


def test_the_forward_of_each_expiry_goes_along_with_the_spot() -> None:
    growth = 0.065
    leg = Leg(CE, LOT, 25_000.0, YEARS, 0.0, VOL, growth)
    forward = 25_500.0 * math.exp(growth * YEARS)
    assert float(LegSheet([leg]).profit(25_500.0)) == pytest.approx(
        LOT * float(black_price(forward, 25_000.0, YEARS, VOL, True))
    )
    ratio = math.exp(growth * YEARS)
    delta = float(black_greeks(SPOT * ratio, 25_000.0, YEARS, VOL, True).delta)
    assert LegSheet([leg]).greeks(SPOT).delta == pytest.approx(LOT * delta * ratio)


def test_net_greeks_are_slopes_of_the_profit() -> None:
    sheet = of_template("double diagonal")
    greeks, bump = sheet.greeks(SPOT), 1.0
    up, at, down = (float(sheet.profit(SPOT + d)) for d in (bump, 0.0, -bump))
    assert (up - down) / 2 == pytest.approx(greeks.delta, abs=1e-3)
    assert up - 2 * at + down == pytest.approx(greeks.gamma, rel=1e-3)
    assert float(sheet.profit(SPOT, days=0.01) - at) * 100 == pytest.approx(greeks.theta, rel=0.01)
    assert float(sheet.profit(SPOT, volatility_points=0.01) - at) * 100 == pytest.approx(greeks.vega, rel=0.01)


def test_closed_legs_contribute_what_they_made_and_nothing_more() -> None:
    done = Leg(CE, -LOT, 25_000.0, YEARS, 200.0, VOL, exit=150.0)
    sheet = LegSheet([done])
    assert sheet.realised == 50.0 * LOT
    assert sheet.profit(np.array([20_000.0, 30_000.0])).tolist() == [3250.0, 3250.0]
    assert sheet.greeks(SPOT).delta == 0.0


def test_scenarios_move_everything_alike() -> None:
    straddle = of_template("short straddle")
    table = scenario_table([(straddle, SPOT)] * 2, moves_pct=(-2, 0, 2), volatility_points=(-2, 0, 2), days=1.0)
    assert table.profit.shape == (3, 3)
    one = float(straddle.profit(SPOT * 1.02, days=1.0, volatility_points=2.0) - straddle.profit(SPOT))
    assert table.profit[2, 2] == pytest.approx(2 * one)
    assert table.profit[0, 1] > table.profit[1, 1] > table.profit[2, 1]


def test_value_at_risk_of_a_future_is_a_normal_quantile() -> None:
    future = LegSheet([Leg(FUT, LOT, 0.0, YEARS, SPOT)])
    risk = value_at_risk([(future, SPOT, 0.15)], days=1.0, confidence=0.99)
    assert risk.value == pytest.approx(LOT * SPOT * (1 - math.exp(-2.326 * 0.15 / math.sqrt(365))), rel=0.01)
    assert risk.shortfall > risk.value
    hedged = LegSheet([Leg(FUT, LOT, 0.0, YEARS, SPOT), option(PE, 1, 24_900)])
    assert value_at_risk([(hedged, SPOT, 0.15)]).value < risk.value
