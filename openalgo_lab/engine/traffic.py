"""What has passed between us and the brokers, read from each login's meter."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol, runtime_checkable

from openalgo_lab.engine.principal import Permission, Principal
from openalgo_lab.engine.router import Line, Router
from openalgo_lab.engine.table import handles
from openalgo_lab.model.traffic import EndpointTraffic, GetTraffic, RateUse, TrafficReport
from openalgo_lab.wire.limits import Limiter
from openalgo_lab.wire.meter import TrafficMeter

__all__ = ["TrafficDesk"]


@runtime_checkable
class _Metered(Protocol):
    """An adapter that reaches a broker, and counts."""

    @property
    def meter(self) -> TrafficMeter:
        """The counts."""

    @property
    def limiter(self) -> Limiter:
        """The rates."""


class TrafficDesk:
    """The handler."""

    def __init__(self, router: Router) -> None:
        self._router = router

    @handles(GetTraffic, permission=Permission.READ)
    async def get_traffic(self, command: GetTraffic, _: Principal) -> TrafficReport:
        """All endpoints and rates, of one account or of all. Raises InputError for an account that nobody has."""
        lines = [self._router.line(command.account)] if command.account else self._router.lines
        return TrafficReport(
            tuple(_endpoints(lines)),
            tuple(_rates(lines)),
            tuple(line.name for line in lines if not isinstance(line.adapter, _Metered)),
        )


def _endpoints(lines: Iterable[Line]) -> Iterator[EndpointTraffic]:
    for line in lines:
        if not isinstance(line.adapter, _Metered):
            continue
        for name, point in sorted(line.adapter.meter.endpoints.items()):
            p50, p95, p99 = point.percentiles((0.50, 0.95, 0.99))
            yield EndpointTraffic(
                line.name, name, feed=point.feed, requests=point.requests, answers=point.answers,
                refused=point.refused, failed=point.failed, throttled=point.throttled, sent_bytes=point.sent_bytes,
                received_bytes=point.received_bytes, p50_ms=p50, p95_ms=p95, p99_ms=p99,
                worst_ms=max(point.ms, default=float("nan")), waited_ms=point.waited_ms, last_ns=point.last_ns,
            )  # fmt: skip


def _rates(lines: Iterable[Line]) -> Iterator[RateUse]:
    for line in lines:
        if isinstance(line.adapter, _Metered):
            for rate, used, waiting in line.adapter.limiter.usage():
                yield RateUse(line.name, rate.pool, rate.count, rate.per_s, used, waiting)
