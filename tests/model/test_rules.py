"""The rule tables against the facts they were made from, and the laws every table obeys."""

from __future__ import annotations

from datetime import date, time, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openalgo_lab.model.calendar import TradingCalendar
from openalgo_lab.model.errors import RuleError
from openalgo_lab.model.money import is_on_tick
from openalgo_lab.model.rules import RuleBook
from openalgo_lab.model.vocabulary import Exchange, InstrumentType

BOOK = RuleBook.load()
CALENDAR = TradingCalendar.load()
NSE, BSE, NFO, BFO, CDS, MCX = (
    Exchange.NSE,
    Exchange.BSE,
    Exchange.NFO,
    Exchange.BFO,
    Exchange.CDS,
    Exchange.MCX,
)
EQ, FUT, CE = InstrumentType.EQ, InstrumentType.FUT, InstrumentType.CE
TODAY = date(2026, 11, 25)

LOTS = [
    # underlying, expiry, trade date (None: the last), lot
    ("NIFTY", "2023-06-29", None, 50),
    ("NIFTY", "2024-04-25", None, 50),
    ("NIFTY", "2024-05-02", None, 25),
    ("NIFTY", "2024-05-30", None, 25),
    ("NIFTY", "2024-12-19", None, 25),
    ("NIFTY", "2024-12-26", None, 25),
    ("NIFTY", "2025-01-02", None, 75),
    ("NIFTY", "2025-01-30", None, 25),  # the January monthly ran off with 25 among weeklies of 75
    ("NIFTY", "2025-02-06", None, 75),
    ("NIFTY", "2025-02-27", None, 75),
    ("NIFTY", "2025-03-27", "2024-12-26", 25),  # a quarterly, converted that evening
    ("NIFTY", "2025-03-27", "2024-12-27", 75),
    ("NIFTY", "2025-12-23", None, 75),
    ("NIFTY", "2025-12-30", None, 75),
    ("NIFTY", "2026-01-06", None, 65),
    ("NIFTY", "2026-01-27", None, 65),
    ("NIFTY", "2026-03-30", "2025-12-30", 75),
    ("NIFTY", "2026-03-30", "2025-12-31", 65),
    ("NIFTY", "2026-11-23", None, 65),  # the monthly, moved from the 24th
    ("NIFTY", "2026-12-29", None, 65),
    ("BANKNIFTY", "2023-06-29", None, 25),
    ("BANKNIFTY", "2023-07-27", None, 15),
    ("BANKNIFTY", "2023-07-20", None, 25),  # July weeklies kept 25
    ("BANKNIFTY", "2023-08-03", None, 15),
    ("BANKNIFTY", "2025-01-30", None, 15),
    ("BANKNIFTY", "2025-02-27", None, 30),
    ("BANKNIFTY", "2025-06-26", None, 30),
    ("BANKNIFTY", "2025-07-31", None, 35),
    ("BANKNIFTY", "2025-12-30", None, 35),
    ("BANKNIFTY", "2026-01-27", None, 30),
    ("FINNIFTY", "2024-06-25", None, 40),
    ("FINNIFTY", "2024-07-30", None, 25),
    ("FINNIFTY", "2025-02-27", None, 65),
    ("FINNIFTY", "2025-12-30", None, 65),
    ("FINNIFTY", "2026-01-27", None, 60),
    ("FINNIFTY", "2026-03-30", None, 60),
    ("MIDCPNIFTY", "2024-06-24", None, 75),
    ("MIDCPNIFTY", "2024-07-29", None, 50),
    ("MIDCPNIFTY", "2025-02-27", None, 120),
    ("MIDCPNIFTY", "2025-06-26", None, 120),
    ("MIDCPNIFTY", "2025-07-31", None, 140),
    ("MIDCPNIFTY", "2026-01-27", None, 120),
    ("NIFTYNXT50", "2024-08-30", None, 10),
    ("NIFTYNXT50", "2026-01-27", None, 25),
    ("SENSEX", "2023-04-27", None, 15),
    ("SENSEX", "2023-06-30", None, 10),
    ("SENSEX", "2025-01-03", None, 10),
    ("SENSEX", "2025-01-07", None, 20),
    ("SENSEX", "2025-01-28", None, 10),
    ("SENSEX", "2026-12-31", None, 20),
    ("BANKEX", "2023-04-27", None, 20),
    ("BANKEX", "2023-06-30", None, 15),
    ("BANKEX", "2026-11-26", None, 30),
    ("SENSEX50", "2025-03-25", None, 60),
    ("RELIANCE", "2026-11-23", None, 500),
    ("SBIN", "2026-06-30", None, 750),
    ("M&M", "2026-12-29", None, 200),
    ("BAJAJ-AUTO", "2026-12-29", None, 75),
    ("DLF", "2026-06-30", None, 825),
    ("DLF", "2026-07-28", None, 950),
    ("FEDERALBNK", "2026-04-28", None, 5000),
    ("FEDERALBNK", "2026-05-26", None, 2500),
    ("TATASTEEL", "2026-05-26", None, 2750),
    ("HDFCBANK", "2026-07-28", None, 650),
    ("ITC", "2026-06-30", None, 1600),
    ("IDEA", "2026-12-29", None, 71475),
    ("USDINR", "2026-12-29", None, 1000),
    ("GOLD", "2027-02-05", None, 100),
    ("GOLDM", "2027-01-05", None, 10),
    ("CRUDEOIL", "2026-12-18", None, 100),
    ("NATURALGAS", "2026-12-28", None, 1250),
]


