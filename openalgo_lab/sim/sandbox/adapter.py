"""The sandbox as an account: an adapter without a wire. Orders go to the venue in this process, prices come from above.

Market data is asked of the account that gives the prices (``source``); no path leads from here to a broker's orders.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from openalgo_lab.broker.adapter import OrderChange, ReportSink
from openalgo_lab.model.errors import LabError
from openalgo_lab.model.events import FeedState
from openalgo_lab.model.instruments import Instrument, InstrumentKey
from openalgo_lab.model.market import DEPTH_LEVELS, Bars, Depth, Quote
from openalgo_lab.model.order_commands import PlaceOrder
from openalgo_lab.model.orders import Order, OrderIntent, OrderStatus
from openalgo_lab.model.portfolio import Account, Funds, Holding
from openalgo_lab.model.reports import Evidence, FillReport, OrderReport, PositionReport
from openalgo_lab.model.times import Clock, SystemClock
from openalgo_lab.model.vocabulary import Exchange, FeedMode, PriceType
from openalgo_lab.sim.account import to_paise
from openalgo_lab.sim.matching import to_rupees, to_units
from openalgo_lab.sim.records import State, VenueOrder, VenueTrade
from openalgo_lab.sim.rules import Terms
from openalgo_lab.sim.sandbox.names import spot_keys
from openalgo_lab.sim.sandbox.venue import SandboxVenue
from openalgo_lab.sim.venue import Update

__all__ = ["CLIENT", "MarketDataSource", "SandboxAdapter"]

CLIENT = "sandbox"
STEP_S = 0.1

_log = logging.getLogger(__name__)

_STATUS = {
    State.RECEIVED: OrderStatus.ACCEPTED,
    State.WORKING: OrderStatus.OPEN,
    State.WAITING: OrderStatus.TRIGGER_PENDING,
    State.FILLED: OrderStatus.COMPLETE,
    State.CANCELLED: OrderStatus.CANCELLED,
    State.REJECTED: OrderStatus.REJECTED,
    State.EXPIRED: OrderStatus.EXPIRED,
}


class MarketDataSource(Protocol):
    """The account that gives the prices."""

    async def depth(self, instrument: Instrument, levels: int = DEPTH_LEVELS) -> Depth:
        """Five levels, or more."""

    async def history(self, instrument: Instrument, interval: str, start_ns: int, end_ns: int) -> Bars:
        """Candles."""

    def feed_state(self) -> FeedState:
        """How fresh."""


class SandboxAdapter:
    """An :class:`~openalgo_lab.broker.adapter.Adapter`. ``want`` asks for live depth, ``prices`` fetches quotes."""

    def __init__(
        self,
        account: Account,
        open_venue: Callable[[], SandboxVenue],
        held: Sequence[InstrumentKey],
        *,
        source: Callable[[], MarketDataSource],
        want: Callable[[Sequence[InstrumentKey]], None],
        prices: Callable[[Sequence[InstrumentKey]], Awaitable[Sequence[Quote]]],
        clock: Clock | None = None,
    ) -> None:
        self.account = account
        self._open_venue = open_venue
        self._held = held
        self._source = source
        self._want = want
        self._prices = prices
        self._clock: Clock = clock or SystemClock()
        self._venue: SandboxVenue | None = None
        self._sink: ReportSink | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def venue(self) -> SandboxVenue:
        """The venue, once connected."""
        assert self._venue is not None
        return self._venue

    # Life --------------------------------------------------------------------------------------------------------

    async def connect(self, sink: ReportSink) -> None:
        """Look at the prices of what is held, then open the books and catch up what was missed."""
        self._sink = sink
        if self._venue is not None:
            return
        await self._see([key for held in self._held for key in (held, *_underlyings(held))])
        self._venue = self._open_venue()
        self._venue.client(CLIENT)
        self._venue.listen(self._tell)
        self._task = asyncio.get_running_loop().create_task(self._run(), name="sandbox")

    async def close(self) -> None:
        """Stop; the books are in the records."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
        if self._venue is not None:
            self._venue.close()
            self._venue = None

    async def _run(self) -> None:
        while True:
            try:
                self.venue.step(self._clock.monotonic_ns())
            except LabError as error:
                _log.error("A step of the sandbox failed: %s", error)
            await asyncio.sleep(STEP_S)

    def catch_up(self) -> None:
        """Do at once what the next step would do, orders on their way included: for a clock that is stepped."""
        self.venue.step(2**62)

    async def _see(self, keys: Sequence[InstrumentKey]) -> None:
        """Have prices of these on the board, as far as the source knows them."""
        for key in dict.fromkeys(keys):
            try:
                self._want([key])
                await self._prices([key])
            except LabError as error:
                _log.info("The sandbox has no price of %s yet: %s", key, error)

    # Orders ------------------------------------------------------------------------------------------------------

    async def place(self, intent: OrderIntent, instrument: Instrument) -> OrderReport:
        """Taken, or refused with the reason."""
        await self._see([instrument.key, *_underlyings(instrument.key, instrument.underlying)])
        own = self.venue.admit(instrument)
        terms = Terms(
            side=intent.side,
            product=intent.product,
            price_type=intent.price_type,
            quantity=intent.quantity,
            price=to_units(intent.price),
            trigger=to_units(intent.trigger_price),
            disclosed=intent.disclosed_quantity,
            validity=intent.validity,
        )
        order = self.venue.place(CLIENT, own.token, terms, intent.order_id)
        self.venue.run_due(self._clock.monotonic_ns())
        return _order_report(order, Evidence.HTTP_REPLY)

    async def modify(self, order: Order, change: OrderChange, _: Instrument) -> None:
        """New terms; refused with the reason."""
        terms = Terms(
            side=order.side,
            product=order.product,
            price_type=change.price_type,
            quantity=change.quantity,
            price=to_units(change.price),
            trigger=to_units(change.trigger_price),
            disclosed=order.disclosed_quantity,
            validity=order.validity,
        )
        self.venue.modify(CLIENT, int(order.broker_order_id), terms)
        self.venue.run_due(self._clock.monotonic_ns())

    async def cancel(self, order: Order) -> None:
        """The end of an order."""
        self.venue.cancel(CLIENT, int(order.broker_order_id))

    async def margin(self, orders: Sequence[tuple[PlaceOrder, Instrument]]) -> int:
        """What these orders would tie up once all are filled, in paise, on top of what is tied up now."""
        wanted = []
        for order, instrument in orders:
            await self._see([instrument.key, *_underlyings(instrument.key, instrument.underlying)])
            own = self.venue.admit(instrument)
            terms = Terms(
                order.side, order.product, order.price_type, order.quantity, to_units(order.price),
                to_units(order.trigger_price), order.disclosed_quantity, order.validity,
            )  # fmt: skip
            wanted.append((own.token, terms))
        return to_paise(self.venue.margin_together(CLIENT, wanted))

    # Books -------------------------------------------------------------------------------------------------------

    async def order_book(self) -> Sequence[OrderReport]:
        """All orders of the day."""
        return [_order_report(order, Evidence.ORDER_BOOK) for order in self.venue.client(CLIENT).orders.values()]

    async def trade_book(self) -> Sequence[FillReport]:
        """All trades of the day."""
        return [_fill_report(trade, Evidence.TRADE_BOOK) for trade in self.venue.client(CLIENT).trades]

    async def positions(self) -> Sequence[PositionReport]:
        """Net positions."""
        return [
            PositionReport(
                exchange=Exchange(one.exchange),
                symbol=one.symbol,
                product=one.product,
                quantity=one.quantity,
                average_price=to_rupees(one.average),
                realised_paise=to_paise(one.realised),
            )
            for one in self.venue.client(CLIENT).positions.values()
        ]

    async def holdings(self) -> Sequence[Holding]:
        """Shares that were delivered."""
        held = []
        for one in self.venue.client(CLIENT).holdings.values():
            key = self.venue.name(one.token)
            average = to_rupees(round(one.value / one.quantity))
            held.append(Holding(self.account.account, key.exchange, key.symbol, one.quantity, average))
        return held

    async def funds(self) -> Funds:
        """Money: charges of the day are set aside already."""
        client = self.venue.client(CLIENT)
        return Funds(
            account=self.account.account,
            available_paise=to_paise(client.available),
            used_paise=to_paise(client.used),
            realised_paise=to_paise(client.money.realised),
            unrealised_paise=to_paise(sum(self.venue.unrealised(CLIENT).values())),
        )

    # Market data: the source's -----------------------------------------------------------------------------------

    async def quotes(self, instruments: Sequence[Instrument]) -> Sequence[Quote]:
        """The source's."""
        return await self._prices([instrument.key for instrument in instruments])

    async def depth(self, instrument: Instrument, levels: int = DEPTH_LEVELS) -> Depth:
        """The source's."""
        return await self._source().depth(instrument, levels)

    async def history(self, instrument: Instrument, interval: str, start_ns: int, end_ns: int) -> Bars:
        """The source's."""
        return await self._source().history(instrument, interval, start_ns, end_ns)

    async def instruments(self) -> Sequence[Instrument]:
        """None of its own."""
        return ()

    async def subscribe(self, instruments: Sequence[Instrument], _: FeedMode) -> None:
        """The board's owner subscribes at the source."""
        self._want([instrument.key for instrument in instruments])

    async def unsubscribe(self, _: Sequence[Instrument]) -> None:
        """Nothing of its own to drop."""

    def feed_state(self) -> FeedState:
        """The source's: its prices are the sandbox's."""
        return self._source().feed_state()

    def _tell(self, _: str, update: Update) -> None:
        if self._sink is None:
            return
        if isinstance(update, VenueTrade):
            self._sink.on_report(_fill_report(update, Evidence.STREAM))
        else:
            self._sink.on_report(_order_report(update, Evidence.STREAM))


