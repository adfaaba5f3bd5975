"""The simulated market as a source of ticks: how many a second one core carries from the path to the board."""

from __future__ import annotations

import time
from typing import Final

import numpy as np
import numpy.typing as npt

from openalgo_lab.bench.spec import Measured, figure
from openalgo_lab.engine.board import Board
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.market import QUOTE_FIELDS, TickBatch
from openalgo_lab.model.times import NS_PER_MS
from openalgo_lab.sim.simulated import SimulatedMarket

__all__ = ["sim_ticks_per_s"]

TOKENS: Final = 4_000
SECONDS: Final = 4.0
_FRAME: Final = np.dtype([("token", "<i8"), ("time_ns", "<i8"), *((name, "<f8") for name in QUOTE_FIELDS)])


@figure("sim_ticks_per_s", unit="1/s", goal=20_000, better="higher")
def sim_ticks_per_s() -> Measured:
    """Quotes of 4,000 instruments: priced, packed into bytes, unpacked, written to the board; for four seconds.

    ``first_s`` is what the first picture costs: the day's book of everything listed, the range since its opening.
    """
    market = SimulatedMarket()
    instruments = _mixed(tuple(market.instruments()))
    tokens = np.array([i.token for i in instruments], dtype=np.int64)
    board = Board()
    rows = np.array([board.row(i.key) for i in instruments], dtype=np.int64)
    started = time.perf_counter()
    moment = market.now_ns()
    _pass_on(market.snapshot(tokens, moment, depth=False), rows, board)
    first = time.perf_counter() - started
    count, began = 0, time.perf_counter()
    while (spent := time.perf_counter() - began) < SECONDS:
        moment += 250 * NS_PER_MS
        _pass_on(market.snapshot(tokens, moment, depth=False), rows, board)
        count += len(tokens)
    return Measured(count / spent, also={"first_s": first})


def _mixed(instruments: tuple[Instrument, ...]) -> tuple[Instrument, ...]:
    """Everything that leads, and an even choice of the rest."""
    step = max(1, len(instruments) // TOKENS)
    return instruments[::step][:TOKENS]


def _pass_on(batch: TickBatch, rows: npt.NDArray[np.int64], board: Board) -> None:
    """Through bytes, as a feed would carry it, to the board."""
    frame = np.empty(len(batch.tokens), dtype=_FRAME)
    frame["token"], frame["time_ns"] = batch.tokens, batch.time_ns
    for name, values in batch.columns.items():
        frame[name] = values
    received = np.frombuffer(frame.tobytes(), dtype=_FRAME)
    columns = {name: received[name] for name in QUOTE_FIELDS}
    board.write(rows, columns, received["time_ns"])
