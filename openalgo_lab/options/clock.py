"""Time to expiry in years, by the calendar or by trading hours. Moments are UTC nanoseconds."""

from __future__ import annotations

from datetime import date
from typing import Final

import numpy as np
import numpy.typing as npt

__all__ = ["TRADING_DAYS_A_YEAR", "trading_years", "whole_day_years"]

TRADING_DAYS_A_YEAR: Final = 252


def trading_years(now_ns: int, sessions: npt.NDArray[np.int64], day_ns: int) -> float:
    """Trading time left, in years of 252 days of ``day_ns``.

    ``sessions`` (n, 2): first and last moment of every session up to the expiry, ascending; those of the past count 0.
    """
    left = np.maximum(sessions[:, 1] - np.maximum(sessions[:, 0], now_ns), 0)
    return float(left.sum()) / (day_ns * TRADING_DAYS_A_YEAR)


def whole_day_years(today: date, expiry: date) -> float:
    """Days between two dates / 365; 0 from the day of expiry on."""
    return max((expiry - today).days, 0) / 365.0
