"""The arithmetic of fills, and the loop that turns signals into trades with it.

All functions are plain Python: the event-driven engine calls them as they are, and :func:`compiled` gives the same
loop as machine code (Numba, cached on disk; imported when it is first asked for). So both engines have one truth.
They stand in one file because Numba's cache looks at the date of the file that holds the compiled loop only.

Money is integer paise. Prices are rupees; ``unit`` and ``step`` describe the tick in whole parts of a rupee (a tick of
0.05 is 5 of 100), ``unit`` 0 means that prices are not rounded.
"""

from __future__ import annotations

# ruff: noqa: PLR0917 - compiled code takes its columns by position
import math
from collections.abc import Callable
from functools import cache
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = [
    "ENTER_LONG",
    "ENTER_SHORT",
    "EXIT",
    "HOLD",
    "RATE_FIELDS",
    "REASONS",
    "Exits",
    "Outcome",
    "Size",
    "Terms",
    "charge_paise",
    "compiled",
    "exit_price",
    "share",
    "signal_size",
    "slipped",
    "stop_level",
    "target_level",
    "to_tick",
    "trade_signals",
    "trail_level",
    "value_paise",
]

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
ByteArray = npt.NDArray[np.int8]

HOLD: Final = 0
ENTER_LONG: Final = 1
ENTER_SHORT: Final = -1
EXIT: Final = 2

REASONS: Final = ("signal", "stop", "target", "trail", "square-off", "ruin", "group", "expiry")
"""Why a trade ended; a trade holds the number."""
_SIGNAL: Final = 0
_STOP: Final = 1
_TARGET: Final = 2
_TRAIL: Final = 3
_SQUARE_OFF: Final = 4
_RUIN: Final = 5

RATE_FIELDS: Final = ("flat", "percent", "levy_buy", "levy_sell", "taxed", "gst", "debit")
"""Columns of a row of charges; see :class:`openalgo_lab.backtest.charges.ChargeRates`."""

_IN_ZONE: Final = 1
_DAY_END: Final = 2


class Terms(NamedTuple):
    """What does not change in a run: money in paise, the tick, slippage, margin.

    ``slip_part`` is a fraction of the price, ``slip_rupees`` an amount, ``impact`` the fraction of the price that an
    order as large as the bar's volume moves it (by the square root of its share). ``shorts`` 0: what is not held cannot
    be sold.
    """

    cash: int
    multiplier: float
    lot: int
    unit: float
    step: float
    margin: float
    slip_part: float
    slip_rupees: float
    impact: float
    shorts: int


class Size(NamedTuple):
    """How much an entry buys or sells: ``units``, or if 0 this share of the equity (1 = all, by the margin rate)."""

    units: int
    exposure: float


class Exits(NamedTuple):
    """Distances from the entry price in per cent, 0 = none: loss limit, profit target, trailing stop."""

    stop: float
    target: float
    trail: float


class Outcome(NamedTuple):
    """Trades in columns (a row of ``trades``: entry bar, exit bar, signed units, gross paise, charges paise, reason;
    of ``prices``: entry, exit), equity at each close in paise, and how the account ended.
    """

    trades: IntArray
    prices: FloatArray
    equity: FloatArray
    cash: int
    position: int
    entry_bar: int
    entry_price: float
    open_charges: int
    orders: int
    refused: int


def value_paise(price: float, units: int, multiplier: float) -> int:
    """Paise of ``units`` at a price, half up."""
    return math.floor(price * units * multiplier * 100.0 + 0.5)


def share(amount: int, part: int, whole: int) -> int:
    """``amount`` × ``part`` / ``whole``, half up, in integers (all not negative)."""
    return (2 * amount * part + whole) // (2 * whole)


def charge_paise(
    value: int, buys: bool, flat: float, percent: float, levy_buy: float, levy_sell: float, taxed: float, gst: float
) -> int:
    """Charges of one executed order of this value in paise: brokerage, levies of its side, and the tax on services.

    ``flat`` in paise; ``percent`` < 0 means that the fee is flat whatever the value.
    """
    fee = flat if percent < 0.0 else min(flat, value * percent)
    levy = levy_buy if buys else levy_sell
    return math.floor(fee + value * levy + gst * (fee + value * taxed) + 0.5)


def to_tick(price: float, unit: float, step: float, toward: int) -> float:
    """A legal price: the nearest (``toward`` 0), the one above (1) or below (-1)."""
    if unit == 0.0:
        return price
    ticks = price * unit / step
    near = math.floor(ticks + 0.5)
    if toward != 0 and abs(ticks - near) > 1e-6:
        near = math.ceil(ticks) if toward > 0 else math.floor(ticks)
    return near * step / unit


def slipped(
    price: float,
    sign: int,
    units: int,
    volume: float,
    part: float,
    rupees: float,
    impact: float,
    unit: float,
    step: float,
) -> float:
    """What an order that takes the market pays (``sign`` 1) or gets (-1), on the tick, against the trader."""
    if part == 0.0 and rupees == 0.0 and impact == 0.0:
        return to_tick(price, unit, step, sign)
    move = price * part + rupees
    if impact > 0.0 and volume > 0.0:
        move += price * impact * math.sqrt(min(1.0, units / volume))
    return to_tick(max(price + sign * move, 0.0), unit, step, sign)


