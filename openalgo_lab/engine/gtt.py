"""Good-till-triggered orders: handed to the broker where it has its own, else watched on the board and fired here.

A trigger that is reached is claimed on disk before its order leaves, under a client key of its own: a restart in
between finds the same order instead of sending a second one.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol, runtime_checkable

import msgspec

from openalgo_lab.engine.board import Board
from openalgo_lab.engine.principal import Principal
from openalgo_lab.engine.router import Line, Router
from openalgo_lab.engine.shelf import PriceWatch, Shelf, again_and_again
from openalgo_lab.engine.slicing import Slicer
from openalgo_lab.engine.table import places, reads, withdraws
from openalgo_lab.model import gtt_commands as c
from openalgo_lab.model.commands import PlaceOrder
from openalgo_lab.model.errors import InputError, LabError, NotSupported
from openalgo_lab.model.gtt import GttIntent, GttLeg, GttReport, GttStatus
from openalgo_lab.model.instruments import Instrument, InstrumentKey
from openalgo_lab.model.money import is_on_tick
from openalgo_lab.model.orders import Order, OrderStatus, new_order_id
from openalgo_lab.model.times import NS_PER_DAY
from openalgo_lab.model.vocabulary import PriceType, Product
from openalgo_lab.store.instruments import InstrumentStore
from openalgo_lab.store.kept import KeptStore

__all__ = ["GttDesk", "GttKeeper"]

log = logging.getLogger(__name__)

KIND = "gtt"
EVERY_S = 0.1
LIFE_NS = 365 * NS_PER_DAY
MOST_ATTEMPTS = 3
DEFAULT_TAG = "GTT"

_L = c.LegState


@runtime_checkable
class NativeGtt(Protocol):
    """An adapter whose broker keeps such orders itself."""

    async def place_gtt(self, gtt: GttIntent, instrument: Instrument) -> str:
        """The broker's id. Raises NotSupported where it has none."""

    async def modify_gtt(self, gtt_id: str, gtt: GttIntent, instrument: Instrument) -> None:
        """New terms."""

    async def cancel_gtt(self, gtt_id: str) -> None:
        """The end."""

    async def gtt_book(self) -> Sequence[GttReport]:
        """All of them."""


