"""An engine of a hundred lines behind the link's protocol: orders fill at once and stand in a file before that."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Sequence
from typing import Any, cast

import msgspec
import numpy as np

from openalgo_lab.engine.board import Board
from openalgo_lab.engine.bus import Bus
from openalgo_lab.engine.config import EngineConfig
from openalgo_lab.engine.principal import Principal
from openalgo_lab.model.commands import GetBooks, GetOrder, GetStatus, KillSwitch, PlaceOrder
from openalgo_lab.model.errors import InputError, RiskDenied
from openalgo_lab.model.events import Books, EngineStatus, OrderUpdated, TradeHappened
from openalgo_lab.model.instruments import InstrumentKey
from openalgo_lab.model.orders import Fill, Order, OrderStatus, new_order_id
from openalgo_lab.model.portfolio import Account
from openalgo_lab.model.profile import profile_dir
from openalgo_lab.model.vocabulary import FeedMode, Mode
from openalgo_lab.store.instruments import InstrumentStore

__all__ = ["FakeEngine", "start_fake"]

ACCOUNT = "fake"


class FakeEngine:
    """A quantity of 13 is refused, one of 14 waits for ever; everything else fills at 100 rupees."""

    loop: asyncio.AbstractEventLoop

    def __init__(self, config: EngineConfig) -> None:
        self.config = config
        self.board = Board()
        self.bus = Bus()
        self.wants: dict[str, dict[InstrumentKey, FeedMode]] = {}
        self.calls: list[tuple[Any, Principal]] = []
        self.closed = False
        self._journal = profile_dir(config.profile) / "fake.journal"
        self.books = self._replay()
        self._started_ns = time.time_ns()

    @property
    def instruments(self) -> InstrumentStore:
        raise AssertionError("no test of the link reads instruments")

    def status(self) -> EngineStatus:
        return EngineStatus(
            engine_id="fake",
            pid=os.getpid(),
            profile=self.config.profile,
            started_ns=self._started_ns,
            accounts=(Account(ACCOUNT, "fake", Mode.SIMULATED),),
            default_account=ACCOUNT,
            mode=Mode.SIMULATED,
            feeds=(),
            kill_switch=False,
            market_ns=time.time_ns(),
        )

    async def call(self, command: Any, principal: Principal) -> Any:
        self.calls.append((command, principal))
        match command:
            case PlaceOrder(quantity=13):
                raise RiskDenied("13 is no quantity: take 12.", rule="luck", field="quantity")
            case PlaceOrder(quantity=14):
                return await asyncio.Event().wait()
            case PlaceOrder():
                return self._place(command)
            case GetOrder(order_id):
                return next(order for order in self.books.orders if order.order_id == order_id)
            case GetBooks():
                return self.books
            case GetStatus():
                return self.status()
            case KillSwitch():
                raise ZeroDivisionError("a fault of the engine itself")
            case _:
                raise InputError("The fake engine does not know this.", field="command")

    def subscribe(self, owner: str, keys: Sequence[InstrumentKey], feed_mode: FeedMode) -> None:
        if any(key.symbol == "NOSUCH" for key in keys):
            raise InputError("NOSUCH is not listed.", field="symbol")
        self.wants.setdefault(owner, {}).update(dict.fromkeys(keys, feed_mode))
        for key in keys:
            self.board.row(key)

    def unsubscribe(self, owner: str) -> None:
        self.wants.pop(owner, None)

    async def close(self) -> None:
        self.closed = True

    def tick(self, key: InstrumentKey, ltp: float, *, depth: bool = False) -> None:
        """One price comes in."""
        book = np.full((1, 4, 5), ltp) if depth else None
        row = np.array([self.board.row(key)])
        self.board.write(row, {"ltp": np.array([ltp])}, np.array([time.time_ns()]), book)

    def _place(self, command: PlaceOrder) -> Order:
        now = time.time_ns()
        order = Order(
            order_id=new_order_id(), account=ACCOUNT, mode=Mode.SIMULATED, exchange=command.exchange,
            symbol=command.symbol, side=command.side, quantity=command.quantity, product=command.product,
            price_type=command.price_type, price=command.price, trigger_price=command.trigger_price,
            disclosed_quantity=0, validity=command.validity, strategy=command.strategy,
            status=OrderStatus.OPEN, broker_order_id="1", created_ns=now, sent_ns=now, acked_ns=now, updated_ns=now,
            version=1,
        )  # fmt: skip
        self._show(order)
        done = msgspec.structs.replace(
            order, status=OrderStatus.COMPLETE, filled_quantity=order.quantity, average_price=100.0, version=2
        )
        with self._journal.open("ab") as file:
            file.write(msgspec.json.encode(done) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        fill = Fill(
            trade_id=f"t{order.order_id}", order_id=order.order_id, broker_order_id="1", account=ACCOUNT,
            exchange=order.exchange, symbol=order.symbol, side=order.side, product=order.product,
            quantity=order.quantity, price=100.0, time_ns=now,
        )  # fmt: skip
        self._show(done, fill)
        return done

    def _show(self, order: Order, fill: Fill | None = None) -> None:
        others = tuple(known for known in self.books.orders if known.order_id != order.order_id)
        fills = self.books.fills if fill is None else (*self.books.fills, fill)
        self.books = Books(self.books.version + 1, (*others, order), fills)
        self.bus.publish(OrderUpdated(order))
        if fill is not None:
            self.bus.publish(TradeHappened(fill))

    def _replay(self) -> Books:
        if not self._journal.exists():
            return Books(1)
        lines = self._journal.read_bytes().splitlines()
        return Books(1 + len(lines), tuple(msgspec.json.decode(line, type=Order) for line in lines))


async def start_fake(config: EngineConfig) -> Any:
    """A starter for :class:`~openalgo_lab.engine.link.handle.LinkedHandle`."""
    engine = FakeEngine(config)
    engine.loop = asyncio.get_running_loop()
    return cast("Any", engine)
