"""What is listed: symbols, lots, ticks, expiries by the rules; nothing that could be held ever vanishes."""

from __future__ import annotations

from collections import Counter
from datetime import date, time, timedelta
from itertools import pairwise

import pytest

from openalgo_lab.model.calendar import TradingCalendar
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.rules import RuleBook
from openalgo_lab.model.symbols import parse_symbol
from openalgo_lab.model.times import ManualClock, at_ist
from openalgo_lab.model.vocabulary import Exchange, InstrumentType
from openalgo_lab.sim.sessions import Hours
from openalgo_lab.sim.simulated import SimulatedMarket
from openalgo_lab.sim.universe import load_underlyings
from openalgo_lab.sim.walk import VOLATILITY_SECTOR

DAY = date(2026, 11, 25)
CALENDAR = TradingCalendar.load()
RULES = RuleBook.load()


def listed(day: date, hours: Hours = "always") -> tuple[Instrument, ...]:
    market = SimulatedMarket(hours=hours, clock=ManualClock(at_ist(day, time(12))), calendar=CALENDAR, rules=RULES)
    return tuple(market.instruments())


@pytest.fixture(scope="module")
def today() -> tuple[Instrument, ...]:
    return listed(DAY)


def test_four_indices_fifty_shares_their_futures_and_thousands_of_options(today: tuple[Instrument, ...]) -> None:
    kinds = Counter(instrument.kind for instrument in today)
    assert kinds[InstrumentType.INDEX] == 5  # the four and the volatility index
    assert kinds[InstrumentType.EQ] == 50
    assert kinds[InstrumentType.FUT] == 3 * 54
    assert kinds[InstrumentType.CE] == kinds[InstrumentType.PE] > 2_000
    named = {(i.exchange, i.symbol) for i in today}
    for key in (
        (Exchange.NSE_INDEX, "NIFTY"),
        (Exchange.NSE_INDEX, "BANKNIFTY"),
        (Exchange.NSE_INDEX, "FINNIFTY"),
        (Exchange.BSE_INDEX, "SENSEX"),
        (Exchange.NSE, "RELIANCE"),
        (Exchange.NSE, "M&M"),
        (Exchange.NFO, "NIFTY29DEC26FUT"),
        (Exchange.BFO, "SENSEX31DEC26FUT"),
    ):
        assert key in named


def test_symbols_are_canonical_and_unique_and_tokens_stable(today: tuple[Instrument, ...]) -> None:
    assert len({i.key for i in today}) == len({i.token for i in today}) == len(today)
    assert all(0 < i.token < 2**48 for i in today)
    for instrument in today:
        parsed = parse_symbol(instrument.symbol, instrument.exchange)
        assert (parsed.kind, parsed.expiry, parsed.strike or 0.0) == (
            instrument.kind,
            instrument.expiry,
            instrument.strike,
        )
    again = {i.key: i.token for i in listed(DAY + timedelta(days=1))}
    assert all(again[i.key] == i.token for i in today if i.expiry is None or i.expiry > DAY)


def test_lots_ticks_and_freezes_follow_the_rules(today: tuple[Instrument, ...]) -> None:
    by_symbol = {i.symbol: i for i in today}
    nifty = by_symbol["NIFTY29DEC26FUT"]
    assert (nifty.lot_size, nifty.tick_size, nifty.freeze_quantity) == (65, 0.1, 1800)
    sensex = next(i for i in today if i.underlying == "SENSEX" and i.kind is InstrumentType.CE)
    assert (sensex.lot_size, sensex.tick_size, sensex.freeze_quantity) == (20, 0.05, 1000)
    assert by_symbol["RELIANCE29DEC26FUT"].lot_size == 500
    assert by_symbol["RELIANCE"].lot_size == 1
    assert all(i.freeze_quantity > i.lot_size for i in today if i.expiry is not None)


def test_weekly_and_monthly_expiries(today: tuple[Instrument, ...]) -> None:
    def expiries(name: str) -> list[date]:
        return sorted({i.expiry for i in today if i.underlying == name and i.kind is InstrumentType.CE and i.expiry})

    weekly = RULES.expiry_dates("NIFTY", DAY, 5, calendar=CALENDAR, cycle="weekly")
    monthly = RULES.expiry_dates("NIFTY", DAY, 3, calendar=CALENDAR)
    assert expiries("NIFTY") == sorted({*weekly, *monthly})
    assert expiries("BANKNIFTY") == list(RULES.expiry_dates("BANKNIFTY", DAY, 3, calendar=CALENDAR))
    assert len(expiries("RELIANCE")) == 2


def test_strikes_lie_on_the_step_around_the_level(today: tuple[Instrument, ...]) -> None:
    strikes = [i.strike for i in today if i.symbol.startswith("NIFTY01DEC26") and i.kind is InstrumentType.CE]
    assert strikes == sorted(strikes)
    assert all(strike % 50 == 0 for strike in strikes)
    middle = strikes[len(strikes) // 4 : -len(strikes) // 4]
    assert {b - a for a, b in pairwise(middle)} == {50.0}


@pytest.mark.parametrize("hours", ["always", "calendar"])
def test_no_contract_vanishes_before_its_expiry(hours: Hours) -> None:
    clock = ManualClock(at_ist(date(2026, 9, 21), time(12)))
    market = SimulatedMarket(hours=hours, clock=clock, calendar=CALENDAR, rules=RULES)
    before = {i.key: i for i in market.instruments()}
    for day in range(1, 12):
        clock.set(at_ist(date(2026, 9, 21) + timedelta(days=3 * day), time(12)))
        now = {i.key for i in market.instruments()}
        today = date(2026, 9, 21) + timedelta(days=3 * day)
        missing = [key for key, i in before.items() if key not in now and (i.expiry is None or i.expiry >= today)]
        assert missing == []
        before = {i.key: i for i in market.instruments()}


def test_the_list_stands_for_the_day_and_is_todays() -> None:
    clock = ManualClock(at_ist(DAY, time(0, 0, 1)))
    market = SimulatedMarket(clock=clock, calendar=CALENDAR, rules=RULES)
    first = market.instruments()
    clock.set(at_ist(DAY, time(23, 59, 59)))
    assert market.instruments() is first
    clock.set(at_ist(DAY + timedelta(days=2), time(0, 0, 1)))
    assert all(i.expiry is None or i.expiry > DAY + timedelta(days=1) for i in market.instruments())


def test_every_underlying_of_the_file_is_plausible() -> None:
    for underlying in load_underlyings():
        assert 0.05 < underlying.volatility < 1.0
        assert underlying.market**2 + underlying.sector_share**2 <= 1.0
        assert underlying.level > 10
        assert underlying.name
        assert (underlying.contracts > 0) == (underlying.sector != VOLATILITY_SECTOR)
