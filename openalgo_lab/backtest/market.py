"""What a run knows of an instrument's market: checked bars, trading days, square-off, charges, ticks."""

from __future__ import annotations

from datetime import date, time, timedelta
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

from openalgo_lab.backtest.charges import charge_rows, exercise_rate
from openalgo_lab.backtest.kernel import Terms
from openalgo_lab.backtest.settings import BacktestSettings
from openalgo_lab.model.calendar import TradingCalendar
from openalgo_lab.model.errors import InputError, RuleError
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.market import Bars
from openalgo_lab.model.money import to_paise
from openalgo_lab.model.rules import RuleBook
from openalgo_lab.model.times import NS_PER_DAY, NS_PER_SECOND
from openalgo_lab.model.vocabulary import InstrumentType, Product

__all__ = ["Market", "Tables", "bar_length_ns", "make_market", "terms_of", "tick_parts"]

FloatArray = npt.NDArray[np.float64]

_IST_NS: Final = (5 * 3600 + 1800) * NS_PER_SECOND
_MINUTE_NS: Final = 60 * NS_PER_SECOND
_EPOCH: Final = date(1970, 1, 1)
_FLOATS: Final = ("open", "high", "low", "close", "volume", "oi")
_SCALES: Final = tuple(10**digits for digits in range(10))


class Tables(msgspec.Struct, frozen=True):
    """The dated rules and the calendar that a run reads."""

    rules: RuleBook
    calendar: TradingCalendar


class Market(msgspec.Struct, frozen=True):
    """One instrument, ready to run.

    ``ends_ns`` is when each bar is complete; ``day`` numbers the trading days; ``zone`` is 1 after the square-off time,
    2 on the last bar of a day that has none after it; ``rates[rate_row[i]]`` are bar i's charges. ``expiry_row`` is the
    last bar of a contract's life, -1 when it outlives the bars; ``exercise`` the part of an option's intrinsic value
    that its holder is taxed then.
    """

    instrument: Instrument
    bars: Bars
    length_ns: int
    ends_ns: npt.NDArray[np.int64]
    day: npt.NDArray[np.int32]
    days: tuple[date, ...]
    zone: npt.NDArray[np.int8]
    rates: FloatArray
    rate_row: npt.NDArray[np.int32]
    expiry_row: int = -1
    exercise: float = 0.0

    def __len__(self) -> int:
        return len(self.bars)

    def cut(self, start: int, stop: int) -> Market:
        """The market of bars ``start`` to ``stop`` (excluded)."""
        part = slice(start, stop)
        columns = {name: getattr(self.bars, name)[part] for name in self.bars.__struct_fields__}
        inside = start <= self.expiry_row < stop
        return msgspec.structs.replace(
            self,
            expiry_row=self.expiry_row - start if inside else -1,
            bars=Bars(**columns),
            ends_ns=self.ends_ns[part],
            day=self.day[part],
            zone=self.zone[part],
            rate_row=self.rate_row[part],
        )


def bar_length_ns(bars: Bars) -> int:
    """The bars' interval: the shortest distance of two starts. Raises InputError for fewer than two bars."""
    if len(bars) < 2:
        raise InputError("A backtest needs at least two bars; ask for a longer history.", field="bars")
    return int(np.diff(bars.start_ns).min())


def make_market(
    instrument: Instrument, bars: Bars, settings: BacktestSettings, tables: Tables, length_ns: int = 0
) -> Market:
    """Check the bars and look up what the dated tables say of their days.

    ``length_ns`` is the bars' interval, 0 = as :func:`bar_length_ns` finds it. Raises InputError for bars that cannot
    be, RuleError for days that the tables do not know.
    """
    bars = Bars(np.require(bars.start_ns, np.int64, ["C", "W"]), *(_floats(bars, name) for name in _FLOATS))
    _check(instrument, bars)
    length = length_ns or bar_length_ns(bars)
    local_day = (bars.start_ns + _IST_NS) // NS_PER_DAY
    change = np.flatnonzero(np.diff(local_day)) + 1
    first = np.concatenate(([0], change))
    day = np.zeros(len(bars), dtype=np.int32)
    day[change] = 1
    np.cumsum(day, out=day)
    days = tuple(_EPOCH + timedelta(days=int(number)) for number in local_day[first])
    rates, row_of_day = charge_rows(settings.charges, instrument, settings.product, days, tables.rules)
    return Market(
        instrument,
        bars,
        length,
        bars.start_ns + length,
        day,
        days,
        _zone(instrument, bars, first=first, days=days, settings=settings, tables=tables),
        rates,
        row_of_day[day],
        _expiry_row(instrument, day, days),
        exercise_rate(settings.charges, instrument, tables.rules),
    )


