"""The reconciler: the broker's books against the ledger, at start, in doubt, and on a slow clock.

An order whose outcome is unknown is resolved by its tag. Absence is proof only if the order is missing from two
complete day books, both fetched long enough after the doubt and far enough apart; else it stays UNKNOWN, visibly.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from datetime import date

import msgspec

from openalgo_lab.engine.config import ReconcileTimes
from openalgo_lab.engine.ledger import Ledger
from openalgo_lab.engine.positions import PositionKey, opening_before
from openalgo_lab.engine.recorder import Recorder
from openalgo_lab.engine.router import Line
from openalgo_lab.model.errors import LabError, SessionExpired
from openalgo_lab.model.orders import Order, OrderStatus
from openalgo_lab.model.reports import Evidence, FillReport, OrderReport, PositionReport, Report
from openalgo_lab.model.times import trade_date

__all__ = ["Reconciler"]

log = logging.getLogger(__name__)

SETTLE_S = 2.0
"""How long a cancel or a modify may be under way before the book's word counts against it."""
_ROUNDS = 3
_PORTION = 100


class _LineState:
    """What is remembered of one account between two looks."""

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.doubted = asyncio.Event()
        self.opened = False
        self.unknown_since: dict[str, float] = {}
        self.absent_at: dict[str, float] = {}
        self.pending_since: dict[str, float] = {}
        self.told: set[object] = set()
        self.last_look = 0.0
        self.day: date | None = None


