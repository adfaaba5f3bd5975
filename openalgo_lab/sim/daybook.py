"""One trading day of everything listed: last, open, high, low, average, volume and open interest at any moment."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from openalgo_lab.sim.contract import end_minutes, years_left
from openalgo_lab.sim.daypath import LAST_SAMPLE, DayPath
from openalgo_lab.sim.extremes import Extremes
from openalgo_lab.sim.interest import Interest
from openalgo_lab.sim.listing import INDEX, Listing
from openalgo_lab.sim.noise import IntArray
from openalgo_lab.sim.sessions import BLOCK_MINUTES, SimSession
from openalgo_lab.sim.strokes import SAMPLE_NS, SAMPLES
from openalgo_lab.sim.surface import price_rows

__all__ = ["DayBook", "Moment"]


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
    """A listing on one session.

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
        self._extremes = Extremes(listing, session, path, theory=self.theory, opening=opening, slope=self._slope)
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
        """Highest, lowest and average traded price of the day so far (the first two on the tick).

        The average of a derivative is its price at its underlying's average.
        """
        upper, lower = self.path.range_in_block(at.base, at.minute, at.sample)
        average = self.path.average(at.base, at.minute, at.sample)
        prices = self.theory(at.rows, np.stack((upper, lower, average)), at.block)
        high, low = self._extremes.before(at.rows, at.block)
        high = self.listing.snap(np.maximum(high, np.maximum(prices[0], prices[1])), at.rows)
        low = self.listing.snap(np.minimum(low, np.minimum(prices[0], prices[1])), at.rows)
        return high, low, np.clip(prices[2], low, high)
