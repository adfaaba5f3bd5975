"""Black-76 for millions of options: loops that LLVM turns into vector instructions. Import lazily: Numba costs 90 MB.

The same formulas as :mod:`openalgo_lab.options.black` and :mod:`~openalgo_lab.options.implied` (same Mills ratio, same
two objectives), written without a branch: exponential and logarithm are short polynomials on a reduced argument with
the exponent's bits put in by hand, every choice is a select, and volatilities are solved in blocks of 64 by Halley's
method until the slowest of the block stands still. Compiled code is kept on disk; all of it is in this one file because
Numba compares only a file's own date.
"""

from __future__ import annotations

import math
from typing import Any, Final

import numba
import numpy as np
from numba import boolean, float64, uint64, void
from numba.core import types
from numba.extending import intrinsic

from openalgo_lab.options.normal import MILLS_COEFFICIENTS, MILLS_POLE, MILLS_SHIFT

__all__ = ["COMPILED", "greeks_kernel", "volatility_kernel"]

_BLOCK: Final = 64
_MAX_STEPS: Final = 40
_CLOSE: Final = 2e-4  # Halley triples the digits: a step this small leaves the next one below float64
_LIFT: Final = 1.3  # (-ln b - 1.3)^(-1/2) is nearer to a straight line from 0 to the inflection than (-ln b)^(-1/2)
_ROUNDING: Final = 4e-16

_MAGIC: Final = 6755399441055744.0  # 1.5 * 2^52: adding it rounds to a whole number in the low bits
_LOG2E: Final = 1.4426950408889634
_LN2_HIGH: Final = 0.6931471803691238
_LN2_LOW: Final = 1.9082149292705877e-10
_TWO_52: Final = 4503599627370496.0
_SQRT_2PI: Final = math.sqrt(2.0 * math.pi)
_INV_SQRT_2PI: Final = 1.0 / math.sqrt(2.0 * math.pi)
_HALF_LN_2PI: Final = 0.5 * math.log(2.0 * math.pi)

_E: Final = tuple(1.0 / math.factorial(n) for n in range(14))
_L: Final = tuple(1.0 / (2 * n + 1) for n in range(11))
_M: Final = MILLS_COEFFICIENTS

_OPTIONS: Final[dict[str, Any]] = {
    "cache": True, "nogil": True, "error_model": "numpy", "fastmath": {"contract"},
}  # fmt: skip


