"""Backtests: an SMA cross with fees, slippage and a stop over a million one-minute bars, and a sweep of 500 of them.

The rivals trade the same bars by the same rules: vectorbt beside the kernel, backtesting.py beside the event engine.
"""

from __future__ import annotations

import subprocess
import sys
import time
from typing import Any, Final

import numpy as np

from openalgo_lab.backtest.grid import all_of
from openalgo_lab.backtest.market import Market, make_market
from openalgo_lab.backtest.run import SignalHost, run_events, trade_vector
from openalgo_lab.backtest.settings import BacktestSettings, FlatCharges, Slippage
from openalgo_lab.backtest.sweep import try_all
from openalgo_lab.bench.kernel import running_kernel
from openalgo_lab.bench.peers import in_peers
from openalgo_lab.bench.spec import CannotMeasure, Measured, figure
from openalgo_lab.indicators import sma
from openalgo_lab.lab.backtest import dated_tables
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.market import Bars
from openalgo_lab.model.vocabulary import Exchange, InstrumentType
from openalgo_lab.strategy import Bar, SignalStrategy, Strategy, crossed_above, crossed_below

__all__ = [
    "backtest_event_bars_per_s",
    "backtest_first_call_s",
    "backtest_vector_bars_per_s",
    "notebook_first_backtest_s",
    "sweep_500x100k_s",
    "sweep_rss_mb",
]

BARS: Final = 1_000_000
ROUNDS: Final = 5
SETTINGS: Final = BacktestSettings(
    cash=1e7, charges=FlatCharges(0.03), slippage=Slippage(percent=0.02), guard=False, tick_rounding=False
)

_DATA: Final = """
import time, warnings
warnings.simplefilter("ignore")
import numpy as np, pandas as pd
n = {bars}
close = 100 * np.exp(np.cumsum(np.random.default_rng(7).normal(0, 0.0005, n)))
first = np.concatenate((close[:1], close[:-1]))
high, low = np.maximum(first, close) * 1.0003, np.minimum(first, close) * 0.9997
def best(once, rounds):
    once()
    spent = []
    for _ in range(rounds):
        start = time.perf_counter()
        once()
        spent.append(time.perf_counter() - start)
    print(n / min(spent))
"""
_VECTORBT: Final = """
import vectorbt as vbt
c, o, h, l = (pd.Series(column) for column in (close, first, high, low))
def once():
    fast, slow = vbt.MA.run(c, 20), vbt.MA.run(c, 50)
    made = vbt.Portfolio.from_signals(c, fast.ma_crossed_above(slow), fast.ma_crossed_below(slow), open=o, high=h,
        low=l, init_cash=1e7, fees=0.0003, slippage=0.0002, sl_stop=0.01, size=100)
    return made.trades.records, made.value()
best(once, 3)
"""
_BACKTESTING: Final = """
from backtesting import Backtest, Strategy
frame = pd.DataFrame({"Open": first, "High": high, "Low": low, "Close": close, "Volume": 1e6},
    index=pd.date_range("2020-01-01", periods=n, freq="min"))
def mean(values, length): return pd.Series(values).rolling(length).mean()
class Cross(Strategy):
    def init(self):
        self.fast, self.slow = self.I(mean, self.data.Close, 20), self.I(mean, self.data.Close, 50)
    def next(self):
        if self.fast[-1] > self.slow[-1] and self.fast[-2] <= self.slow[-2]:
            if not self.position: self.buy(size=100, sl=self.data.Close[-1] * 0.99)
        elif self.fast[-1] < self.slow[-1] and self.fast[-2] >= self.slow[-2]: self.position.close()
def once(): Backtest(frame, Cross, cash=1e7, commission=0.0003, spread=0.0002).run()
start = time.perf_counter()
once()
print(n / (time.perf_counter() - start))
"""


class SignalCross(SignalStrategy):
    """The cross as signals."""

    fast = 20
    slow = 50
    stop_pct = 1.0
    size = 100

    def signals(self, bars: Bars) -> Any:
        fast, slow = self.shared(sma, bars.close, self.fast), self.shared(sma, bars.close, self.slow)
        out = crossed_above(fast, slow).astype(np.int8)
        out[crossed_below(fast, slow)] = 2
        return out


class EventCross(Strategy):
    """The cross as events."""

    def init(self) -> None:
        self.fast = self.indicator(sma, self.data.close, 20)
        self.slow = self.indicator(sma, self.data.close, 50)

    def on_bar(self, bar: Bar) -> None:
        if len(self.data) < 51:
            return
        if self.fast[-1] > self.slow[-1] and self.fast[-2] <= self.slow[-2]:
            if not self.position:
                self.buy(100, stop_loss=bar.close * 0.99)
        elif self.fast[-1] < self.slow[-1] and self.fast[-2] >= self.slow[-2]:
            self.close()


def minute_bars(count: int) -> Bars:
    """One-minute bars of sessions of 375 minutes."""
    close = 100 * np.exp(np.cumsum(np.random.default_rng(7).normal(0, 0.0005, count)))
    first = np.concatenate((close[:1], close[:-1]))
    high, low = np.maximum(first, close) * 1.0003, np.minimum(first, close) * 0.9997
    day, minute = np.divmod(np.arange(count), 375)
    start = ((16_800 + day) * 86_400 + 13_500 + minute * 60) * 10**9
    return Bars(start.astype(np.int64), first, high, low, close, np.full(count, 1e6), np.zeros(count))


def market_of(count: int) -> Market:
    """The bars, ready to run."""
    instrument = Instrument("SBIN", Exchange.NSE, InstrumentType.EQ, "SBIN", 1, 1, 0.05)
    return make_market(instrument, minute_bars(count), SETTINGS, dated_tables())


