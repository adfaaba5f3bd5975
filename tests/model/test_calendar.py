"""Sessions and holidays: the second before and after each boundary, moved rules, and what is not known."""

from __future__ import annotations

import itertools
import json
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openalgo_lab.model.calendar import (
    CALENDAR_EXCHANGES,
    Board,
    HolidayType,
    Phase,
    Session,
    TradingCalendar,
)
from openalgo_lab.model.errors import InputError, RuleError
from openalgo_lab.model.times import IST, at_ist
from openalgo_lab.model.timetable import SEGMENTS
from openalgo_lab.model.vocabulary import Exchange

CALENDAR = TradingCalendar.load()
SECOND = timedelta(seconds=1)
KNOWN = st.dates(min_value=date(2023, 1, 1), max_value=date(2027, 12, 31))
HOURS = st.sampled_from(sorted(SEGMENTS))
BOARDS = st.sampled_from(Board)

NSE, NFO, CDS, MCX = Exchange.NSE, Exchange.NFO, Exchange.CDS, Exchange.MCX
LAST_OLD, FIRST_NEW = date(2026, 7, 31), date(2026, 8, 3)
PRE = "09:00 pre_open 09:08 pre_open_match 09:12 buffer 09:15 continuous "
PRE_SPLIT = "09:00 pre_open 09:05 pre_open_limit 09:10 pre_open_match 09:12 buffer 09:15 continuous "
AUCTION = (
    "15:15 reference 15:20 closing_auction 15:25 closing_auction_limit 15:30 closing_match 15:35 closed "
    "15:50 post_close 16:00 closed"
)

# What each exchange does, as "from phase" pairs; the day starts closed.
DAYS = [
    (NSE, LAST_OLD, Board.ORDINARY, PRE + "15:30 closed 15:40 post_close 16:00 closed"),
    (NSE, LAST_OLD, Board.CLOSING_AUCTION, PRE + "15:30 closed 15:40 post_close 16:00 closed"),
    (NSE, FIRST_NEW, Board.ORDINARY, PRE + "15:30 closed 15:50 post_close 16:00 closed"),
    (NSE, FIRST_NEW, Board.CLOSING_AUCTION, PRE + AUCTION),
    (Exchange.BSE, FIRST_NEW, Board.CLOSING_AUCTION, PRE + AUCTION),
    (NSE, date(2026, 9, 4), Board.CLOSING_AUCTION, PRE + AUCTION),
    (NSE, date(2026, 9, 7), Board.CLOSING_AUCTION, PRE_SPLIT + AUCTION),
    (NSE, date(2026, 9, 7), Board.ORDINARY, PRE_SPLIT + "15:30 closed 15:50 post_close 16:00 closed"),
    (Exchange.NSE_INDEX, LAST_OLD, Board.ORDINARY, PRE + "15:30 closed 15:40 post_close 16:00 closed"),
    (NFO, LAST_OLD, Board.ORDINARY, "09:15 continuous 15:30 closed"),
    (NFO, FIRST_NEW, Board.ORDINARY, "09:15 continuous 15:40 closed"),
    (Exchange.BFO, FIRST_NEW, Board.ORDINARY, "09:15 continuous 15:40 closed"),
    (NFO, date(2025, 12, 5), Board.NEAR_FUTURE, "09:15 continuous 15:30 closed"),
    (NFO, date(2025, 12, 8), Board.NEAR_FUTURE, PRE + "15:30 closed"),
    (NFO, date(2026, 9, 7), Board.NEAR_FUTURE, PRE_SPLIT + "15:40 closed"),
    (CDS, LAST_OLD, Board.ORDINARY, "09:00 continuous 17:00 closed"),
    (Exchange.BCD, FIRST_NEW, Board.ORDINARY, "09:00 continuous 17:00 closed"),
    (CDS, FIRST_NEW, Board.CROSS_CURRENCY, "09:00 continuous 19:30 closed"),
    (MCX, FIRST_NEW, Board.ORDINARY, "09:00 continuous 23:30 closed"),
    (Exchange.NCO, date(2026, 12, 1), Board.ORDINARY, "09:00 continuous 23:55 closed"),
    (MCX, FIRST_NEW, Board.LINKED_AGRI, "09:00 continuous 21:00 closed"),
    (MCX, FIRST_NEW, Board.AGRI, "09:00 continuous 17:00 closed"),
    (Exchange.NCDEX, FIRST_NEW, Board.ORDINARY, "09:00 continuous 17:00 closed"),
    # special days
    (NSE, date(2025, 2, 1), Board.ORDINARY, PRE + "15:30 closed 15:40 post_close 16:00 closed"),
    (MCX, date(2025, 2, 1), Board.ORDINARY, "09:00 continuous 17:00 closed"),
    (NSE, date(2024, 1, 20), Board.ORDINARY, PRE + "15:30 closed 15:40 post_close 16:00 closed"),
    (NFO, date(2024, 3, 2), Board.ORDINARY, "09:15 continuous 10:00 closed 11:30 continuous 12:30 closed"),
    (NSE, date(2023, 11, 12), Board.ORDINARY, "18:00 pre_open 18:15 continuous 19:15 closed"),
    (NSE, date(2024, 11, 1), Board.ORDINARY, "17:45 pre_open 18:00 continuous 19:00 closed"),
    (MCX, date(2024, 1, 22), Board.ORDINARY, "17:00 continuous 23:55 closed"),
    (NFO, date(2026, 2, 1), Board.ORDINARY, "09:15 continuous 15:30 closed"),
    (NSE, date(2025, 10, 21), Board.ORDINARY, "13:30 pre_open 13:45 continuous 14:45 closed"),
    (MCX, date(2025, 10, 21), Board.ORDINARY, "13:45 continuous 14:45 closed"),
    (MCX, date(2026, 11, 10), Board.ORDINARY, "17:00 continuous 23:55 closed"),
    (MCX, date(2026, 9, 14), Board.ORDINARY, "17:00 continuous 23:30 closed"),
    (MCX, date(2026, 1, 1), Board.ORDINARY, "09:00 continuous 17:00 closed"),
    (NSE, date(2026, 1, 1), Board.ORDINARY, PRE + "15:30 closed 15:40 post_close 16:00 closed"),
]


