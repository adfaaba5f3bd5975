"""A recording by snapshot and instrument, gaps filled from before: what each moment and each minute showed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.market import Bars
from openalgo_lab.model.times import NS_PER_SECOND
from openalgo_lab.sim.candles import no_bars
from openalgo_lab.sim.noise import IntArray
from openalgo_lab.sim.replay_file import Recording

__all__ = ["RecordedColumns"]

FloatArray = npt.NDArray[np.float64]

_MINUTE_NS: Final = 60 * NS_PER_SECOND


class RecordedColumns:
    """The recording by (snapshot, row) with gaps filled from before, in units, spots first."""

    def __init__(self, recording: Recording, instruments: Sequence[Instrument]) -> None:
        self._times = recording.times_ns
        spots = len(recording.underlyings)
        self.lot: FloatArray = np.array([float(i.lot_size) for i in instruments])
        self.tick: FloatArray = np.array([i.tick_size for i in instruments])
        self.is_option: npt.NDArray[np.bool_] = np.array([i.kind.is_option for i in instruments])
        raw = np.concatenate((recording.spot, recording.ltp), axis=1)
        self._seen = _last_seen(~np.isnan(raw))
        self.ltp = _filled(raw, self._seen)
        self.high: FloatArray = np.fmax.accumulate(self.ltp, axis=0)
        self.low: FloatArray = np.fmin.accumulate(self.ltp, axis=0)
        self.open: FloatArray = np.array([_first_known(column) for column in self.ltp.T])
        blank = np.full((len(self._times), spots), np.nan)

        def whole(values: FloatArray) -> FloatArray:
            joined = np.concatenate((blank, values), axis=1)
            return _filled(joined, _last_seen(~np.isnan(joined)))

        self.volume: FloatArray = whole(recording.volume) * self.lot
        self.oi: FloatArray = whole(recording.oi) * self.lot
        self.prev_oi: FloatArray = whole(recording.oi - recording.oi_change) * self.lot
        self.iv = whole(recording.iv)

    def at(self, rows: IntArray, place: int) -> tuple[dict[str, FloatArray], IntArray]:
        """Quote fields of rows at a snapshot, and the time of the snapshot that each was last in (0 = none)."""
        seen = self._seen[place, rows]
        known = seen >= 0
        unknown = np.full(len(rows), np.nan)
        columns = {
            "ltp": self.ltp[place, rows],
            "open": np.where(known, self.open[rows], np.nan),
            "high": self.high[place, rows],
            "low": self.low[place, rows],
            "volume": self.volume[place, rows],
            "oi": self.oi[place, rows],
            "prev_oi": self.prev_oi[place, rows],
            "prev_close": unknown,
            "ltq": unknown.copy(),
            "average": unknown.copy(),
        }
        return columns, np.where(known, self._times[np.maximum(seen, 0)], 0)

    def minutes(self, row: int, place: int) -> Bars:
        """One-minute candles of a row up to a snapshot, from its first appearance on."""
        first = int(np.searchsorted(self._seen[:, row] >= 0, True))
        if first > place:
            return no_bars()
        part = slice(first, place + 1)
        prices = self.ltp[part, row]
        before = np.concatenate((prices[:1], prices[:-1]))
        volume = np.nan_to_num(self.volume[part, row])
        traded = np.maximum(np.diff(volume, prepend=volume[:1]), 0.0)
        starts = self._times[part] // _MINUTE_NS * _MINUTE_NS
        edges = np.flatnonzero(np.diff(starts, prepend=starts[0] - 1))
        lasts = np.append(edges[1:], len(starts)) - 1
        return Bars(
            start_ns=starts[edges],
            open=before[edges],
            high=np.maximum.reduceat(np.maximum(before, prices), edges),
            low=np.minimum.reduceat(np.minimum(before, prices), edges),
            close=prices[lasts],
            volume=np.add.reduceat(traded, edges),
            oi=np.nan_to_num(self.oi[part, row])[lasts],
        )


def _last_seen(known: npt.NDArray[np.bool_]) -> IntArray:
    """For each cell the last snapshot up to it in which the column was known; -1 before the first."""
    index = np.where(known, np.arange(len(known))[:, None], -1)
    return np.asarray(np.maximum.accumulate(index, axis=0), dtype=np.int64)


def _filled(values: FloatArray, seen: IntArray) -> FloatArray:
    filled = np.take_along_axis(values, np.maximum(seen, 0), axis=0)
    return np.where(seen >= 0, filled, np.nan)


def _first_known(column: FloatArray) -> float:
    known = column[~np.isnan(column)]
    return float(known[0]) if len(known) else float("nan")
