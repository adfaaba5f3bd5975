"""Firstock's REST as pure functions: every call is a POST of JSON that holds the user id and the token."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Any, Final, TypeVar
from urllib.parse import quote as percent
from urllib.parse import urlencode

import msgspec

from brokers.firstock.feed import NAME, FirstockFeed
from brokers.noren import tables
from brokers.noren.instruments import INDICES, derivative, token_of
from brokers.noren.rows import report
from openalgo_lab.broker import Call, FeedAddress, FeedSpec, HttpRequest, HttpResponse, LoginFlow, PlainCodec, Session
from openalgo_lab.broker.adapter import OrderChange
from openalgo_lab.broker.asking import Lane, given
from openalgo_lab.broker.columns import Bar, Level, bars, depth_of, quote
from openalgo_lab.broker.listing import each_once, listed, rows
from openalgo_lab.broker.reading import number, to_word, whole, words
from openalgo_lab.broker.receipt import accepted
from openalgo_lab.broker.record import Record, parsed
from openalgo_lab.broker.shapes import RowShape
from openalgo_lab.model.errors import DecodeError, InputError, LabError, Rejected, SessionExpired, Throttled
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.market import DEPTH_LEVELS, Bars, Depth, Quote
from openalgo_lab.model.money import format_price, to_paise
from openalgo_lab.model.orders import Order, OrderIntent
from openalgo_lab.model.portfolio import Funds, Holding, Profile
from openalgo_lab.model.reports import Evidence, FillReport, OrderReport, PositionReport
from openalgo_lab.model.times import NS_PER_SECOND, from_ns
from openalgo_lab.model.vocabulary import Exchange, InstrumentType, PriceType

__all__ = ["HISTORY_DAYS", "FirstockCodec"]

T = TypeVar("T")

HISTORY_DAYS: Final = MappingProxyType(
    {"1m": 1, "2m": 2, "3m": 2, "5m": 3, "10m": 5, "15m": 7, "30m": 10, "1h": 15, "2h": 15, "4h": 15, "D": 30}
)
_INTERVALS: Final = words(str, "1m=1mi 2m=2mi 3m=3mi 5m=5mi 10m=10mi 15m=15mi 30m=30mi 1h=60mi 2h=120mi 4h=240mi D=1d")
_PROTECTION_PCT: Final = "1"
"""How far from the best price a market order may go: the server makes a limit order of it."""
_ROWS: Final = RowShape(
    NAME, tables.EXCHANGES, tables.SIDES, tables.PRODUCTS, tables.PRICE_TYPES,
    words(
        str,
        "id=orderNumber tag=remarks exchange=exchange symbol=tradingSymbol side=transactionType product=product "
        "price_type=priceType quantity=quantity filled=fillShares average=averagePrice price=price "
        "trigger=triggerPrice reason=rejectReason time=exchangeTime|orderTime trade_id=fillId "
        "trade_quantity=fillQuantity trade_price=fillPrice trade_time=exchangeUpdateTime|orderTime "
        "net=netQuantity long_average=netAveragePrice short_average=netAveragePrice realised=RealizedPNL",
    ),
)  # fmt: skip
_QUOTE: Final = words(
    str,
    "lastTradedPrice=ltp bestBuyPrice1=bid bestSellPrice1=ask dayOpenPrice=open dayHighPrice=high dayLowPrice=low "
    "dayClosePrice=prev_close VWAP=average bestBuyQuantity1=bid_qty bestSellQuantity1=ask_qty volume openInterest=oi "
    "lastTradedQuantity=ltq",
)
_DEAD: Final = frozenset({"INVALID_JKEY", "INVALID_USERID", "UNAUTHORIZED"})
_FILES: Final = ("NSE", "BSE", "NFO", "BFO")


class FirstockCodec(PlainCodec):
    """Implements `openalgo_lab.broker.Codec`."""

    broker_name = NAME

    def _call(
        self, session: Session, route: str, data: Mapping[str, Any], decode: Callable[[Any], T], *, pool: str = "",
        order: bool = False,
    ) -> Call[T]:  # fmt: skip
        body = msgspec.json.encode({"userId": session.client, "jKey": session.token, **data})
        lane = Lane.ORDER if order else Lane.DATA
        request = HttpRequest("POST", f"/{route}", body=body, lane=lane, safe=not order, pool=pool)
        return Call(request, lambda response: decode(_data(response)), frozenset() if order else frozenset({400, 404}))

    def refusal(self, response: HttpResponse) -> LabError | None:
        if response.status == 429 or b"rate limit" in response.body[:200].lower():
            return Throttled(f"{NAME} asks for fewer requests; wait a second.", 1.0)
        if not response.body.lstrip().startswith(b"{"):
            return None
        row = Record(parsed(response.body, NAME), NAME)
        if row.text("status", "") != "failed" or response.status >= 500 or _is_empty(row):
            return None
        name, text = row.text("name", ""), f"{NAME}: {_why(row)}"
        if name in _DEAD:
            return SessionExpired(f"{text}; log in again.")
        if name in ("RATE_LIMIT_EXCEEDED", "TOO_MANY_REQUESTS"):
            return Throttled(text, 1.0)
        return Rejected(text)

    # Session ---------------------------------------------------------------------------------------------------

    def login(self, credentials: Mapping[str, str]) -> LoginFlow:
        user, password, key = (given(credentials, name, NAME) for name in ("user_id", "password", "api_key"))
        user = user.upper()
        body = {
            "userId": user,
            "password": hashlib.sha256(password.encode()).hexdigest(),
            "TOTP": credentials.get("totp", ""),
            "vendorCode": f"{user}_API",
            "apiKey": key,
        }
        found = yield Call(
            HttpRequest("POST", "/login", body=msgspec.json.encode(body)), lambda answer: Record(_data(answer), NAME)
        )
        return Session(found.text("actid"), found.text("susertoken"))

    def logout(self, session: Session) -> Call[None]:
        return self._call(session, "logout", {}, _nothing)

    def profile(self, session: Session) -> Call[Profile]:
        def decode(data: Any) -> Profile:
            row = Record(data, NAME)
            exchanges = row.known(tables.EXCHANGES, "exchange")
            return Profile(row.text("actid"), row.text("userName", ""), exchanges)

        return self._call(session, "userDetails", {}, decode)

    # Orders ----------------------------------------------------------------------------------------------------

    def place(self, session: Session, intent: OrderIntent, instrument: Instrument) -> Call[OrderReport]:
        """Above the freeze quantity the server would make several orders of one: that is refused here."""
        if intent.disclosed_quantity:
            raise InputError(f"{NAME} has no disclosed quantity; place the order whole.", field="disclosed_quantity")
        if 0 < instrument.freeze_quantity < intent.quantity:
            limit = instrument.freeze_quantity
            raise InputError(f"{NAME} takes at most {limit} of {intent.symbol} in one order; split it.", "quantity")
        body = _order(intent, instrument) | {
            "retention": to_word(tables.VALIDITIES, intent.validity, "validity", NAME),
            "remarks": intent.order_id,
        }

        def decode(data: Any) -> OrderReport:
            if isinstance(data, list) and len(data) == 1:
                (data,) = data
            return accepted(intent, Record(data, NAME).text("orderNumber"))

        return self._call(session, "placeOrder", body, decode, order=True)

    def modify(self, session: Session, order: Order, change: OrderChange, instrument: Instrument) -> Call[None]:
        body = _terms(change, instrument) | {
            "orderNumber": order.broker_order_id,
            "product": to_word(tables.PRODUCTS, order.product, "product", NAME),
            "retention": to_word(tables.VALIDITIES, order.validity, "validity", NAME),
        }
        return self._call(session, "modifyOrder", body, _taken, order=True)

    def cancel(self, session: Session, order: Order) -> Call[None]:
        return self._call(session, "cancelOrder", {"orderNumber": order.broker_order_id}, _taken, order=True)

    def order(self, session: Session, order: Order) -> Call[OrderReport] | None:
        """The newest row of its history comes first."""
        if not order.broker_order_id:
            return None

        def decode(data: Any) -> OrderReport:
            found = [report(row, Evidence.ORDER_BOOK, _ROWS) for row in Record.all(data, NAME)]
            if not found:
                raise Rejected(f"{NAME} does not know the order {order.broker_order_id}.")
            return found[0]

        return self._call(session, "singleOrderHistory", {"orderNumber": order.broker_order_id}, decode)

    def order_book(self, session: Session) -> Call[tuple[OrderReport, ...]]:
        def decode(data: Any) -> tuple[OrderReport, ...]:
            return tuple(report(row, Evidence.ORDER_BOOK, _ROWS) for row in Record.all(data, NAME))

        return self._call(session, "orderBook", {}, decode)

    def trade_book(self, session: Session) -> Call[tuple[FillReport, ...]]:
        def decode(data: Any) -> tuple[FillReport, ...]:
            return tuple(_ROWS.fill(row, Evidence.TRADE_BOOK) for row in Record.all(data, NAME))

        return self._call(session, "tradeBook", {}, decode)

    # The account -----------------------------------------------------------------------------------------------

    def positions(self, session: Session) -> Call[tuple[PositionReport, ...]]:
        def decode(data: Any) -> tuple[PositionReport, ...]:
            return tuple(map(_ROWS.position, Record.all(data, NAME)))

        return self._call(session, "positionBook", {}, decode)

    def holdings(self, session: Session, account: str) -> Call[tuple[Holding, ...]]:
        """A share of two exchanges is told as NSE's."""

        def decode(data: Any) -> tuple[Holding, ...]:
            return tuple(_holding(row, account) for row in Record.all(data, NAME))

        return self._call(session, "holdingsDetails", {}, decode)

    def funds(self, session: Session, account: str) -> Call[Funds]:
        """Realised profit is not told here: it is the sum over the positions."""

        def decode(data: Any) -> Funds:
            row = Record(data, NAME)
            used = row.number("marginused", 0.0)
            available = row.number("availableMargin", row.number("cash", 0.0) + row.number("payin", 0.0) - used)
            return Funds(account, to_paise(available), to_paise(used), to_paise(row.number("brkcollamt", 0.0)))

        return self._call(session, "limit", {}, decode)

    def margin(self, session: Session, legs: Sequence[tuple[OrderIntent, Instrument]]) -> Call[int]:
        first, *rest = [_order(intent, instrument) for intent, instrument in legs]
        if not rest:
            return self._call(session, "orderMargin", first, _paise("marginOnNewOrder"))
        body = first | {"BasketList_Params": rest}
        return self._call(session, "basketMargin", body, _paise("MarginOnNewOrder"))

    # Market ----------------------------------------------------------------------------------------------------

    def _rows(
        self, session: Session, instruments: Sequence[Instrument], give: Callable[[Mapping[str, Record]], T]
    ) -> Call[T]:
        asked = [{"exchange": _exchange(i), "tradingSymbol": i.broker_symbol} for i in instruments]

        def decode(data: Any) -> T:
            found = Record.all(data, NAME)
            return give({f"{row.text('exchange')}:{row.text('tradingSymbol')}": row for row in found})

        return self._call(session, "getMultiQuotes", {"data": asked}, decode, pool="quote")

    def quotes(self, session: Session, instruments: Sequence[Instrument]) -> Call[tuple[Quote, ...]]:
        """One that is not answered has no known field."""

        def give(found: Mapping[str, Record]) -> tuple[Quote, ...]:
            return tuple(
                _quote(i, found.get(f"{_exchange(i)}:{i.broker_symbol}", Record({}, NAME))) for i in instruments
            )

        return self._rows(session, instruments, give)

    def depth(self, session: Session, instrument: Instrument) -> Call[Depth]:
        """By the batch call: of the single one it is not sure whether it says rupees or paise."""

        def give(found: Mapping[str, Record]) -> Depth:
            row = found.get(f"{_exchange(instrument)}:{instrument.broker_symbol}", Record({}, NAME))
            return depth_of(instrument, _side(row, "bestBuy"), _side(row, "bestSell"), row.moment("requestTime"))

        return self._rows(session, [instrument], give)

    def history(
        self, session: Session, instrument: Instrument, interval: str, start_ns: int, end_ns: int
    ) -> Call[Bars]:
        if interval not in _INTERVALS:
            raise InputError(f"{NAME} has no candles of {interval}; use 1m to 4h or D.", field="interval")
        body = {
            "exchange": _exchange(instrument),
            "tradingSymbol": instrument.broker_symbol,
            "startTime": f"{from_ns(start_ns):%H:%M:%S %d-%m-%Y}",
            "endTime": f"{from_ns(max(end_ns - NS_PER_SECOND, start_ns)):%H:%M:%S %d-%m-%Y}",
            "interval": _INTERVALS[interval],
        }

        def decode(data: Any) -> Bars:
            return bars(_candles(data, daily=interval == "D"), start_ns, end_ns)

        return self._call(session, "timePriceSeries", body, decode, pool="history")

    def instrument_files(self, session: Session) -> tuple[Call[tuple[Instrument, ...]], ...]:
        files = [Call(HttpRequest("GET", f"/symbols/{ex}"), partial(_master, exchange=ex)) for ex in _FILES]
        return (*files, self._call(session, "indexList", {}, _indices))

    # Feed ------------------------------------------------------------------------------------------------------

    def feed_address(self, session: Session, feed: FeedSpec) -> FeedAddress:
        del feed
        query = urlencode({"userId": session.client, "jKey": session.token, "source": "developer-api"})
        return FeedAddress(f"/V2/ws?{query}")

    def open_feed(self, session: Session, feed: FeedSpec) -> FirstockFeed:
        del session, feed
        return FirstockFeed()


