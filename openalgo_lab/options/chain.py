"""Figures of an option chain from plain arrays: forward, at-the-money strike, ratios, max pain, straddle, moneyness.

Arrays are by strike, ascending, all of one expiry; prices and strikes in rupees; NaN = not known. A figure that
cannot be formed is NaN (or None), never a guess.
"""

from __future__ import annotations

import math
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

__all__ = [
    "OiWalls",
    "atm_index",
    "expected_move",
    "max_pain",
    "moneyness_steps",
    "oi_walls",
    "pain_curve",
    "put_call_ratio",
    "straddle",
    "synthetic_forwards",
    "synthetic_future",
]

FloatArray = npt.NDArray[np.float64]

_STRADDLE_TO_MOVE: Final = math.sqrt(math.pi / 2.0)  # E|X| of a normal distribution is sqrt(2/pi) of its deviation


def synthetic_forwards(
    strikes: FloatArray, calls: FloatArray, puts: FloatArray, *, years: float = 0.0, rate: float = 0.0
) -> FloatArray:
    """The forward that each strike's pair implies by put-call parity: K + e^(rT) (call - put). NaN without a pair."""
    valid = (calls > 0) & (puts > 0)
    gap = np.where(valid, calls - puts, np.nan)
    return np.asarray(strikes + np.exp(rate * years) * gap, dtype=np.float64)


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


def pain_curve(strikes: FloatArray, call_oi: FloatArray, put_oi: FloatArray) -> FloatArray:
    """What all options together would pay their holders if they expired at each strike, rupees.

    Payout at S: sum of call OI x max(S - K, 0) + put OI x max(K - S, 0); unknown open interest counts 0.
    """
    distance = strikes[:, None] - strikes[None, :]
    paid = np.maximum(distance, 0.0) @ np.nan_to_num(call_oi) + np.maximum(-distance, 0.0) @ np.nan_to_num(put_oi)
    return np.asarray(paid, dtype=np.float64)


def max_pain(strikes: FloatArray, call_oi: FloatArray, put_oi: FloatArray) -> float:
    """The strike of the least payout (:func:`pain_curve`), the lower one of a tie; NaN without open interest."""
    if not len(strikes) or not (np.nansum(call_oi) + np.nansum(put_oi)) > 0:
        return float("nan")
    return float(strikes[int(np.argmin(pain_curve(strikes, call_oi, put_oi)))])


class OiWalls(msgspec.Struct, frozen=True):
    """Strikes of the largest open interest: ``support`` by puts, ``resistance`` by calls; NaN without any."""

    support: float
    resistance: float


def oi_walls(strikes: FloatArray, call_oi: FloatArray, put_oi: FloatArray) -> OiWalls:
    """Where most calls and most puts stand open; the lower strike of a tie."""

    def largest(interest: FloatArray) -> float:
        known = np.nan_to_num(interest)
        return float(strikes[int(np.argmax(known))]) if len(known) and known.max() > 0 else float("nan")

    return OiWalls(support=largest(put_oi), resistance=largest(call_oi))


def synthetic_future(strikes: FloatArray, calls: FloatArray, puts: FloatArray, reference: float) -> float:
    """K + call - put at the money, undiscounted; NaN unless both prices are known."""
    atm = atm_index(strikes, reference)
    if atm is None or not (calls[atm] > 0 and puts[atm] > 0):
        return float("nan")
    return float(strikes[atm] + calls[atm] - puts[atm])


def expected_move(straddle_price: float) -> float:
    """One standard deviation until expiry as the straddle at the money prices it, rupees: straddle x sqrt(pi / 2)."""
    return straddle_price * _STRADDLE_TO_MOVE


def straddle(strikes: FloatArray, calls: FloatArray, puts: FloatArray, reference: float) -> float:
    """Price of the at-the-money call and put together; NaN unless both are known."""
    atm = atm_index(strikes, reference)
    if atm is None or not (calls[atm] > 0 and puts[atm] > 0):
        return float("nan")
    return float(calls[atm] + puts[atm])
