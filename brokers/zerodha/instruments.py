"""Kite's instrument dump: comma-separated, one row an instrument, all exchanges in one file."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from brokers.zerodha import tables
from openalgo_lab.broker.indices import index_symbol
from openalgo_lab.broker.listing import each_once, listed, rows
from openalgo_lab.broker.reading import from_word, number, whole
from openalgo_lab.model.errors import DecodeError
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.vocabulary import Exchange, InstrumentType

__all__ = ["master"]

_BROKER = "Zerodha"
_NEEDED = frozenset(
    [
        "instrument_token",
        "tradingsymbol",
        "name",
        "expiry",
        "strike",
        "tick_size",
        "lot_size",
        "instrument_type",
        "segment",
        "exchange",
    ]
)
_INDEX_STEP = 0.05


def master(body: bytes) -> tuple[Instrument, ...]:
    """The instruments of the dump; exchanges that are not ours are left out. Raises DecodeError."""
    return each_once(rows(body, _BROKER, _NEEDED), _instrument, _BROKER)


def _instrument(row: Mapping[str, str]) -> Instrument | None:
    home, traded, token = tables.EXCHANGES.get(row["exchange"]), row["tradingsymbol"], whole(row["instrument_token"])
    if home is None or not 0 < token < 2**32:
        return None
    if row["segment"] == "INDICES":
        exchange, symbol = Exchange(f"{home}_INDEX"), index_symbol(traded)
        return listed(exchange, InstrumentType.INDEX, symbol, token, traded=traded, tick=_INDEX_STEP, name=row["name"])
    kind = from_word(tables.KINDS, row["instrument_type"], "kind of instrument", _BROKER)
    dated = kind is not InstrumentType.EQ
    return listed(
        home,
        kind,
        row["name"] if dated else traded,
        token,
        traded=traded,
        lot=whole(row["lot_size"]),
        tick=number(row["tick_size"]),
        name=row["name"],
        expiry=_day(row["expiry"]) if dated else None,
        strike=number(row["strike"]),
    )


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise DecodeError(f"An instrument of {_BROKER} has the unreadable expiry {text[:20]!r}.") from None