@pytest.mark.parametrize(("underlying", "expiry", "on", "lot"), LOTS)
def test_lot_history(underlying: str, expiry: str, on: str | None, lot: int) -> None:
    day = date.fromisoformat(on) if on else None
    assert BOOK.lot_size(underlying, date.fromisoformat(expiry), on=day) == lot


@pytest.mark.parametrize(
    ("underlying", "expiry"),
    [("ITC", date(2026, 7, 28)), ("SENSEX50", date(2026, 11, 26)), ("RELIANCE", date(2026, 3, 30))],
)
def test_a_lot_that_is_not_known_is_an_error(underlying: str, expiry: date) -> None:
    with pytest.raises(RuleError, match=rf"No row for {underlying} {expiry} .* table lots.json"):
        BOOK.lot_size(underlying, expiry)


def test_an_underlying_that_is_not_known_is_an_error() -> None:
    with pytest.raises(RuleError, match=r"NOSUCH .* lots.json"):
        BOOK.lot_size("NOSUCH", TODAY)
    with pytest.raises(RuleError, match="lots"):
        BOOK.lot_size("NIFTY", date(2022, 12, 29))


FREEZES = [
    ("2025-08-31", (1800, 600, 1800, 2800, 600)),
    ("2025-09-01", (1800, 900, 1800, 2800, 600)),
    ("2025-11-03", (1800, 600, 1800, 2800, 600)),
    ("2025-12-15", (1800, 600, 1200, 2800, 600)),
    ("2026-01-31", (1800, 600, 1200, 2800, 600)),
    ("2026-02-01", (1800, 600, 1800, 2800, 600)),
    ("2026-03-02", (1800, 600, 1200, 2800, 600)),
    ("2026-04-01", (1800, 900, 1800, 2800, 600)),
    ("2026-06-30", (1800, 900, 1800, 2800, 600)),
    ("2026-07-01", (1800, 600, 1800, 2800, 600)),
    ("2026-11-25", (1800, 600, 1800, 2800, 600)),
]
INDICES = ("NIFTY", "BANKNIFTY", "FINNIFTY", "MIDCPNIFTY", "NIFTYNXT50")


@pytest.mark.parametrize(("on", "quantities"), FREEZES)
def test_freeze_history(on: str, quantities: tuple[int, ...]) -> None:
    day = date.fromisoformat(on)
    assert tuple(BOOK.freeze_quantity(index, day) for index in INDICES) == quantities


@pytest.mark.parametrize(
    ("underlying", "expiry", "units"),
    [
        ("NIFTY", date(2026, 12, 29), 1755),
        ("BANKNIFTY", date(2026, 12, 29), 600),
        ("MIDCPNIFTY", date(2026, 12, 29), 2760),
        ("SENSEX", date(2026, 12, 31), 1000),
    ],
)
def test_largest_order_is_in_whole_lots(underlying: str, expiry: date, units: int) -> None:
    assert BOOK.largest_order(underlying, expiry, TODAY) == units


@pytest.mark.parametrize(
    ("level", "quantity"),
    [
        (5750, 8500),
        (5750.05, 5500),
        (8625.05, 4200),
        (13_000, 2800),
        (17_250, 2800),
        (26_000, 1800),
        (30_000, 1200),
        (55_000, 900),
        (55_000.05, 600),
    ],
)
def test_freeze_by_level_of_the_index(level: float, quantity: int) -> None:
    assert BOOK.freeze_by_level(level, TODAY) == quantity