@pytest.mark.parametrize(("exchange", "day", "board", "steps"), DAYS)
def test_each_boundary_to_the_second(exchange: Exchange, day: date, board: Board, steps: str) -> None:
    words = steps.split()
    before = Phase.CLOSED
    for clock, name in zip(words[::2], words[1::2], strict=True):
        moment = at_ist(day, time.fromisoformat(clock))
        assert CALENDAR.phase_at(exchange, moment - SECOND, board) is before
        before = Phase(name)
        assert CALENDAR.phase_at(exchange, moment, board) is before
        assert CALENDAR.phase_at(exchange, moment + SECOND, board) is before


@pytest.mark.parametrize(
    ("day", "close"),
    [
        (date(2025, 3, 7), "23:55"),
        (date(2025, 3, 10), "23:30"),
        (date(2025, 10, 31), "23:30"),
        (date(2025, 11, 3), "23:55"),
        (date(2026, 3, 6), "23:55"),
        (date(2026, 3, 9), "23:30"),
        (date(2026, 10, 30), "23:30"),
        (date(2026, 11, 2), "23:55"),
        (date(2027, 3, 15), "23:30"),
        (date(2027, 11, 8), "23:55"),
    ],
)
def test_commodity_close_follows_new_york(day: date, close: str) -> None:
    window = CALENDAR.window(MCX, day)
    assert window is not None
    assert window[1] == at_ist(day, time.fromisoformat(close))
    assert not CALENDAR.is_open(MCX, window[1])
    assert CALENDAR.is_open(MCX, window[1] - SECOND)