def stop_level(entry: float, sign: int, percent: float, unit: float, step: float) -> float:
    """Price of a loss limit; NaN without one."""
    return to_tick(entry * (1.0 - sign * percent / 100.0), unit, step, 0) if percent > 0.0 else math.nan


def target_level(entry: float, sign: int, percent: float, unit: float, step: float) -> float:
    """Price of a profit target; NaN without one."""
    return to_tick(entry * (1.0 + sign * percent / 100.0), unit, step, 0) if percent > 0.0 else math.nan


def trail_level(best: float, sign: int, percent: float, unit: float, step: float) -> float:
    """Price of a trailing stop behind the best price so far; NaN without one."""
    return to_tick(best * (1.0 - sign * percent / 100.0), unit, step, 0) if percent > 0.0 else math.nan


def exit_price(sign: int, stop: float, target: float, first: float, high: float, low: float) -> tuple[float, int]:  # noqa: PLR0911
    """(price, reason number) at which a position leaves within a bar; (NaN, 0) when it stays.

    A gap through a level fills at the open. Where a bar reaches both, the loss comes first. Comparisons with NaN are
    false, so a missing level is never reached.
    """
    if sign > 0:
        if first <= stop:
            return first, 1
        if first >= target:
            return first, 2
        if low <= stop:
            return stop, 1
        if high >= target:
            return target, 2
    else:
        if first >= stop:
            return first, 1
        if first <= target:
            return first, 2
        if high >= stop:
            return stop, 1
        if low <= target:
            return target, 2
    return math.nan, 0


def signal_size(
    units: int, exposure: float, equity: float, price: float, multiplier: float, margin: float, lot: int
) -> int:
    """Units of an entry, in whole lots: as given, or what the share of the equity (paise) carries at the last close."""
    if units == 0:
        units = math.floor(exposure * equity / (100.0 * price * multiplier * margin))
    return max(units, 0) // lot * lot


