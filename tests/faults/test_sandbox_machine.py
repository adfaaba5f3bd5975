"""Ledger, sandbox and engine together, step by step, against a book of trades kept by hand.

Quantity and cash are conserved to the last ten-thousandth of a rupee after every step, over restarts at any moment,
over any number of days and every boundary of a day; ledger, fill book and venue always tell the same trades.

The long form counts its steps and prints its seed: ``pytest tests/faults/test_sandbox_machine.py --long -s``.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import time as clocks
from collections import Counter
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from datetime import date, datetime, time, timedelta
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from openalgo_lab.model.commands import CancelAllOrders, CancelOrder, ClosePosition, Command, ModifyOrder, PlaceOrder
from openalgo_lab.model.errors import LabError
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.orders import DONE, Order
from openalgo_lab.model.structure_commands import PlaceBasket, PlaceSmartOrder
from openalgo_lab.model.times import at_ist
from openalgo_lab.model.vocabulary import Exchange, PriceType, Product, Side
from openalgo_lab.sim.matching import to_units
from tests.sim.sandbox.desk import CALENDAR, DAY, FUT, LISTED, SBIN, STOCK_FUT, option, stock_option
from tests.support.engine_parts import TRADER
from tests.support.sandbox_world import CASH, SandboxWorld

TRADED = [
    SBIN,
    FUT,
    option(26_000),
    option(26_200),
    option(26_000, "PE"),
    STOCK_FUT,
    stock_option(800),
    stock_option(800, "PE"),
]
LAST_DAY = date(2026, 12, 31)
BOUNDARIES = [
    time(9, 0), time(9, 15), time(10, 0), time(11, 30), time(15, 5), time(15, 15), time(15, 20), time(15, 25),
    time(15, 30), time(15, 40), time(17, 0), time(23, 59, 59), time(0, 0), time(3, 0),
]  # fmt: skip
"""Sessions, the closing auction, square-off times, the end of derivatives, the turn of the day."""


class Machine(RuleBasedStateMachine):
    """One sandbox account under a whole engine. Rules are what the user, the market, time and power supply do."""

    steps: ClassVar[Counter[str]] = Counter()

    def __init__(self) -> None:
        super().__init__()
        self.world = SandboxWorld()
        self.booked: set[int] = set()

    def teardown(self) -> None:
        self.world.close()

    @initialize(day=st.sampled_from([DAY, date(2026, 11, 30), date(2026, 12, 24), date(2026, 12, 29)]))
    def begin(self, day: date) -> None:
        """In a month, before the last day of index options, before that of share contracts, and on it."""
        self.world.restart(at_ist(day, time(10, 0)))

    # The user ------------------------------------------------------------------------------------------------------

    @rule(item=st.sampled_from(TRADED), side=st.sampled_from(Side), lots=st.integers(1, 40), carried=st.booleans())
    def take(self, item: Instrument, side: Side, lots: int, carried: bool) -> None:
        self._order(item, side, lots, carried, PriceType.MARKET)

    @precondition(lambda self: self._is_open())
    @rule(
        item=st.sampled_from(TRADED), side=st.sampled_from(Side), lots=st.integers(1, 40), carried=st.booleans(),
        away=st.integers(-12, 12),
    )  # fmt: skip
    def rest(self, item: Instrument, side: Side, lots: int, carried: bool, away: int) -> None:
        self._order(item, side, lots, carried, PriceType.LIMIT, self._near(item, away))

    @precondition(lambda self: self._is_open())
    @rule(item=st.sampled_from(TRADED), side=st.sampled_from(Side), away=st.integers(1, 12), carried=st.booleans())
    def stop(self, item: Instrument, side: Side, away: int, carried: bool) -> None:
        trigger, price = self._near(item, side.sign * away), self._near(item, side.sign * (away + 3))
        self._order(item, side, 5, carried, PriceType.SL, price, trigger)

    @precondition(lambda self: self._is_open())
    @rule(item=st.sampled_from(TRADED), lots=st.integers(-10, 10), carried=st.booleans())
    def smart(self, item: Instrument, lots: int, carried: bool) -> None:
        product = _product(item, carried=carried)
        self._give(PlaceSmartOrder(item.exchange, item.symbol, Side.BUY, 0, product, lots * item.lot_size))

    @precondition(lambda self: self._is_open())
    @rule(lots=st.integers(1, 5), side=st.sampled_from(Side))
    def basket(self, lots: int, side: Side) -> None:
        legs = [(option(26_000), side), (option(26_200), side.opposite)]
        self._give(
            PlaceBasket(
                tuple(
                    PlaceOrder(one.exchange, one.symbol, way, lots * 65, Product.NRML, confirm_duplicate=True)
                    for one, way in legs
                )
            )
        )

    @precondition(lambda self: self._working())
    @rule(pick=st.integers(0, 50))
    def cancel(self, pick: int) -> None:
        working = self._working()
        self._give(CancelOrder(working[pick % len(working)].order_id))

    @precondition(lambda self: self._working())
    @rule(pick=st.integers(0, 50), away=st.integers(-10, 10), more=st.integers(-5, 5))
    def modify(self, pick: int, away: int, more: int) -> None:
        working = self._working()
        order = working[pick % len(working)]
        if order.price_type is PriceType.LIMIT:
            item = next(one for one in LISTED if one.symbol == order.symbol)
            quantity = order.quantity + more * item.lot_size
            self._give(ModifyOrder(order.order_id, quantity=quantity, price=self._near(item, away)))

    @precondition(lambda self: self._is_open() and self._holds())
    @rule(everything=st.booleans())
    def close(self, everything: bool) -> None:
        self._give(CancelAllOrders())
        self._give(ClosePosition(exchange=None if everything else Exchange.NFO))

    # The market, time, and the power supply ------------------------------------------------------------------------

    @rule(item=st.sampled_from(LISTED), ticks=st.integers(-60, 60), traded=st.integers(0, 500))
    def move(self, item: Instrument, ticks: int, traded: int) -> None:
        self._move(item, ticks, traded)
        self.world.step()

    @rule(ticks=st.lists(st.integers(-200, 200), min_size=3, max_size=3), traded=st.integers(0, 2000))
    def burst(self, ticks: list[int], traded: int) -> None:
        for item, some in zip((SBIN, FUT, option(26_000)), ticks, strict=True):
            self._move(item, some, traded)
        self.world.step()

    @rule(seconds=st.integers(1, 600))
    def wait(self, seconds: int) -> None:
        self._travel(self.world.now + timedelta(seconds=seconds))

    @rule(clock_time=st.sampled_from(BOUNDARIES), seconds=st.integers(-1, 1))
    def cross(self, clock_time: time, seconds: int) -> None:
        """To a second before, at, or after the next time the clock shows a boundary (F19)."""
        self._travel(self._next(clock_time) + timedelta(seconds=seconds))

    @rule(
        mode=st.sampled_from(["now", "now", "boundary", "days"]),
        clock_time=st.sampled_from(BOUNDARIES),
        days=st.integers(1, 5),
    )
    def restart(self, mode: str, clock_time: time, days: int) -> None:
        """Down, and up again: at once, behind a boundary, or at ten on a later day."""
        at = {
            "now": self.world.now,
            "boundary": self._next(clock_time) + timedelta(seconds=1),
            "days": at_ist((self.world.now + timedelta(days=days)).date(), time(10, 0)),
        }[mode]
        self.world.restart(at if at.date() <= LAST_DAY else self.world.now)

    @rule(days=st.integers(1, 3))
    def sleep(self, days: int) -> None:
        """The engine runs on through the nights."""
        for _ in range(days):
            self._travel(self._next(time(0, 0, 5)))
        self._travel(self._next(time(10, 0)))

    # What must hold ------------------------------------------------------------------------------------------------

    @invariant()
    def cash_is_conserved(self) -> None:
        self.steps["checked"] += 1
        client, trades = self.world.client, self.world.trades
        spent = sum(one.side.sign * one.quantity * one.price for one in trades.values())
        cost = sum((1 if one.quantity > 0 else -1) * one.value for one in client.positions.values())
        assert client.money.cash - to_units(CASH) == cost - spent

    @invariant()
    def quantity_is_conserved(self) -> None:
        client = self.world.client
        traded: Counter[str] = Counter()
        for one in self.world.trades.values():
            traded[one.symbol] += one.side.sign * one.quantity
        held: Counter[str] = Counter()
        for position in client.positions.values():
            held[position.symbol] += position.quantity
        for holding in client.holdings.values():
            held[self.world.adapter.venue.name(holding.token).symbol] += holding.quantity
        assert {k: v for k, v in traded.items() if v} == {k: v for k, v in held.items() if v}
        for order in client.orders.values():
            assert 0 <= order.filled <= order.quantity

    @invariant()
    def ledger_and_venue_agree(self) -> None:
        client, books = self.world.client, self.world.engine.books
        ours = {(one.symbol, one.product): one.quantity for one in books.positions if one.quantity}
        theirs = {(one.symbol, one.product): one.quantity for one in client.positions.values() if one.quantity}
        assert ours == theirs
        fills = {int(fill.trade_id): (fill.quantity, fill.price) for fill in books.fills}
        today = {one.number: (one.quantity, one.price / 10_000) for one in client.trades}
        assert fills == today
        for order in books.orders:
            venue = client.orders.get(int(order.broker_order_id or 0))
            if venue is not None:
                assert (order.filled_quantity, order.status in DONE) == (venue.filled, not venue.state.alive)

    @invariant()
    def the_fill_book_has_every_trade(self) -> None:
        if self.booked != set(self.world.trades):
            rows = self.world.engine.works.fill_book.store.read()
            self.booked = {int(one.fill.trade_id) for one in rows if not one.opening}
            assert self.booked == set(self.world.trades)

    @invariant()
    def nothing_is_tied_up_by_nothing(self) -> None:
        client = self.world.client
        if not client.alive() and not any(one.quantity for one in client.positions.values()):
            assert client.used == 0

    # ---------------------------------------------------------------------------------------------------------------

    def _working(self) -> list[Order]:
        return [order for order in self.world.engine.books.orders if order.working]

    def _is_open(self) -> bool:
        """Whether orders are taken; :meth:`take` tries at night, too."""
        return CALENDAR.is_open(Exchange.NFO, self.world.now)

    def _holds(self) -> bool:
        return any(one.quantity for one in self.world.client.positions.values())

    def _order(
        self, item: Instrument, side: Side, lots: int, carried: bool, kind: PriceType, price: float = 0.0,
        trigger: float = 0.0,
    ) -> None:  # fmt: skip
        quantity = min(lots, 8 if item.lot_size > 100 else 40) * item.lot_size
        product = _product(item, carried=carried)
        self._give(PlaceOrder(item.exchange, item.symbol, side, quantity, product, kind, price, trigger))

    def _near(self, item: Instrument, ticks: int) -> float:
        return max(round(self.world.desk.board.ltp[item.key] + ticks * item.tick_size, 2), item.tick_size)

    def _give(self, command: Command[Any]) -> None:
        name = type(command).__name__
        try:
            self.world.run(self.world.engine.call(command, TRADER))
        except LabError:  # a refusal is an answer; the invariants judge what it left behind
            name += " refused"
        self.steps[name] += 1
        self.world.step()

    def _move(self, item: Instrument, ticks: int, traded: int) -> None:
        board = self.world.desk.board
        board.ltp[item.key] = max(round(board.ltp[item.key] + ticks * item.tick_size, 2), item.tick_size * 10)
        board.volume[item.key] = board.volume.get(item.key, 1000.0) + traded

    def _next(self, clock_time: time) -> datetime:
        today = at_ist(self.world.now.date(), clock_time)
        return today if today > self.world.now else today + timedelta(days=1)

    def _travel(self, to: datetime) -> None:
        if self.world.now < to and to.date() <= LAST_DAY:
            self.world.travel(to)


def _product(item: Instrument, *, carried: bool) -> Product:
    if not carried:
        return Product.MIS
    return Product.CNC if item is SBIN else Product.NRML


COMMON = {"deadline": None, "suppress_health_check": list(HealthCheck)}


def test_quantity_and_cash_are_conserved_whatever_happens() -> None:
    run_state_machine_as_test(Machine, settings=settings(max_examples=12, stateful_step_count=40, **COMMON))


def test_an_order_left_half_filled_is_not_traded_again_on_the_next_day() -> None:
    """Its fills of yesterday are the order's; today's trades and positions begin without them."""
    machine = Machine()
    put = option(26_000, "PE")
    machine._give(PlaceOrder(put.exchange, put.symbol, Side.BUY, 33 * 65, Product.NRML))
    assert machine._working()
    machine.restart("days", time(), 1)
    for check in (machine.ledger_and_venue_agree, machine.quantity_is_conserved, machine.cash_is_conserved):
        check()
    position = next(one for one in machine.world.engine.books.positions if one.symbol == put.symbol)
    assert (position.buy_quantity, position.realised_paise) == (0, 0)
    machine.teardown()


STEPS = 200_000


@pytest.mark.long
@pytest.mark.timeout(0)
def test_quantity_and_cash_are_conserved_in_200_000_steps() -> None:
    """Rounds on all processors until so many steps were checked; a failure names its round's seed.

    MACHINE_SEED repeats a run from its first round on, MACHINE_WORKERS sets how many rounds run at once.
    """
    first = int(os.environ.get("MACHINE_SEED", random.SystemRandom().randrange(2**31)))
    workers = int(os.environ.get("MACHINE_WORKERS", os.cpu_count() or 1))
    began, total, spent = clocks.perf_counter(), Counter[str](), 0.0
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        waiting = {pool.submit(_round, first + number) for number in range(workers)}
        following = first + workers
        while total["checked"] < STEPS:
            done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
            for one in done:
                steps, cpu = one.result()
                total, spent = total + steps, spent + cpu
                waiting.add(pool.submit(_round, following))
                following += 1
            print(f"{total['checked']} steps from seed {first} on, {clocks.perf_counter() - began:.0f} s", flush=True)
        pool.shutdown(cancel_futures=True)
    print(f"{dict(total)}: {spent:.0f} s of processor, {total['checked'] / spent:.0f} steps a second")


def _round(number: int) -> tuple[Counter[str], float]:
    """Twenty examples under a seed: what was done, and the seconds of processor that it took."""

    class Counted(Machine):
        steps: ClassVar[Counter[str]] = Counter()

    cpu = clocks.process_time()
    form = settings(max_examples=20, stateful_step_count=100, database=None, phases=[Phase.generate], **COMMON)
    try:
        run_state_machine_as_test(seed(number)(Counted), settings=form)
    except BaseException as error:
        error.add_note(f"In the round of seed {number}.")
        raise
    return Counted.steps, clocks.process_time() - cpu
