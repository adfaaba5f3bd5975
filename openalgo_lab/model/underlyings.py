"""Which exchange goes with an underlying, the names of the indices, and the words for strikes (`ATM`,
`OTM3`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import Enum
from importlib import resources
from types import MappingProxyType
from typing import Final, Self

import msgspec

from openalgo_lab.model.errors import SymbolError
from openalgo_lab.model.vocabulary import Exchange, OptionType

__all__ = [
    "MAX_OFFSET",
    "UNDERLYING_INDEXES",
    "IndexNames",
    "Moneyness",
    "Offset",
    "derivative_exchange",
    "has_spot",
    "parse_offset",
    "spot_exchange",
]

# The indices that derivatives are written on; the contract's rule for finding the spot of an underlying.
UNDERLYING_INDEXES: Final[Mapping[str, Exchange]] = MappingProxyType(
    {
        **dict.fromkeys(("NIFTY", "BANKNIFTY", "FINNIFTY", "MIDCPNIFTY", "NIFTYNXT50", "INDIAVIX"), Exchange.NSE_INDEX),
        **dict.fromkeys(("SENSEX", "BANKEX", "SENSEX50"), Exchange.BSE_INDEX),
    }
)

_DERIVATIVE_OF: Final[Mapping[Exchange, Exchange]] = MappingProxyType(
    {
        Exchange.NSE: Exchange.NFO,
        Exchange.NSE_INDEX: Exchange.NFO,
        Exchange.NFO: Exchange.NFO,
        Exchange.BSE: Exchange.BFO,
        Exchange.BSE_INDEX: Exchange.BFO,
        Exchange.BFO: Exchange.BFO,
        Exchange.MCX_INDEX: Exchange.MCX,
        **{
            exchange: exchange
            for exchange in (
                Exchange.MCX, Exchange.CDS, Exchange.BCD, Exchange.NCDEX, Exchange.NCO, Exchange.CRYPTO
            )
        },
    }
)  # fmt: skip

_CASH_OF: Final[Mapping[Exchange, Exchange]] = MappingProxyType(
    {
        Exchange.NFO: Exchange.NSE,
        Exchange.BFO: Exchange.BSE,
        Exchange.NSE: Exchange.NSE,
        Exchange.BSE: Exchange.BSE,
    }
)

MAX_OFFSET: Final = 50
_OFFSET: Final = re.compile(r"(ITM|OTM)([1-9][0-9]?)")


def derivative_exchange(exchange: Exchange) -> Exchange:
    """Where futures and options on instruments of `exchange` trade; a derivatives exchange is its own.

    Raises `SymbolError` for GLOBAL_INDEX, whose indices have none here.
    """
    found = _DERIVATIVE_OF.get(exchange)
    if found is None:
        raise SymbolError(f"No derivatives are listed on {exchange.value}; choose an NSE, BSE or MCX underlying.")
    return found


def has_spot(exchange: Exchange) -> bool:
    """Whether underlyings of this exchange have a quoted spot (NSE/BSE shares and indices); elsewhere the
    near-month future, in crypto the perpetual, stands in.
    """
    return exchange in _CASH_OF or exchange in (Exchange.NSE_INDEX, Exchange.BSE_INDEX)


def spot_exchange(underlying: str, exchange: Exchange) -> Exchange:
    """Exchange whose quote of `underlying` is the spot for contracts on `exchange`.

    An index goes to its index exchange, other NFO/BFO underlyings to NSE/BSE. Exchanges without a spot
    (`has_spot`) are returned unchanged: there the near-month future, in crypto the perpetual, is the
    reference.
    """
    cash = _CASH_OF.get(exchange)
    if cash is None:
        return exchange
    return UNDERLYING_INDEXES.get(underlying, cash)


class IndexNames(msgspec.Struct, frozen=True):
    """The indices each index exchange publishes, by group (headline, sector, size, …), in canonical
    spelling.
    """

    groups: Mapping[Exchange, Mapping[str, tuple[str, ...]]]

    @classmethod
    def load(cls) -> Self:
        """Read the list that comes with the package."""
        text = resources.files("openalgo_lab.model").joinpath("data/index_names.json").read_bytes()
        return cls(msgspec.json.decode(text, type=dict[Exchange, dict[str, tuple[str, ...]]]))

    def names(self, exchange: Exchange) -> tuple[str, ...]:
        """All index symbols of an index exchange, headline first; empty for exchanges that publish none."""
        return tuple(name for names in self.groups.get(exchange, {}).values() for name in names)

    def exchange_of(self, name: str) -> Exchange | None:
        """The index exchange that publishes `name`; None when it is no known index."""
        return next((exchange for exchange in self.groups if name in self.names(exchange)), None)


class Moneyness(Enum):
    """Where a strike lies: at, in or out of the money."""

    ATM = "ATM"
    ITM = "ITM"
    OTM = "OTM"


class Offset(msgspec.Struct, frozen=True):
    """A strike named by its distance from at-the-money, counted in listed strikes."""

    moneyness: Moneyness
    steps: int = 0

    @property
    def text(self) -> str:
        return self.moneyness.value if self.moneyness is Moneyness.ATM else f"{self.moneyness.value}{self.steps}"

    def shift(self, option_type: OptionType) -> int:
        """Places to go from the ATM strike in the ascending list: a call is out of the money above, a put
        below.
        """
        outwards = 1 if option_type is OptionType.CE else -1
        return {Moneyness.ATM: 0, Moneyness.OTM: outwards, Moneyness.ITM: -outwards}[self.moneyness] * self.steps


def parse_offset(text: str) -> Offset:
    """`ATM`, `ITM1` … `ITM50`, `OTM1` … `OTM50`. Raises `SymbolError` for anything else."""
    if text == Moneyness.ATM.value:
        return Offset(Moneyness.ATM)
    match = _OFFSET.fullmatch(text)
    if match is None or int(match[2]) > MAX_OFFSET:
        raise SymbolError(
            f"'{text}' is not a strike offset; use ATM, ITM1 to ITM{MAX_OFFSET} or OTM1 to OTM{MAX_OFFSET}."
        )
    return Offset(Moneyness(match[1]), int(match[2]))
