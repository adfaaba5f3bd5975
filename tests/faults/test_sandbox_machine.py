"""Ledger, sandbox and engine together, step by step, against a book of trades kept by hand.

Quantity and cash are conserved to the last ten-thousandth of a rupee after every step, over restarts at any moment and
over any number of days; ledger, fill book and venue always tell the same trades.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import tempfile
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from openalgo_lab.engine.bands import RuleBookBands
from openalgo_lab.engine.composition import Composition
from openalgo_lab.engine.config import EngineConfig, ReconcileTimes
from openalgo_lab.engine.cut_offs import IntradayCutOffs
from openalgo_lab.engine.engine import Engine
from openalgo_lab.engine.risk_settings import RiskSettings
from openalgo_lab.model.commands import CancelAllOrders, CancelOrder, ClosePosition, Command, ModifyOrder, PlaceOrder
from openalgo_lab.model.errors import LabError
from openalgo_lab.model.instruments import Instrument, InstrumentKey
from openalgo_lab.model.market import Quote
from openalgo_lab.model.orders import DONE
from openalgo_lab.model.portfolio import Account
from openalgo_lab.model.sandbox import SandboxSettings
from openalgo_lab.model.structure_commands import PlaceBasket, PlaceSmartOrder
from openalgo_lab.model.times import at_ist, from_ns, trade_date
from openalgo_lab.model.vocabulary import Exchange, Mode, PriceType, Product, Side
from openalgo_lab.sim.matching import to_units
from openalgo_lab.sim.records import VenueTrade
from openalgo_lab.sim.sandbox.adapter import CLIENT, SandboxAdapter
from openalgo_lab.store.journal import SqliteJournal
from tests.sim.sandbox.desk import CALENDAR, DAY, FUT, LISTED, RULES, SBIN, Sandbox, option
from tests.support.engine_parts import TRADER

BY_HAND = ReconcileTimes(every_s=3600, doubt_every_s=3600, proof_age_s=0.0, proof_gap_s=0.0)
TRADED = [SBIN, FUT, option(26_000), option(26_200), option(26_000, "PE")]
CASH = SandboxSettings().starting_capital


class _Hours:
    def takes_orders(self, instrument: Instrument, now_ns: int) -> bool:
        return CALENDAR.is_open(instrument.exchange, from_ns(now_ns))

    def next_open(self, instrument: Instrument, now_ns: int) -> datetime | None:
        return None


class _Adapter(SandboxAdapter):
    async def instruments(self) -> Sequence[Instrument]:
        return LISTED


class World(RuleBasedStateMachine):
    """One sandbox account under a whole engine. Rules are what the user, the market, time and power supply do."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="oals-"))
        self.loop = asyncio.new_event_loop()
        self.desk = Sandbox(self.folder)
        self.desk.cut_off = IntradayCutOffs(RULES, CALENDAR)
        self.desk.board.shown = 200
        self.desk.venue.close()
        self.trades: dict[int, VenueTrade] = {}
        self.closing = 0
        self.engine = self._start()

    def teardown(self) -> None:
        self._run(self.engine.close())
        self.loop.close()
        shutil.rmtree(self.folder)

    # The user ------------------------------------------------------------------------------------------------------

    @rule(
        item=st.sampled_from(TRADED), side=st.sampled_from(Side), lots=st.integers(1, 40),
        product=st.sampled_from(Product), kind=st.sampled_from(PriceType), away=st.integers(-12, 12),
    )  # fmt: skip
    def place(self, item: Instrument, side: Side, lots: int, product: Product, kind: PriceType, away: int) -> None:
        price = self._near(item, away) if kind.has_price else 0.0
        trigger = self._near(item, side.sign * abs(away)) if kind.has_trigger else 0.0
        self._give(PlaceOrder(item.exchange, item.symbol, side, lots * item.lot_size, product, kind, price, trigger))

    @rule(item=st.sampled_from(TRADED), lots=st.integers(-10, 10), product=st.sampled_from([Product.MIS, Product.NRML]))
    def smart(self, item: Instrument, lots: int, product: Product) -> None:
        self._give(PlaceSmartOrder(item.exchange, item.symbol, Side.BUY, 0, product, lots * item.lot_size))

    @rule(lots=st.integers(1, 5), side=st.sampled_from(Side))
    def basket(self, lots: int, side: Side) -> None:
        legs = (
            PlaceOrder(Exchange.NFO, option(26_000).symbol, side, lots * 65, Product.NRML, confirm_duplicate=True),
            PlaceOrder(
                Exchange.NFO, option(26_200).symbol, side.opposite, lots * 65, Product.NRML, confirm_duplicate=True
            ),
        )
        self._give(PlaceBasket(legs))

    @rule(pick=st.integers(0, 50))
    def cancel(self, pick: int) -> None:
        working = [order for order in self.engine.books.orders if order.working]
        if working:
            self._give(CancelOrder(working[pick % len(working)].order_id))

    @rule(pick=st.integers(0, 50), away=st.integers(-10, 10), more=st.integers(-5, 5))
    def modify(self, pick: int, away: int, more: int) -> None:
        working = [order for order in self.engine.books.orders if order.working and order.price_type is PriceType.LIMIT]
        if working:
            order = working[pick % len(working)]
            item = next(one for one in LISTED if one.symbol == order.symbol)
            quantity = order.quantity + more * item.lot_size
            self._give(ModifyOrder(order.order_id, quantity=quantity, price=self._near(item, away)))

    @rule(everything=st.booleans())
    def close(self, everything: bool) -> None:
        self._give(CancelAllOrders())
        self._give(ClosePosition(exchange=None if everything else Exchange.NFO))

    # The market, time, and the power supply ------------------------------------------------------------------------

    @rule(item=st.sampled_from(LISTED), ticks=st.integers(-60, 60), traded=st.integers(0, 500))
    def move(self, item: Instrument, ticks: int, traded: int) -> None:
        board = self.desk.board
        board.ltp[item.key] = max(round(board.ltp[item.key] + ticks * item.tick_size, 2), item.tick_size * 10)
        board.volume[item.key] = board.volume.get(item.key, 1000.0) + traded
        self._step()

    @rule(minutes=st.integers(1, 240))
    def wait(self, minutes: int) -> None:
        later = from_ns(self.desk.clock.now_ns()) + timedelta(minutes=minutes)
        if trade_date(self.desk.clock.now_ns()) == later.date():
            self.desk.clock.set(later)
            self._step()

    @rule()
    def restart(self) -> None:
        self._run(self.engine.close())
        self.engine = self._start()

    @rule(days=st.integers(1, 5))
    def sleep_over(self, days: int) -> None:
        """Down, and up again at ten on a later day."""
        self._run(self.engine.close())
        day = trade_date(self.desk.clock.now_ns()) + timedelta(days=days)
        if day.year > DAY.year or (day.month, day.day) > (12, 30):
            day = trade_date(self.desk.clock.now_ns())
        self.desk.clock.set(max(at_ist(day, time(10, 0)), from_ns(self.desk.clock.now_ns())))
        self.engine = self._start()

    # What must hold ------------------------------------------------------------------------------------------------

    @invariant()
    def cash_is_conserved(self) -> None:
        client = self.adapter.venue.client(CLIENT)
        spent = sum(one.side.sign * one.quantity * one.price for one in self.trades.values())
        cost = sum((1 if one.quantity > 0 else -1) * one.value for one in client.positions.values())
        assert client.money.cash - to_units(CASH) == cost - spent

    @invariant()
    def quantity_is_conserved(self) -> None:
        client = self.adapter.venue.client(CLIENT)
        traded: Counter[str] = Counter()
        for one in self.trades.values():
            traded[one.symbol] += one.side.sign * one.quantity
        held: Counter[str] = Counter()
        for position in client.positions.values():
            held[position.symbol] += position.quantity
        for holding in client.holdings.values():
            held[self.adapter.venue.name(holding.token).symbol] += holding.quantity
        assert {k: v for k, v in traded.items() if v} == {k: v for k, v in held.items() if v}
        for order in client.orders.values():
            assert 0 <= order.filled <= order.quantity

    @invariant()
    def ledger_and_venue_agree(self) -> None:
        client = self.adapter.venue.client(CLIENT)
        ours = {(one.symbol, one.product): one.quantity for one in self.engine.books.positions if one.quantity}
        theirs = {(one.symbol, one.product): one.quantity for one in client.positions.values() if one.quantity}
        assert ours == theirs
        fills = {int(fill.trade_id): (fill.quantity, fill.price) for fill in self.engine.books.fills}
        today = {one.number: (one.quantity, one.price / 10_000) for one in client.trades}
        assert fills == today
        booked = {int(one.fill.trade_id) for one in self.engine.works.fill_book.store.read() if not one.opening}
        assert booked == set(self.trades)
        for order in self.engine.books.orders:
            venue = client.orders.get(int(order.broker_order_id or 0))
            if venue is not None:
                assert (order.filled_quantity, order.status in DONE) == (venue.filled, not venue.state.alive)

    @invariant()
    def nothing_is_tied_up_by_nothing(self) -> None:
        client = self.adapter.venue.client(CLIENT)
        if not client.alive() and not any(one.quantity for one in client.positions.values()):
            assert client.used == 0

    # ---------------------------------------------------------------------------------------------------------------

    def _near(self, item: Instrument, ticks: int) -> float:
        return max(round(self.desk.board.ltp[item.key] + ticks * item.tick_size, 2), item.tick_size)

    def _give(self, command: Command[Any]) -> None:
        with contextlib.suppress(LabError):  # a refusal is an answer; the invariants judge what it left behind
            self._run(self.engine.call(command, TRADER))
        self._step()

    def _step(self) -> None:
        self._run(self._settle())

    async def _settle(self) -> None:
        self.adapter.venue.step(self.desk.clock.monotonic_ns())  # on the loop: a fill starts tasks of the engine
        for _ in range(3):
            await asyncio.sleep(0)

    def _start(self) -> Engine:
        return self._run(Engine.start(EngineConfig(reconcile=BY_HAND, risk=_RISK), self._compose))

    def _compose(self, config: EngineConfig) -> Composition:
        desk, folder = self.desk, self.folder

        async def prices(keys: Sequence[InstrumentKey]) -> list[Quote]:
            found = [desk.board.quote(key) for key in keys]
            return [one for one in found if one is not None]

        def open_venue() -> Any:
            venue = desk._open()
            for trade in venue.client(CLIENT).trades:  # what was caught up at the opening
                self.trades.setdefault(trade.number, trade)
            venue.listen(self._hear)
            return venue

        def never(_: object) -> None:
            return None

        self.adapter = _Adapter(
            Account("SANDBOX", "sandbox", Mode.SANDBOX), open_venue, (),
            source=lambda: self.adapter, want=never, prices=prices, clock=desk.clock,
        )  # fmt: skip
        day = trade_date(desk.clock.now_ns())
        return Composition(
            adapters=(self.adapter,),
            journals={"SANDBOX": SqliteJournal.open(folder / "journal.db", day, desk.clock.now_ns)},
            hours=_Hours(),
            bands=RuleBookBands(RULES),
            folder=folder,
            instrument_file=folder / f"instruments-{day}.db",
            day=day,
            now_ns=desk.clock.now_ns,
            fills_file=folder / "fills.db",
            works_file=folder / "works.db",
            cut_off=desk.cut_off,
        )

    def _hear(self, _: str, update: object) -> None:
        if isinstance(update, VenueTrade):
            self.trades[update.number] = update

    def _run(self, work: Any) -> Any:
        return self.loop.run_until_complete(work)


_RISK = RiskSettings(duplicate_window_s=0.0, max_order_value=0.0)
COMMON = {"deadline": None, "suppress_health_check": list(HealthCheck)}


def test_quantity_and_cash_are_conserved_whatever_happens() -> None:
    run_state_machine_as_test(World, settings=settings(max_examples=12, stateful_step_count=30, **COMMON))


@pytest.mark.long
def test_quantity_and_cash_are_conserved_in_200_000_steps() -> None:
    run_state_machine_as_test(World, settings=settings(max_examples=1000, stateful_step_count=200, **COMMON))
