"""Corporate actions: the table, and what it does to prices."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openalgo_lab.model.errors import DecodeError, InputError
from openalgo_lab.model.instruments import InstrumentKey
from openalgo_lab.model.market import Bars
from openalgo_lab.model.times import day_bounds_ns
from openalgo_lab.model.vocabulary import Exchange
from openalgo_lab.store.history.actions import ActionKind, ActionTable, CorporateAction, parse_ratio
from openalgo_lab.store.history.adjusted import adjusted

SBIN = InstrumentKey(Exchange.NSE, "SBIN")
TODAY = date(2026, 6, 1)


def split(day: int, first: int, second: int, kind: ActionKind = ActionKind.SPLIT) -> CorporateAction:
    return CorporateAction(SBIN, date(2026, 1, day), kind, first, second)


def dividend(day: int, amount: str) -> CorporateAction:
    return CorporateAction(SBIN, date(2026, 1, day), ActionKind.DIVIDEND, amount=Decimal(amount))


def days(closes: list[float], volume: float = 90.0) -> Bars:
    """A candle a day from 1 January on."""
    starts = np.array([day_bounds_ns(date(2026, 1, 1 + n))[0] for n in range(len(closes))], dtype=np.int64)
    close = np.array(closes)
    return Bars(starts, close, close + 1, close - 1, close, np.full(len(close), volume), np.zeros(len(close)))


def test_a_split_and_a_bonus_divide_prices_and_multiply_volume() -> None:
    made = adjusted(days([1000.0] * 4), [split(2, 5, 1), split(4, 1, 2, ActionKind.BONUS)], TODAY)
    assert made.close.tolist() == [1000 / 7.5, 1000 / 1.5, 1000 / 1.5, 1000.0]
    assert made.volume.tolist() == [675, 135, 135, 90]
    # a consolidation goes the other way
    assert adjusted(days([10.0] * 2), [split(2, 1, 10)], TODAY).close.tolist() == [100, 10]


def test_actions_to_come_do_not_count_yet() -> None:
    bars = days([100.0] * 4)
    assert adjusted(bars, [split(3, 2, 1)], date(2026, 1, 2)) is bars
    assert adjusted(bars, [split(3, 2, 1)], date(2026, 1, 3)).close.tolist() == [50, 50, 100, 100]


def test_dividends_only_where_asked_for() -> None:
    bars = days([100.0, 200.0, 190.0, 80.0])
    actions = [dividend(3, "10"), dividend(4, "19"), split(4, 2, 1)]
    assert adjusted(bars, actions, TODAY).close.tolist() == [50, 100, 95, 80]
    whole = adjusted(bars, actions, TODAY, dividends=True)
    assert whole.close.tolist() == pytest.approx([100 * 0.95 * 0.9 / 2, 200 * 0.95 * 0.9 / 2, 190 * 0.9 / 2, 80])
    assert whole.volume.tolist() == [180, 180, 180, 90]
    with pytest.raises(InputError, match=r"dividend of NSE:SBIN on 2026-01-03 \(₹200\) is not less"):
        adjusted(bars, [dividend(3, "200")], TODAY, dividends=True)
    with pytest.raises(InputError, match="needs the close before it"):
        adjusted(bars, [dividend(3, "2")], TODAY, dividends=True, closes=days([]))


paise = st.integers(5, 10_000_000)
ratios = st.tuples(st.integers(1, 20), st.integers(1, 20))


@given(st.lists(paise, min_size=6, max_size=6), st.lists(ratios, max_size=4), st.booleans())
def test_every_price_is_the_exact_quotient(prices: list[int], given_ratios: list[tuple[int, int]], bonus: bool) -> None:
    kind = ActionKind.BONUS if bonus else ActionKind.SPLIT
    actions = [split(2 + n, *ratio, kind=kind) for n, ratio in enumerate(given_ratios)]
    made = adjusted(days([price / 100 for price in prices]), actions, TODAY)
    for place, price in enumerate(prices):
        exact = Fraction(price, 100)
        for action in actions:
            if action.ex_date > date(2026, 1, 1 + place):
                exact /= action.shares
        assert made.close[place] == float(exact)


# The table --------------------------------------------------------------------------------------------------------


def test_rows_are_kept_once_and_taken_out(tmp_path: Path) -> None:
    table = ActionTable(tmp_path / "deep" / "corporate_actions.csv")
    assert table.load() == ()
    rows = [split(5, 5, 1), dividend(5, "12.50"), dividend(5, "3"), split(9, 1, 1, ActionKind.BONUS)]
    assert table.add(rows) == 4
    assert table.add(rows[:2]) == 0
    assert set(table.load()) == set(rows)
    assert table.of(InstrumentKey(Exchange.NSE, "TCS")) == ()
    assert (tmp_path / "deep" / "corporate_actions.csv").read_text().splitlines()[0] == (
        "exchange,symbol,ex_date,kind,ratio,amount"
    )
    with pytest.raises(InputError, match="remove the one that is wrong"):
        table.add([split(5, 10, 1)])
    table.remove(rows[0])
    assert set(table.load()) == set(rows[1:])
    with pytest.raises(InputError, match="not in the table"):
        table.remove(rows[0])


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("NSE,SBIN,2026-01-05,merger,1:1,", "Row 2 of in.csv, column kind: 'merger' is not split, bonus or dividend"),
        ("NSEE,SBIN,2026-01-05,split,1:1,", "Row 2 of in.csv, column exchange: 'NSEE'"),
        ("NSE,,2026-01-05,split,1:1,", "column symbol"),
        ("NSE,SBIN,05/01/2026,split,1:1,", "column ex_date: '05/01/2026' is not a date such as"),
        ("NSE,SBIN,2026-01-05,split,five,", "column ratio: 'five' is no ratio"),
        ("NSE,SBIN,2026-01-05,split,0:1,", "column ratio"),
        ("NSE,SBIN,2026-01-05,split,,", "column ratio: A split has a ratio"),
        ("NSE,SBIN,2026-01-05,dividend,,twelve", "column amount: 'twelve'"),
        ("NSE,SBIN,2026-01-05,dividend,,-3", "column amount"),
        ("NSE,SBIN,2026-01-05,dividend,,NaN", "column amount"),
        ("NSE,SBIN,2026-01-05,dividend,1:1,5", "column amount"),
        ("NSE,SBIN,2026-01-05,split,2:1,,,extra", "more cells than the heads"),
    ],
)
def test_a_row_that_does_not_fit_refuses_the_file(tmp_path: Path, row: str, words: str) -> None:
    file = tmp_path / "in.csv"
    file.write_text(f"exchange,symbol,ex_date,kind,ratio,amount\n{row}\n")
    table = ActionTable(tmp_path / "corporate_actions.csv")
    with pytest.raises(DecodeError, match=words):
        table.take(file)
    assert table.load() == ()


def test_a_ratio_is_two_whole_numbers() -> None:
    assert parse_ratio(" 5 : 1 ") == (5, 1)
    for wrong in ("5", "5:0", "0:5", "5.5:1", "-5:1", "5:1:1", "٥:1", ""):
        with pytest.raises(InputError, match="no ratio"):
            parse_ratio(wrong)
