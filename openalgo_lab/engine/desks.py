"""The handlers of all commands, each with its rules beside it. One method a command, and no logic but the way to it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from openalgo_lab.engine.closing import Closer
from openalgo_lab.engine.composition import Composition
from openalgo_lab.engine.ledger import Ledger
from openalgo_lab.engine.market_data import MarketData
from openalgo_lab.engine.principal import Permission, Principal
from openalgo_lab.engine.reconciler import Reconciler
from openalgo_lab.engine.router import Router
from openalgo_lab.engine.slicing import Slicer
from openalgo_lab.engine.table import Idempotency, RateClass, handles, places, reads, withdraws
from openalgo_lab.model import commands as c
from openalgo_lab.model.errors import InputError
from openalgo_lab.model.events import Books, EngineStatus
from openalgo_lab.model.instruments import Instrument, InstrumentKey
from openalgo_lab.model.market import Depth, Quote
from openalgo_lab.model.orders import Fill, Order
from openalgo_lab.sim.sandbox.adapter import SandboxAdapter
from openalgo_lab.store.instruments import InstrumentStore

__all__ = ["AdminDesk", "DataDesk", "TradingDesk"]

_MAX_RESULTS = 500


class TradingDesk:
    """Commands that change orders, and the books."""

    def __init__(self, slicer: Slicer, closer: Closer, ledger: Ledger) -> None:
        self._slicer = slicer
        self._closer = closer
        self._ledger = ledger

    @places(c.PlaceOrder)
    async def place_order(self, command: c.PlaceOrder, _: Principal) -> Order:
        """Risk, durable intent, wire, outcome."""
        return await self._slicer.place(command)

    @handles(
        c.ModifyOrder,
        permission=Permission.TRADE,
        rate=RateClass.ORDER,
        audit=True,
        idempotency=Idempotency.IDEMPOTENT,
    )
    async def modify_order(self, command: c.ModifyOrder, principal: Principal) -> Order:
        """Ask for new terms."""
        return await self._slicer.modify(command, principal.name)

    @withdraws(c.CancelOrder)
    async def cancel_order(self, command: c.CancelOrder, principal: Principal) -> Order:
        """Ask for the end of an order."""
        return await self._slicer.cancel(command.order_id, principal.name)

    @withdraws(c.CancelAllOrders)
    async def cancel_all_orders(self, command: c.CancelAllOrders, principal: Principal) -> c.CancelReply:
        """Cancel what matches."""
        return await self._closer.cancel_all(command, principal.name)

    @withdraws(c.ClosePosition)
    async def close_position(self, command: c.ClosePosition, _: Principal) -> c.CancelReply:
        """Close what matches, at market."""
        return await self._closer.close(command)

    @withdraws(c.KillSwitch)
    async def kill_switch(self, command: c.KillSwitch, principal: Principal) -> c.CancelReply:
        """Engage or release."""
        if not command.engage:
            return self._closer.release_kill_switch()
        return await self._closer.engage_kill_switch(principal.name, close_positions=command.close_positions)

    @reads(c.GetOrder)
    async def get_order(self, command: c.GetOrder, _: Principal) -> Order:
        """One order."""
        return self._slicer.find(command.order_id)

    @reads(c.GetFills)
    async def get_fills(self, command: c.GetFills, principal: Principal) -> tuple[Fill, ...]:
        """Its trades."""
        order = await self.get_order(c.GetOrder(command.order_id), principal)
        ids = [child.order_id for child in self._slicer.children(order.order_id)] or [order.order_id]
        return tuple(fill for one in ids for fill in self._ledger.fills_of(one))

    @reads(c.GetBooks)
    async def get_books(self, _: c.GetBooks, __: Principal) -> Books:
        """All books."""
        return self._ledger.books


class DataDesk:
    """Commands about instruments and prices."""

    def __init__(
        self,
        *,
        data: MarketData,
        instruments: Callable[[], InstrumentStore],
        router: Router,
        ledger: Ledger,
        parts: Composition,
    ) -> None:
        self._data = data
        self._instruments = instruments
        self._router = router
        self._ledger = ledger
        self._parts = parts

    @reads(c.GetQuotes)
    async def get_quotes(self, command: c.GetQuotes, _: Principal) -> tuple[Quote, ...]:
        """From the board where it is live."""
        return await self._data.quotes(command.keys)

    @reads(c.GetDepth)
    async def get_depth(self, command: c.GetDepth, _: Principal) -> Depth:
        """Five levels, or more."""
        self._instruments().require(command.key)
        return await self._data.depth(command.key, command.levels)

    @reads(c.SearchInstruments)
    async def search_instruments(self, command: c.SearchInstruments, _: Principal) -> tuple[Instrument, ...]:
        """By words."""
        limit = min(max(command.limit, 1), _MAX_RESULTS)
        return tuple(self._instruments().search(command.query, command.exchange, limit))

    @reads(c.GetInstrument)
    async def get_instrument(self, command: c.GetInstrument, _: Principal) -> Instrument:
        """One row."""
        return self._instruments().require(command.key)

    @handles(c.Subscribe, permission=Permission.READ, rate=RateClass.FREE, idempotency=Idempotency.IDEMPOTENT)
    async def subscribe(self, command: c.Subscribe, principal: Principal) -> c.Done:
        """For the caller."""
        self._data.subscribe(principal.name, command.keys, command.feed_mode)
        return c.Done()

    @handles(c.Unsubscribe, permission=Permission.READ, rate=RateClass.FREE, idempotency=Idempotency.IDEMPOTENT)
    async def unsubscribe(self, command: c.Unsubscribe, principal: Principal) -> c.Done:
        """For the caller."""
        self._data.unsubscribe(principal.name, command.keys)
        return c.Done()

    @reads(c.EstimateMargin)
    async def estimate_margin(self, command: c.EstimateMargin, _: Principal) -> c.MarginReply:
        """Before the click."""
        return await self._estimate((command.order,))

    @reads(c.EstimateBasketMargin)
    async def estimate_basket_margin(self, command: c.EstimateBasketMargin, _: Principal) -> c.MarginReply:
        """Several orders of one account, together."""
        if not command.orders:
            raise InputError("The basket is empty: give at least one order.", field="orders")
        if len({order.account for order in command.orders}) > 1:
            raise InputError("The orders belong to several accounts: ask for each account.", field="account")
        return await self._estimate(command.orders)

    async def _estimate(self, orders: tuple[c.PlaceOrder, ...]) -> c.MarginReply:
        line = self._router.line(orders[0].account)
        if self._parts.margin is None:
            raise InputError(f"The broker {line.account.broker} tells no margins before an order.", field="account")
        margin = charges = 0
        basis = ""
        found = []
        for order in orders:
            instrument = self._instruments().require(InstrumentKey(order.exchange, order.symbol))
            price = order.price or order.trigger_price or (await self._data.quotes([instrument.key]))[0].ltp
            more, cost, basis = await self._parts.margin(order, instrument, price)
            margin, charges = margin + more, charges + cost
            found.append((order, instrument))
        funds = next((f for f in self._ledger.books.funds if f.account == line.name), None)
        free = (funds or await line.adapter.funds()).available_paise
        if len(orders) > 1 and isinstance(line.adapter, SandboxAdapter):
            margin, basis = await line.adapter.margin(found), "The sandbox's margin of all orders, hedges counted."
        elif len(orders) > 1:
            basis = f"The sum of {len(orders)} orders, each by itself: no hedge is counted. {basis}"
        return c.MarginReply(margin, charges, free - margin - charges, basis)


class Health(Protocol):
    """Who knows how the engine is."""

    def status(self) -> EngineStatus:
        """The health sheet."""


class AdminDesk:
    """Commands about the engine itself."""

    def __init__(self, *, health: Health, router: Router, reconciler: Reconciler, parts: Composition) -> None:
        self._health = health
        self._router = router
        self._reconciler = reconciler
        self._parts = parts

    @handles(c.Reconcile, permission=Permission.TRADE, audit=True, idempotency=Idempotency.IDEMPOTENT)
    async def reconcile(self, command: c.Reconcile, _: Principal) -> c.Done:
        """Now."""
        line = self._router.line(command.account)
        await self._reconciler.look(line)
        return c.Done(f"The books of {line.name} have been compared.")

    @handles(c.GetStatus, permission=Permission.READ, rate=RateClass.FREE)
    async def get_status(self, _: c.GetStatus, __: Principal) -> EngineStatus:
        """The health sheet."""
        return self._health.status()

    @handles(c.ControlReplay, permission=Permission.TRADE, idempotency=Idempotency.IDEMPOTENT)
    async def control_replay(self, command: c.ControlReplay, _: Principal) -> EngineStatus:
        """Steer the recording."""
        if self._parts.steer is None:
            raise InputError("No recording is being played: start with a replay to steer one.")
        self._parts.steer.steer(paused=command.paused, speed=command.speed, seek_ns=command.seek_ns)
        return self._health.status()