def terms_of(market: Market, settings: BacktestSettings, margin: float) -> Terms:
    """The kernel's terms: ``margin`` is the part of a position's value that the account must cover."""
    unit, step = tick_parts(market.instrument.tick_size) if settings.tick_rounding else (0.0, 1.0)
    slip = settings.slippage
    is_delivery = settings.product is Product.CNC and market.instrument.kind is InstrumentType.EQ
    return Terms(
        to_paise(settings.cash),
        1.0,
        market.instrument.lot_size,
        unit,
        step,
        margin,
        slip.percent / 100,
        slip.rupees,
        slip.impact / 100,
        0 if is_delivery else 1,
    )


def tick_parts(tick: float) -> tuple[float, float]:
    """A tick in whole parts of a rupee: (parts a rupee has, parts of one tick). Raises InputError for what is none."""
    for scale in _SCALES:
        step = round(tick * scale)
        if step and step / scale == tick:
            return float(scale), float(step)
    raise InputError(f"{tick} is not a tick size; a tick is a positive number of rupees, for example 0.05.")


def _cut_off(instrument: Instrument, day: date, tables: Tables) -> time:
    try:
        return tables.rules.square_off_time(instrument.exchange, day, calendar=tables.calendar)
    except RuleError as error:
        raise RuleError(f"{error} Or say when to square off, for example square_off='15:15'.", "square_off") from error


def _expiry_row(instrument: Instrument, day: npt.NDArray[np.int32], days: tuple[date, ...]) -> int:
    if instrument.expiry is None or instrument.expiry not in days:
        return -1
    return int(np.searchsorted(day, days.index(instrument.expiry), side="right")) - 1


def _floats(bars: Bars, name: str) -> FloatArray:
    # Writable: for a read-only column, such as pandas hands out, the kernel would be compiled a second time.
    return np.require(getattr(bars, name), np.float64, ["C", "W"])


def _check(instrument: Instrument, bars: Bars) -> None:
    name = instrument.symbol
    if len(bars) == 0:
        raise InputError(f"There are no bars of {name} in this span; ask for another one.", field="bars")
    if np.any(np.diff(bars.start_ns) <= 0):
        raise InputError(f"The bars of {name} are not in order of time; sort them and drop doubles.", field="bars")
    prices = np.stack((bars.open, bars.high, bars.low, bars.close))
    if not np.all(np.isfinite(prices)) or np.any(prices <= 0):
        raise InputError(f"Some bars of {name} have no price; drop or mend them first.", field="bars")
    if np.any(prices[1] < prices.max(axis=0)) or np.any(prices[2] > prices.min(axis=0)):
        raise InputError(f"Some bars of {name} have a high below or a low above their prices; mend them.", field="bars")


def _zone(
    instrument: Instrument,
    bars: Bars,
    *,
    first: npt.NDArray[np.intp],
    days: tuple[date, ...],
    settings: BacktestSettings,
    tables: Tables,
) -> npt.NDArray[np.int8]:
    zone = np.zeros(len(bars), dtype=np.int8)
    if settings.product is not Product.MIS or not instrument.tradable:
        return zone
    minute = (bars.start_ns + _IST_NS) % NS_PER_DAY // _MINUTE_NS
    ends = np.append(first[1:], len(bars))
    for day, start, end in zip(days, first, ends, strict=True):
        cut_off = settings.square_off or _cut_off(instrument, day, tables)
        after = minute[start:end] >= cut_off.hour * 60 + cut_off.minute
        if after.any():
            zone[start:end][after] = 1
        else:
            zone[end - 1] = 2
    return zone