@figure("backtest_vector_bars_per_s", unit="1/s", goal=35_000_000, better="higher")
def backtest_vector_bars_per_s() -> Measured:
    """Indicators, signals, trades and equity curve by the vector kernel; the best of five rounds."""
    market = market_of(BARS)
    made = SignalCross(SignalHost(market), {})
    equity = np.empty(BARS)
    trade_vector(made, market, SETTINGS, 1.0, equity)
    spent, trades = [], 0
    for _ in range(ROUNDS):
        start = time.perf_counter()
        trades = len(trade_vector(made, market, SETTINGS, 1.0, equity).trades)
        spent.append(time.perf_counter() - start)
    peer = in_peers(_DATA.format(bars=BARS) + _VECTORBT, timeout_s=240)
    return Measured(BARS / min(spent), peer, also={"trades": float(trades)})


@figure("backtest_event_bars_per_s", unit="1/s", goal=300_000, better="higher")
def backtest_event_bars_per_s() -> Measured:
    """The strategy as written, bar by bar, with its orders; the better of three rounds."""
    market, tables = market_of(BARS), dated_tables()
    spent, trades = [], 0
    for _ in range(3):
        start = time.perf_counter()
        record, _ = run_events(EventCross, [market], SETTINGS, tables, {})
        spent.append(time.perf_counter() - start)
        trades = len(record.trades)
    peer = in_peers(_DATA.format(bars=BARS) + _BACKTESTING, timeout_s=240)
    return Measured(BARS / min(spent), peer, also={"trades": float(trades)})


def sweep_once() -> float:
    """Seconds of a sweep of 25 × 20 crosses over 100,000 bars."""
    market, tables = market_of(100_000), dated_tables()
    grid = all_of({"fast": range(5, 55, 2), "slow": range(60, 260, 10)})
    start = time.perf_counter()
    tried = try_all(SignalCross, [market], SETTINGS, tables, grid)
    spent = time.perf_counter() - start
    assert tried.figures.shape[0] == 500
    return spent


@figure("sweep_500x100k_s", unit="s", goal=1.0, better="lower")
def sweep_500x100k_s() -> Measured:
    """500 combinations with all their figures and daily returns, on one core; the best of four, the first beside it."""
    spent = [sweep_once() for _ in range(4)]
    return Measured(min(spent), also={"first_s": spent[0]})


@figure("sweep_rss_mb", unit="MB", goal=300.0, better="lower")
def sweep_rss_mb() -> float:
    """The largest memory of a process that does nothing but this sweep, Python, NumPy and Numba included."""
    code = (
        "import resource; from openalgo_lab.bench.figures.backtest import sweep_once; sweep_once();"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)"
    )
    return _number_of(code)


_FIRST_CALL: Final = """
import time
from openalgo_lab.bench.figures import backtest as b
market = b.market_of(2_000)
start = time.perf_counter()
import numba
imported = time.perf_counter()
b.trade_vector(b.SignalCross(b.SignalHost(market)), market, b.SETTINGS, 1.0, b.np.empty(2_000))
print(time.perf_counter() - {since})
"""


@figure("backtest_first_call_s", unit="s", goal=1.0, better="lower")
def backtest_first_call_s() -> Measured:
    """How long a fresh process waits for the kernel's machine code, which lies on the disk; the middle of three.

    ``total_s`` has the import of Numba itself in it.
    """
    _number_of(_FIRST_CALL.format(since="imported"))  # puts it on the disk
    waits, totals = (
        sorted(_number_of(_FIRST_CALL.format(since=since)) for _ in range(3)) for since in ("imported", "start")
    )
    return Measured(waits[1], also={"total_s": totals[1]})


_FIRST_CELLS: Final = """
import pandas as pd
from openalgo_lab import Lab
from openalgo_lab.strategy.examples import SmaCross
lab = Lab()
times = pd.date_range("2026-01-05 09:15", periods=2_000, freq="min", tz="Asia/Kolkata", name="time")
closes = pd.Series(range(2_000), index=times) % 97 + 1_000.0
bars = pd.DataFrame({"open": closes, "high": closes + 1, "low": closes - 1, "close": closes, "volume": 1e6, "oi": 0.0})
"""
_FIRST_RUN: Final = """
import time
began = time.perf_counter()
lab.backtest(SmaCross, bars, symbol="SBIN", charges=False)
print(time.perf_counter() - began)
"""
_TYPING_S: Final = 10.0


@figure("notebook_first_backtest_s", unit="s", goal=1.0, better="lower")
def notebook_first_backtest_s() -> Measured:
    """A notebook's first backtest, ten seconds after the cell that brought its strategy; the middle of three kernels.

    ``at_once_s``: in a kernel whose next cell follows without a pause.
    """
    runs = [_first_run(pause_s) for pause_s in (0.0, _TYPING_S, _TYPING_S, _TYPING_S)]
    return Measured(sorted(runs[1:])[1], also={"at_once_s": runs[0]})


def _first_run(pause_s: float) -> float:
    with running_kernel() as kernel:
        kernel.run(_FIRST_CELLS)
        time.sleep(pause_s)
        spent = float(kernel.run(_FIRST_RUN).split()[-1])
        kernel.run("lab.close()")
    return spent


def _number_of(code: str) -> float:
    """What code in a process of its own prints last."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    if done.returncode:
        raise CannotMeasure(f"The measured code failed: {done.stderr.strip().splitlines()[-1]}")
    return float(done.stdout.split()[-1])