def _order_report(order: VenueOrder, source: Evidence) -> OrderReport:
    status = _STATUS[order.state]
    if status is OrderStatus.OPEN and order.filled:
        status = OrderStatus.PARTIALLY_FILLED
    kind = order.price_type
    return OrderReport(
        broker_order_id=str(order.number),
        order_id=order.tag,
        status=status,
        source=source,
        exchange=order.exchange,
        symbol=order.symbol,
        side=order.side,
        product=order.product,
        price_type=kind,
        quantity=order.quantity,
        filled_quantity=order.filled,
        average_price=to_rupees(order.average),
        price=to_rupees(order.price) if kind.has_price else 0.0,
        trigger_price=to_rupees(order.trigger) if kind in (PriceType.SL, PriceType.SL_M) else 0.0,
        reason=order.reason,
        exchange_ns=order.updated_ns,
    )


def _fill_report(trade: VenueTrade, source: Evidence) -> FillReport:
    return FillReport(
        trade_id=str(trade.number),
        broker_order_id=str(trade.order),
        order_id=trade.tag,
        source=source,
        exchange=trade.exchange,
        symbol=trade.symbol,
        side=trade.side,
        product=trade.product,
        quantity=trade.quantity,
        price=to_rupees(trade.price),
        exchange_ns=trade.time_ns,
        settlement=trade.settlement,
    )


def _underlyings(key: InstrumentKey, underlying: str = "") -> list[InstrumentKey]:
    """Where the price of a derivative's underlying may stand."""
    name = underlying or _name(key)
    return spot_keys(key.exchange, name) if name else []


def _name(key: InstrumentKey) -> str:
    from openalgo_lab.model.symbols import parse_symbol

    if key.exchange in (Exchange.NSE, Exchange.BSE):
        return ""
    return parse_symbol(key.symbol, key.exchange).underlying
