"""The simulated exchange's protocol, as pure functions over values. Words and layouts: `tables`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Annotated, Any, TypeVar

import msgspec
import numpy as np
import numpy.typing as npt

from brokers.simulated import tables
from brokers.simulated.tables import PRICE_SCALE, from_word, to_word
from openalgo_lab.broker import Call, FrameContent, HttpRequest, HttpResponse, Lane, Session
from openalgo_lab.broker.adapter import OrderChange
from openalgo_lab.model.errors import DecodeError, InputError, LabError, Rejected, SessionExpired
from openalgo_lab.model.instruments import Instrument
from openalgo_lab.model.market import DEPTH_LEVELS, QUOTE_FIELDS, Bars, Depth, DepthLevel, Quote, TickBatch
from openalgo_lab.model.orders import Order, OrderIntent, OrderStatus
from openalgo_lab.model.portfolio import Funds, Holding
from openalgo_lab.model.reports import Evidence, FillReport, OrderReport, PositionReport
from openalgo_lab.model.vocabulary import FeedMode

__all__ = ["SimulatedCodec"]

T = TypeVar("T")
Count = Annotated[int, msgspec.Meta(ge=0, lt=2**53)]
Micros = Annotated[int, msgspec.Meta(ge=0, lt=2**53)]


class _Row(msgspec.Struct, frozen=True):
    """Fields that orders and trades share."""

    id: str
    seg: str
    sym: str
    bs: str
    prd: str
    qty: Count
    px: Count
    tag: str


class _OrderRow(_Row, frozen=True):
    typ: str
    tpx: Count
    st: str
    fq: Count
    ap: Count
    msg: str
    t1: Micros


class _TradeRow(_Row, frozen=True):
    ord: str
    t: Micros


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


class _Message(msgspec.Struct, frozen=True):
    """A text message of the feed; ``row`` waits until its kind is known."""

    k: str
    n: Count = 0
    row: msgspec.Raw = msgspec.Raw(b"")
    code: str = ""
    text: str = ""


def _read(body: bytes | str | msgspec.Raw, shape: type[T]) -> T:
    try:
        return msgspec.json.decode(body, type=shape)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise DecodeError(f"The simulated exchange's answer does not fit: {error}.") from error


def _rupees(units: int) -> float:
    return units / PRICE_SCALE


def _units(rupees: float) -> int:
    return round(rupees * PRICE_SCALE)


def _auth(session: Session) -> tuple[tuple[str, str], ...]:
    return (("authorization", f"Bearer {session.token}"),)


class SimulatedCodec:
    """Implements `openalgo_lab.broker.Codec`."""

    # Session ---------------------------------------------------------------------------------------------------

    def login(self, credentials: Mapping[str, str]) -> Call[Session]:
        client = credentials.get("client", "")
        if not client:
            raise InputError("The simulated exchange needs a client id.", field="client")
        body = msgspec.json.encode({"client": client, "secret": credentials.get("secret", "")})

        def decode(response: HttpResponse) -> Session:
            found = _read(response.body, _Bearer)
            return Session(found.client, found.bearer)

        return Call(HttpRequest("POST", "/session", body=body), decode)

    def refusal(self, response: HttpResponse) -> LabError | None:
        if response.status < 400:
            return None
        error = _read(response.body, _ErrorBody).err
        if error.code == "SESSION":
            return SessionExpired(error.text)
        return Rejected(error.text)

    # Orders ----------------------------------------------------------------------------------------------------

    def place(self, session: Session, intent: OrderIntent, instrument: Instrument) -> Call[OrderReport]:
        def decode(response: HttpResponse) -> OrderReport:
            return OrderReport(
                broker_order_id=_read(response.body, _Id).id,
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

    def margin(self, session: Session, intent: OrderIntent, instrument: Instrument) -> Call[int]:
        body = msgspec.json.encode(_ticket(intent, instrument))
        request = HttpRequest("POST", "/margin", _auth(session), body)
        return Call(request, lambda response: _read(response.body, _Need).need)

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
            return tuple(_order(row, Evidence.ORDER_BOOK) for row in _read(response.body, list[_OrderRow]))

        return Call(HttpRequest("GET", "/orders", _auth(session)), decode)

    def trade_book(self, session: Session) -> Call[tuple[FillReport, ...]]:
        def decode(response: HttpResponse) -> tuple[FillReport, ...]:
            return tuple(_trade(row, Evidence.TRADE_BOOK) for row in _read(response.body, list[_TradeRow]))

        return Call(HttpRequest("GET", "/trades", _auth(session)), decode)

    def positions(self, session: Session) -> Call[tuple[PositionReport, ...]]:
        def decode(response: HttpResponse) -> tuple[PositionReport, ...]:
            return tuple(_position(row) for row in _read(response.body, list[_PositionRow]))

        return Call(HttpRequest("GET", "/positions", _auth(session)), decode)

    def holdings(self, session: Session, account: str) -> Call[tuple[Holding, ...]]:
        def decode(response: HttpResponse) -> tuple[Holding, ...]:
            return tuple(
                Holding(account, from_word(tables.SEGMENTS, row.seg, "segment"), row.sym, row.qty, _rupees(row.ap))
                for row in _read(response.body, list[_HoldingRow])
            )

        return Call(HttpRequest("GET", "/holdings", _auth(session)), decode)

    def funds(self, session: Session, account: str) -> Call[Funds]:
        def decode(response: HttpResponse) -> Funds:
            row = _read(response.body, _FundsRow)
            return Funds(account, row.avail, row.used, realised_paise=row.real, unrealised_paise=row.mtm)

        return Call(HttpRequest("GET", "/funds", _auth(session)), decode)

    # Market ----------------------------------------------------------------------------------------------------

    def quotes(self, session: Session, instruments: Sequence[Instrument]) -> Call[tuple[Quote, ...]]:
        body = msgspec.json.encode({"toks": [instrument.token for instrument in instruments]})

        def decode(response: HttpResponse) -> tuple[Quote, ...]:
            rows = _read(response.body, list[list[float | None]])
            if [row[0] if row else None for row in rows] != [i.token for i in instruments]:
                raise DecodeError("The simulated exchange answered with other quotes than were asked for.")
            return tuple(_quote(instrument, row) for instrument, row in zip(instruments, rows, strict=True))

        return Call(HttpRequest("POST", "/quotes", _auth(session), body), decode)

    def depth(self, session: Session, instrument: Instrument) -> Call[Depth]:
        def decode(response: HttpResponse) -> Depth:
            body = _read(response.body, _DepthBody)
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

    def instruments(self, session: Session) -> Call[tuple[Instrument, ...]]:
        def decode(response: HttpResponse) -> tuple[Instrument, ...]:
            return tuple(_instrument(row) for row in _read(response.body, list[_InstrumentRow]))

        return Call(HttpRequest("GET", "/instruments", _auth(session)), decode)

    # Feed ------------------------------------------------------------------------------------------------------

    def feed(self, session: Session) -> tuple[str, tuple[tuple[str, str], ...]]:
        return "/feed", _auth(session)

    def subscribe(self, instruments: Sequence[Instrument], mode: FeedMode) -> str:
        tokens = [instrument.token for instrument in instruments]
        return msgspec.json.encode({"op": "sub", "mode": to_word(tables.MODES, mode, "mode"), "toks": tokens}).decode()

    def unsubscribe(self, instruments: Sequence[Instrument]) -> str:
        return msgspec.json.encode({"op": "unsub", "toks": [i.token for i in instruments]}).decode()

    def decode_frame(self, frame: str | bytes) -> FrameContent:
        if isinstance(frame, bytes):
            return FrameContent(ticks=(_ticks(frame),))
        message = _read(frame, _Message)
        match message.k:
            case "hello" | "hb":
                return FrameContent(sequence=message.n)
            case "ord":
                return FrameContent(
                    reports=(_order(_read(message.row, _OrderRow), Evidence.STREAM),), sequence=message.n
                )
            case "trd":
                return FrameContent(
                    reports=(_trade(_read(message.row, _TradeRow), Evidence.STREAM),), sequence=message.n
                )
            case "no":
                return FrameContent(notice=f"{message.code}: {message.text}")
            case _:
                raise DecodeError(f"The simulated exchange sent an unknown message: {message.k[:20]!r}.")


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
    _read(response.body, _Id)


def _order(row: _OrderRow, source: Evidence) -> OrderReport:
    if row.fq > row.qty:
        raise DecodeError(f"Order {row.id[:20]!r} is filled beyond its quantity.")
    return OrderReport(
        broker_order_id=row.id,
        order_id=row.tag,
        status=from_word(tables.STATUSES, row.st, "order state"),
        source=source,
        exchange=from_word(tables.SEGMENTS, row.seg, "segment"),
        symbol=row.sym,
        side=from_word(tables.SIDES, row.bs, "side"),
        product=from_word(tables.PRODUCTS, row.prd, "product"),
        price_type=from_word(tables.PRICE_TYPES, row.typ, "price type"),
        quantity=row.qty,
        filled_quantity=row.fq,
        average_price=_rupees(row.ap),
        price=_rupees(row.px),
        trigger_price=_rupees(row.tpx),
        reason=row.msg,
        exchange_ns=row.t1 * 1000,
    )


def _trade(row: _TradeRow, source: Evidence) -> FillReport:
    return FillReport(
        trade_id=row.id,
        broker_order_id=row.ord,
        order_id=row.tag,
        source=source,
        exchange=from_word(tables.SEGMENTS, row.seg, "segment"),
        symbol=row.sym,
        side=from_word(tables.SIDES, row.bs, "side"),
        product=from_word(tables.PRODUCTS, row.prd, "product"),
        quantity=row.qty,
        price=_rupees(row.px),
        exchange_ns=row.t * 1000,
    )


def _position(row: _PositionRow) -> PositionReport:
    return PositionReport(
        exchange=from_word(tables.SEGMENTS, row.seg, "segment"),
        symbol=row.sym,
        product=from_word(tables.PRODUCTS, row.prd, "product"),
        quantity=row.net,
        average_price=_rupees(row.ap),
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
        tick_size=_rupees(row.tick),
        freeze_quantity=row.frz,
        underlying=row.und,
        expiry=expiry,
        strike=_rupees(row.stk),
        broker_symbol=row.alias,
    )


def _quote(instrument: Instrument, row: list[float | None]) -> Quote:
    if len(row) != 2 + len(QUOTE_FIELDS) or row[1] is None:
        raise DecodeError("A quote of the simulated exchange has the wrong number of fields.")
    values = [float("nan") if value is None else value for value in row[2:]]
    fields = dict(zip(QUOTE_FIELDS, values, strict=True))
    return Quote(instrument.exchange, instrument.symbol, time_ns=int(row[1]) * 1000, **fields)


def _bars(response: HttpResponse) -> Bars:
    body = _read(response.body, _HistoryBody)
    if len(body.ohlcvi) != 6 or any(len(column) != len(body.t) for column in body.ohlcvi):
        raise DecodeError("The candles of the simulated exchange have columns of different lengths.")
    starts = np.array(body.t, dtype=np.int64) * 1000
    if (np.diff(starts) <= 0).any():
        raise DecodeError("The candles of the simulated exchange are not in order.")
    return Bars(starts, *(np.array(column, dtype=np.float64) for column in body.ohlcvi))


def _ticks(frame: bytes) -> TickBatch:
    if len(frame) < tables.HEADER.size:
        raise DecodeError("A market frame is shorter than its header.")
    magic, version, kind, count, _ = tables.HEADER.unpack_from(frame)
    record = _RECORDS.get(kind)
    if magic != tables.MAGIC or version != tables.VERSION or record is None:
        raise DecodeError(f"A market frame of an unknown kind came: {frame[:4].hex()}.")
    if len(frame) != tables.HEADER.size + count * record.itemsize:
        raise DecodeError(f"A market frame of {count} records has {len(frame)} bytes.")
    rows = np.frombuffer(frame, dtype=record, offset=tables.HEADER.size)
    columns = {name: _column(rows[name], name in tables.PRICE_FIELDS) for name in record.names or () if name in _FIELDS}
    depth = _book(rows["book"]) if record is tables.DEPTH_RECORD else None
    return TickBatch(rows["token"].astype(np.int64), rows["time"].astype(np.int64), columns, depth)


_FIELDS = frozenset(QUOTE_FIELDS)
_RECORDS = {1: tables.LTP_RECORD, 2: tables.QUOTE_RECORD, 3: tables.DEPTH_RECORD}
_BOOK_SCALE = np.array([PRICE_SCALE, 1, PRICE_SCALE, 1], dtype=np.float64)[:, None]


def _column(values: npt.NDArray[np.int64], price: bool) -> npt.NDArray[np.float64]:
    floats = values / PRICE_SCALE if price else values.astype(np.float64)
    floats[values == tables.UNKNOWN] = np.nan
    return floats


def _book(values: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    floats: npt.NDArray[np.float64] = values / _BOOK_SCALE
    floats[values == tables.UNKNOWN] = np.nan
    return floats
