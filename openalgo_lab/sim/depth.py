"""The simulated order book: bid and ask around the last price, sizes, five levels; a function of time and token."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from openalgo_lab.model.market import DEPTH_LEVELS
from openalgo_lab.sim.listing import CALL, FUTURE, INDEX, Listing
from openalgo_lab.sim.noise import IntArray, UIntArray, bits, draw
from openalgo_lab.sim.strokes import SAMPLE_NS

__all__ = ["BookMaker"]

_WIDEST: Final = 200  # ticks
_BUSY: Final = 600_000.0  # contracts a day at which a book is as tight as it gets

FloatArray = npt.NDArray[np.float64]


class BookMaker:
    """Books of a listing. ``contracts``: lots a day of each row's underlying; ``distance``: of each row's strike, in
    standard deviations. An index has no book: NaN everywhere.
    """

    def __init__(self, listing: Listing, contracts: FloatArray, distance: FloatArray) -> None:
        self._listing = listing
        thin = (_BUSY / np.maximum(contracts, 1.0)) ** 0.2
        option = listing.kind >= CALL
        # Spread as a share of the price: 4 in 10,000 for the busiest options, 1 in 10,000 for shares and futures.
        self._share: FloatArray = np.where(option, (4e-4 + 1.5e-3 * np.maximum(distance - 1.0, 0.0)) * thin, 1e-4)
        quiet = np.where(option, np.clip(distance * thin, 1.0, 24.0), np.where(listing.kind == FUTURE, thin, 1.0))
        self._period: UIntArray = (quiet * SAMPLE_NS).astype(np.uint64)
        depth = np.where(option, 12.0 / thin / (1.0 + distance), np.where(listing.kind == FUTURE, 4.0, 150.0))
        self._size: FloatArray = np.maximum(depth, 1.0) * listing.lot
        self._is_index = listing.kind == INDEX

    def top(self, rows: IntArray, last: FloatArray, time_ns: IntArray) -> dict[str, FloatArray]:
        """``bid``, ``ask``, ``bid_qty``, ``ask_qty``, ``ltq`` of rows; bid < ask, the last price between them."""
        seed = self._seed(rows, time_ns)
        bid, ask = self._prices(rows, last, seed)
        lot = self._listing.lot[rows]
        blank = np.where(self._is_index[rows], np.nan, 0.0)
        return {
            "bid": bid,
            "ask": ask,
            "bid_qty": self._quantity(rows, seed, 0),
            "ask_qty": self._quantity(rows, seed, 1),
            "ltq": lot * (1.0 + draw(seed, 24, 6)) + blank,
        }

    def levels(self, rows: IntArray, last: FloatArray, time_ns: IntArray) -> FloatArray:
        """Five levels: (rows, 4, 5) bid price, bid quantity, ask price, ask quantity; NaN where the book is thin."""
        seed = self._seed(rows, time_ns)
        bid, ask = self._prices(rows, last, seed)
        tick = self._listing.tick[rows]
        out = np.empty((len(rows), 4, DEPTH_LEVELS))
        gap = np.zeros(len(rows))
        for level in range(DEPTH_LEVELS):
            if level:
                gap = gap + 1.0 + draw(seed, 4 * level, 2)
            lower = self._on_tick(rows, bid - gap * tick)
            lower = np.where(lower >= tick * 0.5, lower, np.nan)
            out[:, 0, level] = lower
            out[:, 1, level] = np.where(np.isnan(lower), np.nan, self._quantity(rows, seed, 2 * level))
            out[:, 2, level] = self._on_tick(rows, ask + gap * tick)
            out[:, 3, level] = self._quantity(rows, seed, 2 * level + 1)
        return out

    def _seed(self, rows: IntArray, time_ns: IntArray) -> UIntArray:
        """Random bits that change as often as the book does: seldom for contracts that few trade."""
        return bits(self._listing.key[rows], time_ns.astype(np.uint64) // self._period[rows])

    def _prices(self, rows: IntArray, last: FloatArray, seed: UIntArray) -> tuple[FloatArray, FloatArray]:
        tick = self._listing.tick[rows]
        ticks = np.rint(last / tick)
        width = 1.0 + np.minimum(np.floor(ticks * self._share[rows]), _WIDEST)
        below = np.floor((width + 1.0) * draw(seed, 40, 256) / 256.0)
        below = np.minimum(below, ticks - 1.0)
        blank = np.where(self._is_index[rows], np.nan, 0.0)
        bid = self._on_tick(rows, (ticks - below) * tick + blank)
        ask = self._on_tick(rows, (ticks - below + width) * tick + blank)
        return bid, ask

    def _on_tick(self, rows: IntArray, prices: FloatArray) -> FloatArray:
        whole, parts = self._listing.tick_whole[rows], self._listing.ticks_per_rupee[rows]
        return np.asarray(np.rint(prices / whole * parts) / parts * whole, dtype=np.float64)

    def _quantity(self, rows: IntArray, seed: UIntArray, place: int) -> FloatArray:
        """Whole lots; deeper places hold more."""
        lot = self._listing.lot[rows]
        roll = draw(bits(seed, np.uint64(place + 1)), 8, 1024) / 1024.0
        wanted = self._size[rows] * (0.15 + 2.0 * roll * roll) * (1.0 + 0.35 * (place // 2))
        blank = np.where(self._is_index[rows], np.nan, 0.0)
        return np.asarray(np.maximum(np.ceil(wanted / lot), 1.0) * lot + blank, dtype=np.float64)
