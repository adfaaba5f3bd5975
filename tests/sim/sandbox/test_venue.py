"""The sandbox's rules: fills, the broker's day, hedges, expiry, restarts, to the paisa."""

from __future__ import annotations

from datetime import date, time, timedelta
from pathlib import Path

import pytest

from openalgo_lab.engine.accounting.contract_note import Charges
from openalgo_lab.engine.cut_offs import IntradayCutOffs
from openalgo_lab.model.sandbox import SandboxSettings
from openalgo_lab.model.times import at_ist
from openalgo_lab.model.vocabulary import Product
from openalgo_lab.sim.account import to_paise
from openalgo_lab.sim.matching import PRICE_SCALE, to_rupees
from openalgo_lab.sim.records import State
from openalgo_lab.sim.rules import Refusal, Terms
from openalgo_lab.sim.sandbox.adapter import CLIENT
from openalgo_lab.sim.sandbox.names import token_of
from tests.sim.sandbox.desk import CALENDAR, DAY, EXPIRY, FUT, LISTED, NIFTY, RULES, SBIN, Sandbox, option

NEXT, FRIDAY, MONDAY = date(2026, 11, 26), date(2026, 11, 27), date(2026, 11, 30)
CE, WING = option(26_000), option(26_200)


@pytest.fixture
def sandbox(tmp_path: Path) -> Sandbox:
    return Sandbox(tmp_path)


# Fills ---------------------------------------------------------------------------------------------------------


def test_a_market_order_walks_the_shown_depth(sandbox: Sandbox) -> None:
    order = sandbox.order(SBIN, "BUY", 250)
    assert [(t.quantity, to_rupees(t.price)) for t in sandbox.trades] == [(100, 800.05), (100, 800.1), (50, 800.15)]
    assert order.state is State.FILLED


def test_what_is_not_shown_does_not_fill_and_rests(sandbox: Sandbox) -> None:
    order = sandbox.order(SBIN, "BUY", 700)
    assert (order.filled, order.state) == (500, State.WORKING)
    sandbox.price(SBIN, 799.9)  # fresh levels
    assert order.state is State.FILLED


@pytest.mark.parametrize(
    ("ticks", "factor", "first"), [(0, 1.0, (100, 800.05)), (2, 1.0, (100, 800.15)), (0, 0.25, (25, 800.05))]
)
def test_slippage_and_share_of_depth(tmp_path: Path, ticks: int, factor: float, first: tuple[int, float]) -> None:
    settings = SandboxSettings(slippage_ticks=ticks, depth_factor=factor, count_charges=False)
    sandbox = Sandbox(tmp_path, settings=settings)
    sandbox.order(SBIN, "BUY", 100)
    trade = sandbox.trades[0]
    assert (trade.quantity, to_rupees(trade.price)) == first


def test_latency(tmp_path: Path) -> None:
    sandbox = Sandbox(tmp_path, settings=SandboxSettings(fill_latency_ms=200.0, count_charges=False))
    order = sandbox.order(SBIN, "BUY", 10)
    assert order.state is State.RECEIVED
    sandbox.later(0.2)
    assert order.state is State.FILLED


def test_without_depth_the_last_price_counts(sandbox: Sandbox) -> None:
    sandbox.board.depthless = True
    order = sandbox.order(SBIN, "SELL", 5000)
    assert order.state is State.FILLED and to_rupees(order.average) == 800.0


def test_limits_rest_and_stops_wait(sandbox: Sandbox) -> None:
    limit = sandbox.order(SBIN, "BUY", 10, price=795.0)
    stop = sandbox.order(SBIN, "SELL", 10, price=789.0, trigger=790.0)
    stop_market = sandbox.order(SBIN, "SELL", 10, trigger=791.0)
    assert [one.state for one in (limit, stop, stop_market)] == [State.WORKING, State.WAITING, State.WAITING]
    sandbox.price(SBIN, 794.9, traded=100)
    assert limit.state is State.FILLED and to_rupees(limit.average) == 795.0
    sandbox.price(SBIN, 790.5)
    assert (stop.state, stop_market.state) == (State.WAITING, State.FILLED)
    sandbox.price(SBIN, 789.5)
    assert stop.state is State.FILLED
    with pytest.raises(Refusal, match="SL-M on options"):
        sandbox.order(CE, "BUY", 65, "NRML", trigger=205.0)


def test_what_is_refused(sandbox: Sandbox) -> None:
    for bad, words in (
        (lambda: sandbox.order(CE, "BUY", 66, "NRML"), "multiple of the lot"),
        (lambda: sandbox.order(SBIN, "BUY", 1, "NRML"), "NRML is for derivatives"),
        (lambda: sandbox.order(NIFTY, "BUY", 1), "index"),
        (lambda: sandbox.order(SBIN, "SELL", 1, "CNC"), "Only 0 SBIN"),
        (lambda: sandbox.order(SBIN, "BUY", 20_000, "CNC", price=800.0), "Insufficient funds"),
    ):
        with pytest.raises(Refusal, match=words):
            bad()
    sandbox.at(at_ist(DAY, time(20, 0)))
    with pytest.raises(Refusal, match="closed now"):
        sandbox.order(SBIN, "BUY", 1)


