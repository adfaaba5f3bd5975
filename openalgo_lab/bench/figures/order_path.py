"""The engine under load: a cell's order to its acknowledgement, a frame to the board, the loop beside a busy cell."""

from __future__ import annotations

import asyncio
import contextlib
import os
import statistics
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from openalgo_lab.bench.spec import CannotMeasure, Measured, figure

if TYPE_CHECKING:
    from openalgo_lab.engine.engine import Engine
    from openalgo_lab.engine.thread import LoopThread
    from openalgo_lab.model.commands import PlaceOrder
    from openalgo_lab.model.instruments import InstrumentKey

__all__ = ["cell_to_ack_ms", "kill_switch_ms", "loop_lag_ms", "tick_to_board_ms"]

ORDERS = 1000
WARM_UP = 50
RESTING = 50
"""How many orders the kill switch finds at work."""
TICKS_PER_S = 20_000
BUSY_S = float(os.environ.get("OPENALGO_LAB_BENCH_BUSY_S", "60"))
"""How long the cell is busy; a shorter run is for trying out."""


@contextlib.contextmanager
def _running() -> Iterator[tuple[LoopThread, Engine]]:
    """An engine on its own thread, as a notebook's kernel has it."""
    from openalgo_lab.engine.config import EngineConfig
    from openalgo_lab.engine.engine import Engine
    from openalgo_lab.engine.risk_settings import RiskSettings
    from openalgo_lab.engine.thread import LoopThread

    thread = LoopThread().start()
    try:
        engine = thread.call(Engine.start(EngineConfig(profile="bench", risk=RiskSettings(max_order_value=0))), 60)
        try:
            yield thread, engine
        finally:
            thread.call(engine.close(), 30)
    finally:
        thread.stop()


def _order(number: int) -> PlaceOrder:
    from openalgo_lab.model.commands import PlaceOrder
    from openalgo_lab.model.vocabulary import Exchange, Product, Side

    side = Side.BUY if number % 2 else Side.SELL
    return PlaceOrder(Exchange.NSE, "SBIN", side, 1, Product.MIS, confirm_duplicate=True)


@figure("cell_to_ack_ms", unit="ms", goal=1.5, better="lower", also={"p99": 10.0})
def cell_to_ack_ms() -> Measured:
    """A blocking call in a cell until the broker's acknowledgement is back, the intent durable before it left; p50."""
    from openalgo_lab.engine.principal import LOCAL

    with _running() as (thread, engine):
        took = []
        for number in range(WARM_UP + ORDERS):
            began = time.perf_counter()
            thread.call(engine.call(_order(number), LOCAL))
            took.append((time.perf_counter() - began) * 1000)
    return Measured(statistics.median(took[WARM_UP:]), also={"p99": _p99(took[WARM_UP:])})


@figure("kill_switch_ms", unit="ms", goal=200.0, better="lower", also={"working": 0.0})
def kill_switch_ms() -> Measured:
    """From the kill switch in a cell until its 50 resting orders are cancelled at the broker; worst of five.

    ``working``: orders that were still at work when the call came back.
    """
    from openalgo_lab.engine.principal import LOCAL
    from openalgo_lab.model.commands import KillSwitch

    took, working = [], 0
    with _running() as (thread, engine):
        price = _far_below(thread, engine)
        for _round in range(5):
            for _ in range(RESTING):
                thread.call(engine.call(_resting(price), LOCAL), 30)
            began = time.perf_counter()
            thread.call(engine.call(KillSwitch(engage=True), LOCAL), 30)
            took.append((time.perf_counter() - began) * 1000)
            working += sum(order.working for order in engine.books.orders)
            thread.call(engine.call(KillSwitch(engage=False), LOCAL), 30)
    return Measured(max(took), also={"working": float(working)})


def _far_below(thread: LoopThread, engine: Engine) -> float:
    """A price at which nothing is sold for the moment, inside the day's band."""
    from openalgo_lab.engine.principal import LOCAL
    from openalgo_lab.model.commands import GetQuotes
    from openalgo_lab.model.instruments import InstrumentKey
    from openalgo_lab.model.vocabulary import Exchange

    (quote,) = thread.call(engine.call(GetQuotes((InstrumentKey(Exchange.NSE, "SBIN"),)), LOCAL), 30)
    return float(round(quote.ltp * 0.95))


