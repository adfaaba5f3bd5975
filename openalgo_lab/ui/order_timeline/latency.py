"""How long orders take from one step to the next: percentiles from the books. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

import msgspec
import numpy as np

from openalgo_lab.model.events import Books
from openalgo_lab.model.orders import Fill, Order

__all__ = ["STAGES", "Spread", "latencies", "spreads", "steps"]

STAGES = ("check and journal", "to the acknowledgement", "to the first fill")
_NAN = float("nan")


class Spread(msgspec.Struct, frozen=True):
    """Percentiles of one stage in milliseconds; NaN without a measurement."""

    stage: str
    account: str
    count: int
    p50: float
    p90: float
    p95: float
    p99: float
    worst: float


def latencies(order: Order, first_fill_ns: int = 0) -> tuple[float, float, float]:
    """Milliseconds of the three :data:`STAGES` of one order; NaN for what has not happened."""
    return (
        _ms(order.created_ns, order.sent_ns),
        _ms(order.sent_ns, order.acked_ns),
        _ms(order.acked_ns, first_fill_ns),
    )


def spreads(books: Books) -> list[Spread]:
    """A row for each account and stage."""
    first: dict[str, int] = {}
    for fill in books.fills:
        first[fill.order_id] = min(fill.time_ns, first.get(fill.order_id, fill.time_ns))
    rows = []
    for account in sorted({order.account for order in books.orders}):
        mine = [latencies(one, first.get(one.order_id, 0)) for one in books.orders if one.account == account]
        rows += [_spread(stage, account, (one[at] for one in mine)) for at, stage in enumerate(STAGES)]
    return rows


def steps(order: Order, fills: Sequence[Fill]) -> list[tuple[str, int, float, str]]:
    """(step, UTC ns, ms since the step before, detail) from the asking to the end."""
    found = [("asked", order.created_ns, f"{order.side} {order.quantity} {order.symbol} {order.price_type}")]
    if order.sent_ns:
        found.append(("checked, written down, sent", order.sent_ns, ""))
    if order.acked_ns:
        found.append(("acknowledged", order.acked_ns, f"broker's number {order.broker_order_id}"))
    found += [("filled", fill.time_ns, f"{fill.quantity} @ {fill.price:,.2f}") for fill in fills]
    if order.done:
        found.append((order.status.value.replace("_", " "), order.updated_ns, order.reason))
    before = [at for _, at, _ in found]
    gaps = [_NAN, *(_ms(a, b) for a, b in pairwise(before))]
    return [(name, at, gap, detail) for (name, at, detail), gap in zip(found, gaps, strict=True)]


def _ms(start_ns: int, end_ns: int) -> float:
    return (end_ns - start_ns) / 1e6 if start_ns and end_ns else _NAN


def _spread(stage: str, account: str, values: Iterable[float]) -> Spread:
    known = np.array([value for value in values if np.isfinite(value)])
    if not len(known):
        return Spread(stage, account, 0, *([_NAN] * 5))
    p50, p90, p95, p99 = np.percentile(known, (50, 90, 95, 99)).tolist()
    return Spread(stage, account, len(known), p50, p90, p95, p99, float(known.max()))
