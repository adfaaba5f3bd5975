"""The options desk: a chain's volatilities and Greeks, a million options, and a live chain from board to buffer."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import numpy as np

from openalgo_lab.bench.peers import in_peers
from openalgo_lab.bench.spec import Measured, figure
from openalgo_lab.options.black import black_greeks, black_price
from openalgo_lab.options.bulk import bulk_greeks, bulk_volatility, load

__all__ = ["chain_us", "greeks_m_per_s", "iv_m_per_s"]

_MANY = 1_000_000
_RATE = 0.065

_PY_VOLLIB = """
import time
import numpy as np
from py_vollib.black import black
from py_vollib.black.greeks.analytical import delta, gamma, rho, theta, vega
from py_vollib.black.implied_volatility import implied_volatility
strikes = np.arange(200) * 50.0 + 20025.0
options = []
for k in strikes:
    for flag in "cp":
        s = 0.12 + 0.5 * np.log(k / 25012.0) ** 2
        options.append((black(flag, 25012.0, k, 6 / 365, 0.065, s), flag, k))
best = 1e9
for _ in range(15):
    start = time.perf_counter()
    for price, flag, k in options:
        try:
            s = implied_volatility(price, 25012.0, k, 0.065, 6 / 365, flag)
        except Exception:  # it finds none deep in the money
            continue
        black(flag, 25012.0, k, 6 / 365, 0.065, s)
        for greek in (delta, gamma, theta, vega, rho):
            greek(flag, 25012.0, k, 6 / 365, 0.065, s)
    best = min(best, time.perf_counter() - start)
print(best * 1e6)
"""


@figure("chain_us", unit="µs", goal=80.0, better="lower")
def chain_us() -> Measured:
    """200 strikes, calls and puts: volatility, price and all Greeks; best of many. Peer: py_vollib, same chain."""
    load()
    strikes = np.tile(np.arange(200) * 50.0 + 20_025.0, 2)
    calls = np.repeat((True, False), 200)
    volatility = 0.12 + 0.5 * np.log(strikes / 25_012.0) ** 2
    price = black_price(25_012.0, strikes, 6 / 365, volatility, calls, rate=_RATE)

    def chain() -> None:
        found = bulk_volatility(price, 25_012.0, strikes, 6 / 365, calls, rate=_RATE)
        bulk_greeks(25_012.0, strikes, 6 / 365, found, calls, rate=_RATE)

    spent = _spent(chain, 500)
    return Measured(min(spent) * 1e6, in_peers(_PY_VOLLIB), also={"median": statistics.median(spent) * 1e6})


@figure("greeks_m_per_s", unit="M/s", goal=30.0, better="higher", also={"times NumPy": 4.0})
def greeks_m_per_s() -> Measured:
    """A million options on one thread: price and eight Greeks; best round, and how many times plain NumPy."""
    load()
    forward, strike, years, volatility, calls = _million()
    ours = min(_spent(lambda: bulk_greeks(forward, strike, years, volatility, calls, rate=_RATE), 9))
    plain = min(_spent(lambda: black_greeks(forward, strike, years, volatility, calls, rate=_RATE), 3))
    return Measured(_MANY / ours / 1e6, also={"times NumPy": plain / ours})


@figure("iv_m_per_s", unit="M/s", goal=6.0, better="higher")
def iv_m_per_s() -> Measured:
    """A million volatilities on one thread, best round; beside it the largest error where the time value is 1e-6."""
    load()
    forward, strike, years, volatility, calls = _million()
    price = bulk_greeks(forward, strike, years, volatility, calls, rate=_RATE).price
    found = bulk_volatility(price, forward, strike, years, calls, rate=_RATE)
    spent = _spent(lambda: bulk_volatility(price, forward, strike, years, calls, rate=_RATE), 7)
    value = price * np.exp(_RATE * years) - np.maximum(np.where(calls, forward - strike, strike - forward), 0.0)
    error = float(np.nanmax(np.abs(found - volatility)[value >= 1e-6]))
    return Measured(_MANY / min(spent) / 1e6, also={"largest error": error})


def _million() -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(0)
    forward = 25_000.0 * np.exp(rng.normal(0.0, 0.01, _MANY))
    strike = 25_000.0 * np.exp(rng.uniform(-0.15, 0.15, _MANY))
    return forward, strike, rng.uniform(1, 60, _MANY) / 365, rng.uniform(0.08, 0.6, _MANY), rng.random(_MANY) < 0.5


def _spent(work: Callable[[], object], rounds: int) -> list[float]:
    """Seconds of each round."""
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return times