def _data(response: HttpResponse) -> Any:
    """What an answer holds; None where it says that there is nothing."""
    row = Record(parsed(response.body, NAME), NAME)
    if row.text("status") != "success" and not _is_empty(row):
        raise DecodeError(f"{NAME} answered neither success nor failure.")
    return row.raw("data")


def _nothing(data: Any) -> None:
    del data


def _is_empty(row: Record) -> bool:
    return row.text("status", "") == "failed" and "no data" in _why(row).casefold()


def _why(row: Record) -> str:
    error = row.raw("error")
    inner = error.get("message") if isinstance(error, dict) else error
    return str(inner or row.raw("message") or row.raw("name") or "no reason given")[:300]


def _taken(data: Any) -> None:
    """Modify and cancel say success even when they are refused."""
    reason = Record(data, NAME).text("rejreason", "").strip()
    if reason:
        raise Rejected(f"{NAME}: {reason[:300]}")


def _exchange(instrument: Instrument) -> str:
    return instrument.broker_token.partition(":")[0]


def _order(intent: OrderIntent, instrument: Instrument) -> dict[str, Any]:
    return _terms(intent, instrument) | {
        "product": to_word(tables.PRODUCTS, intent.product, "product", NAME),
        "transactionType": to_word(tables.SIDES, intent.side, "side", NAME),
    }


