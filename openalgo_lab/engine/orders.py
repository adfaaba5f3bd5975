"""The way of an order: risk, durable intent, wire, outcome. And of a change or a cancel."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Protocol

import msgspec

from openalgo_lab.broker.adapter import OrderChange
from openalgo_lab.engine.lag import LatencyWindow
from openalgo_lab.engine.ledger import Ledger
from openalgo_lab.engine.market_data import MarketData
from openalgo_lab.engine.promise import Promise
from openalgo_lab.engine.recorder import Recorder
from openalgo_lab.engine.risk import RiskGate
from openalgo_lab.engine.router import Line, Router
from openalgo_lab.engine.supervisor import Supervisor
from openalgo_lab.model.commands import ModifyOrder, PlaceOrder
from openalgo_lab.model.errors import (
    DecodeError,
    Denied,
    InputError,
    LabError,
    OutcomeUnknown,
    Rejected,
    SessionExpired,
    Throttled,
    WireError,
)
from openalgo_lab.model.instruments import Instrument, InstrumentKey
from openalgo_lab.model.market import Quote
from openalgo_lab.model.orders import Order, OrderIntent, OrderStatus, Pending, new_order_id
from openalgo_lab.model.vocabulary import FeedMode
from openalgo_lab.store.instruments import InstrumentStore

__all__ = ["ORDERS_OWNER", "Doubts", "OrderFlow"]

log = logging.getLogger(__name__)

ORDERS_OWNER = "engine:orders"
"""Who wants the symbols of orders and positions on the board."""

_IN_FLIGHT_S = 15.0


Need = Callable[[PlaceOrder, Instrument, Quote | None], Awaitable[int | None]]
"""(order, instrument, quote) → the margin it needs, in paise; None where nobody can tell."""


class Doubts(Protocol):
    """Who finds out what became of a request: the reconciler."""

    def doubt(self, account: str) -> None:
        """Look into the broker's books soon."""

    async def look(self, line: Line) -> None:
        """Look into them now. Raises LabError when they cannot be read."""


