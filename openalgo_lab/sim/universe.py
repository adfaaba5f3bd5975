"""What the simulated exchange lists on a day: indices, shares, futures and option chains, by the dated rules."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta
from importlib import resources
from typing import Final, Literal

import msgspec
import numpy as np

from openalgo_lab.model.calendar import TradingCalendar
from openalgo_lab.model.errors import RuleError
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.rules import RuleBook
from openalgo_lab.model.symbols import format_symbol
from openalgo_lab.model.times import at_ist, to_ns
from openalgo_lab.model.underlyings import derivative_exchange
from openalgo_lab.model.vocabulary import INDEX_EXCHANGES, Exchange, InstrumentType
from openalgo_lab.sim.noise import token_of
from openalgo_lab.sim.sessions import SimSession
from openalgo_lab.sim.walk import VOLATILITY_SECTOR, DailyWalk, Underlying

__all__ = ["Lister", "load_underlyings"]

_FUTURE_MONTHS: Final = 3
_INDEX_MONTHS: Final = 3
_SHARE_MONTHS: Final = 2
_WEEKS: Final = 5  # four weeks and the one that runs
# Strikes of a contract are those around every close since it was first listed, so that none ever vanishes.
_WEEKLY_LIFE: Final = timedelta(days=45)
_MONTHLY_LIFE: Final = timedelta(days=110)
_SHARE_LIFE: Final = timedelta(days=70)
_NEAR, _FAR = 0.05, 0.12  # every strike within the first share of the level, every second within the other
_SHARE_WIDTH: Final = 0.07
_INDEX_TICK: Final = 0.05
_VIX_TICK: Final = 0.0025
_FREEZE_LOTS: Final = 40  # of shares for which the tables hold no freeze quantity
_WEEKLY: Final = frozenset({"NIFTY", "SENSEX"})

Cycle = Literal["weekly", "monthly"]


def load_underlyings() -> tuple[Underlying, ...]:
    """The indices and shares of the simulated market, in listing order."""
    content = resources.files("openalgo_lab.sim").joinpath("data/underlyings.json").read_bytes()
    return msgspec.json.decode(content, type=tuple[Underlying, ...])


class Lister:
    """Lists the instruments of a trading day. Pure: the list depends on the day and the walk's past closes only."""

    def __init__(
        self, underlyings: Sequence[Underlying], walk: DailyWalk, rules: RuleBook, calendar: TradingCalendar
    ) -> None:
        self._underlyings = underlyings
        self._walk = walk
        self._rules = rules
        self._calendar = calendar

    def instruments(self, session: SimSession) -> tuple[Instrument, ...]:
        """Everything listed on that day: spots first, then each underlying's futures and options by expiry."""
        spots = [self._spot(u, session) for u in self._underlyings]
        dated = (i for u in self._underlyings if u.sector != VOLATILITY_SECTOR for i in self._derivatives(u, session))
        return (*spots, *dated)

    def expiry_ns(self, exchange: Exchange, expiry: date, underlying: str) -> int:
        """The moment a contract stops trading, UTC ns."""
        return to_ns(at_ist(expiry, self._rules.expiry_time(exchange, expiry, underlying)))

    def first_day(self, instrument: Instrument) -> date | None:
        """The day from which a contract has history; None for what never expires."""
        expiry = instrument.expiry
        if expiry is None:
            return None
        first_of_month = expiry.replace(day=1)
        monthly = self._expiries(instrument.underlying, first_of_month, instrument.exchange, "monthly", 1)
        return expiry - (_MONTHLY_LIFE if expiry in monthly else _WEEKLY_LIFE)

    def _spot(self, underlying: Underlying, session: SimSession) -> Instrument:
        is_index = underlying.exchange in INDEX_EXCHANGES
        return Instrument(
            symbol=underlying.symbol,
            exchange=underlying.exchange,
            kind=InstrumentType.INDEX if is_index else InstrumentType.EQ,
            name=underlying.name,
            token=token_of(underlying.exchange, underlying.symbol),
            lot_size=1,
            tick_size=self._spot_tick(underlying, session),
            broker_symbol=underlying.symbol,
        )

    def _spot_tick(self, underlying: Underlying, session: SimSession) -> float:
        if underlying.exchange in INDEX_EXCHANGES:
            return _VIX_TICK if underlying.sector == VOLATILITY_SECTOR else _INDEX_TICK
        level = self._month_close(underlying, session)
        return self._rules.tick_size(underlying.exchange, InstrumentType.EQ, session.day, level=level)

    def _month_close(self, underlying: Underlying, session: SimSession) -> float:
        """Last close of the month before: what ticks are set by."""
        first = session.ordinal - session.day.day + 1
        return float(np.exp(self._walk.log_closes(underlying)[self._walk.index_of(first - 1)]))

    def _derivatives(self, underlying: Underlying, session: SimSession) -> Iterator[Instrument]:
        exchange, day = derivative_exchange(underlying.exchange), session.day
        is_index = underlying.exchange in INDEX_EXCHANGES
        months = self._expiries(underlying.symbol, day, exchange, "monthly", max(_FUTURE_MONTHS, _INDEX_MONTHS))
        level = self._month_close(underlying, session)
        make = _Maker(underlying, exchange, day, level, self._rules)
        months = tuple(expiry for expiry in months if make.knows(expiry))
        for expiry in months[:_FUTURE_MONTHS]:
            yield make.contract(InstrumentType.FUT, expiry)
        count = _WEEKS if underlying.symbol in _WEEKLY else 0
        weeks = self._expiries(underlying.symbol, day, exchange, "weekly", count)
        step = self._rules.strike_step(underlying.symbol, day) if is_index else underlying.strike_step
        weeks = tuple(expiry for expiry in weeks if make.knows(expiry))
        for expiry in sorted({*weeks, *months[: _INDEX_MONTHS if is_index else _SHARE_MONTHS]}):
            life = _WEEKLY_LIFE if expiry not in months else _MONTHLY_LIFE if is_index else _SHARE_LIFE
            low, high = self._close_range(underlying, expiry - life, session)
            for strike in _strikes(low, high, step, is_index):
                yield make.contract(InstrumentType.CE, expiry, strike)
                yield make.contract(InstrumentType.PE, expiry, strike)

    def _close_range(self, underlying: Underlying, since: date, session: SimSession) -> tuple[float, float]:
        """Lowest and highest of the closes that strikes were listed around until this day."""
        last = self._walk.index_of(session.ordinal) - 1
        first = min(last, self._walk.index_of(since.toordinal() - date(1970, 1, 1).toordinal()))
        closes = self._walk.log_closes(underlying)[first : last + 1]
        return float(np.exp(closes.min())), float(np.exp(closes.max()))

    def _expiries(self, name: str, day: date, exchange: Exchange, cycle: Cycle, count: int) -> tuple[date, ...]:
        """Up to ``count`` expiries, as far as the calendar is known."""
        for wanted in range(count, 0, -1):
            try:
                return self._rules.expiry_dates(
                    name, day, wanted, calendar=self._calendar, cycle=cycle, exchange=exchange
                )
            except RuleError:
                continue  # the calendar ends before the last of them: list fewer
        return ()