def _as_bits(_typing: Any, _value: Any) -> Any:
    """The 64 bits of a float as an unsigned integer."""

    def build(context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        return builder.bitcast(args[0], context.get_value_type(types.uint64))

    return types.uint64(types.float64), build


def _as_float(_typing: Any, _value: Any) -> Any:
    """The float that has these 64 bits."""

    def build(context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        return builder.bitcast(args[0], context.get_value_type(types.float64))

    return types.float64(types.uint64), build


_bits: Any = intrinsic(_as_bits)
_float: Any = intrinsic(_as_float)
_READ: Final = types.Array(float64, 1, "C", readonly=True)
_READ_CALLS: Final = types.Array(boolean, 1, "C", readonly=True)
_inline = numba.njit(forceinline=True, error_model="numpy", fastmath={"contract"})


@_inline
def _exp(x: float) -> float:
    """e^x to 1 ulp for x in [-708, 709]; 0 below, inf above."""
    inside = min(max(x, -708.0), 709.0)
    shifted = inside * _LOG2E + _MAGIC
    whole = shifted - _MAGIC
    r = (inside - whole * _LN2_HIGH) - whole * _LN2_LOW
    p = _E[13]
    p = p * r + _E[12]
    p = p * r + _E[11]
    p = p * r + _E[10]
    p = p * r + _E[9]
    p = p * r + _E[8]
    p = p * r + _E[7]
    p = p * r + _E[6]
    p = p * r + _E[5]
    p = p * r + _E[4]
    p = p * r + _E[3]
    p = p * r + _E[2]
    p = p * r + 1.0
    p = p * r + 1.0
    power = _float((_bits(shifted) + uint64(1023)) << uint64(52))
    out = p * power
    out = 0.0 if x < -708.0 else out
    return np.inf if x > 709.0 else out


@_inline
def _log(x: float) -> float:
    """ln x to 1 ulp for a positive normal number (what is smaller gives the logarithm of the smallest normal one)."""
    bits = _bits(max(x, 2.2250738585072014e-308))
    shifted = bits - uint64(0x3FE6A09E667F3BCD) + (uint64(1024) << uint64(52))
    power = shifted >> uint64(52)
    whole = _float(power | uint64(0x4330000000000000)) - (_TWO_52 + 1024.0)
    m = _float(bits - (power << uint64(52)) + (uint64(1024) << uint64(52)))
    f = m - 1.0
    s = f / (2.0 + f)
    z = s * s
    p = _L[10]
    p = p * z + _L[9]
    p = p * z + _L[8]
    p = p * z + _L[7]
    p = p * z + _L[6]
    p = p * z + _L[5]
    p = p * z + _L[4]
    p = p * z + _L[3]
    p = p * z + _L[2]
    p = p * z + _L[1]
    small = whole * _LN2_LOW + 2.0 * s * z * p
    return float(whole * _LN2_HIGH + (2.0 * s + small))


@_inline
def _mills_sum(t: float) -> float:
    """The polynomial of (z + shift) M(z)."""
    p = _M[23]
    p = p * t + _M[22]
    p = p * t + _M[21]
    p = p * t + _M[20]
    p = p * t + _M[19]
    p = p * t + _M[18]
    p = p * t + _M[17]
    p = p * t + _M[16]
    p = p * t + _M[15]
    p = p * t + _M[14]
    p = p * t + _M[13]
    p = p * t + _M[12]
    p = p * t + _M[11]
    p = p * t + _M[10]
    p = p * t + _M[9]
    p = p * t + _M[8]
    p = p * t + _M[7]
    p = p * t + _M[6]
    p = p * t + _M[5]
    p = p * t + _M[4]
    p = p * t + _M[3]
    p = p * t + _M[2]
    p = p * t + _M[1]
    return p * t + _M[0]


@_inline
def _mills(z: float) -> float:
    """The Mills ratio (1 - N(z)) / n(z) for z >= 0."""
    return _mills_sum(1.0 - 2.0 * MILLS_POLE / (z + MILLS_POLE)) / (z + MILLS_SHIFT)


@_inline
def _mills_pair(y: float, z: float) -> tuple[float, float]:
    """The Mills ratios of two numbers for the price of one division."""
    a, b, c, d = y + MILLS_POLE, y + MILLS_SHIFT, z + MILLS_POLE, z + MILLS_SHIFT
    ab, cd = a * b, c * d
    whole = 1.0 / (ab * cd)
    first, second = whole * cd, whole * ab
    t, u = 1.0 - 2.0 * MILLS_POLE * (first * b), 1.0 - 2.0 * MILLS_POLE * (second * d)
    return _mills_sum(t) * (first * a), _mills_sum(u) * (second * c)


@numba.njit(void(_READ, _READ, _READ, _READ, _READ_CALLS, float64, float64[:, ::1]), **_OPTIONS)
def greeks_kernel(forward: Any, strike: Any, years: Any, volatility: Any, is_call: Any, rate: float, out: Any) -> None:  # noqa: PLR0917
    """Rows of ``out`` (9, n): the fields of :class:`~openalgo_lab.options.black.Greeks`; arrays (n,)."""
    for i in range(len(forward)):
        f, k, t, s = forward[i], strike[i], max(years[i], 0.0), max(volatility[i], 0.0)
        sign = 1.0 if is_call[i] else -1.0
        root = math.sqrt(t)
        total = s * root
        alive = total > 0.0
        safe = total if alive else 1.0
        d1 = _log(f / k) / safe + 0.5 * total
        d2 = d1 - total
        discount = _exp(-rate * t)
        a1, a2 = abs(d1), abs(d2)
        n1, n2 = _exp(-0.5 * a1 * a1) * _INV_SQRT_2PI, _exp(-0.5 * a2 * a2) * _INV_SQRT_2PI
        tail1, tail2 = n1 * _mills(a1), n2 * _mills(a2)
        c1 = 1.0 - tail1 if sign * d1 > 0.0 else tail1
        c2 = 1.0 - tail2 if sign * d2 > 0.0 else tail2
        in_money = sign * (f - k)
        intrinsic_value = max(in_money, 0.0)
        value = max(sign * (f * c1 - k * c2), intrinsic_value) if alive else intrinsic_value
        c1 = c1 if alive else (1.0 if in_money > 0.0 else 0.0)
        density = discount * n1 if alive else 0.0
        unknown = (f + k + years[i] + volatility[i]) * 0.0  # NaN where one of them is
        price = value * discount + unknown
        delta = sign * discount * c1
        skewing = density * d2 / (s if alive else 1.0)
        decay = rate * price - 0.5 * f * density * s / (root if alive else 1.0)
        fading = rate * delta + 0.5 * density * d2 / (t if alive else 1.0)
        out[0, i] = price
        out[1, i] = delta + unknown
        out[2, i] = density / (f * safe) + unknown
        out[3, i] = (decay if alive else 0.0) / 365.0 + unknown
        out[4, i] = f * density * root / 100.0 + unknown
        out[5, i] = -t * price / 100.0
        out[6, i] = -skewing / 100.0 + unknown
        out[7, i] = f * root * d1 * skewing / 10000.0 + unknown
        out[8, i] = (fading if alive else 0.0) / 365.0 + unknown


@_inline
def _prepare(price: Any, forward: Any, strike: Any, years: Any, is_call: Any, rate: float, work: Any) -> None:  # noqa: PLR0917
    """Rows of ``work``: distance |ln(F/K)|, first guess, target, least, most, 1/√T (NaN: none), below the bend."""
    for j in range(len(price)):
        p, f, k, t = price[j], forward[j], strike[j], years[j]
        undiscounted = p * _exp(rate * t)
        above = f - k if is_call[j] else k - f
        bound = f if is_call[j] else k
        value = undiscounted - max(above, 0.0)
        value = 0.0 if (above > 0.0) & (abs(value) <= _ROUNDING * max(f, k)) else value
        distance = abs(_log(f / k))
        beta = value / math.sqrt(f * k)
        ceiling = _exp(-0.5 * distance)
        sane = (p >= 0.0) & (f > 0.0) & (k > 0.0) & (t > 0.0) & (value >= 0.0)
        sane &= (undiscounted < bound) & (beta < ceiling) & (p * f * k * t * rate < np.inf)
        solved = sane & (beta > 0.0)
        bend = max(math.sqrt(2.0 * distance), 1e-12)
        at_bend = ceiling * (0.5 - _mills(bend) * _INV_SQRT_2PI)
        below = beta < at_bend
        depth = -_log(beta if solved & below else 0.3)
        missing = _log(ceiling - beta if solved & (not below) else 0.3)
        at_depth = -_log(at_bend if solved & below else 0.3)
        work[2, j] = 1.0 / math.sqrt(depth) if below else missing
        work[0, j] = distance
        nearer = bend * math.sqrt((at_depth - _LIFT) / (depth - _LIFT))
        first = nearer if below else bend + (beta - at_bend) * _SQRT_2PI / ceiling
        work[1, j] = first if solved else 1.0
        work[6, j] = 1.0 if below else 0.0
        work[3, j] = 0.0 if below else bend
        work[4, j] = bend if below else 1e300
        work[5, j] = (1.0 / math.sqrt(t) if solved else 0.0) if sane else np.nan


@_inline
def _halley(work: Any, size: int) -> int:
    """One step for the whole block; answers how many still move."""
    moving = 0
    for j in range(size):
        here = work[1, j]
        inverse = 1.0 / here
        h, t = work[0, j] * inverse, 0.5 * here
        near, far = _mills_pair(abs(h - t), h + t)
        is_low = work[6, j] > 0.5
        ratio = near - far if is_low else near + far
        steep = 1.0 / ratio
        squares = h * h + t * t
        depth = 0.5 * squares + _HALF_LN_2PI - _log(ratio)
        bending = (h * h - t * t) * inverse
        lasting = depth if is_low else 1.0
        newton_low = 2.0 * lasting * ratio * (work[2, j] * math.sqrt(lasting) - 1.0)
        newton_high = (-depth - work[2, j]) * ratio
        newton = newton_low if is_low else newton_high
        curve = bending - steep + 1.5 * steep / lasting if is_low else bending + steep
        turned = 1.0 + 0.5 * newton * curve
        step = newton / (turned if turned > 0.3 else 1.0)
        lowest, highest = max(work[3, j], 0.25 * here), min(work[4, j], 4.0 * here + 1.0)
        after = min(max(here + step, lowest), highest)
        work[1, j] = after
        moving += 1 if abs(after - here) * work[5, j] > _CLOSE * here * work[5, j] else 0
    return moving


@numba.njit(void(_READ, _READ, _READ, _READ, _READ_CALLS, float64, float64[::1]), **_OPTIONS)
def volatility_kernel(price: Any, forward: Any, strike: Any, years: Any, is_call: Any, rate: float, out: Any) -> None:  # noqa: PLR0917
    """Volatilities into ``out`` (n,); NaN and 0 as :func:`openalgo_lab.options.implied.implied_volatility`."""
    # One array: LLVM would have to prove of every pair of arrays that they do not overlap.
    work = np.empty((7, _BLOCK))
    for start in range(0, len(price), _BLOCK):
        end = min(start + _BLOCK, len(price))
        # Slices, because an index that is a sum might be negative for all that LLVM knows.
        found = out[start:end]
        _prepare(
            price[start:end], forward[start:end], strike[start:end], years[start:end], is_call[start:end], rate, work
        )
        for _step in range(_MAX_STEPS):
            if _halley(work, end - start) == 0:
                break
        for j in range(end - start):
            found[j] = work[1, j] * work[5, j]


COMPILED: Final = True
"""Stands last: who sees it has the whole module."""