class GttKeeper:
    """All of the profile. Used on the engine's loop."""

    def __init__(
        self,
        *,
        store: KeptStore,
        slicer: Slicer,
        router: Router,
        board: Board,
        instruments: Callable[[], InstrumentStore],
        want: Callable[[Sequence[InstrumentKey]], None],
        quotes: Callable[[Sequence[InstrumentKey]], Awaitable[object]],
        takes_orders: Callable[[Instrument, int], bool],
        changed: Callable[[str, str], None],
        report: Callable[[str, str], None],
        now_ns: Callable[[], int],
    ) -> None:
        self._slicer = slicer
        self._router = router
        self._watch = PriceWatch(board, want)
        self._instruments = instruments
        self._quotes = quotes
        self._takes_orders = takes_orders
        self._report = report
        self._now_ns = now_ns
        self._all = Shelf(store, KIND, c.GttOrder, changed)

    # What is asked -------------------------------------------------------------------------------------------------

    async def place(self, command: c.PlaceGtt) -> c.GttOrder:
        """Raises InputError, SymbolError, what the broker raises."""
        line = self._router.line(command.account)
        instrument = self._instruments().require(InstrumentKey(command.exchange, command.symbol))
        now = self._now_ns()
        gtt = c.GttOrder(
            gtt_id=new_order_id(),
            account=line.name,
            exchange=command.exchange,
            symbol=command.symbol,
            side=command.side,
            product=command.product,
            quantity=command.quantity,
            legs=_legs_of(command),
            status=GttStatus.ACTIVE,
            created_ns=now,
            updated_ns=now,
            expires_ns=command.expires_ns or now + LIFE_NS,
            strategy=command.strategy,
            tag=command.tag,
        )
        _check(gtt, instrument, now)
        await self._quotes([instrument.key])
        if not command.watch:
            gtt = await self._place_native(line, gtt, instrument)
        self._keep(gtt)
        self._begin(gtt)
        return gtt

    async def modify(self, command: c.ModifyGtt) -> c.GttOrder:
        """Raises InputError for one that is not active, or whose shape would change."""
        gtt = self._active(command.gtt_id)
        wanted = msgspec.structs.replace(
            gtt,
            quantity=gtt.quantity if command.quantity is None else command.quantity,
            legs=tuple(_changed_leg(leg, command) for leg in gtt.legs),
            updated_ns=self._now_ns(),
        )
        for value, above in ((command.trigger_below, False), (command.trigger_above, True)):
            if value is not None and all(leg.above is not above for leg in gtt.legs):
                raise InputError("Its shape cannot change: cancel it and place a new one.", field="trigger")
        instrument = self._instruments().require(InstrumentKey(gtt.exchange, gtt.symbol))
        _check(wanted, instrument, self._now_ns())
        if gtt.native:
            adapter = self._router.line(gtt.account).adapter
            assert isinstance(adapter, NativeGtt)
            await adapter.modify_gtt(gtt.broker_gtt_id, self._intent(wanted), instrument)
        self._keep(wanted)
        return wanted

    async def cancel(self, gtt_id: str) -> c.GttOrder:
        """Raises InputError for an id that nobody knows."""
        gtt = self._find(gtt_id)
        if gtt.status is not GttStatus.ACTIVE:
            return gtt
        if gtt.native:
            adapter = self._router.line(gtt.account).adapter
            assert isinstance(adapter, NativeGtt)
            await adapter.cancel_gtt(gtt.broker_gtt_id)
        return self._end(gtt, GttStatus.CANCELLED, "")

    def listed(self, account: str, *, active_only: bool) -> tuple[c.GttOrder, ...]:
        """Oldest first."""
        return tuple(
            gtt
            for gtt in self._all
            if account in ("", gtt.account) and (not active_only or gtt.status is GttStatus.ACTIVE)
        )

    # Watching ------------------------------------------------------------------------------------------------------

    async def keep(self) -> None:
        """Look at the board until cancelled; what was being fired when the engine ended goes on."""
        for gtt in self.listed("", active_only=True):
            self._begin(gtt)
        await again_and_again(self.look, EVERY_S)

    async def look(self) -> None:
        """One look at every active one."""
        now = self._now_ns()
        for gtt in self.listed("", active_only=True):
            if gtt.native:
                continue
            if now >= gtt.expires_ns:
                self._end(gtt, GttStatus.EXPIRED, "Its time is over.")
                continue
            number = self._due(gtt, now)
            if number is not None:
                await self._fire(gtt, number)

    def _due(self, gtt: c.GttOrder, now: int) -> int | None:
        """The leg to fire: one that was claimed before a restart, else one whose trigger is reached."""
        claimed = next((n for n, leg in enumerate(gtt.legs) if leg.state is _L.TRIGGERING), None)
        instrument = self._instruments().find(InstrumentKey(gtt.exchange, gtt.symbol))
        if instrument is None or not self._takes_orders(instrument, now):
            return None
        if claimed is not None:
            return claimed
        last = self._watch.last(instrument.key)
        if not last:
            return None
        for number, leg in enumerate(gtt.legs):
            reached = last >= leg.trigger_price if leg.above else last <= leg.trigger_price
            if reached and leg.state is _L.PENDING:
                return number
        return None

    async def _fire(self, gtt: c.GttOrder, number: int) -> None:
        leg = gtt.legs[number]
        if leg.state is _L.PENDING:  # claim it on disk before anything leaves
            leg = msgspec.structs.replace(leg, state=_L.TRIGGERING, attempts=leg.attempts + 1)
            gtt = self._with_leg(gtt, number, leg)
            self._keep(gtt)
        try:
            order = await self._slicer.place(_order_of(gtt, leg, f"gtt/{gtt.gtt_id}/{number}/{leg.attempts}"))
        except LabError as error:
            self._refused(gtt, number, leg, str(error))
            return
        if order.status in (OrderStatus.REJECTED, OrderStatus.NOT_PLACED):
            self._refused(gtt, number, leg, order.reason)
            return
        self._fired(gtt, number, leg, order)

    def _fired(self, gtt: c.GttOrder, number: int, leg: c.WatchedLeg, order: Order) -> None:
        legs = [msgspec.structs.replace(other, state=_L.CANCELLED) for other in gtt.legs]
        legs[number] = msgspec.structs.replace(leg, state=_L.TRIGGERED, order_id=order.order_id)
        gtt = msgspec.structs.replace(
            gtt, legs=tuple(legs), status=GttStatus.TRIGGERED, updated_ns=self._now_ns(), reason=""
        )
        self._keep(gtt)
        self._report("gtt", f"The trigger {leg.trigger_price:g} of {gtt.symbol} was reached: its order was placed.")

    def _refused(self, gtt: c.GttOrder, number: int, leg: c.WatchedLeg, why: str) -> None:
        """Back to active, for a few times; then it is over, and told."""
        leg = msgspec.structs.replace(leg, state=_L.PENDING)
        gtt = self._with_leg(gtt, number, leg)
        if leg.attempts >= MOST_ATTEMPTS:
            self._end(gtt, GttStatus.REJECTED, f"Its order was refused {leg.attempts} times: {why}")
            return
        self._keep(msgspec.structs.replace(gtt, reason=why, updated_ns=self._now_ns()))
        self._report("gtt", f"The order of a trigger of {gtt.symbol} was refused ({why}); it is tried again.")

    # Native --------------------------------------------------------------------------------------------------------

    async def _place_native(self, line: Line, gtt: c.GttOrder, instrument: Instrument) -> c.GttOrder:
        if not isinstance(line.adapter, NativeGtt):
            return gtt
        try:
            broker_id = await line.adapter.place_gtt(self._intent(gtt), instrument)
        except NotSupported:
            return gtt
        return msgspec.structs.replace(gtt, native=True, broker_gtt_id=broker_id)

    def _intent(self, gtt: c.GttOrder) -> GttIntent:
        legs = sorted(gtt.legs, key=lambda leg: leg.trigger_price)
        return GttIntent(
            gtt_id=gtt.gtt_id,
            account=gtt.account,
            exchange=gtt.exchange,
            symbol=gtt.symbol,
            side=gtt.side,
            product=gtt.product,
            legs=tuple(GttLeg(leg.trigger_price, leg.price, gtt.quantity, leg.price_type) for leg in legs),
            last_price=self._watch.last(InstrumentKey(gtt.exchange, gtt.symbol)),
        )

    async def refresh_native(self, account: str) -> None:
        """Take the broker's word for those that rest there. Raises what the broker raises."""
        adapter = self._router.line(account).adapter
        mine = {gtt.broker_gtt_id: gtt for gtt in self.listed(account, active_only=True) if gtt.native}
        if not mine or not isinstance(adapter, NativeGtt):
            return
        for report in await adapter.gtt_book():
            gtt = mine.get(report.broker_gtt_id)
            if gtt is not None and report.status is not gtt.status:
                self._end(gtt, report.status, report.reason)

    # ---------------------------------------------------------------------------------------------------------------

    def _begin(self, gtt: c.GttOrder) -> None:
        self._watch.begin(InstrumentKey(gtt.exchange, gtt.symbol), f"The GTT {gtt.gtt_id}")

    def _find(self, gtt_id: str) -> c.GttOrder:
        ours = next((gtt.gtt_id for gtt in self._all if gtt.broker_gtt_id == gtt_id != ""), gtt_id)
        return self._all.find(ours, f"There is no GTT {gtt_id!r}: take an id from lab.gtt_orders().", "gtt_id")

    def _active(self, gtt_id: str) -> c.GttOrder:
        gtt = self._find(gtt_id)
        if gtt.status is not GttStatus.ACTIVE or any(leg.state is _L.TRIGGERING for leg in gtt.legs):
            raise InputError(f"The GTT is {gtt.status.value} or about to fire and cannot be changed.", field="gtt_id")
        return gtt

    def _with_leg(self, gtt: c.GttOrder, number: int, leg: c.WatchedLeg) -> c.GttOrder:
        legs = list(gtt.legs)
        legs[number] = leg
        return msgspec.structs.replace(gtt, legs=tuple(legs))

    def _end(self, gtt: c.GttOrder, status: GttStatus, reason: str) -> c.GttOrder:
        gtt = msgspec.structs.replace(gtt, status=status, reason=reason, updated_ns=self._now_ns())
        self._keep(gtt)
        if reason:
            self._report("gtt", f"The GTT on {gtt.symbol} is {status.value}: {reason}")
        return gtt

    def _keep(self, gtt: c.GttOrder) -> None:
        self._all.put(gtt.gtt_id, gtt)


