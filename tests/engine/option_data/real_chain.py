"""The recorded chain of 19 Aug 2026 on a board, snapshot by snapshot."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from openalgo_lab.engine.board import Board
from openalgo_lab.engine.option_data.contracts import ChainContracts, load_contracts
from openalgo_lab.model.rules import RuleBook
from openalgo_lab.model.times import ManualClock, trade_date
from openalgo_lab.sim.replay import ReplayMarket
from openalgo_lab.store.instruments import InstrumentStore

REAL = Path(__file__).resolve().parents[4] / "shared/data/nifty_option_chain_2026-08-19.parquet"
needs_real = pytest.mark.skipif(not REAL.is_file(), reason="the recorded chain ../shared/data is not on this machine")


class RealChain:
    """A replay that stands still where it is put."""

    def __init__(self, folder: Path) -> None:
        self.market = ReplayMarket(REAL, clock=ManualClock(0))
        self.market.steer(paused=True)
        listed = self.market.instruments()
        self.store = InstrumentStore.build(folder / "i.db", listed, trade_date(int(self.market.recording.times_ns[0])))
        self.board = Board()
        self._rows = np.array([self.board.row(item.key) for item in listed])
        self._tokens = np.array([item.token for item in listed])

    def contracts(self) -> list[ChainContracts]:
        """One chain an expiry."""
        rules = RuleBook.load()
        return [load_contracts(self.store, rules, "NIFTY", day) for day in self.store.expiries("NIFTY")]

    def snapshots(self, step: int) -> Iterator[int]:
        """Puts every ``step``-th snapshot on the board and gives its moment."""
        for now in self.market.recording.times_ns[5::step].tolist():
            batch = self.market.snapshot(self._tokens, now, depth=False)
            self.board.write(self._rows, batch.columns, batch.time_ns)
            yield now

    def published(self, contracts: ChainContracts, now: int) -> np.ndarray:
        """The exchange's volatilities, calls then puts, per cent."""
        items = (*contracts.calls, *contracts.puts)
        known = np.array([item is not None for item in items])
        out = np.full(len(items), np.nan)
        out[known] = self.market.published_iv(np.array([item.token for item in items if item is not None]), now)
        return out
