"""Upstox's API (v2 and v3) as pure functions over values. Rows: `reports`, words: `tables`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any, Final, TypeVar
from urllib.parse import quote as percent
from urllib.parse import urlencode

import msgspec

from brokers.upstox import reports, tables
from brokers.upstox.feed import BookFeed, MarketFeed, PortfolioFeed
from brokers.upstox.instruments import master
from brokers.upstox.reports import BROKER, ROWS
from openalgo_lab.broker import (
    Call,
    FeedAddress,
    FeedKind,
    FeedSession,
    FeedSpec,
    HttpRequest,
    HttpResponse,
    Lane,
    LoginFlow,
    OrderChange,
    PlainCodec,
    Session,
)
from openalgo_lab.broker.asking import given
from openalgo_lab.broker.candles import iso_candles
from openalgo_lab.broker.columns import quote
from openalgo_lab.broker.enveloped import full_depth, full_quote, paise
from openalgo_lab.broker.reading import to_word
from openalgo_lab.broker.receipt import accepted
from openalgo_lab.broker.record import Record
from openalgo_lab.model.errors import (
    DecodeError,
    InputError,
    LabError,
    NotSupported,
    Rejected,
    SessionExpired,
    Throttled,
)
from openalgo_lab.model.gtt import GttIntent, GttKind, GttReport
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.market import Bars, Depth, Quote
from openalgo_lab.model.orders import Order, OrderIntent
from openalgo_lab.model.portfolio import Funds, Holding, Profile
from openalgo_lab.model.reports import FillReport, OrderReport, PositionReport
from openalgo_lab.model.times import from_ns
from openalgo_lab.model.vocabulary import Exchange, PriceType

__all__ = ["UpstoxCodec"]

T = TypeVar("T")

_FORM: Final = ("Content-Type", "application/x-www-form-urlencoded")
_JSON: Final = ("Content-Type", "application/json")
_ACCEPT: Final = ("Accept", "application/json")
_MOST_IN_MARGIN: Final = 20


class UpstoxCodec(PlainCodec):
    """Implements `openalgo_lab.broker.Codec`."""

    broker_name = BROKER

    # Session ---------------------------------------------------------------------------------------------------

    def login_url(self, credentials: Mapping[str, str], redirect_uri: str, state: str) -> str:
        client = given(credentials, "api_key", BROKER)
        address = credentials.get("redirect_uri") or redirect_uri  # the one that the exchange of the code will name
        query = {"response_type": "code", "client_id": client, "redirect_uri": address, "state": state}
        return f"https://api.upstox.com/v2/login/authorization/dialog?{urlencode(query)}"

    def login(self, credentials: Mapping[str, str]) -> LoginFlow:
        """The answer is the one that is not wrapped."""
        form = {
            "client_id": given(credentials, "api_key", BROKER),
            "client_secret": given(credentials, "api_secret", BROKER),
            "redirect_uri": given(credentials, "redirect_uri", BROKER),
            "code": given(credentials, "code", BROKER),
            "grant_type": "authorization_code",
        }
        body, path = urlencode(form).encode(), "/v2/login/authorization/token"
        found = yield Call(HttpRequest("POST", path, (_ACCEPT, _FORM), body, safe=False), ROWS.whole)
        return Session(found.text("user_id"), found.text("access_token"))

    def logout(self, session: Session) -> Call[None] | None:
        return _ask(session, "/v2/logout", ROWS.done, method="DELETE")

    def refusal(self, response: HttpResponse) -> LabError | None:
        """A fault of the servers is no refusal: what it leaves open depends on what was asked."""
        if not 400 <= response.status < 500:
            return None
        error = (ROWS.whole(response).records("errors") or [Record({}, BROKER)])[0]
        code = error.text("errorCode", "") or error.text("error_code")
        text = f"{BROKER}: {error.text('message', '') or code}"
        if response.status == 429:
            return Throttled(text)
        return SessionExpired(text) if code == "UDAPI100050" else Rejected(text)

    def profile(self, session: Session) -> Call[Profile]:
        def decode(answer: HttpResponse) -> Profile:
            row = ROWS.one(answer)
            exchanges = row.known(tables.EXCHANGES, "exchanges")
            products = row.known(tables.CASH, "products") + row.known(tables.DERIVATIVES, "products")
            return Profile(row.text("user_id"), row.text("user_name", ""), exchanges, tuple(dict.fromkeys(products)))

        return _ask(session, "/v2/user/profile", decode)

    # Orders ----------------------------------------------------------------------------------------------------

    def place(self, session: Session, intent: OrderIntent, instrument: Instrument) -> Call[OrderReport]:
        body = {
            "instrument_token": instrument.broker_symbol,
            **_what(instrument, intent),
            **_terms(intent),
            "validity": to_word(tables.VALIDITIES, intent.validity, "validity", BROKER),
            "disclosed_quantity": intent.disclosed_quantity,
            "tag": intent.order_id,
            "is_amo": False,
            "slice": False,
        }

        return _order(
            session, "POST /v3/order/place", body, lambda answer: accepted(intent, _only(answer, "order_ids")), "hft"
        )

    def modify(self, session: Session, order: Order, change: OrderChange, instrument: Instrument) -> Call[None]:
        del instrument
        body = {
            **_terms(change),
            "order_id": order.broker_order_id,
            "validity": to_word(tables.VALIDITIES, order.validity, "validity", BROKER),
        }
        return _order(session, "PUT /v3/order/modify", body, ROWS.done, "hft")

    def cancel(self, session: Session, order: Order) -> Call[None]:
        path = f"/v3/order/cancel?{urlencode({'order_id': order.broker_order_id})}"
        return _order(session, f"DELETE {path}", None, ROWS.done, "hft")

    def order(self, session: Session, order: Order) -> Call[OrderReport] | None:
        path = f"/v2/order/details?{urlencode({'order_id': order.broker_order_id})}"
        return _ask(session, path, lambda answer: ROWS.booked(ROWS.one(answer)))

    def order_book(self, session: Session) -> Call[tuple[OrderReport, ...]]:
        return _ask(session, "/v2/order/retrieve-all", ROWS.each(ROWS.booked))

    def trade_book(self, session: Session) -> Call[tuple[FillReport, ...]]:
        return _ask(session, "/v2/order/trades/get-trades-for-day", ROWS.each(ROWS.fill))

    # Portfolio -------------------------------------------------------------------------------------------------

    def positions(self, session: Session) -> Call[tuple[PositionReport, ...]]:
        return _ask(session, "/v2/portfolio/short-term-positions", ROWS.each(reports.position))

    def holdings(self, session: Session, account: str) -> Call[tuple[Holding, ...]]:
        return _ask(session, "/v2/portfolio/long-term-holdings", ROWS.each(lambda row: reports.holding(row, account)))

    def funds(self, session: Session, account: str) -> Call[Funds]:
        def decode(answer: HttpResponse) -> Funds:
            there = ROWS.one(answer).record("available_to_trade")
            cash, pledge = there.record("cash_available_to_trade"), there.record("pledge_available_to_trade")
            of_cash, of_pledge = (part.record("margin_used").number("total") for part in (cash, pledge))
            return Funds(
                account,
                available_paise=paise(cash.number("total")),
                used_paise=paise(of_cash + of_pledge),
                collateral_paise=paise(pledge.record("margin_from_pledge").number("total") - of_pledge),
            )

        return _ask(session, "/v3/user/get-funds-and-margin", decode)

    def margin(self, session: Session, legs: Sequence[tuple[OrderIntent, Instrument]]) -> Call[int]:
        """With the benefit of hedges."""
        if len(legs) > _MOST_IN_MARGIN:
            raise InputError(f"{BROKER} counts the margin of {_MOST_IN_MARGIN} legs at most; ask for fewer.", "legs")
        rows = [
            {
                "instrument_key": instrument.broker_symbol,
                "quantity": wanted.quantity,
                **_what(instrument, wanted),
                "price": wanted.price if wanted.price_type.has_price else 0,
            }
            for wanted, instrument in legs
        ]
        body = msgspec.json.encode({"instruments": rows})
        request = HttpRequest("POST", "/v2/charges/margin", (*_auth(session), _JSON), body)
        return Call(request, lambda answer: paise(ROWS.one(answer).number("final_margin")))

    # Market ----------------------------------------------------------------------------------------------------

    def quotes(self, session: Session, instruments: Sequence[Instrument]) -> Call[tuple[Quote, ...]]:
        """What Upstox leaves out is NaN throughout."""

        def decode(answer: HttpResponse) -> tuple[Quote, ...]:
            found = _by_key(answer)
            return tuple(_shown(i, found.get(i.broker_symbol)) for i in instruments)

        return _ask(session, _quote_path(instruments), decode)

    def depth(self, session: Session, instrument: Instrument) -> Call[Depth]:
        def decode(answer: HttpResponse) -> Depth:
            return full_depth(instrument, _by_key(answer).get(instrument.broker_symbol, Record({}, BROKER)))

        return _ask(session, _quote_path([instrument]), decode)

    def history(
        self, session: Session, instrument: Instrument, interval: str, start_ns: int, end_ns: int
    ) -> Call[Bars]:
        """Today's candles come by a path of their own; the layer cuts its pages at today's midnight."""
        if interval not in tables.INTERVALS:
            raise InputError(f"{BROKER} has no {interval} candles; use {', '.join(tables.INTERVALS)}.", "interval")
        key, unit = percent(instrument.broker_symbol, safe=""), tables.INTERVALS[interval]
        first, last = (from_ns(ns).date() for ns in (start_ns, end_ns - 1))
        if first == _today(session) and interval not in ("W", "M"):
            path = f"/v3/historical-candle/intraday/{key}/{unit}"
        else:
            path = f"/v3/historical-candle/{key}/{unit}/{last}/{first}"
        return _ask(session, path, lambda answer: iso_candles(answer.body, start_ns, end_ns, BROKER))

    def instrument_files(self, session: Session) -> tuple[Call[tuple[Instrument, ...]], ...]:
        del session
        path = "/market-quote/instruments/exchange/complete.json.gz"
        return (Call(HttpRequest("GET", path, host="assets"), _master),)

    # GTT -------------------------------------------------------------------------------------------------------

    def place_gtt(self, session: Session, gtt: GttIntent, instrument: Instrument) -> Call[str]:
        body = {"instrument_token": instrument.broker_symbol, **_what(instrument, gtt), **_rules(gtt)}
        return _order(session, "POST /v3/order/gtt/place", body, lambda answer: _only(answer, "gtt_order_ids"))

    def modify_gtt(self, session: Session, gtt_id: str, gtt: GttIntent, instrument: Instrument) -> Call[None]:
        del instrument
        return _order(session, "PUT /v3/order/gtt/modify", {"gtt_order_id": gtt_id, **_rules(gtt)}, ROWS.done)

    def cancel_gtt(self, session: Session, gtt_id: str) -> Call[None]:
        return _order(session, "DELETE /v3/order/gtt/cancel", {"gtt_order_id": gtt_id}, ROWS.done)

    def gtt_book(self, session: Session) -> Call[tuple[GttReport, ...]]:
        return _ask(session, "/v3/order/gtt", ROWS.each(reports.gtt))

    # Feed ------------------------------------------------------------------------------------------------------

    def feed_address(self, session: Session, feed: FeedSpec) -> Call[FeedAddress]:
        """The address is good for one connection."""
        market = feed.kind is not FeedKind.ORDERS
        path = "/v3/feed/market-data-feed" if market else "/v2/feed/portfolio-stream-feed"

        def decode(answer: HttpResponse) -> FeedAddress:
            url = ROWS.one(answer).text("authorized_redirect_uri")
            if not url.startswith(("wss://", "ws://127.0.0.1:")):  # without TLS a simulator's only
                raise DecodeError(f"{BROKER} gave an address for its feed that is none.")
            return FeedAddress(url)

        return _ask(session, f"{path}/authorize" + ("" if market else "?update_types=order"), decode)

    def open_feed(self, session: Session, feed: FeedSpec) -> FeedSession:
        del session
        if feed.kind is FeedKind.BOOKS:
            return BookFeed()
        return MarketFeed() if feed.kind is FeedKind.MARKET else PortfolioFeed()


# Requests -----------------------------------------------------------------------------------------------------------


def _auth(session: Session) -> tuple[tuple[str, str], ...]:
    return (("Authorization", f"Bearer {session.token}"), _ACCEPT)


def _ask(session: Session, path: str, decode: Callable[[HttpResponse], T], *, method: str = "GET") -> Call[T]:
    return Call(HttpRequest(method, path, _auth(session)), decode)


def _order(session: Session, target: str, body: Any, decode: Callable[[HttpResponse], T], host: str = "") -> Call[T]:
    """``target`` is method and path; ``body`` None for none."""
    method, path = target.split(" ")
    content, kind = (b"", ()) if body is None else (msgspec.json.encode(body), (_JSON,))
    return Call(HttpRequest(method, path, (*_auth(session), *kind), content, Lane.ORDER, safe=False, host=host), decode)


def _what(instrument: Instrument, wanted: OrderIntent | GttIntent) -> dict[str, Any]:
    table = tables.CASH if instrument.exchange in (Exchange.NSE, Exchange.BSE) else tables.DERIVATIVES
    side = to_word(tables.SIDES, wanted.side, "side", BROKER)
    return {"product": to_word(table, wanted.product, "product", BROKER), "transaction_type": side}


def _terms(terms: OrderIntent | OrderChange) -> dict[str, Any]:
    """Quantity, type and prices; market orders carry the automatic protection without which they are refused."""
    kind = terms.price_type
    found = {
        "quantity": terms.quantity,
        "order_type": to_word(tables.PRICE_TYPES, kind, "price type", BROKER),
        "price": terms.price if kind.has_price else 0,
        "trigger_price": terms.trigger_price if kind.has_trigger else 0,
    }
    return found if kind.has_price else {**found, "market_protection": -1}


def _rules(gtt: GttIntent) -> dict[str, Any]:
    """A single entry rule: Upstox has no price of its own for it, and pairs only as exits of an entry."""
    leg = gtt.legs[0]
    if gtt.kind is not GttKind.SINGLE:
        raise NotSupported(f"{BROKER} pairs a stop and a target only with an entry; place two single GTTs.", "legs")
    if leg.price_type is not PriceType.LIMIT or leg.price != leg.trigger_price:
        raise InputError(f"A GTT of {BROKER} places a limit order at its trigger price; give that price.", "price")
    direction = "ABOVE" if leg.trigger_price > gtt.last_price else "BELOW"
    rule = {"strategy": "ENTRY", "trigger_type": direction, "trigger_price": leg.trigger_price}
    return {"type": "SINGLE", "quantity": leg.quantity, "rules": [rule]}


def _quote_path(instruments: Sequence[Instrument]) -> str:
    keys = ",".join(percent(instrument.broker_symbol, safe="") for instrument in instruments)
    return f"/v2/market-quote/quotes?instrument_key={keys}"


def _today(session: Session) -> object:
    """The day of a session, by its end at half past three the next morning; None where that is not known."""
    return (from_ns(session.expires_ns) - timedelta(hours=4)).date() if session.expires_ns else None


# Answers ------------------------------------------------------------------------------------------------------------


def _by_key(answer: HttpResponse) -> dict[str, Record]:
    """Quotes by instrument key: the outer names are others than were asked for."""
    found = ROWS.whole(answer).raw("data")
    rows = [Record(row, BROKER) for row in found.values()] if isinstance(found, dict) else []
    return {row.text("instrument_token"): row for row in rows}


def _shown(instrument: Instrument, row: Record | None) -> Quote:
    """The previous close is told by the change, not by the close of the day's bar."""
    if row is None:
        return quote(instrument, {}, 0)
    close = round(row.number("last_price") - row.number("net_change"), 4) if "net_change" in row else 0.0
    return full_quote(instrument, row, close, {"volume": "volume", "oi": "oi"})


def _only(answer: HttpResponse, name: str) -> str:
    """The one id of a list of ids."""
    ids = ROWS.one(answer).items(name)
    if len(ids) != 1 or not isinstance(ids[0], str):
        raise DecodeError(f"{BROKER} answered one order with other than one id.")
    return ids[0]


def _master(answer: HttpResponse) -> tuple[Instrument, ...]:
    return master(answer.body)
