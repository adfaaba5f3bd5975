"""Volatilities and what derivatives are worth: skewed, joined from day to day, falling to the intrinsic value."""

from __future__ import annotations

from datetime import date, time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openalgo_lab.model.calendar import TradingCalendar
from openalgo_lab.model.rules import RuleBook
from openalgo_lab.model.times import NS_PER_DAY, at_ist, to_ns
from openalgo_lab.model.vocabulary import InstrumentType
from openalgo_lab.options.implied import implied_volatility
from openalgo_lab.sim.contract import end_minutes, years_left
from openalgo_lab.sim.listing import CALL, FUTURE, PUT, Listing
from openalgo_lab.sim.sessions import BLOCK_MINUTES, NS_PER_MINUTE, SimSessions
from openalgo_lab.sim.surface import CARRY, Surface, price_rows
from openalgo_lab.sim.universe import Lister, load_underlyings
from openalgo_lab.sim.walk import DailyWalk

CALENDAR = TradingCalendar.load()
SESSIONS = SimSessions("calendar", CALENDAR)
UNDERLYINGS = load_underlyings()
WALK = DailyWalk(7, SESSIONS)
LISTER = Lister(UNDERLYINGS, WALK, RuleBook.load(), CALENDAR)
SESSION = SESSIONS.listed(to_ns(at_ist(date(2026, 11, 27), time(12))))
LISTING = Listing(LISTER.instruments(SESSION), UNDERLYINGS, LISTER)
SURFACE = Surface(UNDERLYINGS, WALK)
ROWS = np.arange(len(LISTING))
INDEX = WALK.index_of(SESSION.ordinal)
VOLATILITY = SURFACE.volatility(LISTING, ROWS, INDEX, SESSION.ordinal)


def rows_of(prefix: str, kind: InstrumentType = InstrumentType.CE) -> np.ndarray:
    return np.array([n for n, i in enumerate(LISTING.instruments) if i.symbol.startswith(prefix) and i.kind is kind])


def test_only_options_have_a_volatility_and_it_is_plausible() -> None:
    is_option = LISTING.kind >= CALL
    assert np.array_equal(np.isnan(VOLATILITY), ~is_option)
    assert VOLATILITY[is_option].min() > 0.04
    assert VOLATILITY[is_option].max() < 1.5


def test_a_call_and_a_put_of_one_strike_share_it() -> None:
    calls, puts = rows_of("NIFTY29DEC26"), rows_of("NIFTY29DEC26", InstrumentType.PE)
    assert np.array_equal(VOLATILITY[calls], VOLATILITY[puts])


@pytest.mark.parametrize("prefix", ["NIFTY29DEC26", "SENSEX03DEC26", "RELIANCE29DEC26"])
def test_low_strikes_are_dearer_than_high_ones_and_the_smile_is_convex(prefix: str) -> None:
    smile = VOLATILITY[rows_of(prefix)]
    third = len(smile) // 3
    assert smile[:third].mean() > smile[-third:].mean()
    strikes = LISTING.strike[rows_of(prefix)]
    slope = np.diff(smile**2) / np.diff(np.log(strikes))
    assert np.all(np.diff(slope) > 0)


def test_levels_revert_with_the_term() -> None:
    """Near expiries follow the day's volatility, far ones the long run's."""
    near, far = (VOLATILITY[rows_of(prefix)] for prefix in ("NIFTY01DEC26", "NIFTY23FEB27"))
    factor = WALK.factor_at(INDEX)
    middle = np.median(near), np.median(far)
    assert (middle[0] < middle[1]) == (factor < 1.0)


def test_it_follows_the_stochastic_volatility() -> None:
    """A calm and a stormy day of the walk give lower and higher volatilities for the same moneyness and term."""
    days = range(INDEX - 400, INDEX)
    calm, storm = min(days, key=WALK.factor_at), max(days, key=WALK.factor_at)
    rows = rows_of("NIFTY29DEC26")
    levels = [np.nanmin(SURFACE.volatility(LISTING, rows, index, SESSION.ordinal)) for index in (calm, storm)]
    assert levels[1] > 1.2 * levels[0]


@given(st.sampled_from(np.flatnonzero(LISTING.kind >= FUTURE).tolist()), st.floats(0.8, 1.2), st.floats(0.0, 0.3))
def test_prices_rise_with_the_spot_and_a_puts_fall(row: int, factor: float, years: float) -> None:
    rows = np.array([row])
    spot = UNDERLYINGS[LISTING.base[row]].level * factor
    spots = np.array([[spot], [spot * 1.001], [spot * 1.01]])
    prices = price_rows(LISTING, rows, spots, VOLATILITY[rows], np.array([years]))[:, 0]
    steps = np.diff(prices) * (-1 if LISTING.kind[row] == PUT else 1)
    assert np.all(steps >= -1e-9)
    assert np.all(prices >= 0)


def test_the_price_gives_back_its_volatility_on_the_forward() -> None:
    rows = rows_of("NIFTY29DEC26")
    spot = np.full(len(rows), 24_800.0)
    years = np.full(len(rows), 32 / 365)
    prices = price_rows(LISTING, rows, spot, VOLATILITY[rows], years)
    found = implied_volatility(prices, spot * np.exp(CARRY * years), LISTING.strike[rows], years, True)
    assert found == pytest.approx(VOLATILITY[rows], rel=1e-6)


def test_time_runs_out_at_expiry() -> None:
    opened = SESSION.open_ns
    expiry = np.array([opened + SESSION.minutes * NS_PER_MINUTE])
    last = SESSION.blocks - 1
    left = years_left(opened, np.arange(SESSION.blocks), expiry)
    assert left[last] == 0.0
    assert np.all(np.diff(left) < 0)
    assert left[0] == pytest.approx((SESSION.minutes - BLOCK_MINUTES / 2) / (365 * 1440))
    assert years_left(opened, np.array([0]), expiry + NS_PER_DAY)[0] > left[0]


def test_each_kind_stops_at_its_own_minute() -> None:
    ends = end_minutes(LISTING, SESSION)
    assert {int(ends[n]) for n in ROWS if LISTING.instruments[n].kind is InstrumentType.INDEX} == {375}
    assert {int(ends[n]) for n in ROWS if LISTING.instruments[n].kind is InstrumentType.EQ} == {360}
    assert set(ends[LISTING.kind >= FUTURE].tolist()) == {385}


def test_prices_are_snapped_exactly_and_in_order() -> None:
    rows = rows_of("NIFTY29DEC26")[:1]
    raw = np.array([24_000.049, 24_000.051, 0.001, 0.0, np.nan])
    snapped = LISTING.snap(raw, np.repeat(rows, 5))
    assert snapped[:4].tolist() == [24_000.05, 24_000.05, 0.05, 0.05]
    assert np.isnan(snapped[4])
