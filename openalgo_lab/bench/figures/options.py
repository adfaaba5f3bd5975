"""The options desk: a chain's volatilities and Greeks, a million options, and a live chain from board to buffer."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from datetime import date
from datetime import time as clock

import numpy as np
import numpy.typing as npt

from openalgo_lab.bench.peers import in_peers
from openalgo_lab.bench.spec import Measured, figure
from openalgo_lab.engine.board import Board
from openalgo_lab.engine.option_data.contracts import ChainContracts
from openalgo_lab.engine.option_data.reading import ChainReader
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.symbols import format_symbol
from openalgo_lab.model.times import NS_PER_DAY, at_ist, to_ns
from openalgo_lab.model.vocabulary import Exchange, InstrumentType
from openalgo_lab.options.black import black_greeks, black_price
from openalgo_lab.options.bulk import bulk_greeks, bulk_volatility, load

__all__ = ["chain_refresh_ms", "chain_us", "greeks_m_per_s", "iv_m_per_s"]

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
    out = np.empty((9, _MANY))
    ours = min(_spent(lambda: bulk_greeks(forward, strike, years, volatility, calls, rate=_RATE, out=out), 9))
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


@figure("chain_refresh_ms", unit="ms", goal=2.0, better="lower")
def chain_refresh_ms() -> Measured:
    """A live chain of 200 strikes, all prices new: from the board to the bytes for the browser, in plain NumPy."""
    from openalgo_lab.ui.chain.columns import CHAIN_COLUMNS, FIELDS
    from openalgo_lab.ui.chain.widget import flags_of
    from openalgo_lab.ui.grid.frames import CellTable

    contracts, board, rows = _live_chain()
    reader, table = ChainReader(contracts), CellTable(CHAIN_COLUMNS)
    table.set_rows(range(len(contracts)), {})
    rng, now = np.random.default_rng(0), contracts.expiry_ns - 6 * NS_PER_DAY
    ltp = board.column("ltp", rows)
    spent = []
    for _ in range(300):
        moved = np.maximum(ltp + 0.05 * rng.integers(-4, 5, len(ltp)), 0.05)
        board.write(rows, {"ltp": moved, "bid": moved, "ask": moved + 0.05}, np.full(len(rows), now))
        start = time.perf_counter()
        reading = reader.read(board, now, traded_only=False)
        columns = {f"call_{name}": reading.calls[name] for name in FIELDS}
        columns |= {f"put_{name}": reading.puts[name] for name in FIELDS}
        table.update(columns, flags_of(contracts, reading, stale=False))
        table.encode()
        spent.append((time.perf_counter() - start) * 1e3)
    return Measured(statistics.median(spent), also={"best": min(spent), "p99": sorted(spent)[int(0.99 * len(spent))]})


def _live_chain() -> tuple[ChainContracts, Board, npt.NDArray[np.int64]]:
    """200 strikes with a call and a put each, priced by the model, on a board."""
    expiry = date(2026, 12, 1)
    strikes = np.arange(200) * 50.0 + 20_000.0
    items = [
        Instrument(
            format_symbol("NIFTY", kind, expiry=expiry, strike=strike), Exchange.NFO, kind, "Nifty",
            number * 2 + (kind is InstrumentType.PE), 65, 0.05, 0, "NIFTY", expiry, strike,
        )
        for number, strike in enumerate(strikes.tolist())
        for kind in (InstrumentType.CE, InstrumentType.PE)
    ]  # fmt: skip
    spot = Instrument("NIFTY", Exchange.NSE_INDEX, InstrumentType.INDEX, "Nifty 50", 9999, 1, 0.05)
    contracts = ChainContracts(
        "NIFTY", expiry, items, spot=spot, future=None, expiry_ns=to_ns(at_ist(expiry, clock(15, 40)))
    )
    board = Board()
    rows = np.array([board.row(item.key) for item in items])
    calls = np.array([item.kind is InstrumentType.CE for item in items])
    prices = black_price(25_012.0, np.array([item.strike for item in items]), 6 / 365, 0.13, calls)
    ltp = np.maximum(np.round(prices / 0.05) * 0.05, 0.05)
    known = {"ltp": ltp, "prev_close": ltp, "volume": ltp * 0 + 65e3, "oi": ltp * 0 + 65e4, "prev_oi": ltp * 0 + 65e4}
    board.write(rows, known, np.zeros(len(rows), dtype=np.int64))
    board.write(np.array([board.row(spot.key)]), {"ltp": np.array([25_000.0])}, np.zeros(1, dtype=np.int64))
    return contracts, board, rows


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
