"""Fyers' adapter against its API v3 on loopback."""

from __future__ import annotations

from pathlib import Path

import msgspec

from brokers.fyers import SPEC
from openalgo_lab.engine.principal import LOCAL
from openalgo_lab.model.commands import GetQuotes, PlaceOrder, Reconcile
from openalgo_lab.model.instruments import InstrumentKey
from openalgo_lab.model.orders import OrderStatus
from openalgo_lab.model.risk import ArmLive
from openalgo_lab.model.vocabulary import Exchange, PriceType, Product, Side
from tests.conformance.rig import until
from tests.conformance.simulator import Answer, Asked, json_answer
from tests.conformance.simulators.fyers import FyersSimulator
from tests.conformance.suite import BrokerSuite
from tests.conformance.venue import DOLLAR
from tests.support.connected import bench


class TestFyers(BrokerSuite):
    # Without its rates, which have tests of their own and would only make these slow.
    spec = msgspec.structs.replace(SPEC, limits=msgspec.structs.replace(SPEC.limits, rates=()))
    simulator = FyersSimulator
    has_freeze = True


class LotsSimulator(FyersSimulator):
    """A currency contract of a thousand dollars, of which one is one."""

    def _file(self, asked: Asked) -> Answer:
        rows = msgspec.json.decode(super()._file(asked).body)
        for row in rows.values():
            row["qtyMultiplier"] = 1000.0
        return json_answer(rows)


async def test_lots_of_the_broker_are_units_of_ours(tmp_path: Path) -> None:
    """Two lots there are two thousand units here: in the order, its fill, the position and after a reconciliation."""
    simulator = LotsSimulator()
    await simulator.start()
    try:
        async with bench(tmp_path, simulator=simulator) as on:
            engine, key = on.engine, InstrumentKey(Exchange.CDS, DOLLAR.symbol)
            await on.connect(broker="fyers")
            await engine.call(ArmLive("FYERS", armed=True), LOCAL)
            (quote,) = await engine.call(GetQuotes((key,)), LOCAL)
            wanted = PlaceOrder(
                key.exchange, key.symbol, Side.BUY, 2000, Product.NRML, PriceType.LIMIT, quote.ltp, account="FYERS"
            )
            placed = await engine.call(wanted, LOCAL)
            booked = simulator.venue.order(placed.broker_order_id)
            assert booked.quantity == 2
            simulator.venue.fill(booked, 1, quote.ltp)
            simulator.venue.fill(booked, 1, quote.ltp)
            await until(lambda: engine.ledger.find(placed.order_id).status is OrderStatus.COMPLETE)  # type: ignore[union-attr]
            await until(lambda: len(engine.ledger.fills_of(placed.order_id)) == 2)
            await engine.call(Reconcile("FYERS"), LOCAL)
            order = engine.ledger.find(placed.order_id)
            assert order is not None
            assert (order.quantity, order.filled_quantity, order.alarms) == (2000, 2000, ())
            assert [p.quantity for p in engine.books.positions if p.account == "FYERS" and p.quantity] == [2000]
    finally:
        await simulator.stop()
