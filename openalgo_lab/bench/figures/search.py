"""Search over 200,000 instruments: a keystroke's answer, over queries as people type them."""

from __future__ import annotations

import random
import statistics
import tempfile
import time
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

from openalgo_lab.bench import Measured, figure
from openalgo_lab.model.instruments import Instrument, InstrumentKey
from openalgo_lab.model.symbols import format_symbol
from openalgo_lab.model.vocabulary import Exchange, InstrumentType
from openalgo_lab.store.instruments import InstrumentStore

_ROWS = 200_000
_TYPED = ("nifty 20100 ce", "banknifty 21000 pe", "nifty dec", "bank", "company 123", "20100ce", "relience")


def _contracts() -> Iterator[Instrument]:
    """A master contract of the usual shape: 224 underlyings with 8 expiries of 50 strikes, the rest shares."""
    words = random.Random(1)
    names = ["NIFTY", "BANKNIFTY", "FINNIFTY", "SENSEX", "RELIANCE"]
    names += ["".join(words.choices("ABCDEFGHIJKLMNOPRSTUV", k=words.randint(4, 9))) for _ in range(219)]
    expiries = [date(2026, 12, 1) + timedelta(days=7 * week) for week in range(8)]
    token = 0
    for name in dict.fromkeys(names):
        yield Instrument(name, Exchange.NSE, InstrumentType.EQ, f"{name.title()} Limited", token := token + 1, 1, 0.05)
        for expiry in expiries:
            for strike in range(20_000, 22_500, 50):
                for kind in (InstrumentType.CE, InstrumentType.PE):
                    symbol = format_symbol(name, kind, expiry=expiry, strike=strike)
                    token += 1
                    yield Instrument(symbol, Exchange.NFO, kind, name, token, 65, 0.05, 0, name, expiry, float(strike))
    for number in range(_ROWS - token):
        yield Instrument(
            f"EQ{number:06d}X", Exchange.BSE, InstrumentType.EQ, f"Company {number}", token + number + 1, 1, 0.05
        )


@figure("search_ms", unit="ms", goal=0.5, better="lower", also={"open_ms": 5.0})
def search_ms() -> Measured:
    """Median over every keystroke of seven queries, in a fresh file of 200,000 instruments; the slowest beside it.

    ``open_ms``: opening that file and finding a symbol in it.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "instruments.sqlite"
        store = InstrumentStore.build(path, _contracts(), date(2026, 11, 25))
        times = [_one(store, query[:end]) for query in _TYPED for end in range(1, len(query) + 1)]
        store.close()
        opened = statistics.median(_opening(path) for _ in range(9))
    return Measured(statistics.median(times), also={"p99": sorted(times)[int(len(times) * 0.99)], "open_ms": opened})


def _opening(path: Path) -> float:
    start = time.perf_counter()
    store = InstrumentStore.open(path)
    store.require(InstrumentKey(Exchange.NSE, "RELIANCE"))
    spent = (time.perf_counter() - start) * 1e3
    store.close()
    return spent


def _one(store: InstrumentStore, query: str) -> float:
    """Median of five, in ms."""
    spent = []
    for _ in range(5):
        start = time.perf_counter()
        store.search(query)
        spent.append((time.perf_counter() - start) * 1e3)
    return statistics.median(spent)
