"""The contracts of one chain: strikes with their call and put, the underlying, the future of the same expiry."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from openalgo_lab.model.calendar import TradingCalendar
from openalgo_lab.model.errors import InputError, RuleError
from openalgo_lab.model.instruments import Instrument, InstrumentKey
from openalgo_lab.model.money import price_decimals
from openalgo_lab.model.rules import RuleBook
from openalgo_lab.model.times import at_ist, to_ns
from openalgo_lab.model.timetable import Phase
from openalgo_lab.model.underlyings import has_spot, spot_exchange
from openalgo_lab.model.vocabulary import Exchange, InstrumentType

if TYPE_CHECKING:
    from openalgo_lab.store.instruments import InstrumentStore

__all__ = ["ChainContracts", "load_contracts", "option_underlyings"]


class ChainContracts:
    """One expiry of one underlying, by strike. A strike may lack its call or its put.

    ``expiry_ns`` is the moment (UTC ns) at which the contracts stop trading. ``future`` is that of the same expiry
    where the underlying has a spot, else the one that the options turn into. ``sessions`` (n, 2): first and last moment
    of continuous trading on every day up to the expiry, UTC ns; None where the calendar does not reach so far.
    ``day_ns``: an ordinary trading day's length.
    """

    def __init__(
        self,
        underlying: str,
        expiry: date,
        options: Sequence[Instrument],
        *,
        spot: Instrument | None,
        future: Instrument | None,
        expiry_ns: int,
        sessions: npt.NDArray[np.int64] | None = None,
        day_ns: int = 0,
    ) -> None:
        self.underlying = underlying
        self.expiry = expiry
        self.spot = spot
        self.future = future
        self.expiry_ns = expiry_ns
        self.sessions = sessions
        self.day_ns = day_ns
        by_strike: dict[float, dict[InstrumentType, Instrument]] = {}
        for item in options:
            by_strike.setdefault(item.strike, {})[item.kind] = item
        self.strikes: npt.NDArray[np.float64] = np.array(sorted(by_strike))
        self.calls = tuple(by_strike[strike].get(InstrumentType.CE) for strike in self.strikes.tolist())
        self.puts = tuple(by_strike[strike].get(InstrumentType.PE) for strike in self.strikes.tolist())
        self.decimals = [_decimals(pair) for pair in zip(self.calls, self.puts, strict=True)]
        self.option_keys: tuple[InstrumentKey | None, ...] = tuple(
            None if item is None else item.key for item in (*self.calls, *self.puts)
        )

    def __len__(self) -> int:
        return len(self.strikes)

    @property
    def keys(self) -> tuple[InstrumentKey, ...]:
        """Everything that has to be on the board for this chain."""
        others = (item.key for item in (self.spot, self.future) if item is not None)
        return (*(key for key in self.option_keys if key is not None), *others)

    @property
    def lot_size(self) -> int:
        """Units a lot."""
        return next(item.lot_size for item in (*self.calls, *self.puts) if item is not None)

    def at(self, index: int, kind: InstrumentType) -> Instrument | None:
        """The call or put of the strike at ``index``; None when it is not listed."""
        return (self.calls if kind is InstrumentType.CE else self.puts)[index]


def option_underlyings(store: InstrumentStore) -> list[str]:
    """Underlyings that options are listed on: indices first, then shares, each alphabetical."""
    rows = store.select("kind = 'CE' GROUP BY underlying ORDER BY underlying", ())
    return sorted((item.underlying for item in rows), key=lambda name: (not _is_index(store, name), name))


def load_contracts(
    store: InstrumentStore,
    rules: RuleBook,
    underlying: str,
    expiry: date | None,
    calendar: TradingCalendar | None = None,
) -> ChainContracts:
    """Look up the chain; ``expiry`` None = the nearest listed. InputError names what there is instead.

    ``calendar`` is needed for time by trading hours only.
    """
    expiries = store.expiries(underlying)
    if not expiries:
        names = ", ".join(option_underlyings(store)[:6])
        raise InputError(f"No options are listed on {underlying}: choose another underlying, for example {names}.")
    chosen = expiries[0] if expiry is None else expiry
    if chosen not in expiries:
        near = ", ".join(day.strftime("%d %b %Y") for day in expiries[:4])
        raise InputError(f"{underlying} has no options that expire on {chosen:%d %b %Y}: choose one of {near}.")
    options = store.chain(underlying, chosen)
    exchange = options[0].exchange
    closing = at_ist(chosen, rules.expiry_time(exchange, chosen, underlying))
    sessions = None if calendar is None else _sessions(calendar, exchange, store.dated, chosen, to_ns(closing))
    return ChainContracts(
        underlying,
        chosen,
        options,
        spot=store.find(InstrumentKey(spot_exchange(underlying, exchange), underlying)),
        future=_future(store, underlying, chosen, exchange),
        expiry_ns=to_ns(closing),
        sessions=sessions,
        day_ns=0 if sessions is None or not len(sessions) else int((sessions[:, 1] - sessions[:, 0]).max()),
    )


def _future(store: InstrumentStore, underlying: str, expiry: date, exchange: Exchange) -> Instrument | None:
    """Of the same expiry; without a spot the first that outlives the options."""
    futures = [item for item in store.futures(underlying) if item.expiry is not None]
    if has_spot(exchange):
        return next((item for item in futures if item.expiry == expiry), None)
    return next((item for item in futures if item.expiry is not None and item.expiry >= expiry), None)


def _sessions(
    calendar: TradingCalendar, exchange: Exchange, first: date, expiry: date, expiry_ns: int
) -> npt.NDArray[np.int64] | None:
    """From ``first`` to the expiry; the last one ends when the contracts do."""
    try:
        days = calendar.trading_days(exchange, first, expiry)
        spans = [
            (to_ns(session.start), min(to_ns(session.end), expiry_ns))
            for day in days
            for session in calendar.sessions(exchange, day)
            if session.phase is Phase.CONTINUOUS
        ]
    except RuleError:
        return None
    return np.array(spans, dtype=np.int64).reshape(-1, 2)


def _decimals(pair: Iterable[Instrument | None]) -> int:
    return max(price_decimals(item.tick_size) for item in pair if item is not None)


def _is_index(store: InstrumentStore, name: str) -> bool:
    return any(item.kind is InstrumentType.INDEX for item in store.by_symbol(name))