def _terms(terms: OrderIntent | OrderChange, instrument: Instrument) -> dict[str, Any]:
    kind, step = terms.price_type, instrument.tick_size
    found = {
        "exchange": _exchange(instrument),
        "tradingSymbol": percent(instrument.broker_symbol, safe=""),
        "quantity": str(terms.quantity),
        "priceType": to_word(tables.PRICE_TYPES, kind, "price type", NAME),
        "price": format_price(terms.price, step) if kind.has_price else "0",
        "triggerPrice": format_price(terms.trigger_price, step) if kind.has_trigger else "0",
    }
    return found | ({"mkt_protection": _PROTECTION_PCT} if kind in (PriceType.MARKET, PriceType.SL_M) else {})


def _holding(row: Record, account: str) -> Holding:
    places = row.records("exchangeTradingSymbol")
    best = next((each for each in places if each.text("exchange") == "NSE"), places[0] if places else Record({}, NAME))
    parts = ("hold", "BTST", "brokerCollateral", "unPledge", "beneficiary", "dp")
    quantity = sum(row.count(f"{part}Quantity", 0) for part in parts) - row.count("usedQuantity", 0)
    exchange = best.word(tables.EXCHANGES, "exchange", "exchange")
    return Holding(account, exchange, best.text("tradingSymbol"), quantity, row.number("uploadPrice", 0.0))


