"""Futures joined end to end."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openalgo_lab.model.calendar import TradingCalendar
from openalgo_lab.model.errors import InputError, RuleError
from openalgo_lab.model.instruments import InstrumentKey
from openalgo_lab.model.market import Bars
from openalgo_lab.model.times import day_bounds_ns, trade_date
from openalgo_lab.model.vocabulary import Exchange
from openalgo_lab.store.history.columns import FIELDS, no_bars, picked
from openalgo_lab.store.history.continuous import Adjustment, Continuous, Leg, RollBy, RollRule, join_contracts

JAN, FEB, MAR = date(2026, 1, 27), date(2026, 2, 24), date(2026, 3, 30)
NAMES = {JAN: "NIFTY27JAN26FUT", FEB: "NIFTY24FEB26FUT", MAR: "NIFTY30MAR26FUT"}
EXPIRY = RollRule()


def daily(calendar: TradingCalendar, first: date, last: date, price: float, volume: float, oi: float = 0.0) -> Bars:
    days = calendar.trading_days(Exchange.NFO, first, last)
    starts = np.array([day_bounds_ns(day)[0] for day in days], dtype=np.int64)
    close = np.rint((price + np.arange(len(starts)) * 0.05) * 10_000) / 10_000
    flat = np.ones(len(starts))
    return Bars(starts, close, close + 1, close - 1, close, flat * volume, flat * oi)


def leg(expiry: date, bars: Bars) -> Leg:
    return Leg(InstrumentKey(Exchange.NFO, NAMES[expiry]), expiry, bars, bars)


@pytest.fixture
def legs(calendar: TradingCalendar) -> list[Leg]:
    return [
        leg(JAN, daily(calendar, date(2026, 1, 1), JAN, 100.0, 50, 50)),
        leg(FEB, daily(calendar, date(2026, 1, 1), FEB, 110.0, 10, 10)),
        leg(MAR, daily(calendar, date(2026, 2, 2), MAR, 125.0, 5, 5)),
    ]


def owners(joined: Continuous) -> dict[str, tuple[date, date]]:
    """First and last day of each contract."""
    days = [trade_date(int(moment)) for moment in joined.bars.start_ns]
    found: dict[str, tuple[date, date]] = {}
    for number, day in zip(joined.contract.tolist(), days, strict=True):
        name = joined.keys[number].symbol
        found[name] = (found.get(name, (day, day))[0], day)
    return found


def test_a_contract_is_kept_to_its_last_day(calendar: TradingCalendar, legs: list[Leg]) -> None:
    joined = join_contracts(legs[::-1], EXPIRY, Adjustment.NONE, calendar)
    assert owners(joined) == {
        NAMES[JAN]: (date(2026, 1, 1), JAN),
        NAMES[FEB]: (date(2026, 1, 28), FEB),
        NAMES[MAR]: (date(2026, 2, 25), MAR),
    }
    assert [(roll.day, roll.why) for roll in joined.rolls] == [
        (JAN + timedelta(1), RollBy.EXPIRY),
        (FEB + timedelta(1), RollBy.EXPIRY),
    ]
    assert (np.diff(joined.bars.start_ns) > 0).all()


def test_days_before_expiry_are_trading_days(calendar: TradingCalendar, legs: list[Leg]) -> None:
    joined = join_contracts(legs, RollRule(RollBy.EXPIRY, 3), Adjustment.NONE, calendar)
    # 26 January is a holiday, 24 and 25 a weekend: three trading days before the 27th is the 21st
    assert owners(joined)[NAMES[JAN]][1] == date(2026, 1, 21)
    assert joined.rolls[0].day == date(2026, 1, 22)


@pytest.mark.parametrize("by", [RollBy.VOLUME, RollBy.OPEN_INTEREST])
def test_a_crossing_takes_effect_the_day_after(calendar: TradingCalendar, legs: list[Leg], by: RollBy) -> None:
    far = legs[1].bars
    crossed = day_bounds_ns(date(2026, 1, 20))[0]
    busy = Bars(*(getattr(far, n) for n in FIELDS[:5]), *[np.where(far.start_ns >= crossed, 99.0, 1.0)] * 2)
    legs[1] = leg(FEB, busy)
    joined = join_contracts(legs, RollRule(by), Adjustment.NONE, calendar)
    assert owners(joined)[NAMES[JAN]] == (date(2026, 1, 1), date(2026, 1, 20))
    assert owners(joined)[NAMES[FEB]][0] == date(2026, 1, 21)
    # the third contract is never busier: the second is kept to its last day, and the roll says so
    assert [roll.why for roll in joined.rolls] == [by, RollBy.EXPIRY]


def test_back_adjusted_prices_have_no_jump_at_a_roll(calendar: TradingCalendar, legs: list[Leg]) -> None:
    raw = join_contracts(legs, EXPIRY, Adjustment.NONE, calendar)
    shifted = join_contracts(legs, EXPIRY, Adjustment.DIFFERENCE, calendar)
    scaled = join_contracts(legs, EXPIRY, Adjustment.RATIO, calendar)
    first, second = raw.rolls
    assert first.difference == pytest.approx(10.0)
    newest = raw.contract == 2
    january = raw.contract == 0
    for joined in (shifted, scaled):
        assert np.array_equal(joined.bars.close[newest], raw.bars.close[newest])
        assert np.array_equal(joined.bars.volume, raw.bars.volume)
    assert first.difference is not None and second.difference is not None
    total = first.difference + second.difference
    assert shifted.bars.close[january] == pytest.approx(raw.bars.close[january] + total, abs=1e-9)
    at = {int(moment): row for row, moment in enumerate(shifted.bars.start_ns)}
    assert second.at_ns is not None and second.new_price is not None
    assert shifted.bars.close[at[second.at_ns]] == pytest.approx(second.new_price)
    assert scaled.bars.close[at[second.at_ns]] == pytest.approx(second.new_price)


@given(st.lists(st.integers(100, 10_000_000), min_size=3, max_size=3), st.integers(1, 5))
def test_differences_are_exact_to_the_tick(levels: list[int], days: int) -> None:
    """Prices of four decimals; whatever the shifts, a price comes out as the decimal number that it is."""
    calendar = TradingCalendar.load()
    made = [
        leg(day, daily(calendar, date(2026, 1, 1), day, level / 10_000, 1))
        for day, level in zip((JAN, FEB, MAR), levels, strict=True)
    ]
    rule = RollRule(RollBy.EXPIRY, days)
    raw, shifted = (join_contracts(made, rule, kind, calendar) for kind in (Adjustment.NONE, Adjustment.DIFFERENCE))
    shift = [
        sum(round((r.new_price or 0) * 1e4) - round((r.old_price or 0) * 1e4) for r in raw.rolls[n:]) for n in range(3)
    ]
    expected = [
        (round(close * 1e4) + shift[number]) / 1e4
        for close, number in zip(raw.bars.close.tolist(), raw.contract.tolist(), strict=True)
    ]
    assert shifted.bars.close.tolist() == expected


def test_what_cannot_be_joined_says_so(calendar: TradingCalendar, legs: list[Leg]) -> None:
    with pytest.raises(InputError, match="expire on one day"):
        join_contracts([legs[0], legs[0]], EXPIRY, Adjustment.NONE, calendar)
    apart = [legs[0], leg(FEB, picked(legs[1].bars, legs[1].bars.start_ns > day_bounds_ns(JAN)[1]))]
    assert join_contracts(apart, EXPIRY, Adjustment.NONE, calendar).rolls[0].difference is None
    with pytest.raises(InputError, match=r"no candle in common before 2026-01-28: fetch NFO:NIFTY24FEB26FUT"):
        join_contracts(apart, EXPIRY, Adjustment.RATIO, calendar)
    with pytest.raises(InputError, match="only where the roll is by expiry"):
        RollRule(RollBy.VOLUME, 2)
    with pytest.raises(RuleError, match="calendar for 2019"):
        old = Leg(legs[0].key, date(2019, 1, 31), legs[0].bars, no_bars())
        join_contracts([old, legs[1]], RollRule(RollBy.EXPIRY, 2), Adjustment.NONE, calendar)
    assert len(join_contracts([], EXPIRY, Adjustment.RATIO, calendar).bars) == 0
