"""Candles of a chain's day on one clock: the underlying's minutes, and the closes of the strikes it came by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

import msgspec
import numpy as np
import numpy.typing as npt

from openalgo_lab.engine.option_data.contracts import ChainContracts
from openalgo_lab.model.commands import BarsReply, GetHistory
from openalgo_lab.model.instruments import InstrumentKey
from openalgo_lab.model.times import NS_PER_DAY

if TYPE_CHECKING:
    from openalgo_lab.engine.handle import EngineHandle

__all__ = ["DayCandles", "load_day", "strikes_passed"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_IST_NS: Final = 19_800 * 10**9
_MOST_STRIKES: Final = 12
_WEEKEND: Final = 5  # days more than asked for, so that a weekend and a holiday do not swallow them


class DayCandles(msgspec.Struct, frozen=True):
    """``times`` (n,) UTC ns, ``day`` (n,) numbers the days, ``spot`` (n,) closes; ``calls`` and ``puts`` (n, m) closes
    of ``strikes`` (m,), NaN where a minute has no candle.
    """

    times: Ints
    day: Ints
    spot: Floats
    strikes: Floats
    calls: Floats
    puts: Floats


async def load_day(
    handle: EngineHandle, contracts: ChainContracts, now_ns: int, *, days: int = 1, also: Sequence[float] = ()
) -> DayCandles | None:
    """The last ``days`` days that have candles, up to now; None where the underlying has none. ``also``: strikes that
    are wanted besides those at the money. Raises the engine's LabError. Runs on the handle's loop.
    """
    underlying = contracts.spot or contracts.future
    if underlying is None:
        return None
    start = now_ns - (days + _WEEKEND) * NS_PER_DAY
    bars = await handle.call(GetHistory(underlying.key, "1m", start, now_ns + 1))
    times, spot = _closes(bars)
    day = (times + _IST_NS) // NS_PER_DAY
    if not len(times):
        return None
    kept = day > np.unique(day)[-days - 1] if len(np.unique(day)) > days else np.ones(len(day), dtype=np.bool_)
    times, spot, day = times[kept], spot[kept], day[kept]
    strikes = np.union1d(strikes_passed(contracts.strikes, spot), np.asarray(also, dtype=np.float64))
    sides: dict[str, Floats] = {}
    for name, listed in (("calls", contracts.calls), ("puts", contracts.puts)):
        closes = {}
        for strike in strikes.tolist():
            item = listed[int(np.argmin(np.abs(contracts.strikes - strike)))]
            if item is not None:
                closes[strike] = await _candles(handle, item.key, int(times[0]), now_ns + 1)
        sides[name] = _aligned(times, strikes, closes)
    return DayCandles(times, day, spot, strikes, sides["calls"], sides["puts"])


def strikes_passed(strikes: Floats, spot: Floats, most: int = _MOST_STRIKES) -> Floats:
    """Strikes that were nearest to the spot, those that were so longest first where there are too many; ascending."""
    at = np.argmin(np.abs(strikes[None, :] - spot[:, None]), axis=1)
    places, minutes = np.unique(at, return_counts=True)
    return np.sort(strikes[places[np.argsort(-minutes, kind="stable")][:most]])


async def _candles(handle: EngineHandle, key: InstrumentKey, start: int, end: int) -> tuple[Ints, Floats]:
    return _closes(await handle.call(GetHistory(key, "1m", start, end)))


def _closes(bars: BarsReply) -> tuple[Ints, Floats]:
    return np.frombuffer(bars.start_ns, "<i8"), np.frombuffer(bars.close, "<f8")


def _aligned(times: Ints, strikes: Floats, closes: Mapping[float, tuple[Ints, Floats]]) -> Floats:
    """(n, m): each strike's closes at the underlying's minutes."""
    out = np.full((len(times), len(strikes)), np.nan)
    for column, strike in enumerate(strikes.tolist()):
        own, close = closes.get(strike, (np.empty(0, dtype=np.int64), np.empty(0)))
        _, here, there = np.intersect1d(times, own, assume_unique=True, return_indices=True)
        out[here, column] = close[there]
    return out
