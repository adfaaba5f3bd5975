"""What Dhan's calls share: the request, and how an order row reads in the book and on the order socket."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

from brokers.dhan import tables
from brokers.dhan.tables import NAME
from openalgo_lab.broker import Call, HttpRequest, HttpResponse, Lane, Session, reading
from openalgo_lab.broker.record import Record, parsed
from openalgo_lab.model.orders import OrderStatus
from openalgo_lab.model.reports import Evidence, OrderReport
from openalgo_lab.model.vocabulary import Exchange

T = TypeVar("T")


def call(
    session: Session,
    target: str,
    give: Callable[[Any], T],
    body: dict[str, Any] | None = None,
    *,
    lane: Lane = Lane.DATA,
    pool: str = "other",
) -> Call[T]:
    """One call: ``target`` is method and path, ``give`` makes our value of the answer's JSON. What goes by the order
    lane is never repeated."""
    method, path = target.split(" ")
    headers = (
        ("access-token", session.token), ("client-id", session.client),
        ("content-type", "application/json"), ("accept", "application/json"),
    )  # fmt: skip
    content = b"" if body is None else msgspec.json.encode({"dhanClientId": session.client, **body})
    ordering = lane is Lane.ORDER
    request = HttpRequest(
        method, f"/v2{path}", headers, content, lane, safe=not ordering, pool="" if ordering else pool
    )

    def decode(response: HttpResponse) -> T:
        return give(parsed(response.body, NAME))

    return Call(request, decode)


def rows(value: Any) -> list[Record]:
    """The objects of an answer that is a list, or one object where that is all there is."""
    return Record.all([value] if isinstance(value, dict) else value, NAME)


def as_ns(text: str) -> int:
    """UTC ns of a time on the Indian clock; 0 for Dhan's several ways of saying that there is none."""
    return 0 if text in ("", "NA", "0") or text.startswith("0001-") else reading.moment(text.replace("/", "-"))


def order_report(row: Record, exchange: Exchange, source: Evidence) -> OrderReport:
    """Dhan has no state of its own for a stop order that waits: it is PENDING with nothing filled."""
    word = row.text("orderStatus").upper()
    status = reading.from_word(tables.STATUSES, word, "order state", NAME)
    price_type = row.word(tables.PRICE_TYPES, "orderType", "order type")
    filled = row.count("filledQty")
    if status is OrderStatus.OPEN and filled:
        status = OrderStatus.PARTIALLY_FILLED
    elif word == "PENDING" and price_type.has_trigger:
        status = OrderStatus.TRIGGER_PENDING
    tag = row.text("correlationId", "")
    return OrderReport(
        row.text("orderId"), "" if tag == "NA" else tag, status, source, exchange, row.text("securityId"),
        side=row.word(tables.SIDES, "transactionType", "side"),
        product=row.word(tables.PRODUCTS, "productType", "product"),
        price_type=price_type,
        quantity=row.count("quantity"),
        filled_quantity=filled,
        average_price=row.number("averageTradedPrice", 0.0),
        price=row.number("price", 0.0),
        trigger_price=row.number("triggerPrice", 0.0),
        reason=row.text("omsErrorDescription", "") if status is OrderStatus.REJECTED else "",
        exchange_ns=as_ns(row.text("exchangeTime", "")) or as_ns(row.text("updateTime", "")),
    )  # fmt: skip
