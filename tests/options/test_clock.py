"""Years by trading hours and by whole days."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from openalgo_lab.options.clock import TRADING_DAYS_A_YEAR, trading_years, whole_day_years

HOUR = 3_600 * 10**9
SESSIONS = np.array([[9, 15], [33, 39], [57, 60]]) * HOUR  # six hours, six hours, an expiry that ends after three


@pytest.mark.parametrize(("hour", "left"), [(0, 15), (9, 15), (12, 12), (20, 9), (58, 2), (60, 0), (99, 0)])
def test_only_trading_hours_count(hour: int, left: int) -> None:
    found = trading_years(hour * HOUR, SESSIONS, 6 * HOUR)
    assert found == pytest.approx(left / 6 / TRADING_DAYS_A_YEAR)


def test_whole_days_stop_at_expiry() -> None:
    assert whole_day_years(date(2026, 8, 19), date(2026, 8, 25)) == 6 / 365
    assert whole_day_years(date(2026, 8, 26), date(2026, 8, 25)) == 0.0
