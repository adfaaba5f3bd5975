"""The price path within the day: minutes that lead from one daily close to the next, and samples within a minute.

A minute's samples are ``level x (1 + scale x stroke)``; the next level starts where the minute ended, moved by a small
share of what the day still owes to its close (a seeded bridge: a few per cent of a minute's own movement).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

from openalgo_lab.sim.noise import IntArray, bits, key_of, uniform
from openalgo_lab.sim.sessions import SimSession, SimSessions
from openalgo_lab.sim.strokes import STROKES, Strokes
from openalgo_lab.sim.walk import DailyWalk, Underlying

__all__ = ["Minutes", "PathMaker"]

FloatArray = npt.NDArray[np.float64]

_GAP_SHARE: Final = 0.15  # of a day's variance happens before a calendar day opens
_DAY_STEP: Final = 4096  # counters a day: more than minutes


class Minutes(msgspec.Struct, frozen=True):
    """Paths by minute, all arrays (paths, minutes): unrounded prices, ``activity`` the share of a day's trading.

    ``first``, ``high``, ``low``, ``last`` are those of the minute's samples.
    """

    level: FloatArray
    scale: FloatArray
    stroke: IntArray
    first: FloatArray
    high: FloatArray
    low: FloatArray
    last: FloatArray
    activity: FloatArray

    @property
    def traded(self) -> FloatArray:
        """Activity before each minute, and after the last: (paths, minutes + 1)."""
        out = np.zeros((self.activity.shape[0], self.activity.shape[1] + 1))
        np.cumsum(self.activity, axis=1, out=out[:, 1:])
        return out


class PathMaker:
    """Makes paths of (underlying, session) pairs. Pure: the same pair gives the same numbers in every process."""

    def __init__(self, seed: int, sessions: SimSessions, strokes: Strokes, walk: DailyWalk) -> None:
        self._seed = seed
        self._always = sessions.hours == "always"
        self._strokes = strokes
        self._walk = walk
        self._market_key = np.uint64(key_of(seed, "minutes"))

    def of_day(self, underlyings: Sequence[Underlying], session: SimSession) -> Minutes:
        """Many underlyings on one day: a path each."""
        at = self._walk.index_of(session.ordinal)
        logs = [self._walk.log_closes(u) for u in underlyings]
        before = np.array([log[at - 1] for log in logs])
        after = np.array([log[at] for log in logs])
        spread = np.array([self._walk.daily_sd(u)[at] for u in underlyings])
        days = np.full(len(underlyings), session.ordinal, dtype=np.int64)
        return self._refine(underlyings, days, session, before=before, after=after, spread=spread)

    def of_days(self, underlying: Underlying, sessions: Sequence[SimSession]) -> Minutes:
        """One underlying on many days of equal length: a path each."""
        days = np.array([s.ordinal for s in sessions], dtype=np.int64)
        at = self._walk.indexes(days)
        log = self._walk.log_closes(underlying)
        spread = self._walk.daily_sd(underlying)[at]
        same = [underlying] * len(sessions)
        return self._refine(same, days, sessions[0], before=log[at - 1], after=log[at], spread=spread)

    def _refine(
        self,
        underlyings: Sequence[Underlying],
        days: IntArray,
        session: SimSession,
        *,
        before: FloatArray,
        after: FloatArray,
        spread: FloatArray,
    ) -> Minutes:
        minutes, lib = session.minutes, self._strokes
        stroke = self._strokes_of(underlyings, days, minutes)
        volatility, activity = self._profiles(minutes)
        gap_share = 0.0 if self._always else _GAP_SHARE
        scale = (spread * np.sqrt(1.0 - gap_share))[:, None] * volatility[None, :]
        steps = np.log1p(scale * lib.end[stroke])
        gap = self._gaps(underlyings, days, spread * np.sqrt(gap_share))
        owed = after - before - gap - steps.sum(axis=1)
        level = np.cumsum(steps, axis=1) - steps
        level += np.arange(1, minutes + 1) / minutes * owed[:, None] + (before + gap)[:, None]
        np.exp(level, out=level)
        return Minutes(
            level=level,
            scale=scale,
            stroke=stroke,
            first=level * (1.0 + scale * lib.first[stroke]),
            high=level * (1.0 + scale * lib.top[stroke]),
            low=level * (1.0 + scale * lib.bottom[stroke]),
            last=level * (1.0 + scale * lib.end[stroke]),
            activity=activity[None, :] * lib.activity[stroke],
        )

    def _strokes_of(self, underlyings: Sequence[Underlying], days: IntArray, minutes: int) -> IntArray:
        """The stroke of each minute: the market's own, or a private one, so often that correlations come out."""
        counter = (days * _DAY_STEP)[:, None] + np.arange(minutes)
        counters = counter.astype(np.uint64)
        keys = np.array([key_of(self._seed, "minutes", u.symbol) for u in underlyings], dtype=np.uint64)
        own = bits(keys[:, None], counters)
        shared = bits(self._market_key, counters)
        correlation = np.array([u.market for u in underlyings])[:, None]
        market = (shared % np.uint64(STROKES)).astype(np.int64)
        market = np.where(correlation < 0, STROKES - 1 - market, market)
        private = (own % np.uint64(STROKES)).astype(np.int64)
        return np.where(uniform(own) < np.abs(correlation), market, private)

    def _gaps(self, underlyings: Sequence[Underlying], days: IntArray, spread: FloatArray) -> FloatArray:
        keys = np.array([key_of(self._seed, "gap", u.symbol) for u in underlyings], dtype=np.uint64)
        rolls = uniform(bits(keys, days.astype(np.uint64)))
        return np.asarray((rolls - 0.5) * np.sqrt(12.0) * spread, dtype=np.float64)

    def _profiles(self, minutes: int) -> tuple[FloatArray, FloatArray]:
        """Volatility (root of the variance share) and activity share of each minute of a day: busy at both ends."""
        clock = (np.arange(minutes) + 0.5) / minutes
        if self._always:
            shape = 1.0 + 0.5 * np.cos(2.0 * np.pi * (clock - 0.5))
        else:
            shape = 0.7 + 0.9 * np.exp(-clock / 0.08) + 0.45 * np.exp(-(1.0 - clock) / 0.08)
        activity = shape / shape.sum()
        return np.sqrt(activity), activity