# Money ---------------------------------------------------------------------------------------------------------


def test_margin_with_the_hedge(sandbox: Sandbox) -> None:
    """A credit spread ties up about its width, not a naked option's margin; buying the hedge back needs it again."""
    sandbox.board.shown = 10_000
    sandbox.order(CE, "SELL", 65, "NRML", price=199.0)
    naked = sandbox.client.used
    sandbox.order(WING, "BUY", 65, "NRML")
    hedged = sandbox.client.used
    assert naked / PRICE_SCALE > 180_000
    width = 200 * 65
    exposure = 0.02 * 26_000 * 65
    assert hedged / PRICE_SCALE < width + exposure + 65 * 201 + 100 < naked / PRICE_SCALE / 2
    with pytest.raises(Refusal, match="Insufficient"):
        for _ in range(60):
            sandbox.order(CE, "SELL", 1755, "NRML", price=199.0)


def test_margin_of_a_basket_counts_the_hedge_before_anything_is_placed(sandbox: Sandbox) -> None:
    from openalgo_lab.model.vocabulary import PriceType, Side

    def leg(item: object, side: Side) -> tuple[int, Terms]:
        return sandbox.venue.admit(item).token, Terms(side, Product.NRML, PriceType.MARKET, 65)  # type: ignore[arg-type]

    sold, bought = leg(CE, Side.SELL), leg(WING, Side.BUY)
    alone = sandbox.venue.margin_together(CLIENT, [sold])
    both = sandbox.venue.margin_together(CLIENT, [sold, bought])
    assert both < alone / 3
    assert sandbox.client.used == 0 and not sandbox.client.orders


def test_the_sum_of_all_keys_is_the_groups_margin_in_any_order(tmp_path: Path) -> None:
    totals = []
    for turn in (0, 1):
        (tmp_path / str(turn)).mkdir()
        sandbox = Sandbox(tmp_path / str(turn))
        sandbox.board.shown = 10_000
        orders = [(CE, "SELL"), (WING, "BUY"), (option(25_800, "PE"), "SELL"), (FUT, "BUY")]
        for item, side in orders[:: -1 if turn else 1]:
            sandbox.order(item, side, 65, "NRML")
        totals.append(sandbox.client.used)
    assert totals[0] == totals[1]


def test_a_cancelled_order_leaves_no_share_behind(sandbox: Sandbox) -> None:
    sandbox.board.shown = 10_000
    waiting = sandbox.order(CE, "SELL", 65, "NRML", price=230.0)
    sandbox.order(WING, "SELL", 65, "NRML", price=199.0)
    sandbox.venue.cancel(CLIENT, waiting.number)
    alone = sandbox.client.used
    sandbox.order(WING, "BUY", 65, "NRML")
    assert alone > 0 and sandbox.client.used == 0


def test_charges_wait_through_the_day_and_are_taken_at_its_end(tmp_path: Path) -> None:
    sandbox = Sandbox(tmp_path)
    charges = Charges(RULES)

    def of_trades(trades: object) -> int:
        from openalgo_lab.engine.sandbox import _fill_of

        return int(sum(line.total for line in charges.notes([_fill_of(t) for t in trades])) * 100)  # type: ignore[attr-defined]

    sandbox.charges = of_trades
    sandbox.reopen()
    before = sandbox.client.money.cash
    sandbox.order(SBIN, "BUY", 100)
    sandbox.order(SBIN, "SELL", 100)
    realised = sandbox.client.money.realised
    due = sandbox.venue.charges_of(CLIENT)
    assert due > 0
    assert sandbox.client.available == before + realised - due
    sandbox.at(at_ist(NEXT, time(10, 0)))
    assert sandbox.client.money.cash == before + realised - due
    assert sandbox.venue.charges_of(CLIENT) == 0
    sandbox.reopen()
    assert sandbox.client.money.cash == before + realised - due


# The day: F19, to the second -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("item", "product", "cut"), [(SBIN, "MIS", time(15, 5)), (CE, "MIS", time(15, 25))])
def test_intraday_square_off(tmp_path: Path, item: object, product: str, cut: time) -> None:
    sandbox = Sandbox(tmp_path)
    sandbox.cut_off = IntradayCutOffs(RULES, CALENDAR)
    sandbox.reopen()
    sandbox.order(item, "BUY", 65, product)  # type: ignore[arg-type]
    resting = sandbox.order(item, "BUY", 65, product, price=195.0 if item is CE else 730.0)  # type: ignore[arg-type]
    carried = sandbox.order(FUT, "BUY", 65, "NRML")
    sandbox.at(at_ist(DAY, cut) - timedelta(seconds=1))
    assert resting.state is State.WORKING and len(sandbox.held()) == 2
    sandbox.at(at_ist(DAY, cut))
    assert resting.state is State.CANCELLED
    assert sandbox.held() == {FUT.symbol: 65}
    with pytest.raises(Refusal, match="square-off time"):
        sandbox.order(item, "BUY", 65, product)  # type: ignore[arg-type]
    assert carried.state is State.FILLED