def trade_signals(  # noqa: C901, PLR0912, PLR0915 - one loop: a call per bar would cost more than the bar
    first: FloatArray,
    high: FloatArray,
    low: FloatArray,
    close: FloatArray,
    volume: FloatArray,
    signals: ByteArray,
    zone: ByteArray,
    day: npt.NDArray[np.int32],
    rates: FloatArray,
    rate_row: npt.NDArray[np.int32],
    terms: Terms,
    size: Size,
    exits: Exits,
    equity: FloatArray,
) -> Outcome:
    """Trade the signals of one instrument: a signal at a bar's close is filled at the next bar's open.

    ``zone`` 1: a bar after the square-off time (positions leave at its open, nothing enters); 2: the last bar of a day
    (positions leave at its close); 0 else. ``day`` numbers the trading days. ``rate_row`` is the row of ``rates`` for
    each bar, its columns are :data:`RATE_FIELDS`. ``equity`` receives the paise at each close; empty = not wanted.
    """
    bars = len(close)
    capacity = 2
    for i in range(bars):
        if signals[i] != 0:
            capacity += 1
    trades = np.empty((capacity, 6), dtype=np.int64)
    prices = np.empty((capacity, 2), dtype=np.float64)
    wants_equity = len(equity) == bars
    cash = terms.cash
    position, entry_bar, entry_value, entry_charges = 0, -1, 0, 0
    entry, stop, target, best, trailed = math.nan, math.nan, math.nan, math.nan, False
    pending, count, orders, refused, debit_day, ruined = 0, 0, 0, 0, -1, False

    for i in range(bars):
        if pending == 0 and zone[i] == 0 and signals[i] == 0 and exits.trail == 0.0:
            # Most bars change nothing: the longer way below gives the same for them.
            if position == 0:
                if wants_equity:
                    equity[i] = cash
                continue
            held = value_paise(close[i], abs(position), terms.multiplier)
            if position > 0:
                quiet = not (low[i] <= stop or high[i] >= target) and cash + held > 0
                worth = float(cash + held)
            else:
                quiet = not (high[i] >= stop or low[i] <= target) and cash - held > 0
                worth = float(cash - held)
            if quiet:
                if wants_equity:
                    equity[i] = worth
                continue
        leaving, reason, at, opening = 0, _SIGNAL, 0.0, 0
        if zone[i] == _IN_ZONE:
            if pending != 0:
                refused += 1
                pending = 0
            leaving, reason, at = -position, _SQUARE_OFF, first[i]
        elif pending != 0:
            at = first[i]
            leaving = -position if position * pending < 0 else 0
            opening = pending - leaving
            pending = 0
        # At most four rounds a bar: the order at the open, the protection within, square-off and ruin at the close.
        for stage in range(4):
            if stage > 0:
                leaving, opening = 0, 0
                if position == 0:
                    break
                if stage == 1:
                    at, reason = exit_price(1 if position > 0 else -1, stop, target, first[i], high[i], low[i])
                    if reason != 0:
                        leaving = -position
                        if reason == _STOP and trailed:
                            reason = _TRAIL
                elif stage == 2:
                    if zone[i] == _DAY_END:
                        leaving, reason, at = -position, _SQUARE_OFF, close[i]
                else:
                    held = value_paise(close[i], abs(position), terms.multiplier)
                    if cash + (held if position > 0 else -held) <= 0:
                        leaving, reason, at = -position, _RUIN, close[i]
                        ruined = True
            if leaving == 0 and opening == 0:
                continue
            buys = leaving + opening > 0
            side = 1 if buys else -1
            row = rate_row[i]
            closed, opened = abs(leaving), abs(opening)
            if reason in (_TARGET, _RUIN):
                price = to_tick(at, terms.unit, terms.step, 0)
            else:
                price = slipped(
                    at,
                    side,
                    closed + opened,
                    volume[i],
                    terms.slip_part,
                    terms.slip_rupees,
                    terms.impact,
                    terms.unit,
                    terms.step,
                )
            closed_value = value_paise(price, closed, terms.multiplier)
            opened_value = value_paise(price, opened, terms.multiplier)
            total = charge_paise(
                closed_value + opened_value,
                buys,
                rates[row, 0],
                rates[row, 1],
                rates[row, 2],
                rates[row, 3],
                rates[row, 4],
                rates[row, 5],
            )
            # What is left once the old position is closed at this price must carry the new one.
            too_much = opened_value * terms.margin + total > cash - side * closed_value
            if opened > 0 and (too_much or (not buys and terms.shorts == 0)):
                refused += 1
                opened, opened_value = 0, 0
                if closed == 0:
                    continue
                total = charge_paise(
                    closed_value,
                    buys,
                    rates[row, 0],
                    rates[row, 1],
                    rates[row, 2],
                    rates[row, 3],
                    rates[row, 4],
                    rates[row, 5],
                )
            if not buys and rates[row, 6] > 0.0 and debit_day != day[i]:
                total += int(rates[row, 6])
                debit_day = day[i]
            orders += 1
            cash -= side * (closed_value + opened_value) + total
            if closed > 0:
                part = share(total, closed, closed + opened)
                trades[count, 0], trades[count, 1], trades[count, 2] = entry_bar, i, position
                trades[count, 3] = -side * (closed_value - entry_value)
                trades[count, 4], trades[count, 5] = entry_charges + part, reason
                prices[count, 0], prices[count, 1] = entry, price
                count += 1
                position = 0
                total -= part
            if opened > 0:
                position, entry, entry_bar = side * opened, price, i
                entry_value, entry_charges, best, trailed = opened_value, total, price, False
                stop = stop_level(price, side, exits.stop, terms.unit, terms.step)
                target = target_level(price, side, exits.target, terms.unit, terms.step)
                if exits.trail > 0.0:
                    trail = trail_level(best, side, exits.trail, terms.unit, terms.step)
                    if not trail * side <= stop * side:
                        stop, trailed = trail, True
        worth = float(cash)
        if position != 0:
            sign = 1 if position > 0 else -1
            worth += sign * value_paise(close[i], abs(position), terms.multiplier)
            if exits.trail > 0.0:
                best = max(best, high[i]) if sign > 0 else min(best, low[i])
                trail = trail_level(best, sign, exits.trail, terms.unit, terms.step)
                if not trail * sign <= stop * sign:
                    stop, trailed = trail, True
        if ruined:  # nothing is traded any more
            if wants_equity:
                equity[i:] = worth
            break
        if wants_equity:
            equity[i] = worth
        signal = signals[i]
        if signal == 0:
            continue
        if signal == EXIT:
            pending = -position
        elif position == 0 or (position > 0) != (signal > 0):
            units = signal_size(size.units, size.exposure, worth, close[i], terms.multiplier, terms.margin, terms.lot)
            if units == 0:
                refused += 1
                pending = -position
            else:
                pending = (units if signal > 0 else -units) - position
    open_charges = entry_charges if position != 0 else 0
    return Outcome(
        trades[:count].copy(),
        prices[:count].copy(),
        equity,
        cash,
        position,
        entry_bar,
        entry,
        open_charges,
        orders,
        refused,
    )


@cache
def compiled() -> Callable[..., Outcome]:
    """:func:`trade_signals` as machine code. The first call of a process takes it from the disk, where it is; the
    very first one compiles for some seconds.
    """
    from numba import njit
    from numba.extending import register_jitable

    helpers: tuple[Callable[..., Any], ...] = (
        value_paise,
        share,
        charge_paise,
        to_tick,
        slipped,
        stop_level,
        target_level,
        trail_level,
        exit_price,
        signal_size,
    )
    for helper in helpers:
        register_jitable(helper)
    made: Callable[..., Outcome] = njit(cache=True, nogil=True)(trade_signals)
    return made
