"""Figures of an option chain from plain arrays: forward, at-the-money strike, ratios, max pain, straddle, moneyness.

Arrays are by strike, ascending, all of one expiry; prices and strikes in rupees; NaN = not known. A figure that
cannot be formed is NaN (or None), never a guess.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

__all__ = [
    "atm_index",
    "forward_by_parity",
    "max_pain",
    "moneyness_steps",
    "put_call_ratio",
    "straddle",
    "synthetic_forwards",
]

FloatArray = npt.NDArray[np.float64]

_NEAR_STRIKES: Final = 5


def synthetic_forwards(
    strikes: FloatArray, calls: FloatArray, puts: FloatArray, *, years: float = 0.0, rate: float = 0.0
) -> FloatArray:
    """The forward that each strike's pair implies by put-call parity: K + e^(rT) (call - put). NaN without a pair."""
    valid = (calls > 0) & (puts > 0)
    gap = np.where(valid, calls - puts, np.nan)
    return np.asarray(strikes + np.exp(rate * years) * gap, dtype=np.float64)


def forward_by_parity(
    strikes: FloatArray,
    calls: FloatArray,
    puts: FloatArray,
    *,
    near: float | None = None,
    years: float = 0.0,
    rate: float = 0.0,
    count: int = _NEAR_STRIKES,
) -> float:
    """Median of the synthetic forwards of the ``count`` strikes nearest to the money; NaN without any pair.

    The money is ``near`` (the spot, say); without it the strike at which call and put cost most nearly the same. One
    stale price moves one strike's forward by much, the median hardly.
    """
    forwards = synthetic_forwards(strikes, calls, puts, years=years, rate=rate)
    known = np.flatnonzero(~np.isnan(forwards))
    if not len(known):
        return float("nan")
    if near is None or not np.isfinite(near):
        near = float(strikes[known[np.argmin(np.abs(calls[known] - puts[known]))]])
    order = np.argsort(np.abs(strikes[known] - near), kind="stable")[:count]
    return float(np.median(forwards[known[order]]))


def atm_index(strikes: FloatArray, reference: float) -> int | None:
    """Position of the strike nearest to ``reference``, the lower one of a tie; None without strikes or reference."""
    if not len(strikes) or not np.isfinite(reference):
        return None
    return int(np.argmin(np.abs(strikes - reference)))  # the first of equals is the lower: strikes ascend


def moneyness_steps(strikes: FloatArray, reference: float) -> npt.NDArray[np.int64]:
    """Listed strikes from the at-the-money one: 0 there, negative below. A call is in the money where it is negative,
    a put where it is positive. Empty without a reference.
    """
    atm = atm_index(strikes, reference)
    if atm is None:
        return np.empty(0, dtype=np.int64)
    return np.arange(len(strikes), dtype=np.int64) - atm


def put_call_ratio(calls: FloatArray, puts: FloatArray) -> float:
    """Sum of the puts' open interest (or volume) over the calls'; unknown ones are left out; NaN without calls."""
    below = float(np.nansum(calls))
    return float(np.nansum(puts)) / below if below > 0 else float("nan")


def max_pain(strikes: FloatArray, call_oi: FloatArray, put_oi: FloatArray) -> float:
    """The strike at which all options together would pay their holders least at expiry; the lower one of a tie.

    Payout at S: sum of call OI x max(S - K, 0) + put OI x max(K - S, 0). NaN without open interest.
    """
    calls, puts = np.nan_to_num(call_oi), np.nan_to_num(put_oi)
    if not len(strikes) or not (calls.sum() + puts.sum()) > 0:
        return float("nan")
    distance = strikes[:, None] - strikes[None, :]
    payout = np.maximum(distance, 0.0) @ calls + np.maximum(-distance, 0.0) @ puts
    return float(strikes[int(np.argmin(payout))])


def straddle(strikes: FloatArray, calls: FloatArray, puts: FloatArray, reference: float) -> float:
    """Price of the at-the-money call and put together; NaN unless both are known."""
    atm = atm_index(strikes, reference)
    if atm is None or not (calls[atm] > 0 and puts[atm] > 0):
        return float("nan")
    return float(calls[atm] + puts[atm])
