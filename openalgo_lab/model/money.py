"""Ticks and rupees without float surprises.

Prices are floats in rupees, but all arithmetic on the tick grid is done in integers: ten-thousandths of a
rupee (the currency tick 0.0025 is 25 of them), finer powers of ten only for crypto ticks that need them.
Sums of money are integer paise.
"""

from __future__ import annotations

import math
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

from openalgo_lab.model.errors import InputError
from openalgo_lab.model.vocabulary import Side

__all__ = [
    "compact_inr",
    "format_inr",
    "format_price",
    "format_qty",
    "from_paise",
    "is_on_tick",
    "nearest_ticks",
    "notional_paise",
    "price_decimals",
    "snap",
    "to_paise",
]

Amount = int | float | Decimal

_SCALES: Final = tuple(10**digits for digits in range(4, 13))
# A price this near a grid unit (in units) is that unit: 0.1 + 0.2 is 0.30, but 0.3001 is not.
_NOISE: Final = 1e-3
# More than all the money there is: a fault upstream, and too long for decimal arithmetic.
_TOO_MUCH: Final = Decimal(10) ** 20
_LAKH: Final = 1_00_000
_CRORE: Final = 1_00_00_000


def _grid(tick: float) -> tuple[int, int]:
    """(units a rupee, units a tick) with the coarsest scale from ten-thousandths that holds `tick` exactly."""
    if not (math.isfinite(tick) and tick > 0):
        raise InputError(f"{tick} is not a tick size; a tick is a positive number of rupees, for example 0.05.")
    for scale in _SCALES:
        step = round(tick * scale)
        if step and step / scale == tick:
            return scale, step
    raise InputError(f"{tick} is not a usable tick size; give at most 12 decimals.")


def _scaled(price: float, scale: int) -> float:
    scaled = price * scale
    if not math.isfinite(scaled):
        raise InputError(f"{price} is not a price; give a number of rupees.")
    nearest = round(scaled)
    return float(nearest) if abs(scaled - nearest) <= _NOISE else scaled


def is_on_tick(price: float, tick: float) -> bool:
    """Whether `price` is a whole multiple of `tick` (both in rupees)."""
    scale, step = _grid(tick)
    scaled = _scaled(price, scale)
    return scaled.is_integer() and int(scaled) % step == 0


def nearest_ticks(price: float, tick: float) -> tuple[float, float]:
    """The legal prices at or below and at or above `price`; both are the price itself when it is legal."""
    scale, step = _grid(tick)
    scaled = _scaled(price, scale)
    whole = math.floor(scaled)
    below = whole // step * step
    above = below if below == scaled else below + step
    return below / scale, above / scale


def snap(price: float, tick: float, side: Side | None = None) -> float:
    """A legal price near `price`: for a buy the one below, for a sell the one above, without a side the
    nearest (a tie goes up). Only for prices the user asked to have rounded: an off-tick order price is
    otherwise refused.
    """
    below, above = nearest_ticks(price, tick)
    if side is Side.BUY:
        return below
    if side is Side.SELL:
        return above
    scale, step = _grid(tick)
    doubled = 2 * (_scaled(price, scale) - round(below * scale))
    return below if doubled < step else above


def price_decimals(tick: float, minimum: int = 2) -> int:
    """How many decimals a price on this tick is shown with: 0.05 → 2, 0.0025 → 4, 1 → `minimum`."""
    scale, step = _grid(tick)
    digits = round(math.log10(scale))
    while digits > minimum and step % 10 == 0:
        step //= 10
        digits -= 1
    return digits


def format_price(price: float, tick: float) -> str:
    """A price with its tick's decimals and no grouping, as tables show it."""
    return f"{price:.{price_decimals(tick)}f}"


def _decimal(amount: Amount) -> Decimal:
    # repr gives the shortest decimal that the float stands for: 1.005 means 1.005, not 1.00499999999999989…
    value = Decimal(repr(amount)) if isinstance(amount, float) else Decimal(amount)
    if not value.is_finite() or abs(value) >= _TOO_MUCH:
        raise InputError(f"{amount} is not an amount of money; give a finite number of rupees.")
    return value


def to_paise(rupees: Amount) -> int:
    """Whole paise of an amount in rupees, rounded half away from zero as contract notes do."""
    return int((_decimal(rupees) * 100).to_integral_value(ROUND_HALF_UP))


def from_paise(paise: int) -> float:
    """Rupees of an amount in paise, as the nearest float."""
    return paise / 100


def notional_paise(price: float, quantity: Amount, multiplier: Amount = 1) -> int:
    """Value in paise of `quantity` at `price` rupees, multiplied exactly and rounded once, half away from
    zero.
    """
    return to_paise(_decimal(price) * _decimal(quantity) * _decimal(multiplier))


def _group(digits: str) -> str:
    """Indian grouping: three digits, then twos. '10000000' → '1,00,00,000'."""
    head, tail = digits[:-3], digits[-3:]
    pairs = [head[max(0, end - 2) : end] for end in range(len(head), 0, -2)]
    return ",".join([*reversed(pairs), tail])


def format_inr(amount: Amount, decimals: int = 2, *, symbol: bool = False, plus: bool = False) -> str:
    """Rupees in Indian grouping, `-1,00,00,000.00`; `symbol` puts ₹ before the digits, `plus` signs gains
    too.
    """
    value = _decimal(amount).quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP)
    sign = "-" if value < 0 else "+" if plus and value > 0 else ""
    whole, _, fraction = f"{abs(value):f}".partition(".")
    return f"{sign}{'₹' if symbol else ''}{_group(whole)}{'.' + fraction if fraction else ''}"


def format_qty(quantity: Amount) -> str:
    """A quantity in Indian grouping; fractions (crypto) keep their own decimals."""
    value = _decimal(quantity)
    whole, _, fraction = f"{abs(value):f}".partition(".")
    fraction = fraction.rstrip("0")
    sign = "-" if value < 0 else ""
    return f"{sign}{_group(whole)}{'.' + fraction if fraction else ''}"


def compact_inr(amount: Amount, decimals: int = 2) -> str:
    """Short rupees for headings and tiles: `₹950.00`, `₹45,000.00`, `₹1.20 L` (lakh), `-₹3.45 Cr` (crore)."""
    value = _decimal(amount)
    for unit, suffix in ((_CRORE, " Cr"), (_LAKH, " L")):
        # Compared after rounding, so that 99,99,999.99 reads 1.00 Cr and not 100.00 L.
        short = (value / unit).quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP)
        if abs(short) >= 1:
            return format_inr(short, decimals, symbol=True) + suffix
    return format_inr(value, decimals, symbol=True)
