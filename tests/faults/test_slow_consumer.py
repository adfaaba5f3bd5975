"""F15 in short: a cell that computes and a consumer that sleeps cost the engine nothing; no order event is lost."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from openalgo_lab.engine.bus import Lagged
from openalgo_lab.engine.config import EngineConfig
from openalgo_lab.engine.engine import Engine
from openalgo_lab.engine.principal import LOCAL
from openalgo_lab.engine.risk_settings import RiskSettings
from openalgo_lab.engine.thread import LoopThread
from openalgo_lab.model.commands import Command, PlaceOrder
from openalgo_lab.model.events import AnyEvent, OrderUpdated
from openalgo_lab.model.vocabulary import Exchange, FeedMode, Product, Side

ORDERS = 40


@pytest.fixture
def hosted(lab_home: Path) -> Iterator[tuple[LoopThread, Engine]]:
    interval = sys.getswitchinterval()
    thread = LoopThread().start()
    engine = thread.call(Engine.start(EngineConfig(risk=RiskSettings(duplicate_window_s=0.0))), 60)
    yield thread, engine
    thread.call(engine.close(), 30)
    thread.stop()
    sys.setswitchinterval(interval)


def test_a_busy_cell_and_a_sleeper(hosted: tuple[LoopThread, Engine]) -> None:
    thread, engine = hosted
    heard: list[AnyEvent] = []

    async def listen() -> None:
        engine.bus.listen(heard.append)
        engine.subscribe("page", [one.key for one in engine.instruments.all()[:1000]], FeedMode.QUOTE)

    thread.call(listen())
    patient, sleeper = engine.bus.subscribe(["order:update"]), engine.bus.subscribe(limit=10)
    done = threading.Event()

    async def trade() -> None:
        for number in range(ORDERS):
            side = Side.BUY if number % 2 else Side.SELL
            command: Command[object] = PlaceOrder(Exchange.NSE, "SBIN", side, 1, Product.MIS)  # type: ignore[assignment]
            await engine.call(command, LOCAL)
        done.set()

    trading = thread.submit(trade())
    value = 0
    while not done.is_set() and not trading.done():  # the busy cell: pure Python, never waiting
        value = (value * 31 + 7) % 1_000_003
    trading.result(60)
    updates = [event for event in heard if isinstance(event, OrderUpdated)]
    assert patient.drain()[: len(updates)] == updates
    assert len({event.order.order_id for event in updates}) == ORDERS
    first = sleeper.drain()[0]
    assert isinstance(first, Lagged) and first.missed >= ORDERS
    assert engine.books.orders and engine.data.ticks > 0
