"""What brokers say goes through here: into the ledger, and what was new into the journal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from typing import TypeGuard

from openalgo_lab.engine.ledger import Ledger
from openalgo_lab.engine.router import Line
from openalgo_lab.model.errors import JournalError
from openalgo_lab.model.orders import Order, OrderStatus
from openalgo_lab.model.reports import FillReport, PositionReport, Report
from openalgo_lab.model.times import trade_date
from openalgo_lab.store.journal_records import (
    Asked,
    Ended,
    Intended,
    JournalRecord,
    KillSwitched,
    Opening,
    Reported,
    Settled,
    Snapshotted,
)

__all__ = ["Recorder", "Restored"]

_ON_ITS_WAY = "The engine ended while it was on its way; the broker's books will tell."


class Restored:
    """What a journal gave back besides the ledger's content: keys that were used, and the kill switch."""

    def __init__(self) -> None:
        self.client_keys: dict[tuple[str, str], str] = {}
        self.kill_switch = False


class Recorder:
    """Ledger and journal in step. Nothing that is replayed is written again."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._ended: set[str] = set()

    def take(self, line: Line, reports: Iterable[Report]) -> list[Report]:
        """Apply reports of an account; answers those that said something new."""
        new = self._ledger.apply_all(line.name, reports)
        for report in new:
            line.journal.append(Reported(line.name, self._ledger.order_id_of(line.name, report), report))
        return new

    def settle(self, line: Line, order_id: str, status: OrderStatus, reason: str) -> Order:
        """Conclude for ourselves, and write it down."""
        line.journal.append(Settled(order_id, status, reason))
        return self._ledger.settle(order_id, status, reason)

    def note_asked(self, line: Line, order_id: str, what: str, by: str) -> None:
        """For the audit trail: a request about a working order."""
        line.journal.append(Asked(order_id, what, by))

    def open_position(self, line: Line, report: PositionReport) -> None:
        """What was held before the day's first trade."""
        line.journal.append(Opening(line.name, report))
        self._ledger.open_position(line.name, report)

    def note_if_ended(self, line: Line, order: Order) -> None:
        """An order that has ended is not looked for on the days to come."""
        if order.done and order.order_id not in self._ended:
            self._ended.add(order.order_id)
            line.journal.append(Ended(order.order_id))

    def restore(self, line: Line, now_ns: int) -> Restored:
        """Replay a journal into the ledger. An order without any word of its fate is UNKNOWN.

        Trades of earlier days (of orders that had not ended) are their orders' only: today's positions begin with
        what the broker says is held.

        Raises JournalError for records that cannot be read.
        """
        restored = Restored()
        old: list[Reported] = []
        with self._ledger.batch():
            for record in self._readable(line):
                if _is_fill_before(record, trade_date(now_ns)):
                    old.append(record)
                else:
                    self._restore(line, record, restored)
            for record in old:
                self._restore_earlier(line, record, now_ns, restored)
            for order in self._ledger.orders(line.name):
                if order.status is OrderStatus.SENDING:
                    self._ledger.settle(order.order_id, OrderStatus.UNKNOWN, _ON_ITS_WAY)
        return restored

    def _readable(self, line: Line) -> Iterator[JournalRecord]:
        try:
            yield from line.journal.replay()
        except JournalError as error:
            raise JournalError(f"The orders of {line.name} cannot be restored: {error}") from error

    def _restore(self, line: Line, record: JournalRecord, restored: Restored) -> None:
        match record:
            case Intended():
                self._restore_intent(line, record, restored)
            case Reported(account=account, report=report):
                if account == line.name:
                    self._ledger.apply(account, report)
            case Settled(order=order_id, status=status, reason=reason):
                self._restore_settled(line, order_id, status, reason)
            case Opening(account=account, position=position):
                if account == line.name:
                    self._ledger.open_position(account, position)
            case KillSwitched(engaged=engaged):
                restored.kill_switch = engaged
            case Ended(order=order_id):
                self._ended.add(order_id)
            case Snapshotted():
                self._restore_snapshot(line, record)
            case Asked():
                pass

    def _restore_intent(self, line: Line, record: Intended, restored: Restored) -> None:
        intent = record.intent
        if intent.account == line.name and self._ledger.find(intent.order_id) is None:
            self._ledger.open(intent, intent.created_ns)
        if record.client_key:
            restored.client_keys[(intent.account, record.client_key)] = intent.order_id

    def _restore_earlier(self, line: Line, record: Reported, now_ns: int, restored: Restored) -> None:
        """An earlier day's trade; one with an old stamp whose order is of today is today's all the same."""
        order = self._ledger.find(record.order)
        earlier = order is not None and trade_date(order.created_ns) < trade_date(now_ns)
        if earlier and record.account == line.name and isinstance(record.report, FillReport):
            self._ledger.recall(line.name, record.report)
        else:
            self._restore(line, record, restored)

    def _restore_snapshot(self, line: Line, record: Snapshotted) -> None:
        """Money and holdings as they were last known; positions follow from the journal's own orders and trades."""
        if record.account == line.name:
            self._ledger.set_holdings(line.name, record.holdings)
            if record.funds is not None:
                self._ledger.set_funds(record.funds)

    def _restore_settled(self, line: Line, order_id: str, status: OrderStatus, reason: str) -> None:
        order = self._ledger.find(order_id)
        if order is not None and order.account == line.name:
            self._ledger.settle(order_id, status, reason)


def _is_fill_before(record: JournalRecord, today: date) -> TypeGuard[Reported]:
    """Whether a record tells a trade that is stamped with an earlier day."""
    if not isinstance(record, Reported) or not isinstance(record.report, FillReport):
        return False
    return bool(record.report.exchange_ns) and trade_date(record.report.exchange_ns) < today