class GttDesk:
    """The handlers."""

    def __init__(self, keeper: GttKeeper) -> None:
        self._keeper = keeper

    @places(c.PlaceGtt, by_key=False)
    async def place_gtt(self, command: c.PlaceGtt, _: Principal) -> c.GttOrder:
        """Native where it can be."""
        return await self._keeper.place(command)

    @places(c.ModifyGtt, by_key=False)
    async def modify_gtt(self, command: c.ModifyGtt, _: Principal) -> c.GttOrder:
        """New terms."""
        return await self._keeper.modify(command)

    @withdraws(c.CancelGtt)
    async def cancel_gtt(self, command: c.CancelGtt, _: Principal) -> c.GttOrder:
        """The end."""
        return await self._keeper.cancel(command.gtt_id)

    @reads(c.GetGtts)
    async def get_gtts(self, command: c.GetGtts, _: Principal) -> tuple[c.GttOrder, ...]:
        """Those at the broker by its own word."""
        for account in {gtt.account for gtt in self._keeper.listed(command.account, active_only=True) if gtt.native}:
            try:
                await self._keeper.refresh_native(account)
            except LabError as error:
                log.info("The broker's own GTTs of %s cannot be read: %s", account, error)
        return self._keeper.listed(command.account, active_only=command.active_only)