class OrderFlow:
    """Places, changes and cancels. An order that has begun goes its way to the end, whether or not its caller waits."""

    def __init__(
        self,
        *,
        router: Router,
        ledger: Ledger,
        recorder: Recorder,
        gate: RiskGate,
        data: MarketData,
        instruments: Callable[[], InstrumentStore],
        supervisor: Supervisor,
        doubts: Doubts,
        now_ns: Callable[[], int],
        need: Need | None = None,
    ) -> None:
        self._need = need
        self._router = router
        self._ledger = ledger
        self._recorder = recorder
        self._gate = gate
        self._data = data
        self._instruments = instruments
        self._supervisor = supervisor
        self._doubts = doubts
        self._now_ns = now_ns
        self._keys: dict[tuple[str, str], str] = {}
        self._placing: dict[tuple[str, str], tuple[PlaceOrder, Promise[Order]]] = {}
        self._sending: dict[str, asyncio.Task[object]] = {}
        self._to_cancel: set[str] = set()
        self.ack = LatencyWindow()

    def restore_keys(self, keys: dict[tuple[str, str], str]) -> None:
        """Client keys of earlier runs: the same key still means the same order."""
        self._keys.update(keys)

    # Placing ------------------------------------------------------------------------------------------------------

    async def place(self, command: PlaceOrder, *, closing: bool = False, parent: str = "") -> Order:
        """Place an order and answer when its outcome is known: accepted, refused, not placed, or unknown.

        Raises Denied/RiskDenied, InputError and JournalError; then nothing has left. The same ``client_key`` again
        answers with the same order. ``parent``: the larger order that this is a slice of.
        """
        line = self._router.line(command.account)
        command = msgspec.structs.replace(command, account=line.name)
        if command.client_key:
            return await self._place_once(line, command, closing, parent)
        return await self._begin(line, command, closing, parent).wait()

    def known(self, account: str, client_key: str) -> Order | None:
        """The order that a client key has become; None while it is none."""
        order_id = self._keys.get((account, client_key))
        return self._ledger.find(order_id) if order_id is not None else None

    async def check_whole(self, command: PlaceOrder) -> None:
        """Judge an order that will go in slices as the one order that it is. Raises RiskDenied, SymbolError."""
        line = self._router.open_line(command.account)
        instrument = self._instruments().require(InstrumentKey(command.exchange, command.symbol))
        quote = self._data.live_quote(instrument.key) or await self._fetch_quote(line, instrument)
        needed = await self._needed(command, instrument, quote)
        self._gate.check_whole(command, instrument, quote, self._now_ns(), needed)

    async def _needed(self, command: PlaceOrder, instrument: Instrument, quote: Quote | None) -> int | None:
        """The margin of an order in paise, where the user wants it checked and somebody can tell it."""
        if self._need is None or not self._gate.settings.check_margin:
            return None
        return await self._need(command, instrument, quote)

    def _begin(self, line: Line, command: PlaceOrder, closing: bool, parent: str) -> Promise[Order]:
        name = f"order {command.side} {command.quantity} {command.symbol}"
        return Promise(self._supervisor, name, self._place(line, command, closing, parent))

    async def _place_once(self, line: Line, command: PlaceOrder, closing: bool, parent: str) -> Order:
        key = (line.name, command.client_key)
        if (order := self.known(*key)) is not None:
            _check_same(command, order)
            return order
        running = self._placing.get(key)
        if running is None:
            promise = self._begin(line, command, closing, parent)
            running = self._placing[key] = (command, promise)
            promise.task.add_done_callback(lambda _: self._placing.pop(key, None))
        elif not _same(running[0], command):
            raise _key_reused(command)
        return await running[1].wait()

    async def _place(self, line: Line, command: PlaceOrder, closing: bool, parent: str) -> Order:
        began = time.perf_counter()
        self._router.open_line(line.name)
        instrument = self._instruments().require(InstrumentKey(command.exchange, command.symbol))
        if closing:
            self._gate.check_closing(command, instrument, self._now_ns())
        else:
            quote = self._data.live_quote(instrument.key) or await self._fetch_quote(line, instrument)
            needed = await self._needed(command, instrument, quote)
            self._gate.check(command, instrument, quote, self._now_ns(), needed)
        intent = _intent(command, self._now_ns(), parent)
        await line.journal.intend(intent, command.client_key)
        if command.client_key:
            self._keys[(line.name, command.client_key)] = intent.order_id
        self._ledger.open(intent, self._now_ns())
        if self._gate.kill_switch and not closing:
            return self._recorder.settle(
                line, intent.order_id, OrderStatus.NOT_PLACED, "The kill switch was engaged before it left."
            )
        await self._send(line, intent, instrument)
        self.ack.add((time.perf_counter() - began) * 1000)
        self._watch(instrument.key)
        return self._order(intent.order_id)

    async def _send(self, line: Line, intent: OrderIntent, instrument: Instrument) -> None:
        """Hand over to the adapter; whatever happens then, the order ends up in a state that is true."""
        task = asyncio.current_task()
        assert task is not None
        self._sending[intent.order_id] = task
        try:
            report = await line.adapter.place(intent, instrument)
        except (LabError, asyncio.CancelledError) as error:
            self._conclude(line, intent.order_id, error)
            if isinstance(error, asyncio.CancelledError):
                raise
        except Exception as error:
            # A fault of the adapter's own: the request may have left, so nothing but "unknown" is true.
            log.exception("The adapter of %s failed on order %s.", line.name, intent.order_id)
            self._conclude(line, intent.order_id, OutcomeUnknown(f"the adapter failed ({error!r})"))
        else:
            self._recorder.take(line, [report])
        finally:
            del self._sending[intent.order_id]

    def _conclude(self, line: Line, order_id: str, error: BaseException) -> None:
        """What an error of ``place`` proves about the order."""
        match error:
            case WireError():
                self._recorder.settle(line, order_id, OrderStatus.NOT_PLACED, f"It did not leave: {error}")
            case SessionExpired():
                line.shut("its login has expired; log in again", expired=True)
                self._recorder.settle(line, order_id, OrderStatus.REJECTED, str(error))
            case Rejected() | Throttled() | InputError():
                self._recorder.settle(line, order_id, OrderStatus.REJECTED, str(error))
            case _:
                why = str(error) or "the engine was stopped"
                self._recorder.settle(
                    line, order_id, OrderStatus.UNKNOWN, f"It may have arrived ({why}); the broker's books will tell."
                )
                self._doubts.doubt(line.name)

    async def _fetch_quote(self, line: Line, instrument: Instrument) -> Quote | None:
        """The price of a symbol that the feed does not carry; None when the broker does not tell."""
        try:
            return (await line.adapter.quotes([instrument]))[0]
        except (LabError, IndexError) as error:
            log.info("No price of %s for the risk checks: %s", instrument.key, error)
            return None

    def _watch(self, key: InstrumentKey) -> None:
        try:
            self._data.subscribe(ORDERS_OWNER, [key], FeedMode.QUOTE)
        except LabError as error:
            log.warning("%s cannot be watched: %s", key, error)

    # Changing -----------------------------------------------------------------------------------------------------

    async def modify(self, command: ModifyOrder, by: str) -> Order:
        """Ask for new terms. An order that turns out to have ended meanwhile is the answer, not an error."""
        order = await self._landed(command.order_id)
        self._check_modifiable(order, command)
        line = self._router.line(order.account)
        change = _change_of(order, command)
        if change == _change_of(order, ModifyOrder(order.order_id)):
            return order
        instrument = self._instruments().require(InstrumentKey(order.exchange, order.symbol))
        if change.quantity <= order.filled_quantity:
            raise InputError(
                f"{order.filled_quantity} units are filled already: the new quantity must be larger.", field="quantity"
            )
        quote = self._data.live_quote(instrument.key) or await self._fetch_quote(line, instrument)
        self._gate.check_change(_terms(order, change), instrument, quote, self._now_ns())
        self._recorder.note_asked(line, order.order_id, f"modify to {change}", by)
        self._ledger.ask(order.order_id, Pending.MODIFY, change)
        work = line.adapter.modify(order, change, instrument)
        return await Promise(self._supervisor, f"modify {order.order_id}", self._request(line, order, work)).wait()

    def _check_modifiable(self, order: Order, command: ModifyOrder) -> None:
        if order.done:
            raise InputError(f"The order is {order.status.value} already and cannot be changed: place a new one.")
        if not order.working:
            raise Denied(f"The order is {order.status.value}: wait until the broker's books show it, then change it.")
        if order.pending:
            raise Denied(f"A {order.pending.value} of this order is under way: wait for its answer.")
        if command.version is not None and command.version != order.version:
            raise InputError(
                f"The order has changed since you looked: it is {order.status.value} with {order.filled_quantity} of "
                f"{order.quantity} filled at {order.price:g}. Look again and repeat your change.",
                field="version",
            )

    async def cancel(self, order_id: str, by: str) -> Order:
        """Ask for the end of an order. One that has ended is the answer; one in doubt is cancelled once it is found."""
        order = await self._landed(order_id)
        if order.done or order.pending is Pending.CANCEL:
            return order
        line = self._router.line(order.account)
        self._recorder.note_asked(line, order.order_id, "cancel", by)
        if not order.working:
            self._to_cancel.add(order.order_id)
            self._doubts.doubt(line.name)
            return order
        self._ledger.ask(order.order_id, Pending.CANCEL)
        work = line.adapter.cancel(order)
        return await Promise(self._supervisor, f"cancel {order.order_id}", self._request(line, order, work)).wait()

    def on_order(self, order: Order) -> None:
        """Hear of every change: an order that was to be cancelled may have been found."""
        if order.order_id in self._to_cancel and (order.working or order.done):
            self._to_cancel.discard(order.order_id)
            if order.working:
                self._supervisor.start(f"cancel {order.order_id}", self.cancel(order.order_id, "engine"))

    async def _request(self, line: Line, order: Order, work: Awaitable[None]) -> Order:
        """A request about a working order: what its failure proves, and what the books say of it."""
        try:
            await work
        except (OutcomeUnknown, DecodeError):
            self._doubts.doubt(line.name)
        except Rejected as error:
            self._ledger.unask(order.order_id)
            if not (await self._look_again(line, order.order_id)).done:
                raise error
        except LabError as error:
            self._ledger.unask(order.order_id)
            if isinstance(error, SessionExpired):
                line.shut("its login has expired; log in again", expired=True)
            raise
        return self._order(order.order_id)

    async def _look_again(self, line: Line, order_id: str) -> Order:
        """The broker refused: most often the order has ended and the news is under way."""
        order = self._order(order_id)
        if order.done:
            return order
        try:
            await self._doubts.look(line)
        except LabError as error:
            log.info("The books of %s cannot be read after a refusal: %s", line.name, error)
        return self._order(order_id)

    async def _landed(self, order_id: str) -> Order:
        """The order, once it is no longer on its way. Raises InputError for an id that nobody knows."""
        order = self._order(order_id)
        sending = self._sending.get(order.order_id)
        if sending is not None:
            await asyncio.wait([sending], timeout=_IN_FLIGHT_S)
        return self._order(order.order_id)

    def _order(self, order_id: str) -> Order:
        order = self._ledger.find(order_id)
        if order is None:
            raise InputError(f"There is no order {order_id!r}: take an id from lab.orders.", field="order_id")
        return order