@pytest.mark.parametrize(
    ("exchange", "day", "minutes"),
    [
        (NSE, FIRST_NEW, 375),
        (NFO, LAST_OLD, 375),
        (NFO, FIRST_NEW, 385),
        (CDS, FIRST_NEW, 480),
        (MCX, FIRST_NEW, 870),
        (MCX, date(2026, 12, 1), 895),
        (MCX, date(2026, 11, 10), 415),
        (NSE, date(2025, 10, 21), 60),
        (NSE, date(2026, 8, 2), 0),
        (Exchange.CRYPTO, date(2026, 8, 2), 1440),
    ],
)
def test_minutes(exchange: Exchange, day: date, minutes: int) -> None:
    assert CALENDAR.minutes(exchange, day) == minutes


def test_minutes_of_an_auction_stock() -> None:
    assert CALENDAR.minutes(NSE, FIRST_NEW, Board.CLOSING_AUCTION) == 360


@given(HOURS, KNOWN, BOARDS)
def test_sessions_are_in_order_and_do_not_overlap(exchange: Exchange, day: date, board: Board) -> None:
    sessions = CALENDAR.sessions(exchange, day, board)
    for session in sessions:
        assert session.start < session.end
        assert session.start.tzinfo is IST
        assert session.start.date() == day
        assert CALENDAR.phase_at(exchange, session.start, board) is session.phase
        assert CALENDAR.phase_at(exchange, session.end - SECOND, board) is session.phase
    for earlier, later in itertools.pairwise(sessions):
        assert earlier.end <= later.start
    assert CALENDAR.is_trading_day(exchange, day) == (CALENDAR.minutes(exchange, day) > 0)
    assert bool(CALENDAR.reason(exchange, day)) != CALENDAR.is_trading_day(exchange, day)


@given(HOURS, KNOWN.filter(lambda d: date(2023, 2, 5) < d < date(2027, 11, 30)), st.times())
def test_next_open_is_the_first_one(exchange: Exchange, day: date, clock: time) -> None:
    moment = at_ist(day, clock)
    opening = CALENDAR.next_open(exchange, moment)
    assert opening > moment
    assert CALENDAR.is_open(exchange, opening)
    # No other opening in between: every session that starts later than `moment` starts at or after `opening`.
    between = (day + timedelta(days=n) for n in range((opening.date() - day).days + 1))
    starts = [s.start for d in between for s in CALENDAR.sessions(exchange, d) if s.phase is Phase.CONTINUOUS]
    assert min(start for start in starts if start > moment) == opening


@given(HOURS, KNOWN.filter(lambda d: date(2023, 2, 5) < d < date(2027, 11, 30)))
def test_neighbouring_trading_days(exchange: Exchange, day: date) -> None:
    before, after = CALENDAR.previous_trading_day(exchange, day), CALENDAR.next_trading_day(exchange, day)
    inside = CALENDAR.trading_days(exchange, before, after)
    assert inside in ((before, after), (before, day, after))
    assert (day in inside) == CALENDAR.is_trading_day(exchange, day)


def test_next_open_over_a_long_weekend() -> None:
    friday_evening = datetime(2026, 11, 6, 16, 0, tzinfo=IST)
    assert CALENDAR.next_open(NSE, friday_evening) == datetime(2026, 11, 9, 9, 15, tzinfo=IST)
    assert CALENDAR.next_open(NSE, datetime(2026, 11, 10, 8, 0, tzinfo=IST)).date() == date(2026, 11, 11)
    assert CALENDAR.next_open(MCX, datetime(2026, 11, 10, 8, 0, tzinfo=IST)).hour == 17
    assert CALENDAR.next_open(NSE, datetime(2026, 8, 3, 9, 15, tzinfo=IST)).date() == date(2026, 8, 4)


def test_moments_may_come_in_any_zone_but_not_without() -> None:
    assert CALENDAR.phase_at(NSE, datetime(2026, 8, 3, 3, 45, tzinfo=UTC)) is Phase.CONTINUOUS
    with pytest.raises(InputError, match="time zone"):
        CALENDAR.phase_at(NSE, datetime(2026, 8, 3, 9, 15))  # noqa: DTZ001


