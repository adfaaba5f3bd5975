"""Master contracts of the Noren members: comma-separated text with a header, zipped or plain."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from typing import Final

from brokers.noren.tables import EXCHANGES, INDEX_NAMES, SEGMENTS
from openalgo_lab.broker.listing import each_once, listed, rows
from openalgo_lab.broker.reading import number, whole
from openalgo_lab.model.errors import DecodeError
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.symbols import parse_expiry
from openalgo_lab.model.vocabulary import Exchange, InstrumentType

__all__ = ["derivative", "index_symbol", "master", "token_of"]

INDICES: Final = {"NSE": Exchange.NSE_INDEX, "BSE": Exchange.BSE_INDEX}
_NEEDED: Final = frozenset({"exchange", "token", "symbol", "tradingsymbol"})
_NAME: Final = re.compile(r"SENSEX50|[A-Z&-]+")
_KINDS: Final = {"CE": InstrumentType.CE, "PE": InstrumentType.PE, "XX": InstrumentType.FUT, "": InstrumentType.FUT}
_ASSUMED_TICK: Final = 0.05
_CURRENCY_TICK: Final = 0.0025
"""Of Flattrade's files, which have no tick column, and of indices."""


def token_of(exchange: str, code: str) -> int:
    """Our token of a number of the feed: unique over the exchanges."""
    if exchange not in SEGMENTS or not (code.isascii() and code.isdecimal() and len(code) < 12):
        raise DecodeError(f"The feed names an instrument that cannot be: {exchange[:8]}|{code[:16]}.")
    return SEGMENTS[exchange] << 40 | int(code)


def index_symbol(name: str) -> str:
    """The canonical symbol of an index by its display name: `Nifty Bank` → `BANKNIFTY`."""
    plain = re.sub(r"[^A-Z0-9&]", "", name.upper())
    return INDEX_NAMES.get(plain, plain)


def index(exchange: str, symbol: str, code: str, traded: str, name: str) -> Instrument:
    """An index, whose value is quoted on the exchange of its shares."""
    return listed(
        INDICES[exchange], InstrumentType.INDEX, symbol, token_of(exchange, code), traded=traded, tick=_ASSUMED_TICK,
        name=name, feed=f"{exchange}|{code}",
    )  # fmt: skip


def master(body: bytes, exchange: str, *, paise_ticks: bool, bse_indices: bool) -> tuple[Instrument, ...]:
    """The instruments of one file, each symbol once. BSE's own indices stand in no file. Raises DecodeError."""
    also = [index("BSE", "SENSEX", "1", "SENSEX", "SENSEX"), index("BSE", "BANKEX", "12", "BANKEX", "BANKEX")]
    source = rows(body, exchange, _NEEDED)
    make = partial(_instrument, exchange=exchange, paise_ticks=paise_ticks)
    return each_once(source, make, exchange, also if exchange == "BSE" and bse_indices else ())


def _instrument(fields: Mapping[str, str], exchange: str, *, paise_ticks: bool) -> Instrument | None:
    symbol, traded, code = fields.get("symbol", ""), fields.get("tradingsymbol", ""), fields.get("token", "")
    if not symbol or not traded or (exchange == "CDS" and whole(code) <= 100):
        return None
    if exchange not in INDICES:
        return derivative(fields, exchange)
    series = fields.get("instrument", "")
    if series in ("INDEX", "UNDIND"):
        return index(exchange, index_symbol(symbol), code, traded, symbol)
    tick = number(fields["ticksize"]) if "ticksize" in fields else _ASSUMED_TICK
    return listed(
        EXCHANGES[exchange], InstrumentType.EQ, symbol if exchange == "BSE" or series == "EQ" else traded,
        token_of(exchange, code), traded=traded, lot=whole(fields.get("lotsize"), 1),
        tick=tick / 100 if paise_ticks and tick >= 1 else tick, feed=f"{exchange}|{code}",
    )  # fmt: skip


def derivative(fields: Mapping[str, str], exchange: str) -> Instrument:
    """A future or an option of a row. Raises SymbolError or DecodeError."""
    traded, option, base = fields["tradingsymbol"], fields.get("optiontype", ""), fields["symbol"]
    if exchange == "BFO":  # its symbol column may hold codes such as BSXOPT
        head = _NAME.match(traded)
        base = base if traded.startswith(base) or head is None else head[0]
        option = traded[-2:] if traded.endswith(("CE", "PE")) else "XX"
    if option not in _KINDS:
        raise DecodeError(f"{traded} is an option of an unknown type.")
    code = fields["token"]
    return listed(
        EXCHANGES[exchange], _KINDS[option], base, token_of(exchange, code), traded=traded,
        lot=whole(fields.get("lotsize"), 1),
        tick=number(fields.get("ticksize"), _CURRENCY_TICK if exchange == "CDS" else _ASSUMED_TICK),
        feed=f"{exchange}|{code}", expiry=parse_expiry(fields.get("expiry", "")),
        strike=number(fields.get("strikeprice") or fields.get("strike")), freeze=whole(fields.get("freezeqty")),
    )  # fmt: skip
