"""What was said to brokers and how fast they answered, by account and endpoint; and how much of their rates is used."""

from __future__ import annotations

import msgspec

from openalgo_lab.model.command_base import Command

__all__ = ["EndpointTraffic", "GetTraffic", "RateUse", "TrafficReport"]


class EndpointTraffic(msgspec.Struct, frozen=True):
    """One endpoint of one account since the account was opened.

    ``requests`` are REST calls that were tried, or messages sent to a feed; ``answers`` those that came back, or the
    feed's own messages. ``refused``: the broker answered with an error; ``failed``: nothing came back; ``throttled``:
    our limiter or the broker said "too many", and nothing was done. Milliseconds are of the last calls, NaN without
    one; ``waited_ms`` is the longest wait for a turn within the rates. ``last_ns`` UTC.
    """

    account: str
    endpoint: str
    feed: bool = False
    requests: int = 0
    answers: int = 0
    refused: int = 0
    failed: int = 0
    throttled: int = 0
    sent_bytes: int = 0
    received_bytes: int = 0
    p50_ms: float = float("nan")
    p95_ms: float = float("nan")
    p99_ms: float = float("nan")
    worst_ms: float = float("nan")
    waited_ms: float = 0.0
    last_ns: int = 0


class RateUse(msgspec.Struct, frozen=True):
    """One of a broker's rates: ``used`` of ``count`` within the present ``per_s`` seconds; ``waiting`` for a turn."""

    account: str
    pool: str
    count: int
    per_s: float
    used: int
    waiting: int = 0

    @property
    def share(self) -> float:
        """How much of it is used."""
        return self.used / self.count if self.count else 0.0


class TrafficReport(msgspec.Struct, frozen=True):
    """All accounts that reach a broker; ``silent`` are those that open no connection (the sandbox)."""

    endpoints: tuple[EndpointTraffic, ...] = ()
    rates: tuple[RateUse, ...] = ()
    silent: tuple[str, ...] = ()


class GetTraffic(Command[TrafficReport], frozen=True, tag="get_traffic"):
    """What has passed so far, of one account or of all."""

    account: str = ""
