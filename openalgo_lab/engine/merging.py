"""What the evidence about one order amounts to: a pure function of the set of reports, whatever order they came in.

Reports are kept as maxima under total orders, so that taking one twice, or in another order, changes nothing. Progress
decides first (the cumulative filled quantity never falls), then the exchange's time, then the rank of the source
(trade book > order book > stream > HTTP reply): the rank settles what is said of one moment, and a book that was
fetched a second ago cannot hide what the stream said since. An end outweighs everything that lives, except an end
that only an HTTP reply claims.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import combinations

import msgspec

from openalgo_lab.model.orders import LEGAL_TRANSITIONS, Fill, OrderStatus
from openalgo_lab.model.reports import Evidence, FillReport, OrderReport

__all__ = ["ENDED", "Dossier", "Verdict", "better_fill"]

_S = OrderStatus

ENDED = frozenset({_S.COMPLETE, _S.CANCELLED, _S.REJECTED, _S.EXPIRED})
_STAGE = {_S.ACCEPTED: 0, _S.TRIGGER_PENDING: 1, _S.OPEN: 2, _S.PARTIALLY_FILLED: 3}

_encode = msgspec.msgpack.encode


class Verdict(msgspec.Struct, frozen=True):
    """What is known of an order. ``status`` None: no broker has said anything yet."""

    status: OrderStatus | None
    filled_quantity: int
    average_price: float
    reason: str
    terms: OrderReport | None
    alarms: tuple[str, ...]


class Dossier:
    """All that was reported of one order, as far as it still matters."""

    __slots__ = ("_ended", "_ended_as", "_ended_filled", "_faults", "_filled", "_live", "_terms")

    def __init__(self) -> None:
        self._live: OrderReport | None = None
        self._ended: OrderReport | None = None
        self._ended_as: set[OrderStatus] = set()
        self._ended_filled = 0
        self._filled: OrderReport | None = None
        self._terms: OrderReport | None = None
        self._faults: set[str] = set()

    @property
    def empty(self) -> bool:
        """Whether no broker has said anything of this order."""
        return self._live is None and self._ended is None

    @property
    def terms(self) -> OrderReport | None:
        """The report with the latest terms."""
        return self._terms

    def fingerprint(self) -> tuple[object, ...]:
        """Equal before and after a report that said nothing new."""
        seen = (len(self._ended_as), self._ended_filled, len(self._faults))
        return self._live, self._ended, self._filled, self._terms, seen

    def add(self, report: OrderReport) -> None:
        """Take a report about this order. Idempotent, and the order of calls does not matter."""
        if report.status in ENDED:
            self._ended_as.add(report.status)
            self._ended_filled = max(self._ended_filled, report.filled_quantity)
            self._ended = _greater(self._ended, report, _end_key)
        else:
            self._live = _greater(self._live, report, _live_key)
        self._filled = _greater(self._filled, report, _fill_key)
        self._terms = _greater(self._terms, report, _terms_key)

    def add_fault(self, sentence: str) -> None:
        """Note a report that contradicts the order itself and was not applied."""
        self._faults.add(sentence)

    def judge(self, quantity: int, asked_quantity: int, fills: Mapping[str, Fill], local: OrderStatus) -> Verdict:
        """What it amounts to. ``quantity`` is ordered; ``asked_quantity`` what a modify under way asks for.

        ``local`` is what we had concluded ourselves before any of it came.
        """
        if self._terms is not None:
            quantity = self._terms.quantity
        limit = max(quantity, asked_quantity)
        filled, average = self._progress(fills)
        status = self._status(filled, limit)
        alarms = sorted(
            {*self._faults, *self._contradictions(status, filled, quantity, limit), *_surprise(status, local)}
        )
        reason = self._ended.reason if self._ended is not None and status is self._ended.status else ""
        return Verdict(status, filled, average, reason, self._terms, tuple(alarms))

    def _progress(self, fills: Mapping[str, Fill]) -> tuple[int, float]:
        """Filled units and their average price: from the trades when they cover what the order reports claim."""
        traded = sum(fill.quantity for fill in fills.values())
        reported = self._filled.filled_quantity if self._filled is not None else 0
        if traded and traded >= reported:
            in_order = sorted(fills.values(), key=lambda fill: fill.trade_id)
            return traded, sum(fill.price * fill.quantity for fill in in_order) / traded
        return reported, self._filled.average_price if self._filled is not None and reported else 0.0

    def _status(self, filled: int, limit: int) -> OrderStatus | None:
        ended, live = self._ended, self._live
        if ended is not None and not self._end_is_hearsay():
            if ended.status is _S.COMPLETE or filled >= limit:
                return _S.COMPLETE
            if ended.status is _S.REJECTED and filled:
                return _S.PARTIALLY_FILLED
            return ended.status
        if filled:
            return _S.COMPLETE if filled >= limit else _S.PARTIALLY_FILLED
        return live.status if live is not None else None

    def _end_is_hearsay(self) -> bool:
        """Whether only an HTTP reply claims the end while a better source knows the order as alive."""
        ended, live = self._ended, self._live
        return (
            ended is not None
            and live is not None
            and ended.source is Evidence.HTTP_REPLY
            and live.source > Evidence.HTTP_REPLY
        )

    def _contradictions(self, status: OrderStatus | None, filled: int, quantity: int, limit: int) -> Iterable[str]:
        if filled > limit:
            yield f"Overfilled: {filled} units were filled of {quantity} ordered. Check the position at the broker."
        if status is not None:
            yield from self._contradicted_end(filled, quantity)

    def _contradicted_end(self, filled: int, quantity: int) -> Iterable[str]:
        ended, live = self._ended, self._live
        if ended is None:
            return
        late = filled - self._ended_filled
        if late > 0 and ended.status in (_S.CANCELLED, _S.EXPIRED):
            yield f"{late} units were filled after it was {ended.status.value}: the exchange matched them before."
        if ended.status is _S.REJECTED and filled:
            yield f"It was reported rejected, yet {filled} units were filled."
        if ended.status is _S.COMPLETE and filled < quantity:
            yield f"It was reported complete with {quantity - filled} of {quantity} units missing."
        for one, other in combinations(sorted(self._ended_as), 2):
            if other not in LEGAL_TRANSITIONS[one] and one not in LEGAL_TRANSITIONS[other]:
                yield f"It was reported both {one.value} and {other.value}."
        if live is not None and (self._end_is_hearsay() or 0 < ended.exchange_ns < live.exchange_ns):
            yield f"It was reported {live.status.value} after it was {ended.status.value}. Check it at the broker."


def _surprise(status: OrderStatus | None, local: OrderStatus) -> Iterable[str]:
    """An order that turned up although we had concluded that it is not there."""
    if local is _S.NOT_PLACED and status is not None:
        yield "It had been taken as not placed and turned up at the broker after all."
    if local is _S.REJECTED and status not in (None, _S.REJECTED):
        yield "The broker had refused it and it turned up after all."


def better_fill(one: FillReport, other: FillReport) -> FillReport:
    """Which of two reports of the same trade counts: the higher source, then the later time; a total order."""
    return max(one, other, key=lambda report: (report.source, report.exchange_ns, _encode(report)))


def _greater(
    best: OrderReport | None, report: OrderReport, key: Callable[[OrderReport], tuple[int, ...]]
) -> OrderReport:
    if best is None:
        return report
    left, right = key(best), key(report)
    if left != right:
        return best if left > right else report
    return best if _encode(best) >= _encode(report) else report


def _live_key(report: OrderReport) -> tuple[int, ...]:
    # An HTTP reply tells that the request was taken, not how the order fares: its time counts for nothing.
    return report.filled_quantity, _is_told(report), report.exchange_ns, report.source, _STAGE[report.status]


def _end_key(report: OrderReport) -> tuple[int, ...]:
    return report.status is _S.COMPLETE, report.source, report.filled_quantity, report.exchange_ns


def _fill_key(report: OrderReport) -> tuple[int, ...]:
    return report.filled_quantity, report.source, report.exchange_ns


def _terms_key(report: OrderReport) -> tuple[int, ...]:
    return _is_told(report), report.exchange_ns, report.source, report.filled_quantity


def _is_told(report: OrderReport) -> bool:
    return report.source > Evidence.HTTP_REPLY
