"""SmartAPI as pure functions: login, errors, market data, instruments, feeds."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeVar

from brokers.angel import tables
from brokers.angel.feed import BookFeed, MarketFeed, OrderFeed
from brokers.angel.orders import SECURE, OrderCalls, call, home
from brokers.angel.tables import NAME
from openalgo_lab.broker import Call, FeedAddress, FeedKind, FeedSession, FeedSpec, HttpRequest, HttpResponse
from openalgo_lab.broker import columns as shapes
from openalgo_lab.broker.asking import Lane, given, refused
from openalgo_lab.broker.listing import each_once, listed
from openalgo_lab.broker.reading import moment, number, read, whole
from openalgo_lab.broker.record import Record, book_of, numbers, parsed, quote_of
from openalgo_lab.broker.spec import LoginFlow, Session
from openalgo_lab.model.errors import DecodeError, InputError, LabError
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.market import Bars, Depth, Quote
from openalgo_lab.model.portfolio import Profile
from openalgo_lab.model.symbols import parse_expiry
from openalgo_lab.model.times import format_ist
from openalgo_lab.model.vocabulary import InstrumentType

__all__ = ["AngelCodec"]

V = TypeVar("V")
_LOGIN: Final = "/rest/auth/angelbroking/user/v1/loginByPassword"
_LONGEST_REFUSAL: Final = 4_000
_NO: Final = (False, "false", "False", "FALSE")
_FILE: Final = "/OpenAPI_File/files/OpenAPIScripMaster.json"
_FIELDS: Final = {
    "ltp": "ltp", "open": "open", "high": "high", "low": "low", "prev_close": "close", "average": "avgPrice",
    "volume": "tradeVolume", "oi": "opnInterest", "ltq": "lastTradeQty",
}  # fmt: skip
_SERIES: Final = re.compile(r"-(EQ|BE|MF|SG)$")
_ASSUMED_TICK: Final = 0.05
"""Of indices, which have none in the file."""


class AngelCodec(OrderCalls):
    """Implements `openalgo_lab.broker.Codec`. A session holds the API key, the feed's token and the address that is
    registered for orders beside its own token."""

    broker_name = NAME

    def login(self, credentials: Mapping[str, str]) -> LoginFlow:
        code, pin, totp = (given(credentials, name, NAME) for name in ("client_code", "pin", "totp"))
        extra = {name: given(credentials, name, NAME) for name in ("api_key", "public_ip")}

        def give(data: Any) -> Session:
            row = Record(data, NAME)
            return Session(code, row.text("jwtToken").removeprefix("Bearer "), {**extra, "feed": row.text("feedToken")})

        body = {"clientcode": code, "password": pin, "totp": totp}
        made: Session = yield call(Session(code, "", extra), f"POST {_LOGIN}", give, body, lane=Lane.ORDER)
        return made

    def logout(self, session: Session) -> Call[None]:
        body = {"clientcode": session.client}
        return call(session, f"POST {SECURE}/user/v1/logout", _nothing, body, pool="login")

    def profile(self, session: Session) -> Call[Profile]:
        """Lists may come as text that holds a list; what is none of ours (mutual funds ...) is left out."""

        def give(data: Any) -> Profile:
            row = Record(data, NAME)
            exchanges = _known(tables.PROFILE_EXCHANGES, row.raw("exchanges"))
            products = _known(tables.PRODUCTS, row.raw("products"))
            return Profile(row.text("clientcode"), row.text("name", "").strip(), exchanges, products)

        return call(session, f"GET {SECURE}/user/v1/getProfile", give, pool="profile")

    def refusal(self, response: HttpResponse) -> LabError | None:
        if len(response.body) > _LONGEST_REFUSAL:
            return None
        if response.status == 403 and b"access rate" in response.body:
            return refused(NAME, 403, "too many requests", again=(), many=(403,))
        code, text = _stated(response.body)
        if not text and response.status not in (401, 403):
            return None
        again = tables.LOGIN_AGAIN if code else ("",)  # without a code it is the gateway's no
        return refused(NAME, code, text, again=again, unsure=tables.UNCERTAIN)

    def feed_address(self, session: Session, feed: FeedSpec) -> FeedAddress:
        shared = (
            ("x-api-key", session.extra["api_key"]), ("x-client-code", session.client),
            ("x-feed-token", session.extra["feed"]),
        )  # fmt: skip
        if feed.kind is FeedKind.ORDERS:
            return FeedAddress("/smart-order-update", (("authorization", f"Bearer {session.token}"), *shared))
        return FeedAddress("/smart-stream", (("authorization", session.token), *shared))

    def open_feed(self, session: Session, feed: FeedSpec) -> FeedSession:
        match feed.kind:
            case FeedKind.ORDERS:
                return OrderFeed()
            case FeedKind.BOOKS:
                return BookFeed()
        return MarketFeed()

    # Market data ------------------------------------------------------------------------------------------------

    def quotes(self, session: Session, instruments: Sequence[Instrument]) -> Call[tuple[Quote, ...]]:
        """An instrument that Angel One could not fetch is answered with a quote that knows nothing."""

        def give(data: Any) -> tuple[Quote, ...]:
            found = _fetched(data)
            rows = ((i, found.get((home(i), i.broker_token), Record({}, NAME))) for i in instruments)
            return tuple(quote_of(i, row, _FIELDS, row.moment("exchFeedTime"), book_of(row)) for i, row in rows)

        return call(session, f"POST {SECURE}/market/v1/quote/", give, _asked(instruments), pool="quote")

    def depth(self, session: Session, instrument: Instrument) -> Call[Depth]:
        def give(data: Any) -> Depth:
            row = _fetched(data).get((home(instrument), instrument.broker_token), Record({}, NAME))
            return shapes.depth_of(instrument, *book_of(row), row.moment("exchFeedTime"))

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


def _known(table: Mapping[str, V], value: Any) -> tuple[V, ...]:
    found = value if isinstance(value, list) else str(value or "").strip("[]").split(",")
    plain = (str(word).strip(" \"'") for word in found)
    return tuple(dict.fromkeys(table[word] for word in plain if word in table))


def _stated(body: bytes) -> tuple[str, str]:
    """Code and text of a failure, in the envelope's spelling or the gateway's; empty for a success."""
    try:
        row = Record(parsed(body, NAME), NAME)
        if not any(row.raw(name) in _NO and row.raw(name) is not None for name in ("status", "success")):
            return "", ""
        code = row.text("errorcode", "") or row.text("errorCode", "")
        return code, row.text("message", "")[:300] or "it gave no reason"
    except DecodeError:
        return "", ""


def _nothing(data: Any) -> None:
    del data


def _asked(instruments: Sequence[Instrument]) -> dict[str, Any]:
    tokens: dict[str, list[str]] = {}
    for instrument in instruments:
        tokens.setdefault(home(instrument), []).append(instrument.broker_token)
    return {"mode": "FULL", "exchangeTokens": tokens}


def _fetched(data: Any) -> dict[tuple[str, str], Record]:
    rows = Record(data, NAME).records("fetched")
    return {(row.text("exchange"), row.text("symbolToken")): row for row in rows}


def _bar(row: Any) -> shapes.Bar:
    if not isinstance(row, list) or not row or not isinstance(row[0], str):
        raise DecodeError(f"A candle of {NAME} does not fit.")
    first, high, low, close, volume = numbers(row[1:], NAME, 5)
    return moment(row[0]), first, high, low, close, volume, math.nan


# Instruments --------------------------------------------------------------------------------------------------------


def _master(response: HttpResponse) -> tuple[Instrument, ...]:
    """The whole file, whose values are all text. Several series may share a symbol: EQ goes before the others."""
    rows: list[dict[str, str]] = read(response.body, list[dict[str, str]], NAME)
    return each_once(rows, _instrument, NAME, prefer=lambda row: row["symbol"].endswith("-EQ"))


def _instrument(row: Mapping[str, str]) -> Instrument | None:
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
