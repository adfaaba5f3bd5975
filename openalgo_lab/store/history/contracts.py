"""Dated contracts of the lake: futures and options stay findable by what they are, long after a broker's list has
dropped them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

import msgspec

from openalgo_lab.model.errors import SymbolError
from openalgo_lab.model.symbols import parse_symbol
from openalgo_lab.model.vocabulary import DERIVATIVE_EXCHANGES, Exchange, InstrumentType
from openalgo_lab.store.history.series import Series, Stored

__all__ = ["DatedContract", "dated_contracts", "pick_contracts"]


class DatedContract(msgspec.Struct, frozen=True):
    """A future or an option that the lake holds candles of; ``strike`` in rupees, only of options."""

    series: Series
    underlying: str
    kind: InstrumentType
    expiry: date
    strike: float | None

    def has_expired(self, today: date) -> bool:
        """Whether its last day is over."""
        return self.expiry < today


def dated_contracts(kept: Iterable[Series]) -> tuple[DatedContract, ...]:
    """The dated contracts among some series, by exchange, underlying, expiry, strike and right. Perpetuals and symbols
    that name no contract are passed over.
    """
    found = [contract for series in kept if (contract := _contract(series)) is not None]
    return tuple(sorted(found, key=_order))


def pick_contracts(
    contracts: Iterable[DatedContract],
    underlying: str | None = None,
    *,
    expiry: date | None = None,
    strike: float | None = None,
    kind: InstrumentType | None = None,
    interval: Stored | None = None,
    exchange: Exchange | None = None,
) -> tuple[DatedContract, ...]:
    """Those that agree with everything that is given; what is None is not asked."""
    name = None if underlying is None else underlying.strip().upper()
    return tuple(
        one
        for one in contracts
        if (name is None or one.underlying == name)
        and (expiry is None or one.expiry == expiry)
        and (strike is None or one.strike == strike)
        and (kind is None or one.kind is kind)
        and (interval is None or one.series.interval is interval)
        and (exchange is None or one.series.key.exchange is exchange)
    )


def _contract(series: Series) -> DatedContract | None:
    if series.key.exchange not in DERIVATIVE_EXCHANGES:
        return None
    try:
        parsed = parse_symbol(series.key.symbol, series.key.exchange)
    except SymbolError:  # a file was imported under a name of the user's own
        return None
    if parsed.expiry is None:
        return None
    return DatedContract(series, parsed.underlying, parsed.kind, parsed.expiry, parsed.strike)


def _order(one: DatedContract) -> tuple[Exchange, str, date, float, InstrumentType, Stored]:
    return one.series.key.exchange, one.underlying, one.expiry, one.strike or 0.0, one.kind, one.series.interval
