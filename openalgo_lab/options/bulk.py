"""Greeks and volatilities of any number of options: compiled where the compiled loops are there, else plain NumPy.

Both give the same results (to the last few digits). Compiled loops are never waited for: until :func:`load` has run,
in the background or ahead of a long computation, NumPy does the work.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import Final

import numpy as np
import numpy.typing as npt

from openalgo_lab.options.black import Calls, FloatArray, Floats, Greeks, black_greeks
from openalgo_lab.options.implied import implied_volatility

__all__ = ["bulk_greeks", "bulk_volatility", "load", "loaded"]

_KERNELS: Final = "openalgo_lab.options.bulk_kernels"
_FIELDS: Final = len(Greeks.__struct_fields__)


def load() -> None:
    """Bring the compiled loops: a second from the disk, about four the very first time."""
    import_module(_KERNELS)


def loaded() -> bool:
    """Whether the compiled loops are there."""
    return _kernels() is not None


def bulk_greeks(
    forward: Floats,
    strike: Floats,
    years: Floats,
    volatility: Floats,
    is_call: Calls,
    *,
    rate: float = 0.0,
    out: FloatArray | None = None,
) -> Greeks:
    """As :func:`~openalgo_lab.options.black.black_greeks`, with one ``rate`` for all; shapes broadcast.

    ``out``: float64 (9, n), contiguous, to be filled and answered with, so that a long computation does not ask for
    fresh memory every time; n is the number of options. Raises ValueError when it has another shape.
    """
    kernels = _kernels()
    shape, (f, k, t, s), calls = _flat((forward, strike, years, volatility), is_call)
    if out is None:
        out = np.empty((_FIELDS, len(f)))
    elif out.shape != (_FIELDS, len(f)):
        raise ValueError(f"out has the shape {out.shape}, it must be {(_FIELDS, len(f))}.")
    if kernels is None:
        found = black_greeks(f, k, t, s, calls, rate=rate)
        out[:] = [getattr(found, name) for name in Greeks.__struct_fields__]
    else:
        kernels.greeks_kernel(f, k, t, s, calls, float(rate), out)
    return Greeks(*(row.reshape(shape) for row in out))


def bulk_volatility(
    price: Floats, forward: Floats, strike: Floats, years: Floats, is_call: Calls, *, rate: float = 0.0
) -> FloatArray:
    """As :func:`~openalgo_lab.options.implied.implied_volatility`, with one ``rate`` for all; shapes broadcast."""
    kernels = _kernels()
    if kernels is None:
        return implied_volatility(price, forward, strike, years, is_call, rate=rate)
    shape, (p, f, k, t), calls = _flat((price, forward, strike, years), is_call)
    out = np.empty(len(p))
    kernels.volatility_kernel(p, f, k, t, calls, float(rate), out)
    return out.reshape(shape)


def _kernels() -> ModuleType | None:
    found = sys.modules.get(_KERNELS)
    return found if getattr(found, "COMPILED", False) else None


def _flat(
    numbers: tuple[Floats, ...], is_call: Calls
) -> tuple[tuple[int, ...], list[FloatArray], npt.NDArray[np.bool_]]:
    """The common shape, and every argument as one row of it, contiguous."""
    shape = np.broadcast_shapes(*(np.shape(value) for value in (*numbers, is_call)))
    rows = [np.ascontiguousarray(np.broadcast_to(np.asarray(value, np.float64), shape)).ravel() for value in numbers]
    return shape, rows, np.ascontiguousarray(np.broadcast_to(np.asarray(is_call, np.bool_), shape)).ravel()
