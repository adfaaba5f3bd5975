"""Running highs and lows of everything listed, block by block, without pricing every block of the day.

A span of blocks is bounded by pricing it once at its highest spot, longest time and highest volatility (and once at
the opposite): only the spans whose bound could still beat the best price found are then priced block by block.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final

import numpy as np
import numpy.typing as npt

from openalgo_lab.sim.contract import years_left
from openalgo_lab.sim.daypath import DayPath
from openalgo_lab.sim.listing import PUT, Listing
from openalgo_lab.sim.noise import IntArray
from openalgo_lab.sim.sessions import SimSession
from openalgo_lab.sim.surface import CARRY, price_rows

__all__ = ["Extremes"]

_SPAN: Final = 12
_SLACK: Final = 1e-6  # rupees: a bound is never beaten by rounding
_STAGE: Final = 4096  # more than blocks in a day

FloatArray = npt.NDArray[np.float64]
Theory = Callable[[IntArray, FloatArray, IntArray], FloatArray]


class Extremes:
    """Highest and lowest unrounded price of each row over whole blocks of a session.

    ``theory(rows, spots, blocks)`` prices rows; ``opening`` and ``slope`` are the volatilities it uses. For any thread.
    """

    def __init__(
        self,
        listing: Listing,
        session: SimSession,
        path: DayPath,
        *,
        theory: Theory,
        opening: FloatArray,
        slope: FloatArray,
    ) -> None:
        self._listing = listing
        self._session = session
        self._path = path
        self._theory = theory
        self._opening = opening
        self._slope = slope
        size = len(listing)
        self._done = np.zeros(size, dtype=np.int64)
        self._high = np.full(size, -np.inf)
        self._low = np.full(size, np.inf)
        self._lock = threading.Lock()

    def before(self, rows: IntArray, block: IntArray) -> tuple[FloatArray, FloatArray]:
        """High and low over all blocks before ``block`` (each row's own); -inf and inf before the first.

        What was computed is kept; a clock that went back starts the row anew.
        """
        with self._lock:
            self._bring(rows, block)
            return self._high[rows], self._low[rows]

    def _bring(self, rows: IntArray, block: IntArray) -> None:
        back = rows[self._done[rows] > block]
        self._done[back] = 0
        self._high[back], self._low[back] = -np.inf, np.inf
        behind = self._done[rows] < block
        if behind.any():
            late, until = rows[behind], block[behind]
            stages = self._done[late] * _STAGE + until
            for stage in sorted(set(stages.tolist())):
                self._advance(self._distinct(late[stages == stage]), *divmod(stage, _STAGE))

    def _distinct(self, rows: IntArray) -> IntArray:
        """Each row once, ascending (``np.unique`` would import all of masked arrays)."""
        asked = np.zeros(len(self._listing), dtype=np.bool_)
        asked[rows] = True
        return np.flatnonzero(asked)

    def _advance(self, rows: IntArray, first: int, last: int) -> None:
        """Account for the blocks [first, last)."""
        if last - first <= 2 * _SPAN:
            high, low = self._priced(rows, np.arange(first, last), 1), self._priced(rows, np.arange(first, last), -1)
        else:
            high, low = self._searched(rows, first, last, 1), self._searched(rows, first, last, -1)
        self._high[rows] = np.maximum(self._high[rows], high)
        self._low[rows] = np.minimum(self._low[rows], low)
        self._done[rows] = last

    def _priced(self, rows: IntArray, blocks: IntArray, sign: int) -> FloatArray:
        """The high (``sign`` 1) or low (-1) of each row over the same blocks, every one priced."""
        return sign * self._best(np.repeat(rows, len(blocks)), np.tile(blocks, len(rows)), len(blocks), sign)

    def _best(self, rows: IntArray, blocks: IntArray, group: int, sign: int) -> FloatArray:
        """``sign`` times the best price of each ``group`` of (row, block) pairs."""
        base = self._listing.base[rows]
        upper = (self._listing.kind[rows] == PUT) ^ (sign > 0)
        spots = np.where(upper, self._path.block_high[base, blocks], self._path.block_low[base, blocks])
        prices = sign * self._theory(rows, spots, blocks)
        return np.asarray(prices.reshape(-1, group).max(axis=1), dtype=np.float64)

    def _searched(self, rows: IntArray, first: int, last: int, sign: int) -> FloatArray:
        """The same as :meth:`_priced`, by bounds on spans first."""
        starts = np.append(np.arange(first, last - _SPAN, _SPAN), last - _SPAN)  # the last two spans may overlap
        bounds = self._bounds(rows, starts, sign)
        inside = np.arange(_SPAN)

        def span_best(which: IntArray, span: IntArray) -> FloatArray:
            blocks = (starts[span][:, None] + inside).ravel()
            return self._best(np.repeat(rows[which], _SPAN), blocks, _SPAN, sign)

        every = np.arange(len(rows))
        likeliest = bounds.argmax(axis=1)
        best = span_best(every, likeliest)
        bounds[every, likeliest] = -np.inf
        which, span = np.nonzero(bounds >= best[:, None] - _SLACK)
        np.maximum.at(best, which, span_best(which, span))
        return sign * best

    def _bounds(self, rows: IntArray, starts: IntArray, sign: int) -> FloatArray:
        """``sign`` times a price that no block of a span beats: (rows, spans)."""
        shape = (len(rows), len(starts))
        flat, place = np.repeat(rows, len(starts)), np.tile(np.arange(len(starts)), len(rows))
        begin = starts[place]
        end = begin + _SPAN - 1
        base, put = self._listing.base[flat], self._listing.kind[flat] == PUT
        highs = self._path.block_high[:, starts[:, None] + np.arange(_SPAN)].max(axis=2)[base, place]
        lows = self._path.block_low[:, starts[:, None] + np.arange(_SPAN)].min(axis=2)[base, place]
        expiry = self._listing.expiry_ns[flat]
        longest, shortest = (years_left(self._session.open_ns, block, expiry) for block in (begin, end))
        sigmas = np.stack([self._opening[flat] + self._slope[flat] * (block + 0.5) for block in (begin, end)])
        drift = np.exp(CARRY * (longest - shortest))  # a put is worth most where the forward has carried least
        if sign > 0:
            spot = np.where(put, lows / drift, highs)
            return self._price(flat, spot, sigmas.max(axis=0), longest).reshape(shape)
        spot = np.where(put, highs * drift, lows)
        return -self._price(flat, spot, sigmas.min(axis=0), shortest).reshape(shape)

    def _price(self, rows: IntArray, spot: FloatArray, volatility: FloatArray, years: FloatArray) -> FloatArray:
        return price_rows(self._listing, rows, spot, volatility, years)
