"""One engine, several kernels: how soon another kernel takes over, and what being attached costs."""

from __future__ import annotations

import contextlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator

from openalgo_lab.bench.spec import CannotMeasure, Measured, figure
from openalgo_lab.engine.handle import Role
from openalgo_lab.lab import Lab
from openalgo_lab.model.commands import GetStatus

__all__ = ["attached_call_ms", "attached_quote_lag_ms", "takeover_s"]

ROUNDS = 5
READY_S = 4.0  # an attached kernel loads the engine's modules in the background; a day is longer than this
CALLS = 500
TICKS_FOR_S = 8.0

_HOST = """
import sys, time
from openalgo_lab import Lab
lab = Lab()
lab.quote("NIFTY")
print(lab.health.role, flush=True)
time.sleep(600)
"""


@figure("takeover_s", unit="s", goal=1.0, better="lower")
def takeover_s() -> float:
    """From kill -9 of the host until an attached kernel's next command is answered by itself as the host; median."""
    return statistics.median(_takeover_once() for _ in range(ROUNDS))


@figure("attached_call_ms", unit="ms", goal=2.0, better="lower", also={"p99": 10.0})
def attached_call_ms() -> Measured:
    """A command's way from an attached kernel to the host and back (the health sheet, no I/O), median."""
    with _attached() as (lab, _):
        took = []
        for _ in range(CALLS):
            began = time.perf_counter()
            lab.call(GetStatus())
            took.append((time.perf_counter() - began) * 1000)
    took.sort()
    return Measured(statistics.median(took), also={"p99": took[int(len(took) * 0.99)]})


@figure("attached_quote_lag_ms", unit="ms", goal=75.0, better="lower", also={"p95": 100.0})
def attached_quote_lag_ms() -> Measured:
    """From the exchange's time of a tick to an attached kernel's board, conflation window of 50 ms included."""
    with _attached() as (lab, _):
        chain = lab.option_chain("NIFTY")
        board, lags, deadline = lab.handle.board, [], time.monotonic() + TICKS_FOR_S
        seen, newest = board.seq, chain.now.engine_ns
        while time.monotonic() < deadline:
            time.sleep(0.001)
            if board.seq != seen:
                seen, now = board.seq, time.time_ns()
                latest = chain.now.engine_ns
                if latest > newest:
                    newest = latest
                    lags.append((now - latest) / 1e6)
    if len(lags) < 10:
        raise CannotMeasure(f"Only {len(lags)} quote frames came in {TICKS_FOR_S:g} s.")
    lags.sort()
    return Measured(statistics.median(lags), also={"p95": lags[int(len(lags) * 0.95)]})


def _takeover_once() -> float:
    with _attached() as (lab, host):
        time.sleep(READY_S)
        host.kill()
        began = time.perf_counter()
        while lab.call(GetStatus()).pid != os.getpid():
            time.sleep(0.001)
        seconds = time.perf_counter() - began
        if lab.handle.role is not Role.HOST:
            raise CannotMeasure(f"This process became {lab.handle.role.value}, not the host.")
        return seconds


@contextlib.contextmanager
def _attached() -> Iterator[tuple[Lab, subprocess.Popen[str]]]:
    """A Lab attached to an engine in another process, on a profile folder of their own."""
    with tempfile.TemporaryDirectory(prefix="oal-") as home:
        before = os.environ.get("OPENALGO_LAB_HOME")
        os.environ["OPENALGO_LAB_HOME"] = home
        try:
            with subprocess.Popen([sys.executable, "-c", _HOST], stdout=subprocess.PIPE, text=True) as host:
                try:
                    if host.stdout is None or host.stdout.readline().strip() != "host":
                        raise CannotMeasure("The host process did not start.")
                    with Lab() as lab:
                        yield lab, host
                finally:
                    host.kill()
        finally:
            if before is None:
                del os.environ["OPENALGO_LAB_HOME"]
            else:
                os.environ["OPENALGO_LAB_HOME"] = before
