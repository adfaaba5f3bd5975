"""Charges against worked examples of the dated tables: exact, and rounded as on a contract note."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openalgo_lab.engine.accounting.contract_note import Charges, exercise_tax
from openalgo_lab.model.accounting import AccountingSettings
from openalgo_lab.model.errors import RuleError
from openalgo_lab.model.orders import Fill
from openalgo_lab.model.rules import RuleBook
from openalgo_lab.model.vocabulary import Exchange
from tests.engine.accounting.fills import DAY, fill

RULES = RuleBook.load()
CHARGES = Charges(RULES)

D1 = [fill("BUY", 100, 800.0, product="CNC")]
I1 = [fill("BUY", 100, 800.0), fill("SELL", 100, 806.0)]
I2 = [fill("BUY", 10, 250.0), fill("SELL", 10, 252.0)]
FUT, SFUT = "NFO:NIFTY29DEC26FUT", "BFO:SENSEX31DEC26FUT"
F1 = [fill("BUY", 65, 25_000.0, FUT, "NRML"), fill("SELL", 65, 25_100.0, FUT, "NRML")]
F2 = [fill("SELL", 20, 81_000.0, SFUT, "NRML"), fill("BUY", 20, 80_800.0, SFUT, "NRML")]
CE, SCE = "NFO:NIFTY01DEC2625000CE", "BFO:SENSEX03DEC2681000CE"
O1 = [fill("BUY", 65, 100.0, CE, "NRML"), fill("SELL", 65, 120.0, CE, "NRML")]
O2 = [fill("SELL", 40, 300.0, SCE, "NRML"), fill("BUY", 40, 250.0, SCE, "NRML")]
C1 = [
    fill("BUY", 10_000, 88.0, "CDS:USDINR27NOV26FUT", "NRML"),
    fill("SELL", 10_000, 88.1, "CDS:USDINR27NOV26FUT", "NRML"),
]
C2 = [
    fill("BUY", 10_000, 0.2, "CDS:USDINR27NOV2688CE", "NRML"),
    fill("SELL", 10_000, 0.25, "CDS:USDINR27NOV2688CE", "NRML"),
]
GOLD = "MCX:GOLDM04DEC26FUT"
M1 = [fill("BUY", 10, 120_000.0, GOLD, "NRML"), fill("SELL", 10, 121_000.0, GOLD, "NRML")]
M2 = [
    fill("BUY", 100, 6_000.0, "MCX:CRUDEOIL18DEC26FUT", "NRML"),
    fill("SELL", 100, 6_050.0, "MCX:CRUDEOIL18DEC26FUT", "NRML"),
]
OIL = "MCX:CRUDEOIL16DEC266000CE"
M3 = [fill("BUY", 100, 200.0, OIL, "NRML"), fill("SELL", 100, 230.0, OIL, "NRML")]


@pytest.mark.parametrize(
    ("trades", "exact", "note"),
    [
        (D1, "94.9925", "95.00"), (I1, "75.76", "75.21"), (I2, "2.67", "2.97"), (F1, "969.61", "970.36"),
        (F2, "893.34", "893.02"), (O1, "65.11", "65.21"), (O2, "73.96", "73.66"), (C1, "57.44", "57.56"),
        (C2, "48.86", "48.85"), (M1, "254.76", "254.76"), (M2, "150.98", "151.49"), (M3, "80.56", "81.45"),
    ],
    ids=["D1", "I1", "I2", "F1", "F2", "O1", "O2", "C1", "C2", "M1", "M2", "M3"],
)  # fmt: skip
def test_worked_examples(trades: Sequence[Fill], exact: str, note: str) -> None:
    """C1 counts the investor-protection levy of ₹0.05 a crore, which the published example leaves out."""
    (line,) = CHARGES.notes(trades, exact=True)
    places = Decimal(1).scaleb(-len(exact.partition(".")[2]))
    assert abs(line.total - Decimal(exact)) <= places
    (rounded,) = CHARGES.notes(trades)
    assert rounded.total == Decimal(note)
    assert rounded.rounded and not line.rounded


def test_delivery_over_two_days_is_two_notes() -> None:
    other = date(2026, 11, 26)
    bse = "BSE:RELIANCE"
    trades = [fill("BUY", 50, 1_200.0, bse, "CNC"), fill("SELL", 50, 1_260.0, bse, "CNC", day=other)]
    lines = CHARGES.notes(trades)
    assert [line.day for line in lines] == [DAY, other]
    assert abs(sum(line.total for line in lines) - Decimal("137.58")) <= Decimal("0.02")


def test_published_sample_of_older_rates() -> None:
    """A broker's estimate before March 2026: exchange 2.376, levy 0.08, tax 80, stamp 12, total 94.99248."""
    (line,) = CHARGES.notes([fill("BUY", 100, 800.0, product="CNC", day=date(2025, 6, 2))], exact=True)
    assert line.total == Decimal("94.99248")
    assert (line.exchange_fee, line.investor_protection, line.gst) == (
        Decimal("2.376"), Decimal("0.08"), Decimal("0.45648"),
    )  # fmt: skip