def test_unknown_freezes_are_errors() -> None:
    for underlying, day in (("WIPRO", TODAY), ("NIFTY", date(2025, 6, 30))):
        with pytest.raises(RuleError, match=rf"{underlying} .* table freeze.json"):
            BOOK.freeze_quantity(underlying, day)


CASH_TICKS = [
    (100.0, 0.05, 0.01, 0.01),
    (249.99, 0.05, 0.01, 0.01),
    (250.0, 0.05, 0.05, 0.05),
    (1000.0, 0.05, 0.05, 0.05),
    (1000.05, 0.05, 0.05, 0.10),
    (5000.0, 0.05, 0.05, 0.10),
    (5000.5, 0.05, 0.05, 0.50),
    (10_000.0, 0.05, 0.05, 0.50),
    (10_000.5, 0.05, 0.05, 1.00),
    (20_000.0, 0.05, 0.05, 1.00),
    (20_001.0, 0.05, 0.05, 5.00),
]


@pytest.mark.parametrize(("close", "before", "mid", "now"), CASH_TICKS)
def test_tick_table_of_shares_and_their_futures(close: float, before: float, mid: float, now: float) -> None:
    days = (date(2024, 6, 9), date(2024, 6, 10), date(2025, 4, 15))
    for exchange, kind in ((NSE, EQ), (NFO, FUT)):
        assert [BOOK.tick_size(exchange, kind, day, underlying="SBIN", level=close) for day in days] == [
            before,
            mid,
            now,
        ]
    assert BOOK.tick_size(NSE, EQ, date(2025, 4, 14), level=close) == mid


@pytest.mark.parametrize(
    ("exchange", "kind", "underlying", "level", "on", "tick"),
    [
        (NFO, FUT, "NIFTY", 26_000.0, "2025-04-14", 0.05),
        (NFO, FUT, "NIFTY", 26_000.0, "2025-04-15", 0.10),
        (NFO, FUT, "BANKNIFTY", 58_000.0, "2026-11-25", 0.20),
        (NFO, FUT, "MIDCPNIFTY", 13_500.0, "2026-11-25", 0.05),
        (NFO, FUT, "FINNIFTY", 30_000.0, "2026-11-25", 0.10),
        (NFO, CE, "NIFTY", None, "2026-11-25", 0.05),
        (NFO, CE, "TATASTEEL", 180.0, "2025-10-31", 0.05),
        (NFO, CE, "TATASTEEL", 180.0, "2025-11-03", 0.01),
        (NFO, CE, "RELIANCE", 1400.0, "2026-11-25", 0.05),
        (BFO, FUT, "SENSEX", None, "2026-11-25", 0.05),
        (BFO, CE, "SENSEX", None, "2026-11-25", 0.05),
        (BSE, EQ, "", 99.0, "2026-11-25", 0.01),
        (BSE, EQ, "", 101.0, "2026-11-25", 0.05),
        (CDS, FUT, "USDINR", None, "2026-11-25", 0.0025),
        (CDS, CE, "USDINR", None, "2026-11-25", 0.0025),
        (MCX, FUT, "GOLD", None, "2026-11-25", 1.0),
        (MCX, CE, "GOLD", None, "2026-11-25", 0.5),
        (MCX, FUT, "NATURALGAS", None, "2026-11-25", 0.1),
        (MCX, FUT, "COPPER", None, "2026-11-25", 0.05),
    ],
)
def test_ticks(
    exchange: Exchange, kind: InstrumentType, underlying: str, level: float | None, on: str, tick: float
) -> None:
    assert BOOK.tick_size(exchange, kind, date.fromisoformat(on), underlying=underlying, level=level) == tick


def test_ticks_that_are_not_known() -> None:
    assert BOOK.tick_size(NSE, EQ, TODAY, etf=True) == 0.01
    with pytest.raises(RuleError, match="give level"):
        BOOK.tick_size(NSE, EQ, TODAY)
    with pytest.raises(RuleError, match=r"bfo_stock_future .* ticks.json"):
        BOOK.tick_size(BFO, FUT, TODAY, underlying="RELIANCE", level=1000.0)
    with pytest.raises(RuleError, match="GOLDPETAL option_tick"):
        BOOK.tick_size(MCX, CE, TODAY, underlying="GOLDPETAL")
    with pytest.raises(RuleError, match="crypto"):
        BOOK.tick_size(Exchange.CRYPTO, FUT, TODAY, underlying="BTC")


