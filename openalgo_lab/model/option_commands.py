"""Commands about options: the chain with its Greeks, single contracts, the synthetic future, what is listed."""

from __future__ import annotations

from datetime import date

import msgspec

from openalgo_lab.model.command_base import Command
from openalgo_lab.model.instruments import InstrumentKey
from openalgo_lab.model.option_conventions import OWN, Conventions
from openalgo_lab.model.vocabulary import InstrumentType

__all__ = [
    "AnyOptionCommand",
    "ChainReply",
    "ChainRow",
    "GetExpiries",
    "GetOptionChain",
    "GetOptionGreeks",
    "GetStrikes",
    "GetSyntheticFuture",
    "OptionFigures",
    "OptionGreeks",
    "SyntheticFuture",
]


class OptionFigures(msgspec.Struct, frozen=True):
    """One option at one moment; None = not known. Rupees and units; ``iv`` per cent; Greeks as for whole chains:
    delta a rupee, theta a calendar day, vega a volatility point, rho a percentage point.

    ``label``: ATM, ITM1 …, OTM1 … in listed strikes. ``note`` says why there is no volatility, or "" .
    """

    symbol: str
    label: str
    ltp: float | None
    bid: float | None
    ask: float | None
    volume: float | None
    oi: float | None
    oi_change: float | None
    iv: float | None
    delta: float | None
    gamma: float | None
    theta: float | None
    vega: float | None
    rho: float | None
    note: str = ""


class ChainRow(msgspec.Struct, frozen=True):
    """One strike; a side that is not listed is None."""

    strike: float
    ce: OptionFigures | None
    pe: OptionFigures | None


class ChainReply(msgspec.Struct, frozen=True):
    """A chain with the figures of its header. ``forward_source`` says where the forward comes from."""

    underlying: str
    expiry: date
    expiries: tuple[date, ...]
    lot_size: int
    spot: float | None
    forward: float | None
    forward_source: str
    days: float
    conventions: str
    atm: float | None
    atm_iv: float | None
    pcr: float | None
    max_pain: float | None
    straddle: float | None
    synthetic: float | None
    expected_move: float | None
    support: float | None
    resistance: float | None
    rows: tuple[ChainRow, ...]


class GetOptionChain(Command[ChainReply], frozen=True, tag="option_chain"):
    """The chain now. ``expiry`` None: the nearest. ``strike_count`` so many strikes either side of the money, 0 all."""

    underlying: str
    expiry: date | None = None
    strike_count: int = 0
    conventions: Conventions = OWN


class OptionGreeks(msgspec.Struct, frozen=True):
    """One contract; figures None with the ``note`` that says why. ``days`` to expiry by the calendar."""

    key: InstrumentKey
    underlying: str
    expiry: date
    strike: float
    kind: InstrumentType
    days: float
    spot: float | None
    forward: float | None
    forward_source: str
    figures: OptionFigures


class GetOptionGreeks(Command[tuple[OptionGreeks, ...]], frozen=True, tag="option_greeks"):
    """Volatility and Greeks of one or many contracts, in the order asked, each on its own expiry's forward.

    ``forward``, if given (rupees), replaces it for all.
    """

    keys: tuple[InstrumentKey, ...]
    conventions: Conventions = OWN
    forward: float | None = None


class SyntheticFuture(msgspec.Struct, frozen=True):
    """Strike + call - put at the money, rupees; ``basis`` against the spot."""

    underlying: str
    expiry: date
    strike: float
    call: float
    put: float
    price: float
    spot: float | None
    basis: float | None


class GetSyntheticFuture(Command[SyntheticFuture], frozen=True, tag="synthetic_future"):
    """What call and put at the money make; ``expiry`` None: the nearest."""

    underlying: str
    expiry: date | None = None


class GetExpiries(Command[tuple[date, ...]], frozen=True, tag="expiries"):
    """Listed expiries, nearest first: of options, or of ``kind`` (FUT, CE, PE)."""

    underlying: str
    kind: InstrumentType | None = None


class GetStrikes(Command[tuple[float, ...]], frozen=True, tag="strikes"):
    """Listed strikes of an expiry (None: the nearest), ascending, rupees."""

    underlying: str
    expiry: date | None = None


AnyOptionCommand = GetOptionChain | GetOptionGreeks | GetSyntheticFuture | GetExpiries | GetStrikes
"""Every command of this module, as a tagged union."""
