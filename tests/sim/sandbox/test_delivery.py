"""Contracts on a share end by delivery: shares, money, charges, margins, and what happens when either is missing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, time
from decimal import Decimal
from pathlib import Path

import pytest

from openalgo_lab.engine.accounting.contract_note import Charges
from openalgo_lab.engine.sandbox import _fill_of
from openalgo_lab.model.delivery import Obligation, delivery_rules, obligation
from openalgo_lab.model.errors import RuleError
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.sandbox import SandboxSettings
from openalgo_lab.model.symbols import parse_symbol
from openalgo_lab.model.times import at_ist
from openalgo_lab.model.vocabulary import Exchange, Settlement, Side
from openalgo_lab.sim.matching import PRICE_SCALE, to_rupees
from openalgo_lab.sim.records import VenueTrade
from openalgo_lab.sim.rules import Refusal
from tests.sim.sandbox.desk import RULES, SBIN, STOCK_EXPIRY, STOCK_FUT, Sandbox, stock_option

OPEN, CLOSE = at_ist(STOCK_EXPIRY, time(10, 0)), at_ist(STOCK_EXPIRY, time(15, 40))
NEXT = at_ist(date(2026, 12, 30), time(10, 0))


@pytest.fixture
def sandbox(tmp_path: Path) -> Sandbox:
    made = Sandbox(tmp_path, start=OPEN)
    made.board.shown = 10_000
    return made


def _shares(sandbox: Sandbox) -> list[tuple[str, int, float, str]]:
    return [
        (one.side.value, one.quantity, to_rupees(one.price), one.settlement.value)
        for one in sandbox.trades
        if one.symbol == "SBIN" and one.settlement
    ]


# The rule ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("symbol", "quantity", "settlement", "owed"),
    [
        ("SBIN29DEC26FUT", 750, 812.4, Obligation(Side.BUY, 750, 812.4)),
        ("SBIN29DEC26FUT", -1500, 812.4, Obligation(Side.SELL, 1500, 812.4)),
        ("SBIN29DEC26FUT", 0, 812.4, None),
        ("SBIN29DEC26800CE", 750, 800.05, Obligation(Side.BUY, 750, 800.0)),
        ("SBIN29DEC26800CE", -750, 812.0, Obligation(Side.SELL, 750, 800.0)),
        ("SBIN29DEC26800CE", 750, 800.0, None),
        ("SBIN29DEC26800CE", -750, 799.95, None),
        ("SBIN29DEC26800PE", 750, 799.95, Obligation(Side.SELL, 750, 800.0)),
        ("SBIN29DEC26800PE", -750, 780.0, Obligation(Side.BUY, 750, 800.0)),
        ("SBIN29DEC26800PE", 750, 800.0, None),
    ],
)
def test_what_a_position_comes_to(symbol: str, quantity: int, settlement: float, owed: Obligation | None) -> None:
    assert obligation(parse_symbol(symbol, Exchange.NFO), quantity, settlement) == owed


def test_the_rules_are_dated() -> None:
    row = delivery_rules(date(2026, 12, 1))
    assert [round(row.step_up(days), 4) for days in (5, 4, 3, 2, 1, 0)] == [0.0, 0.02, 0.05, 0.09, 0.14, 0.2]
    assert row.close_out == 20
    with pytest.raises(RuleError, match="2019-10-01"):
        delivery_rules(date(2019, 9, 30))


# Settlement ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("item", "side", "spot", "shares", "price"),
    [
        (STOCK_FUT, "BUY", 815.0, 750, 815.0),
        (stock_option(800), "BUY", 815.0, 750, 800.0),
        (stock_option(820), "BUY", 815.0, 0, 0.0),
        (stock_option(820), "SELL", 815.0, 0, 0.0),
        (stock_option(820, "PE"), "SELL", 815.0, 750, 820.0),
        (stock_option(800, "PE"), "BUY", 815.0, 0, 0.0),
    ],
)
def test_shares_come_and_are_held_on_the_next_day(
    sandbox: Sandbox, item: Instrument, side: str, spot: float, shares: int, price: float
) -> None:
    start = sandbox.client.money.cash
    opened = sandbox.order(item, side, 750, "NRML")
    sandbox.price(SBIN, spot)
    sandbox.at(CLOSE)
    assert sandbox.held() == ({"SBIN": shares} if shares else {})
    assert _shares(sandbox) == ([("BUY", shares, price, "physical")] if shares else [])
    ended = next(one for one in sandbox.trades if one.symbol == item.symbol and one.settlement)
    assert ended.settlement is Settlement.PHYSICAL
    assert to_rupees(ended.price) == (spot if item is STOCK_FUT else 0.0)
    realised = (ended.price - opened.average) * 750 * (1 if side == "BUY" else -1)
    assert sandbox.client.money.realised == realised
    assert sandbox.client.used == round(shares * price * PRICE_SCALE)
    sandbox.at(NEXT)
    assert sum(one.quantity for one in sandbox.client.holdings.values()) == shares
    assert sandbox.client.money.cash == start + realised - round(shares * price * PRICE_SCALE)
    assert sandbox.client.used == 0 and not sandbox.told


@pytest.mark.parametrize(
    ("item", "side", "spot", "price"),
    [
        (STOCK_FUT, "SELL", 790.0, 790.0),
        (stock_option(800, "PE"), "BUY", 790.0, 800.0),
        (stock_option(780), "SELL", 790.0, 780.0),
    ],
)
def test_shares_that_are_held_are_given(
    sandbox: Sandbox, item: Instrument, side: str, spot: float, price: float
) -> None:
    sandbox.clock.set(at_ist(date(2026, 12, 28), time(10, 0)))
    sandbox.order(SBIN, "BUY", 1000, "CNC")
    sandbox.at(OPEN)
    sandbox.order(item, side, 750, "NRML")
    sandbox.price(SBIN, spot)
    sandbox.at(CLOSE)
    assert sandbox.held() == {"SBIN": -750}
    assert _shares(sandbox) == [("SELL", 750, price, "physical")]
    before = sandbox.client.money.cash
    sandbox.at(NEXT)
    (left,) = sandbox.client.holdings.values()
    assert left.quantity == 250
    assert sandbox.client.money.cash == before + round(750 * price * PRICE_SCALE)
    assert not sandbox.told


def test_shares_that_are_missing_are_bought_in_at_the_auction(sandbox: Sandbox) -> None:
    """300 of the 750 are there: the other 450 cost a fifth more than the settlement price."""
    sandbox.clock.set(at_ist(date(2026, 12, 28), time(10, 0)))
    sandbox.order(SBIN, "BUY", 300, "CNC")
    sandbox.at(OPEN)
    sandbox.order(STOCK_FUT, "SELL", 750, "NRML")
    realised = sandbox.client.money.realised
    sandbox.price(SBIN, 800.0)
    sandbox.at(CLOSE)
    assert _shares(sandbox) == [("SELL", 750, 800.0, "physical"), ("BUY", 450, 960.0, "cash")]
    assert sandbox.held() == {"SBIN": -300}
    future = next(one for one in sandbox.trades if one.symbol == STOCK_FUT.symbol and not one.settlement)
    gain = (future.price - 800 * PRICE_SCALE) * 750
    assert sandbox.client.money.realised - realised == gain - 450 * 160 * PRICE_SCALE
    assert len(sandbox.told) == 1 and "450 SBIN" in sandbox.told[0] and "960" in sandbox.told[0]
    sandbox.at(NEXT)
    assert not sandbox.client.holdings and sandbox.client.used == 0


def test_what_comes_may_be_passed_on(sandbox: Sandbox) -> None:
    """A spread whose both legs end in the money needs no shares and no auction: its worth is the width."""
    low, high = (
        sandbox.order(stock_option(780), "BUY", 750, "NRML"),
        sandbox.order(stock_option(800), "SELL", 750, "NRML"),
    )
    start = sandbox.client.money.cash
    sandbox.price(SBIN, 830.0)
    sandbox.at(CLOSE)
    assert _shares(sandbox) == [("BUY", 750, 780.0, "physical"), ("SELL", 750, 800.0, "physical")]
    assert not sandbox.held() and not sandbox.told and sandbox.client.used == 0
    assert sandbox.client.money.cash == start + (high.average - low.average + 20 * PRICE_SCALE) * 750


def test_money_that_is_missing_is_told_and_stops_new_orders(tmp_path: Path) -> None:
    sandbox = Sandbox(tmp_path, settings=SandboxSettings(starting_capital=250_000, count_charges=False), start=OPEN)
    sandbox.board.shown = 10_000
    sandbox.order(stock_option(780), "BUY", 750, "NRML")
    sandbox.price(SBIN, 815.0)
    sandbox.at(CLOSE)
    assert sandbox.held() == {"SBIN": 750}
    assert len(sandbox.told) == 1 and "750 SBIN were delivered" in sandbox.told[0]
    sandbox.at(NEXT)
    assert sandbox.client.available < 0
    with pytest.raises(Refusal, match="Insufficient funds"):
        sandbox.order(SBIN, "BUY", 1, "CNC")
    sandbox.order(SBIN, "SELL", 750, "CNC")
    assert sandbox.client.available > 0


def test_delivery_is_caught_up_once(sandbox: Sandbox) -> None:
    sandbox.order(STOCK_FUT, "BUY", 750, "NRML")
    sandbox.board.ltp[SBIN.key] = 790.0
    sandbox.reopen(NEXT)
    assert sandbox.held() == {"SBIN": 750}
    cash = sandbox.client.money.cash
    sandbox.reopen()
    assert sandbox.held() == {"SBIN": 750} and sandbox.client.money.cash == cash
    sandbox.at(at_ist(date(2026, 12, 31), time(10, 0)))
    assert not sandbox.held()
    assert [one.quantity for one in sandbox.client.holdings.values()] == [750]


# Margin --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("day", "rate"),
    [
        (date(2026, 12, 21), 0.0),  # five trading days before: Friday the 25th is a holiday
        (date(2026, 12, 22), 0.02),
        (date(2026, 12, 23), 0.05),
        (date(2026, 12, 24), 0.09),
        (date(2026, 12, 28), 0.14),
        (date(2026, 12, 29), 0.20),
    ],
)
@pytest.mark.parametrize(("strike", "kind", "counts"), [(780, "CE", True), (820, "CE", False), (820, "PE", True)])
def test_an_option_in_the_money_ties_up_more_from_day_to_day(
    tmp_path: Path, day: date, rate: float, strike: int, kind: str, counts: bool
) -> None:
    sandbox = Sandbox(tmp_path, start=at_ist(day, time(10, 0)))
    sandbox.board.shown = 10_000
    item = stock_option(strike, kind)
    order = sandbox.order(item, "BUY", 750, "NRML")
    delivery = rate * 750 * strike if counts else 0.0
    assert sandbox.client.used / PRICE_SCALE == pytest.approx(to_rupees(order.average) * 750 + delivery)


# Charges -------------------------------------------------------------------------------------------------------


def test_delivery_and_exercise_are_charged_by_their_own_rows(tmp_path: Path) -> None:
    """Shares delivered: 0.1 % of the strike on both sides, 0.015 % stamp for the buyer, no brokerage, no fees."""
    sandbox = Sandbox(tmp_path, start=OPEN)
    sandbox.board.shown = 10_000
    charges = Charges(RULES)
    seen: list[VenueTrade] = []

    def of_trades(trades: Sequence[VenueTrade]) -> int:
        seen[:] = trades
        return int(sum(line.total for line in charges.notes([_fill_of(one) for one in trades])) * 100)

    sandbox.charges = of_trades
    sandbox.reopen()
    sandbox.order(stock_option(800), "BUY", 750, "NRML")
    sandbox.price(SBIN, 815.0)
    sandbox.at(CLOSE)
    lines = {line.segment: line for line in charges.notes([_fill_of(one) for one in seen], exact=True)}
    assert set(lines) == {"equity_option", "equity_option_end", "equity_physical"}
    physical = lines["equity_physical"]
    assert (physical.transaction_tax, physical.stamp) == (Decimal(600), Decimal(90))
    assert physical.total == Decimal(690)
    assert lines["equity_option_end"].total == 0
    assert lines["equity_option"].brokerage == 20
    shares = charges.of_fills([_fill_of(one) for one in seen])
    assert sum(shares.values()) == sum(line.total for line in lines.values())
