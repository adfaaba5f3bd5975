"""What an engine is started with."""

from __future__ import annotations

import msgspec

from openalgo_lab.engine.risk_settings import RiskSettings

__all__ = ["EngineConfig", "RateLimits", "ReconcileTimes", "SimSettings"]


class SimSettings(msgspec.Struct, frozen=True):
    """The simulated exchange: ``seed`` makes the market reproducible; ``around_the_clock`` keeps it always open."""

    seed: int = 20260819
    around_the_clock: bool = True
    latency_ms: float = 0.0
    late_reject_rate: float = 0.0
    opening_balance: float = 10_000_000.0
    """Rupees of a fresh account."""


class ReconcileTimes(msgspec.Struct, frozen=True):
    """When the ledger is compared with the broker's books, in seconds.

    An order whose outcome is unknown is taken as not placed only when it was absent from two complete day books,
    both fetched at least ``proof_age_s`` after the doubt and at least ``proof_gap_s`` apart.
    """

    every_s: float = 30.0
    doubt_every_s: float = 1.0
    proof_age_s: float = 5.0
    proof_gap_s: float = 3.0


class RateLimits(msgspec.Struct, frozen=True):
    """Commands per second a caller may give, by class; 0 = as many as it likes. Cancels are never limited.

    The broker's own limits are kept by its adapter; these protect the engine and the user from a runaway loop.
    """

    order_per_s: float = 0.0
    read_per_s: float = 0.0


class EngineConfig(msgspec.Struct, frozen=True):
    """One engine: its profile, where it trades, and the user's limits.

    ``broker`` "simulated" needs no login. ``replay`` is the path of a recording that becomes the market ("" = none),
    played ``speed`` times as fast. ``risk`` None takes the limits of the profile's own file.
    """

    profile: str = "default"
    broker: str = "simulated"
    account: str = ""
    replay: str = ""
    speed: float = 1.0
    sim: SimSettings = SimSettings()
    risk: RiskSettings | None = None
    rates: RateLimits = RateLimits()
    reconcile: ReconcileTimes = ReconcileTimes()
