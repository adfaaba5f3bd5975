"""Kite Connect v3 as pure functions over values: forms go out, JSON comes back. Rows: `reports`, words: `tables`."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeVar
from urllib.parse import quote as percent

import msgspec

from brokers.zerodha import reports, tables
from brokers.zerodha.feed import KiteFeed
from brokers.zerodha.instruments import master
from brokers.zerodha.reports import BROKER, ROWS
from openalgo_lab.broker import (
    Call,
    FeedAddress,
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
from openalgo_lab.broker.forms import form_text
from openalgo_lab.broker.reading import to_word
from openalgo_lab.broker.receipt import accepted
from openalgo_lab.broker.record import Record
from openalgo_lab.model.errors import InputError, LabError, Rejected, SessionExpired, Throttled
from openalgo_lab.model.gtt import GttIntent, GttReport
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.market import Bars, Depth, Quote
from openalgo_lab.model.orders import Order, OrderIntent
from openalgo_lab.model.portfolio import Funds, Holding, Profile
from openalgo_lab.model.reports import FillReport, OrderReport, PositionReport
from openalgo_lab.model.times import NS_PER_SECOND, from_ns
from openalgo_lab.model.vocabulary import PriceType

__all__ = ["ZerodhaCodec"]

T = TypeVar("T")

_LOGIN_PAGE: Final = "https://kite.zerodha.com/connect/login"
_VERSION: Final = ("X-Kite-Version", "3")
_FORM: Final = ("Content-Type", "application/x-www-form-urlencoded")
_JSON: Final = ("Content-Type", "application/json")


class ZerodhaCodec(PlainCodec):
    """Implements `openalgo_lab.broker.Codec`. All orders are of the variety "regular"."""

    broker_name = BROKER

    # Session ---------------------------------------------------------------------------------------------------

    def login_url(self, credentials: Mapping[str, str], redirect_uri: str, state: str) -> str:
        """Kite's page knows its redirect address from the app's registration; ``state`` comes back as a parameter."""
        del redirect_uri
        query = {
            "v": "3",
            "api_key": given(credentials, "api_key", BROKER),
            "redirect_params": form_text({"state": state}),
        }
        return f"{_LOGIN_PAGE}?{form_text(query)}"

    def login(self, credentials: Mapping[str, str]) -> LoginFlow:
        key, secret, code = (given(credentials, name, BROKER) for name in ("api_key", "api_secret", "request_token"))
        checksum = hashlib.sha256(f"{key}{code}{secret}".encode()).hexdigest()
        form = form_text({"api_key": key, "request_token": code, "checksum": checksum}).encode()
        found = yield Call(HttpRequest("POST", "/session/token", (_VERSION, _FORM), form, safe=False), ROWS.one)
        return Session(found.text("user_id"), found.text("access_token"), {"api_key": key})

    def logout(self, session: Session) -> Call[None] | None:
        query = form_text({"api_key": session.extra["api_key"], "access_token": session.token})
        return _ask(session, f"/session/token?{query}", ROWS.done, method="DELETE")

    def refusal(self, response: HttpResponse) -> LabError | None:
        """A fault of the servers is no refusal: what it leaves open depends on what was asked."""
        if not 400 <= response.status < 500:
            return None
        error = ROWS.whole(response)
        kind = error.text("error_type")
        text = error.text("message", "") or kind
        if response.status == 429:
            return Throttled(f"{BROKER} asks for fewer requests: {text}")
        return SessionExpired(f"{BROKER}: {text}") if kind == "TokenException" else Rejected(f"{BROKER}: {text}")

    def profile(self, session: Session) -> Call[Profile]:
        def decode(answer: HttpResponse) -> Profile:
            row = ROWS.one(answer)
            exchanges, products = row.known(tables.EXCHANGES, "exchanges"), row.known(tables.PRODUCTS, "products")
            return Profile(row.text("user_id"), row.text("user_name", ""), exchanges, products)

        return _ask(session, "/user/profile", decode)

    # Orders ----------------------------------------------------------------------------------------------------

    def place(self, session: Session, intent: OrderIntent, instrument: Instrument) -> Call[OrderReport]:
        form = {
            **_what(instrument, intent),
            **_terms(intent),
            "validity": to_word(tables.VALIDITIES, intent.validity, "validity", BROKER),
            "disclosed_quantity": intent.disclosed_quantity,
            "tag": intent.order_id,
        }
        return _order(
            session, "POST", "/orders/regular", form, lambda answer: accepted(intent, ROWS.one(answer).text("order_id"))
        )

    def modify(self, session: Session, order: Order, change: OrderChange, instrument: Instrument) -> Call[None]:
        del instrument
        form = {**_terms(change), "validity": to_word(tables.VALIDITIES, order.validity, "validity", BROKER)}
        return _order(session, "PUT", f"/orders/regular/{order.broker_order_id}", form, ROWS.done)

    def cancel(self, session: Session, order: Order) -> Call[None]:
        return _order(session, "DELETE", f"/orders/regular/{order.broker_order_id}", {}, ROWS.done)

    def order(self, session: Session, order: Order) -> Call[OrderReport] | None:
        def decode(answer: HttpResponse) -> OrderReport:
            return ROWS.booked((ROWS.many(answer) or [Record({}, BROKER)])[-1])

        return _ask(session, f"/orders/{order.broker_order_id}", decode)

    def order_book(self, session: Session) -> Call[tuple[OrderReport, ...]]:
        return _ask(session, "/orders", ROWS.each(ROWS.booked))

    def trade_book(self, session: Session) -> Call[tuple[FillReport, ...]]:
        return _ask(session, "/trades", ROWS.each(ROWS.fill))

    # Portfolio -------------------------------------------------------------------------------------------------

    def positions(self, session: Session) -> Call[tuple[PositionReport, ...]]:
        return _ask(
            session,
            "/portfolio/positions",
            lambda answer: tuple(map(reports.position, ROWS.one(answer).records("net"))),
        )

    def holdings(self, session: Session, account: str) -> Call[tuple[Holding, ...]]:
        return _ask(session, "/portfolio/holdings", ROWS.each(lambda row: reports.holding(row, account)))

    def funds(self, session: Session, account: str) -> Call[Funds]:
        """Both segments together, as far as they are on."""

        def decode(answer: HttpResponse) -> Funds:
            found = ROWS.one(answer)
            on = [found.record(name) for name in ("equity", "commodity") if name in found]
            on = [row for row in on if row.raw("enabled") is True]
            used = [row.record("utilised") for row in on]
            return Funds(
                account,
                available_paise=paise(sum(row.number("net") for row in on)),
                used_paise=paise(sum(row.number("debits") for row in used)),
                collateral_paise=paise(sum(row.record("available").number("collateral") for row in on)),
                realised_paise=paise(sum(row.number("m2m_realised") for row in used)),
                unrealised_paise=paise(sum(row.number("m2m_unrealised") for row in used)),
            )

        return _ask(session, "/user/margins", decode)

    def margin(self, session: Session, legs: Sequence[tuple[OrderIntent, Instrument]]) -> Call[int]:
        """By Kite's basket calculator: what the legs need together, beside what is held already."""
        orders = [{"variety": "regular", "price": 0, **_what(i, wanted), **_terms(wanted)} for wanted, i in legs]
        path = "/margins/basket?consider_positions=true&mode=compact"
        request = HttpRequest("POST", path, (*_auth(session), _JSON), msgspec.json.encode(orders))
        return Call(request, lambda answer: paise(ROWS.one(answer).record("final").number("total")))

    # Market ----------------------------------------------------------------------------------------------------

    def quotes(self, session: Session, instruments: Sequence[Instrument]) -> Call[tuple[Quote, ...]]:
        """Kite leaves out what it does not know: such an instrument's quote is NaN throughout."""

        def decode(answer: HttpResponse) -> tuple[Quote, ...]:
            found = ROWS.one(answer)
            return tuple(_shown(i, found.record(_key(i))) if _key(i) in found else quote(i, {}, 0) for i in instruments)

        return _ask(session, _quote_path(instruments), decode, pool="quote")

    def depth(self, session: Session, instrument: Instrument) -> Call[Depth]:
        def decode(answer: HttpResponse) -> Depth:
            return full_depth(instrument, ROWS.one(answer).record(_key(instrument)))

        return _ask(session, _quote_path([instrument]), decode, pool="quote")

    def history(
        self, session: Session, instrument: Instrument, interval: str, start_ns: int, end_ns: int
    ) -> Call[Bars]:
        """Kite's end is the last second that belongs to the span."""
        if interval not in tables.INTERVALS:
            raise InputError(f"{BROKER} has no {interval} candles; use {', '.join(tables.INTERVALS)}.", "interval")
        first, last = -(-start_ns // NS_PER_SECOND), -(-end_ns // NS_PER_SECOND) - 1
        query = form_text({"from": _clock(first), "to": _clock(last), "continuous": 0, "oi": 1})
        path = f"/instruments/historical/{instrument.token}/{tables.INTERVALS[interval]}?{query}"
        return _ask(session, path, lambda answer: iso_candles(answer.body, start_ns, end_ns, BROKER), pool="history")

    def instrument_files(self, session: Session) -> tuple[Call[tuple[Instrument, ...]], ...]:
        return (_ask(session, "/instruments", _master),)

    # GTT -------------------------------------------------------------------------------------------------------

    def place_gtt(self, session: Session, gtt: GttIntent, instrument: Instrument) -> Call[str]:
        form = _gtt_form(gtt, instrument)
        return _order(session, "POST", "/gtt/triggers", form, lambda answer: ROWS.one(answer).text("trigger_id"))

    def modify_gtt(self, session: Session, gtt_id: str, gtt: GttIntent, instrument: Instrument) -> Call[None]:
        return _order(session, "PUT", f"/gtt/triggers/{gtt_id}", _gtt_form(gtt, instrument), ROWS.done)

    def cancel_gtt(self, session: Session, gtt_id: str) -> Call[None]:
        return _order(session, "DELETE", f"/gtt/triggers/{gtt_id}", {}, ROWS.done)

    def gtt_book(self, session: Session) -> Call[tuple[GttReport, ...]]:
        return _ask(session, "/gtt/triggers", ROWS.each(reports.gtt))

    # Feed ------------------------------------------------------------------------------------------------------

    def feed_address(self, session: Session, feed: FeedSpec) -> FeedAddress:
        del feed
        query = form_text({"api_key": session.extra["api_key"], "access_token": session.token})
        return FeedAddress(f"/?{query}", (_VERSION,))

    def open_feed(self, session: Session, feed: FeedSpec) -> KiteFeed:
        del session, feed
        return KiteFeed()


# Requests -----------------------------------------------------------------------------------------------------------


def _auth(session: Session) -> tuple[tuple[str, str], ...]:
    return (_VERSION, ("Authorization", f"token {session.extra['api_key']}:{session.token}"))


def _ask(
    session: Session, path: str, decode: Callable[[HttpResponse], T], *, method: str = "GET", pool: str = ""
) -> Call[T]:
    return Call(HttpRequest(method, path, _auth(session), pool=pool), decode)


def _order(
    session: Session, method: str, path: str, form: Mapping[str, Any], decode: Callable[[HttpResponse], T]
) -> Call[T]:
    body = form_text(form).encode()
    headers = (*_auth(session), _FORM) if body else _auth(session)
    return Call(HttpRequest(method, path, headers, body, Lane.ORDER, safe=False), decode)


def _what(instrument: Instrument, wanted: OrderIntent | GttIntent) -> dict[str, Any]:
    return {
        "exchange": to_word(tables.EXCHANGES, instrument.exchange, "exchange", BROKER),
        "tradingsymbol": instrument.broker_symbol,
        "transaction_type": to_word(tables.SIDES, wanted.side, "side", BROKER),
        "product": to_word(tables.PRODUCTS, wanted.product, "product", BROKER),
    }


def _terms(terms: OrderIntent | OrderChange) -> dict[str, Any]:
    """Quantity, type and prices; market orders carry the automatic protection without which they are refused."""
    kind = terms.price_type
    found = {"quantity": terms.quantity, "order_type": to_word(tables.PRICE_TYPES, kind, "price type", BROKER)}
    found |= {"price": terms.price} if kind.has_price else {"market_protection": -1}
    return found | ({"trigger_price": terms.trigger_price} if kind.has_trigger else {})


def _gtt_form(gtt: GttIntent, instrument: Instrument) -> dict[str, Any]:
    """Condition and orders are JSON within a form."""
    if any(leg.price_type is not PriceType.LIMIT for leg in gtt.legs):
        raise InputError(f"A GTT of {BROKER} places limit orders only; give a limit price.", "price_type")
    what = _what(instrument, gtt)
    condition = {
        "exchange": what["exchange"],
        "tradingsymbol": what["tradingsymbol"],
        "trigger_values": [leg.trigger_price for leg in gtt.legs],
        "last_price": gtt.last_price,
    }
    orders = [{**what, "quantity": leg.quantity, "order_type": "LIMIT", "price": leg.price} for leg in gtt.legs]
    kind = "two-leg" if len(gtt.legs) > 1 else "single"
    return {"type": kind, "condition": _json(condition), "orders": _json(orders)}


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _key(instrument: Instrument) -> str:
    return f"{instrument.exchange.removesuffix('_INDEX')}:{instrument.broker_symbol}"


def _quote_path(instruments: Sequence[Instrument]) -> str:
    return "/quote?" + "&".join(f"i={percent(_key(instrument))}" for instrument in instruments)


def _clock(second: int) -> str:
    return from_ns(second * NS_PER_SECOND).strftime("%Y-%m-%d %H:%M:%S")


# Answers ------------------------------------------------------------------------------------------------------------


def _shown(instrument: Instrument, row: Record) -> Quote:
    return full_quote(instrument, row, row.record("ohlc").number("close"), reports.SIZES)


def _master(answer: HttpResponse) -> tuple[Instrument, ...]:
    return master(answer.body)
