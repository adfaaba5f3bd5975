"""The contracts of one chain: strikes with their call and put, the underlying, the future of the same expiry."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from openalgo_lab.model.errors import InputError
from openalgo_lab.model.instruments import Instrument, InstrumentKey
from openalgo_lab.model.money import price_decimals
from openalgo_lab.model.rules import RuleBook
from openalgo_lab.model.times import at_ist, to_ns
from openalgo_lab.model.underlyings import spot_exchange
from openalgo_lab.model.vocabulary import InstrumentType

if TYPE_CHECKING:
    from openalgo_lab.store.instruments import InstrumentStore

__all__ = ["ChainContracts", "load_contracts", "option_underlyings"]


class ChainContracts:
    """One expiry of one underlying, by strike. A strike may lack its call or its put.

    ``expiry_ns`` is the moment (UTC ns) at which the contracts stop trading; ``step`` the usual distance of strikes.
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
    ) -> None:
        self.underlying = underlying
        self.expiry = expiry
        self.spot = spot
        self.future = future
        self.expiry_ns = expiry_ns
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


def load_contracts(store: InstrumentStore, rules: RuleBook, underlying: str, expiry: date | None) -> ChainContracts:
    """Look up the chain; ``expiry`` None = the nearest listed. InputError names what there is instead."""
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
    closing = rules.expiry_time(exchange, chosen, underlying)
    return ChainContracts(
        underlying,
        chosen,
        options,
        spot=store.find(InstrumentKey(spot_exchange(underlying, exchange), underlying)),
        future=next((item for item in store.futures(underlying) if item.expiry == chosen), None),
        expiry_ns=to_ns(at_ist(chosen, closing)),
    )


def _decimals(pair: Iterable[Instrument | None]) -> int:
    return max(price_decimals(item.tick_size) for item in pair if item is not None)


def _is_index(store: InstrumentStore, name: str) -> bool:
    return any(item.kind is InstrumentType.INDEX for item in store.by_symbol(name))
