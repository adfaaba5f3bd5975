"""F1 from the engine to a broker's own wire: the network is cut anywhere in a submit and its answer, and the books say
in the end what really happened. Nothing is sent twice, nothing is lost, no end is wrong."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from openalgo_lab.broker import Limits, registry
from openalgo_lab.engine.principal import LOCAL
from openalgo_lab.model.commands import PlaceOrder
from openalgo_lab.model.orders import DONE, OrderStatus
from openalgo_lab.model.risk import ArmLive
from openalgo_lab.model.vocabulary import Exchange, PriceType, Product, Side
from openalgo_lab.sim.faults import Act, Fault, FaultProxy, Flow
from tests.conformance.rig import until
from tests.support.connected import Bench, bench

SUBMIT = b"POST /orders/regular"
LENGTHS = {Flow.TO_SERVER: 560, Flow.TO_CLIENT: 260}
"""A little more than a submit and its answer are long, so that the last cuts fall behind them."""


@pytest.fixture(autouse=True)
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """The broker's own rates would stretch the test; they have tests of their own."""
    load = registry.load
    monkeypatch.setattr(registry, "load", lambda key: msgspec.structs.replace(load(key), limits=Limits()))


async def run(on: Bench, cuts: Iterator[tuple[Flow, int]]) -> Counter[OrderStatus]:
    """One order a cut; what they have become in the end."""
    proxy = FaultProxy("127.0.0.1", on.simulator.port)
    await proxy.start()
    command = msgspec.structs.replace(on.command(), base_url=proxy.url)
    await on.engine.call(command, LOCAL)
    await on.engine.call(ArmLive("ZERODHA", armed=True), LOCAL)
    line = on.engine.router.line("ZERODHA")
    order = PlaceOrder(
        Exchange.NSE,
        "SBIN",
        Side.BUY,
        1,
        Product.MIS,
        PriceType.LIMIT,
        800.0,
        account="ZERODHA",
        confirm_duplicate=True,
    )
    placed: list[str] = []
    try:
        for flow, place in cuts:
            proxy.schedule(Fault(Act.CUT, flow, place, SUBMIT))
            made = await on.engine.call(order, LOCAL)
            placed.append(made.order_id)
            proxy.clear()
        await until(lambda: not on.engine.ledger.in_doubt("ZERODHA"), 60)
        await on.engine.reconciler.look(line)
        return judge(on, placed)
    finally:
        await on.engine.close()
        await proxy.stop()


def judge(on: Bench, placed: list[str]) -> Counter[OrderStatus]:
    """Every order of ours against the venue's own book."""
    book = Counter(booked.tag for booked in on.simulator.venue.orders)
    assert max(book.values(), default=0) == 1, "an order was sent twice"
    ended: Counter[OrderStatus] = Counter()
    for order_id in placed:
        order = on.engine.ledger.find(order_id)
        assert order is not None
        ended[order.status] += 1
        if book[order_id]:
            assert order.status is OrderStatus.OPEN, f"it is at the broker, and said to be {order.status}"
        else:
            assert order.status is OrderStatus.NOT_PLACED, f"it is not at the broker, and said to be {order.status}"
            assert order.status in DONE
    assert set(book) <= set(placed)
    return ended


async def test_a_cut_anywhere_ends_in_the_truth(tmp_path: Path) -> None:
    async with bench(tmp_path) as on:
        cuts = [(flow, place) for flow in Flow for place in range(0, LENGTHS[flow], 11)]
        ended = await run(on, iter(cuts))
    assert ended[OrderStatus.OPEN] > 20 and ended[OrderStatus.NOT_PLACED] > 20


@pytest.mark.long
async def test_ten_thousand_random_cuts(tmp_path: Path) -> None:
    source, ended = random.Random(4), Counter[OrderStatus]()
    for day in range(25):  # a day book of ten thousand orders would be what is measured
        folder = tmp_path / str(day)
        folder.mkdir()
        async with bench(folder) as on:
            flows = [source.choice(list(Flow)) for _ in range(400)]
            ended += await run(on, ((flow, source.randrange(LENGTHS[flow])) for flow in flows))
    assert sum(ended.values()) == 10_000
