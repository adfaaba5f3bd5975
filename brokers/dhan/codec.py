"""DhanHQ v2 as pure functions: login, errors, market data, instruments, feeds."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any, Final

from brokers.dhan import tables
from brokers.dhan.feed import BookFeed, MarketFeed, OrderFeed
from brokers.dhan.orders import OrderCalls, call, stated
from brokers.dhan.tables import NAME
from openalgo_lab.broker import Call, FeedAddress, FeedKind, FeedSession, FeedSpec, HttpRequest, HttpResponse
from openalgo_lab.broker.asking import given, refused
from openalgo_lab.broker.candles import column_candles
from openalgo_lab.broker.columns import depth_of
from openalgo_lab.broker.forms import form_text
from openalgo_lab.broker.listing import each_once, listed, rows
from openalgo_lab.broker.reading import from_word, jwt_expiry_ns, number, whole
from openalgo_lab.broker.record import Record, book_of, parsed, quote_of
from openalgo_lab.broker.spec import LoginFlow, Session
from openalgo_lab.model.errors import BrokerError, InputError, LabError
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.market import Bars, Depth, Quote
from openalgo_lab.model.orders import OrderIntent
from openalgo_lab.model.portfolio import Profile
from openalgo_lab.model.times import NS_PER_SECOND, format_ist, trade_date
from openalgo_lab.model.vocabulary import InstrumentType

__all__ = ["DhanCodec", "SandboxCodec"]

_NEEDED: Final = frozenset({"sem_exm_exch_id", "sem_instrument_name", "sem_smst_security_id", "sem_trading_symbol"})
_MONTH_PART: Final = re.compile(r"-\d{0,2}[A-Za-z]{3}\d{4}(-|$)")
_FIELDS: Final = {
    "ltp": "last_price", "open": "day_open", "high": "day_high", "low": "day_low", "prev_close": "day_close",
    "average": "average_price", "ltq": "last_quantity", "volume": "volume", "oi": "oi",
}  # fmt: skip


class DhanCodec(OrderCalls):
    """Implements `openalgo_lab.broker.Codec` for Dhan and its sandbox."""

    broker_name = NAME

    def login(self, credentials: Mapping[str, str]) -> LoginFlow:
        """With a token made on Dhan's site, which is tried on the profile; else with PIN and one-time code."""
        client = given(credentials, "client_id", NAME)
        if pasted := credentials.get("access_token", "").strip():
            profile = yield self.profile(Session(client, pasted))
            if profile.client != client:
                raise InputError(f"This token belongs to {profile.client}; give that client id.", field="client_id")
            return Session(client, pasted, expires_ns=jwt_expiry_ns(pasted))
        query = {
            "dhanClientId": client,
            "pin": given(credentials, "pin", NAME),
            "totp": given(credentials, "totp", NAME),
        }
        path = f"/app/generateAccessToken?{form_text(query)}"
        made: Session = yield Call(HttpRequest("POST", path, safe=False, host="auth", pool="other"), _session)
        return made

    def profile(self, session: Session) -> Call[Profile]:
        def give(answer: Any) -> Profile:
            row = Record(answer, NAME)
            words = filter(None, map(str.strip, row.text("activeSegment", "").split(",")))
            found = [from_word(tables.ACTIVE_SEGMENTS, word, "segment of the profile", NAME) for word in words]
            return Profile(row.text("dhanClientId"), exchanges=tuple(e for some in found for e in some))

        return call(session, "GET /profile", give)

    def refusal(self, response: HttpResponse) -> LabError | None:
        code, text = stated(response.body)
        if not code or code in tables.NOTHING_THERE:
            return None
        if code in tables.SERVER_SIDE:
            # With a bad status, that status tells whether an order may have arrived.
            return BrokerError(f"Dhan could not answer ({text or code}).") if response.status < 300 else None
        return refused(NAME, code, text, again=tables.LOGIN_AGAIN, many=tables.TOO_MANY)

    def feed_address(self, session: Session, feed: FeedSpec) -> FeedAddress:
        if feed.kind is FeedKind.ORDERS:
            return FeedAddress("/")
        who = {"token": session.token, "clientId": session.client, "authType": 2}
        if feed.kind is FeedKind.BOOKS:
            return FeedAddress(f"/{feed.name}?{form_text(who)}")
        return FeedAddress(f"/?{form_text({'version': 2, **who})}")

    def open_feed(self, session: Session, feed: FeedSpec) -> FeedSession:
        if feed.kind is FeedKind.BOOKS:
            return BookFeed(feed.levels)
        return OrderFeed(session) if feed.kind is FeedKind.ORDERS else MarketFeed()

    # Market data ------------------------------------------------------------------------------------------------

    def quotes(self, session: Session, instruments: Sequence[Instrument]) -> Call[tuple[Quote, ...]]:
        """An instrument that Dhan leaves out is answered with a quote that knows nothing."""

        def give(answer: Any) -> tuple[Quote, ...]:
            return tuple(_quote(instrument, _picture(answer, instrument)) for instrument in instruments)

        return call(session, "POST /marketfeed/quote", give, _asked(instruments), pool="quote")

    def depth(self, session: Session, instrument: Instrument) -> Call[Depth]:
        def give(answer: Any) -> Depth:
            row = _picture(answer, instrument)
            return depth_of(instrument, *book_of(row), row.moment("last_trade_time"))

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

        def give(answer: Any) -> Bars:
            return column_candles(Record(answer, NAME), ("timestamp", "open_interest"), start_ns, end_ns, NAME)

        return call(session, f"POST {path}", give, body, pool="data")

    def instrument_files(self, session: Session) -> tuple[Call[tuple[Instrument, ...]], ...]:
        del session
        return (Call(HttpRequest("GET", "/api-data/api-scrip-master.csv", host="images"), _master),)