def _intent(command: PlaceOrder, now_ns: int, parent: str = "") -> OrderIntent:
    return OrderIntent(
        order_id=new_order_id(),
        account=command.account,
        exchange=command.exchange,
        symbol=command.symbol,
        side=command.side,
        quantity=command.quantity,
        product=command.product,
        price_type=command.price_type,
        price=command.price,
        trigger_price=command.trigger_price,
        disclosed_quantity=command.disclosed_quantity,
        validity=command.validity,
        strategy=command.strategy,
        created_ns=now_ns,
        parent=parent,
        tag=command.tag,
    )


def _change_of(order: Order, command: ModifyOrder) -> OrderChange:
    """The full new terms: what is not given stays, and a price that the new type does not take falls away."""
    kind = command.price_type or order.price_type
    price = order.price if command.price is None else command.price
    trigger = order.trigger_price if command.trigger_price is None else command.trigger_price
    if command.price is None and not kind.has_price:
        price = 0.0
    if command.trigger_price is None and not kind.has_trigger:
        trigger = 0.0
    quantity = order.quantity if command.quantity is None else command.quantity
    return OrderChange(quantity=quantity, price_type=kind, price=price, trigger_price=trigger)


def _terms(order: Order, change: OrderChange) -> PlaceOrder:
    return PlaceOrder(
        exchange=order.exchange,
        symbol=order.symbol,
        side=order.side,
        quantity=change.quantity,
        product=order.product,
        price_type=change.price_type,
        price=change.price,
        trigger_price=change.trigger_price,
        account=order.account,
    )


def _same(one: PlaceOrder, other: PlaceOrder) -> bool:
    return msgspec.structs.replace(one, confirm_duplicate=False) == msgspec.structs.replace(
        other, confirm_duplicate=False
    )


def _check_same(command: PlaceOrder, order: Order) -> None:
    asked = (command.exchange, command.symbol, command.side, command.product)
    if asked != (order.exchange, order.symbol, order.side, order.product):
        raise _key_reused(command)


def _key_reused(command: PlaceOrder) -> InputError:
    return InputError(
        f"The client key {command.client_key!r} belongs to another order: take a fresh key for a new one.",
        field="client_key",
    )
