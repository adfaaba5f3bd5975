"""Upstox's instrument file: gzip of one JSON array. An instrument key (segment and number, ISIN or index name) is the
token of every API, and our ``broker_symbol``."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

import msgspec

from brokers.upstox import tables
from openalgo_lab.broker.indices import index_symbol
from openalgo_lab.broker.listing import each_once, listed, unpacked
from openalgo_lab.broker.reading import read
from openalgo_lab.model.errors import DecodeError
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.vocabulary import Exchange, InstrumentType

__all__ = ["master"]

_BROKER: Final = "Upstox"
_INDEX_STEP: Final = 0.05
_OF_BSE: Final = frozenset({"SENSEX", "BANKEX", "SENSEX50"})
_FIRST: Final = {segment: number for number, segment in enumerate(tables.SEGMENTS, start=1)}
_DATED: Final = {kind.value: kind for kind in (InstrumentType.FUT, InstrumentType.CE, InstrumentType.PE)}


class _Row(msgspec.Struct, frozen=True):
    """What matters of a row; a key that does not apply to its kind is absent."""

    segment: str
    instrument_key: str
    trading_symbol: str = ""
    exchange_token: str = ""
    name: str = ""
    instrument_type: str = ""
    underlying_symbol: str = ""
    lot_size: float = 1
    tick_size: float = 0.0
    freeze_quantity: float = 0.0
    expiry: int = 0
    strike_price: float = 0.0


def master(body: bytes) -> tuple[Instrument, ...]:
    """The instruments of the file; segments that are not ours are left out. Raises DecodeError."""
    rows = read(unpacked(body), list[_Row], _BROKER)
    rows.sort(key=lambda row: row.instrument_type != "EQ")  # where a share has several series, EQ bears its symbol
    return each_once(rows, _instrument, _BROKER)


def _instrument(row: _Row) -> Instrument | None:
    exchange = tables.SEGMENTS.get(row.segment)
    if exchange is None:
        return None
    if not row.exchange_token.isdecimal() or len(row.exchange_token) > 12:
        raise DecodeError(f"{row.trading_symbol[:40]!r} of {_BROKER} has a token that is none.")
    token = _FIRST[row.segment] << 40 | int(row.exchange_token)
    if row.segment.endswith("_INDEX"):
        symbol = index_symbol(row.trading_symbol)
        if exchange is Exchange.BSE_INDEX and symbol not in _OF_BSE and not symbol.startswith("BSE"):
            symbol = f"BSE{symbol}"
        kind, name, traded = InstrumentType.INDEX, row.name, row.instrument_key
        return listed(exchange, kind, symbol, token, traded=traded, tick=_INDEX_STEP, name=name)
    kind = _DATED.get(row.instrument_type, InstrumentType.EQ)
    dated = kind is not InstrumentType.EQ
    return listed(
        exchange,
        kind,
        row.underlying_symbol if dated else row.trading_symbol,
        token,
        traded=row.instrument_key,
        # Upstox counts commodities in lots, in orders as in books.
        lot=1 if exchange is Exchange.MCX else int(row.lot_size),
        tick=row.tick_size / 100,  # written in paise
        name=row.name,
        # The last second of the expiry day in India lies on the same day in UTC.
        expiry=datetime.fromtimestamp(row.expiry // 1000, UTC).date() if dated else None,
        strike=row.strike_price,
        freeze=int(row.freeze_quantity),
    )