def test_counts_of_trading_days() -> None:
    for year, days in ((2023, 246), (2024, 249), (2025, 249)):
        assert len(CALENDAR.trading_days(NSE, date(year, 1, 1), date(year, 12, 31))) == days
    assert len(CALENDAR.trading_days(NSE, date(2026, 11, 1), date(2026, 11, 30))) == 19
    assert CALENDAR.trading_days(NSE, date(2026, 2, 1), date(2026, 2, 1)) == (date(2026, 2, 1),)
    assert CALENDAR.trading_days(CDS, date(2026, 2, 1), date(2026, 2, 1)) == ()
    assert CALENDAR.trading_days(NSE, date(2026, 2, 2), date(2026, 2, 1)) == ()


def test_currency_closes_on_bank_holidays_only() -> None:
    day = date(2026, 2, 19)
    assert CALENDAR.is_trading_day(NSE, day)
    assert CALENDAR.reason(CDS, day) == "Shivaji Jayanti"
    assert CALENDAR.reason(NSE, day) == ""
    assert CALENDAR.reason(NSE, date(2026, 8, 2)) == "weekend"


def test_muhurat_of_unknown_hours_is_closed_and_says_so() -> None:
    day = date(2026, 11, 8)
    for exchange in CALENDAR_EXCHANGES:
        assert CALENDAR.sessions(exchange, day) == ()
        assert "time is not known" in CALENDAR.reason(exchange, day)
    assert CALENDAR.phase_at(NSE, datetime(2026, 11, 8, 18, 30, tzinfo=IST)) is Phase.CLOSED


def test_unknown_years_are_errors() -> None:
    for call in (
        lambda: CALENDAR.sessions(NSE, date(2028, 1, 3)),
        lambda: CALENDAR.is_trading_day(MCX, date(2028, 1, 3)),
        lambda: CALENDAR.holidays(2028),
        lambda: CALENDAR.next_open(NSE, datetime(2027, 12, 31, 23, 0, tzinfo=IST)),
        lambda: CALENDAR.phase_at(NSE, datetime(2028, 1, 3, 10, 0, tzinfo=IST)),
    ):
        with pytest.raises(RuleError, match="calendar for 2028 is not known; update the calendar file"):
            call()


def test_next_year_is_marked_as_planned() -> None:
    assert CALENDAR.is_provisional(date(2027, 5, 3))
    assert not CALENDAR.is_provisional(date(2026, 5, 4))
    assert all(row.provisional for row in CALENDAR.holidays(2027))
    assert not any(row.provisional for row in CALENDAR.holidays(2026))


def test_crypto_never_closes() -> None:
    day = date(2031, 1, 1)
    assert [s.phase for s in CALENDAR.sessions(Exchange.CRYPTO, day)] == [Phase.CONTINUOUS]
    assert CALENDAR.is_open(Exchange.CRYPTO, at_ist(day, time(0)) - SECOND)
    assert CALENDAR.is_open(Exchange.CRYPTO, at_ist(day, time(0)))


def test_foreign_indices_keep_their_own_hours() -> None:
    with pytest.raises(RuleError, match="GLOBAL_INDEX"):
        CALENDAR.sessions(Exchange.GLOBAL_INDEX, FIRST_NEW)


def test_holiday_rows_have_the_contracts_shape() -> None:
    row = next(row for row in CALENDAR.holidays(2026) if row.date == date(2026, 11, 10))
    assert row.description == "Diwali Balipratipada"
    assert row.holiday_type is HolidayType.TRADING_HOLIDAY
    assert [e.value for e in row.closed_exchanges] == ["NSE", "BSE", "NFO", "BFO", "CDS", "BCD"]
    first = row.open_exchanges[0]
    assert (first.exchange, first.start_time, first.end_time) == (MCX, 1_794_310_200_000, 1_794_335_100_000)


