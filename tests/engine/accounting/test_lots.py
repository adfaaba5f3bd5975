"""Entries and exits: quantity and money conserved to the last unit, by both ways of matching."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openalgo_lab.engine.accounting.lots import match, to_paise, to_units
from openalgo_lab.engine.accounting.results import results, round_trips, statistics
from openalgo_lab.model.accounting import BookedFill, Matching, ResultsBy, TradeStatistics
from openalgo_lab.model.orders import Fill
from tests.engine.accounting.fills import DAY, fill

TRADES = st.lists(
    st.tuples(
        st.sampled_from(["BUY", "SELL"]), st.integers(1, 300), st.integers(1, 40_000),
        st.sampled_from(["NSE:A", "NSE:B"]),
        st.sampled_from(["", "x", "y"]),
    ),
    max_size=40,
)  # fmt: skip


def made(rows: list[tuple[str, int, int, str, str]]) -> list[Fill]:
    return [
        fill(side, quantity, tick * 0.0025, symbol, strategy=strategy, minute=n)
        for n, (side, quantity, tick, symbol, strategy) in enumerate(rows)
    ]


@given(TRADES, st.sampled_from(Matching), st.booleans())
def test_conservation(rows: list[tuple[str, int, int, str, str]], matching: Matching, within: bool) -> None:
    fills = made(rows)
    matched = match(fills, matching, within_strategies=within)
    bought = sum(f.quantity * f.side.sign for f in fills)
    still_open = sum(lot.quantity * lot.side.sign for lots in matched.open.values() for lot in lots)
    assert bought == still_open
    # Money out = cost of what is open - realised: exactly, in ten-thousandths of a rupee.
    spent = sum(to_units(f.price) * f.quantity * f.side.sign for f in fills)
    cost = sum(lot.value * lot.side.sign for lots in matched.open.values() for lot in lots)
    realised = sum(closed.gain for closed in matched.closed)
    assert spent == cost - realised
    for lots in matched.open.values():
        assert len({lot.side for lot in lots}) == 1
        if matching is Matching.AVERAGE:
            assert len(lots) == 1


@given(TRADES)
def test_average_against_an_oracle_in_fractions(rows: list[tuple[str, int, int, str, str]]) -> None:
    fills = [f for f in made(rows) if f.symbol == "A"]
    quantity, average, realised = 0, Fraction(0), Fraction(0)
    for one in fills:
        price, signed = Fraction(to_units(one.price)), one.quantity * one.side.sign
        if quantity * signed >= 0:
            average = (average * abs(quantity) + price * one.quantity) / (abs(quantity) + one.quantity)
        else:
            closed = min(abs(quantity), one.quantity)
            realised += (price - average) * closed * (1 if quantity > 0 else -1)
            if one.quantity > abs(quantity):
                average = price
        quantity += signed
    gain = sum(closed.gain for closed in match(fills, Matching.AVERAGE).closed)
    assert abs(gain - realised) <= len(fills)  # integer division keeps at most one unit (₹0.0001) an exit


def test_fifo_by_hand() -> None:
    fills = [
        fill("BUY", 100, 10.0), fill("BUY", 50, 12.0, minute=1), fill("SELL", 120, 11.0, minute=2),
        fill("SELL", 60, 13.0, minute=3),
    ]  # fmt: skip
    matched = match(fills)
    assert [(c.quantity, to_paise(c.gain)) for c in matched.closed] == [(100, 10_000), (20, -2_000), (30, 3_000)]
    ((lot,),) = matched.open.values()
    assert (lot.side.value, lot.quantity, lot.value) == ("SELL", 30, 30 * 130_000)


def test_strategies_are_matched_apart_when_asked() -> None:
    fills = [fill("BUY", 10, 100.0, strategy="a"), fill("SELL", 10, 110.0, strategy="b", minute=1)]
    assert len(match(fills).closed) == 1
    apart = match(fills, within_strategies=True)
    assert not apart.closed and len(apart.open) == 2


@pytest.mark.parametrize(("units", "paise"), [(0, 0), (49, 0), (50, 1), (-50, -1), (-49, 0), (149, 1), (10_000, 100)])
def test_rounding_to_paise(units: int, paise: int) -> None:
    assert to_paise(units) == paise


def booked(fills: list[Fill], **notes: tuple[str, ...]) -> list[BookedFill]:
    return [BookedFill(f, DAY, tags=notes.get(f.strategy, ())) for f in fills]


def test_results_and_statistics() -> None:
    fills = [
        fill("BUY", 10, 100.0, strategy="a"), fill("SELL", 10, 110.0, minute=5, strategy="a"),
        fill("SELL", 10, 100.0, "NSE:B", minute=6, strategy="b"),
        fill("BUY", 10, 130.0, "NSE:B", minute=9, strategy="b"),
        fill("BUY", 1, 100.0, minute=10), fill("SELL", 1, 100.0, minute=11),
    ]  # fmt: skip
    trips = round_trips(booked(fills, a=("gap", "morning")), {})
    assert [trip.gross_paise for trip in trips] == [10_000, -30_000, 0]
    stats = statistics(trips)
    assert (stats.trades, stats.winners, stats.losers, stats.net_paise) == (3, 1, 1, -20_000)
    assert (stats.best_paise, stats.worst_paise, stats.drawdown_paise) == (10_000, -30_000, -30_000)
    assert stats.profit_factor == pytest.approx(1 / 3)
    assert stats.win_rate == pytest.approx(1 / 3)
    assert (stats.longest_win_streak, stats.longest_loss_streak) == (1, 1)
    by_tag = {row.key: row.net_paise for row in results(trips, ResultsBy.TAG)}
    assert by_tag == {"gap": 10_000, "morning": 10_000, "(none)": -30_000}
    assert {row.key: row.trades for row in results(trips, ResultsBy.STRATEGY)} == {"a": 1, "b": 1, "(none)": 1}
    assert [row.key for row in results(trips, ResultsBy.DAY)] == ["2026-11-25"]
    assert {row.key for row in results(trips, ResultsBy.SYMBOL)} == {"NSE:SBIN", "NSE:B"}
    assert [row.key for row in results(trips, ResultsBy.ACCOUNT)] == ["A"]
    assert statistics([]) == TradeStatistics()
