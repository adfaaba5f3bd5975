"""Instruments: what can be quoted and, mostly, ordered."""

from __future__ import annotations

from datetime import date

import msgspec

from openalgo_lab.model.vocabulary import Exchange, InstrumentType

__all__ = ["Instrument", "InstrumentKey"]


class InstrumentKey(msgspec.Struct, frozen=True, order=True):
    """(exchange, symbol): the identity of an instrument for people and for every table of ours."""

    exchange: Exchange
    symbol: str

    def __str__(self) -> str:
        return f"{self.exchange}:{self.symbol}"


class Instrument(msgspec.Struct, frozen=True):
    """One row of a dated master contract.

    ``lot_size`` and ``freeze_quantity`` are in units (shares, not lots); ``tick_size``, ``strike`` in rupees;
    ``freeze_quantity`` 0 means that the exchange sets none. ``token`` is the broker's own number for its feed, unique
    within the broker (composed as ``segment_code << 40 | number`` where its numbers repeat between segments).
    ``broker_symbol`` is the text that its orders need, ``broker_token`` the text that its feed and quotes need where
    the number is not enough.
    """

    symbol: str
    exchange: Exchange
    kind: InstrumentType
    name: str
    token: int
    lot_size: int
    tick_size: float
    freeze_quantity: int = 0
    underlying: str = ""
    expiry: date | None = None
    strike: float = 0.0
    broker_symbol: str = ""
    broker_token: str = ""

    @property
    def key(self) -> InstrumentKey:
        """Its identity."""
        return InstrumentKey(self.exchange, self.symbol)

    @property
    def tradable(self) -> bool:
        """Whether it can be ordered: an index value cannot."""
        return self.kind is not InstrumentType.INDEX
