"""Brackets and trailing stops: one exit order, which rests as a stop and becomes a limit at the target.

Because it is one order that is only ever changed, stop and target cannot both fill, and what leaves is never more than
what came in. The stop rests at the exchange, so it holds when the engine does not run.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from openalgo_lab.engine.board import Board
from openalgo_lab.engine.exposure import units_held
from openalgo_lab.engine.ledger import Ledger
from openalgo_lab.engine.positions import PositionKey
from openalgo_lab.engine.principal import Principal
from openalgo_lab.engine.router import Router
from openalgo_lab.engine.shelf import PriceWatch, Shelf, again_and_again
from openalgo_lab.engine.slicing import Slicer
from openalgo_lab.engine.table import places, reads, withdraws
from openalgo_lab.model import algo_commands as c
from openalgo_lab.model.commands import ModifyOrder, PlaceOrder
from openalgo_lab.model.errors import InputError, LabError
from openalgo_lab.model.instruments import Instrument, InstrumentKey
from openalgo_lab.model.money import snap
from openalgo_lab.model.orders import Order, OrderStatus, new_order_id
from openalgo_lab.model.vocabulary import PriceType, Side
from openalgo_lab.store.instruments import InstrumentStore
from openalgo_lab.store.kept import KeptStore

__all__ = ["BracketDesk", "BracketKeeper"]

KIND = "bracket"
EVERY_S = 0.1
BY = "bracket"
STOP_ROOM_PCT = 2.0
"""How far behind its trigger the limit of a stop lies, where the exchange takes no stop at market."""

_B = c.BracketStatus
_LIVE = (_B.ENTERING, _B.GUARDED, _B.LEAVING)


class BracketKeeper:
    """All of the profile. Used on the engine's loop."""

    def __init__(
        self,
        *,
        store: KeptStore,
        slicer: Slicer,
        ledger: Ledger,
        router: Router,
        board: Board,
        instruments: Callable[[], InstrumentStore],
        want: Callable[[Sequence[InstrumentKey]], None],
        takes_stop_market: Callable[[Instrument], bool],
        changed: Callable[[str, str], None],
        report: Callable[[str, str], None],
        now_ns: Callable[[], int],
    ) -> None:
        self._slicer = slicer
        self._ledger = ledger
        self._router = router
        self._watch = PriceWatch(board, want)
        self._instruments = instruments
        self._takes_stop_market = takes_stop_market
        self._report = report
        self._now_ns = now_ns
        self._all = Shelf(store, KIND, c.Bracket, changed)

    # What is asked -------------------------------------------------------------------------------------------------

    async def place(self, command: c.PlaceBracket) -> c.Bracket:
        """Enter. Raises what placing raises; then there is no bracket."""
        order = command.order
        if len(self._slicer.sizes(order)) > 1:
            raise InputError("A bracket cannot be larger than the freeze quantity: use several.", field="quantity")
        bracket = self._new(order, command)
        self._check(bracket, order.price or self._last(bracket))
        self._keep(bracket)
        try:
            entry = await self._slicer.place(
                msgspec.structs.replace(order, account=bracket.account, client_key=f"bracket/{bracket.bracket_id}/in")
            )
        except LabError as error:
            self._end(bracket, _B.FAILED, str(error))
            raise
        self._keep(msgspec.structs.replace(bracket, entry_order=entry.order_id))
        await self.look()
        return self._all[bracket.bracket_id]

    async def protect(self, command: c.ProtectPosition) -> c.Bracket:
        """Guard a position that is held. Raises InputError when there is none, what placing raises."""
        account = self._router.line(command.account).name
        held = units_held(self._ledger, PositionKey(account, command.exchange, command.symbol, command.product))
        if not held:
            raise InputError(f"There is no {command.product} position in {command.symbol} to protect.", field="symbol")
        side = Side.BUY if held > 0 else Side.SELL
        order = PlaceOrder(
            command.exchange, command.symbol, side, abs(held), command.product, account=account, strategy=""
        )
        if len(self._slicer.sizes(order)) > 1:
            raise InputError("A stop cannot be larger than the freeze quantity: close a part first.", field="quantity")
        bracket = self._new(order, command)
        bracket = msgspec.structs.replace(bracket, filled=abs(held), status=_B.GUARDED)
        self._check(bracket, self._last(bracket))
        self._keep(bracket)
        await self._advance(bracket)
        return self._all[bracket.bracket_id]

    async def end(self, command: c.EndBracket) -> c.Bracket:
        """Raises InputError for an id that nobody knows."""
        bracket = self._find(command.bracket_id)
        if bracket.status not in _LIVE:
            return bracket
        for order_id in (bracket.entry_order, bracket.exit_order):
            order = self._order(order_id)
            if order is not None and not order.done:
                await self._slicer.cancel(order_id, BY)
        bracket = self._counted(self._all[bracket.bracket_id])
        rest = bracket.filled - bracket.exited
        if command.close and rest > 0:
            await self._slicer.place(self._exit(bracket, rest, PriceType.MARKET, "close"), closing=True)
        return self._end(bracket, _B.CANCELLED, "Ended by hand." + ("" if command.close or not rest else " Unguarded."))

    def listed(self, account: str = "") -> tuple[c.Bracket, ...]:
        """Oldest first."""
        return tuple(one for one in self._all if account in ("", one.account))

    # Looking after ---------------------------------------------------------------------------------------------------

    async def keep(self) -> None:
        """Until cancelled."""
        for bracket in self._all:
            if bracket.status in _LIVE:
                self._begin(bracket)
        await again_and_again(self.look, EVERY_S)

    async def look(self) -> None:
        """One look at every living one. A request that fails is tried again at the next look."""
        for bracket in [one for one in self._all if one.status in _LIVE]:
            try:
                await self._advance(bracket)
            except LabError as error:
                if str(error) != bracket.reason:
                    self._keep(msgspec.structs.replace(bracket, reason=str(error)))
                    self._report("bracket", f"The bracket on {bracket.symbol} could not be moved: {error}")

    async def _advance(self, bracket: c.Bracket) -> None:
        bracket = self._recovered(bracket)
        bracket = self._counted(bracket)
        entry, exit_ = self._order(bracket.entry_order), self._order(bracket.exit_order)
        if entry is not None and entry.done and not bracket.filled:
            self._end(bracket, _B.FAILED, entry.reason or f"The entry is {entry.status.value}.")
            return
        if bracket.filled and bracket.exited >= bracket.filled and (entry is None or entry.done):
            self._end(bracket, _B.CLOSED, "")
            return
        if not bracket.filled:
            return
        if entry is not None and entry.working and not entry.pending and bracket.exited:
            await self._slicer.cancel(entry.order_id, BY)  # it is being left: what has not come in stays out
        if exit_ is None or (exit_.done and bracket.exited < bracket.filled):
            await self._guard(bracket, exit_)
            return
        if exit_.working and not exit_.pending:
            await self._adjust(bracket, exit_)

    async def _guard(self, bracket: c.Bracket, ended: Order | None) -> None:
        """Place the stop for what is held and not guarded; a second time only after the first has ended."""
        if ended is not None and ended.status in (OrderStatus.REJECTED, OrderStatus.CANCELLED, OrderStatus.EXPIRED):
            self._end(
                bracket, _B.FAILED, f"Its exit is {ended.status.value}: {ended.reason or 'not guarded any more'}."
            )
            return
        rest = bracket.filled - bracket.exited
        stop = self._exit(bracket, rest, self._stop_type(bracket), f"out-{bracket.exited}")
        order = await self._slicer.place(stop, closing=True)
        if order.status in (OrderStatus.REJECTED, OrderStatus.NOT_PLACED):
            self._end(bracket, _B.FAILED, f"Its stop was refused, the position is not guarded: {order.reason}")
            return
        self._keep(
            msgspec.structs.replace(
                bracket, exit_order=order.order_id, exited_before=bracket.exited, status=_B.GUARDED, reason=""
            )
        )

    async def _adjust(self, bracket: c.Bracket, exit_: Order) -> None:
        """More was filled, the target is reached, or the stop trails."""
        whole = bracket.filled - bracket.exited_before
        ltp = self._last(bracket)
        sign = bracket.side.sign
        if bracket.status is _B.GUARDED and bracket.target and ltp > 0 and (ltp - bracket.target) * sign >= 0:
            change = ModifyOrder(
                exit_.order_id, quantity=whole, price=bracket.target, trigger_price=0.0, price_type=PriceType.LIMIT
            )
            await self._slicer.modify(change, BY)
            self._keep(msgspec.structs.replace(bracket, status=_B.LEAVING, reason=""))
            return
        bracket = self._trailed(bracket, ltp)
        if bracket.status is not _B.GUARDED:
            return
        if whole != exit_.quantity or bracket.stop != exit_.trigger_price:
            limit = self._stop_limit(bracket) if exit_.price_type is PriceType.SL else None
            change = ModifyOrder(exit_.order_id, quantity=whole, trigger_price=bracket.stop, price=limit)
            await self._slicer.modify(change, BY)

    def _trailed(self, bracket: c.Bracket, ltp: float) -> c.Bracket:
        """The stop follows the best price at its distance, in the favourable direction only."""
        if not bracket.trail or not ltp > 0:
            return bracket
        sign = bracket.side.sign
        best = ltp if not bracket.best else max(bracket.best * sign, ltp * sign) * sign
        tick = self._instrument(bracket).tick_size
        wanted = snap(best - sign * bracket.trail, tick)
        stop = wanted if (wanted - bracket.stop) * sign > 0 else bracket.stop
        if (best, stop) == (bracket.best, bracket.stop):
            return bracket
        moved = msgspec.structs.replace(bracket, best=best, stop=stop)
        self._keep(moved)
        return moved

    # ---------------------------------------------------------------------------------------------------------------

    def _new(self, order: PlaceOrder, command: c.PlaceBracket | c.ProtectPosition) -> c.Bracket:
        now = self._now_ns()
        bracket = c.Bracket(
            bracket_id=new_order_id(),
            account=self._router.line(order.account).name,
            exchange=order.exchange,
            symbol=order.symbol,
            product=order.product,
            side=order.side,
            quantity=order.quantity,
            stop=command.stop,
            target=command.target,
            trail=command.trail,
            status=_B.ENTERING,
            strategy=order.strategy,
            created_ns=now,
            updated_ns=now,
            tag=order.tag,
        )
        self._begin(bracket)
        return bracket

    def _check(self, bracket: c.Bracket, reference: float) -> None:
        sign = bracket.side.sign
        if not bracket.stop > 0 or bracket.target < 0 or bracket.trail < 0:
            raise InputError("A bracket needs a stop above 0; target and trail are 0 or positive rupees.", "stop")
        if reference > 0 and (reference - bracket.stop) * sign <= 0:
            where = "below" if sign > 0 else "above"
            raise InputError(f"The stop must lie {where} the price of {reference:g}.", field="stop")
        if bracket.target and (bracket.target - (reference if reference > 0 else bracket.stop)) * sign <= 0:
            where = "above" if sign > 0 else "below"
            raise InputError(f"The target must lie {where} the price of {reference:g}.", field="target")

    def _recovered(self, bracket: c.Bracket) -> c.Bracket:
        """After a restart: orders that left before their ids were kept, by their client keys."""
        keys = {"entry_order": "in", "exit_order": f"out-{bracket.exited}"}
        for field, name in keys.items():
            if not getattr(bracket, field):
                known = self._slicer.known(bracket.account, f"bracket/{bracket.bracket_id}/{name}")
                if known is not None:
                    bracket = msgspec.structs.replace(bracket, **{field: known.order_id})
        return bracket

    def _counted(self, bracket: c.Bracket) -> c.Bracket:
        entry, exit_ = self._order(bracket.entry_order), self._order(bracket.exit_order)
        filled = entry.filled_quantity if entry is not None else bracket.filled
        exited = bracket.exited_before + exit_.filled_quantity if exit_ is not None else bracket.exited
        if (filled, exited) == (bracket.filled, bracket.exited):
            return bracket
        bracket = msgspec.structs.replace(bracket, filled=filled, exited=exited)
        self._keep(bracket)
        return bracket

    def _exit(self, bracket: c.Bracket, quantity: int, kind: PriceType, name: str) -> PlaceOrder:
        return PlaceOrder(
            exchange=bracket.exchange,
            symbol=bracket.symbol,
            side=bracket.side.opposite,
            quantity=quantity,
            product=bracket.product,
            price_type=kind,
            price=self._stop_limit(bracket) if kind is PriceType.SL else 0.0,
            trigger_price=bracket.stop if kind.has_trigger else 0.0,
            strategy=bracket.strategy,
            account=bracket.account,
            client_key=f"bracket/{bracket.bracket_id}/{name}",
            confirm_duplicate=True,
            tag=bracket.tag,
        )

    def _stop_type(self, bracket: c.Bracket) -> PriceType:
        return PriceType.SL_M if self._takes_stop_market(self._instrument(bracket)) else PriceType.SL

    def _stop_limit(self, bracket: c.Bracket) -> float:
        tick = self._instrument(bracket).tick_size
        room = bracket.stop * STOP_ROOM_PCT / 100 * bracket.side.sign
        return max(snap(bracket.stop - room, tick), tick)

    def _instrument(self, bracket: c.Bracket) -> Instrument:
        return self._instruments().require(InstrumentKey(bracket.exchange, bracket.symbol))

    def _last(self, bracket: c.Bracket) -> float:
        return self._watch.last(InstrumentKey(bracket.exchange, bracket.symbol))

    def _order(self, order_id: str) -> Order | None:
        if not order_id:
            return None
        try:
            return self._slicer.find(order_id)
        except InputError:  # of an earlier day: it has ended
            return None

    def _begin(self, bracket: c.Bracket) -> None:
        self._watch.begin(InstrumentKey(bracket.exchange, bracket.symbol), f"The bracket {bracket.bracket_id}")

    def _find(self, bracket_id: str) -> c.Bracket:
        sentence = f"There is no bracket {bracket_id!r}: take an id from lab.brackets()."
        return self._all.find(bracket_id, sentence, "bracket_id")

    def _end(self, bracket: c.Bracket, status: c.BracketStatus, reason: str) -> c.Bracket:
        bracket = msgspec.structs.replace(bracket, status=status, reason=reason)
        self._keep(bracket)
        if reason and status is _B.FAILED:
            self._report("bracket", f"The bracket on {bracket.symbol} failed: {reason}")
        return bracket

    def _keep(self, bracket: c.Bracket) -> None:
        self._all.put(bracket.bracket_id, msgspec.structs.replace(bracket, updated_ns=self._now_ns()))


class BracketDesk:
    """The handlers."""

    def __init__(self, keeper: BracketKeeper) -> None:
        self._keeper = keeper

    @places(c.PlaceBracket, by_key=False)
    async def place_bracket(self, command: c.PlaceBracket, _: Principal) -> c.Bracket:
        """Entry, stop, target."""
        return await self._keeper.place(command)

    @places(c.ProtectPosition, by_key=False)
    async def protect_position(self, command: c.ProtectPosition, _: Principal) -> c.Bracket:
        """Stop and target of what is held."""
        return await self._keeper.protect(command)

    @withdraws(c.EndBracket)
    async def end_bracket(self, command: c.EndBracket, _: Principal) -> c.Bracket:
        """Cancel what waits."""
        return await self._keeper.end(command)

    @reads(c.GetBrackets)
    async def get_brackets(self, command: c.GetBrackets, _: Principal) -> tuple[c.Bracket, ...]:
        """Oldest first."""
        return self._keeper.listed(command.account)