def test_shares_bought_and_sold_the_same_day_are_intraday_whatever_the_product() -> None:
    trades = [fill("BUY", 100, 800.0, product="CNC"), fill("SELL", 60, 810.0, product="CNC")]
    lines = {line.segment: line for line in CHARGES.notes(trades, exact=True)}
    assert lines["equity_intraday"].sell_value == Decimal(60 * 810)
    assert lines["equity_intraday"].buy_value == Decimal(60 * 800)
    assert lines["equity_delivery"].buy_value == Decimal(40 * 800)
    assert lines["equity_intraday"].transaction_tax == Decimal("0.00025") * 60 * 810
    assert lines["equity_delivery"].transaction_tax == Decimal("0.001") * 40 * 800


def test_one_order_in_many_trades_pays_brokerage_once() -> None:
    trades = [fill("BUY", 10, 800.0 + n, order="one") for n in range(7)]
    (line,) = CHARGES.notes(trades, exact=True)
    assert line.orders == 1
    assert line.brokerage == min(Decimal(20), sum(Decimal(10 * (800 + n)) for n in range(7)) * Decimal("0.0003"))
    sliced = [fill("BUY", 65, 100.0, CE, "NRML", order=f"s{n}") for n in range(3)]
    assert CHARGES.notes(sliced, exact=True)[0].brokerage == 60


def test_plans_and_rounding_of_stamp() -> None:
    zero = Charges(RULES, AccountingSettings(plans={"A": "zero"}, stamp_to_rupee=False))
    (line,) = zero.notes(F1)
    assert line.brokerage == 0
    assert line.stamp == Decimal("32.50")


def test_exercise() -> None:
    assert exercise_tax(RULES, Exchange.NFO, 180 * 65, DAY) == Decimal("17.55")
    assert exercise_tax(RULES, Exchange.NFO, 180 * 65, date(2026, 3, 31)) == Decimal("14.625")


def test_a_day_without_rates_is_an_error_not_a_zero() -> None:
    with pytest.raises(RuleError):
        CHARGES.notes([fill("BUY", 1, 100.0, day=date(2019, 1, 2))])
    with pytest.raises(RuleError, match="not known"):
        CHARGES.notes([fill("BUY", 1, 100.0, "NFO:NOSUCH", "NRML")])


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["BUY", "SELL"]), st.integers(1, 500), st.integers(2000, 200_000),
            st.sampled_from(["NSE:SBIN", "NSE:INFY", CE, FUT, GOLD]), st.sampled_from(["a", "b", "c"]),
        ),
        min_size=1, max_size=12,
    )
)  # fmt: skip
def test_shares_of_trades_add_up_to_the_exact_note(rows: list[tuple[str, int, int, str, str]]) -> None:
    trades = [
        fill(side, quantity, tick / 20, symbol, "MIS", order=f"{order}-{symbol}-{side}")
        for side, quantity, tick, symbol, order in rows
    ]
    shares = sum(CHARGES.of_fills(trades).values(), Decimal(0))
    whole = sum((line.total for line in CHARGES.notes(trades, exact=True)), Decimal(0))
    assert abs(shares - whole) < Decimal("1e-15") * max(whole, Decimal(1)) * 10**6