def _resting(price: float) -> PlaceOrder:
    from openalgo_lab.model.commands import PlaceOrder
    from openalgo_lab.model.vocabulary import Exchange, PriceType, Product, Side

    return PlaceOrder(
        Exchange.NSE, "SBIN", Side.BUY, 1, Product.MIS, PriceType.LIMIT, price=price, confirm_duplicate=True
    )


@figure("tick_to_board_ms", unit="ms", goal=0.2, better="lower")
def tick_to_board_ms() -> float:
    """A decoded frame into the board, while some 20,000 ticks a second come; 99th percentile of the frames."""
    took: list[float] = []
    with _running() as (thread, engine):
        write = engine.data.on_ticks

        def timed(batch: object) -> None:
            began = time.perf_counter()
            write(batch)  # type: ignore[arg-type]
            took.append((time.perf_counter() - began) * 1000)

        engine.data.on_ticks = timed  # type: ignore[method-assign]
        _flood(thread, engine)
        time.sleep(min(BUSY_S, 10.0))
    return _p99(took)


@figure("loop_lag_ms", unit="ms", goal=5.0, better="lower", also={"lost": 0.0})
def loop_lag_ms() -> Measured:
    """How late the loop wakes while a cell computes in pure Python, 20,000 ticks a second come and orders go; p99.

    ``lost``: order events that a subscriber did not get.
    """
    with _running() as (thread, engine):
        _flood(thread, engine)
        subscription = engine.bus.subscribe(["order:update"])
        versions = _count_versions(thread, engine)
        trading = thread.submit(_trade(engine))
        ticks, began = engine.data.ticks, time.monotonic()
        _be_busy(BUSY_S)
        rate = (engine.data.ticks - ticks) / (time.monotonic() - began)
        trading.cancel()
        lag = engine.status().loop_lag.p99_ms
        time.sleep(1.0)
        got = len(subscription.drain())
        lost = versions[0] - got
    if rate < TICKS_PER_S * 0.95:
        raise CannotMeasure(f"Only {rate:,.0f} ticks a second came beside the busy cell; 20,000 are needed.")
    return Measured(lag, also={"lost": float(lost), "ticks_per_s": rate})


def _count_versions(thread: LoopThread, engine: Engine) -> list[int]:
    """Order events as they are published, counted on the loop itself."""
    from openalgo_lab.model.events import AnyEvent, OrderUpdated

    count = [0]

    def hear(event: AnyEvent) -> None:
        count[0] += isinstance(event, OrderUpdated)

    async def listen() -> None:
        engine.bus.listen(hear)

    thread.call(listen())
    return count


async def _trade(engine: Engine) -> None:
    """Ten orders a second."""
    from openalgo_lab.engine.principal import LOCAL

    number = 0
    while True:
        await engine.call(_order(number), LOCAL)
        number += 1
        await asyncio.sleep(0.1)


def _be_busy(seconds: float) -> None:
    """A cell that never lets go of the interpreter of its own accord."""
    until, value = time.monotonic() + seconds, 0
    while time.monotonic() < until:
        for number in range(20_000):
            value = (value * 31 + number) % 1_000_003


def _flood(thread: LoopThread, engine: Engine) -> None:
    """Subscribe to more and more symbols until about 20,000 ticks a second come."""
    from openalgo_lab.model.vocabulary import FeedMode

    keys = _liquid(engine)
    count = 1000
    while True:

        async def want(some: Sequence[InstrumentKey] = keys[:count]) -> None:
            engine.subscribe("bench", some, FeedMode.QUOTE)

        thread.call(want(), 30)
        time.sleep(1.0)
        before = engine.data.ticks
        time.sleep(1.0)
        if engine.data.ticks - before >= TICKS_PER_S * 1.05:
            return
        if count >= len(keys):
            raise CannotMeasure(f"All {count} symbols together give {engine.data.ticks - before} ticks a second.")
        count += 500


def _liquid(engine: Engine) -> list[InstrumentKey]:
    """Shares, indices and futures first, then the options nearest in time."""
    from datetime import date

    everything = engine.instruments.all()
    return [one.key for one in sorted(everything, key=lambda one: (one.kind.is_option, one.expiry or date.min))]


def _p99(values: Sequence[float]) -> float:
    if not values:
        raise CannotMeasure("Nothing was measured.")
    return sorted(values)[round((len(values) - 1) * 0.99)]
