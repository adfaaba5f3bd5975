"""Orders and trades as the simulated exchange writes them, in its books and on its feed alike."""

from __future__ import annotations

from typing import Annotated, TypeVar

import msgspec

from brokers.simulated import tables
from brokers.simulated.tables import PRICE_SCALE, from_word
from openalgo_lab.model.errors import DecodeError
from openalgo_lab.model.reports import Evidence, FillReport, OrderReport

__all__ = ["Count", "Micros", "OrderRow", "TradeRow", "fill_report", "order_report", "read", "rupees"]

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


class OrderRow(_Row, frozen=True):
    typ: str
    tpx: Count
    st: str
    fq: Count
    ap: Count
    msg: str
    t1: Micros


class TradeRow(_Row, frozen=True):
    ord: str
    t: Micros


def read(body: bytes | str | msgspec.Raw, shape: type[T]) -> T:
    try:
        return msgspec.json.decode(body, type=shape)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise DecodeError(f"The simulated exchange's answer does not fit: {error}.") from error


def rupees(units: int) -> float:
    return units / PRICE_SCALE


def order_report(row: OrderRow, source: Evidence) -> OrderReport:
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
        average_price=rupees(row.ap),
        price=rupees(row.px),
        trigger_price=rupees(row.tpx),
        reason=row.msg,
        exchange_ns=row.t1 * 1000,
    )


def fill_report(row: TradeRow, source: Evidence) -> FillReport:
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
        price=rupees(row.px),
        exchange_ns=row.t * 1000,
    )
