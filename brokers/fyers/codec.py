"""Fyers' API v3 as pure functions: login, errors, market data, instruments, feeds."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final
from urllib.parse import quote as percent

from brokers.fyers import tables
from brokers.fyers.books import BookFeed
from brokers.fyers.feed import MarketFeed, OrderFeed
from brokers.fyers.orders import OrderCalls, call
from brokers.fyers.tables import NAME
from openalgo_lab.broker import Call, FeedAddress, FeedKind, FeedSession, FeedSpec, HttpRequest, HttpResponse
from openalgo_lab.broker import columns as shapes
from openalgo_lab.broker.asking import Lane, claims, given, refused
from openalgo_lab.broker.forms import form_text
from openalgo_lab.broker.listing import each_once, listed
from openalgo_lab.broker.record import Record, levels, numbers, parsed, quote_of
from openalgo_lab.broker.spec import LoginFlow, Session
from openalgo_lab.model.errors import DecodeError, InputError, LabError, Rejected
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.market import Bars, Depth, Quote
from openalgo_lab.model.portfolio import Profile
from openalgo_lab.model.times import NS_PER_DAY, NS_PER_SECOND, trade_date
from openalgo_lab.model.vocabulary import Exchange, InstrumentType

__all__ = ["FyersCodec"]

_LOGIN: Final = "/api/v3/generate-authcode"
_LONGEST_REFUSAL: Final = 4_000
_LONGEST_WAIT_S: Final = 300.0
_FIELDS: Final = {
    "ltp": "lp", "bid": "bid", "ask": "ask", "open": "open_price", "high": "high_price", "low": "low_price",
    "prev_close": "prev_close_price", "average": "atp", "volume": "volume",
}  # fmt: skip
_ZONE_NS: Final = 19_800 * NS_PER_SECOND


class FyersCodec(OrderCalls):
    """Implements `openalgo_lab.broker.Codec`. A session holds the app's id and the data socket's key beside its token;
    that key and the session's end stand in the token itself."""

    broker_name = NAME

    def login_url(self, credentials: Mapping[str, str], redirect_uri: str, state: str) -> str:
        query = {
            "client_id": given(credentials, "app_id", NAME), "redirect_uri": redirect_uri, "response_type": "code",
            "state": state,
        }  # fmt: skip
        return f"https://api-t1.fyers.in{_LOGIN}?{form_text(query)}"

    def login(self, credentials: Mapping[str, str]) -> LoginFlow:
        """With the ``auth_code`` of the redirect; its ``code`` is a mere number."""
        app_id, secret = (given(credentials, name, NAME) for name in ("app_id", "app_secret"))
        if credentials.get("s") == "error":
            raise Rejected(f"Fyers refused the login: {credentials.get('message', '')[:200] or 'it gave no reason'}.")
        body = {
            "grant_type": "authorization_code", "code": given(credentials, "auth_code", NAME),
            "appIdHash": hashlib.sha256(f"{app_id}:{secret}".encode()).hexdigest(),
        }  # fmt: skip

        def give(answer: Record) -> Session:
            token = answer.text("access_token")
            said = claims(token, NAME)
            extra = {"app_id": app_id, "hsm_key": said.text("hsm_key")}
            return Session(said.text("fy_id"), token, extra, expires_ns=said.count("exp") * 1_000_000_000)

        target = "POST /api/v3/validate-authcode"
        made: Session = yield call(Session("", "", {"app_id": app_id}), target, give, body, lane=Lane.ORDER)
        return made

    def logout(self, session: Session) -> Call[None]:
        return call(session, "POST /api/v3/logout", lambda answer: None, {})  # noqa: ARG005

    def profile(self, session: Session) -> Call[Profile]:
        def give(answer: Record) -> Profile:
            row = answer.record("data")
            return Profile(row.text("fy_id"), row.text("name", ""))

        return call(session, "GET /api/v3/profile", give)

    def refusal(self, response: HttpResponse) -> LabError | None:
        stated = _stated(response.body)
        if stated is None:
            return None
        code, text = stated
        again, many = tables.LOGIN_AGAIN | {401}, (tables.TOO_MANY, 429)
        known = response.status if response.status in (401, 429) else code
        if response.status >= 500 and known not in again and known not in many:
            return None
        return refused(NAME, known, text, again=again, many=many, wait_s=_wait_s(response))

    def feed_address(self, session: Session, feed: FeedSpec) -> FeedAddress | Call[FeedAddress]:
        if feed.kind is FeedKind.ORDERS:
            return FeedAddress("/trade/v3", _who(session))
        if feed.kind is FeedKind.BOOKS:
            return call(session, "GET /indus/home/tbtws", lambda answer: _books_address(session, answer))
        return FeedAddress("/hsm/v1-5/prod")

    def open_feed(self, session: Session, feed: FeedSpec) -> FeedSession:
        if feed.kind is FeedKind.BOOKS:
            return BookFeed()
        return OrderFeed() if feed.kind is FeedKind.ORDERS else MarketFeed(session)

    # Market data ------------------------------------------------------------------------------------------------

    def quotes(self, session: Session, instruments: Sequence[Instrument]) -> Call[tuple[Quote, ...]]:
        """A symbol that Fyers cannot quote is answered with a quote that knows nothing."""
        symbols = percent(",".join(i.broker_symbol for i in instruments))

        def give(answer: Record) -> tuple[Quote, ...]:
            rows = [row for row in answer.records("d") if row.raw("s") == "ok"]
            found = {row.text("n"): row.record("v") for row in rows}
            pairs = ((i, found.get(i.broker_symbol, Record({}, NAME))) for i in instruments)
            return tuple(quote_of(i, row, _FIELDS, row.moment("tt")) for i, row in pairs)

        return call(session, f"GET /data/quotes?symbols={symbols}", give)

    def depth(self, session: Session, instrument: Instrument) -> Call[Depth]:
        query = form_text({"symbol": instrument.broker_symbol, "ohlcv_flag": 1})

        def give(answer: Record) -> Depth:
            row = answer.record("d").record(instrument.broker_symbol)
            bids, asks = (levels(row.records(side), "price", "volume", "ord") for side in ("bids", "ask"))
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

        return call(session, f"GET /data/history?{form_text(query)}", give)

    def instrument_files(self, session: Session) -> tuple[Call[tuple[Instrument, ...]], ...]:
        del session
        return tuple(
            Call(HttpRequest("GET", f"/sym_details/{name}_sym_master.json", host="files"), partial(_master, name))
            for name in tables.FILES
        )


