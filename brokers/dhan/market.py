"""Quotes, depth, candles and the master contract of Dhan."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from itertools import chain
from typing import Any, Final

from brokers.dhan import tables
from brokers.dhan.calls import as_ns, call
from brokers.dhan.tables import NAME
from openalgo_lab.broker import Call, HttpRequest, HttpResponse, PlainCodec, Session
from openalgo_lab.broker import columns as shapes
from openalgo_lab.broker.listing import each_once, listed, rows
from openalgo_lab.broker.reading import number, whole
from openalgo_lab.broker.record import Record
from openalgo_lab.model.errors import DecodeError, InputError
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.market import Bars, Depth, Quote
from openalgo_lab.model.times import NS_PER_SECOND, format_ist, trade_date
from openalgo_lab.model.vocabulary import InstrumentType

__all__ = ["MarketCalls"]

_NEEDED: Final = frozenset({"sem_exm_exch_id", "sem_instrument_name", "sem_smst_security_id", "sem_trading_symbol"})
_MONTH_PART: Final = re.compile(r"-\d{0,2}[A-Za-z]{3}\d{4}(-|$)")
_ARRAYS: Final = ("timestamp", "open", "high", "low", "close", "volume")
_ZEROES: Final = frozenset({"volume", "oi", "ltq"})


class MarketCalls(PlainCodec):
    """Market data by request; needs Dhan's data plan."""

    def quotes(self, session: Session, instruments: Sequence[Instrument]) -> Call[tuple[Quote, ...]]:
        """An instrument that Dhan leaves out is answered with a quote that knows nothing."""

        def give(answer: Any) -> tuple[Quote, ...]:
            found = (_picture(answer, instrument) for instrument in instruments)
            return tuple(
                shapes.quote(i, *(_fields(r) if r else ({}, 0))) for i, r in zip(instruments, found, strict=True)
            )

        return call(session, "POST /marketfeed/quote", give, _asked(instruments), pool="quote")

    def depth(self, session: Session, instrument: Instrument) -> Call[Depth]:
        def give(answer: Any) -> Depth:
            row = _picture(answer, instrument)
            bids, asks = (_levels(row, side) if row else [] for side in ("buy", "sell"))
            return shapes.depth_of(instrument, bids, asks, as_ns(row.text("last_trade_time", "")) if row else 0)

        return call(session, "POST /marketfeed/quote", give, _asked([instrument]), pool="quote")

    def history(
        self, session: Session, instrument: Instrument, interval: str, start_ns: int, end_ns: int
    ) -> Call[Bars]:
        """Day candles go by dates and leave the last one out; the others go by seconds and hold both ends."""
        body: dict[str, Any] = {
            "securityId": instrument.broker_symbol, "exchangeSegment": tables.segment(instrument.exchange),
            "instrument": instrument.broker_token, "oi": True,
        }  # fmt: skip
        if interval == "D":
            last = trade_date(end_ns - 1) + timedelta(days=1)
            body |= {"expiryCode": 0, "fromDate": trade_date(start_ns).isoformat(), "toDate": last.isoformat()}
        elif interval in tables.INTERVALS:
            body |= {"interval": tables.INTERVALS[interval], "fromDate": format_ist(start_ns)}
            body |= {"toDate": format_ist(end_ns - NS_PER_SECOND)}
        else:
            raise InputError(f"Dhan has no candles of {interval}; choose 1m, 5m, 15m, 25m, 1h or D.", "interval")
        path = "/charts/historical" if interval == "D" else "/charts/intraday"
        return call(session, f"POST {path}", lambda a: shapes.bars(_bars(a), start_ns, end_ns), body, pool="data")

    def instrument_files(self, session: Session) -> tuple[Call[tuple[Instrument, ...]], ...]:
        del session
        return (Call(HttpRequest("GET", "/api-data/api-scrip-master.csv", host="images"), _master),)


