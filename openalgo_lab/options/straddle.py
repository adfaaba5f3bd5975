"""The straddle at the money over a day as the money moves, and what selling it again and again would have made.

Arrays are by minute (n) and by strike (m): ``calls`` and ``puts`` (n, m) are closes in rupees, NaN where not known.
"""

from __future__ import annotations

import math

import msgspec
import numpy as np
import numpy.typing as npt

__all__ = ["RollingStraddle", "StraddleRun", "StraddleTrade", "rolling_straddle", "sell_straddles"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


class RollingStraddle(msgspec.Struct, frozen=True):
    """By minute: the strike nearest to the spot, call and put there together, and strike + call - put."""

    strike: Floats
    straddle: Floats
    synthetic: Floats


class StraddleTrade(msgspec.Struct, frozen=True):
    """One straddle sold at minute ``entered`` and bought back at ``left``: prices together, rupees a unit."""

    entered: int
    left: int
    strike: float
    sold: float
    bought: float

    @property
    def profit(self) -> float:
        """Rupees a unit."""
        return self.sold - self.bought


class StraddleRun(msgspec.Struct, frozen=True):
    """``profit`` by minute: made so far and open together, rupees a unit, without costs."""

    trades: tuple[StraddleTrade, ...]
    profit: Floats


def rolling_straddle(spot: Floats, strikes: Floats, calls: Floats, puts: Floats) -> RollingStraddle:
    """Where a leg has no price at the minute's own strike the minute is NaN. ``strikes`` ascending."""
    at = np.argmin(np.abs(strikes[None, :] - np.nan_to_num(spot)[:, None]), axis=1)
    rows = np.arange(len(spot))
    call, put = calls[rows, at], puts[rows, at]
    strike = np.where(np.isnan(spot), np.nan, strikes[at])
    return RollingStraddle(strike, call + put + strike * 0.0, strike + call - put)


def sell_straddles(
    spot: Floats, strikes: Floats, calls: Floats, puts: Floats, day: Ints, *, adjust_points: float = 50.0
) -> StraddleRun:
    """Each day the straddle at the money is sold at the first minute that has both prices, bought back at the last.

    When the money has moved ``adjust_points`` or more from the sold strike it is bought back and the new one is sold.
    ``day`` (n,) numbers the days. A minute without prices of the open straddle keeps its last known worth.
    """
    rolling = rolling_straddle(spot, strikes, calls, puts)
    both = calls + puts
    trades: list[StraddleTrade] = []
    profit = np.zeros(len(spot))
    made, opened, worth = 0.0, None, math.nan
    for minute in range(len(spot)):
        last = minute + 1 == len(spot) or day[minute + 1] != day[minute]
        if opened is not None:
            here = both[minute, opened[1]]
            worth = worth if math.isnan(here) else here
            moved = abs(rolling.strike[minute] - strikes[opened[1]]) >= adjust_points
            if last or (moved and not math.isnan(rolling.straddle[minute])):
                start, column, sold = opened
                trades.append(StraddleTrade(start, minute, float(strikes[column]), sold, float(worth)))
                made += sold - worth
                opened = None
        if opened is None and not last and not math.isnan(rolling.straddle[minute]):
            column = int(np.flatnonzero(strikes == rolling.strike[minute])[0])
            worth = float(rolling.straddle[minute])
            opened = (minute, column, worth)
        profit[minute] = made + (0.0 if opened is None else opened[2] - worth)
    return StraddleRun(tuple(trades), profit)
