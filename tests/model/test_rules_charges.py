"""Charges and brokerage of the dated tables, and the laws that every table obeys."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from importlib import resources
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openalgo_lab.model.calendar import TradingCalendar
from openalgo_lab.model.errors import RuleError
from openalgo_lab.model.rule_rows import Slab, slab_value
from openalgo_lab.model.rules import RuleBook
from openalgo_lab.model.tables import DatedRow, in_force
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
INDICES = ("NIFTY", "BANKNIFTY", "FINNIFTY", "MIDCPNIFTY", "NIFTYNXT50")

CHARGES = [
    ("stt", "equity_delivery", NSE, "2026-11-25", "0.001"),
    ("stt", "equity_future", NFO, "2024-09-30", "0.000125"),
    ("stt", "equity_future", NFO, "2024-10-01", "0.0002"),
    ("stt", "equity_future", BFO, "2026-04-01", "0.0005"),
    ("stt", "equity_option", NFO, "2026-03-31", "0.001"),
    ("stt", "equity_option", NFO, "2026-04-01", "0.0015"),
    ("stt", "equity_exercise", NFO, "2026-03-31", "0.00125"),
    ("stt", "equity_exercise", NFO, "2026-04-01", "0.0015"),
    ("ctt", "commodity_future", MCX, "2026-11-25", "0.0001"),
    ("txn", "equity_delivery", NSE, "2024-09-30", "0.0000325"),
    ("txn", "equity_delivery", NSE, "2026-03-01", "0.000030699"),
    ("txn", "equity_option", NFO, "2026-11-25", "0.0003552"),
    ("txn", "equity_delivery", BSE, "2026-11-25", "0.0000375"),
    ("txn", "equity_future", BFO, "2026-11-25", "0"),
    ("txn", "commodity_future", MCX, "2024-09-30", "0.000026"),
    ("txn", "commodity_option", MCX, "2026-11-25", "0.000418"),
    ("sebi", "equity_intraday", NSE, "2026-11-25", "0.000001"),
    ("gst", "equity_option", NFO, "2026-11-25", "0.18"),
    ("stamp", "equity_delivery", NSE, "2026-11-25", "0.00015"),
    ("stamp", "currency_option", CDS, "2026-11-25", "0.000001"),
]


@pytest.mark.parametrize(("charge", "segment", "exchange", "on", "fraction"), CHARGES)
def test_charges(charge: str, segment: str, exchange: Exchange, on: str, fraction: str) -> None:
    row = BOOK.charge(charge, segment, exchange, date.fromisoformat(on))
    assert row.fraction == Decimal(fraction)


def test_levy_split_of_march_2026_keeps_the_sum() -> None:
    before, after = date(2026, 2, 28), date(2026, 3, 1)
    for segment, exchange in (("equity_delivery", NSE), ("equity_future", NFO), ("equity_option", NFO)):
        sums = [
            BOOK.charge("txn", segment, exchange, day).rate + BOOK.charge("ipft", segment, exchange, day).rate
            for day in (before, after)
        ]
        assert sums[0] == sums[1]


def test_particular_charges_win() -> None:
    def option(underlying: str) -> Decimal:
        return BOOK.charge("txn", "equity_option", BFO, TODAY, underlying=underlying).rate

    assert [option(name) for name in ("SENSEX", "BANKEX", "SENSEX50", "FOCIT")] == [3250, 3250, 500, 0]
    assert BOOK.charge("txn", "equity_delivery", BSE, TODAY, group="XT").rate == 10_000
    assert BOOK.charge("dp_client", "equity_delivery", NSE, TODAY).rate == 13
    with pytest.raises(ValueError, match="rupees"):
        _ = BOOK.charge("dp_client", "equity_delivery", NSE, TODAY).fraction
    with pytest.raises(RuleError, match="txn equity_delivery CRYPTO"):
        BOOK.charge("txn", "equity_delivery", Exchange.CRYPTO, TODAY)


def test_brokerage_plans() -> None:
    row = BOOK.brokerage_of("discount.zero-delivery", "equity_intraday", TODAY)
    assert (row.flat, row.percent) == (Decimal(20), Decimal("0.03"))
    assert BOOK.brokerage_of("zero", "equity_option", TODAY).flat == 0
    with pytest.raises(RuleError, match="nosuch"):
        BOOK.brokerage_of("nosuch", "equity_option", TODAY)


def test_derivative_stocks() -> None:
    stocks = BOOK.derivative_stocks(TODAY)
    assert {"RELIANCE", "M&M", "BAJAJ-AUTO", "360ONE"} & set(stocks) == {"RELIANCE", "M&M", "BAJAJ-AUTO"}
    assert "NIFTY" not in stocks
    assert len(stocks) >= 60
    assert BOOK.derivative_stocks(date(2025, 1, 1)) == ()


# Laws of the tables ------------------------------------------------------------------------------------------------

TABLES = {name: getattr(BOOK, name) for name in RuleBook.__struct_fields__}


@pytest.mark.parametrize("name", sorted(TABLES))
def test_tables_are_filled_and_never_say_the_same_twice(name: str) -> None:
    rows: tuple[DatedRow, ...] = TABLES[name]
    assert rows
    assert len(set(rows)) == len(rows)
    for row in rows:
        assert row.effective_to is None or row.effective_to >= row.effective_from


def test_slabs_ascend_and_end_open() -> None:
    for row in (*BOOK.ticks, *BOOK.freeze_levels, *BOOK.protection):
        bounds = [slab.upto for slab in row.slabs]
        assert bounds[-1] is None
        inner = [bound for bound in bounds[:-1] if bound is not None]
        assert len(inner) == len(bounds) - 1
        assert inner == sorted(set(inner))


def test_freezes_and_lots_are_positive_and_every_index_is_whole() -> None:
    assert all(row.lot is None or row.lot > 0 for row in BOOK.lots)
    assert all(row.quantity > 0 for row in BOOK.freezes)
    for index in INDICES:
        day = BOOK.expiry_dates(index, TODAY, 1, calendar=CALENDAR)[0]
        assert BOOK.largest_order(index, day, TODAY) % BOOK.lot_size(index, day) == 0
        assert BOOK.strike_step(index, TODAY) > 0


def test_every_file_names_its_source() -> None:
    folder = resources.files("openalgo_lab.model").joinpath("data")
    for file in folder.iterdir():
        if file.name != "index_names.json":
            assert json.loads(file.read_text(encoding="utf-8"))["source"]


@given(
    st.lists(st.tuples(st.dates(), st.none() | st.dates()), max_size=8),
    st.dates(),
)
def test_validity_rule(spans: list[tuple[date, date | None]], on: date) -> None:
    rows = [DatedRow(mark="1", note=str(n), effective_from=a, effective_to=b) for n, (a, b) in enumerate(spans)]
    begun = [row for row in rows if row.effective_from <= on]
    chosen = in_force(rows, on)
    if not begun:
        assert chosen is None
        return
    latest = max(row.effective_from for row in begun)
    expected = [row for row in begun if row.effective_from == latest][-1]
    ended = expected.effective_to is not None and expected.effective_to < on
    assert chosen == (None if ended else expected)


def test_repr_is_short() -> None:
    assert repr(BOOK).startswith("RuleBook(17 tables, ")


def test_slab_value() -> None:
    slabs = (Slab(1.0, 10, inclusive=False), Slab(2.0, 20), Slab(3.0))
    assert [slab_value(slabs, x) for x in (9.9, 10, 20, 20.1)] == [1, 2, 2, 3]


# A user's own folder -----------------------------------------------------------------------------------------------


def test_own_rows_are_added_and_win(tmp_path: Path) -> None:
    row = {"exchange": "NFO", "underlying": "NIFTY", "quantity": 2400, "mark": "1"}
    own = {"rows": [row | {"effective_from": "2026-08-03"}, row | {"effective_from": "2026-12-01", "quantity": 1200}]}
    (tmp_path / "freeze.json").write_text(json.dumps(own), encoding="utf-8")
    book = RuleBook.load(tmp_path)
    assert book.freeze_quantity("NIFTY", date(2026, 8, 2)) == 1800
    assert book.freeze_quantity("NIFTY", TODAY) == 2400
    assert book.freeze_quantity("NIFTY", date(2026, 12, 1)) == 1200
    assert book.freeze_quantity("BANKNIFTY", TODAY) == 600
    assert BOOK.freeze_quantity("NIFTY", TODAY) == 1800


@pytest.mark.parametrize(
    ("name", "row", "hint"),
    [
        ("freeze.json", {"exchange": "NFO", "underlying": "NIFTY", "quantity": "many"}, "quantity"),
        ("lots.json", {"exchange": "NOPE", "underlying": "NIFTY", "lot": 1}, "exchange"),
        ("expiries.json", {"exchange": "NFO", "underlying": "X", "cycle": "weekly"}, "exactly one"),
        ("square_off.json", {"exchanges": ["NSE"]}, "either"),
        ("freeze.json", {"exchange": "NFO", "underlying": "NIFTY", "quantity": 1, "colour": "red"}, "colour"),
    ],
)
def test_own_rows_that_do_not_fit_are_named(tmp_path: Path, name: str, row: dict[str, object], hint: str) -> None:
    dated = {"effective_from": "2026-01-01", "mark": "1"}
    (tmp_path / name).write_text(json.dumps({"rows": [dated | row]}), encoding="utf-8")
    with pytest.raises(RuleError, match=hint) as caught:
        RuleBook.load(tmp_path)
    assert str(tmp_path / name) in str(caught.value)
