"""Quotes, depth, candles and the master contract of Angel One."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any, Final

from brokers.angel import tables
from brokers.angel.orders import SECURE, call, home
from brokers.angel.tables import NAME
from openalgo_lab.broker import Call, HttpRequest, HttpResponse, PlainCodec, Session, reading
from openalgo_lab.broker import columns as shapes
from openalgo_lab.broker.listing import each_once, listed
from openalgo_lab.broker.reading import number, whole
from openalgo_lab.broker.record import Record
from openalgo_lab.model.errors import DecodeError, InputError
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.market import Bars, Depth, Quote
from openalgo_lab.model.symbols import parse_expiry
from openalgo_lab.model.times import format_ist
from openalgo_lab.model.vocabulary import InstrumentType

__all__ = ["MarketCalls"]

_FILE: Final = "/OpenAPI_File/files/OpenAPIScripMaster.json"
_FIELDS: Final = {
    "ltp": "ltp", "open": "open", "high": "high", "low": "low", "prev_close": "close", "average": "avgPrice",
    "volume": "tradeVolume", "oi": "opnInterest", "ltq": "lastTradeQty",
}  # fmt: skip
_COUNTS: Final = frozenset({"volume", "oi", "ltq"})
_SERIES: Final = re.compile(r"-(EQ|BE|MF|SG)$")
_ASSUMED_TICK: Final = 0.05
"""Of indices, which have none in the file."""


class MarketCalls(PlainCodec):
    """Market data by request."""

    def quotes(self, session: Session, instruments: Sequence[Instrument]) -> Call[tuple[Quote, ...]]:
        """An instrument that Angel One could not fetch is answered with a quote that knows nothing."""

        def give(data: Any) -> tuple[Quote, ...]:
            found = _fetched(data)
            rows = [(i, found.get((home(i), i.broker_token))) for i in instruments]
            return tuple(shapes.quote(i, *(_known(row) if row else ({}, 0))) for i, row in rows)

        return call(session, f"POST {SECURE}/market/v1/quote/", give, _asked(instruments), pool="quote")

    def depth(self, session: Session, instrument: Instrument) -> Call[Depth]:
        def give(data: Any) -> Depth:
            row = _fetched(data).get((home(instrument), instrument.broker_token))
            bids, asks = (_levels(row, side) if row else [] for side in ("buy", "sell"))
            return shapes.depth_of(instrument, bids, asks, row.moment("exchFeedTime") if row else 0)

        return call(session, f"POST {SECURE}/market/v1/quote/", give, _asked([instrument]), pool="quote")

    def history(
        self, session: Session, instrument: Instrument, interval: str, start_ns: int, end_ns: int
    ) -> Call[Bars]:
        """Whole minutes, both ends included. Open interest stands in another call and is not known here."""
        if interval not in tables.INTERVALS:
            known = ", ".join(tables.INTERVALS)
            raise InputError(f"{NAME} has no candles of {interval}; choose one of {known}.", field="interval")
        body = {
            "exchange": home(instrument), "symboltoken": instrument.broker_token,
            "interval": tables.INTERVALS[interval],
            "fromdate": format_ist(start_ns)[:16], "todate": format_ist(end_ns - 1)[:16],
        }  # fmt: skip

        def give(data: Any) -> Bars:
            if not isinstance(data, list | None):
                raise DecodeError(f"The candles of {NAME} are no list.")
            return shapes.bars([_bar(row) for row in data or ()], start_ns, end_ns)

        return call(session, f"POST {SECURE}/historical/v1/getCandleData", give, body, pool="data")

    def instrument_files(self, session: Session) -> tuple[Call[tuple[Instrument, ...]], ...]:
        del session
        return (Call(HttpRequest("GET", _FILE, host="files"), _master),)


def _asked(instruments: Sequence[Instrument]) -> dict[str, Any]:
    tokens: dict[str, list[str]] = {}
    for instrument in instruments:
        tokens.setdefault(home(instrument), []).append(instrument.broker_token)
    return {"mode": "FULL", "exchangeTokens": tokens}


def _fetched(data: Any) -> dict[tuple[str, str], Record]:
    rows = Record(data, NAME).records("fetched")
    return {(row.text("exchange"), row.text("symbolToken")): row for row in rows}


def _levels(row: Record, side: str) -> list[tuple[float, float, int]]:
    levels = row.record("depth").records(side) if "depth" in row else []
    return [(x.number("price"), x.number("quantity"), x.count("orders", 0)) for x in levels]


def _known(row: Record) -> tuple[dict[str, float], int]:
    """Known fields by our names, and the time; a price of zero is one that is not known."""
    found = {ours: row.number(theirs) for ours, theirs in _FIELDS.items() if theirs in row}
    for ours, side in (("bid", "buy"), ("ask", "sell")):
        price, quantity, _ = next(iter(_levels(row, side)), (0.0, 0.0, 0))
        found |= {ours: price, f"{ours}_qty": quantity} if price else {}
    return {name: value for name, value in found.items() if value or name in _COUNTS}, row.moment("exchFeedTime")


def _bar(row: Any) -> shapes.Bar:
    if not isinstance(row, list) or len(row) != 6 or not isinstance(row[0], str):
        raise DecodeError(f"A candle of {NAME} does not fit.")
    first, high, low, close, volume = (Record({"v": value}, NAME).number("v") for value in row[1:])
    return reading.moment(row[0]), first, high, low, close, volume, math.nan


# Instruments --------------------------------------------------------------------------------------------------------


def _master(response: HttpResponse) -> tuple[Instrument, ...]:
    """The whole file, whose values are all text. Several series may share a symbol: EQ goes before the others."""
    rows: list[dict[str, str]] = reading.read(response.body, list[dict[str, str]], NAME)
    preferred = (row for row in rows if row.get("symbol", "").endswith("-EQ"))
    return each_once(chain(preferred, (r for r in rows if not r.get("symbol", "").endswith("-EQ"))), _instrument, NAME)


def _instrument(row: Mapping[str, str]) -> Instrument | None:
    try:
        return _listed(row)
    except (KeyError, ValueError):
        return None  # cut short, or an option type that is none


def _listed(row: Mapping[str, str]) -> Instrument | None:
    place, word, symbol, token = row["exch_seg"], row["instrumenttype"], row["symbol"], row["token"]
    if place not in tables.EXCHANGES or not token.isdigit():
        return None
    exchange, base, expiry, strike = tables.EXCHANGES[place], row["name"], None, 0.0
    tick = number(row["tick_size"]) / 100
    if word == "AMXIDX":
        exchange, kind, tick = tables.INDICES[place], InstrumentType.INDEX, tick or _ASSUMED_TICK
        base = re.sub(r"[\s-]", "", base.upper().removeprefix("S&P "))
        base = tables.INDEX_NAMES.get(base, base)
    elif not word:
        kind, base = InstrumentType.EQ, _SERIES.sub("", symbol) if place == "NSE" else symbol
    elif word.startswith(("FUT", "OPT")):
        kind = InstrumentType(symbol[-2:] if word.startswith("OPT") else "FUT")
        text = row["expiry"]
        expiry = parse_expiry(f"{text[:2]}-{text[2:5]}-{text[5:]}")
        strike = number(row["strike"]) / (10_000_000 if place == "CDS" else 100)
    else:
        return None
    return listed(
        exchange, kind, base, tables.STREAM[place] << 40 | int(token), traded=symbol, feed=token, tick=tick,
        lot=whole(row["lotsize"]), expiry=expiry, strike=strike, name=row["name"],
    )  # fmt: skip