def expiries(underlying: str, start: str, count: int, cycle: str = "monthly") -> list[str]:
    found = BOOK.expiry_dates(
        underlying,
        date.fromisoformat(start),
        count,
        calendar=CALENDAR,
        cycle="weekly" if cycle == "weekly" else "monthly",
    )
    return [day.isoformat()[5:] for day in found]


def test_monthly_expiries_of_2026() -> None:
    nse = ["01-27", "02-24", "03-30", "04-28", "05-26", "06-30", "07-28", "08-25", "09-29", "10-27", "11-23", "12-29"]
    bse = ["01-29", "02-26", "03-25", "04-30", "05-27", "06-25", "07-30", "08-27", "09-24", "10-29", "11-26", "12-31"]
    for underlying in (*INDICES, "RELIANCE"):
        assert expiries(underlying, "2026-01-01", 12) == nse
    for underlying in ("SENSEX", "BANKEX", "SENSEX50"):
        assert expiries(underlying, "2026-01-01", 12) == bse


def test_moved_weeklies_of_2026() -> None:
    nifty = BOOK.expiry_dates("NIFTY", date(2026, 1, 1), 52, calendar=CALENDAR, cycle="weekly")
    sensex = BOOK.expiry_dates("SENSEX", date(2026, 1, 1), 53, calendar=CALENDAR, cycle="weekly")
    moved = ["03-02", "03-30", "04-13", "10-19", "11-09", "11-23"]
    assert [day.isoformat()[5:] for day in nifty if day.weekday() != 1] == moved
    assert [day.isoformat()[5:] for day in sensex if day.weekday() != 3] == ["01-14", "03-25", "05-27"]
    assert nifty[-1] == date(2026, 12, 29)
    assert sensex[-1] == date(2026, 12, 31)


def test_expiry_weekdays_changed() -> None:
    assert expiries("NIFTY", "2025-08-21", 4, "weekly") == ["08-21", "08-28", "09-02", "09-09"]
    assert expiries("SENSEX", "2025-08-19", 4, "weekly") == ["08-19", "08-26", "09-04", "09-11"]
    assert expiries("SENSEX", "2025-01-01", 5, "weekly") == ["01-03", "01-07", "01-14", "01-21", "01-28"]
    assert expiries("BANKNIFTY", "2025-07-01", 4) == ["07-31", "08-28", "09-30", "10-28"]
    assert expiries("SENSEX", "2025-07-01", 3) == ["07-29", "08-26", "09-25"]
    # Muhurat on a Tuesday is no day to expire on.
    assert expiries("NIFTY", "2025-10-15", 2, "weekly") == ["10-20", "10-28"]


def test_expiries_of_2023_and_2024() -> None:
    assert expiries("NIFTY", "2023-06-15", 3, "weekly") == ["06-15", "06-22", "06-28"]  # Bakri Id on the 29th
    assert expiries("BANKNIFTY", "2023-08-24", 4, "weekly") == ["08-24", "08-31", "09-06", "09-13"]
    assert expiries("BANKNIFTY", "2024-02-14", 4, "weekly") == ["02-14", "02-21", "02-29", "03-06"]
    assert expiries("BANKNIFTY", "2024-11-06", 3, "weekly") == ["11-06", "11-13", "11-27"]  # only monthlies after
    assert expiries("BANKNIFTY", "2024-10-01", 4) == ["10-30", "11-27", "12-24", "01-30"]
    assert expiries("FINNIFTY", "2024-11-12", 3) == ["11-26", "12-31", "01-30"]
    assert expiries("MIDCPNIFTY", "2024-01-15", 3, "weekly") == ["01-15", "01-20", "01-29"]  # a special Saturday
    assert expiries("MIDCPNIFTY", "2024-05-13", 2, "weekly") == ["05-13", "05-17"]  # not the drill on the 18th
    assert expiries("SENSEX", "2024-12-20", 4, "weekly") == ["12-20", "12-27", "01-03", "01-07"]
    assert expiries("BANKEX", "2024-10-01", 3) == ["10-28", "11-25", "12-30"]


def test_expiries_of_other_segments() -> None:
    assert expiries("GOLD", "2026-11-25", 2) == ["12-04", "02-05"]
    assert expiries("SILVER", "2026-11-25", 2) == ["12-04", "03-05"]
    assert expiries("COPPER", "2026-11-25", 2) == ["11-30", "12-31"]
    assert expiries("USDINR", "2026-11-01", 2) == ["11-26", "12-29"]