def _strikes(low: float, high: float, step: float, is_index: bool) -> Iterable[float]:
    """Multiples of ``step`` around the range: dense near it, every second one farther out (indices)."""
    near = _NEAR if is_index else _SHARE_WIDTH
    dense = _multiples(low * (1 - near), high * (1 + near), step)
    if not is_index:
        return sorted(dense)
    return sorted({*dense, *_multiples(low * (1 - _FAR), high * (1 + _FAR), 2 * step)})


def _multiples(low: float, high: float, step: float) -> set[float]:
    first, last = int(np.ceil(low / step)), int(np.floor(high / step))
    return {round(n * step, 2) for n in range(max(first, 1), last + 1)}


class _Maker:
    """Makes the contracts of one underlying on one day."""

    def __init__(self, underlying: Underlying, exchange: Exchange, day: date, level: float, rules: RuleBook) -> None:
        self._underlying = underlying
        self._exchange = exchange
        self._day = day
        self._rules = rules
        self._ticks = {
            option: rules.tick_size(
                exchange,
                InstrumentType.CE if option else InstrumentType.FUT,
                day,
                underlying=underlying.symbol,
                level=level,
            )
            for option in (False, True)
        }
        self._lots: dict[date, tuple[int, int]] = {}

    def knows(self, expiry: date) -> bool:
        """Whether the tables hold a lot for that expiry; a contract without one is not listed."""
        try:
            self._lot_and_freeze(expiry)
        except RuleError:
            return False
        return True

    def contract(self, kind: InstrumentType, expiry: date, strike: float | None = None) -> Instrument:
        """A future (no strike) or an option."""
        symbol = format_symbol(self._underlying.symbol, kind, expiry, strike)
        lot, freeze = self._lot_and_freeze(expiry)
        return Instrument(
            symbol=symbol,
            exchange=self._exchange,
            kind=kind,
            name=self._underlying.symbol,
            token=token_of(self._exchange, symbol),
            lot_size=lot,
            tick_size=self._ticks[kind.is_option],
            freeze_quantity=freeze,
            underlying=self._underlying.symbol,
            expiry=expiry,
            strike=strike or 0.0,
            broker_symbol=symbol,
        )

    def _lot_and_freeze(self, expiry: date) -> tuple[int, int]:
        known = self._lots.get(expiry)
        if known is None:
            name = self._underlying.symbol
            lot = self._rules.lot_size(name, expiry, on=self._day, exchange=self._exchange)
            known = self._lots[expiry] = (lot, self._freeze(name, lot))
        return known

    def _freeze(self, name: str, lot: int) -> int:
        try:
            return self._rules.freeze_quantity(name, self._day, exchange=self._exchange)
        except RuleError:
            if self._underlying.exchange in INDEX_EXCHANGES:
                raise
            return _FREEZE_LOTS * lot  # the simulated exchange's own setting, about what real ones come to
