"""History of the simulated market: candles of the very samples that live snapshots show, years back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

from openalgo_lab.model.errors import InputError, SymbolError
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.market import Bars
from openalgo_lab.model.times import NS_PER_DAY, NS_PER_SECOND
from openalgo_lab.sim.candles import Interval, aggregate, concatenate, cut, parse_interval
from openalgo_lab.sim.contract import ContractDays
from openalgo_lab.sim.listing import Listing
from openalgo_lab.sim.noise import IntArray
from openalgo_lab.sim.path import Minutes, PathMaker
from openalgo_lab.sim.sessions import NS_PER_MINUTE, SimSession, SimSessions
from openalgo_lab.sim.strokes import SAMPLE_NS, SAMPLES, Strokes
from openalgo_lab.sim.surface import Surface
from openalgo_lab.sim.universe import Lister
from openalgo_lab.sim.walk import DailyWalk, Underlying

__all__ = ["Historian"]

_CHUNK_DAYS: Final = 64
_LONGEST_SECONDS_NS: Final = 31 * NS_PER_DAY
_LONGEST_PERIOD_DAYS: Final = 366
_MIDNIGHT_OFFSET: Final = (5 * 60 + 30) * NS_PER_MINUTE

FloatArray = npt.NDArray[np.float64]


class Slices(msgspec.Struct, frozen=True):
    """Equal parts of minutes, (days, parts): prices of the underlying, and the activity done at their ends."""

    first: FloatArray
    high: FloatArray
    low: FloatArray
    last: FloatArray
    done: FloatArray


class Historian:
    """Candles of any instrument of the simulated market, today's or expired."""

    def __init__(
        self,
        *,
        underlyings: Sequence[Underlying],
        sessions: SimSessions,
        strokes: Strokes,
        paths: PathMaker,
        walk: DailyWalk,
        surface: Surface,
        lister: Lister,
    ) -> None:
        self._underlyings = underlyings
        self._by_name = {u.symbol: u for u in underlyings}
        self._sessions = sessions
        self._strokes = strokes
        self._paths = paths
        self._walk = walk
        self._surface = surface
        self._lister = lister

    def bars(self, instrument: Instrument, interval: str, start_ns: int, end_ns: int, now_ns: int) -> Bars:
        """Candles that start in [start_ns, end_ns), the last one unfinished if ``now_ns`` lies in it.

        Raises InputError for an interval that cannot be served, SymbolError for an instrument that is not ours.
        """
        asked = parse_interval(interval)
        underlying = self._by_name.get(instrument.underlying or instrument.symbol)
        if underlying is None:
            raise SymbolError(f"{instrument.key} is not listed on the simulated exchange; search for another symbol.")
        seconds = asked.seconds if 0 < asked.seconds < 60 else 60
        if seconds < 60 and min(end_ns, now_ns) - start_ns > _LONGEST_SECONDS_NS:
            raise InputError(f"Candles of {interval} are served for 31 days at most; ask for a shorter span.")
        contract = ContractDays(
            Listing([instrument], self._underlyings, self._lister),
            self._underlyings,
            self._walk,
            self._surface,
            self._lister.first_day(instrument),
        )
        sessions = self._sessions_for(asked, start_ns, min(end_ns, now_ns + 1), contract)
        within = asked if asked.seconds else parse_interval("D")
        parts = []
        for chunk in _chunks(sessions, _CHUNK_DAYS):
            bars = self._chunk(contract, underlying, chunk, seconds, now_ns)
            parts.append(bars if within.seconds == seconds else aggregate(bars, within, self._openings))
        whole = concatenate(parts)
        if asked != within:
            whole = aggregate(whole, asked, self._openings)
        return cut(whole, start_ns, end_ns)

    def _sessions_for(self, asked: Interval, start_ns: int, end_ns: int, contract: ContractDays) -> list[SimSession]:
        """Sessions whose samples belong to candles that start in the span."""
        if not asked.seconds:
            # A period is whole: from the first day that begins in the span to the end of the last period.
            first = -(-(start_ns + _MIDNIGHT_OFFSET) // NS_PER_DAY)
            start_ns = first * NS_PER_DAY - _MIDNIGHT_OFFSET
            end_ns += 0 if asked.text == "D" else _LONGEST_PERIOD_DAYS * NS_PER_DAY
        return [s for s in self._sessions.between(start_ns, end_ns) if contract.lives_on(s)]

    def _chunk(
        self, contract: ContractDays, underlying: Underlying, sessions: list[SimSession], seconds: int, now_ns: int
    ) -> Bars:
        """Candles of ``seconds`` of consecutive days of one length."""
        minutes = self._paths.of_days(underlying, sessions)
        slices = _slices(minutes, self._strokes, 60 // seconds)
        opens = np.array([s.open_ns for s in sessions], dtype=np.int64)
        parts = slices.first.shape[1]
        starts = opens[:, None] + np.arange(parts) * (seconds * NS_PER_SECOND)
        ends = np.array([contract.end_minute(s) for s in sessions])
        steps = seconds * NS_PER_SECOND // SAMPLE_NS
        wanted = np.arange(parts)[None, :] * seconds < ends[:, None] * 60
        complete = wanted & (starts + (steps - 1) * SAMPLE_NS <= now_ns)
        day, part = np.nonzero(complete)
        prices = (slices.first, slices.high, slices.low, slices.last)
        bars = contract.candles(
            sessions,
            day=day,
            minute=part * seconds // 60,
            spots=np.stack([price[complete] for price in prices]),
            starts=starts[complete],
            done=np.stack((np.roll(slices.done, 1, axis=1)[complete] * (part > 0), slices.done[complete])),
            whole=minutes.activity.sum(axis=1),
        )
        running = wanted & ~complete & (starts <= now_ns)
        if not running.any():
            return bars
        return concatenate(
            [bars, self._running(contract, minutes, sessions, running=running, starts=starts, now_ns=now_ns)]
        )

    def _running(
        self,
        contract: ContractDays,
        minutes: Minutes,
        sessions: list[SimSession],
        *,
        running: npt.NDArray[np.bool_],
        starts: IntArray,
        now_ns: int,
    ) -> Bars:
        """The unfinished candle: of the samples until now."""
        day, part = (index[-1:] for index in np.nonzero(running))
        start, opened = int(starts[day[0], part[0]]), sessions[day[0]].open_ns
        minute, first = divmod((start - opened) // SAMPLE_NS, SAMPLES)
        last = first + (now_ns - start) // SAMPLE_NS
        walk = self._strokes.walk[minutes.stroke[day[0], minute], first : last + 1]
        prices = minutes.level[day[0], minute] * (1.0 + minutes.scale[day[0], minute] * walk.astype(np.float64))
        traded, activity = minutes.traded[day[0], minute], minutes.activity[day[0], minute]
        done = traded + activity * (np.array([first, last + 1]) / SAMPLES)
        return contract.candles(
            sessions,
            day=day,
            minute=np.array([minute]),
            spots=np.array([[prices[0]], [prices.max()], [prices.min()], [prices[-1]]]),
            starts=np.array([start]),
            done=done[:, None],
            whole=minutes.activity.sum(axis=1),
        )

    def _openings(self, days: IntArray) -> IntArray:
        """Openings of sessions by day (ascending)."""
        first = np.flatnonzero(np.diff(days, prepend=days[0] - 1))
        found = [self._sessions.on(day) for day in days[first].tolist()]
        opens = np.array([s.open_ns if s else 0 for s in found], dtype=np.int64)
        return np.repeat(opens, np.diff(np.append(first, len(days))))


def _slices(minutes: Minutes, strokes: Strokes, count: int) -> Slices:
    """Each minute in ``count`` equal parts."""
    days, size = minutes.level.shape
    traded = minutes.traded[:, :-1]
    if count == 1:
        done = traded + minutes.activity
        return Slices(minutes.first, minutes.high, minutes.low, minutes.last, done)
    cut_up = strokes.walk.reshape(len(strokes.walk), count, SAMPLES // count).astype(np.float64)
    share = np.arange(1, count + 1) / count
    done = (traded[:, :, None] + minutes.activity[:, :, None] * share).reshape(days, -1)

    def priced(library: FloatArray) -> FloatArray:
        move = minutes.scale[:, :, None] * library[minutes.stroke]
        return np.asarray((minutes.level[:, :, None] * (1.0 + move)).reshape(days, size * count), dtype=np.float64)

    return Slices(
        priced(cut_up[:, :, 0]), priced(cut_up.max(axis=2)), priced(cut_up.min(axis=2)), priced(cut_up[:, :, -1]), done
    )


def _chunks(sessions: list[SimSession], size: int) -> Iterator[list[SimSession]]:
    """Runs of sessions of one length, at most ``size`` each."""
    chunk: list[SimSession] = []
    for session in sessions:
        if chunk and (len(chunk) == size or session.minutes != chunk[0].minutes):
            yield chunk
            chunk = []
        chunk.append(session)
    if chunk:
        yield chunk
