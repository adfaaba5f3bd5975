"""Quotes, depth, candles and the symbol masters of Fyers."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import partial
from itertools import chain
from typing import Any, Final
from urllib.parse import quote as percent
from urllib.parse import urlencode

from brokers.fyers import tables
from brokers.fyers.orders import call
from brokers.fyers.tables import NAME
from openalgo_lab.broker import Call, HttpRequest, HttpResponse, PlainCodec, Session
from openalgo_lab.broker import columns as shapes
from openalgo_lab.broker.listing import each_once, listed
from openalgo_lab.broker.record import Record, parsed
from openalgo_lab.model.errors import DecodeError, InputError
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.market import Bars, Depth, Quote
from openalgo_lab.model.times import NS_PER_DAY, NS_PER_SECOND, trade_date
from openalgo_lab.model.vocabulary import Exchange, InstrumentType

__all__ = ["MarketCalls"]

_FIELDS: Final = {
    "ltp": "lp", "bid": "bid", "ask": "ask", "open": "open_price", "high": "high_price", "low": "low_price",
    "prev_close": "prev_close_price", "average": "atp", "volume": "volume",
}  # fmt: skip
_ZONE_NS: Final = 19_800 * NS_PER_SECOND


class MarketCalls(PlainCodec):
    """Market data by request."""

    def quotes(self, session: Session, instruments: Sequence[Instrument]) -> Call[tuple[Quote, ...]]:
        """A symbol that Fyers cannot quote is answered with a quote that knows nothing."""
        symbols = percent(",".join(i.broker_symbol for i in instruments))

        def give(answer: Record) -> tuple[Quote, ...]:
            rows = [row for row in answer.records("d") if row.raw("s") == "ok"]
            found = {row.text("n"): row.record("v") for row in rows}
            return tuple(_quote(i, found.get(i.broker_symbol)) for i in instruments)

        return call(session, f"GET /data/quotes?symbols={symbols}", give)

    def depth(self, session: Session, instrument: Instrument) -> Call[Depth]:
        query = urlencode({"symbol": instrument.broker_symbol, "ohlcv_flag": 1})

        def give(answer: Record) -> Depth:
            row = answer.record("d").record(instrument.broker_symbol)
            bids, asks = (
                [(x.number("price"), x.number("volume"), x.count("ord", 0)) for x in row.records(side)]
                for side in ("bids", "ask")
            )
            return shapes.depth_of(instrument, bids, asks, row.moment("ltt"))

        return call(session, f"GET /data/depth?{query}", give)

    def history(
        self, session: Session, instrument: Instrument, interval: str, start_ns: int, end_ns: int
    ) -> Call[Bars]:
        """Days are asked for by date, shorter candles by the second."""
        if interval not in tables.INTERVALS:
            known = ", ".join(tables.INTERVALS)
            raise InputError(f"{NAME} has no candles of {interval}; choose one of {known}.", field="interval")
        daily = interval == "D"
        span = (
            (trade_date(start_ns).isoformat(), trade_date(end_ns - 1).isoformat())
            if daily
            else (-(-start_ns // NS_PER_SECOND), (end_ns - 1) // NS_PER_SECOND)
        )
        query = {
            "symbol": instrument.broker_symbol, "resolution": tables.INTERVALS[interval], "date_format": int(daily),
            "range_from": span[0], "range_to": span[1], "cont_flag": 0, "oi_flag": 1,
        }  # fmt: skip

        def give(answer: Record) -> Bars:
            rows = answer.raw("candles") or []
            if not isinstance(rows, list):
                raise DecodeError(f"The candles of {NAME} are no list.")
            return shapes.bars([_bar(row, daily=daily) for row in rows], start_ns, end_ns)

        return call(session, f"GET /data/history?{urlencode(query)}", give)

    def instrument_files(self, session: Session) -> tuple[Call[tuple[Instrument, ...]], ...]:
        del session
        return tuple(
            Call(HttpRequest("GET", f"/sym_details/{name}_sym_master.json", host="files"), partial(_master, name))
            for name in tables.FILES
        )


def _quote(instrument: Instrument, row: Record | None) -> Quote:
    """A price of zero is one that is not known."""
    if row is None:
        return shapes.quote(instrument, {}, 0)
    found = {ours: row.number(theirs) for ours, theirs in _FIELDS.items() if theirs in row}
    known = {name: value for name, value in found.items() if value or name == "volume"}
    return shapes.quote(instrument, known, row.moment("tt"))


def _bar(row: Any, *, daily: bool) -> shapes.Bar:
    """Day candles are stamped with the date's midnight in London; the day begins at midnight in India."""
    if not isinstance(row, list) or len(row) not in (6, 7):
        raise DecodeError(f"A candle of {NAME} does not fit.")
    start, first, high, low, close, volume, *oi = (Record({"v": value}, NAME).number("v") for value in row)
    if not 0 <= start < 2**33:
        raise DecodeError(f"A candle of {NAME} has a time that is none.")
    begin = int(start) * NS_PER_SECOND
    if daily and begin % NS_PER_DAY == 0:
        begin -= _ZONE_NS
    return begin, first, high, low, close, volume, oi[0] if oi else 0.0


