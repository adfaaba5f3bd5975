"""One trading day of everything listed: last, open, high, low, average, volume and open interest at any moment."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from openalgo_lab.sim.contract import end_minutes, years_left
from openalgo_lab.sim.daypath import LAST_SAMPLE, DayPath
from openalgo_lab.sim.interest import Interest
from openalgo_lab.sim.listing import INDEX, Listing
from openalgo_lab.sim.noise import IntArray
from openalgo_lab.sim.sessions import BLOCK_MINUTES, SimSession
from openalgo_lab.sim.strokes import SAMPLE_NS, SAMPLES
from openalgo_lab.sim.surface import price_rows

__all__ = ["DayBook", "Moment"]

_CHUNK: Final = 200_000

FloatArray = npt.NDArray[np.float64]


class Moment:
    """Where each of some rows stands at a moment: its own minute and sample, stopped at its own end."""

    __slots__ = ("base", "minute", "rows", "sample")

    def __init__(self, rows: IntArray, base: IntArray, minute: IntArray, sample: IntArray) -> None:
        self.rows = rows
        self.base = base
        self.minute = minute
        self.sample = sample

    @property
    def block(self) -> IntArray:
        """The block of each row's minute."""
        return np.asarray(self.minute // BLOCK_MINUTES, dtype=np.int64)


class DayBook:
    """A listing on one session. Running highs, lows and averages are kept by row and caught up when asked.

    ``opening`` and ``next_opening`` are the volatilities at this session's opening and the next one's.
    """

    def __init__(
        self,
        listing: Listing,
        session: SimSession,
        *,
        path: DayPath,
        opening: FloatArray,
        next_opening: FloatArray,
        interest: Interest,
    ) -> None:
        self.listing = listing
        self.session = session
        self.path = path
        self.interest = interest
        self._opening = opening
        self._slope = (next_opening - opening) / session.blocks
        self.end = end_minutes(listing, session)
        self.is_index = listing.kind == INDEX
        size = len(listing)
        self._done = np.zeros(size, dtype=np.int64)
        self._high = np.full(size, -np.inf)
        self._low = np.full(size, np.inf)
        self._value = np.zeros(size)
        self.prev_close: FloatArray = np.full(size, np.nan)
        every = np.arange(size, dtype=np.int64)
        self.open: FloatArray = self.last(self.moment(every, session.open_ns))

    def moment(self, rows: IntArray, now_ns: int) -> Moment:
        """Where rows stand at a moment of this session or after it."""
        step = max(0, now_ns - self.session.open_ns) // SAMPLE_NS
        minute, sample = divmod(step, SAMPLES)
        end = self.end[rows]
        stopped = minute >= end
        return Moment(
            rows,
            self.listing.base[rows],
            np.where(stopped, end - 1, minute),
            np.where(stopped, LAST_SAMPLE, sample),
        )

    def closing(self, rows: IntArray) -> Moment:
        """The last moment of each row's day."""
        end = self.end[rows]
        return Moment(rows, self.listing.base[rows], end - 1, np.full(len(rows), LAST_SAMPLE, dtype=np.int64))

    def times(self, at: Moment) -> IntArray:
        """UTC ns of the sample at which each row stands."""
        steps = at.minute * SAMPLES + at.sample
        return np.asarray(self.session.open_ns + steps * SAMPLE_NS, dtype=np.int64)

    def alive(self, rows: IntArray, now_ns: int) -> npt.NDArray[np.bool_]:
        """Which rows have not expired by a moment."""
        expiry = self.listing.expiry_ns[rows]
        return np.asarray((expiry == 0) | (now_ns < expiry))

    def last(self, at: Moment) -> FloatArray:
        """Last traded price, on the tick."""
        spot = self.path.spot(at.base, at.minute, at.sample)
        return self.listing.snap(self.theory(at.rows, spot, at.block), at.rows)

    def theory(self, rows: IntArray, spot: FloatArray, block: IntArray) -> FloatArray:
        """Unrounded prices at spots (..., rows) in a block each."""
        volatility = self._opening[rows] + self._slope[rows] * (block + 0.5)
        years = years_left(self.session.open_ns, block, self.listing.expiry_ns[rows])
        return price_rows(self.listing, rows, spot, volatility, years)

    def ranges(self, at: Moment) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Highest, lowest and average traded price of the day so far (the first two on the tick)."""
        self._catch_up(at.rows, at.block)
        high, low = self.path.range_in_block(at.base, at.minute, at.sample)
        high, low = self._both_ends(at.rows, np.stack((high, low)), at.block)
        done = self.path.traded[at.base, at.block * BLOCK_MINUTES]
        traded = self.path.activity(at.base, at.minute, at.sample)
        average = (self._value[at.rows] + 0.5 * (high + low) * (traded - done)) / traded
        high, low = np.maximum(high, self._high[at.rows]), np.minimum(low, self._low[at.rows])
        high, low = self.listing.snap(high, at.rows), self.listing.snap(low, at.rows)
        return high, low, np.clip(average, low, high)

    def _both_ends(self, rows: IntArray, spots: FloatArray, block: IntArray) -> tuple[FloatArray, FloatArray]:
        """Highest and lowest price of rows when the spot ranges between two values in one block."""
        prices = self.theory(rows, spots, block)
        return np.maximum(prices[0], prices[1]), np.minimum(prices[0], prices[1])

    def _catch_up(self, rows: IntArray, block: IntArray) -> None:
        """Account for every whole block before ``block``. A clock that went back starts the row anew."""
        back = rows[self._done[rows] > block]
        if len(back):
            self._done[back] = 0
            self._high[back], self._low[back], self._value[back] = -np.inf, np.inf, 0.0
        behind = self._done[rows] < block
        if not behind.any():
            return
        late, until = rows[behind], block[behind]
        stages, which = np.unique(self._done[late] * 4096 + until, return_inverse=True)
        for index, stage in enumerate(stages.tolist()):
            first, last = divmod(stage, 4096)
            self._account(late[which == index], first, last)

    def _account(self, rows: IntArray, first: int, last: int) -> None:
        rows = np.unique(rows)
        blocks = np.arange(first, last, dtype=np.int64)
        edges = np.minimum(np.arange(first, last + 1) * BLOCK_MINUTES, self.session.minutes)
        size = max(1, _CHUNK // len(blocks))
        for part in (rows[n : n + size] for n in range(0, len(rows), size)):
            base = self.listing.base[part]
            spots = np.stack((self.path.block_high[base, first:last], self.path.block_low[base, first:last]))
            flat = spots.reshape(2, -1)
            high, low = self._both_ends(np.repeat(part, len(blocks)), flat, np.tile(blocks, len(part)))
            high, low = high.reshape(len(part), -1), low.reshape(len(part), -1)
            weight = np.diff(self.path.traded[base][:, edges], axis=1)
            self._high[part] = np.maximum(self._high[part], high.max(axis=1))
            self._low[part] = np.minimum(self._low[part], low.min(axis=1))
            self._value[part] += (0.5 * (high + low) * weight).sum(axis=1)
            self._done[part] = last
