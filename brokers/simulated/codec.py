"""The simulated exchange's protocol, as pure functions over values. Words and layouts: `tables`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Annotated, Any, TypeVar

import msgspec
import numpy as np

from brokers.simulated import tables
from brokers.simulated.feed import SimulatedFeed
from brokers.simulated.rows import Count, Micros, OrderRow, TradeRow, fill_report, order_report, read, rupees
from brokers.simulated.tables import PRICE_SCALE, from_word, to_word
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
from openalgo_lab.model.errors import DecodeError, InputError, LabError, NotSupported, Rejected, SessionExpired
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.market import DEPTH_LEVELS, QUOTE_FIELDS, Bars, Depth, DepthLevel, Quote
from openalgo_lab.model.orders import Order, OrderIntent, OrderStatus
from openalgo_lab.model.portfolio import Funds, Holding
from openalgo_lab.model.reports import Evidence, FillReport, OrderReport, PositionReport

__all__ = ["SimulatedCodec"]

T = TypeVar("T")


class _PositionRow(msgspec.Struct, frozen=True):
    seg: str
    sym: str
    prd: str
    net: int
    ap: Count
    rp: int


class _HoldingRow(msgspec.Struct, frozen=True):
    seg: str
    sym: str
    qty: Count
    ap: Count


class _FundsRow(msgspec.Struct, frozen=True):
    avail: int
    used: int
    real: int
    mtm: int


class _InstrumentRow(msgspec.Struct, frozen=True):
    tok: Count
    seg: str
    sym: str
    kind: str
    name: str
    lot: Annotated[int, msgspec.Meta(gt=0)]
    tick: Annotated[int, msgspec.Meta(gt=0)]
    frz: Count
    und: str
    exp: str
    stk: Count
    alias: str


class _Bearer(msgspec.Struct, frozen=True):
    bearer: str
    client: str


class _Id(msgspec.Struct, frozen=True):
    id: Annotated[str, msgspec.Meta(pattern=r"^SX[0-9]{10}$")]


class _Need(msgspec.Struct, frozen=True):
    need: int


class _Error(msgspec.Struct, frozen=True):
    code: str
    text: str


class _ErrorBody(msgspec.Struct, frozen=True):
    err: _Error


Level = tuple[float, float]


class _DepthBody(msgspec.Struct, frozen=True):
    t: Micros
    b: list[Level]
    a: list[Level]


class _HistoryBody(msgspec.Struct, frozen=True):
    t: list[Micros]
    ohlcvi: list[list[float | None]]


def _units(rupees: float) -> int:
    return round(rupees * PRICE_SCALE)


def _auth(session: Session) -> tuple[tuple[str, str], ...]:
    return (("authorization", f"Bearer {session.token}"),)


class SimulatedCodec(PlainCodec):
    """Implements `openalgo_lab.broker.Codec`."""

    broker_name = "the simulated exchange"

    # Session ---------------------------------------------------------------------------------------------------

    def login(self, credentials: Mapping[str, str]) -> LoginFlow:
        client = credentials.get("client", "")
        if not client:
            raise InputError("The simulated exchange needs a client id.", field="client")
        body = msgspec.json.encode({"client": client, "secret": credentials.get("secret", "")})

        request = HttpRequest("POST", "/session", body=body)
        found: _Bearer = yield Call(request, lambda response: read(response.body, _Bearer))
        return Session(found.client, found.bearer)

    def refusal(self, response: HttpResponse) -> LabError | None:
        if response.status < 400:
            return None
        error = read(response.body, _ErrorBody).err
        if error.code == "SESSION":
            return SessionExpired(error.text)
        return Rejected(error.text)

    # Orders ----------------------------------------------------------------------------------------------------

    def place(self, session: Session, intent: OrderIntent, instrument: Instrument) -> Call[OrderReport]:
        def decode(response: HttpResponse) -> OrderReport:
            return OrderReport(
                broker_order_id=read(response.body, _Id).id,
                order_id=intent.order_id,
                status=OrderStatus.ACCEPTED,
                source=Evidence.HTTP_REPLY,
                exchange=intent.exchange,
                symbol=intent.symbol,
                side=intent.side,
                product=intent.product,
                price_type=intent.price_type,
                quantity=intent.quantity,
                price=intent.price,
                trigger_price=intent.trigger_price,
            )

        return Call(_order_request(session, "POST", "/orders", _ticket(intent, instrument)), decode)

    def margin(self, session: Session, legs: Sequence[tuple[OrderIntent, Instrument]]) -> Call[int]:
        if len(legs) != 1:
            raise NotSupported("The simulated exchange tells the margin of one order at a time.")
        body = msgspec.json.encode(_ticket(*legs[0]))
        request = HttpRequest("POST", "/margin", _auth(session), body)
        return Call(request, lambda response: read(response.body, _Need).need)

    def modify(self, session: Session, order: Order, change: OrderChange, instrument: Instrument) -> Call[None]:
        del instrument
        body = {
            "typ": to_word(tables.PRICE_TYPES, change.price_type, "price type"),
            "qty": change.quantity,
            "px": _units(change.price) if change.price_type.has_price else 0,
            "tpx": _units(change.trigger_price) if change.price_type.has_trigger else 0,
            "dq": order.disclosed_quantity,
        }
        return Call(_order_request(session, "PUT", f"/orders/{order.broker_order_id}", body), _acknowledged)

    def cancel(self, session: Session, order: Order) -> Call[None]:
        return Call(_order_request(session, "DELETE", f"/orders/{order.broker_order_id}", None), _acknowledged)

    # Books -----------------------------------------------------------------------------------------------------

    def order_book(self, session: Session) -> Call[tuple[OrderReport, ...]]:
        def decode(response: HttpResponse) -> tuple[OrderReport, ...]:
            return tuple(order_report(row, Evidence.ORDER_BOOK) for row in read(response.body, list[OrderRow]))

        return Call(HttpRequest("GET", "/orders", _auth(session)), decode)

    def trade_book(self, session: Session) -> Call[tuple[FillReport, ...]]:
        def decode(response: HttpResponse) -> tuple[FillReport, ...]:
            return tuple(fill_report(row, Evidence.TRADE_BOOK) for row in read(response.body, list[TradeRow]))

        return Call(HttpRequest("GET", "/trades", _auth(session)), decode)

    def positions(self, session: Session) -> Call[tuple[PositionReport, ...]]:
        def decode(response: HttpResponse) -> tuple[PositionReport, ...]:
            return tuple(_position(row) for row in read(response.body, list[_PositionRow]))

        return Call(HttpRequest("GET", "/positions", _auth(session)), decode)

    def holdings(self, session: Session, account: str) -> Call[tuple[Holding, ...]]:
        def decode(response: HttpResponse) -> tuple[Holding, ...]:
            return tuple(
                Holding(account, from_word(tables.SEGMENTS, row.seg, "segment"), row.sym, row.qty, rupees(row.ap))
                for row in read(response.body, list[_HoldingRow])
            )

        return Call(HttpRequest("GET", "/holdings", _auth(session)), decode)

    def funds(self, session: Session, account: str) -> Call[Funds]:
        def decode(response: HttpResponse) -> Funds:
            row = read(response.body, _FundsRow)
            return Funds(account, row.avail, row.used, realised_paise=row.real, unrealised_paise=row.mtm)

        return Call(HttpRequest("GET", "/funds", _auth(session)), decode)

    # Market ----------------------------------------------------------------------------------------------------

    def quotes(self, session: Session, instruments: Sequence[Instrument]) -> Call[tuple[Quote, ...]]:
        body = msgspec.json.encode({"toks": [instrument.token for instrument in instruments]})

        def decode(response: HttpResponse) -> tuple[Quote, ...]:
            rows = read(response.body, list[list[float | None]])
            if [row[0] if row else None for row in rows] != [i.token for i in instruments]:
                raise DecodeError("The simulated exchange answered with other quotes than were asked for.")
            return tuple(_quote(instrument, row) for instrument, row in zip(instruments, rows, strict=True))

        return Call(HttpRequest("POST", "/quotes", _auth(session), body), decode)

    def depth(self, session: Session, instrument: Instrument) -> Call[Depth]:
        def decode(response: HttpResponse) -> Depth:
            body = read(response.body, _DepthBody)
            bids, asks = (tuple(DepthLevel(p, int(q)) for p, q in side[:DEPTH_LEVELS]) for side in (body.b, body.a))
            return Depth(instrument.exchange, instrument.symbol, bids, asks, body.t * 1000)

        return Call(HttpRequest("GET", f"/depth/{instrument.token}", _auth(session)), decode)

    def history(
        self, session: Session, instrument: Instrument, interval: str, start_ns: int, end_ns: int
    ) -> Call[Bars]:
        if not interval.isalnum():
            raise InputError(f"{interval!r} is not an interval; use for example 1m, 5m, 1h or D.", field="interval")
        query = f"tok={instrument.token}&iv={interval}&from={-(-start_ns // 1000)}&to={-(-end_ns // 1000)}"
        return Call(HttpRequest("GET", f"/history?{query}", _auth(session)), _bars)

    def instrument_files(self, session: Session) -> tuple[Call[tuple[Instrument, ...]], ...]:
        def decode(response: HttpResponse) -> tuple[Instrument, ...]:
            return tuple(_instrument(row) for row in read(response.body, list[_InstrumentRow]))

        return (Call(HttpRequest("GET", "/instruments", _auth(session)), decode),)

    # Feed ------------------------------------------------------------------------------------------------------

    def feed_address(self, session: Session, feed: FeedSpec) -> FeedAddress:
        return FeedAddress("/feed", _auth(session))

    def open_feed(self, session: Session, feed: FeedSpec) -> SimulatedFeed:
        return SimulatedFeed()


# Orders -------------------------------------------------------------------------------------------------------------


def _ticket(intent: OrderIntent, instrument: Instrument) -> dict[str, str | int]:
    return {
        "tok": instrument.token,
        "bs": to_word(tables.SIDES, intent.side, "side"),
        "prd": to_word(tables.PRODUCTS, intent.product, "product"),
        "typ": to_word(tables.PRICE_TYPES, intent.price_type, "price type"),
        "val": to_word(tables.VALIDITIES, intent.validity, "validity"),
        "qty": intent.quantity,
        "px": _units(intent.price) if intent.price_type.has_price else 0,
        "tpx": _units(intent.trigger_price) if intent.price_type.has_trigger else 0,
        "dq": intent.disclosed_quantity,
        "tag": intent.order_id,
    }


def _order_request(session: Session, method: str, path: str, body: dict[str, Any] | None) -> HttpRequest:
    content = b"" if body is None else msgspec.json.encode(body)
    return HttpRequest(method, path, _auth(session), content, Lane.ORDER, safe=False)


def _acknowledged(response: HttpResponse) -> None:
    read(response.body, _Id)


def _position(row: _PositionRow) -> PositionReport:
    return PositionReport(
        exchange=from_word(tables.SEGMENTS, row.seg, "segment"),
        symbol=row.sym,
        product=from_word(tables.PRODUCTS, row.prd, "product"),
        quantity=row.net,
        average_price=rupees(row.ap),
        realised_paise=row.rp,
    )


# Market -------------------------------------------------------------------------------------------------------------


def _instrument(row: _InstrumentRow) -> Instrument:
    try:
        expiry = date.fromisoformat(row.exp) if row.exp else None
    except ValueError as error:
        raise DecodeError(f"{row.sym[:40]!r} has the unreadable expiry {row.exp[:20]!r}.") from error
    return Instrument(
        symbol=row.sym,
        exchange=from_word(tables.SEGMENTS, row.seg, "segment"),
        kind=from_word(tables.KINDS, row.kind, "kind of instrument"),
        name=row.name,
        token=row.tok,
        lot_size=row.lot,
        tick_size=rupees(row.tick),
        freeze_quantity=row.frz,
        underlying=row.und,
        expiry=expiry,
        strike=rupees(row.stk),
        broker_symbol=row.alias,
    )


def _quote(instrument: Instrument, row: list[float | None]) -> Quote:
    if len(row) != 2 + len(QUOTE_FIELDS) or row[1] is None:
        raise DecodeError("A quote of the simulated exchange has the wrong number of fields.")
    values = [float("nan") if value is None else value for value in row[2:]]
    fields = dict(zip(QUOTE_FIELDS, values, strict=True))
    return Quote(instrument.exchange, instrument.symbol, time_ns=int(row[1]) * 1000, **fields)


def _bars(response: HttpResponse) -> Bars:
    body = read(response.body, _HistoryBody)
    if len(body.ohlcvi) != 6 or any(len(column) != len(body.t) for column in body.ohlcvi):
        raise DecodeError("The candles of the simulated exchange have columns of different lengths.")
    starts = np.array(body.t, dtype=np.int64) * 1000
    if (np.diff(starts) <= 0).any():
        raise DecodeError("The candles of the simulated exchange are not in order.")
    return Bars(starts, *(np.array(column, dtype=np.float64) for column in body.ohlcvi))