def test_a_day_that_is_itself_an_expiry_counts() -> None:
    assert expiries("NIFTY", "2026-11-23", 1) == ["11-23"]
    assert expiries("NIFTY", "2026-11-24", 1) == ["12-29"]  # moved to the 23rd: already over
    assert expiries("NIFTY", "2026-11-24", 1, "weekly") == ["12-01"]


@given(
    st.sampled_from(["NIFTY", "SENSEX"]),
    st.dates(min_value=date(2023, 5, 15), max_value=date(2027, 3, 1)),
    st.integers(min_value=1, max_value=30),
)
def test_expiry_ladders_obey_their_laws(underlying: str, start: date, count: int) -> None:
    exchange = NFO if underlying == "NIFTY" else BFO
    weekly = BOOK.expiry_dates(underlying, start, count, calendar=CALENDAR, cycle="weekly")
    assert len(weekly) == count
    assert weekly[0] >= start
    assert all(later > earlier for earlier, later in pairwise(weekly))
    assert all(later - earlier <= timedelta(days=13) for earlier, later in pairwise(weekly))
    assert all(CALENDAR.has_ordinary_close(exchange, day) for day in weekly)
    monthly = BOOK.expiry_dates(underlying, start, 3, calendar=CALENDAR)
    assert all(day in weekly for day in monthly if day <= weekly[-1])
    assert BOOK.expiry_dates(underlying, weekly[0], count, calendar=CALENDAR, cycle="weekly") == weekly


def test_expiries_that_do_not_exist() -> None:
    with pytest.raises(RuleError, match="BANKNIFTY has no weekly expiries"):
        expiries("BANKNIFTY", "2026-01-01", 1, "weekly")
    with pytest.raises(RuleError, match="calendar for 2028 is not known"):
        expiries("NIFTY", "2027-11-01", 3)
    for exchange in (None, MCX):
        with pytest.raises(RuleError, match=r"CRUDEOIL .* expiries.json"):
            BOOK.expiry_dates("CRUDEOIL", TODAY, 1, calendar=CALENDAR, exchange=exchange)
    with pytest.raises(RuleError, match="NOSUCH"):
        expiries("NOSUCH", "2026-11-25", 1)
    nosuch = BOOK.expiry_dates("NOSUCH", TODAY, 1, calendar=CALENDAR, exchange=NFO)
    assert nosuch == (date(2026, 12, 29),)  # any share of that exchange


@pytest.mark.parametrize(
    ("exchange", "day", "underlying", "clock"),
    [
        (NFO, "2026-07-28", "", "15:30"),
        (NFO, "2026-08-04", "", "15:40"),
        (BFO, "2026-08-06", "", "15:40"),
        (CDS, "2026-11-26", "", "12:30"),
        (MCX, "2026-08-19", "CRUDEOIL", "23:30"),
        (MCX, "2026-12-18", "CRUDEOIL", "23:55"),
        (MCX, "2026-12-04", "GOLD", "17:00"),
    ],
)
def test_expiry_times(exchange: Exchange, day: str, underlying: str, clock: str) -> None:
    assert BOOK.expiry_time(exchange, date.fromisoformat(day), underlying) == time.fromisoformat(clock)


def test_expiry_time_that_is_not_known() -> None:
    with pytest.raises(RuleError, match="COTTON"):
        BOOK.expiry_time(MCX, TODAY, "COTTON")


def test_strike_steps() -> None:
    steps = {"NIFTY": 50, "BANKNIFTY": 100, "FINNIFTY": 50, "MIDCPNIFTY": 25, "SENSEX": 100}
    assert {name: BOOK.strike_step(name, TODAY) for name in steps} == steps
    assert BOOK.strike_step("FOCIT", date(2026, 7, 30)) == 250
    assert BOOK.strike_step("FOCIT", date(2026, 7, 31)) == 100
    with pytest.raises(RuleError, match=r"RELIANCE .* strikes.json"):
        BOOK.strike_step("RELIANCE", TODAY)


def test_price_bands_round_inwards() -> None:
    band = BOOK.price_band("cash_derivative", TODAY)
    assert band.limits(1234.55, 0.1) == (1111.1, 1358.0)
    assert band.limits(100.0, 0.05, step=1) == (85.0, 115.0)
    assert BOOK.price_band("cash_5", TODAY).steps == (5,)
    assert BOOK.price_band("currency_near", TODAY).limits(88.0, 0.0025) == (85.36, 90.64)
    with pytest.raises(RuleError, match="cash_7"):
        BOOK.price_band("cash_7", TODAY)