def _paise(name: str) -> Callable[[Any], int]:
    return lambda data: to_paise(Record(data, NAME).number(name))


def _quote(instrument: Instrument, row: Record) -> Quote:
    found = {ours: row.number(theirs) for theirs, ours in _QUOTE.items() if row.raw(theirs) not in (None, "")}
    counts = ("bid_qty", "ask_qty", "volume", "oi", "ltq")
    return quote(instrument, {k: v for k, v in found.items() if v > 0 or k in counts}, row.moment("requestTime"))


def _side(row: Record, side: str) -> list[Level]:
    levels = range(1, DEPTH_LEVELS + 1)
    return [
        (row.number(f"{side}Price{n}", 0.0), row.number(f"{side}Quantity{n}", 0.0), row.count(f"{side}Order{n}", 0))
        for n in levels
    ]


def _candles(data: Any, *, daily: bool) -> Iterator[Bar]:
    """Rows of closed days repeat the day before: they are left out."""
    before: tuple[float, ...] = ()
    for row in Record.all(data, NAME):
        first, high, low, last = (row.number(name) for name in ("open", "high", "low", "close"))
        volume, interest = row.number("volume", 0.0), row.number("oi", 0.0)
        values = (first, high, low, last, volume)
        if not (daily and values == before):
            yield row.count("epochTime") * NS_PER_SECOND, first, high, low, last, volume, interest
        before = values


