"""The kill loop: trade at random over the simulated exchange, be killed at a random moment, start again, compare.

``python -m tests.support.kill_worker ROUNDS SEED``, with ``OPENALGO_LAB_HOME`` set. Every round forks this process,
so that its start costs no imports; the exchange's durable records are the truth. Prints one JSON object.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import select
import signal
import sys
import time
import traceback
from typing import Any

import msgspec

from openalgo_lab.engine.config import EngineConfig, ReconcileTimes
from openalgo_lab.engine.engine import Engine
from openalgo_lab.engine.principal import LOCAL
from openalgo_lab.engine.risk_settings import RiskSettings
from openalgo_lab.model.commands import CancelOrder, ModifyOrder, PlaceOrder
from openalgo_lab.model.errors import LabError
from openalgo_lab.model.instruments import InstrumentKey
from openalgo_lab.model.money import snap
from openalgo_lab.model.orders import OrderStatus
from openalgo_lab.model.vocabulary import Exchange, PriceType, Product, Side
from openalgo_lab.sim.records import State

CONFIG = EngineConfig(
    risk=RiskSettings(duplicate_window_s=0.0),
    reconcile=ReconcileTimes(every_s=30.0, doubt_every_s=0.02, proof_age_s=0.1, proof_gap_s=0.05),
)
SYMBOLS = ("SBIN", "INFY", "RELIANCE", "TCS")
STATES = {
    State.RECEIVED: OrderStatus.ACCEPTED,
    State.WORKING: OrderStatus.OPEN,
    State.WAITING: OrderStatus.TRIGGER_PENDING,
    State.FILLED: OrderStatus.COMPLETE,
    State.CANCELLED: OrderStatus.CANCELLED,
    State.REJECTED: OrderStatus.REJECTED,
    State.EXPIRED: OrderStatus.EXPIRED,
}
LONGEST_TRADING_S = 0.15
ANSWER_S = 60.0


def client_of(engine: Engine) -> Any:
    """The exchange's own books of our account."""
    line = engine.router.line("")
    return line.adapter._transport.driver.venue.client(line.name)  # type: ignore[attr-defined]


def differences(engine: Engine, acked: set[str]) -> list[str]:
    """Everything in which ledger and exchange do not agree."""
    client, found = client_of(engine), []
    tags = [order.tag for order in client.orders.values()]
    if len(set(tags)) != len(tags):
        found.append("an order was sent twice")
    by_tag = {order.tag: order for order in client.orders.values()}
    for order in engine.books.orders:
        truth = by_tag.pop(order.order_id, None)
        if truth is None:
            if order.status not in (OrderStatus.NOT_PLACED, OrderStatus.REJECTED):
                found.append(f"{order.order_id} is {order.status} and not at the exchange")
            continue
        want = STATES[truth.state]
        if want in (OrderStatus.OPEN, OrderStatus.ACCEPTED) and truth.filled:
            want = OrderStatus.PARTIALLY_FILLED
        if (order.status, order.filled_quantity, order.quantity) != (want, truth.filled, truth.quantity):
            found.append(f"{order.order_id}: {order.status} {order.filled_quantity}, truth {want} {truth.filled}")
        if order.alarms:
            found.append(f"{order.order_id}: {order.alarms}")
    found += [f"{tag} is at the exchange without an intent" for tag in by_tag]
    found += [f"{order_id} was acknowledged and is lost" for order_id in acked if engine.ledger.find(order_id) is None]
    mine = sorted((f.broker_order_id[-6:], f.quantity, round(f.price * 10_000)) for f in engine.books.fills)
    theirs = sorted((f"{t.order:06}"[-6:], t.quantity, t.price) for t in client.trades)
    if mine != theirs:
        found.append(f"trades differ: {len(mine)} and {len(theirs)}")
    held = {p.symbol: p.quantity for p in engine.books.positions if p.quantity}
    truth_held = {p.symbol: p.quantity for p in client.positions.values() if p.quantity}
    if held != truth_held:
        found.append(f"positions differ: {held} and {truth_held}")
    return found


async def settled(engine: Engine, acked: set[str]) -> list[str]:
    """The differences once nothing is in doubt; the exchange goes on trading meanwhile, so look more than once."""
    found = ["never settled"]
    for _ in range(300):
        if not engine.ledger.in_doubt("SIM"):
            await engine.reconciler.look(engine.router.line(""))
            found = differences(engine, acked)
            if not found:
                break
        await asyncio.sleep(0.01)
    return found


async def trade(engine: Engine, dice: random.Random, tell: Any) -> None:
    """One hand that places, changes and cancels without end."""
    while True:
        try:
            await act(engine, dice, tell)
        except LabError as error:
            tell("E", str(error))
        await asyncio.sleep(dice.random() * 0.004)


