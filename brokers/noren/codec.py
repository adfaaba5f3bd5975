"""The Noren "jData" protocol as pure functions: every call is a POST of `jData=<json>` in which all values are text."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar
from urllib.parse import quote as percent

import msgspec

from brokers.noren import tables
from brokers.noren.feed import NorenFeed
from brokers.noren.instruments import master
from brokers.noren.market import OCO, PAIR, candles, depth_levels, gtt_report, tidied
from brokers.noren.rows import UPDATES, columns, holding, report
from openalgo_lab.broker import Call, FeedAddress, FeedSpec, HttpRequest, HttpResponse, LoginFlow, PlainCodec, Session
from openalgo_lab.broker.adapter import OrderChange
from openalgo_lab.broker.asking import Lane, given, refused
from openalgo_lab.broker.columns import bars, depth_of, quote
from openalgo_lab.broker.reading import Number, moment, read, to_word
from openalgo_lab.broker.receipt import accepted
from openalgo_lab.broker.record import Record, parsed
from openalgo_lab.model.errors import BrokerError, InputError, LabError, NotSupported, Rejected
from openalgo_lab.model.gtt import GttIntent, GttKind, GttLeg, GttReport
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.market import Bars, Depth, Quote
from openalgo_lab.model.money import format_price, to_paise
from openalgo_lab.model.orders import Order, OrderIntent
from openalgo_lab.model.portfolio import Funds, Holding, Profile
from openalgo_lab.model.reports import Evidence, FillReport, OrderReport, PositionReport
from openalgo_lab.model.times import NS_PER_SECOND
from openalgo_lab.model.vocabulary import PriceType, Product, Side

__all__ = ["NorenCodec"]

T = TypeVar("T")
Data = Mapping[str, Any]


class NorenCodec(PlainCodec):
    """Implements `openalgo_lab.broker.Codec` for one member."""

    def __init__(self, member: tables.Member) -> None:
        self.member = member
        self.broker_name = member.name

    def _call(
        self, session: Session, route: str, data: Data, decode: Callable[[HttpResponse], T], *, order: bool = False
    ) -> Call[T]:
        member = self.member
        in_body = member.jkey or (member.chart_jkey and route in ("TPSeries", "EODChartData"))
        headers = [("content-type", "application/x-www-form-urlencoded" if in_body else "text/plain")]
        body = _jdata({"uid": session.client, **data})
        if in_body:
            body += b"&jKey=" + session.token.encode()
        if not member.jkey:
            headers.append(("authorization", f"Bearer {session.token}"))
        lane = Lane.ORDER if order else Lane.DATA
        return Call(HttpRequest("POST", member.prefix + route, tuple(headers), body, lane, safe=not order), decode)

    def _object(
        self, session: Session, route: str, data: Data, give: Callable[[Record], T], *, order: bool = False
    ) -> Call[T]:
        return self._call(session, route, data, lambda answer: give(self._one(answer)), order=order)

    def _rows(self, session: Session, route: str, data: Data, give: Callable[[Record], T]) -> Call[tuple[T, ...]]:
        return self._call(session, route, data, lambda answer: tuple(map(give, self._list(answer))))

    def _one(self, response: HttpResponse) -> Record:
        return Record(parsed(response.body, self.member.name), self.member.name)

    def _list(self, response: HttpResponse) -> list[Record]:
        """Rows; an object in their place says that there are none, or why they cannot be had. Raises BrokerError."""
        found = tidied(parsed(response.body, self.member.name))
        if not isinstance(found, dict):
            return Record.all(found, self.member.name)
        said = Record(found, self.member.name).text("emsg", "")
        if "no data" in said.casefold():
            return []
        raise BrokerError(f"{self.member.name} could not answer ({said.strip()[:200]}); try again in a moment.")

    def refusal(self, response: HttpResponse) -> LabError | None:
        if not response.body.lstrip().startswith(b"{"):
            return None
        row = self._one(response)
        said = row.text("emsg", "").strip()[:300]
        low = said.casefold()
        state = row.text("stat", row.text("status", "")).casefold()
        if state not in ("not_ok", "invalid oi") or "no data" in low or "timeout" in low:
            return None
        words = ("session expired", "invalid session key", "exceeds limit")
        word = next((word for word in words if word in low), "")
        wait_s = 60.0 if "minute" in low else 1.0
        return refused(self.member.name, word, said, again=words[:2], many=words[2:], wait_s=wait_s)

    # Session ---------------------------------------------------------------------------------------------------

    def login_url(self, credentials: Mapping[str, str], redirect_uri: str, state: str) -> str:
        """The page knows its redirect address from the app's registration, and carries no state."""
        del redirect_uri, state
        return self.member.login_url + percent(given(credentials, "client_id", self.member.name), safe="")

    def login(self, credentials: Mapping[str, str]) -> LoginFlow:
        if self.member.direct_token and credentials.get("access_token") and credentials.get("uid"):
            return Session(credentials["uid"], credentials["access_token"])
        key, secret = (given(credentials, name, self.member.name) for name in ("client_id", "client_secret"))
        code = credentials.get("request_code") or given(credentials, "code", self.member.name)
        if self.member.jkey:
            body = {"api_key": key, "request_code": code, "api_secret": _sha256(key + code + secret)}
            request = HttpRequest("POST", "/trade/apitoken", body=msgspec.json.encode(body), host="auth")
            found = yield Call(request, self._one)
            return Session(found.text("client"), found.text("token"))
        body = {"code": code, "checksum": _sha256(key + secret + code)}
        path = f"{self.member.prefix}GenAcsTok"
        found = yield Call(HttpRequest("POST", path, (("content-type", "text/plain"),), _jdata(body)), self._one)
        return Session(found.text("USERID"), found.text("access_token"), expires_ns=found.moment("expires_in"))

    def logout(self, session: Session) -> Call[None]:
        return self._object(session, "Logout", {}, _done)

    def profile(self, session: Session) -> Call[Profile]:
        def give(user: Record) -> Profile:
            exchanges = user.known(tables.EXCHANGES, "exarr")
            products = [tables.PRODUCTS.get(row.text("prd", "")) for row in user.records("prarr")]
            known = dict.fromkeys(product for product in products if product is not None)
            return Profile(user.text("actid"), user.text("uname", ""), exchanges, tuple(known))

        return self._object(session, "UserDetails", {}, give)

    # Orders ----------------------------------------------------------------------------------------------------

    def place(self, session: Session, intent: OrderIntent, instrument: Instrument) -> Call[OrderReport]:
        data = self._order(session, intent, instrument) | {
            "dscqty": str(intent.disclosed_quantity),
            "ret": to_word(tables.VALIDITIES, intent.validity, "validity", self.member.name),
            "ordersource": "API",
            "remarks": intent.order_id,
        }
        return self._object(
            session, "PlaceOrder", data, lambda row: accepted(intent, row.text("norenordno")), order=True
        )

    def _order(self, session: Session, intent: OrderIntent, instrument: Instrument) -> dict[str, str]:
        whose = self._whose(session, instrument, intent.side, intent.product)
        return whose | self._terms(intent, instrument) | {"qty": str(intent.quantity)}

    def _whose(self, session: Session, instrument: Instrument, side: Side, product: Product) -> dict[str, str]:
        return {
            "actid": session.client,
            **_listing(instrument),
            "prd": to_word(tables.PRODUCTS, product, "product", self.member.name),
            "trantype": to_word(tables.SIDES, side, "side", self.member.name),
        }

    def _terms(self, terms: OrderIntent | OrderChange | GttLeg, instrument: Instrument) -> dict[str, str]:
        """Type and prices; a trigger price with a type that has none is refused, so it is left out."""
        kind = terms.price_type
        if kind in (PriceType.MARKET, PriceType.SL_M):
            raise NotSupported(f"{self.member.name} takes no market orders by API; give a limit price.")
        found = {
            "prctyp": to_word(tables.PRICE_TYPES, kind, "price type", self.member.name),
            "prc": format_price(terms.price, instrument.tick_size),
        }
        return found | ({"trgprc": format_price(terms.trigger_price, instrument.tick_size)} if kind.has_trigger else {})

    def modify(self, session: Session, order: Order, change: OrderChange, instrument: Instrument) -> Call[None]:
        data = {
            **_listing(instrument),
            **self._terms(change, instrument),
            "actid": session.client,
            "norenordno": order.broker_order_id,
            "qty": str(change.quantity),
            "dscqty": str(order.disclosed_quantity),
            "ret": to_word(tables.VALIDITIES, order.validity, "validity", self.member.name),
        }
        return self._object(session, "ModifyOrder", data, _done, order=True)

    def cancel(self, session: Session, order: Order) -> Call[None]:
        return self._object(session, "CancelOrder", {"norenordno": order.broker_order_id}, _done, order=True)

    def order(self, session: Session, order: Order) -> Call[OrderReport] | None:
        """The newest row of its history comes first."""
        if not order.broker_order_id:
            return None

        def decode(response: HttpResponse) -> OrderReport:
            rows = self._list(response)
            if not rows:
                raise Rejected(f"{self.member.name} does not know the order {order.broker_order_id}.")
            return report(rows[0], Evidence.ORDER_BOOK)

        return self._call(session, "SingleOrdHist", {"norenordno": order.broker_order_id}, decode)

    def order_book(self, session: Session) -> Call[tuple[OrderReport, ...]]:
        return self._rows(session, "OrderBook", {}, partial(report, source=Evidence.ORDER_BOOK))

    def trade_book(self, session: Session) -> Call[tuple[FillReport, ...]]:
        give = partial(UPDATES.fill, source=Evidence.TRADE_BOOK)
        return self._rows(session, "TradeBook", {"actid": session.client}, give)

    # The account -----------------------------------------------------------------------------------------------

    def positions(self, session: Session) -> Call[tuple[PositionReport, ...]]:
        return self._rows(session, "PositionBook", {"actid": session.client}, UPDATES.position)

    def holdings(self, session: Session, account: str) -> Call[tuple[Holding, ...]]:
        """A share of two exchanges is told as NSE's."""
        data = {"actid": session.client, "prd": "C"}
        return self._rows(session, "Holdings", data, partial(holding, account=account))

    def funds(self, session: Session, account: str) -> Call[Funds]:
        """Realised profit is not told here: it is the sum over the positions."""

        def give(row: Record) -> Funds:
            used = row.number("marginused", 0.0)
            return Funds(
                account,
                available_paise=to_paise(row.number("cash", 0.0) + row.number("payin", 0.0) - used),
                used_paise=to_paise(used),
                collateral_paise=to_paise(row.number("brkcollamt", row.number("collateral", 0.0))),
                unrealised_paise=to_paise(row.number("urmtom", row.number("unmtom", 0.0))),
            )

        return self._object(session, "Limits", {"actid": session.client}, give)

    def margin(self, session: Session, legs: Sequence[tuple[OrderIntent, Instrument]]) -> Call[int]:
        """What a basket blocks after netting; TradeSmart tells it of one order at a time."""
        first, *rest = [self._order(session, intent, instrument) for intent, instrument in legs]
        if self.member.basket_margin:
            basket = first | {"basketlists": rest}
            return self._object(session, "GetBasketMargin", basket, partial(_need, total="marginusedtrade"))
        if rest:
            raise NotSupported(f"{self.member.name} tells the margin of one order at a time; ask for each alone.")
        data = first | {"rorgqty": "0", "rorgprc": "0"}
        return self._object(session, "GetOrderMargin", data, partial(_need, total="ordermargin"))

    # Market ----------------------------------------------------------------------------------------------------

    def quotes(self, session: Session, instruments: Sequence[Instrument]) -> Call[tuple[Quote, ...]]:
        """One instrument a call."""
        (instrument,) = instruments

        def decode(response: HttpResponse) -> tuple[Quote, ...]:
            row = self._one(response)
            when = moment(f"{row.text('ltt')} {row.text('ltd')}") if "ltt" in row and "ltd" in row else 0
            return (quote(instrument, columns(read(response.body, dict[str, Number], self.member.name)), when),)

        return self._call(session, "GetQuotes", _scrip(instrument), decode)

    def depth(self, session: Session, instrument: Instrument) -> Call[Depth]:
        def give(row: Record) -> Depth:
            return depth_of(instrument, *depth_levels(row), row.moment("request_time"))

        return self._object(session, "GetQuotes", _scrip(instrument), give)

    def history(
        self, session: Session, instrument: Instrument, interval: str, start_ns: int, end_ns: int
    ) -> Call[Bars]:
        """Of days, today's is missing. An index goes by its display name there."""

        def decode(response: HttpResponse) -> Bars:
            return bars(candles(self._list(response), daily=interval == "D"), start_ns, end_ns)

        first, last = str(start_ns // NS_PER_SECOND), str(-(-end_ns // NS_PER_SECOND))
        if interval == "D":
            name = instrument.broker_symbol if instrument.tradable else instrument.name
            data = {"sym": f"{_scrip(instrument)['exch']}:{name}", "from": first, "to": last}
            return self._call(session, "EODChartData", data, decode)
        if interval not in tables.INTERVALS:
            raise InputError(f"{self.member.name} has no candles of {interval}; use 1m to 4h or D.", field="interval")
        data = _scrip(instrument) | {"st": first, "et": last, "intrv": str(tables.INTERVALS[interval])}
        return self._call(session, "TPSeries", data, decode)

    def instrument_files(self, session: Session) -> tuple[Call[tuple[Instrument, ...]], ...]:
        member, host = self.member, "files" if self.member.files_host else ""
        return tuple(
            Call(HttpRequest("GET", path, host=host), partial(_master, exchange=exchange, member=member))
            for exchange, path in member.files
        )

    # GTT -------------------------------------------------------------------------------------------------------

    def place_gtt(self, session: Session, gtt: GttIntent, instrument: Instrument) -> Call[str]:
        def decode(response: HttpResponse) -> str:
            return self._oi(response).text("al_id") + (PAIR if gtt.kind is GttKind.OCO else "")

        return self._gtt_call(session, "Place", gtt.kind, self._gtt(session, gtt, instrument), decode)

    def modify_gtt(self, session: Session, gtt_id: str, gtt: GttIntent, instrument: Instrument) -> Call[None]:
        data = self._gtt(session, gtt, instrument) | {"al_id": gtt_id.removesuffix(PAIR)}
        return self._gtt_call(session, "Modify", gtt.kind, data, self._changed)

    def cancel_gtt(self, session: Session, gtt_id: str) -> Call[None]:
        kind = GttKind.OCO if gtt_id.endswith(PAIR) else GttKind.SINGLE
        return self._gtt_call(session, "Cancel", kind, {"al_id": gtt_id.removesuffix(PAIR)}, self._changed)

    def gtt_book(self, session: Session) -> Call[tuple[GttReport, ...]]:
        if not self.member.gtt:
            self._lacks("GTT orders")
        return self._rows(session, "GetPendingGTTOrder", {}, gtt_report)

    def _gtt_call(
        self, session: Session, act: str, kind: GttKind, data: Data, decode: Callable[[HttpResponse], T]
    ) -> Call[T]:
        if not self.member.gtt:
            self._lacks("GTT orders")
        return self._call(session, f"{act}{'OCO' if kind is GttKind.OCO else 'GTT'}Order", data, decode, order=True)

    def _gtt(self, session: Session, gtt: GttIntent, instrument: Instrument) -> dict[str, Any]:
        def order(leg: GttLeg) -> dict[str, str]:
            whose = self._whose(session, instrument, gtt.side, gtt.product)
            return whose | self._terms(leg, instrument) | {"ret": "DAY", "qty": str(leg.quantity), "dscqty": "0"}

        def price(leg: GttLeg) -> str:
            return format_price(leg.trigger_price, instrument.tick_size)

        common = _listing(instrument) | {"validity": "GTT", "remarks": gtt.gtt_id}
        if gtt.kind is GttKind.SINGLE:
            (leg,) = gtt.legs
            word = "LTP_A_O" if leg.trigger_price >= gtt.last_price else "LTP_B_O"
            return common | order(leg) | {"ai_t": word, "d": price(leg)}
        lower, upper = gtt.legs
        whose = {"uid": session.client, "ordersource": "API"}
        return common | {
            "ai_t": OCO,
            "oivariable": [{"d": price(upper), "var_name": "x"}, {"d": price(lower), "var_name": "y"}],
            "place_order_params": order(upper) | whose,
            "place_order_params_leg2": order(lower) | whose,
        }

    def _oi(self, response: HttpResponse) -> Record:
        """The answer about a GTT: its state begins with "oi", any case, and it may be the one element of a list."""
        found = tidied(parsed(response.body, self.member.name))
        row = Record(found[0] if isinstance(found, list) and found else found, self.member.name)
        if not row.text("stat").casefold().startswith("oi"):
            raise Rejected(f"{self.member.name}: {row.text('emsg', row.text('stat'))[:300]}")
        return row

    def _changed(self, response: HttpResponse) -> None:
        self._oi(response)

    # Feed ------------------------------------------------------------------------------------------------------

    def feed_address(self, session: Session, feed: FeedSpec) -> FeedAddress:
        del session, feed
        return FeedAddress("/")

    def open_feed(self, session: Session, feed: FeedSpec) -> NorenFeed:
        del feed
        return NorenFeed(session, self.member.name, automatic_orders=self.member.automatic_orders)


def _jdata(data: Data) -> bytes:
    # An ampersand would end the field before the JSON is read; every route reads its escape.
    return b"jData=" + msgspec.json.encode(data).replace(b"&", b"\\u0026")


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _scrip(instrument: Instrument) -> dict[str, str]:
    exchange, _, token = instrument.broker_token.partition("|")
    return {"exch": exchange, "token": token}


def _listing(instrument: Instrument) -> dict[str, str]:
    return {"exch": instrument.broker_token.partition("|")[0], "tsym": instrument.broker_symbol}


def _done(row: Record) -> None:
    row.text("stat")


def _need(row: Record, total: str) -> int:
    return to_paise(row.number(total if total in row else "marginused"))


def _master(response: HttpResponse, exchange: str, member: tables.Member) -> tuple[Instrument, ...]:
    return master(response.body, exchange, paise_ticks=member.paise_ticks, bse_indices=member.bse_indices)
