"""Many orders at once: cancel all, close positions, and the kill switch."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator

from openalgo_lab.engine.exposure import net_by_strategy, under_way
from openalgo_lab.engine.ledger import Ledger
from openalgo_lab.engine.orders import OrderFlow
from openalgo_lab.engine.positions import PositionKey
from openalgo_lab.engine.risk import RiskGate
from openalgo_lab.engine.router import Router
from openalgo_lab.engine.slicing import slices
from openalgo_lab.engine.strategy_fills import StrategyFills
from openalgo_lab.model.commands import CancelAllOrders, CancelReply, ClosePosition, PlaceOrder
from openalgo_lab.model.errors import LabError
from openalgo_lab.model.events import AnyEvent, KillSwitchChanged
from openalgo_lab.model.instruments import InstrumentKey
from openalgo_lab.model.orders import Order, OrderStatus
from openalgo_lab.model.portfolio import Position
from openalgo_lab.model.vocabulary import PriceType, Side
from openalgo_lab.store.instruments import InstrumentStore
from openalgo_lab.store.journal_records import KillSwitched

__all__ = ["CLOSING_TAG", "Closer"]

CLOSING_TAG = "Squareoff"
"""The strategy of orders that close what no strategy has opened."""


class Closer:
    """Cancels and closes in bulk, every request at once: the adapters keep the brokers' rates."""

    def __init__(
        self,
        *,
        router: Router,
        ledger: Ledger,
        flow: OrderFlow,
        gate: RiskGate,
        instruments: Callable[[], InstrumentStore],
        publish: Callable[[AnyEvent], None],
        strategies: StrategyFills,
    ) -> None:
        self._router = router
        self._ledger = ledger
        self._flow = flow
        self._gate = gate
        self._instruments = instruments
        self._publish = publish
        self._strategies = strategies

    async def cancel_all(self, command: CancelAllOrders, by: str) -> CancelReply:
        """Cancel what works, and what may yet turn out to work, of one account."""
        account = self._router.line(command.account).name
        return await self._cancel(
            (
                order
                for order in self._ledger.orders(account)
                if command.strategy in ("", order.strategy)
                and command.exchange in (None, order.exchange)
                and command.symbol in ("", order.symbol)
            ),
            by,
        )

    async def close(self, command: ClosePosition) -> CancelReply:
        """Close what matches at market, sliced at the freeze quantity. Twice does not close twice."""
        account = self._router.line(command.account).name

        def matches(one: Position | PositionKey) -> bool:
            return (
                one.account == account
                and command.exchange in (None, one.exchange)
                and command.symbol in ("", one.symbol)
                and command.product in (None, one.product)
            )

        if command.strategy:
            return await self._place_all(self._closing_strategy(command.strategy, matches))
        return await self._close(position for position in self._ledger.books.positions if matches(position))

    async def engage_kill_switch(self, by: str, *, close_positions: bool) -> CancelReply:
        """Refuse new orders from this moment, disarm, cancel all working orders of all accounts, close if asked."""
        self._set_kill_switch(engaged=True)
        self._gate.armed.clear()
        reply = await self._cancel(self._ledger.orders(), by)
        if not close_positions:
            return reply
        closed = await self._close(self._ledger.books.positions)
        return CancelReply(done=reply.done + closed.done, failed=reply.failed + closed.failed)

    def release_kill_switch(self) -> CancelReply:
        """Let orders pass again."""
        self._set_kill_switch(engaged=False)
        return CancelReply(done=())

    def _set_kill_switch(self, *, engaged: bool) -> None:
        if self._gate.kill_switch is engaged:
            return
        self._gate.kill_switch = engaged
        for line in self._router.lines:
            line.journal.append(KillSwitched(engaged))
        self._publish(KillSwitchChanged(engaged))

    async def _cancel(self, orders: Iterable[Order], by: str) -> CancelReply:
        alive = [order for order in orders if not order.done]
        results = await asyncio.gather(*(self._cancel_one(order, by) for order in alive))
        return _reply(results)

    async def _cancel_one(self, order: Order, by: str) -> tuple[str, str]:
        try:
            after = await self._flow.cancel(order.order_id, by)
        except LabError as error:
            return order.order_id, str(error)
        if after.status is OrderStatus.UNKNOWN:
            return order.order_id, "Whether it reached the broker is not known yet: it is cancelled once it is found."
        return order.order_id, ""

    async def _close(self, positions: Iterable[Position]) -> CancelReply:
        return await self._place_all(order for position in positions for order in self._closing_orders(position))

    async def _place_all(self, orders: Iterable[PlaceOrder]) -> CancelReply:
        return _reply(await asyncio.gather(*(self._place_one(order) for order in list(orders))))

    async def _place_one(self, command: PlaceOrder) -> tuple[str, str]:
        try:
            order = await self._flow.place(command, closing=True)
        except LabError as error:
            return command.symbol, str(error)
        failed = order.done and order.status is not OrderStatus.COMPLETE
        unknown = order.status is OrderStatus.UNKNOWN
        return order.order_id, order.reason if failed or unknown else ""

    def _closing_orders(self, position: Position) -> Iterator[PlaceOrder]:
        """What closes a position: each strategy's share under its own tag, so that its book closes, too; the rest."""
        key = PositionKey(position.account, position.exchange, position.symbol, position.product)
        sign = 1 if position.quantity > 0 else -1
        rest = abs(position.quantity)
        for strategy, net in net_by_strategy(self._strategies.all(), key).items():
            share = min(max(net * sign, 0), rest)
            rest -= share
            yield from self._share(key, sign, share, strategy)
        yield from self._share(key, sign, rest, CLOSING_TAG)

    def _closing_strategy(self, strategy: str, matches: Callable[[PositionKey], bool]) -> Iterator[PlaceOrder]:
        """What closes a strategy's own trades, whatever else the account holds."""
        fills = [fill for fill in self._strategies.all() if fill.strategy == strategy]
        for key in dict.fromkeys(PositionKey.of(fill) for fill in fills):
            net = net_by_strategy(fills, key).get(strategy, 0)
            if net and matches(key):
                yield from self._share(key, 1 if net > 0 else -1, abs(net), strategy)

    def _share(self, key: PositionKey, sign: int, units: int, strategy: str) -> Iterator[PlaceOrder]:
        """Orders that close ``units`` of a position, less what such orders under way will take already."""
        side = Side.SELL if sign > 0 else Side.BUY
        taken = under_way(self._ledger, key, lambda order: _closes(order, side, strategy))
        rest = units - abs(taken)
        instrument = self._instruments().find(InstrumentKey(key.exchange, key.symbol))
        lot = instrument.lot_size if instrument is not None else 1
        freeze = instrument.freeze_quantity if instrument is not None else 0
        for quantity in slices(rest, lot, freeze):
            yield PlaceOrder(
                exchange=key.exchange,
                symbol=key.symbol,
                side=side,
                quantity=quantity,
                product=key.product,
                strategy=strategy,
                account=key.account,
                confirm_duplicate=True,
            )


def _closes(order: Order, side: Side, strategy: str) -> bool:
    return order.side is side and order.strategy == strategy and order.price_type is PriceType.MARKET


def _reply(results: Iterable[tuple[str, str]]) -> CancelReply:
    results = list(results)
    return CancelReply(
        done=tuple(name for name, sentence in results if not sentence),
        failed=tuple((name, sentence) for name, sentence in results if sentence),
    )
