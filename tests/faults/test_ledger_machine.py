"""F2, F3, F4, F17: a user, a broker and a bad wire, step by step, against the broker's own books as the oracle.

The stream loses nothing for good (the books are read again) but delays, reorders and repeats as it likes. After every
step the invariants hold; whenever the books have been compared, ledger and broker agree.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from openalgo_lab.engine.config import EngineConfig, ReconcileTimes
from openalgo_lab.engine.engine import Engine
from openalgo_lab.engine.risk_settings import RiskSettings
from openalgo_lab.model.commands import CancelOrder, Command, ModifyOrder
from openalgo_lab.model.errors import LabError
from openalgo_lab.model.orders import DONE, OrderStatus
from openalgo_lab.model.vocabulary import Side
from tests.support.engine_parts import TRADER, limit, parts_of
from tests.support.scripted_broker import Cut, ScriptedBroker

S = OrderStatus
BY_HAND = ReconcileTimes(every_s=3600, doubt_every_s=3600, proof_age_s=0.0, proof_gap_s=0.0)


class Trading(RuleBasedStateMachine):
    """One account. Rules are what the user, the broker, the wire and the machine's power supply do."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="oalm-"))
        self.loop = asyncio.new_event_loop()
        self.broker = ScriptedBroker(auto=False)
        self.keys = 0
        self.by_key: dict[str, str] = {}
        self.answered = 0
        self.engine = self._start()

    def teardown(self) -> None:
        self._agree()
        self._run(self.engine.close())
        self.loop.close()
        shutil.rmtree(self.folder)

    # The user ---------------------------------------------------------------------------------------------------

    @rule(quantity=st.integers(1, 60), side=st.sampled_from(Side), cut=st.sampled_from(Cut))
    def place(self, quantity: int, side: Side, cut: Cut) -> None:
        self.keys += 1
        self._place(f"k{self.keys}", quantity, side, cut)

    @precondition(lambda self: self.by_key)
    @rule(data=st.data())
    def place_again(self, data: st.DataObject) -> None:
        """A double click, or a cell that is run again (F2)."""
        key = data.draw(st.sampled_from(sorted(self.by_key)))
        order = self.engine.ledger.find(self.by_key[key])
        assert order is not None
        before = len(self.broker.placed)
        again = self._run(self.engine.call(limit(quantity=order.quantity, side=order.side, client_key=key), TRADER))
        assert again.order_id == self.by_key[key]
        assert len(self.broker.placed) == before

    @precondition(lambda self: self.engine.books.orders)
    @rule(data=st.data(), cut=st.sampled_from(Cut))
    def cancel(self, data: st.DataObject, cut: Cut) -> None:
        order = data.draw(st.sampled_from(self.engine.books.orders))
        self._try(CancelOrder(order.order_id), cut)

    @precondition(lambda self: self.engine.books.orders)
    @rule(data=st.data(), cut=st.sampled_from(Cut), quantity=st.integers(1, 80), price=st.integers(95, 105))
    def modify(self, data: st.DataObject, cut: Cut, quantity: int, price: int) -> None:
        order = data.draw(st.sampled_from(self.engine.books.orders))
        self._try(ModifyOrder(order.order_id, quantity=quantity, price=float(price)), cut)

    # The broker and the exchange -----------------------------------------------------------------------------------

    @precondition(lambda self: self.broker.rows)
    @rule(data=st.data(), share=st.integers(1, 60), price=st.integers(90, 110))
    def fill(self, data: st.DataObject, share: int, price: int) -> None:
        """A match, sometimes after the cancel took effect; never more than was ordered."""
        broker_id = data.draw(st.sampled_from(sorted(self.broker.rows)))
        report = self.broker.rows[broker_id].report
        room = report.quantity - report.filled_quantity
        if room and report.status not in DONE - {S.CANCELLED}:
            self.broker.fill(broker_id, min(share, room), float(price))

    @precondition(lambda self: self.broker.rows)
    @rule(data=st.data())
    def reject_late(self, data: st.DataObject) -> None:
        broker_id = data.draw(st.sampled_from(sorted(self.broker.rows)))
        report = self.broker.rows[broker_id].report
        if report.status is S.OPEN and not report.filled_quantity:
            self.broker.reject_late(broker_id)

    # The wire -----------------------------------------------------------------------------------------------------

    @precondition(lambda self: self.broker.outbox)
    @rule(data=st.data(), keep=st.booleans())
    def deliver(self, data: st.DataObject, keep: bool) -> None:
        """One report, out of turn; ``keep`` brings it again."""
        index = data.draw(st.integers(0, len(self.broker.outbox) - 1))

        async def deliver() -> None:
            self.broker.deliver(index, keep=keep)

        self._run(deliver())

    @precondition(lambda self: self.broker.outbox)
    @rule()
    def lose(self) -> None:
        self.broker.outbox.clear()

    @rule()
    def reconcile(self) -> None:
        self._agree()

    @rule()
    def restart(self) -> None:
        """Start-up and recovery are one path."""
        self._run(self.engine.close())
        self.engine = self._start()
        self._compare()

    # What always holds ---------------------------------------------------------------------------------------------

    @invariant()
    def fills_are_conserved(self) -> None:
        books = self.engine.books
        for order in books.orders:
            traded = sum(fill.quantity for fill in self.engine.ledger.fills_of(order.order_id))
            assert order.filled_quantity >= traded
            assert order.filled_quantity <= max(order.quantity, self._broker_quantity(order.broker_order_id))
        net: Counter[str] = Counter()
        for fill in books.fills:
            net[fill.symbol] += fill.quantity * fill.side.sign
        assert {p.symbol: p.quantity for p in books.positions} == dict(net)

    @invariant()
    def one_intent_is_at_most_one_order(self) -> None:
        assert len(set(self.broker.placed)) == len(self.broker.placed)

    @invariant()
    def nothing_is_claimed_that_the_broker_does_not_know(self) -> None:
        for order in self.engine.books.orders:
            if order.status is S.COMPLETE:
                assert self.broker.rows[order.broker_order_id].report.status is S.COMPLETE
            if order.status is S.NOT_PLACED:
                assert order.order_id not in self.broker.placed

    # ----------------------------------------------------------------------------------------------------------------

    def _place(self, key: str, quantity: int, side: Side, cut: Cut) -> None:
        self.broker.cuts = [cut]
        order = self._run(self.engine.call(limit(quantity=quantity, side=side, client_key=key), TRADER))
        self.by_key[key] = order.order_id
        possible = {
            Cut.NONE: {S.ACCEPTED},
            Cut.BEFORE: {S.NOT_PLACED},
            Cut.AFTER: {S.UNKNOWN},
            Cut.REFUSE: {S.REJECTED},
        }
        assert order.status in possible[cut]

    def _try(self, command: Command[Any], cut: Cut) -> None:
        self.broker.cuts = [cut]
        try:
            self._run(self.engine.call(command, TRADER))
        except LabError as error:
            assert str(error)
        self.broker.cuts = []

    def _agree(self) -> None:
        """Everything is quiet and the books have been compared: ledger and broker say the same."""
        self.broker.cuts = []
        for _ in range(3):
            self._run(self.engine.reconciler.look(self.engine.router.line("")))
        self._compare()

    def _compare(self) -> None:
        rows = self.broker.rows
        for order in self.engine.books.orders:
            if not order.broker_order_id:
                assert order.status in (S.REJECTED, S.NOT_PLACED, S.UNKNOWN), order
                continue
            truth = rows[order.broker_order_id].report
            live = truth.status
            if live is S.OPEN and truth.filled_quantity:
                live = S.PARTIALLY_FILLED
            assert order.status is live, (order, truth)
            assert (order.filled_quantity, order.quantity, order.price) == (
                truth.filled_quantity,
                truth.quantity,
                truth.price,
            )
        known = {order.broker_order_id for order in self.engine.books.orders}
        assert set(rows) <= known
        mine = sorted((fill.trade_id, fill.quantity, fill.price) for fill in self.engine.books.fills)
        theirs = sorted((f.trade_id, f.quantity, f.price) for row in rows.values() for f in row.fills)
        assert mine == theirs

    def _broker_quantity(self, broker_id: str) -> int:
        row = self.broker.rows.get(broker_id)
        return row.report.quantity if row is not None else 0

    def _start(self) -> Engine:
        config = EngineConfig(reconcile=BY_HAND, risk=RiskSettings(duplicate_window_s=0.0))
        return self._run(Engine.start(config, parts_of(self.broker, self.folder)))

    def _run(self, work: Any) -> Any:
        return self.loop.run_until_complete(work)


COMMON = {"deadline": None, "suppress_health_check": list(HealthCheck)}


def test_ledger_and_broker_agree_whatever_happens() -> None:
    run_state_machine_as_test(Trading, settings=settings(max_examples=25, stateful_step_count=40, **COMMON))


@pytest.mark.long
def test_ledger_and_broker_agree_in_many_steps() -> None:
    run_state_machine_as_test(Trading, settings=settings(max_examples=1500, stateful_step_count=140, **COMMON))