async def act(engine: Engine, dice: random.Random, tell: Any) -> None:
    working = [order for order in engine.books.orders if order.working]
    choice = dice.random()
    if choice < 0.55 or not working:
        order = await engine.call(random_order(engine, dice), LOCAL)
        tell("A", order.order_id)
    elif choice < 0.8:
        await engine.call(CancelOrder(dice.choice(working).order_id), LOCAL)
    else:
        one = dice.choice(working)
        await engine.call(ModifyOrder(one.order_id, quantity=one.quantity + dice.randrange(1, 5)), LOCAL)


def random_order(engine: Engine, dice: random.Random) -> PlaceOrder:
    symbol = dice.choice(SYMBOLS)
    order = PlaceOrder(Exchange.NSE, symbol, dice.choice(list(Side)), dice.randrange(1, 20), Product.MIS)
    if dice.random() < 0.5:
        return order
    key = InstrumentKey(Exchange.NSE, symbol)
    quote = engine.board.quote(key)
    if quote is None:
        return order
    price = snap(quote.ltp * dice.uniform(0.995, 1.005), engine.instruments.require(key).tick_size)
    return msgspec.structs.replace(order, price_type=PriceType.LIMIT, price=price)


async def live(seed: int, acked: set[str], pipe: int, stay: bool) -> None:
    """One life: recover, compare, tell; then trade until killed."""

    def tell(kind: str, text: object) -> None:
        os.write(pipe, f"{kind} {json.dumps(text)}\n".encode())

    began = time.perf_counter()
    engine = await Engine.start(CONFIG)
    ready = time.perf_counter() - began
    tell("C", {"differences": await settled(engine, acked), "ready_s": ready, "orders": len(engine.books.orders)})
    if not stay:
        await engine.close()
        return
    await asyncio.gather(*(trade(engine, random.Random(f"{seed}/{hand}"), tell) for hand in range(3)))


class Loop:
    """The process that kills."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.dice = random.Random(seed)
        self.acked: set[str] = set()
        self.differences: list[str] = []
        self.errors: dict[str, int] = {}
        self.ready_s: list[float] = []
        self.orders = 0
        self.killed_early = 0

    def round(self, number: int, *, last: bool) -> None:
        read, write = os.pipe()
        child = os.fork()
        if not child:
            self._be_the_child(number, write, stay=not last)
        os.close(write)
        early = not last and self.dice.random() < 0.15
        deadline = time.monotonic() + (self.dice.random() * 0.4 if early else ANSWER_S)
        checked, rest = self._listen(read, deadline, b"", until_checked=True)
        if checked and not last:
            _, rest = self._listen(read, time.monotonic() + self.dice.random() * LONGEST_TRADING_S, rest)
        os.kill(child, signal.SIGKILL) if not last or not checked else None
        os.waitpid(child, 0)
        self._listen(read, time.monotonic() + 5, rest)
        os.close(read)
        self.killed_early += early and not checked
        if not checked and not early:
            self.differences.append(f"round {number}: no answer within {ANSWER_S:g} s")

    def _be_the_child(self, number: int, write: int, *, stay: bool) -> None:
        code = 0
        try:
            asyncio.run(live(self.seed * 1000 + number, self.acked, write, stay))
        except BaseException:
            traceback.print_exc()
            code = 1
        os._exit(code)

    def _listen(self, read: int, deadline: float, rest: bytes, *, until_checked: bool = False) -> tuple[bool, bytes]:
        """Take lines until the deadline, the child's end, or the word that it has compared."""
        checked = False
        while not (checked and until_checked):
            wait = deadline - time.monotonic()
            if wait <= 0 or not select.select([read], [], [], wait)[0]:
                break
            data = os.read(read, 65536)
            if not data:
                break
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                checked = self._hear(line) or checked
        return checked, rest

    def _hear(self, line: bytes) -> bool:
        kind, text = line[:1], json.loads(line[2:])
        if kind == b"A":
            self.acked.add(text)
        elif kind == b"E":
            self.errors[text[:60]] = self.errors.get(text[:60], 0) + 1
        else:
            self.differences += text["differences"]
            self.ready_s.append(text["ready_s"])
            self.orders = text["orders"]
        return kind == b"C"


def main() -> None:
    rounds, seed = int(sys.argv[1]), int(sys.argv[2])
    loop, began = Loop(seed), time.monotonic()
    for number in range(rounds + 1):
        loop.round(number, last=number == rounds)
        if loop.differences:
            break
    ready = sorted(loop.ready_s)
    print(
        json.dumps(
            {
                "rounds": number,
                "differences": loop.differences,
                "acknowledged": len(loop.acked),
                "orders": loop.orders,
                "killed_early": loop.killed_early,
                "ready_s_max": ready[-1] if ready else None,
                "errors": loop.errors,
                "seconds": round(time.monotonic() - began, 1),
            }
        )
    )


if __name__ == "__main__":
    main()