def _asked(instruments: Sequence[Instrument]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for instrument in instruments:
        found.setdefault(tables.segment(instrument.exchange), []).append(int(instrument.broker_symbol))
    return found


def _picture(answer: Any, instrument: Instrument) -> Record | None:
    data = Record(answer, NAME).record("data")
    segment = tables.segment(instrument.exchange)
    if segment not in data or instrument.broker_symbol not in data.record(segment):
        return None
    return data.record(segment).record(instrument.broker_symbol)


def _levels(row: Record, side: str) -> list[tuple[float, float, int]]:
    levels = row.record("depth").records(side) if "depth" in row else []
    return [(x.number("price"), x.number("quantity"), x.count("orders", 0)) for x in levels]


def _fields(row: Record) -> tuple[dict[str, float], int]:
    """Known fields by our names, and the time; a price of zero is one that is not known."""
    day = row.record("ohlc")
    found = {name: day.number(name) for name in ("open", "high", "low")}
    found |= {"ltp": row.number("last_price"), "prev_close": day.number("close")}
    names = {"average": "average_price", "ltq": "last_quantity", "volume": "volume", "oi": "oi"}
    found |= {ours: row.number(theirs) for ours, theirs in names.items() if theirs in row}
    for ours, side in (("bid", "buy"), ("ask", "sell")):
        price, quantity, _ = next(iter(_levels(row, side)), (0.0, 0.0, 0))
        found |= {ours: price, f"{ours}_qty": quantity} if price else {}
    time_ns = as_ns(row.text("last_trade_time", ""))
    return {name: value for name, value in found.items() if value or name in _ZEROES}, time_ns


def _bars(answer: Any) -> Iterator[shapes.Bar]:
    row = Record(answer, NAME)
    arrays = [row.raw(name) for name in _ARRAYS]
    if not all(isinstance(array, list) and len(array) == len(arrays[0]) for array in arrays):
        raise DecodeError("Dhan's candles have columns of different lengths.")
    interest = row.raw("open_interest")
    # Without open interest its column is missing or of any length.
    if not isinstance(interest, list) or len(interest) != len(arrays[0]):
        interest = [0] * len(arrays[0])
    for values in zip(*arrays, interest, strict=True):
        start, *rest = (Record({"v": value}, NAME).number("v") for value in values)
        if not 0 <= start < 2**33:
            raise DecodeError("Dhan's candles hold a time that is none.")
        yield (int(start) * NS_PER_SECOND, *rest)  # type: ignore[misc]  # six numbers


# Instruments --------------------------------------------------------------------------------------------------------


def _master(response: HttpResponse) -> tuple[Instrument, ...]:
    """The compact file. Several series may share a symbol: EQ goes before the others."""
    preferred = (row for row in rows(response.body, NAME, _NEEDED) if row.get("sem_series") == "EQ")
    others = (row for row in rows(response.body, NAME, _NEEDED) if row.get("sem_series") != "EQ")
    return each_once(chain(preferred, others), _instrument, NAME)


def _instrument(row: Mapping[str, str]) -> Instrument | None:
    try:
        return _listed(row)
    except (KeyError, ValueError):
        return None  # cut short, or a date or an option type that is none


def _listed(row: Mapping[str, str]) -> Instrument | None:
    word, trading = row["sem_instrument_name"], row["sem_trading_symbol"]
    exchange = tables.LISTINGS.get(f"{row['sem_exm_exch_id']}:{word}")
    if exchange is None:
        return None
    match = _MONTH_PART.search(trading)
    base, expiry = trading, None
    if word == "EQUITY":
        kind = InstrumentType.EQ
    elif word == "INDEX":
        kind, base = InstrumentType.INDEX, re.sub(r"[\s-]", "", trading).upper()
        base = tables.INDEX_NAMES.get(base, base)
    elif match is None:
        return None
    else:
        base = trading[: match.start()]
        kind = InstrumentType(row["sem_option_type"] if word.startswith("OPT") else "FUT")
        expiry = date.fromisoformat(row["sem_expiry_date"][:10])
    return listed(
        exchange, kind, base, tables.SEGMENTS[exchange][1] << 40 | whole(row["sem_smst_security_id"]),
        traded=row["sem_smst_security_id"], feed=word, lot=whole(row["sem_lot_units"]), expiry=expiry,
        tick=number(row["sem_tick_size"]) / 100, strike=number(row["sem_strike_price"]),
        name=row["sm_symbol_name" if word == "EQUITY" else "sem_custom_symbol"],
    )  # fmt: skip
