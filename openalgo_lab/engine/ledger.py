"""The ledger: orders, fills, positions, holdings and funds of all accounts. The only place where they change.

``apply`` takes what brokers say in any order and any number of times; the state depends only on the set of reports
(see :mod:`openalgo_lab.engine.merging`). Readers take :attr:`Ledger.books`, an immutable snapshot, from any thread.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import date
from operator import itemgetter

import msgspec

from openalgo_lab.broker.adapter import OrderChange
from openalgo_lab.engine.ledger_entries import fill_of, has_terms, judged, name_of, order_of_intent, order_of_report
from openalgo_lab.engine.merging import Dossier, better_fill
from openalgo_lab.engine.positions import PositionBook, PositionKey
from openalgo_lab.model.events import (
    AnyEvent,
    Books,
    ErrorRaised,
    FundsUpdated,
    OrderUpdated,
    PositionUpdated,
    TradeHappened,
)
from openalgo_lab.model.orders import Fill, Order, OrderIntent, OrderStatus, Pending, is_legal
from openalgo_lab.model.portfolio import Account, Funds, Holding, Position
from openalgo_lab.model.reports import FillReport, OrderReport, PositionReport, Report
from openalgo_lab.model.times import trade_date

__all__ = ["Ledger"]

_FILL = itemgetter(1)  # of a report and its fill


class _File:
    """One order: what was asked, what we concluded ourselves, and the evidence."""

    __slots__ = ("asked", "dossier", "fills", "local", "order", "reason")

    def __init__(self, order: Order) -> None:
        self.order = order
        self.local = order.status
        self.reason = ""
        self.asked: OrderChange | None = None
        self.dossier = Dossier()
        self.fills: dict[str, Fill] = {}


class Ledger:
    """Used on the engine's loop; ``publish`` hears what changed, after the new :attr:`books` are in place."""

    def __init__(self, publish: Callable[[AnyEvent], None], now_ns: Callable[[], int]) -> None:
        self._publish = publish
        self._now_ns = now_ns
        self._accounts: dict[str, Account] = {}
        self._files: dict[str, _File] = {}
        self._by_broker_id: dict[tuple[str, str], str] = {}
        self._orphans: dict[tuple[str, str], list[OrderReport]] = {}
        self._trades: dict[tuple[str, str], tuple[FillReport, Fill]] = {}
        self._by_parent: dict[tuple[str, str], set[str]] = {}
        self._by_tag: dict[tuple[str, str], set[str]] = {}
        self._positions = PositionBook()
        self._holdings: dict[str, tuple[Holding, ...]] = {}
        self._funds: dict[str, Funds] = {}
        self._orders: dict[str, Order] = {}
        self._events: list[AnyEvent] = []
        self._depth = 0
        self._dirty = False
        self._rewrite = False
        self._books = Books(version=0)

    @property
    def books(self) -> Books:
        """The latest snapshot."""
        return self._books

    # What is known ------------------------------------------------------------------------------------------------

    def find(self, order_id: str) -> Order | None:
        """An order by our id, or by the broker's."""
        order = self._orders.get(order_id)
        if order is not None:
            return order
        for (_, broker_id), known in self._by_broker_id.items():
            if broker_id == order_id:
                return self._orders[known]
        return None

    def orders(self, account: str = "") -> list[Order]:
        """All orders (of one account)."""
        return [order for order in self._orders.values() if account in ("", order.account)]

    def fills_of(self, order_id: str) -> tuple[Fill, ...]:
        """The trades of one order, in the exchange's order."""
        file = self._files.get(order_id)
        return tuple(sorted(file.fills.values(), key=lambda fill: (fill.time_ns, fill.trade_id))) if file else ()

    def order_id_of(self, account: str, report: Report) -> str:
        """Our id of the order that a report is about; "" while that is not known."""
        if report.order_id in self._files:
            return report.order_id
        return self._by_broker_id.get((account, report.broker_order_id), "")

    def position(self, key: PositionKey) -> Position | None:
        """One net position."""
        return self._positions.find(key)

    def opening(self, key: PositionKey) -> Position | None:
        """What was held before the first trade that is known here; None for a position that nobody knows."""
        return self._positions.opening(key)

    def position_fills(self, key: PositionKey) -> tuple[Fill, ...]:
        """The trades behind a position."""
        return self._positions.fills(key)

    def in_doubt(self, account: str) -> bool:
        """Whether an order may be at the broker without our knowing its id there."""
        waiting = (OrderStatus.SENDING, OrderStatus.UNKNOWN)
        return any(file.order.account == account and file.order.status in waiting for file in self._files.values())

    def missing_fills(self, account: str) -> list[Order]:
        """Orders whose reports claim more than the trades that have come."""
        return [
            file.order
            for file in self._files.values()
            if file.order.account == account
            and file.order.filled_quantity > sum(fill.quantity for fill in file.fills.values())
        ]

    # What we do ---------------------------------------------------------------------------------------------------

    def add_account(self, account: Account) -> None:
        """Make an account known; its mode stands on every order."""
        self._accounts[account.account] = account

    def forget(self, account: str) -> None:
        """Drop everything of an account that begins anew (a sandbox that is reset)."""
        with self._change():
            gone = {order_id for order_id, file in self._files.items() if file.order.account == account}
            for order_id in gone:
                del self._files[order_id]
                self._orders.pop(order_id, None)
            for table in (self._by_broker_id, self._orphans, self._trades, self._by_parent, self._by_tag):
                for key in [key for key in table if key[0] == account]:
                    del table[key]
            self._positions.forget(account)
            self._holdings.pop(account, None)
            self._funds.pop(account, None)
            self._rewrite = True

    def turn(self, account: str, day: date, listed: Collection[str]) -> None:
        """Another day: what ended before it goes, and positions begin anew with what is held (:meth:`open_position`).

        ``listed``: the broker's ids of orders and trades that its books still show; they stay.
        """
        with self._change():
            trades = [(key, report) for key, (report, fill) in self._trades.items() if _is_past(fill.time_ns, day)]
            for key, report in trades:
                if key[0] == account and report.trade_id not in listed:
                    del self._trades[key]
                    self._by_parent[(account, report.broker_order_id)].discard(report.trade_id)
                    self._by_tag[(account, report.order_id)].discard(report.trade_id)
            for order in self.orders(account):
                if order.done and order.broker_order_id not in listed and _is_past(order.created_ns, day):
                    del self._files[order.order_id], self._orders[order.order_id]
                    self._by_broker_id.pop((account, order.broker_order_id), None)
            self._positions.forget(account)
            for key, (_, fill) in self._trades.items():
                if key[0] == account:
                    self._positions.put(fill)
            self._rewrite = True

    def open(self, intent: OrderIntent, sent_ns: int = 0) -> Order:
        """Enter an order whose intent is durable: it is on its way."""
        with self._change():
            order = order_of_intent(intent, self._accounts[intent.account], sent_ns)
            self._files[order.order_id] = _File(order)
            self._store(order)
            # A stream that was faster than we are may have spoken of it already.
            self._adopt_trades(self._files[order.order_id], "")
            return self._orders[order.order_id]

    def settle(self, order_id: str, status: OrderStatus, reason: str) -> Order:
        """Conclude for ourselves what no broker has said: UNKNOWN, NOT_PLACED, REJECTED by refusal, EXPIRED by date."""
        with self._change():
            file = self._files[order_id]
            file.local, file.reason = status, reason
            self._judge(file)
            return file.order

    def ask(self, order_id: str, pending: Pending, change: OrderChange | None = None) -> Order:
        """Note that a cancel or a modify is under way."""
        with self._change():
            file = self._files[order_id]
            file.asked = change
            self._update(file, msgspec.structs.replace(file.order, pending=pending))
            return file.order

    def unask(self, order_id: str) -> Order:
        """The request was refused, or its end is known."""
        with self._change():
            file = self._files[order_id]
            file.asked = None
            self._update(file, msgspec.structs.replace(file.order, pending=Pending.NONE))
            self._judge(file)
            return file.order

    # What brokers say ---------------------------------------------------------------------------------------------

    def apply(self, account: str, report: Report) -> bool:
        """Take one report. Whether it changed anything that can be seen; repeating it never does."""
        with self._change():
            if isinstance(report, FillReport):
                return self._apply_fill(account, report)
            return self._apply_order(account, report)

    def apply_all(self, account: str, reports: Iterable[Report]) -> list[Report]:
        """Take many with one new snapshot at the end; answers those that were new."""
        with self._change():
            return [report for report in reports if self.apply(account, report)]

    def recall(self, account: str, report: FillReport) -> None:
        """A trade of an earlier day of an order that goes on: the order's, but none of today's trades and positions."""
        with self._change():
            if (file := self._parent(account, report)) is not None:
                file.fills[report.trade_id] = fill_of(account, report, file.order)
                self._judge(file)

    def adopt(self, account: str) -> list[Order]:
        """Take over the orders of the broker's books that are not ours: placed elsewhere, or before a lost journal."""
        with self._change():
            waiting = [key for key in self._orphans if key[0] == account]
            return [self._adopt(key, self._orphans[key][0]) for key in waiting]

    def open_position(self, account: str, report: PositionReport) -> None:
        """What was held before the first trade that is known here."""
        with self._change():
            self._events.append(PositionUpdated(self._positions.open_with(account, report)))

    def set_holdings(self, account: str, holdings: Sequence[Holding]) -> None:
        """The demat account's content."""
        if self._holdings.get(account) != tuple(holdings):
            with self._change():
                self._holdings[account] = tuple(holdings)
                self._dirty = True

    def set_funds(self, funds: Funds) -> None:
        """The account's money."""
        if self._funds.get(funds.account) != funds:
            with self._change():
                self._funds[funds.account] = funds
                self._events.append(FundsUpdated(funds))

    # ----------------------------------------------------------------------------------------------------------------

    def _apply_order(self, account: str, report: OrderReport) -> bool:
        key = (account, report.broker_order_id)
        file = self._file_of(account, report)
        if file is None:
            if self.in_doubt(account) and not report.order_id:
                return self._keep_orphan(key, report)
            self._adopt(key, report)
            return True
        return self._take(file, report)

    def _file_of(self, account: str, report: OrderReport) -> _File | None:
        """The order that a report is about, by our tag or by the broker's id once the two are known together."""
        key = (account, report.broker_order_id)
        ours = self._files.get(report.order_id) if report.order_id else None
        known = self._by_broker_id.get(key) if report.broker_order_id else None
        if ours is None or ours.order.account != account:
            return self._files[known] if known is not None else None
        if report.broker_order_id and known != ours.order.order_id:
            self._link(ours, key, known)
        return ours

    def _link(self, file: _File, key: tuple[str, str], known: str | None) -> None:
        """Tie a broker's id to our order; what was said under that id alone is the order's, too."""
        self._by_broker_id[key] = file.order.order_id
        if known is not None:  # It had been adopted as a stranger before its tag was seen.
            stranger = self._files.pop(known)
            self._orders.pop(known)
            if stranger.dossier.terms is not None:
                self._take(file, stranger.dossier.terms)
        self._update(file, msgspec.structs.replace(file.order, broker_order_id=key[1]))
        self._adopt_trades(file, key[1])
        for report in self._orphans.pop(key, ()):
            self._take(file, report)

    def _keep_orphan(self, key: tuple[str, str], report: OrderReport) -> bool:
        """Hold a report without a tag while an order of ours may be the one that it is about."""
        held = self._orphans.setdefault(key, [])
        if report in held:
            return False
        held.append(report)
        return True

    def _adopt(self, key: tuple[str, str], report: OrderReport) -> Order:
        """Enter an order that the broker knows and we do not."""
        order_id = report.order_id or report.broker_order_id
        if order_id in self._files:  # The same number at another broker.
            order_id = f"{key[0]}-{report.broker_order_id}"
        order = order_of_report(order_id, self._accounts[key[0]], report)
        file = self._files[order_id] = _File(order)
        self._by_broker_id[key] = order_id
        self._store(order)
        self._adopt_trades(file, key[1])
        for one in [report, *self._orphans.pop(key, ())]:
            self._take(file, one)
        return file.order

    def _take(self, file: _File, report: OrderReport) -> bool:
        order = file.order
        if (report.exchange, report.symbol, report.side) != (order.exchange, order.symbol, order.side):
            file.dossier.add_fault(
                f"A report under its number speaks of {report.side} {report.exchange}:{report.symbol} and was not "
                "applied."
            )
        else:
            before = file.dossier.fingerprint()
            file.dossier.add(report)
            if file.dossier.fingerprint() == before:
                return False
        return self._judge(file)

    def _apply_fill(self, account: str, report: FillReport) -> bool:
        known = self._trades.get((account, report.trade_id))
        if known is not None:
            return self._apply_again(account, known, report)
        parent = self._parent(account, report)
        if parent is not None and report.trade_id in parent.fills:  # recalled
            return False
        self._enter_trade(account, report, parent)
        return True

    def _apply_again(self, account: str, known: tuple[FillReport, Fill], report: FillReport) -> bool:
        """Another report of a trade that is known: the better one counts, and a different content is told."""
        old, fill = known
        same = all(getattr(old, name) == getattr(report, name) for name in ("quantity", "price", "side", "symbol"))
        winner = better_fill(old, report)
        parent = self._parent(account, report) or self._files.get(fill.order_id)
        if not same and parent is not None:
            low, high = sorted([f"{old.quantity} @ {old.price:g}", f"{report.quantity} @ {report.price:g}"])
            parent.dossier.add_fault(
                f"Trade {report.trade_id} was reported twice with different content: {low}, {high}."
            )
        if winner is old and (fill.order_id or parent is None):
            return self._judge(parent) if not same and parent is not None else False
        if fill_of(account, winner, parent.order if parent is not None else None) == fill:
            self._trades[(account, report.trade_id)] = (winner, fill)
            return self._judge(parent) if not same and parent is not None else False
        self._positions.take_out(fill)
        self._enter_trade(account, winner, parent)
        return True

    def _enter_trade(self, account: str, report: FillReport, parent: _File | None = None) -> None:
        file = parent or self._parent(account, report)
        fill = fill_of(account, report, file.order if file is not None else None)
        self._trades[(account, report.trade_id)] = (report, fill)
        self._by_parent.setdefault((account, report.broker_order_id), set()).add(report.trade_id)
        self._by_tag.setdefault((account, report.order_id), set()).add(report.trade_id)
        position = self._positions.put(fill)
        self._events += [TradeHappened(fill), PositionUpdated(position)]
        if file is not None:
            file.fills[fill.trade_id] = fill
            self._judge(file)

    def _parent(self, account: str, report: FillReport) -> _File | None:
        by_tag = self._files.get(report.order_id) if report.order_id else None
        if by_tag is not None and by_tag.order.account == account:
            return by_tag
        known = self._by_broker_id.get((account, report.broker_order_id))
        return self._files[known] if known is not None else None

    def _adopt_trades(self, file: _File, broker_id: str) -> None:
        """Give an order the trades that came before it was known under that id."""
        account, order_id = file.order.account, file.order.order_id
        known = self._by_parent.get((account, broker_id)) if broker_id else self._by_tag.get((account, order_id))
        for trade_id in sorted(known or ()):
            report, fill = self._trades[(account, trade_id)]
            if fill.order_id != order_id:
                self._positions.take_out(fill)
                self._enter_trade(account, report, file)

    def _judge(self, file: _File) -> bool:
        """Let the evidence speak; what contradicts itself becomes an alarm on the order and an error for people."""
        asked = file.asked.quantity if file.asked is not None else 0
        verdict = file.dossier.judge(file.order.quantity, asked, file.fills, local=file.local)
        order = judged(file.order, verdict, file.local, file.reason)
        if file.asked is not None and has_terms(order, file.asked):
            order, file.asked = msgspec.structs.replace(order, pending=Pending.NONE), None
        if order.done and order.pending:
            order = msgspec.structs.replace(order, pending=Pending.NONE)
        if not is_legal(file.order.status, order.status):
            self._tell(
                f"{name_of(order)} went from {file.order.status.value} to {order.status.value}: check the broker."
            )
        for alarm in order.alarms:
            if alarm not in file.order.alarms:
                self._tell(f"{name_of(order)}: {alarm}")
        return self._update(file, order)

    def _tell(self, message: str) -> None:
        self._events.append(ErrorRaised("ledger", message))

    def _update(self, file: _File, order: Order) -> bool:
        if order == file.order:
            return False
        now = self._now_ns()
        first = not file.order.acked_ns and not file.dossier.empty
        file.order = msgspec.structs.replace(
            order, version=order.version + 1, updated_ns=now, acked_ns=now if first else order.acked_ns
        )
        self._store(file.order)
        return True

    def _store(self, order: Order) -> None:
        self._orders[order.order_id] = order
        self._events.append(OrderUpdated(order))

    def batch(self) -> AbstractContextManager[None]:
        """Many changes as one: one snapshot at the end, then the events."""
        return self._change()

    @contextmanager
    def _change(self) -> Iterator[None]:
        self._depth += 1
        try:
            yield
        finally:
            self._depth -= 1
            if not self._depth and (self._events or self._dirty or self._rewrite):
                self._publish_changes()

    def _publish_changes(self) -> None:
        events, self._events, self._dirty = self._events, [], False
        old = self._books
        kinds: set[type[AnyEvent]] = {type(event) for event in events}
        if self._rewrite:
            kinds, self._rewrite = {TradeHappened, OrderUpdated, PositionUpdated}, False
        fills = tuple(map(_FILL, self._trades.values())) if TradeHappened in kinds else old.fills
        self._books = Books(
            version=old.version + 1,
            orders=tuple(self._orders.values()) if OrderUpdated in kinds else old.orders,
            fills=fills,
            positions=self._positions.all() if PositionUpdated in kinds else old.positions,
            holdings=tuple(holding for each in self._holdings.values() for holding in each),
            funds=tuple(self._funds.values()),
        )
        for event in events:
            self._publish(event)


def _is_past(at_ns: int, day: date) -> bool:
    return at_ns > 0 and trade_date(at_ns) < day