class SandboxCodec(DhanCodec):
    """Dhan's sandbox takes a token of its own only, and has no market data but candles."""

    def login(self, credentials: Mapping[str, str]) -> LoginFlow:
        given(credentials, "access_token", NAME)
        return (yield from super().login(credentials))

    def quotes(self, session: Session, instruments: Sequence[Instrument]) -> Call[tuple[Quote, ...]]:
        self._lacks("quotes in its sandbox")

    def depth(self, session: Session, instrument: Instrument) -> Call[Depth]:
        self._lacks("market depth in its sandbox")

    def margin(self, session: Session, legs: Sequence[tuple[OrderIntent, Instrument]]) -> Call[int]:
        if len(legs) > 1:
            self._lacks("the margin of several orders in its sandbox")
        return super().margin(session, legs)


def _session(response: HttpResponse) -> Session:
    row = Record(parsed(response.body, NAME), NAME)
    return Session(row.text("dhanClientId"), row.text("accessToken"), expires_ns=row.moment("expiryTime"))


def _asked(instruments: Sequence[Instrument]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for instrument in instruments:
        found.setdefault(tables.segment(instrument.exchange), []).append(int(instrument.broker_symbol))
    return found


def _picture(answer: Any, instrument: Instrument) -> Record:
    """The row of an instrument; an empty one where the answer leaves it out."""
    found = Record(answer, NAME).record("data")
    for name in (tables.segment(instrument.exchange), instrument.broker_symbol):
        found = found.record(name) if name in found else Record({}, NAME)
    return found


def _quote(instrument: Instrument, row: Record) -> Quote:
    day = {f"day_{name}": row.record("ohlc").raw(name) for name in ("open", "high", "low", "close") if "ohlc" in row}
    flat = Record({name: row.raw(name) for name in _FIELDS.values()} | day, NAME)
    return quote_of(instrument, flat, _FIELDS, row.moment("last_trade_time"), book_of(row))


# Instruments --------------------------------------------------------------------------------------------------------


def _master(response: HttpResponse) -> tuple[Instrument, ...]:
    """The compact file. Several series may share a symbol: EQ goes before the others."""
    return each_once(
        rows(response.body, NAME, _NEEDED), _instrument, NAME, prefer=lambda row: row.get("sem_series") == "EQ"
    )


def _instrument(row: Mapping[str, str]) -> Instrument | None:
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
