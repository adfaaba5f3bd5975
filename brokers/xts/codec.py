"""Symphony XTS as pure functions: an interactive and a market-data service, each with its own keys and token."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final, TypeVar
from urllib.parse import quote as percent
from urllib.parse import unquote, urlencode

import msgspec

from brokers.xts import tables
from brokers.xts.feed import MarketFeed, OrderFeed, asked, pictures
from brokers.xts.instruments import indices, master, number_of, segment_of
from brokers.xts.market import candles, json_tick, levels, quoted, tick_ns
from brokers.xts.rows import fill, funds, holding, position, report
from openalgo_lab.broker import Call, FeedAddress, FeedSpec, HttpRequest, HttpResponse, LoginFlow, PlainCodec, Session
from openalgo_lab.broker.adapter import OrderChange
from openalgo_lab.broker.asking import Lane, given, refused
from openalgo_lab.broker.columns import bars, depth_of, quote
from openalgo_lab.broker.reading import jwt_expiry_ns, to_word
from openalgo_lab.broker.receipt import accepted
from openalgo_lab.broker.record import Record, parsed
from openalgo_lab.broker.spec import FeedKind, FeedSession, FrameContent
from openalgo_lab.model.errors import BrokerError, DecodeError, InputError, LabError, NotSupported, Rejected, Throttled
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.market import Bars, Depth, Quote
from openalgo_lab.model.money import to_paise
from openalgo_lab.model.orders import Order, OrderIntent
from openalgo_lab.model.portfolio import Funds, Holding, Profile
from openalgo_lab.model.reports import Evidence, FillReport, OrderReport, PositionReport
from openalgo_lab.model.times import NS_PER_SECOND, from_ns
from openalgo_lab.model.vocabulary import Exchange, PriceType

__all__ = ["XtsCodec"]

T = TypeVar("T")
_EMPTY: Final = frozenset({400})
_EARLY: Final = frozenset({Exchange.MCX, Exchange.CDS, Exchange.BCD, Exchange.NCDEX})
"""Open at 09:00; the others at 09:15."""
_BY_LOTS: Final = _EARLY
"""Where it is not settled whether a server counts in lots or in units."""
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_DEALER: Final = {"/orders": "/orders/dealerorderbook", "/orders/trades": "/orders/dealertradebook"}


class XtsCodec(PlainCodec):
    """Implements `openalgo_lab.broker.Codec` for one member."""

    def __init__(self, member: tables.Member) -> None:
        self.member = member
        self.broker_name = member.name

    # Calls -----------------------------------------------------------------------------------------------------

    def _interactive(
        self, session: Session, method: str, path: str, decode: Callable[[Any], T], *, body: Any = None,
        query: Mapping[str, str] | None = None, order: bool = False, pool: str = "",
    ) -> Call[T]:  # fmt: skip
        """A call of the order side. A dealer names the client in every one."""
        asked_for = dict(query or {})
        if session.extra.get("dealer") and method == "GET":
            asked_for["clientID"] = session.client
        target = self.member.interactive + path + (f"?{urlencode(asked_for)}" if asked_for else "")
        return self._call(method, target, session.token, decode, body=body, order=order, pool=pool)

    def _market(
        self, session: Session, method: str, path: str, decode: Callable[[Any], T], body: Any = None
    ) -> Call[T]:
        return self._call(method, self.member.md + path, session.extra["market"], decode, body=body)

    def _call(
        self, method: str, target: str, token: str, decode: Callable[[Any], T], *, body: Any = None,
        order: bool = False, pool: str = "",
    ) -> Call[T]:  # fmt: skip
        headers = (("authorization", token), ("content-type", "application/json"))
        content = b"" if body is None else msgspec.json.encode(body)
        lane = Lane.ORDER if order else Lane.DATA
        request = HttpRequest(method, target, headers, content, lane, safe=not order, pool=pool)
        return Call(request, lambda r: decode(self._result(r)), frozenset() if order else _EMPTY)

    def _envelope(self, response: HttpResponse) -> Record:
        found = parsed(response.body, self.member.name)
        return Record(found[0] if isinstance(found, list) and len(found) == 1 else found, self.member.name)

    def _result(self, response: HttpResponse) -> Any:
        """What an answer holds; None where it says that there is nothing."""
        row = self._envelope(response)
        if row.text("type") != "success" and not _harmless(row):
            raise DecodeError(f"{self.member.name} answered neither success nor error.")
        return row.raw("result") if row.text("type") == "success" else None

    def _record(self, result: Any) -> Record:
        return Record(result, self.member.name)

    def _rows(self, result: Any) -> list[Record]:
        return Record.all(result, self.member.name)

    def refusal(self, response: HttpResponse) -> LabError | None:
        if response.status == 429:
            return Throttled(f"{self.member.name} asks for fewer requests; wait 3 s.", 3.0)
        if response.status >= 500 or response.body.lstrip()[:1] not in (b"{", b"["):
            return None
        row = self._envelope(response)
        if row.text("type", "") != "error" or _harmless(row):
            return None
        said = row.text("description", "")
        code = "e-session-0007" if "invalid token" in said.casefold() else row.text("code", "")
        return refused(self.member.name, code, f"{said[:300]}{_schema(row.raw('result'))}", again=("e-session-0007",))

    # Session ---------------------------------------------------------------------------------------------------

    def login_url(self, credentials: Mapping[str, str], redirect_uri: str, state: str) -> str:
        """The page's callback carries no state."""
        del state
        query = urlencode({"appKey": given(credentials, "app_key", self.member.name), "returnURL": redirect_uri})
        return f"{self.member.host}{self.member.interactive}/thirdparty?{query}"

    def login(self, credentials: Mapping[str, str]) -> LoginFlow:
        names = ("app_key", "market_app_key", "market_secret_key")
        asked_for = names if self.member.final_token else (*names, "secret_key")
        need = {name: given(credentials, name, self.member.name) for name in asked_for}
        user = yield from self._enter(credentials, need)
        keys = {"appKey": need["market_app_key"], "secretKey": need["market_secret_key"], "source": "WebAPI"}
        first = self.member.md_login or self.member.md
        market = yield self._enter_market(first, keys)
        if market is None:  # some installs answer under the other prefix only
            other = "/apimarketdata" if first != "/apimarketdata" else "/apibinarymarketdata"
            market = yield self._enter_market(other, keys)
        if market is None:
            raise BrokerError(f"{self.member.name} has no market-data login where it should be; report it.")
        codes = user.raw("clientCodes")
        client = str(codes[0]) if isinstance(codes, list) and codes else user.text("userID")
        token, market_token = user.text("token"), market.text("token")
        extra = {"market": market_token, "market_user": market.text("userID"), "user": user.text("userID")}
        if user.raw("isInvestorClient") is False:
            extra["dealer"] = "1"
        return Session(client, token, extra, min(jwt_expiry_ns(token), jwt_expiry_ns(market_token)))

    def _enter(self, credentials: Mapping[str, str], need: Mapping[str, str]) -> Any:
        body = {"appKey": need["app_key"], "secretKey": need.get("secret_key", ""), "source": "WebAPI"}
        if self.member.redirect:
            told = self._told(given(credentials, "session", self.member.name))
            if self.member.final_token:
                return told
            body |= {"accessToken": told.text("accessToken")}
            del body["source"]
        elif self.member.placeholder:
            body |= {"accessToken": self.member.placeholder}
        request = HttpRequest("POST", f"{self.member.interactive}/user/session", body=msgspec.json.encode(body))
        found = yield Call(request, lambda answer: self._record(self._result(answer)))
        return found

    def _told(self, text: str) -> Record:
        """The callback's ``session``: JSON, encoded for an address or as JSON text up to twice."""
        found: Any = text
        for _ in range(4):
            if isinstance(found, str):
                found = unquote(found) if found.startswith("%") else parsed(found, self.member.name)
        return self._record(found)

    def _enter_market(self, prefix: str, keys: Mapping[str, str]) -> Call[Record | None]:
        def decode(response: HttpResponse) -> Record | None:
            return None if response.status == 404 else self._record(self._result(response))

        request = HttpRequest("POST", f"{prefix}/auth/login", body=msgspec.json.encode(keys))
        return Call(request, decode, frozenset({404}))

    def logout(self, session: Session) -> Call[None]:
        return self._interactive(session, "DELETE", "/user/session", _nothing)

    def profile(self, session: Session) -> Call[Profile]:
        def decode(result: Any) -> Profile:
            row = self._record(result)
            return Profile(row.text("ClientId"), row.text("ClientName", ""))

        return self._interactive(session, "GET", "/user/profile", decode)

    # Orders ----------------------------------------------------------------------------------------------------

    def place(self, session: Session, intent: OrderIntent, instrument: Instrument) -> Call[OrderReport]:
        terms = self._terms(intent, instrument)
        body = {
            "exchangeSegment": tables.SEGMENT_WORDS[segment_of(instrument)],
            "exchangeInstrumentID": number_of(instrument),
            "productType": to_word(tables.PRODUCTS, intent.product, "product", self.member.name),
            "orderType": terms["OrderType"],
            "orderSide": to_word(tables.SIDES, intent.side, "side", self.member.name),
            "timeInForce": to_word(tables.VALIDITIES, intent.validity, "validity", self.member.name),
            "disclosedQuantity": intent.disclosed_quantity,
            "orderQuantity": intent.quantity,
            "limitPrice": terms["LimitPrice"],
            "stopPrice": terms["StopPrice"],
            "orderUniqueIdentifier": intent.order_id,
            "clientID": session.client,
        }

        def decode(result: Any) -> OrderReport:
            return accepted(intent, self._record(result).text("AppOrderID"))

        return self._interactive(session, "POST", "/orders", decode, body=body, order=True)

    def _terms(self, terms: OrderIntent | OrderChange, instrument: Instrument) -> dict[str, Any]:
        kind, name = terms.price_type, self.member.name
        if not self.member.market and kind in (PriceType.MARKET, PriceType.SL_M):
            raise NotSupported(f"{name} takes no market orders by API; give a limit price.")
        if instrument.exchange in _BY_LOTS and instrument.lot_size > 1:
            raise NotSupported(
                f"Whether {name} counts {instrument.exchange} orders in lots or in units is not settled; "
                "place this one in its own app."
            )
        return {
            "OrderType": to_word(tables.PRICE_TYPES, kind, "price type", name),
            "LimitPrice": terms.price if kind.has_price else 0,
            "StopPrice": terms.trigger_price if kind.has_trigger else 0,
        }

    def modify(self, session: Session, order: Order, change: OrderChange, instrument: Instrument) -> Call[None]:
        """The quantity is the whole order's."""
        body = {f"modified{name}": value for name, value in self._terms(change, instrument).items()} | {
            "appOrderID": int(order.broker_order_id or 0),
            "modifiedProductType": to_word(tables.PRODUCTS, order.product, "product", self.member.name),
            "modifiedOrderQuantity": change.quantity,
            "modifiedDisclosedQuantity": order.disclosed_quantity,
            "modifiedTimeInForce": to_word(tables.VALIDITIES, order.validity, "validity", self.member.name),
            "orderUniqueIdentifier": order.order_id,
            "clientID": session.client,
        }
        return self._interactive(session, "PUT", "/orders", _nothing, body=body, order=True)

    def cancel(self, session: Session, order: Order) -> Call[None]:
        query = {"appOrderID": order.broker_order_id, "clientID": session.client}
        return self._interactive(session, "DELETE", "/orders", _nothing, query=query, order=True)

    def order(self, session: Session, order: Order) -> Call[OrderReport] | None:
        """The last row of its history."""
        if not order.broker_order_id:
            return None

        def decode(result: Any) -> OrderReport:
            rows = sorted(
                self._rows(result), key=lambda r: (r.moment("LastUpdateDateTime"), r.whole("SequenceNumber", 0))
            )
            if not rows:
                raise Rejected(f"{self.member.name} does not know the order {order.broker_order_id}.")
            return report(rows[-1], Evidence.ORDER_BOOK)

        return self._interactive(session, "GET", "/orders", decode, query={"appOrderID": order.broker_order_id})

    def _book(self, session: Session, path: str, give: Callable[[Record], T]) -> Call[tuple[T, ...]]:
        path = _DEALER[path] if session.extra.get("dealer") else path
        return self._interactive(session, "GET", path, lambda result: tuple(map(give, self._rows(result))))

    def order_book(self, session: Session) -> Call[tuple[OrderReport, ...]]:
        return self._book(session, "/orders", partial(report, source=Evidence.ORDER_BOOK))

    def trade_book(self, session: Session) -> Call[tuple[FillReport, ...]]:
        return self._book(session, "/orders/trades", partial(fill, source=Evidence.TRADE_BOOK))

    # The account -----------------------------------------------------------------------------------------------

    def positions(self, session: Session) -> Call[tuple[PositionReport, ...]]:
        def decode(result: Any) -> tuple[PositionReport, ...]:
            rows = result.get("positionList") if isinstance(result, dict) else result
            return tuple(map(position, self._rows(rows)))

        path = "/portfolio/dealerpositions" if session.extra.get("dealer") else "/portfolio/positions"
        return self._interactive(session, "GET", path, decode, query={"dayOrNet": "NetWise"})

    def holdings(self, session: Session, account: str) -> Call[tuple[Holding, ...]]:
        """An object by ISIN, or in older installs a list."""

        def decode(result: Any) -> tuple[Holding, ...]:
            held = self._record(result or {}).raw("RMSHoldings") or {}
            rows = self._record(held).raw("Holdings") or self._record(held).raw("RMSHoldingList") or ()
            found = list(rows.values()) if isinstance(rows, dict) else list(rows) if isinstance(rows, list) else []
            return tuple(holding(row, account) for row in self._rows(found))

        return self._interactive(session, "GET", "/portfolio/holdings", decode)

    def funds(self, session: Session, account: str) -> Call[Funds]:
        def decode(result: Any) -> Funds:
            return funds(self._record(result or {}).records("BalanceList"), account)

        return self._interactive(session, "GET", "/user/balance", decode)

    def margin(self, session: Session, legs: Sequence[tuple[OrderIntent, Instrument]]) -> Call[int]:
        if not self.member.margin:
            self._lacks("a margin for an order that is not placed yet")
        user = {"userID": session.client} if self.member.margin_user else {}
        top = {"clientID": session.client} if self.member.margin_user else {}
        body = {"portfolio": [self._leg(*leg) | user for leg in legs]} | top

        def decode(result: Any) -> int:
            return to_paise(self._record(result).record("brokerageDeatils").number("MarginRequired"))

        return self._interactive(session, "POST", "/orders/margindetails", decode, body=body, pool="margin")

    def _leg(self, intent: OrderIntent, instrument: Instrument) -> dict[str, Any]:
        terms = self._terms(intent, instrument)
        return {
            "exchange": segment_of(instrument),
            "exchangeInstrumentId": number_of(instrument),
            "productType": to_word(tables.PRODUCTS, intent.product, "product", self.member.name),
            "orderType": terms["OrderType"],
            "orderSide": to_word(tables.SIDES, intent.side, "side", self.member.name),
            "quantity": intent.quantity,
            "price": terms["LimitPrice"],
            "stopPrice": terms["StopPrice"],
            "orderSessionType": 1,
        }

    # Market ----------------------------------------------------------------------------------------------------

    def _quotes(
        self, session: Session, code: int, instruments: Sequence[Instrument], decode: Callable[[Any], T]
    ) -> Call[T]:
        body = {"instruments": asked(instruments), "xtsMessageCode": code, "publishFormat": "JSON"}
        return self._market(session, "POST", "/instruments/quotes", decode, body)

    def quotes(self, session: Session, instruments: Sequence[Instrument]) -> Call[tuple[Quote, ...]]:
        """One that is not answered has no known field; open interest is no part of a quote here."""

        def decode(result: Any) -> tuple[Quote, ...]:
            found = {token: (fields, when) for token, fields, when in map(quoted, pictures(result, self.member.name))}
            return tuple(quote(i, *found.get(i.token, ({}, 0))) for i in instruments)

        return self._quotes(session, tables.QUOTE, instruments, decode)

    def depth(self, session: Session, instrument: Instrument) -> Call[Depth]:
        def decode(result: Any) -> Depth:
            row = next(iter(pictures(result, self.member.name)), self._record({}))
            when = tick_ns(segment_of(instrument), row.number("ExchangeTimeStamp", 0.0))
            return depth_of(instrument, levels(row, "Bids"), levels(row, "Asks"), when)

        return self._quotes(session, tables.DEPTH, [instrument], decode)

    def history(
        self, session: Session, instrument: Instrument, interval: str, start_ns: int, end_ns: int
    ) -> Call[Bars]:
        """Of days, today's is missing. Nothing is also what a wrong request is answered with."""
        if interval not in tables.INTERVALS:
            raise InputError(f"{self.member.name} has no candles of {interval}; use 1m to 4h or D.", field="interval")
        opening_s = 9 * 3600 if instrument.exchange in _EARLY else 9 * 3600 + 900
        query = {
            "exchangeSegment": str(segment_of(instrument)),
            "exchangeInstrumentID": str(number_of(instrument)),
            "startTime": _clock(start_ns),
            "endTime": _clock(max(end_ns - NS_PER_SECOND, start_ns)),
            "compressionValue": tables.INTERVALS[interval],
        }

        def decode(result: Any) -> Bars:
            row = self._record(result or {})
            text = row.raw("dataReponse") or row.raw("dataResponse") or ""
            return bars(candles(str(text), interval, opening_s), start_ns, end_ns)

        path = f"/instruments/ohlc?{urlencode(query, quote_via=percent)}"
        return self._market(session, "GET", path, decode)

    def instrument_files(self, session: Session) -> tuple[Call[tuple[Instrument, ...]], ...]:
        masters = [
            self._market(
                session,
                "POST",
                "/instruments/master",
                partial(master, segment=segment),
                {"exchangeSegmentList": [segment]},
            )
            for segment in self.member.segments.split()
        ]
        lists = [
            self._market(
                session, "GET", f"/instruments/indexlist?exchangeSegment={number}", partial(indices, segment=number)
            )
            for number in tables.INDICES
        ]
        return (*masters, *lists)

    # Feeds -----------------------------------------------------------------------------------------------------

    def feed_address(self, session: Session, feed: FeedSpec) -> FeedAddress:
        if feed.kind is FeedKind.ORDERS:
            path = f"{self.member.interactive}/socket.io"
            query = {"token": session.token, "userID": session.extra["user"], "apiType": "INTERACTIVE"}
        else:
            path = self.member.socket
            query = {"token": session.extra["market"], "userID": session.extra["market_user"]}
            query |= {"publishFormat": "JSON", "broadcastMode": "Full"}
        return FeedAddress(f"{path}/?{urlencode(query | {'EIO': '3', 'transport': 'websocket'})}")

    def open_feed(self, session: Session, feed: FeedSpec) -> FeedSession:
        if feed.kind is FeedKind.ORDERS:
            return OrderFeed(self.member.name)
        return MarketFeed(self.member.name, self.member.ltp_code, partial(self._subscription, session))

    def _subscription(
        self, session: Session, code: int, instruments: Sequence[Instrument], on: bool
    ) -> Call[FrameContent]:
        """What is subscribed already answers without a picture, so that is then asked for."""

        def decode(result: Any) -> FrameContent:
            if on and result is None:
                return FrameContent(replies=(self._quotes(session, code, instruments, show),))
            return show(result if on else None)

        def show(result: Any) -> FrameContent:
            return FrameContent(ticks=tuple(map(json_tick, pictures(result, self.member.name))))

        body = {"instruments": asked(instruments), "xtsMessageCode": code}
        return self._market(session, "POST" if on else "PUT", "/instruments/subscription", decode, body)


def _harmless(row: Record) -> bool:
    """An error that says "nothing there" or "subscribed already"."""
    code, said = row.text("code", ""), row.text("description", "").casefold()
    empty = (code.startswith("e-") and code.endswith("-0005")) or "data not available" in said
    return row.text("type", "") == "error" and (empty or code == "e-session-0002")


def _schema(result: Any) -> str:
    """The fields that a request was refused for."""
    errors = result.get("errors") if isinstance(result, dict) else None
    texts = [str(e.get("messages", "")) for e in errors if isinstance(e, dict)] if isinstance(errors, list) else []
    return f" ({'; '.join(texts)[:300]})" if texts else ""


def _nothing(result: Any) -> None:
    del result


def _clock(ns: int) -> str:
    when = from_ns(ns)
    return f"{_MONTHS[when.month - 1]} {when:%d %Y %H%M%S}"