def test_bought_shares_become_holdings_on_the_next_trading_day(tmp_path: Path) -> None:
    sandbox = Sandbox(tmp_path, start=at_ist(FRIDAY, time(10, 0)))
    sandbox.order(SBIN, "BUY", 10, "CNC")
    cash = sandbox.client.money.cash
    sandbox.at(at_ist(date(2026, 11, 28), time(10, 0)))  # Saturday
    assert not sandbox.client.holdings and sandbox.held() == {"SBIN": 10}
    sandbox.at(at_ist(MONDAY, time(9, 0)))
    (held,) = sandbox.client.holdings.values()
    assert held.quantity == 10 and not sandbox.held()
    assert sandbox.client.money.cash == cash - held.value
    sandbox.at(at_ist(MONDAY, time(10, 0)))
    sandbox.order(SBIN, "SELL", 10, "CNC")
    sandbox.at(at_ist(date(2026, 12, 1), time(10, 0)))
    assert not sandbox.client.holdings
    gain = sum(t.quantity * t.price * -t.side.sign for t in sandbox.trades)
    assert sandbox.client.money.cash == 1_00_00_000 * PRICE_SCALE + gain


@pytest.mark.parametrize(
    ("strike", "kind", "spot", "worth"),
    [
        (25_800, "CE", 26_000.0, 200.0),
        (26_200, "CE", 26_000.0, 0.0),
        (26_200, "PE", 26_000.0, 200.0),
        (26_000, "CE", 26_000.0, 0.0),
    ],
)
@pytest.mark.parametrize("side", ["BUY", "SELL"])
def test_expiry_at_the_close_of_the_last_day(
    tmp_path: Path, strike: int, kind: str, spot: float, worth: float, side: str
) -> None:
    sandbox = Sandbox(tmp_path, start=at_ist(EXPIRY, time(10, 0)))
    item = option(strike, kind)
    opened = sandbox.order(item, side, 65, "NRML")
    sandbox.price(NIFTY, spot)
    sandbox.at(at_ist(EXPIRY, time(15, 39, 59)))
    assert sandbox.held()
    sandbox.at(at_ist(EXPIRY, time(15, 40, 0)))
    assert not sandbox.held()
    settled = sandbox.trades[-1]
    assert to_rupees(settled.price) == worth
    sign = 1 if side == "BUY" else -1
    assert sandbox.client.money.realised == (settled.price - opened.average) * 65 * sign
    assert sandbox.client.used == 0


# Restarts ------------------------------------------------------------------------------------------------------


def test_a_restart_in_the_day_changes_nothing(sandbox: Sandbox) -> None:
    sandbox.order(SBIN, "BUY", 50)
    working = sandbox.order(SBIN, "BUY", 10, price=780.0)
    books = (sandbox.held(), sandbox.client.money.cash, sandbox.client.used, len(sandbox.client.trades))
    sandbox.reopen()
    assert (sandbox.held(), sandbox.client.money.cash, sandbox.client.used, len(sandbox.client.trades)) == books
    again = sandbox.venue.order(CLIENT, working.number)
    assert again.state.alive
    sandbox.later(1)
    sandbox.price(SBIN, 779.0, traded=50)
    assert again.state is State.FILLED


def test_what_was_missed_is_caught_up_once(sandbox: Sandbox) -> None:
    """Down from Wednesday noon to the day after the expiry: intraday closed, the option settled, shares delivered."""
    sandbox.order(SBIN, "BUY", 10, "CNC")
    sandbox.order(SBIN, "BUY", 20, "MIS")
    sandbox.order(CE, "BUY", 65, "NRML")
    sandbox.order(FUT, "SELL", 65, "NRML")
    limit = sandbox.order(SBIN, "BUY", 1, price=730.0)
    sandbox.board.ltp[NIFTY.key] = 26_150.0
    sandbox.listed = [one for one in LISTED if one.expiry != EXPIRY]
    sandbox.reopen(at_ist(date(2026, 12, 2), time(10, 0)))
    assert sandbox.held() == {FUT.symbol: -65}
    (held,) = sandbox.client.holdings.values()
    assert held.quantity == 10
    closing = {(t.symbol, t.side.value, t.quantity): to_rupees(t.price) for t in sandbox.client.trades}
    assert closing == {("SBIN", "SELL", 20): 800.0, (CE.symbol, "SELL", 65): 150.0}
    assert limit.number not in sandbox.client.orders
    money = sandbox.client.money.cash
    sandbox.reopen()
    assert sandbox.client.money.cash == money and len(sandbox.client.trades) == 2


def test_numbers_outlive_the_source() -> None:
    assert token_of(SBIN.key) == token_of(SBIN.key) > 0
    assert len({token_of(one.key) for one in LISTED}) == len(LISTED)
    assert to_paise(49) == 0