def _master(response: HttpResponse, exchange: str) -> tuple[Instrument, ...]:
    needed = frozenset({"token", "tradingsymbol", "ticksize"})
    return each_once(rows(response.body, exchange, needed), partial(_instrument, exchange=exchange), exchange)


def _instrument(fields: Mapping[str, str], exchange: str) -> Instrument | None:
    code, traded = fields.get("token", ""), fields.get("tradingsymbol", "")
    feed = f"{exchange}:{code}"
    if exchange not in INDICES:
        made = derivative(fields, exchange)
        return msgspec.structs.replace(made, broker_token=feed)
    base = traded.removesuffix("-EQ").removesuffix("-BE") if exchange == "NSE" else traded
    return listed(
        tables.EXCHANGES[exchange], InstrumentType.EQ, base, token_of(exchange, code), traded=traded,
        lot=whole(fields.get("lotsize"), 1), tick=number(fields.get("ticksize")), name=fields.get("companyname", ""),
        feed=feed, freeze=whole(fields.get("freezeqty")),
    )  # fmt: skip


def _indices(data: Any) -> tuple[Instrument, ...]:
    def make(row: Record) -> Instrument:
        exchange, code = row.text("exchange"), row.text("token")
        where = {"NSE": Exchange.NSE_INDEX, "BSE": Exchange.BSE_INDEX}.get(exchange)
        if where is None:
            raise DecodeError(f"{NAME} lists an index of an unknown exchange.")
        traded = row.text("tradingSymbol")
        base = traded.upper().replace(" ", "")
        return listed(
            where, InstrumentType.INDEX, base, token_of(exchange, code), traded=traded, tick=0.05,
            name=row.text("idxname", traded), feed=f"{exchange}:{code}",
        )  # fmt: skip

    return each_once(Record.all(data, NAME), make, "index")