# Instruments --------------------------------------------------------------------------------------------------------


def _master(name: str, response: HttpResponse) -> tuple[Instrument, ...]:
    """One file: an object of rows by ticker. Several series may share a symbol: EQ goes before the others."""
    table = parsed(response.body, NAME)
    if not isinstance(table, dict):
        raise DecodeError(f"The file {name} of {NAME} is no table.")
    preferred = (row for ticker, row in table.items() if ticker.endswith("-EQ"))
    others = (row for ticker, row in table.items() if not ticker.endswith("-EQ"))
    return each_once(chain(preferred, others), _instrument, f"{NAME} ({name})")


def _instrument(fields: Mapping[str, Any]) -> Instrument | None:
    row = Record(fields, NAME)
    place = tables.PLACES.get(f"{row.whole('exchange')}:{row.whole('segment')}")
    ticker, fytoken, word = row.text("symTicker"), row.text("fyToken"), row.whole("exInstType")
    segment = tables.TOPIC_SEGMENTS.get(fytoken[:4])
    if place is None or segment is None or not (fytoken.isdecimal() and len(fytoken) <= 18):
        return None
    exchange, base, expiry, strike, topic = place, row.text("underSym"), None, 0.0, fytoken[10:]
    if place in tables.EQUITY_TYPES:
        if word == tables.INDEX_TYPE:
            exchange, kind = tables.INDICES[place], InstrumentType.INDEX
            short = ticker.partition(":")[2].removesuffix("-INDEX")
            base, topic = _index(ticker, base, place), tables.TOPICS.get(short, short)
        elif word in tables.EQUITY_TYPES[place]:
            kind = InstrumentType.EQ
        else:
            return None
    else:
        option = row.text("optType", "")
        kind = InstrumentType(option) if option in ("CE", "PE") else InstrumentType.FUT
        expiry, strike = trade_date(row.moment("expiryDate")), row.number("strikePrice", 0.0)
    return listed(
        exchange, kind, base, int(fytoken), traded=ticker, feed=f"{segment}|{topic}", tick=row.number("tickSize"),
        lot=row.count("minLotSize"), expiry=expiry, strike=strike, name=row.text("symDetails", ""),
        freeze=row.count("qtyFreeze", 0),
    )  # fmt: skip


def _index(ticker: str, name: str, place: Exchange) -> str:
    """Canonical name; a bare one of BSE's (`AUTO`, `100`) gets its exchange in front."""
    if ticker in tables.INDEX_SYMBOLS:
        return tables.INDEX_SYMBOLS[ticker]
    plain = re.sub(r"[\s-]", "", name).upper()
    bare = place is Exchange.BSE and not plain.startswith(("BSE", "SENSEX", "BANKEX", "SNSX"))
    return f"BSE{plain}" if bare else plain