def _who(session: Session) -> tuple[tuple[str, str], ...]:
    return (("authorization", f"{session.extra['app_id']}:{session.token}"),)


def _books_address(session: Session, answer: Record) -> FeedAddress:
    """What Fyers says, else the address that its own library falls back to (the feed's)."""
    said = answer.record("data").text("socket_url", "") if "data" in answer else ""
    return FeedAddress(said if said.startswith(("wss://", "ws://")) else "", _who(session))


def _stated(body: bytes) -> tuple[int, str] | None:
    """Code and text of a failure; None for a success or a page that is not Fyers' own."""
    if len(body) > _LONGEST_REFUSAL:
        return None
    try:
        row = Record(parsed(body, NAME), NAME)
        if row.raw("s") != "error":
            return None
        return row.whole("code", 0), row.text("message", "")[:300] or "it gave no reason"
    except DecodeError:
        return None


def _wait_s(response: HttpResponse) -> float:
    """The milliseconds of one header, else the seconds of the other, else one second."""
    for name, scale in (("x-retry-after-ms", 1000.0), ("retry-after", 1.0)):
        text = next((value for key, value in response.headers if key == name), "")
        if text.isascii() and text.isdigit():
            return min(int(text) / scale, _LONGEST_WAIT_S)
    return 1.0


def _bar(row: Any, *, daily: bool) -> shapes.Bar:
    """Day candles are stamped with the date's midnight in London; the day begins at midnight in India."""
    start, first, high, low, close, volume, *oi = numbers(row, NAME, 6, 7)
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
    return each_once(
        table.values(), _instrument, f"{NAME} ({name})", prefer=lambda row: str(row["symTicker"]).endswith("-EQ")
    )


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
        lot=row.count("qtyMultiplier" if place in tables.LOTS_ON else "minLotSize"), expiry=expiry, strike=strike,
        name=row.text("symDetails", ""), freeze=row.count("qtyFreeze", 0),
    )  # fmt: skip


def _index(ticker: str, name: str, place: Exchange) -> str:
    """Canonical name; a bare one of BSE's (`AUTO`, `100`) gets its exchange in front."""
    if ticker in tables.INDEX_SYMBOLS:
        return tables.INDEX_SYMBOLS[ticker]
    plain = re.sub(r"[\s-]", "", name).upper()
    bare = place is Exchange.BSE and not plain.startswith(("BSE", "SENSEX", "BANKEX", "SNSX"))
    return f"BSE{plain}" if bare else plain