class Reconciler:
    """One for all lines; used on the engine's loop. ``report`` hears sentences for people."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        recorder: Recorder,
        times: ReconcileTimes,
        report: Callable[[str, str], None],
        now_ns: Callable[[], int],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ledger = ledger
        self._recorder = recorder
        self._times = times
        self._report = report
        self._now_ns = now_ns
        self._monotonic = monotonic
        self._states: dict[str, _LineState] = {}

    def doubt(self, account: str) -> None:
        """Look soon."""
        self._state(account).doubted.set()

    def age_s(self, account: str) -> float:
        """Seconds since the last complete look; infinite before the first."""
        last = self._state(account).last_look
        return self._monotonic() - last if last else float("inf")

    async def keep(self, line: Line) -> None:
        """Look again and again, sooner while something is in doubt; until cancelled."""
        state = self._state(line.name)
        while True:
            wait = self._times.doubt_every_s if self._is_doubtful(line.name) else self._times.every_s
            try:
                async with asyncio.timeout(wait):
                    await state.doubted.wait()
            except TimeoutError:
                pass
            state.doubted.clear()
            try:
                await self.look(line)
            except SessionExpired as error:
                line.shut("its login has expired; log in again", expired=True)
                self._tell(state, line.name, f"The books of {line.name} cannot be read: {error}")
                await asyncio.sleep(self._times.doubt_every_s)
            except LabError as error:
                self._tell(state, line.name, f"The books of {line.name} cannot be read: {error}")
                await asyncio.sleep(self._times.doubt_every_s)

    async def look(self, line: Line) -> None:
        """Compare now. Raises LabError when the books cannot be read; then nothing is concluded."""
        state = self._state(line.name)
        async with state.lock:
            began = self._monotonic()
            self._note_unknown(line.name, state, began)
            book = await line.adapter.order_book()
            trades = await line.adapter.trade_book()
            await self._turn_day(line, state, book, trades)
            await self._take(line, book)
            await self._take(line, trades)
            self._ledger.adopt(line.name)
            self._prove_absence(line, state, book, began)
            self._settle_requests(line.name, state, began)
            await self._compare_positions(line, state)
            self._ledger.set_holdings(line.name, await line.adapter.holdings())
            self._ledger.set_funds(await line.adapter.funds())
            state.last_look = self._monotonic()

    async def _turn_day(
        self, line: Line, state: _LineState, book: Sequence[OrderReport], trades: Sequence[FillReport]
    ) -> None:
        """On the first look of a day the ledger lets go of the day before, as if the engine had begun anew."""
        today = trade_date(self._now_ns())
        if state.day is not None and state.day < today:
            listed = {report.broker_order_id for report in book} | {report.trade_id for report in trades}
            held = await line.adapter.positions()
            with self._ledger.batch():  # nobody sees the account without what it holds
                self._ledger.turn(line.name, today, listed)
                state.opened = False
                self._handle_difference(line, state, [one for one in held if self._held(line, one) != one.quantity])
            state.told.clear()
        state.day = today

    async def _take(self, line: Line, reports: Sequence[Report]) -> None:
        """A long book in portions, so that no tick or order waits for it."""
        for start in range(0, len(reports), _PORTION):
            self._recorder.take(line, reports[start : start + _PORTION])
            await asyncio.sleep(0)

    def _state(self, account: str) -> _LineState:
        state = self._states.get(account)
        if state is None:
            state = self._states[account] = _LineState()
        return state

    def _is_doubtful(self, account: str) -> bool:
        state = self._state(account)
        return bool(
            self._ledger.in_doubt(account)
            or self._ledger.missing_fills(account)
            or state.absent_at
            or state.pending_since
        )

    # Orders -------------------------------------------------------------------------------------------------------

    def _note_unknown(self, account: str, state: _LineState, now: float) -> None:
        unknown = {order.order_id for order in self._ledger.orders(account) if order.status is OrderStatus.UNKNOWN}
        state.unknown_since = {order_id: state.unknown_since.get(order_id, now) for order_id in unknown}

    def _prove_absence(self, line: Line, state: _LineState, book: Sequence[OrderReport], began: float) -> None:
        """Orders that the book should show and does not: proof needs two looks."""
        there = {report.order_id for report in book} | {report.broker_order_id for report in book}
        suspects = [
            order
            for order in self._ledger.orders(line.name)
            if ((order.status is OrderStatus.UNKNOWN and line.tagged) or order.working)
            and order.order_id not in there
            and (not order.broker_order_id or order.broker_order_id not in there)
        ]
        absent = {order.order_id for order in suspects}
        state.absent_at = {order_id: at for order_id, at in state.absent_at.items() if order_id in absent}
        for order in suspects:
            if self._is_proved(order, state, began):
                self._conclude_absent(line, state, order)

    def _is_proved(self, order: Order, state: _LineState, began: float) -> bool:
        if order.status is OrderStatus.UNKNOWN:
            since = state.unknown_since.get(order.order_id, began)
            if began - since < self._times.proof_age_s:
                return False
        first = state.absent_at.setdefault(order.order_id, began)
        return began - first >= self._times.proof_gap_s

    def _conclude_absent(self, line: Line, state: _LineState, order: Order) -> None:
        if order.status is OrderStatus.UNKNOWN:
            self._recorder.settle(
                line,
                order.order_id,
                OrderStatus.NOT_PLACED,
                "It is in none of the broker's day books: it did not arrive.",
            )
        elif trade_date(order.created_ns) < trade_date(self._now_ns()):
            self._recorder.take(line, [_expired(order)])
        else:
            self._tell(
                state,
                order.order_id,
                f"Order {order.order_id} ({order.side} {order.quantity} {order.symbol}) is missing from the broker's "
                "order book: check it there.",
            )
            return
        state.absent_at.pop(order.order_id, None)

    def _settle_requests(self, account: str, state: _LineState, began: float) -> None:
        """A cancel or modify that the book does not show after a while did not take effect."""
        asked = {order.order_id: order for order in self._ledger.orders(account) if order.pending}
        state.pending_since = {order_id: state.pending_since.get(order_id, began) for order_id in asked}
        for order_id, since in list(state.pending_since.items()):
            if began - since >= SETTLE_S:
                order = asked[order_id]
                self._ledger.unask(order_id)
                del state.pending_since[order_id]
                self._report(
                    "reconciler",
                    f"The {order.pending.value} of order {order_id} ({order.symbol}) did not take effect: ask again.",
                )

    # Positions ----------------------------------------------------------------------------------------------------

    async def _compare_positions(self, line: Line, state: _LineState) -> None:
        """A difference counts only when no trade came while it was looked at."""
        for _ in range(_ROUNDS):
            reports = await line.adapter.positions()
            different = [report for report in reports if self._held(line, report) != report.quantity]
            unseen = self._unseen(line, reports)
            if not different and not unseen:
                break
            if not self._recorder.take(line, await line.adapter.trade_book()):
                self._handle_difference(line, state, [*different, *unseen])
                break
        else:
            return
        state.opened = True

    def _held(self, line: Line, report: PositionReport) -> int:
        position = self._ledger.position(PositionKey(line.name, report.exchange, report.symbol, report.product))
        return position.quantity if position is not None else 0

    def _unseen(self, line: Line, reports: Sequence[PositionReport]) -> list[PositionReport]:
        """Positions of ours that the broker does not list, as reports of nothing."""
        listed = {PositionKey(line.name, r.exchange, r.symbol, r.product) for r in reports}
        return [
            PositionReport(p.exchange, p.symbol, p.product, quantity=0, average_price=0.0)
            for p in self._ledger.books.positions
            if p.account == line.name
            and p.quantity
            and PositionKey(p.account, p.exchange, p.symbol, p.product) not in listed
        ]

    def _handle_difference(self, line: Line, state: _LineState, reports: Sequence[PositionReport]) -> None:
        for report in reports:
            key = PositionKey(line.name, report.exchange, report.symbol, report.product)
            if not state.opened:
                opening = opening_before(report, self._ledger.position_fills(key))
                zero = msgspec.structs.replace(report, quantity=0, average_price=0.0)
                self._recorder.open_position(line, opening or zero)
                continue
            held = self._held(line, report)
            self._tell(
                state,
                (key, held, report.quantity),
                f"The broker holds {report.quantity} {report.symbol} ({report.product}) in {line.name}, our trades "
                f"make {held}: check the trades of the day there.",
            )

    def _tell(self, state: _LineState, about: object, sentence: str) -> None:
        """Once for each thing: a lasting difference is not told every half minute."""
        if about not in state.told:
            state.told.add(about)
            self._report("reconciler", sentence)


def _expired(order: Order) -> OrderReport:
    """A day order of an earlier day that the book no longer lists."""
    return OrderReport(
        broker_order_id=order.broker_order_id,
        order_id=order.order_id,
        status=OrderStatus.EXPIRED,
        source=Evidence.ORDER_BOOK,
        exchange=order.exchange,
        symbol=order.symbol,
        side=order.side,
        product=order.product,
        price_type=order.price_type,
        quantity=order.quantity,
        filled_quantity=order.filled_quantity,
        average_price=order.average_price,
        price=order.price,
        trigger_price=order.trigger_price,
        reason="The broker's book of today no longer lists it: it ended with its day.",
        exchange_ns=order.updated_ns,
    )
