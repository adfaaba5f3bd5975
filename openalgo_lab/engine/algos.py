"""Execution algorithms: chase, TWAP, iceberg. Each is a small task that can be watched, paused and stopped."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Callable

import msgspec

from openalgo_lab.engine.board import Board
from openalgo_lab.engine.bus import Bus
from openalgo_lab.engine.ending import ended
from openalgo_lab.engine.principal import Principal
from openalgo_lab.engine.shelf import Shelf
from openalgo_lab.engine.slicing import Slicer
from openalgo_lab.engine.supervisor import Supervisor
from openalgo_lab.engine.table import places, reads, withdraws
from openalgo_lab.model import algo_commands as c
from openalgo_lab.model.commands import ModifyOrder, PlaceOrder
from openalgo_lab.model.errors import InputError, LabError, Rejected
from openalgo_lab.model.instruments import InstrumentKey
from openalgo_lab.model.orders import Order, OrderStatus, new_order_id
from openalgo_lab.model.vocabulary import PriceType
from openalgo_lab.store.instruments import InstrumentStore
from openalgo_lab.store.kept import KeptStore

__all__ = ["AlgoDesk", "AlgoKeeper", "equal_parts"]

log = logging.getLogger(__name__)

KIND = "algo"
BY = "algo"
CANCEL_WAIT_S = 5.0

_A = c.AlgoStatus


def equal_parts(quantity: int, lot: int, parts: int) -> list[int]:
    """``quantity`` in ``parts`` whole-lot pieces that differ by a lot at most, the larger ones first; none is empty."""
    lots = quantity // lot
    parts = max(min(parts, lots), 1)
    small, more = divmod(lots, parts)
    return [(small + (number < more)) * lot for number in range(parts)]


class AlgoKeeper:
    """All of the profile. Used on the engine's loop."""

    def __init__(
        self,
        *,
        store: KeptStore,
        slicer: Slicer,
        board: Board,
        bus: Bus,
        supervisor: Supervisor,
        instruments: Callable[[], InstrumentStore],
        want: Callable[[list[InstrumentKey]], None],
        changed: Callable[[str, str], None],
        now_ns: Callable[[], int],
    ) -> None:
        self._slicer = slicer
        self._board = board
        self._bus = bus
        self._supervisor = supervisor
        self._instruments = instruments
        self._want = want
        self._now_ns = now_ns
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._all = Shelf(store, KIND, c.Algo, changed)
        for algo in self._all:
            if algo.status is _A.RUNNING:
                self._note(algo, status=_A.PAUSED, message="The engine was started again: resume it, or stop it.")

    # What is asked -------------------------------------------------------------------------------------------------

    def start(self, terms: c.AlgoTerms) -> c.Algo:
        """Begin. Raises InputError for terms that do not fit."""
        self._check(terms)
        now = self._now_ns()
        algo = c.Algo(new_order_id(), terms, _A.RUNNING, created_ns=now, updated_ns=now)
        self._want([InstrumentKey(terms.order.exchange, terms.order.symbol)])
        self._note(algo)
        self._run(algo.algo_id)
        return algo

    async def control(self, algo_id: str, act: c.AlgoAct) -> c.Algo:
        """Pause, go on, stop. One that has ended is the answer. Raises InputError for an id that nobody knows."""
        algo = self._all.find(algo_id, f"There is no algorithm {algo_id!r}: take an id from lab.algos().", "algo_id")
        if algo.status.ended:
            return algo
        if act is c.AlgoAct.RESUME:
            if algo.status is _A.PAUSED:
                self._note(algo, status=_A.RUNNING, message="")
                self._run(algo_id)
            return self._all[algo_id]
        status, message = (_A.PAUSED, "Paused.") if act is c.AlgoAct.PAUSE else (_A.STOPPED, "Stopped by hand.")
        await self._halt(algo_id)
        return self._note(self._counted(self._all[algo_id]), status=status, message=message)

    async def stop_all(self, why: str) -> None:
        """Stop every living one (the kill switch)."""
        for algo in [one for one in self._all if not one.status.ended]:
            await self._halt(algo.algo_id)
            self._note(self._counted(self._all[algo.algo_id]), status=_A.STOPPED, message=why)

    def listed(self) -> tuple[c.Algo, ...]:
        """Oldest first, as they stand now."""
        return tuple(self._counted(algo) for algo in self._all)

    # Running -------------------------------------------------------------------------------------------------------

    def _run(self, algo_id: str) -> None:
        task = self._supervisor.start(f"algo {algo_id}", self._work(algo_id))
        self._tasks[algo_id] = task
        task.add_done_callback(lambda _: self._tasks.pop(algo_id, None))

    async def _work(self, algo_id: str) -> None:
        kind = self._all[algo_id].terms.kind
        body = {c.AlgoKind.TWAP: self._twap, c.AlgoKind.ICEBERG: self._iceberg, c.AlgoKind.CHASE: self._chase}[kind]
        try:
            await body(algo_id)
        except LabError as error:
            await self._cancel_working(algo_id)
            self._note(self._counted(self._all[algo_id]), status=_A.FAILED, message=str(error))
            return
        algo = self._counted(self._all[algo_id])
        done = algo.filled >= algo.terms.order.quantity
        self._note(
            algo, status=_A.DONE if done else _A.STOPPED, message="" if done else algo.message or "Not all filled."
        )

    async def _twap(self, algo_id: str) -> None:
        """Equal parts at equal times; what a limit part left unfilled goes with the next one."""
        terms = self._all[algo_id].terms
        lot = self._lot(terms.order)
        sizes = equal_parts(terms.order.quantity, lot, terms.parts)
        pause = terms.duration_s / max(len(sizes) - 1, 1)
        due = 0
        for number, size in enumerate(sizes):
            due += size
            if due <= self._filled(algo_id):
                continue  # done before a pause
            await self._cancel_working(algo_id)
            rest = due - self._taken(algo_id)
            if rest > 0:
                await self._part(algo_id, rest, terms.order.price_type, terms.order.price)
            if number < len(sizes) - 1:
                await asyncio.sleep(pause)
        await self._await_rest(algo_id, terms.duration_s if terms.order.price_type.has_price else 10.0)

    async def _iceberg(self, algo_id: str) -> None:
        """The next part is shown when the one before is filled."""
        terms = self._all[algo_id].terms
        while (rest := terms.order.quantity - self._filled(algo_id)) > 0:
            working = self._working(algo_id)
            if working is None:
                working = await self._part(algo_id, min(rest, terms.visible), PriceType.LIMIT, terms.order.price)
            order = await ended(self._bus, self._slicer.find, working.order_id, 3600.0)
            if order.done and order.status is not OrderStatus.COMPLETE:
                raise Rejected(order.reason or f"A part is {order.status.value}.")

    async def _chase(self, algo_id: str) -> None:
        """One limit order at the own side's best price, moved as it moves, never beyond the worst price."""
        terms = self._all[algo_id].terms
        loop = asyncio.get_running_loop()
        until = loop.time() + terms.duration_s if terms.duration_s else math.inf
        while (rest := terms.order.quantity - self._filled(algo_id)) > 0:
            if loop.time() >= until:
                await self._cancel_working(algo_id)
                rest = terms.order.quantity - self._taken(algo_id)
                if rest > 0 and terms.finish_at_market:
                    await self._part(algo_id, rest, PriceType.MARKET, 0.0)
                    await self._await_rest(algo_id, 10.0)
                else:
                    left = terms.order.quantity - self._filled(algo_id)
                    self._note(self._all[algo_id], message=f"The time is over with {left} not filled.")
                return
            await self._follow(algo_id, terms, rest)
            await asyncio.sleep(terms.every_s)

    async def _follow(self, algo_id: str, terms: c.AlgoTerms, rest: int) -> None:
        best = self._best(terms.order)
        working = self._working(algo_id)
        if best is None:
            return
        if working is None:
            await self._part(algo_id, rest, PriceType.LIMIT, best)
        elif working.price != best and working.working and not working.pending:
            try:
                await self._slicer.modify(ModifyOrder(working.order_id, price=best), BY)
            except (Rejected, InputError) as error:
                log.info("The chase of %s could not move: %s", terms.order.symbol, error)  # most often it has filled

    def _best(self, order: PlaceOrder) -> float | None:
        """Best price of the own side, no worse than the order's own price; None while nothing is known."""
        quote = self._board.quote(InstrumentKey(order.exchange, order.symbol))
        if quote is None:
            return None
        best = quote.bid if order.side.sign > 0 else quote.ask
        if not best > 0:
            best = quote.ltp
        if not best > 0:
            return None
        if order.price:
            best = min(best, order.price) if order.side.sign > 0 else max(best, order.price)
        return best

    # Parts ---------------------------------------------------------------------------------------------------------

    async def _part(self, algo_id: str, quantity: int, kind: PriceType, price: float) -> Order:
        """Place one part; its number is kept before it leaves. Raises Rejected when the broker refuses it."""
        algo = self._all[algo_id]
        algo = self._note(algo, placed=algo.placed + 1)
        order = msgspec.structs.replace(
            algo.terms.order,
            quantity=quantity,
            price_type=kind,
            price=price if kind.has_price else 0.0,
            client_key=f"algo/{algo_id}/{algo.placed}",
            confirm_duplicate=True,
        )
        placed = await self._slicer.place(order)
        self._note(self._all[algo_id], orders=(*self._all[algo_id].orders, placed.order_id))
        if placed.status in (OrderStatus.REJECTED, OrderStatus.NOT_PLACED):
            raise Rejected(placed.reason or "The broker refused a part.")
        return placed

    async def _await_rest(self, algo_id: str, timeout_s: float) -> None:
        working = self._working(algo_id)
        if working is not None:
            await ended(self._bus, self._slicer.find, working.order_id, max(timeout_s, 1.0))
            await self._cancel_working(algo_id)

    async def _cancel_working(self, algo_id: str) -> None:
        for working in self._open(algo_id):
            try:
                await self._slicer.cancel(working.order_id, BY)
            except Rejected as error:
                log.info("A part of %s could not be cancelled: %s", algo_id, error)  # it has filled meanwhile
            await ended(self._bus, self._slicer.find, working.order_id, CANCEL_WAIT_S)

    async def _halt(self, algo_id: str) -> None:
        task = self._tasks.get(algo_id)
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        await self._cancel_working(algo_id)

    def _orders(self, algo_id: str) -> list[Order]:
        """All parts, also one whose id was not kept before the engine ended."""
        algo = self._all[algo_id]
        ids = dict.fromkeys(algo.orders)
        account = algo.terms.order.account
        known = self._slicer.known(account, f"algo/{algo_id}/{algo.placed}") if algo.placed else None
        if known is not None:
            ids[known.order_id] = None
        found = []
        for order_id in ids:
            try:
                found.append(self._slicer.find(order_id))
            except InputError:
                continue  # of an earlier day
        return found

    def _filled(self, algo_id: str) -> int:
        return sum(order.filled_quantity for order in self._orders(algo_id))

    def _taken(self, algo_id: str) -> int:
        """Filled, or may still fill: a part of which the end is not known must not be placed a second time."""
        return self._filled(algo_id) + sum(order.remaining for order in self._open(algo_id))

    def _open(self, algo_id: str) -> list[Order]:
        return [order for order in self._orders(algo_id) if not order.done]

    def _working(self, algo_id: str) -> Order | None:
        return next(reversed(self._open(algo_id)), None)

    def _counted(self, algo: c.Algo) -> c.Algo:
        filled = self._filled(algo.algo_id)
        return msgspec.structs.replace(algo, filled=max(filled, algo.filled))

    def _note(self, algo: c.Algo, **fields: object) -> c.Algo:
        return self._all.put(algo.algo_id, msgspec.structs.replace(algo, updated_ns=self._now_ns(), **fields))

    def _lot(self, order: PlaceOrder) -> int:
        return self._instruments().require(InstrumentKey(order.exchange, order.symbol)).lot_size

    def _check(self, terms: c.AlgoTerms) -> None:
        order, lot = terms.order, self._lot(terms.order)
        if order.quantity <= 0 or order.quantity % lot:
            raise InputError(f"The quantity must be a multiple of the lot of {lot}.", field="quantity")
        match terms.kind:
            case c.AlgoKind.TWAP:
                if terms.parts < 2 or not terms.duration_s > 0:
                    raise InputError("TWAP needs at least 2 parts and a duration in seconds.", field="parts")
                if order.price_type not in (PriceType.MARKET, PriceType.LIMIT):
                    raise InputError("TWAP sends MARKET or LIMIT parts.", field="price_type")
            case c.AlgoKind.ICEBERG:
                if not 0 < terms.visible <= order.quantity or terms.visible % lot or not order.price > 0:
                    raise InputError("An iceberg needs a price, and visible units in whole lots.", field="visible")
            case c.AlgoKind.CHASE:
                if terms.every_s < 0.05:
                    raise InputError("A chase may look every 0.05 s at most.", field="every_s")


class AlgoDesk:
    """The handlers."""

    def __init__(self, keeper: AlgoKeeper) -> None:
        self._keeper = keeper

    @places(c.StartAlgo, by_key=False)
    async def start_algo(self, command: c.StartAlgo, _: Principal) -> c.Algo:
        """Begin."""
        return self._keeper.start(command.terms)

    @withdraws(c.ControlAlgo)
    async def control_algo(self, command: c.ControlAlgo, _: Principal) -> c.Algo:
        """Pause, go on, stop."""
        return await self._keeper.control(command.algo_id, command.act)

    @reads(c.GetAlgos)
    async def get_algos(self, _: c.GetAlgos, __: Principal) -> tuple[c.Algo, ...]:
        """Oldest first."""
        return self._keeper.listed()