def _legs_of(command: c.PlaceGtt) -> tuple[c.WatchedLeg, ...]:
    pairs = (
        (command.trigger_below, command.price_below, False),
        (command.trigger_above, command.price_above, True),
    )
    return tuple(c.WatchedLeg(trigger, above, price, command.price_type) for trigger, price, above in pairs if trigger)


def _changed_leg(leg: c.WatchedLeg, command: c.ModifyGtt) -> c.WatchedLeg:
    trigger = command.trigger_above if leg.above else command.trigger_below
    price = command.price_above if leg.above else command.price_below
    return msgspec.structs.replace(
        leg,
        trigger_price=leg.trigger_price if trigger is None else trigger,
        price=leg.price if price is None else price,
    )


def _check(gtt: c.GttOrder, instrument: Instrument, now_ns: int) -> None:
    if gtt.product is Product.MIS:
        raise InputError("A GTT waits for days and cannot be MIS: take CNC or NRML.", field="product")
    if not gtt.legs:
        raise InputError("A GTT needs a trigger: give trigger_below, trigger_above or both.", field="trigger")
    if gtt.quantity <= 0 or gtt.quantity % instrument.lot_size:
        raise InputError(f"The quantity must be a multiple of the lot of {instrument.lot_size}.", field="quantity")
    if gtt.expires_ns <= now_ns:
        raise InputError("The GTT would have expired already: give a later moment.", field="expires")
    if len(gtt.legs) == 2 and not gtt.legs[0].trigger_price < gtt.legs[1].trigger_price:
        raise InputError("The lower trigger must lie below the upper one.", field="trigger")
    for leg in gtt.legs:
        needs_price = leg.price_type is PriceType.LIMIT
        if leg.price_type not in (PriceType.LIMIT, PriceType.MARKET) or bool(leg.price) is not needs_price:
            raise InputError("A GTT places a LIMIT order with a price, or a MARKET order without.", field="price")
        for value in (leg.trigger_price, leg.price):
            if value and not (value > 0 and is_on_tick(value, instrument.tick_size)):
                raise InputError(f"{value:g} is off the tick of {instrument.tick_size:g}.", field="price")


def _order_of(gtt: c.GttOrder, leg: c.WatchedLeg, key: str) -> PlaceOrder:
    return PlaceOrder(
        exchange=gtt.exchange,
        symbol=gtt.symbol,
        side=gtt.side,
        quantity=gtt.quantity,
        product=gtt.product,
        price_type=leg.price_type,
        price=leg.price,
        strategy=gtt.strategy or DEFAULT_TAG,
        account=gtt.account,
        client_key=key,
        confirm_duplicate=True,
        tag=gtt.tag,
    )