@given(st.floats(min_value=1, max_value=100_000), st.sampled_from([0.01, 0.05, 0.1, 1.0]))
def test_band_limits_are_legal_and_within(reference: float, tick: float) -> None:
    lower, upper = BOOK.price_band("cash_20", TODAY).limits(reference, tick)
    assert is_on_tick(lower, tick)
    assert is_on_tick(upper, tick)
    assert lower >= reference * 0.8 - 1e-6
    assert upper <= reference * 1.2 + 1e-6


def test_limit_price_protection() -> None:
    sensex = BOOK.limit_price_protection(BFO, "SENSEX", CE, TODAY)
    assert sensex.limits(300.0, 0.05) == (180.0, 420.0)
    assert sensex.limits(10.0, 0.05) == (0.05, 30.0)
    assert BOOK.limit_price_protection(BFO, "FOCIT", CE, TODAY).percent == 80
    assert BOOK.limit_price_protection(BFO, "SENSEX", FUT, TODAY).limits(81_000.0, 0.05) == (79_380.0, 82_620.0)
    assert BOOK.limit_price_protection(BFO, "RELIANCE", FUT, TODAY).minimum == 1.5
    for underlying, kind, day in (("SENSEX", CE, date(2025, 11, 30)), ("RELIANCE", CE, date(2026, 7, 5))):
        with pytest.raises(RuleError, match="lpp"):
            BOOK.limit_price_protection(BFO, underlying, kind, day)


@pytest.mark.parametrize(
    ("kind", "price", "percent"),
    [
        (EQ, 99.95, 2),
        (EQ, 100, 1),
        (FUT, 499.95, 1),
        (FUT, 500, 0.5),
        (EQ, 5000, 0.5),
        (CE, 9.95, 5),
        (CE, 10, 3),
        (CE, 99.95, 3),
        (CE, 100, 2),
        (CE, 500, 1),
    ],
)
def test_market_protection(kind: InstrumentType, price: float, percent: float) -> None:
    assert BOOK.protection_pct(kind, price, TODAY) == percent


@pytest.mark.parametrize(
    ("move", "at", "halt"),
    [
        (-9.99, "10:00", "none"),
        (-10, "12:59:59", 45),
        (10, "13:00", 15),
        (10, "14:29:59", 15),
        (10, "14:30", "none"),
        (-15, "12:59", 105),
        (-15, "13:00", 45),
        (-16, "14:00", "day"),
        (-20, "09:20", "day"),
        (25, "15:00", "day"),
    ],
)
def test_circuit_breaker(move: float, at: str, halt: int | str) -> None:
    row = BOOK.circuit_halt(move, time.fromisoformat(at), TODAY)
    assert ("none" if row is None else row.halt_minutes or "day") == halt
    if isinstance(halt, int):
        assert row is not None
        assert row.pre_open_minutes == 15


def square_off(exchange: Exchange, day: str, *, auction: bool = False) -> str:
    found = BOOK.square_off_time(exchange, date.fromisoformat(day), calendar=CALENDAR, closing_auction=auction)
    return f"{found:%H:%M}"


def test_square_off_times() -> None:
    assert square_off(NSE, "2026-07-31", auction=True) == "15:15"
    assert square_off(NSE, "2026-08-03", auction=True) == "15:05"
    assert square_off(NSE, "2026-08-03") == "15:15"
    assert square_off(NFO, "2026-07-31") == "15:20"
    assert square_off(NFO, "2026-08-03") == "15:25"
    assert square_off(CDS, "2026-08-03") == "16:45"
    assert square_off(MCX, "2026-08-03") == "23:05"
    assert square_off(MCX, "2026-12-01") == "23:30"
    assert square_off(MCX, "2026-01-01") == "16:35"
    with pytest.raises(RuleError, match=r"special hours.*14:45"):
        square_off(NSE, "2025-10-21")
    with pytest.raises(RuleError, match="does not trade on 2026-11-24: Guru Nanak Jayanti"):
        square_off(NSE, "2026-11-24")


def test_order_rate_caps() -> None:
    cap = BOOK.rate_cap(NFO, date(2026, 4, 1))
    assert (cap.per_second, cap.planned_per_second, cap.burst) == (10, 8, 10)
    with pytest.raises(RuleError, match="rate_caps"):
        BOOK.rate_cap(NFO, date(2026, 3, 31))
