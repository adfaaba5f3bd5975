"""How strong and how fast prices move: oscillators of one price column."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from openalgo_lab.indicators.averages import rma
from openalgo_lab.indicators.checks import column, whole_length

__all__ = ["rsi"]

FloatArray = npt.NDArray[np.float64]


def rsi(values: npt.ArrayLike, length: int = 14) -> FloatArray:
    """Relative strength index (Wilder 1978), 0–100; 0 where nothing moves, as TA-Lib has it."""
    data = column(values)
    change = np.diff(data, prepend=np.nan)
    size = whole_length(length)
    up, down = rma(np.maximum(change, 0.0), size), rma(np.maximum(-change, 0.0), size)
    total = up + down
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(total == 0, 0.0, 100 * up / total) + 0 * total, dtype=np.float64)
