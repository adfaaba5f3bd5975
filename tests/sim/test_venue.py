"""The venue as exchange and broker: what it refuses, how orders live and die, what they do to the books."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from openalgo_lab.model.times import NS_PER_DAY, NS_PER_MS
from openalgo_lab.model.vocabulary import Exchange, PriceType, Side, Validity
from openalgo_lab.sim.matching import PRICE_SCALE
from openalgo_lab.sim.records import State, VenueOrder, VenueTrade
from openalgo_lab.sim.rules import Code, Refusal
from tests.sim.fake_market import (
    INSTRUMENTS,
    NIFTY,
    NIFTY_CE,
    NIFTY_FUT,
    NIFTY_PE,
    SBIN,
    SBIN_FUT,
    SUZLON,
    FakeMarket,
)
from tests.sim.venue_desk import BUY, CNC, LIMIT, ME, MIS, NRML, SELL, SL, SL_M, Desk, terms


@pytest.fixture
def desk() -> Desk:
    return Desk()


# The door -----------------------------------------------------------------------------------------------------------

REFUSED: list[tuple[str, int, dict[str, Any], Code]] = [
    ("unknown token", 999, {}, Code.LISTING),
    ("an index", NIFTY, {}, Code.SYMBOL),
    ("delivery of a future", NIFTY_FUT, {"quantity": 75, "product": CNC}, Code.PRODUCT),
    ("overnight product on shares", SBIN, {"product": NRML}, Code.PRODUCT),
    ("nothing", SBIN, {"quantity": 0}, Code.QUANTITY),
    ("less than nothing", SBIN, {"quantity": -5}, Code.QUANTITY),
    ("more than a field holds", SBIN, {"quantity": 2**60}, Code.QUANTITY),
    ("half a lot", NIFTY_FUT, {"quantity": 100, "product": NRML}, Code.LOT),
    ("above the freeze", NIFTY_FUT, {"quantity": 1875, "product": NRML}, Code.FREEZE),
    ("a limit without price", SBIN, {"kind": LIMIT}, Code.PRICE),
    ("off the tick", SBIN, {"kind": LIMIT, "price": 800.03}, Code.TICK),
    ("trigger off the tick", SBIN, {"kind": SL_M, "trigger": 805.01}, Code.TICK),
    ("a stop without trigger", SBIN, {"kind": SL, "price": 801.0}, Code.TRIGGER),
    ("buy stop below its trigger", SBIN, {"kind": SL, "price": 801.0, "trigger": 802.0}, Code.TRIGGER),
    ("sell stop above its trigger", SBIN, {"side": SELL, "kind": SL, "price": 799.0, "trigger": 798.0}, Code.TRIGGER),
    ("buy trigger below the market", SBIN, {"kind": SL_M, "trigger": 790.0}, Code.TRIGGER),
    ("sell trigger above the market", SBIN, {"side": SELL, "kind": SL_M, "trigger": 810.0}, Code.TRIGGER),
    ("stop at market on an option", NIFTY_CE, {"quantity": 75, "kind": SL_M, "trigger": 160.0}, Code.TYPE),
    ("an immediate stop", SBIN, {"kind": SL_M, "trigger": 805.0, "validity": Validity.IOC}, Code.VALIDITY),
    ("above the band, with derivatives 10 %", SBIN, {"kind": LIMIT, "price": 880.05}, Code.BAND),
    ("below the band", SBIN, {"kind": LIMIT, "price": 719.95}, Code.BAND),
    ("above the band, without derivatives 20 %", SUZLON, {"kind": LIMIT, "price": 72.01}, Code.BAND),
    ("beyond 40 % of an option", NIFTY_CE, {"quantity": 75, "kind": LIMIT, "price": 210.05}, Code.BAND),
    ("too little disclosed", SBIN, {"quantity": 100, "disclosed": 9}, Code.DISCLOSED),
    ("disclosed on derivatives", NIFTY_FUT, {"quantity": 75, "product": NRML, "disclosed": 75}, Code.DISCLOSED),
    ("shares that are not there", SBIN, {"side": SELL, "product": CNC}, Code.HOLDING),
    ("more than the money", SBIN, {"quantity": 12_501, "product": CNC, "kind": LIMIT, "price": 800.0}, Code.FUNDS),
]


@pytest.mark.parametrize(("token", "what", "code"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_it_refuses(desk: Desk, token: int, what: dict[str, Any], code: Code) -> None:
    with pytest.raises(Refusal) as refusal:
        desk.place(token, **what)
    assert refusal.value.code is code
    assert not desk.venue.client(ME).orders
    assert desk.rupees() == 1_00_00_000


ACCEPTED: list[tuple[str, int, dict[str, Any]]] = [
    ("at the band", SBIN, {"kind": LIMIT, "price": 880.0}),
    ("without derivatives up to 20 %", SUZLON, {"kind": LIMIT, "price": 72.0}),
    ("at the protection of an option", NIFTY_CE, {"quantity": 75, "kind": LIMIT, "price": 210.0}),
    ("a cheap option down to a tick", NIFTY_PE, {"quantity": 75, "kind": LIMIT, "price": 72.0}),
    ("the freeze itself", NIFTY_CE, {"quantity": 1800, "product": NRML}),
    ("all the money", SBIN, {"quantity": 12_500, "product": CNC, "kind": LIMIT, "price": 800.0}),
    ("a stop at market on a share", SBIN, {"kind": SL_M, "trigger": 805.0}),
    ("a stop at market on a future", SBIN_FUT, {"quantity": 750, "product": NRML, "kind": SL_M, "trigger": 805.0}),
    ("a tenth disclosed", SBIN, {"quantity": 100, "disclosed": 10}),
    ("an immediate limit", SBIN, {"kind": LIMIT, "price": 801.0, "validity": Validity.IOC}),
]


@pytest.mark.parametrize(("token", "what"), [row[1:] for row in ACCEPTED], ids=[row[0] for row in ACCEPTED])
def test_it_accepts(desk: Desk, token: int, what: dict[str, Any]) -> None:
    order = desk.place(token, **what)
    assert order.state is State.RECEIVED
    assert desk.venue.order(ME, order.number) is order


def test_a_band_widens_when_the_price_comes_near_it(desk: Desk) -> None:
    desk.market.prices[SBIN] = 879.5
    desk.place(kind=LIMIT, price=919.0)
    with pytest.raises(Refusal, match="outside today's range"):
        desk.place(kind=LIMIT, price=921.0)


def test_a_closed_market_takes_nothing(desk: Desk) -> None:
    desk.market.closed.add(Exchange.NSE)
    with pytest.raises(Refusal) as refusal:
        desk.place()
    assert refusal.value.code is Code.CLOSED


@pytest.mark.parametrize("tag", ["x" * 21, "tab\there", "ünïcode"])
def test_a_tag_that_does_not_fit_is_refused(desk: Desk, tag: str) -> None:
    with pytest.raises(Refusal) as refusal:
        desk.place(tag=tag)
    assert refusal.value.code is Code.TAG


# Life of an order ---------------------------------------------------------------------------------------------------


def test_a_market_order_is_answered_first_and_filled_after_its_latency(desk: Desk) -> None:
    order = desk.place(tag="T1", quantity=150)
    assert order.state is State.RECEIVED
    desk.venue.run_due(desk.market.clock.monotonic_ns())
    assert order.filled == 0
    desk.run(5)
    assert (order.state, order.filled, order.tag) == (State.FILLED, 150, "T1")
    assert [(t.quantity, t.price / PRICE_SCALE, t.tag) for t in desk.venue.client(ME).trades] == [
        (100, 800.05, "T1"),
        (50, 800.1, "T1"),
    ]
    assert order.average == round((100 * 8000500 + 50 * 8001000) / 150)


def test_a_market_order_is_protected_by_its_slab(desk: Desk) -> None:
    desk.market.spread_ticks = 75  # five levels from 803.75; 800 + 0.5 % = 804.00
    order = desk.place(quantity=1000)
    desk.venue.run_due(10**12)
    assert (order.limit / PRICE_SCALE, order.state, order.filled) == (804.0, State.WORKING, 500)


def test_protection_leaves_the_rest_open(desk: Desk) -> None:
    desk.market.spread_ticks = 79  # 803.95, 804.00, then beyond the protection
    order = desk.place(quantity=1000)
    desk.run(5)
    assert order.state is State.WORKING
    assert order.filled in (200, 400)  # entered, and shown the same levels again in that step
    desk.venue.cancel(ME, order.number)
    assert order.state is State.CANCELLED


def test_an_immediate_order_is_cancelled_with_what_it_got(desk: Desk) -> None:
    order = desk.place(quantity=150, kind=LIMIT, price=800.05, validity=Validity.IOC)
    desk.run()
    assert (order.state, order.filled) == (State.CANCELLED, 100)


def test_a_resting_limit_fills_when_the_market_comes_to_it(desk: Desk) -> None:
    order = desk.place(kind=LIMIT, price=799.0)
    desk.run()
    assert order.state is State.WORKING
    desk.market.prices[SBIN] = 798.0
    desk.run()
    assert (order.state, order.average / PRICE_SCALE) == (State.FILLED, 799.0)


def test_volume_at_the_limit_eats_the_queue_and_fills_in_parts(desk: Desk) -> None:
    order = desk.place(quantity=50, kind=LIMIT, price=799.95)
    desk.run()
    desk.market.spread_ticks = 1
    desk.market.trade(SBIN, 799.95, 120)
    desk.market.levels = lambda token: FakeMarket.levels(_at(desk.market, 800.0), token)  # type: ignore[method-assign]
    desk.run()
    assert (order.state, order.filled) == (State.WORKING, 20)


def _at(market: FakeMarket, price: float) -> FakeMarket:
    """The same market with its book still round ``price``."""
    still = FakeMarket()
    still.prices = {**market.prices, SBIN: price}
    return still


@pytest.mark.parametrize(
    ("kind", "price", "state", "average"),
    [(SL_M, 0.0, State.FILLED, 806.05), (SL, 806.1, State.FILLED, 806.05), (SL, 805.5, State.WORKING, 0.0)],
)
def test_stops_wait_for_the_last_price(desk: Desk, kind: PriceType, price: float, state: State, average: float) -> None:
    order = desk.place(kind=kind, trigger=805.0, price=price)
    desk.run()
    assert order.state is State.WAITING
    desk.market.prices[SBIN] = 806.0
    desk.run()
    assert (order.state, order.average / PRICE_SCALE) == (state, average)


def test_users_of_one_venue_meet(desk: Desk) -> None:
    desk.market.spread_ticks = 20
    seller = desk.place(side=SELL, kind=LIMIT, price=800.1)
    desk.run()
    buyer = desk.place(client="OTHER", kind=LIMIT, price=800.1)
    desk.run()
    assert seller.state is State.FILLED
    assert buyer.state is State.FILLED
    assert [t.price / PRICE_SCALE for t in desk.venue.client("OTHER").trades] == [800.1]


def test_it_is_a_real_broker_and_removes_no_duplicates(desk: Desk) -> None:
    first, second = desk.place(tag="SAME"), desk.place(tag="SAME")
    assert first.number != second.number
    assert len(desk.venue.client(ME).orders) == 2


def test_late_rejects_are_seeded() -> None:
    def outcome(seed: int) -> list[State]:
        desk = Desk(late_reject_probability=0.5, seed=seed)
        orders = [desk.place(quantity=1) for _ in range(20)]
        desk.run()
        return [order.state for order in orders]

    assert outcome(1) == outcome(1)
    assert outcome(1) != outcome(2)
    assert set(outcome(1)) == {State.FILLED, State.REJECTED}


def test_a_late_reject_gives_its_margin_back() -> None:
    desk = Desk(late_reject_probability=1.0)
    order = desk.place(kind=LIMIT, price=790.0)
    assert desk.rupees() < 1_00_00_000
    desk.run()
    assert order.state is State.REJECTED
    assert "RMS" in order.reason
    assert desk.rupees() == 1_00_00_000


# Modify and cancel --------------------------------------------------------------------------------------------------


def test_modify_to_a_marketable_price_fills(desk: Desk) -> None:
    order = desk.place(kind=LIMIT, price=790.0)
    desk.run()
    desk.venue.modify(ME, order.number, terms(kind=LIMIT, price=801.0, quantity=20))
    assert order.quantity == 20
    desk.run()
    assert (order.state, order.filled, order.average / PRICE_SCALE) == (State.FILLED, 20, 800.05)


def test_modify_before_the_order_reached_the_market_enters_once(desk: Desk) -> None:
    order = desk.place(kind=LIMIT, price=801.0, quantity=10)
    desk.market.clock.advance(3 * NS_PER_MS)  # type: ignore[union-attr]
    desk.venue.modify(ME, order.number, terms(kind=LIMIT, price=801.0, quantity=12))
    desk.run()
    desk.run()
    assert (order.filled, len(desk.venue.client(ME).trades)) == (12, 1)


def test_a_waiting_stop_can_become_a_limit(desk: Desk) -> None:
    order = desk.place(kind=SL, trigger=810.0, price=811.0)
    desk.run()
    desk.venue.modify(ME, order.number, terms(kind=LIMIT, price=800.05))
    desk.run()
    assert (order.state, order.price_type, order.trigger) == (State.FILLED, LIMIT, 0)


def test_a_triggered_stop_stays_triggered(desk: Desk) -> None:
    order = desk.place(kind=SL, trigger=805.0, price=805.5)
    desk.run()
    desk.market.prices[SBIN] = 806.0
    desk.run()
    desk.market.prices[SBIN] = 804.0
    desk.venue.modify(ME, order.number, terms(kind=SL, trigger=805.0, price=805.0))
    desk.run()
    assert (order.state, order.price_type) == (State.FILLED, LIMIT)


@pytest.mark.parametrize("quantity", [0, 100])
def test_modify_below_what_is_filled_is_refused(desk: Desk, quantity: int) -> None:
    order = desk.place(kind=LIMIT, price=800.05, quantity=150)
    desk.venue.run_due(10**12)
    assert order.filled == 100
    with pytest.raises(Refusal) as refusal:
        desk.venue.modify(ME, order.number, terms(kind=LIMIT, price=800.05, quantity=quantity))
    assert refusal.value.code is Code.QUANTITY
    assert order.quantity == 150


def test_modifications_are_counted(desk: Desk) -> None:
    order = desk.place(kind=LIMIT, price=790.0)
    for _ in range(25):
        desk.venue.modify(ME, order.number, terms(kind=LIMIT, price=790.0))
    with pytest.raises(Refusal) as refusal:
        desk.venue.modify(ME, order.number, terms(kind=LIMIT, price=790.0))
    assert refusal.value.code is Code.MODIFICATIONS


@pytest.mark.parametrize("act", ["modify", "cancel"])
def test_an_ended_order_is_left_alone(desk: Desk, act: str) -> None:
    order = desk.place()
    desk.run()
    calls: dict[str, Callable[[], object]] = {
        "modify": lambda: desk.venue.modify(ME, order.number, terms(kind=LIMIT, price=790.0)),
        "cancel": lambda: desk.venue.cancel(ME, order.number),
    }
    with pytest.raises(Refusal) as refusal:
        calls[act]()
    assert refusal.value.code is Code.DONE


def test_nobody_touches_the_order_of_another(desk: Desk) -> None:
    order = desk.place(kind=LIMIT, price=790.0)
    with pytest.raises(Refusal) as refusal:
        desk.venue.cancel("OTHER", order.number)
    assert refusal.value.code is Code.NO_ORDER


def test_a_cancel_before_the_market_means_no_fill(desk: Desk) -> None:
    order = desk.place()
    desk.venue.cancel(ME, order.number)
    desk.run()
    assert (order.state, order.filled) == (State.CANCELLED, 0)


def test_every_change_is_told(desk: Desk) -> None:
    order = desk.place(kind=LIMIT, price=790.0)
    desk.run()
    desk.venue.modify(ME, order.number, terms(kind=LIMIT, price=801.0))
    desk.run()
    states = [u.state for u in desk.told if isinstance(u, VenueOrder)]
    assert states == [State.RECEIVED, State.WORKING, State.WORKING, State.FILLED]
    assert sum(isinstance(u, VenueTrade) for u in desk.told) == 1


# Money --------------------------------------------------------------------------------------------------------------

MARGINS: list[tuple[str, int, dict[str, Any], float]] = [
    ("intraday share", SBIN, {"quantity": 100, "kind": LIMIT, "price": 790.0}, 15_800.0),
    ("delivery", SBIN, {"quantity": 100, "kind": LIMIT, "price": 790.0, "product": CNC}, 79_000.0),
    ("intraday short", SBIN, {"side": SELL, "quantity": 100, "kind": LIMIT, "price": 810.0}, 16_200.0),
    ("bought option", NIFTY_CE, {"quantity": 75, "kind": LIMIT, "price": 140.0, "product": NRML}, 10_500.0),
    (
        "sold index option: 11.3 % of the index and the premium",
        NIFTY_CE,
        {"side": SELL, "quantity": 75, "kind": LIMIT, "price": 160.0, "product": NRML},
        75 * 24_000 * 0.113 + 75 * 160,
    ),
    (
        "index future",
        NIFTY_FUT,
        {"quantity": 75, "kind": LIMIT, "price": 24_000.0, "product": NRML},
        75 * 24_000 * 0.113,
    ),
    ("stock future", SBIN_FUT, {"quantity": 750, "kind": LIMIT, "price": 800.0, "product": NRML}, 750 * 800 * 0.177),
]


@pytest.mark.parametrize(("token", "what", "rupees"), [row[1:] for row in MARGINS], ids=[row[0] for row in MARGINS])
def test_margin_is_blocked_and_given_back(desk: Desk, token: int, what: dict[str, Any], rupees: float) -> None:
    assert desk.venue.margin_of(ME, token, terms(**what)) / PRICE_SCALE == pytest.approx(rupees)
    order = desk.place(token, **what)
    assert desk.rupees("used") == pytest.approx(rupees)
    desk.venue.cancel(ME, order.number)
    assert desk.rupees("used") == 0


def test_closing_a_position_needs_no_margin_beyond_flat(desk: Desk) -> None:
    desk.place(quantity=100, kind=LIMIT, price=801.0)
    desk.run()
    held = desk.rupees("used")
    assert held == pytest.approx(100 * 800.05 * 0.2)
    desk.place(side=SELL, quantity=100, kind=LIMIT, price=850.0)
    assert desk.rupees("used") == held
    desk.place(side=SELL, quantity=50, kind=LIMIT, price=850.0)
    assert desk.rupees("used") == pytest.approx(held + 50 * 850 * 0.2)


def test_a_modify_blocks_what_the_new_terms_need(desk: Desk) -> None:
    order = desk.place(quantity=100, kind=LIMIT, price=790.0)
    desk.venue.modify(ME, order.number, terms(kind=LIMIT, price=790.0, quantity=200))
    assert desk.rupees("used") == pytest.approx(200 * 790 * 0.2)
    with pytest.raises(Refusal) as refusal:
        desk.venue.modify(ME, order.number, terms(kind=LIMIT, price=790.0, quantity=100_000))
    assert refusal.value.code is Code.FUNDS
    assert (order.quantity, desk.rupees("used")) == (200, pytest.approx(200 * 790 * 0.2))


def test_profit_is_realised_to_the_paisa(desk: Desk) -> None:
    desk.place(quantity=100, kind=LIMIT, price=801.0)
    desk.run()
    desk.market.prices[SBIN] = 810.0
    assert desk.venue.unrealised(ME)[SBIN, MIS] / PRICE_SCALE == pytest.approx(100 * 9.95)
    desk.place(side=SELL, quantity=100, kind=LIMIT, price=805.0)
    desk.run()
    position = desk.venue.client(ME).positions[SBIN, MIS]
    assert (position.quantity, position.realised) == (0, 100 * (8099500 - 8000500))
    assert desk.rupees() == pytest.approx(1_00_00_000 + 100 * 9.9)
    assert desk.rupees("used") == 0


def test_a_flip_opens_the_rest_at_the_fill_price(desk: Desk) -> None:
    desk.place(quantity=10, kind=LIMIT, price=801.0)
    desk.run()
    desk.place(side=SELL, quantity=30, kind=LIMIT, price=799.0)
    desk.run()
    position = desk.venue.client(ME).positions[SBIN, MIS]
    assert (position.quantity, position.average) == (-20, 7999500)


# Days ---------------------------------------------------------------------------------------------------------------


def test_day_orders_die_and_intraday_positions_are_closed_at_the_sessions_end(desk: Desk) -> None:
    desk.place(quantity=10)
    resting = desk.place(kind=LIMIT, price=790.0)
    other = desk.place(NIFTY_FUT, quantity=75, kind=LIMIT, price=23_900.0, product=NRML)
    desk.run()
    desk.market.closed.add(Exchange.NSE)
    desk.run()
    assert resting.state is State.EXPIRED
    assert other.state is State.WORKING
    assert desk.venue.client(ME).positions[SBIN, MIS].quantity == 0
    squared = list(desk.venue.client(ME).orders.values())[-1]
    assert (squared.side, squared.state, squared.tag) == (SELL, State.FILLED, "")
    assert "square-off" in squared.reason


def test_what_was_bought_today_is_a_holding_tomorrow(desk: Desk) -> None:
    desk.place(quantity=100, product=CNC)
    desk.run()
    before = desk.rupees()
    desk.market.clock.advance(NS_PER_DAY)  # type: ignore[union-attr]
    desk.run()
    client = desk.venue.client(ME)
    assert client.holdings[SBIN].quantity == 100
    assert not client.positions
    assert not client.orders
    assert desk.rupees() == before
    desk.place(side=SELL, quantity=60, product=CNC)
    desk.run()
    assert client.positions[SBIN, CNC].quantity == -60
    assert desk.rupees() == pytest.approx(before + 60 * 799.95)  # what was sold can be used the same day
    with pytest.raises(Refusal) as refusal:
        desk.place(side=SELL, quantity=41, product=CNC)
    assert refusal.value.code is Code.HOLDING
    desk.market.clock.advance(NS_PER_DAY)  # type: ignore[union-attr]
    desk.run()
    assert client.holdings[SBIN].quantity == 40
    assert desk.rupees() == pytest.approx(before + 60 * 799.95)


def test_carried_positions_keep_their_average_and_lose_the_days_totals(desk: Desk) -> None:
    desk.place(NIFTY_FUT, quantity=75, product=NRML)
    desk.run()
    used = desk.rupees("used")
    desk.market.clock.advance(timedelta(hours=15) // timedelta(microseconds=1) * 1000)  # type: ignore[union-attr]
    desk.run()
    position = desk.venue.client(ME).positions[NIFTY_FUT, NRML]
    assert (position.quantity, position.average, position.buy_quantity) == (75, 240501000, 0)
    assert desk.rupees("used") == used


@pytest.mark.parametrize(
    ("token", "side", "index", "profit"),
    [
        (NIFTY_CE, BUY, 24_300.0, (300 - 150.05) * 75),
        (NIFTY_CE, BUY, 23_000.0, -150.05 * 75),
        (NIFTY_CE, SELL, 24_100.0, (149.95 - 100) * 75),
        (NIFTY_PE, BUY, 23_500.0, (500 - 120.05) * 75),
        (NIFTY_FUT, BUY, 24_500.0, (24_500 - 24_050.1) * 75),
    ],
)
def test_expired_contracts_are_settled_at_their_worth(
    desk: Desk, token: int, side: Side, index: float, profit: float
) -> None:
    desk.place(token, side=side, quantity=75, product=NRML)
    desk.run()
    desk.market.listed = [i for i in INSTRUMENTS if i.token != token]
    desk.market.prices[NIFTY] = index
    desk.market.clock.advance(2 * NS_PER_DAY)  # type: ignore[union-attr]
    desk.run()
    assert not desk.venue.client(ME).positions
    assert desk.rupees() == pytest.approx(1_00_00_000 + profit)