def test_full_closures_of_2026() -> None:
    closed = {r.date for r in CALENDAR.holidays(2026) if MCX in r.closed_exchanges and r.date.weekday() < 5}
    assert closed == {date(2026, 1, 26), date(2026, 4, 3), date(2026, 10, 2), date(2026, 12, 25)}
    equity = [r for r in CALENDAR.holidays(2026) if NSE in r.closed_exchanges and r.date.weekday() < 5]
    assert len(equity) == 16
    assert [r.date for r in CALENDAR.holidays(2026)] == sorted(r.date for r in CALENDAR.holidays(2026))


def test_bank_holidays_are_settlement_holidays() -> None:
    rows = {r.date: r for r in CALENDAR.holidays(2026)}
    assert rows[date(2026, 2, 19)].holiday_type is HolidayType.SETTLEMENT_HOLIDAY
    assert rows[date(2026, 2, 19)].closed_exchanges == (CDS, Exchange.BCD)
    budget = rows[date(2026, 2, 1)]
    assert budget.holiday_type is HolidayType.SPECIAL_SESSION
    assert [w.exchange for w in budget.open_exchanges][:4] == [NSE, Exchange.BSE, NFO, Exchange.BFO]


def test_timings() -> None:
    rows = {w.exchange: w for w in CALENDAR.timings(date(2026, 11, 25))}
    assert len(rows) == len(CALENDAR_EXCHANGES) + 1
    assert rows[NFO].end_time - rows[NFO].start_time == 385 * 60_000
    assert [w.exchange for w in CALENDAR.timings(date(2026, 11, 22))] == [Exchange.CRYPTO]


def test_a_users_own_file_wins(tmp_path: Path) -> None:
    muhurat = [
        {"phase": "pre_open", "start": "18:00", "end": "18:15"},
        {"phase": "continuous", "start": "18:15", "end": "00:15"},
    ]
    own = {
        "years": [{"year": 2028, "status": "final"}],
        "rows": [
            {
                "date": "2026-11-08",
                "description": "Muhurat trading",
                "type": "SPECIAL_SESSION",
                "segments": {"equity": muhurat},
                "mark": "1",
            }
        ],
    }
    (tmp_path / "holidays.json").write_text(json.dumps(own), encoding="utf-8")
    calendar = TradingCalendar.load(tmp_path)
    assert calendar.is_trading_day(NSE, date(2026, 11, 8))
    assert not calendar.is_trading_day(NFO, date(2026, 11, 8))
    # a session past midnight still belongs to the evening before
    assert calendar.is_open(NSE, datetime(2026, 11, 9, 0, 14, 59, tzinfo=IST))
    assert not calendar.is_open(NSE, datetime(2026, 11, 9, 0, 15, tzinfo=IST))
    assert calendar.is_trading_day(NSE, date(2028, 1, 3))
    assert calendar.is_trading_day(MCX, date(2026, 1, 1))


@pytest.mark.parametrize(
    ("content", "place"),
    [
        ("{", "truncated"),
        ('{"rows": [{"date": "2026-13-01"}]}', "rows"),
        ('{"rows": [], "evening_from": "25:00"}', "evening_from"),
        ('{"rows": [], "holidays": []}', "holidays"),
    ],
)
def test_a_file_that_does_not_fit_is_named(tmp_path: Path, content: str, place: str) -> None:
    path = tmp_path / "holidays.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(RuleError, match=place) as caught:
        TradingCalendar.load(tmp_path)
    assert str(path) in str(caught.value)


def test_repr_names_the_years() -> None:
    assert repr(CALENDAR) == "TradingCalendar(2023, 2024, 2025, 2026, 2027?)"


def test_phases_that_take_orders() -> None:
    assert Phase.CONTINUOUS.takes_orders
    assert Phase.PRE_OPEN_LIMIT.takes_orders
    assert not Phase.REFERENCE.takes_orders
    assert not Phase.CLOSED.takes_orders
    start = at_ist(FIRST_NEW, time(9, 15))
    assert Session(Phase.CONTINUOUS, start, start + SECOND).phase.takes_orders
