"""Candles of any span from a broker that gives so many days a call."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence

import numpy as np
import numpy.typing as npt

from openalgo_lab.broker.spec import BrokerSpec
from openalgo_lab.model.errors import NotSupported
from openalgo_lab.model.market import Bars
from openalgo_lab.model.times import NS_PER_SECOND, Clock, SystemClock, day_bounds_ns, from_ns

__all__ = ["fetch_history", "joined", "pages"]

_NS_PER_DAY = 86_400 * NS_PER_SECOND

FetchPage = Callable[[int, int], Awaitable[Bars]]


async def fetch_history(
    spec: BrokerSpec, interval: str, start_ns: int, end_ns: int, fetch: FetchPage, *, clock: Clock | None = None
) -> Bars:
    """All candles that start in [start_ns, end_ns), ascending, by as many calls as it takes.

    Raises NotSupported for an interval that the broker has not.
    """
    limits = spec.history
    if limits.intervals and interval not in limits.intervals:
        offered = ", ".join(limits.intervals)
        raise NotSupported(f"{spec.name} has no candles of {interval!r}; it has {offered}.", field="interval")
    days = limits.intervals.get(interval, 0)
    today_ns = _midnight_ns((clock or SystemClock()).now_ns()) if limits.today_apart else 0
    found = [await fetch(start, end) for start, end in pages(start_ns, end_ns, days, today_ns)]
    return joined(found, start_ns, end_ns)


def pages(start_ns: int, end_ns: int, days: int, cut_ns: int = 0) -> Iterator[tuple[int, int]]:
    """The span cut into pages of at most ``days`` (0 = one page), oldest first; none of them spans ``cut_ns``."""
    if start_ns < cut_ns < end_ns:
        yield from pages(start_ns, cut_ns, days)
        start_ns = cut_ns
    step = days * _NS_PER_DAY or max(end_ns - start_ns, 1)
    for start in range(start_ns, end_ns, step):
        yield start, min(start + step, end_ns)


def _midnight_ns(now_ns: int) -> int:
    return day_bounds_ns(from_ns(now_ns).date())[0]


def joined(parts: Sequence[Bars], start_ns: int, end_ns: int) -> Bars:
    """Pages as one: within the span, ascending, each candle once (where pages overlap, the later page's)."""
    starts = np.concatenate([np.empty(0, dtype=np.int64), *(part.start_ns for part in parts)])
    order = np.argsort(starts, kind="stable")
    ordered = starts[order]
    last = np.append(ordered[1:] != ordered[:-1], True)[: len(ordered)]
    kept = order[last & (ordered >= start_ns) & (ordered < end_ns)]
    values = {name: _column(parts, name)[kept] for name in Bars.__struct_fields__ if name != "start_ns"}
    return Bars(start_ns=starts[kept], **values)


def _column(parts: Sequence[Bars], name: str) -> npt.NDArray[np.float64]:
    return np.concatenate([np.empty(0), *(getattr(part, name) for part in parts)])
